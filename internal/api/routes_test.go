package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gastown/internal/api"
	"gastown/internal/auth"
	"gastown/internal/cli"
	"gastown/internal/server"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// operation is a method and a path of the OpenAPI document.
type operation struct {
	method, path string
	secured      bool
}

// document lists the operations of the document.
func (w *world) document() []operation {
	w.t.Helper()
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			Security []map[string][]string
		}
	}
	w.do("", http.MethodGet, "/openapi.json", nil).into(&doc)
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		w.t.Fatalf("the document is of OpenAPI %q", doc.OpenAPI)
	}
	var out []operation
	for path, methods := range doc.Paths {
		for method, op := range methods {
			out = append(out, operation{strings.ToUpper(method), path, len(op.Security) > 0})
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return out
}

// concrete fills the parameters of a path.
func concrete(path, townID string) string {
	for _, name := range []string{"bead", "rig", "agent", "event", "id", "on"} {
		path = strings.ReplaceAll(path, "{"+name+"}", "x")
	}
	return strings.ReplaceAll(path, "{townId}", townID)
}

// The table of routes, the document and the page for people are about the same.
func TestRoutesAndDocumentAgree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var table, document []string
	page := w.do("", http.MethodGet, "/docs", nil)
	for _, r := range api.Rows() {
		table = append(table, r.Method+" "+r.Path)
		row := fmt.Sprintf("<tr id=%q><td><code>%s</code></td><td><code>%s</code></td>", r.ID, r.Method, r.Path)
		if !bytes.Contains(page.body, []byte(row)) {
			t.Errorf("/docs has no row for %s", r.ID)
		}
	}
	for _, op := range w.document() {
		document = append(document, op.method+" "+op.path)
	}
	slices.Sort(table)
	slices.Sort(document)
	if !slices.Equal(table, document) {
		t.Errorf("table and document differ:\n%s\n\n%s", strings.Join(table, "\n"), strings.Join(document, "\n"))
	}
}

func TestEveryRouteHasACommandOrAReason(t *testing.T) {
	t.Parallel()
	for _, r := range api.Rows() {
		if strings.HasPrefix(r.Command, "(") && strings.HasSuffix(r.Command, ")") && len(r.Command) > 10 {
			continue
		}
		words := strings.Fields(r.Command)
		var flags []string
		for len(words) > 0 && strings.HasPrefix(words[len(words)-1], "--") {
			flags = append(flags, words[len(words)-1])
			words = words[:len(words)-1]
		}
		var help bytes.Buffer
		code := cli.Main(append(slices.Clone(words), "--help"), strings.NewReader(""), &help, io.Discard)
		usage := "gastown " + strings.Join(words, " ") + " "
		if code != 0 || len(words) == 0 || !strings.Contains(help.String(), usage) {
			t.Errorf("%s: there is no command %q:\n%s", r.ID, r.Command, help.String())
		}
		for _, f := range flags {
			if !strings.Contains(help.String(), f) {
				t.Errorf("%s: %q has no flag %s", r.ID, strings.Join(words, " "), f)
			}
		}
	}
}

// Every route refuses who may not call it, before anything else is looked at.
func TestAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := map[string]string{"GET /metrics": "admin"} // which is no operation of the document
	for _, r := range api.Rows() {
		who[r.Method+" "+r.Path] = r.Who
	}
	agent := w.keys.AgentToken(auth.Claims{Town: "main", Agent: "toast", Role: town.Polecat, Bead: "gt-1", Run: 1})
	before := w.now()
	for _, op := range append(w.document(), operation{http.MethodGet, "/metrics", true}) {
		path, rule := concrete(op.path, "main"), who[op.method+" "+op.path]
		if op.secured != (rule != "anybody") {
			t.Errorf("%s %s: the document has secured=%v, the table %q", op.method, op.path, op.secured, rule)
		}
		if rule == "anybody" {
			if r := w.do("", op.method, path, nil); r.code != http.StatusOK {
				t.Errorf("%s: got %d without a token", r.what, r.code)
			}
			continue
		}
		w.do("", op.method, path, nil).problem(http.StatusUnauthorized, "token")
		w.do("", op.method, path, nil, "Authorization", "Basic "+w.admin).problem(http.StatusUnauthorized, "Bearer")
		for _, wrong := range []string{"gt_wrong", w.admin + "x", "gta_e30.e30", agent[:len(agent)-4], " "} {
			w.do(wrong, op.method, path, nil).problem(http.StatusUnauthorized, "token")
		}
		switch rule {
		case "admin":
			w.do(agent, op.method, path, nil).problem(http.StatusForbidden, "agent")
		case "agent":
			w.do(w.admin, op.method, path, nil).problem(http.StatusForbidden, "agents")
		default:
			t.Errorf("%s %s: who may call it? %q", op.method, op.path, rule)
		}
	}
	w.untouched(before)
	select {
	case <-w.srv.Stopping():
		t.Error("a refused request has stopped the server")
	default:
	}
}

