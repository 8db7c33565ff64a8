package api_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gastown/internal/api"
	"gastown/internal/cli"
	"gastown/internal/town"
	"gastown/internal/verbs"
	"gastown/internal/wire"
)

// notVerbs are the routes of people that are not for reading and yet no verbs: they make no event of a town.
var notVerbs = map[string]string{
	"shutdown": "it is about the server", "set-log-level": "it is about the server",
	"create-town":       "a town begins with it",
	"reconcile-dry-run": "nothing comes of it", "replay-events": "nothing comes of it",
	"apply-plan": "it has the town do what it would do anyway",
}

// Each verb has one route, with what the table says of it, and each route that says something is a verb.
func TestVerbsAndRoutesAgree(t *testing.T) {
	t.Parallel()
	rows := map[string]api.Row{}
	for _, r := range api.Rows() {
		rows[r.ID] = r
	}
	table := map[string]bool{}
	for _, v := range verbs.All() {
		table[v.ID] = true
		who := map[verbs.Who]string{verbs.Agent: "agent", verbs.Person: "admin"}[v.Who]
		if want := (api.Row{ID: v.ID, Method: v.Method, Path: v.Path(), Who: who, Command: v.Command}); rows[v.ID] != want {
			t.Errorf("the route is %+v, the table says %+v", rows[v.ID], want)
		}
	}
	for _, r := range api.Rows() {
		says := r.Who == "agent" || r.Who == "admin" && r.Method != http.MethodGet && notVerbs[r.ID] == ""
		if says != table[r.ID] {
			t.Errorf("%s %s (%s): is in the table of verbs: %v, should be: %v", r.Method, r.Path, r.ID, table[r.ID], says)
		}
	}
}

// The help of a verb's command has the verb's words.
func TestHelpHasTheWordsOfVerbs(t *testing.T) {
	t.Parallel()
	for _, v := range verbs.All() {
		if !v.HasCommand() {
			continue
		}
		var help bytes.Buffer
		code := cli.Main(append(strings.Fields(v.Command), "--help"), strings.NewReader(""), &help, io.Discard)
		if code != 0 || !strings.HasPrefix(help.String(), v.Short()+"\n") {
			t.Errorf("%s: gastown %s --help ends with %d and does not begin with %q:\n%s",
				v.ID, v.Command, code, v.Short(), help.String())
		}
	}
}

// described is what the document says of operations and the structures that they take.
type described struct {
	Paths map[string]map[string]struct {
		Summary     string
		RequestBody *struct {
			Content map[string]struct {
				Schema struct {
					Ref string `json:"$ref"`
				}
			}
		}
	}
	Components struct {
		Schemas map[string]struct{ Properties map[string]any }
	}
}

// fields are those that an operation takes.
func (d *described) fields(method, at string) []string {
	in := d.Paths[at][strings.ToLower(method)].RequestBody
	if in == nil {
		return nil
	}
	var out []string
	for name := range d.Components.Schemas[path.Base(in.Content["application/json"].Schema.Ref)].Properties {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// The document of the API has the sentence and just the fields of each verb.
func TestVerbsAndDocumentAgree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var doc described
	w.do("", http.MethodGet, "/openapi.json", nil).into(&doc)
	for _, v := range verbs.All() {
		if got := doc.Paths[v.Path()][strings.ToLower(v.Method)].Summary; got != v.Doc {
			t.Errorf("%s: the document says %q, want %q", v.ID, got, v.Doc)
		}
		var want []string
		if v.Fields != nil {
			for f := range reflect.TypeOf(v.Fields).Fields() {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				want = append(want, name)
			}
			if v.Who == verbs.Agent {
				want = append(want, "beadId")
			}
			slices.Sort(want)
		}
		if got := doc.fields(v.Method, v.Path()); !slices.Equal(got, want) {
			t.Errorf("%s: the document has the fields %v, the table %v", v.ID, got, want)
		}
	}
}

// said uses a verb and makes sure that the event that came of it, applied or refused, is of the type in the table.
func (w *world) said(token string, v *verbs.Verb, key string, in any) {
	w.t.Helper()
	r := w.do(token, v.Method, concrete(v.Path(), "main"), in, "Idempotency-Key", key)
	if v.Event == "" {
		if r.code > 299 {
			w.t.Errorf("%s: got %d: %s", v.ID, r.code, r.body)
		}
		w.must(http.StatusNotFound, http.MethodGet, at+"/events/"+key, nil)
		return
	}
	var e struct {
		Type town.EventType `json:"eventType"`
	}
	w.must(http.StatusOK, http.MethodGet, at+"/events/"+key, nil).into(&e)
	if e.Type != v.Event {
		w.t.Errorf("%s made %s, the table says %s", v.ID, e.Type, v.Event)
	}
}

func TestVerbsOfPeopleMakeTheirEvents(t *testing.T) {
	t.Parallel()
	w := withRig(t)
	for i, v := range verbs.All() {
		if v.Who != verbs.Person {
			continue
		}
		in := sample(v.ID)
		switch v.ID {
		case "create-rig":
			in = wire.NewRig{Name: "other", URL: repo(t)}
		case "update-rig":
			in = wire.RigPatch{DefaultBranch: "main"}
		}
		w.said(w.admin, &v, fmt.Sprintf("0190a6ff-3c44-7e1a-9d0b-%012d", i), in)
	}
}

func TestVerbsOfAgentsMakeTheirEvents(t *testing.T) {
	t.Parallel()
	w, c := busy(t)
	own := w.keys.AgentToken(c)
	all := verbs.All()
	// Done is the last thing that a run says.
	slices.SortStableFunc(all, func(a, b verbs.Verb) int { return isDone(a) - isDone(b) })
	for i, v := range all {
		if v.Who != verbs.Agent {
			continue
		}
		var in any
		if v.Fields != nil {
			in = spoken[v.Last()]
		}
		w.said(own, &v, fmt.Sprintf("0190a6ff-3c44-7e1a-9d0b-%012d", i), in)
	}
}

// isDone is 1 of the verb that ends a run.
func isDone(v verbs.Verb) int {
	if v.ID == "done" {
		return 1
	}
	return 0
}
