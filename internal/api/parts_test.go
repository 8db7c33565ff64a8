package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gastown/internal/api"
	"gastown/internal/server"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// past is a world with a clock of its own, and what its history begins and ends with.
type past struct {
	*world
	clock *clock
	first town.Time // that can be replayed
	all   int       // ticks from there on
	bead  string
}

// newPast is a world with some history; of one that is cut the beginning is not kept any more.
func newPast(t *testing.T, cut bool) *past {
	t.Helper()
	p := &past{clock: new(clock)}
	p.world = newWorldWith(t, func(o *server.Options) { o.Now = p.clock.now })
	p.must(http.StatusCreated, http.MethodPost, at+"/rigs", wire.NewRig{URL: repo(t)})
	p.bead = string(p.sling("news").ID)
	for i := range 2 {
		if cut {
			// A snapshot that is older than the retention, and then one that lets go of what lies before it.
			p.clock.jump(8 * 24 * time.Hour)
			p.must(http.StatusOK, http.MethodPatch, at, wire.TownPatch{Name: fmt.Sprint("Week ", i)})
		}
	}
	eventually(t, "the history begins where it should", func() bool {
		var ticks wire.TickPage
		p.must(http.StatusOK, http.MethodGet, at+"/ticks?limit=1000", nil).into(&ticks)
		p.all = len(ticks.Ticks)
		return p.all > 0 && (ticks.Ticks[0].No > 1) == cut
	})
	var r wire.Replay
	p.must(http.StatusOK, http.MethodPost, at+"/debug/replay-events", nil).into(&r)
	why := p.do(p.admin, http.MethodGet, at+"/debug/why/"+p.bead+"?at=1999-01-01T00:00:00Z", nil)
	_, text, ok := strings.Cut(string(why.body), "the oldest moment that can be replayed is ")
	first, err := town.ParseTime(text[:min(len(text), len("2026-11-23T10:00:00.000Z"))])
	if !ok || err != nil || r.TicksReplayed != p.all {
		t.Fatalf("%d of %d ticks can be replayed; %s", r.TicksReplayed, p.all, why.body)
	}
	p.first = first
	return p
}

// now is the server's time, and moments around it as text.
func (p *past) in(d town.Duration) string { return town.TimeOf(p.clock.now()).Add(d).String() }

// question is a request with one parameter, or two, in its body or its query.
type question struct {
	id     string
	params map[string]string // whole numbers go without quotes where they are in a body
	field  string            // that is refused; empty if all is well
	says   string            // in the detail
}

// ask makes the request.
func (p *past) ask(q question) *reply {
	p.t.Helper()
	var row api.Row
	for _, r := range api.Rows() {
		if r.ID == q.id {
			row = r
		}
	}
	path := strings.NewReplacer("{townId}", "main", "{id}", p.bead).Replace(row.Path)
	if row.Method == http.MethodGet {
		query := url.Values{}
		for name, v := range q.params {
			query.Set(name, v)
		}
		return p.do(p.admin, row.Method, path+"?"+query.Encode(), nil)
	}
	body := map[string]any{}
	for name, v := range q.params {
		var n json.Number
		if body[name] = v; json.Unmarshal([]byte(v), &n) == nil && v != "" {
			body[name] = n
		}
	}
	return p.do(p.admin, row.Method, path, body)
}

// answers makes the request and holds the answer to what is wanted: a refusal names the field in its detail and in its
// place, and says there what must be.
func (p *past) answers(q question) *reply {
	p.t.Helper()
	r := p.ask(q)
	what := fmt.Sprintf("%s with %v", q.id, q.params)
	if q.field == "" {
		if r.code != http.StatusOK {
			p.t.Errorf("%s: got %d: %s", what, r.code, r.body)
		}
		return r
	}
	var problem struct {
		Detail string
		Errors []struct{ Location, Message string }
	}
	r.into(&problem)
	switch {
	case r.code != http.StatusUnprocessableEntity || len(problem.Errors) == 0:
		p.t.Errorf("%s: got %d, want 422 about %s: %.300s", what, r.code, q.field, r.body)
	case !strings.HasSuffix(problem.Errors[0].Location, "."+q.field):
		p.t.Errorf("%s: the problem is at %s, want %s", what, problem.Errors[0].Location, q.field)
	case !strings.HasPrefix(problem.Detail, q.field+": "+problem.Errors[0].Message):
		p.t.Errorf("%s: the detail is %q, must be about %s: %s", what, problem.Detail, q.field, problem.Errors[0].Message)
	case !strings.Contains(problem.Detail, q.says):
		p.t.Errorf("%s: the detail is %q, must say %q", what, problem.Detail, q.says)
	}
	return r
}

