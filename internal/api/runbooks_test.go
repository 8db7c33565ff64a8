package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// The page of an alert is there for everybody, and nothing else is below it.
func TestRunbooksAreServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	page := w.do("", http.MethodGet, "/docs/runbooks/NoProgress.md", nil)
	if page.code != http.StatusOK || !strings.HasPrefix(string(page.body), "# NoProgress\n") {
		t.Errorf("%d: %s", page.code, page.body)
	}
	for _, path := range []string{"/docs/runbooks/Nothing.md", "/docs/runbooks/..%2Fdocs.go", "/docs/runbooks/"} {
		if got := w.do("", http.MethodGet, path, nil); got.code != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.code)
		}
	}
}
