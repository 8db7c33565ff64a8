package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gastown/internal/api"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// schema is what the OpenAPI document says of a value, as far as lists go.
type schema struct {
	Ref                  string `json:"$ref"`
	Type                 any    // a name, or several
	Items                *schema
	Properties           map[string]*schema
	Required             []string
	AdditionalProperties json.RawMessage // whether there may be more, or of which kind
}

// is reports whether a value may be of that type.
func (s *schema) is(kind string) bool {
	if several, ok := s.Type.([]any); ok {
		return slices.Contains(several, any(kind))
	}
	return s.Type == kind
}

// values is the schema of what a map has, or nil.
func (s *schema) values() *schema {
	out := new(schema)
	if json.Unmarshal(s.AdditionalProperties, out) != nil {
		return nil // it says only whether there may be any
	}
	return out
}

// openAPI is the document, as far as lists in answers go.
type openAPI struct {
	t     *testing.T
	Paths map[string]map[string]struct {
		OperationID string
		Responses   map[string]struct {
			Content map[string]struct{ Schema *schema }
		}
	}
	Components struct{ Schemas map[string]*schema }
	told       map[*schema]bool // have been in an answer
}

func (w *world) openAPI() *openAPI {
	w.t.Helper()
	doc := &openAPI{t: w.t, told: map[*schema]bool{}}
	w.do("", http.MethodGet, "/openapi.json", nil).into(doc)
	return doc
}

func (d *openAPI) resolve(s *schema) *schema {
	d.t.Helper()
	if s.Ref == "" {
		return s
	}
	name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
	out := d.Components.Schemas[name]
	if out == nil {
		d.t.Fatalf("the document has no %s", s.Ref)
	}
	return out
}

// walk calls f with every schema below one, once each.
func (d *openAPI) walk(path string, s *schema, seen map[*schema]bool, f func(path string, s *schema)) {
	d.t.Helper()
	if s == nil {
		return
	}
	if s = d.resolve(s); seen[s] {
		return
	}
	seen[s] = true
	f(path, s)
	d.walk(path+"[]", s.Items, seen, f)
	d.walk(path+"[*]", s.values(), seen, f)
	for name, p := range s.Properties {
		d.walk(path+"."+name, p, seen, f)
	}
}

// answers calls f with the schema of every answer in JSON.
func (d *openAPI) answers(f func(id, code string, s *schema)) {
	for _, methods := range d.Paths {
		for _, op := range methods {
			for code, answer := range op.Responses {
				for kind, content := range answer.Content {
					if strings.HasSuffix(kind, "json") && content.Schema != nil {
						f(op.OperationID, code, content.Schema)
					}
				}
			}
		}
	}
}

// answer is the schema of what an operation answers when all is well.
func (d *openAPI) answer(id string) *schema {
	var out *schema
	d.answers(func(of, code string, s *schema) {
		if of == id && strings.HasPrefix(code, "2") {
			out = s
		}
	})
	return out
}

// fits makes sure that a value has every list that its schema says it has.
func (d *openAPI) fits(path string, s *schema, v any) {
	d.t.Helper()
	s = d.resolve(s)
	d.told[s] = true
	switch x := v.(type) {
	case nil:
		if s.is("array") {
			d.t.Errorf("%s is null, must be a list", path)
		}
	case []any:
		for i := range x {
			if s.Items == nil {
				d.free(fmt.Sprintf("%s[%d]", path, i), x[i])
				continue
			}
			d.fits(fmt.Sprintf("%s[%d]", path, i), s.Items, x[i])
		}
	case map[string]any:
		d.object(path, s, x)
	}
}

func (d *openAPI) object(path string, s *schema, x map[string]any) {
	d.t.Helper()
	for _, name := range s.Required {
		if _, there := x[name]; !there {
			d.t.Errorf("%s has no %s", path, name)
		}
	}
	for name, v := range x {
		switch p := s.Properties[name]; {
		case p != nil:
			d.fits(path+"."+name, p, v)
		case s.values() != nil:
			d.fits(path+"."+name, s.values(), v)
		default:
			d.free(path+"."+name, v)
		}
	}
}

// free makes sure that nothing is null in what the document leaves open: payloads and entities have lists too.
func (d *openAPI) free(path string, v any) {
	d.t.Helper()
	switch x := v.(type) {
	case nil:
		d.t.Errorf("%s is null", path)
	case []any:
		for i := range x {
			d.free(fmt.Sprintf("%s[%d]", path, i), x[i])
		}
	case map[string]any:
		for name, v := range x {
			d.free(path+"."+name, v)
		}
	}
}