// form is what a moment must look like, in words.
const form = "must be a moment in RFC 3339, such as 2026-11-23T10:00:00Z"

func one(name, v string) map[string]string { return map[string]string{name: v} }

func two(a, v, b, w string) map[string]string { return map[string]string{a: v, b: w} }

// wherever are the questions that have the same answer whether the beginning of the history is kept or not.
func (p *past) wherever() []question {
	var out []question
	for _, id := range []string{"replay-events", "bundle"} {
		for _, f := range []string{"from", "to"} {
			for _, v := range []string{"yesterday", "2026-11-23", "10:00", "23.11.2026", "NaN", "1790000000000Z"} {
				out = append(out, question{id, one(f, v), f, form})
			}
			out = append(out, question{id, one(f, p.in(town.Hour)), f, "after the end of the history, 20"},
				question{id, one(f, "9999-12-31T23:59:59Z"), f, "leave it out"})
		}
		out = append(out,
			question{id, two("from", p.in(-1), "to", p.in(-town.Hour)), "to", "must be after from"},
			question{id, two("from", p.in(-1), "fromTick", "1"), "from", "as times, as events or as ticks"},
			question{id, one("fromTick", "9999"), "fromTick", "there is no tick 9999 yet: the newest is "},
			question{id, one("toTick", "9999"), "toTick", "there is no tick 9999 yet: the newest is "},
			question{id, two("fromTick", "2", "toTick", "1"), "toTick", "must not be before fromTick, 2"},
			question{id, one("fromTick", "first"), "fromTick", "must be a whole number"},
			question{id, one("toTick", "1.5"), "toTick", "must be a whole number"},
			question{id, one("fromTick", "-1"), "fromTick", ""}, question{id, one("toTick", "-1"), "toTick", ""})
	}
	const replay = "replay-events"
	out = append(out,
		question{replay, one("fromSeq", "9999"), "fromSeq", "there is no event 9999 yet: the newest is "},
		question{replay, one("toSeq", "9999"), "toSeq", "there is no event 9999 yet: the newest is "},
		question{replay, two("fromSeq", "2", "toSeq", "1"), "toSeq", "must not be before fromSeq, 2"},
		question{replay, one("fromSeq", "x"), "fromSeq", "must be a whole number"},
		question{replay, one("fromSeq", "-1"), "fromSeq", "must be 1 or more"},
		question{replay, one("toSeq", "-1"), "toSeq", "must be 1 or more"},
		question{replay, one("toSeq", "x"), "toSeq", "must be a whole number"})

	for _, v := range []string{"lunch", "2026-11-23 10:00:00"} {
		out = append(out, question{"reconcile-dry-run", one("at", v), "at", form}, question{"why", one("at", v), "at", form})
	}
	out = append(out,
		question{"reconcile-dry-run", one("at", p.in(24*town.Hour)), "", ""},
		question{"reconcile-dry-run", one("at", "9999-12-31T23:59:59Z"), "", ""},
		question{"reconcile-dry-run", one("at", p.in(-1)), "", ""}, question{"why", one("at", p.in(-1)), "", ""},
		question{"why", one("at", p.in(town.Hour)), "at", "has not come yet: leave it out for now"},
		question{"history", one("before", "yesterday"), "before", "TICK or TICK.PART"},
		question{"history", one("before", "-1"), "before", "TICK or TICK.PART"},
		question{"history", one("before", "9999"), "", ""}, question{"history", one("before", "2.1"), "", ""})
	for _, id := range []string{"list-events", "list-ticks"} {
		out = append(out,
			question{id, one("from", "monday"), "from", form}, question{id, one("to", "monday"), "to", form},
			question{id, two("from", p.in(-1), "to", p.in(-town.Hour)), "to", "must not be before from"},
			question{id, one("after", "x"), "after", "must be a whole number"}, question{id, one("after", "-1"), "after", ""},
			question{id, one("from", p.in(town.Hour)), "", ""}, question{id, one("to", p.in(town.Hour)), "", ""})
	}
	return out
}

