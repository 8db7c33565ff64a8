package docs

import (
	"bytes"
	"fmt"
	"html/template"
	"net/url"
	"path"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
)

// markdown reads what our documents are written in: with tables, and with ids at headings, which links name. HTML in a
// document is left out of its page.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.Table),
	goldmark.WithParserOptions(parser.WithAutoHeadingID()),
	goldmark.WithRendererOptions(html.WithXHTML()),
)

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Title}} - gastown</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
pre { overflow-x: auto; padding: .6rem; border: 1px solid; border-radius: .3rem } code { font-size: .9em }
table { border-collapse: collapse; display: block; overflow-x: auto }
td, th { padding: .2rem .8rem .2rem 0; vertical-align: top; text-align: left; border-bottom: 1px solid }
</style>
{{.Body}}
</html>
`))

// render makes a page of a document. Its links lead to pages, and to nowhere else below the repository: what is not a
// page (code, pictures, files above docs) is named without a link, since whoever reads the page has no repository.
func render(name string, source []byte) []byte {
	doc := markdown.Parser().Parse(text.NewReader(source), parser.WithContext(parser.NewContext(parser.WithIDs(headings{}))))
	title := ""
	var outside []ast.Node
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			if title == "" {
				title = plain(n, source)
			}
		case *ast.Link:
			to, ok := target(name, string(n.Destination))
			if !ok {
				outside = append(outside, n)
			}
			n.Destination = []byte(to)
		case *ast.Image:
			outside = append(outside, n)
		}
		return ast.WalkContinue, nil
	})
	for _, n := range outside {
		unlink(n)
	}
	var body, out bytes.Buffer
	if err == nil {
		err = markdown.Renderer().Render(&body, source, doc)
	}
	if err == nil {
		// The renderer has escaped what the document says, and leaves HTML out.
		err = page.Execute(&out, map[string]any{"Title": title, "Body": template.HTML(body.String())})
	}
	if err != nil { // writing into memory does not fail
		panic("docs: " + name + " cannot be rendered: " + err.Error())
	}
	return out.Bytes()
}

// headings gives out the ids of a page's headings, as the places do where documents are read in a repository: in
// lower case, without what is not a letter, digit, hyphen or underscore, and numbered where two are alike.
type headings map[string]int

// Generate implements parser.IDs.
func (h headings) Generate(value []byte, _ ast.NodeKind) []byte {
	id := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(string(value)))
	n := h[id]
	h[id]++
	if n > 0 {
		id = fmt.Sprintf("%s-%d", id, n)
	}
	return []byte(id)
}

// Put implements parser.IDs.
func (h headings) Put(value []byte) { h[string(value)]++ }

// target is where a link of a document leads among the pages, and whether it leads anywhere.
func target(name, link string) (string, bool) {
	u, err := url.Parse(link)
	switch {
	case err != nil:
		return "", false
	case u.Scheme != "" || u.Path == "":
		return link, true
	}
	if _, err := sources.ReadFile(path.Join(path.Dir(name), u.Path)); err != nil {
		return "", false
	}
	u.Path = strings.TrimSuffix(u.Path, ".md") + ".html"
	return u.String(), true
}

// unlink puts what a link or a picture says in its place.
func unlink(n ast.Node) {
	parent := n.Parent()
	for child := n.FirstChild(); child != nil; child = n.FirstChild() {
		parent.InsertBefore(parent, n, child)
	}
	parent.RemoveChild(parent, n)
}

// plain is the text of a node without its marks.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		if t, ok := child.(*ast.Text); ok {
			b.Write(t.Segment.Value(source))
			continue
		}
		b.WriteString(plain(child, source))
	}
	return b.String()
}
