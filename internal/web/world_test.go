package web_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"gastown/internal/auth"
	"gastown/internal/controller"
	"gastown/internal/journal"
	"gastown/internal/town"
	"gastown/internal/web"
)

// world is the pages over a story, with a clock that stands still unless a test moves it.
type world struct {
	t     *testing.T
	url   string
	srv   *httptest.Server
	token string
	keys  *auth.Keys
	towns *controller.Controller
	http  *http.Client // with a jar, and without following redirects

	mu  sync.Mutex
	now time.Time
}

// nobody carries no effect out and counts nothing.
type nobody struct{}

func (nobody) Carry(town.TownID, []town.Effect)                             {}
func (nobody) Begin(town.TownID, *town.State, func(func(*town.State)) bool) {}
func (nobody) Pending(town.TownID, int)                                     {}
func (nobody) Tick(town.TownID, *town.Tick, time.Duration, *town.State)     {}
func (nobody) Gates(town.TownID, []town.GateRun)                            {}
func (nobody) Rest(town.TownID, time.Duration)                              {}
func (nobody) Commit(time.Duration, error)                                  {}
func (nobody) AppendFailed()                                                {}
func (nobody) Observed(town.TownID, town.Observed, bool)                    {}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func open(t *testing.T, s *story) *world {
	t.Helper()
	return openAs(t, s, s.j)
}

// openAs is open with a history that somebody has laid hands on.
func openAs(t *testing.T, s *story, j journal.Journal) *world {
	t.Helper()
	keys, err := auth.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, token: keys.Admin(), keys: keys, now: s.now.Std(), http: newBrowserless(t)}
	log := slog.New(slog.DiscardHandler)
	w.towns = controller.New(controller.Options{Journal: j, Effects: nobody{}, Meter: nobody{}, Now: w.clock, Log: log})
	if err := w.towns.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	mux := http.NewServeMux()
	web.New(web.Config{Controller: w.towns, Journal: j, Keys: keys, Now: w.clock, Version: "test", Log: log, Done: done}).Mount(mux)
	srv := httptest.NewServer(mux)
	t.Cleanup(func() {
		close(done)
		srv.Close()
		w.towns.Stop()
	})
	w.url, w.srv = srv.URL, srv
	return w
}

func newBrowserless(t *testing.T) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answer is what came back.
type answer struct {
	t    *testing.T
	code int
	head http.Header
	text string
	doc  *html.Node
}

// get and post ask as a browser would; headers are pairs.
func (w *world) get(path string, headers ...string) *answer {
	w.t.Helper()
	return w.do(http.MethodGet, path, nil, headers...)
}

func (w *world) post(path string, form url.Values, headers ...string) *answer {
	w.t.Helper()
	return w.do(http.MethodPost, path, form, headers...)
}

func (w *world) do(method, path string, form url.Values, headers ...string) *answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := w.http.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := &answer{t: w.t, code: resp.StatusCode, head: resp.Header, text: string(data)}
	if a.doc, err = html.Parse(strings.NewReader(a.text)); err != nil {
		w.t.Fatal(err)
	}
	return a
}

// login logs in, and wants to get to a page then.
func (w *world) login() {
	w.t.Helper()
	if a := w.post("/login", url.Values{"token": {w.token}, "next": {"/"}}); a.code != http.StatusSeeOther {
		w.t.Fatalf("logging in: %d %s", a.code, a.text)
	}
}

// page gets a page that must be there.
func (w *world) page(path string) *answer {
	w.t.Helper()
	a := w.get(path)
	if a.code != http.StatusOK {
		w.t.Fatalf("%s: %d %s", path, a.code, a.text)
	}
	return a
}

// all finds the elements that a selector means: words of the form tag, .class, #id and [name=value],
// put together, one below the other where a space is between them.
func (a *answer) all(selector string) []*html.Node {
	found := []*html.Node{a.doc}
	for _, step := range strings.Fields(selector) {
		var next []*html.Node
		for _, n := range found {
			next = append(next, below(n, step)...)
		}
		found = next
	}
	return found
}

func below(n *html.Node, step string) []*html.Node {
	var out []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && matches(d, step) {
			out = append(out, d)
		}
	}
	return out
}

func matches(n *html.Node, step string) bool {
	for step != "" {
		end := strings.IndexAny(step[1:], ".#[") + 1
		if end == 0 {
			end = len(step)
		}
		part := step[:end]
		step = step[end:]
		switch part[0] {
		case '.':
			if !strings.Contains(" "+attr(n, "class")+" ", " "+part[1:]+" ") {
				return false
			}
		case '#':
			if attr(n, "id") != part[1:] {
				return false
			}
		case '[':
			name, value, exact := strings.Cut(strings.TrimSuffix(part[1:], "]"), "=")
			if got, there := lookup(n, name); !there || exact && got != value {
				return false
			}
		default:
			if n.Data != part {
				return false
			}
		}
	}
	return true
}

func lookup(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func attr(n *html.Node, name string) string {
	v, _ := lookup(n, name)
	return v
}

// text is what a reader sees of an element, with single spaces.
func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// one finds the only element that a selector means.
func (a *answer) one(selector string) *html.Node {
	a.t.Helper()
	list := a.all(selector)
	if len(list) != 1 {
		a.t.Fatalf("there are %d of %q in\n%s", len(list), selector, a.text)
	}
	return list[0]
}

// says fails unless the only element that a selector means has each of these texts.
func (a *answer) says(selector string, want ...string) {
	a.t.Helper()
	got := text(a.one(selector))
	for _, s := range want {
		if !strings.Contains(got, s) {
			a.t.Errorf("%q says %q, want %q", selector, got, s)
		}
	}
}

// form finds the fields of the form that leads to an address.
func (a *answer) form(action string) url.Values {
	a.t.Helper()
	out := url.Values{}
	for _, n := range a.all("form[action=" + action + "] input[name]") {
		out.Set(attr(n, "name"), attr(n, "value"))
	}
	if len(out) == 0 {
		a.t.Fatalf("there is no form for %s in\n%s", action, a.text)
	}
	return out
}