// early are moments before any town.
var early = []string{
	"0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "1999-01-01T00:00:00+01:00",
}

// Of a town whose whole history is kept, a part that begins before it begins with it. What ends before it, or has not
// come yet, is refused, and so is what cannot be read.
func TestPartsOfAWholeHistory(t *testing.T) {
	t.Parallel()
	p := newPast(t, false)
	for _, q := range p.wherever() {
		p.answers(q)
	}
	for _, v := range append(early, (p.first - 1).String(), p.first.String()) {
		var r wire.Replay
		p.answers(question{"replay-events", one("from", v), "", ""}).into(&r)
		if r.TicksReplayed != p.all || !r.Exact || r.At < p.first {
			t.Errorf("from %s: %d of %d ticks, exact %t, until %s", v, r.TicksReplayed, p.all, r.Exact, r.At)
		}
		p.answers(question{"bundle", one("from", v), "", ""})
	}
	const says = "lies before the beginning of the town: the oldest moment that can be replayed is "
	for _, v := range append(early, (p.first - 1).String()) {
		p.answers(question{"replay-events", one("to", v), "to", says + p.first.String()})
		p.answers(question{"bundle", one("to", v), "to", says + p.first.String()})
		p.answers(question{"reconcile-dry-run", one("at", v), "at", says + p.first.String()})
		p.answers(question{"why", one("at", v), "at", says + p.first.String()})
	}
}

// Where the beginning is not kept any more, what asks for it is refused and told the first moment that there is.
func TestPartsOfAHistoryThatWasCut(t *testing.T) {
	t.Parallel()
	p := newPast(t, true)
	for _, q := range p.wherever() {
		p.answers(q)
	}
	says := "lies before what is kept: the oldest moment that can be replayed is " + p.first.String()
	for _, v := range append(early, (p.first - 1).String()) {
		for _, f := range []string{"from", "to"} {
			p.answers(question{"replay-events", one(f, v), f, says})
			p.answers(question{"bundle", one(f, v), f, says})
		}
		p.answers(question{"reconcile-dry-run", one("at", v), "at", says})
		p.answers(question{"why", one("at", v), "at", says})
	}
	for _, f := range []string{"fromTick", "toTick"} {
		p.answers(question{"replay-events", one(f, "1"), f, says})
		p.answers(question{"bundle", one(f, "1"), f, says})
	}
	for _, f := range []string{"fromSeq", "toSeq"} {
		p.answers(question{"replay-events", one(f, "1"), f, "event 1 is not kept any more: the oldest is "})
	}
	var r wire.Replay
	p.answers(question{"replay-events", one("from", p.first.String()), "", ""}).into(&r)
	if r.TicksReplayed != p.all || !r.Exact {
		t.Errorf("from %s: %d of %d ticks, exact %t", p.first, r.TicksReplayed, p.all, r.Exact)
	}
}

// The questions are about every parameter of the document that is a place in a history.
func TestEveryPlaceInAHistoryIsAskedFor(t *testing.T) {
	t.Parallel()
	p := &past{world: newWorld(t), clock: new(clock)}
	refused := map[string]bool{}
	for _, q := range p.wherever() {
		if q.field != "" {
			refused[q.id+" "+q.field] = true
		}
	}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			Parameters  []struct {
				Name, In string
				Schema   struct{ Format string }
			}
		}
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Format string }
			}
		}
	}
	p.do("", http.MethodGet, "/openapi.json", nil).into(&doc)
	places := []string{"after", "before", "fromTick", "toTick", "fromSeq", "toSeq"}
	n := 0
	place := func(id, name, format string) {
		if !slices.Contains(places, name) && format != "date-time" {
			return
		}
		if n++; !refused[id+" "+name] {
			t.Errorf("no question has a wrong %s of %s", name, id)
		}
	}
	for _, methods := range doc.Paths {
		for _, op := range methods {
			for _, x := range op.Parameters {
				if x.In == "query" {
					place(op.OperationID, x.Name, x.Schema.Format)
				}
			}
		}
	}
	for field, x := range doc.Components.Schemas["ReplayQueryDocument"].Properties {
		place("replay-events", field, x.Format)
	}
	for field, x := range doc.Components.Schemas["PlanQueryDocument"].Properties {
		place("reconcile-dry-run", field, x.Format)
	}
	if n < 19 {
		t.Errorf("the document has %d places: the test does not see all", n)
	}
}
