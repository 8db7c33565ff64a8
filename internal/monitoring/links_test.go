package monitoring

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"gastown/internal/demo"
)

// Every link of every runbook, and of every page that those lead to, leads to a page that is there, for somebody who is
// not logged in: on a real server, and in what gastown dash export writes.
func TestLinksOfRunbooksAreServed(t *testing.T) {
	t.Parallel()
	t.Run("server", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), testTime)
		t.Cleanup(cancel)
		p, err := demo.Serve(ctx, os.Args[0], filepath.Join(t.TempDir(), "home"), "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Kill)
		followAll(t, p.Info.URL+"/docs/runbooks/")
	})
	t.Run("export", func(t *testing.T) {
		t.Parallel()
		followAll(t, elsewhereServed(t)+"/")
	})
	t.Run("missing", func(t *testing.T) { // the test sees what is not there
		t.Parallel()
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/page" {
				w.WriteHeader(http.StatusNotFound)
			}
			_, _ = w.Write([]byte(`<h1 id="page">Page</h1><a href="gone">x</a><a href="#nothing">y</a>`))
		}))
		t.Cleanup(s.Close)
		broken := (&follower{t: t, seen: map[string]*seenPage{}}).follow(s.URL + "/page")
		if len(broken) != 2 {
			t.Errorf("broken are %v", broken)
		}
	})
}

func followAll(t *testing.T, runbooks string) {
	t.Helper()
	f := &follower{t: t, seen: map[string]*seenPage{}}
	for _, a := range alerts(t) {
		for _, why := range f.follow(runbooks + a.Name + ".html") {
			t.Error(why)
		}
	}
	if len(f.seen) < len(alerts(t))+3 {
		t.Errorf("only %d pages were seen", len(f.seen))
	}
}

// follower goes through pages by their links.
type follower struct {
	t    *testing.T
	seen map[string]*seenPage
}

type seenPage struct {
	status int
	kind   string
	ids    []string
	links  []string
}

// follow returns what is wrong with the links of a page and of all that it leads to.
func (f *follower) follow(address string) []string {
	if f.seen[address] != nil {
		return nil
	}
	page := f.page(address)
	if page.status != http.StatusOK || !strings.HasPrefix(page.kind, "text/html") {
		return []string{address + " is not a page"}
	}
	var broken []string
	here, err := url.Parse(address)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, link := range page.links {
		to, err := here.Parse(link)
		if err != nil || to.Host != here.Host {
			continue // another site's
		}
		fragment := to.Fragment
		to.Fragment = ""
		broken = append(broken, f.follow(to.String())...)
		if target := f.page(to.String()); fragment != "" && !slices.Contains(target.ids, fragment) {
			broken = append(broken, address+": nothing is at "+link)
		}
	}
	return broken
}

func (f *follower) page(address string) *seenPage {
	f.t.Helper()
	if p := f.seen[address]; p != nil {
		return p
	}
	r, err := http.Get(address)
	if err != nil {
		f.t.Fatal(err)
	}
	defer r.Body.Close()
	root, err := html.Parse(r.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	p := &seenPage{status: r.StatusCode, kind: r.Header.Get("Content-Type")}
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			switch a.Key {
			case "id":
				p.ids = append(p.ids, a.Val)
			case "href", "src":
				p.links = append(p.links, a.Val)
			}
		}
	}
	f.seen[address] = p
	return p
}
