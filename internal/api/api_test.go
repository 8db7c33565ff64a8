package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gastown/internal/auth"
	"gastown/internal/controller"
	"gastown/internal/journal"
	"gastown/internal/journal/memory"
	"gastown/internal/runtime/process"
	"gastown/internal/server"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// TestMain lets the servers of these tests start this program as the supervisor of agents, as
// gastown itself is.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "supervise" {
		os.Exit(process.Supervise(os.Args[2]))
	}
	os.Exit(m.Run())
}

// patience bounds every wait; a test that needs it has failed.
const patience = 30 * time.Second

// at is where the town of a world is.
const at = "/api/towns/main"

// world is a running server with one town, "main".
type world struct {
	t     *testing.T
	srv   *server.Server
	keys  *auth.Keys
	admin string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, func(*server.Options) {})
}

// newWorldWith is a world whose server has other options. Its journal is in memory if they do not say otherwise.
func newWorldWith(t *testing.T, other func(*server.Options)) *world {
	t.Helper()
	home := t.TempDir()
	opts := server.Options{Home: home, Listen: "127.0.0.1:0", Version: "test", Log: slog.New(slog.DiscardHandler)}
	opts.OpenJournal = func(context.Context, string) (journal.Journal, error) { return memory.NewStore().Open() }
	other(&opts)
	s, err := server.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop(context.Background()) })
	keys, err := auth.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, srv: s, keys: keys, admin: keys.Admin()}
	w.must(http.StatusCreated, http.MethodPost, "/api/towns", wire.NewTown{ID: "main"})
	return w
}

// reply is what the server answered.
type reply struct {
	t    *testing.T
	what string
	code int
	head http.Header
	body []byte
}

// do makes a request with a token; text goes as it is, anything else as JSON. Headers are pairs. It
// may be used in other goroutines: a request that gets no answer is a failure with the code 0.
func (w *world) do(token, method, path string, in any, headers ...string) *reply {
	w.t.Helper()
	r := &reply{t: w.t, what: method + " " + path}
	var body io.Reader
	switch v := in.(type) {
	case nil:
	case string:
		body = strings.NewReader(v)
	default:
		data, err := json.Marshal(v)
		if err != nil {
			w.t.Errorf("%s: %v", r.what, err)
			return r
		}
		body = bytes.NewReader(data)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, w.srv.URL()+path, body)
	if err != nil {
		w.t.Errorf("%s: %v", r.what, err)
		return r
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Errorf("%s: %v", r.what, err)
		return r
	}
	defer func() { _ = resp.Body.Close() }()
	if r.body, err = io.ReadAll(resp.Body); err != nil {
		w.t.Errorf("%s: %v", r.what, err)
		return r
	}
	r.code, r.head = resp.StatusCode, resp.Header
	return r
}

// must makes a request as the admin that has to end with the code.
func (w *world) must(code int, method, path string, in any, headers ...string) *reply {
	w.t.Helper()
	r := w.do(w.admin, method, path, in, headers...)
	if r.code != code {
		w.t.Fatalf("%s: got %d, want %d: %s", r.what, r.code, code, r.body)
	}
	return r
}

// into reads the answer's document.
func (r *reply) into(v any) {
	r.t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		r.t.Fatalf("%s: cannot read %s: %v", r.what, r.body, err)
	}
}

