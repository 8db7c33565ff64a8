package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"gastown/internal/town"
)

//go:embed pages
var files embed.FS

// view is what the layout of every page needs.
type view struct {
	Page    string // the folder of its template, style and script
	Title   string
	Town    *place // nil outside of any town
	Tab     string // which of the town's tabs it is
	Version string
	Now     int64  // for the script, which counts on from it
	Form    string // the session's form token; empty if nobody is logged in
	Notice  *notice
	Body    any
}

// place is the town that a page is about.
type place struct {
	ID   town.TownID
	Name string
}

// templates has a set for each page: its own files and the layout.
var templates = func() map[string]*template.Template {
	folders, err := fs.ReadDir(files, "pages")
	if err != nil {
		panic(fmt.Sprintf("web: the pages are not there: %v", err))
	}
	out := map[string]*template.Template{}
	for _, d := range folders {
		t := template.New(d.Name()).Funcs(template.FuncMap{"asset": assetAddress, "bars": barsOf})
		t = template.Must(t.ParseFS(files, "pages/base/*.html"))
		if d.Name() != "base" {
			out[d.Name()] = template.Must(t.ParseFS(files, "pages/"+d.Name()+"/*.html"))
		}
	}
	return out
}()

// render answers with a page.
func (p *Pages) render(v *visit, code int, data view) {
	data.Version, data.Now = p.Version, int64(p.now())
	if v.session != nil {
		data.Form, data.Notice = v.session.form, v.session.told()
	}
	p.write(v, code, data.Page, "layout", data)
}

// write runs a template and sends the result as a whole, so that a defect in it is no half page.
func (p *Pages) write(v *visit, code int, page, name string, data any) {
	var buf bytes.Buffer
	if err := templates[page].ExecuteTemplate(&buf, name, data); err != nil {
		p.Log.Error("a template failed", "page", page, "err", err)
		http.Error(v.w, "a defect in the page; the server's log says more", http.StatusInternalServerError)
		return
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(code)
	_, _ = v.w.Write(buf.Bytes()) // the reader may have gone
}

// assetTypes are the files that browsers may have.
var assetTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// assetHashes name the content of each asset, so that browsers may keep it for ever.
var assetHashes = func() map[string]string {
	out := map[string]string{}
	err := fs.WalkDir(files, "pages", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || assetTypes[path.Ext(name)] == "" {
			return err
		}
		data, err := files.ReadFile(name)
		sum := sha256.Sum256(data)
		out[strings.TrimPrefix(name, "pages/")] = hex.EncodeToString(sum[:8])
		return err
	})
	if err != nil {
		panic(fmt.Sprintf("web: the pages are not there: %v", err))
	}
	return out
}()

// assetAddress is where a browser gets a file of a page's folder, or nothing if there is none.
func assetAddress(folder, file string) string {
	hash := assetHashes[folder+"/"+file]
	if hash == "" {
		return ""
	}
	return "/assets/" + folder + "/" + file + "?v=" + hash
}

func (p *Pages) asset(v *visit) error {
	name := v.r.PathValue("folder") + "/" + v.r.PathValue("file")
	hash, ok := assetHashes[name]
	if !ok {
		return &problem{http.StatusNotFound, "there is no file " + name}
	}
	data, err := files.ReadFile("pages/" + name)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	v.w.Header().Set("Content-Type", assetTypes[path.Ext(name)])
	if v.r.URL.Query().Get("v") == hash {
		v.w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = v.w.Write(data) // the reader may have gone
	return nil
}
