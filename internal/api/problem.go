package api

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// writeProblem answers outside of huma's operations.
func writeProblem(w http.ResponseWriter, code int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	if code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(code)
	// The client may have gone; there is nobody else to tell.
	_ = json.NewEncoder(w).Encode(huma.ErrorModel{Status: code, Title: http.StatusText(code), Detail: detail})
}

var docsPage = template.Must(template.New("docs").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>gastown API</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
td { padding: .2rem .8rem .2rem 0; vertical-align: top } code { font-size: .9em }
</style>
<h1>gastown API</h1>
<p>Machine-readable: <a href="openapi.json">openapi.json</a>. Every request needs
<code>Authorization: Bearer TOKEN</code> unless the table says otherwise.</p>
<table>{{range .}}
<tr id="{{.ID}}"><td><code>{{.Method}}</code></td><td><code>{{.Path}}</code></td><td>{{.Summary}}</td><td>{{.Who}}</td></tr>{{end}}
</table></html>
`))

// document serves the OpenAPI document, which is written once: the table does not change.
func (s *server) document() http.HandlerFunc {
	data, err := s.api.OpenAPI().MarshalJSON()
	if err != nil {
		panic(fmt.Sprintf("api: the OpenAPI document cannot be written: %v", err))
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(data) // the client may have gone
	}
}

// docs lists the routes for people.
func (s *server) docs(w http.ResponseWriter, _ *http.Request) {
	type row struct{ ID, Method, Path, Summary, Who string }
	rows := make([]row, len(routes))
	for i := range routes {
		r := &routes[i]
		rows[i] = row{r.id, r.method, r.path, r.summary, string(r.who)}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	if err := docsPage.Execute(w, rows); err != nil {
		s.Log.Warn("the page of the API was not sent", "err", fmt.Sprint(err))
	}
}
