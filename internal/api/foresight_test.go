package api_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"gastown/internal/api"
	"gastown/internal/auth"
	"gastown/internal/controller"
	"gastown/internal/journal"
	"gastown/internal/journal/sqlite"
	"gastown/internal/observe"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// lazy is a journal that is not asked for pending events while there are none: a loop asks at every look, and there are
// many in a day.
type lazy struct {
	journal.Journal
	mu      sync.Mutex
	pending int
}

func (l *lazy) count(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending += n
}

func (l *lazy) Append(ctx context.Context, id town.TownID, events []town.Event) ([]journal.Receipt, error) {
	receipts, err := l.Journal.Append(ctx, id, events)
	l.count(len(receipts))
	return receipts, err
}

func (l *lazy) CommitTick(ctx context.Context, id town.TownID, t *town.Tick) error {
	err := l.Journal.CommitTick(ctx, id, t)
	if err == nil {
		l.count(-len(t.Events))
	}
	return err
}

func (l *lazy) Pending(ctx context.Context, id town.TownID, limit int) ([]town.Event, error) {
	l.mu.Lock()
	none := l.pending == 0
	l.mu.Unlock()
	if none {
		return nil, nil
	}
	return l.Journal.Pending(ctx, id, limit)
}

// outside is where effects go; nobody answers them unless the test does.
type outside struct {
	mu      sync.Mutex
	effects []town.Effect
}

func (o *outside) Carry(_ town.TownID, effects []town.Effect) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.effects = append(o.effects, effects...)
}

// foreseen counts what the cases had in them.
type foreseen struct {
	mu                 sync.Mutex
	cases, ticks       int
	first              int // something later, and nothing to do at first
	now, before, after int // looked until the present, until before something comes due, or beyond
}

// seer is a town on a fake clock, with the API in front of its real controller and journal.
type seer struct {
	outside
	t     *rapid.T
	c     *controller.Controller
	api   http.Handler
	admin string
	made  *foreseen
	n     int
}