// problem makes sure that the answer is a problem document with the code, and that its words have
// all of says.
func (r *reply) problem(code int, says ...string) {
	r.t.Helper()
	if r.code != code {
		r.t.Errorf("%s: got %d, want %d: %s", r.what, r.code, code, r.body)
		return
	}
	if kind := r.head.Get("Content-Type"); kind != "application/problem+json" {
		r.t.Errorf("%s: a %d of type %q", r.what, r.code, kind)
	}
	var p struct {
		Status        int
		Title, Detail string
	}
	r.into(&p)
	if p.Status != code || p.Title == "" || p.Detail == "" {
		r.t.Errorf("%s: not a whole problem: %s", r.what, r.body)
	}
	for _, want := range says {
		if !strings.Contains(string(r.body), want) {
			r.t.Errorf("%s: the problem does not say %q: %s", r.what, want, r.body)
		}
	}
	if code == http.StatusUnauthorized && r.head.Get("WWW-Authenticate") == "" {
		r.t.Errorf("%s: a 401 without WWW-Authenticate", r.what)
	}
	if r.head.Get("X-Content-Type-Options") != "nosniff" || r.head.Get("Cache-Control") != "no-store" {
		r.t.Errorf("%s: the headers of every answer are missing: %v", r.what, r.head)
	}
}

// moment is how far a town has come.
type moment struct {
	tick  town.TickNo
	beads int
	event town.Seq
}

func (w *world) now() moment {
	w.t.Helper()
	var st controller.Status
	w.must(http.StatusOK, http.MethodGet, at+"/status", nil).into(&st)
	var page wire.BeadPage
	w.must(http.StatusOK, http.MethodGet, at+"/beads?limit=1000", nil).into(&page)
	m := moment{tick: st.LastTick, beads: len(page.Beads)}
	var events wire.EventPage
	w.must(http.StatusOK, http.MethodGet, at+"/events?newest=true&limit=1", nil).intoEvents(&events)
	if len(events.Events) > 0 {
		m.event = events.Events[0].Seq
	}
	return m
}

// intoEvents reads a page of events without their payloads, which have a type of their own each.
func (r *reply) intoEvents(page *wire.EventPage) {
	r.t.Helper()
	var raw struct {
		Events []struct {
			Seq     town.Seq           `json:"seq"`
			ID      string             `json:"eventId"`
			Type    town.EventType     `json:"eventType"`
			Tick    town.TickNo        `json:"tick"`
			Outcome *town.EventOutcome `json:"outcome"`
		} `json:"events"`
	}
	r.into(&raw)
	for _, e := range raw.Events {
		page.Events = append(page.Events, wire.Event{Event: town.Event{Seq: e.Seq, ID: e.ID, Type: e.Type}, Tick: e.Tick, Outcome: e.Outcome})
	}
}

// untouched makes sure that nothing was half done since before: no bead, and no event but refused
// ones, which are on record.
func (w *world) untouched(before moment) {
	w.t.Helper()
	now := w.now()
	if now.beads != before.beads {
		w.t.Errorf("beads: %d, were %d", now.beads, before.beads)
	}
	if now.tick == before.tick {
		return
	}
	var page wire.EventPage
	w.must(http.StatusOK, http.MethodGet, at+"/events?limit=1000", nil).intoEvents(&page)
	for _, e := range page.Events {
		if e.Seq > before.event && (e.Outcome == nil || e.Outcome.Verdict != town.Rejected) {
			w.t.Errorf("event %d, %s, came in and was not refused: %+v", e.Seq, e.Type, e.Outcome)
		}
	}
	if now.event == before.event {
		w.t.Errorf("tick %d, was %d, without an event", now.tick, before.tick)
	}
}

// repo makes a repository with one commit on main.
func repo(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "web")
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch", "main", dir},
		{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "--allow-empty", "--message", "Begin"},
	} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}

// withRig is a world whose town has the rig "web" and no agents: beads stay open.
func withRig(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.must(http.StatusCreated, http.MethodPost, at+"/rigs", wire.NewRig{URL: repo(t)})
	return w
}

func (w *world) sling(title string, headers ...string) wire.Bead {
	w.t.Helper()
	var b wire.Bead
	w.must(http.StatusCreated, http.MethodPost, at+"/beads", town.NewBead{Title: title}, headers...).into(&b)
	return b
}

// eventually waits until f is true.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-ctx.Done():
			t.Fatalf("not in time: %s", what)
		case <-tick.C:
		}
	}
}