// sample has a body that is right in form for every route of people that needs one.
func sample(id string) any {
	return map[string]any{
		"create-town": wire.NewTown{ID: "other"}, "configure-town": wire.TownPatch{Name: "x"},
		"create-rig": wire.NewRig{URL: "/nowhere"}, "update-rig": wire.RigPatch{DefaultBranch: "x"},
		"create-bead": town.NewBead{Title: "x"}, "update-bead": json.RawMessage(`{"title":"x"}`),
		"nudge-agent": wire.Nudge{Message: "x"}, "send-message": town.MessageSent{To: town.ToPeople, Subject: "x"},
		"resolve-triage": town.TriageResolved{Resolution: town.ResolveNone},
		"add-dependency": wire.DependsOn{On: "gt-1"},
		"create-convoy":  wire.NewConvoy{Title: "x", Tasks: []town.NewBead{{Title: "y"}}},
		"update-convoy":  json.RawMessage(`{"title":"x"}`),
		"apply-plan":     wire.Apply{Plan: "1-0123456789abcdef"},
	}[id]
}

// Whatever is about a town that is not there says which there are.
func TestUnknownTown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.now()
	for _, r := range api.Rows() {
		if r.Who == "admin" && strings.Contains(r.Path, "{townId}") {
			w.do(w.admin, r.Method, concrete(r.Path, "atlantis"), sample(r.ID)).problem(http.StatusNotFound, "atlantis", "main")
		}
	}
	w.untouched(before)
}

// Whatever names something that is not there says so.
func TestUnknownThings(t *testing.T) {
	t.Parallel()
	w := withRig(t)
	before := w.now()
	for _, r := range api.Rows() {
		named := strings.Contains(strings.TrimPrefix(r.Path, "/api/towns/{townId}"), "{")
		if r.Who == "admin" && named {
			w.do(w.admin, r.Method, concrete(r.Path, "main"), sample(r.ID)).problem(http.StatusNotFound, "x")
		}
	}
	w.untouched(before)
}

// Pages of other origins, and names that somebody else made to point here, get nothing, with the
// right token too.
func TestForeignPagesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own := strings.TrimPrefix(w.srv.URL(), "http://")
	_, port, _ := strings.Cut(own, ":")
	before := w.now()
	for _, c := range []struct {
		header, value string
		ok            bool
	}{
		{"Origin", "http://evil.example", false}, {"Origin", "null", false}, {"Origin", "http://127.0.0.1:1", false},
		{"Origin", "http://" + own + ".evil.example", false}, {"Origin", w.srv.URL(), true},
		{"Host", "evil.example", false}, {"Host", "evil.example:" + port, false}, {"Host", "127.0.0.1.evil.example", false},
		{"Host", "localhost:" + port, true}, {"Host", "LOCALHOST:" + port, true}, {"Host", "[::1]:" + port, true},
	} {
		for _, path := range []string{"/healthz", "/openapi.json", "/docs", at + "/beads"} {
			r := w.do(w.admin, http.MethodGet, path, nil, c.header, c.value)
			if c.ok && r.code != http.StatusOK {
				t.Errorf("%s with %s %s: got %d: %s", r.what, c.header, c.value, r.code, r.body)
			}
			if !c.ok {
				r.problem(http.StatusForbidden)
			}
		}
		if !c.ok {
			w.do(w.admin, http.MethodPost, at+"/pause", nil, c.header, c.value).problem(http.StatusForbidden)
		}
	}
	w.untouched(before)
}

// A proxy on the same machine passes on the name by which people reach the server, which must know it. One that is
// public may be called anything.
func TestNamesThatAProxyPassesOn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what           string
		set            func(*server.Options)
		host           string
		ok             bool
		origin, answer string
	}{
		{what: "nothing said", set: func(*server.Options) {}, host: "town.example.org", answer: "--public-url"},
		{what: "another name", set: func(o *server.Options) { o.Reports.PublicURL = "https://town.example.org" }, host: "evil.example", answer: "--public-url"},
		{what: "its name", set: func(o *server.Options) { o.Reports.PublicURL = "https://town.example.org" }, host: "Town.example.org", ok: true},
		{what: "its name and port", set: func(o *server.Options) { o.Reports.PublicURL = "https://town.example.org:8443" }, host: "town.example.org:8443",
			origin: "https://town.example.org:8443", ok: true},
		{what: "a page elsewhere", set: func(o *server.Options) { o.Reports.PublicURL = "https://town.example.org" }, host: "town.example.org",
			origin: "https://evil.example", answer: "another origin"},
		{what: "public", set: func(o *server.Options) { o.Public = true }, host: "gastown:7333", ok: true},
		{what: "public, a page elsewhere", set: func(o *server.Options) { o.Public = true }, host: "gastown:7333", origin: "https://evil.example", answer: "another origin"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			w := newWorldWith(t, c.set)
			headers := []string{"Host", c.host}
			if c.origin != "" {
				headers = append(headers, "Origin", c.origin)
			}
			r := w.do(w.admin, http.MethodGet, at+"/beads", nil, headers...)
			if c.ok {
				if r.code != http.StatusOK {
					t.Errorf("%d: %s", r.code, r.body)
				}
				return
			}
			r.problem(http.StatusForbidden, c.answer)
		})
	}
}