// No list of any answer may be null, says the document.
func TestTheDocumentHasListsThatAreNeverNull(t *testing.T) {
	t.Parallel()
	doc := newWorld(t).openAPI()
	lists, seen := 0, map[*schema]bool{}
	doc.answers(func(id, code string, s *schema) {
		doc.walk(id+" "+code, s, seen, func(path string, s *schema) {
			if !s.is("array") {
				return
			}
			lists++
			if s.is("null") {
				t.Errorf("%s may be null", path)
			}
		})
	})
	if lists < 60 {
		t.Errorf("the document has %d lists in answers: the test does not see all", lists)
	}
}

// asking is a request that goes well.
type asking struct {
	id, path string
	in       any
}

// ask makes the requests and holds the answers to the document.
func (w *world) ask(doc *openAPI, token string, list ...asking) (bodies [][]byte) {
	w.t.Helper()
	rows := map[string]api.Row{}
	for _, r := range api.Rows() {
		rows[r.ID] = r
	}
	for _, x := range list {
		r := w.do(token, rows[x.id].Method, x.path, x.in)
		if r.code/100 != 2 {
			w.t.Fatalf("%s: got %d: %s", r.what, r.code, r.body)
		}
		bodies = append(bodies, r.body)
		s := doc.answer(x.id)
		if s == nil {
			continue // it answers with something else than JSON, or nothing
		}
		var v any
		r.into(&v)
		doc.fits(r.what+": "+x.id, s, v)
	}
	return bodies
}

// everywhere are the requests that any town answers, whatever is in it.
func everywhere(base string) []asking {
	in := (&town.TownPaused{}).Type()
	return []asking{
		{"healthz", "/healthz", nil}, {"readyz", "/readyz", nil}, {"log-level", "/api/log-level", nil},
		{"list-towns", "/api/towns", nil},
		{"show-town", base, nil}, {"status", base + "/status", nil}, {"list-rigs", base + "/rigs", nil},
		{"list-beads", base + "/beads", nil},
		{"list-convoys", base + "/convoys", nil}, {"list-agents", base + "/agents", nil},
		{"list-messages", base + "/messages", nil},
		{"list-events", base + "/events?limit=1000", nil}, {"list-ticks", base + "/ticks?limit=1000", nil},
		{"reconcile-dry-run", base + "/debug/reconcile-dry-run", nil},
		{"reconcile-dry-run", base + "/debug/reconcile-dry-run", `{"at":"2100-01-01T00:00:00Z","resumed":true}`},
		{"reconcile-dry-run", base + "/debug/reconcile-dry-run", fmt.Sprintf(`{"assume":[{"eventType":%q}]}`, in)},
		{"replay-events", base + "/debug/replay-events", nil},
		{"replay-events", base + "/debug/replay-events", `{"state":"every"}`},
		{"replay-events", base + "/debug/replay-events", `{"verify":true,"state":"none"}`},
	}
}

// full is a town in which much has happened, by the ids of what is in it.
type full struct {
	*world
	doc                                            *openAPI
	agent, own                                     string // an agent at work, and its token
	bead, other, convoy, message, work, escalation string
}

// fill lets people do what they can, and an agent.
func (f *full) fill() {
	f.t.Helper()
	id := func(data []byte) string {
		var b struct{ ID string }
		if err := json.Unmarshal(data, &b); err != nil || b.ID == "" {
			f.t.Fatalf("no id in %s (%v)", data, err)
		}
		return b.ID
	}
	made := f.ask(f.doc, f.admin,
		asking{"create-bead", at + "/beads", `{"title":"Held","held":true}`},
		asking{"create-bead", at + "/beads", `{"title":"Later","held":true}`},
		asking{"create-convoy", at + "/convoys", `{"title":"Both","staged":true,"tasks":[{"title":"One"},{"title":"Two"}]}`},
		asking{"send-message", at + "/messages", `{"to":"people","subject":"news"}`})
	f.bead, f.other, f.convoy, f.message = id(made[0]), id(made[1]), id(made[2]), id(made[3])
	bead, convoy, agent := at+"/beads/"+f.bead, at+"/convoys/"+f.convoy, at+"/agents/"+f.agent
	f.ask(f.doc, f.admin,
		asking{"update-bead", bead, `{"title":"Still held"}`}, asking{"hold-bead", bead + "/hold", nil},
		asking{"add-dependency", bead + "/dependencies", wire.DependsOn{On: town.BeadID(f.other)}},
		asking{"show-bead", bead, nil}, asking{"remove-dependency", bead + "/dependencies/" + f.other, nil},
		asking{"configure-town", at, `{"name":"Full"}`}, asking{"show-rig", at + "/rigs/web", nil},
		asking{"update-rig", at + "/rigs/web", `{"defaultBranch":"main"}`},
		asking{"show-convoy", convoy, nil}, asking{"update-convoy", convoy, `{"title":"Alone"}`},
		asking{"nudge-agent", agent + "/nudge", wire.Nudge{Message: "look"}},
		asking{"list-nudges", agent + "/nudges", nil}, asking{"show-agent", agent, nil})
	raised := f.ask(f.doc, f.own,
		asking{"prime", at + "/agent/prime", nil}, asking{"agent-mail", at + "/agent/mail", nil},
		asking{"usage", at + "/agent/usage", `{"tokensIn":1,"tokensOut":2,"costUsd":0.1}`},
		asking{"escalate", at + "/agent/escalate", `{"severity":"high","category":"help","message":"which one?"}`})
	var receipt wire.Receipt
	if err := json.Unmarshal(raised[3], &receipt); err != nil || len(receipt.Made) == 0 {
		f.t.Fatalf("no escalation in %s (%v)", raised[3], err)
	}
	f.escalation = receipt.Made[0]
}