// newSeer starts a town in a bubble, which ends with it.
func newSeer(t *rapid.T, dir string, made *foreseen) *seer {
	j, err := sqlite.Open(context.Background(), filepath.Join(dir, "town.db"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := auth.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := &seer{t: t, admin: keys.Admin(), made: made}
	log, kept := slog.New(slog.DiscardHandler), &lazy{Journal: j}
	s.c = controller.New(controller.Options{Journal: kept, Effects: s, Meter: observe.New(observe.Options{}), Log: log})
	t.Cleanup(func() {
		s.c.Stop()
		_ = j.Close()
	})
	served := func(string, string, int, time.Duration) {}
	s.api = api.New(api.Config{Controller: s.c, Journal: kept, Keys: keys, Log: log, Served: served})
	if err := s.c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.call(http.MethodPost, "/api/towns", wire.NewTown{ID: "main"}, new(any))
	s.submit(s.config(),
		town.Event{Payload: &town.RigAdded{Rig: "web", URL: "https://git.example/web", DefaultBranch: "main"}},
		town.Event{Payload: &town.RigAdded{Rig: "api", URL: "https://git.example/api", DefaultBranch: "main"}})
	return s
}

// call makes a request that goes well.
func (s *seer) call(method, path string, in, out any) {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			s.t.Fatal(err)
		}
	}
	r := httptest.NewRequest(method, path, &body)
	r.Header.Set("Authorization", "Bearer "+s.admin)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	if w.Code/100 != 2 {
		s.t.Fatalf("%s %s: got %d: %s", method, path, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// submit brings facts in, as the API would, and waits until the loop rests again.
func (s *seer) submit(facts ...town.Event) {
	for i := range facts {
		facts[i].Type, facts[i].By = facts[i].Payload.Type(), "plan"
	}
	if len(facts) > 0 {
		if _, err := s.c.Submit(context.Background(), "main", facts...); err != nil {
			s.t.Fatal(err)
		}
	}
	synctest.Wait()
}

// read looks at the town.
func (s *seer) read(f func(*town.State)) {
	if err := s.c.Read("main", f); err != nil {
		s.t.Fatal(err)
	}
}

// later lets the time go on to a moment, with nothing coming in.
func (s *seer) later(at town.Time) {
	time.Sleep(max(time.Until(at.Std()), 0))
	synctest.Wait()
}

// moment chooses how far to look: at the present, right before or after something comes due, or far.
func (s *seer) moment() town.Time {
	now, due := s.c.Now(), town.Time(0)
	s.read(func(st *town.State) { due = st.NextDue() })
	if due <= now || due > now.Add(8*town.Hour) {
		due = now.Add(town.Minute)
	}
	to := rapid.SampledFrom([]town.Time{now, now + 1, due - 1, due - 1, due, due, due + 1, due + 1, due.Add(town.Minute),
		now.Add(10 * town.Minute), now.Add(3 * town.Hour), now.Add(28 * town.Hour)}).Draw(s.t, "until")
	s.made.mu.Lock()
	defer s.made.mu.Unlock()
	switch {
	case to == now:
		s.made.now++
	case to < due:
		s.made.before++
	default:
		s.made.after++
	}
	return to
}

// foresee asks what would happen until a moment, with some facts, lets just that happen, and compares.
func (s *seer) foresee() {
	facts := s.facts(oneOf(s, 0, 0, 0, 1, 2))
	q := wire.PlanQuery{At: s.moment()}
	until := q.At
	if q.At == s.c.Now() && rapid.Bool().Draw(s.t, "now without saying so") {
		q.At = 0
	}
	for i := range facts {
		e := &facts[i]
		data, err := json.Marshal(e.Payload)
		if err != nil {
			s.t.Fatal(err)
		}
		f := wire.AssumedFact{Type: e.Payload.Type(), Agent: e.Agent, Run: e.Run, Bead: e.Bead, Payload: data}
		q.Assume = append(q.Assume, f)
	}
	var before, after town.Digest
	s.read(func(st *town.State) { before = st.Digest() })
	var plan document
	s.call(http.MethodPost, at+"/debug/reconcile-dry-run", q, &plan)
	s.read(func(st *town.State) { after = st.Digest() })
	if before != after {
		s.t.Fatalf("the dry run has changed the town")
	}
	s.submit(facts...)
	s.later(until)
	s.compare(&plan, until)
}

// document is a plan as it is on the wire, with its ticks open.
type document struct {
	Events       []any          `json:"events"`
	Actions      []any          `json:"actions"`
	Entities     []any          `json:"entities"`
	Violations   []any          `json:"violations"`
	Changes      []any          `json:"changes"`
	No           town.TickNo    `json:"tick"`
	At           town.Time      `json:"at"`
	Digest       string         `json:"digest"`
	RuleSet      int            `json:"ruleSet"`
	After        town.TickNo    `json:"after"`
	Later        []any          `json:"later"`
	LaterUntil   town.Time      `json:"laterUntil"`
	LaterStopped map[string]any `json:"laterStopped"`
}

// ticks are all that a plan foresees, as list-ticks would have them.
func (p *document) ticks() []any {
	if len(p.Events)+len(p.Actions)+len(p.Changes)+len(p.Violations) == 0 {
		return p.Later
	}
	own := map[string]any{
		"tick": float64(p.No), "at": p.At.String(), "ruleSet": float64(p.RuleSet), "digest": p.Digest,
		"events": p.Events, "actions": p.Actions, "changes": p.Changes, "violations": p.Violations, "entities": p.Entities,
	}
	return append([]any{own}, p.Later...)
}

// compare holds what was foreseen to what has happened until then.
func (s *seer) compare(plan *document, until town.Time) {
	var page struct{ Ticks []any }
	want := plan.ticks()
	s.call(http.MethodGet, fmt.Sprintf("%s/ticks?after=%d&limit=1000", at, plan.After), nil, &page)
	got := page.Ticks
	for len(got) > 0 && len(want) > 0 && number(want[0]) < number(got[0]) && s.cut() {
		want = want[1:] // retention has taken it since
	}
	if plan.LaterStopped != nil {
		until = plan.LaterUntil
		for len(got) > 0 && moments(got[len(got)-1]) > until {
			got = got[:len(got)-1]
		}
	} else if plan.LaterUntil != 0 && plan.LaterUntil != until {
		s.t.Fatalf("it looked until %s, not %s", plan.LaterUntil, until)
	}
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(got):
			s.t.Fatalf("foreseen until %s was, and did not happen: %s", until, text(want[i]))
		case i >= len(want):
			s.t.Fatalf("until %s this happened, and was not foreseen: %s", until, text(got[i]))
		case !reflect.DeepEqual(numberless(want[i]), numberless(got[i])):
			s.t.Fatalf("foreseen until %s was\n%s\nthis happened\n%s", until, text(want[i]), text(got[i]))
		}
	}
	s.made.mu.Lock()
	defer s.made.mu.Unlock()
	s.made.cases++
	s.made.ticks += len(want)
	if len(plan.Later) > 0 && len(want) == len(plan.Later) {
		s.made.first++ // there was nothing to do at first
	}
}

// cut reports whether the beginning of the history is not kept any more.
func (s *seer) cut() bool {
	var page struct{ Ticks []any }
	s.call(http.MethodGet, at+"/ticks?limit=1", nil, &page)
	return len(page.Ticks) > 0 && number(page.Ticks[0]) > 1
}

func number(tick any) float64 { return tick.(map[string]any)["tick"].(float64) }

func moments(tick any) town.Time {
	at, _ := tick.(map[string]any)["at"].(string)
	t, _ := town.ParseTime(at)
	return t
}

func text(tick any) string {
	data, _ := json.MarshalIndent(tick, "", " ") // it came from JSON
	return string(data)
}

// numberless is a tick without the numbers of its events, which those that are assumed do not have.
func numberless(tick any) any {
	m, _ := tick.(map[string]any)
	events, _ := m["events"].([]any)
	for _, e := range events {
		delete(e.(map[string]any), "seq")
	}
	return m
}

// draws is what a seed stands for: rapid draws from it, and from nothing else.
func draws(seed int) []byte {
	out := make([]byte, 1<<16)
	r := rand.New(rand.NewPCG(uint64(seed), 9))
	for i := 0; i < len(out); i += 8 {
		binary.LittleEndian.PutUint64(out[i:], r.Uint64())
	}
	return out
}

// The dry run of the API says what the ticks then do that the controller commits: for towns in which anything has
// happened, at any moment, with and without facts that then come in. All is compared, the state after each tick too,
// by its digest. Seeds are fixed, and time is the bubble's.
func TestTheDryRunIsWhatThenHappens(t *testing.T) {
	t.Parallel()
	made := new(foreseen)
	t.Run("towns", func(t *testing.T) {
		for seed := range 36 {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir() // not in the bubble, which has no files of its own
				defer func() {
					if t.Skipped() {
						t.Error("the seed has not enough to draw from")
					}
				}()
				rapid.MakeFuzz(func(t *rapid.T) {
					rapid.SyncTest(t, func(t *rapid.T) {
						s := newSeer(t, dir, made)
						for range rapid.IntRange(1, 4).Draw(t, "looks") {
							for range rapid.IntRange(1, 8).Draw(t, "turns") {
								s.turn()
							}
							s.foresee()
						}
					})
				})(t, draws(seed))
			})
		}
	})
	if t.Failed() {
		return
	}
	c := made
	shown := fmt.Sprintf("%d cases with %d ticks, %d with nothing to do at first; until now %d, until before something "+
		"comes due %d, beyond that %d", c.cases, c.ticks, c.first, c.now, c.before, c.after)
	if t.Log(shown); c.cases < 70 || c.ticks < 400 || c.first < 10 || c.now < 5 || c.before < 20 || c.after < 20 {
		t.Errorf("too little is compared: %s", shown)
	}
}
