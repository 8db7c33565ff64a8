package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// The page of an alert is there for everybody, as a page, and so is what it links to; nothing else is below it.
func TestDocumentsAreServedAsPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, want := range map[string]string{
		"/docs/runbooks/NoProgress.html":          `<h1 id="noprogress">NoProgress</h1>`,
		"/docs/runbooks/NoProgress.md":            `<h1 id="noprogress">NoProgress</h1>`, // as earlier alerts have it
		"/docs/operations.html":                   `id="backup"`,
		"/docs/reference/invariants.html":         "<table>",
		"/docs/decisions/0001-one-pure-step.html": "</html>",
	} {
		page := w.do("", http.MethodGet, path, nil)
		kind := page.head.Get("Content-Type")
		if page.code != http.StatusOK || !strings.Contains(string(page.body), want) || kind != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %s: %s", path, page.code, kind, page.body)
		}
	}
	for _, path := range []string{
		"/docs/runbooks/Nothing.html", "/docs/runbooks/..%2Fdocs.go", "/docs/runbooks/", "/docs/", "/docs/docs.go",
		"/docs/runbooks/..%2F..%2FREADME.html",
	} {
		if got := w.do("", http.MethodGet, path, nil); got.code != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.code)
		}
	}
}