// look asks for all that there is.
func (f *full) look() {
	f.t.Helper()
	f.ask(f.doc, f.admin, everywhere(at)...)
	events := f.ask(f.doc, f.admin, asking{"list-events", at + "/events?limit=1", nil})
	var page wire.EventPage
	(&reply{t: f.t, body: events[0]}).intoEvents(&page)
	f.ask(f.doc, f.admin, asking{"show-event", at + "/events/" + page.Events[0].ID, nil})
	for _, of := range []string{f.bead, f.agent, f.convoy, f.work, f.escalation} {
		f.ask(f.doc, f.admin, asking{"why", at + "/debug/why/" + of, nil}, asking{"history", at + "/history/" + of, nil})
	}
}

// end lets all of it come to an end.
func (f *full) end() {
	f.t.Helper()
	bead, convoy, agent := at+"/beads/"+f.bead, at+"/convoys/"+f.convoy, at+"/agents/"+f.agent
	var work wire.Bead
	f.must(http.StatusOK, http.MethodGet, at+"/beads/"+f.work, nil).into(&work)
	f.ask(f.doc, f.own, asking{"done", at + "/agent/done", town.AgentDone{Branch: work.Branch, Head: "beef"}})
	f.ask(f.doc, f.admin,
		asking{"acknowledge-escalation", at + "/escalations/" + f.escalation + "/acknowledge", nil},
		asking{"read-message", at + "/messages/" + f.message + "/read", nil},
		asking{"release-bead", bead + "/release", nil}, asking{"cancel-bead", bead + "/cancel", `{"as":"failed"}`},
		asking{"retry-bead", bead + "/retry", nil}, asking{"start-convoy", convoy + "/start", nil},
		asking{"close-convoy", convoy + "/close", nil}, asking{"stop-agent", agent + "/stop", nil},
		asking{"reset-agent", agent + "/reset", nil}, asking{"pause-town", at + "/pause", nil},
		asking{"set-log-level", "/api/log-level", `{"level":"info"}`})
	eventually(f.t, "a plan is carried out before anything else comes in", func() bool {
		data := f.ask(f.doc, f.admin, asking{"reconcile-dry-run", at + "/debug/reconcile-dry-run", `{"resumed":true}`})
		var p wire.Plan
		(&reply{t: f.t, body: data[0]}).into(&p)
		r := f.do(f.admin, http.MethodPost, at+"/debug/apply-plan", wire.Apply{Plan: p.Fingerprint})
		var done any
		if r.into(&done); r.code != http.StatusOK {
			return false
		}
		f.doc.fits(r.what, f.doc.answer("apply-plan"), done)
		return true
	})
	f.ask(f.doc, f.admin, asking{"resume-town", at + "/resume", nil})
}

// Every answer of the API has every list that the document says it has: of towns in which nothing has happened, and of
// one in which much has.
func TestAnswersHaveListsThatAreNeverNull(t *testing.T) {
	t.Parallel()
	w, c := busy(t)
	f := &full{world: w, doc: w.openAPI(), agent: string(c.Agent), own: w.keys.AgentToken(c), work: string(c.Bead)}
	f.ask(f.doc, f.admin, asking{"create-town", "/api/towns", wire.NewTown{ID: "void"}})
	f.ask(f.doc, f.admin, everywhere("/api/towns/void")...)
	f.fill()
	f.look()
	f.end()
	f.look()
	f.streamed(f.doc)
	f.doc.answers(func(id, code string, s *schema) {
		if top := f.doc.resolve(s); strings.HasPrefix(code, "2") && id != "shutdown" && !f.doc.told[top] {
			t.Errorf("no answer like that of %s was looked at", id)
		}
	})
}

// streamed holds a tick of the stream to what the document says of ticks.
func (w *world) streamed(doc *openAPI) {
	w.t.Helper()
	next := w.stream()
	next("hello", new(any))
	w.sling("news")
	var tick any
	next("tick", &tick)
	tick.(map[string]any)["entities"] = []any{} // which the stream does not tell
	doc.fits("stream", doc.Components.Schemas["TickDocument"], tick)
}
