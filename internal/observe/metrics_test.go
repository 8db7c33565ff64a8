package observe

import (
	"fmt"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gastown/internal/town"
)

// scrape returns what is exposed, in the format that has exemplars.
func scrape(t testing.TB, m *Metrics) string {
	t.Helper()
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/openmetrics-text") {
		t.Fatalf("%d %s: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	return w.Body.String()
}

// value finds a series by its name and labels as they are written.
func value(t testing.TB, text, series string) float64 {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("there is no %s", series)
	}
	v, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// expect compares series with what they should be.
func expect(t testing.TB, text string, want map[string]float64) {
	t.Helper()
	for series, v := range want {
		if got := value(t, text, series); got != v {
			t.Errorf("%s is %v, want %v", series, got, v)
		}
	}
}

func fresh(labelled int) (*Metrics, *clock) {
	c := &clock{at: born}
	return New(Options{Version: "test", Labelled: labelled, Now: c.now}), c
}

// Whatever can be counted is there before it is, or the first of it would not be seen.
func TestEverythingIsThereFromTheStart(t *testing.T) {
	t.Parallel()
	m, c := fresh(0)
	newTown(t, m, c, "a")
	text := scrape(t, m)
	for _, f := range families {
		if f == depth || f == oldest {
			continue // by rig, and there is none
		}
		if !strings.Contains(text, "\n"+f.name+`{`) {
			t.Errorf("there is no series of %s", f.name)
		}
		if f.help == "" || !strings.HasSuffix(f.help, ".") {
			t.Errorf("%s has no sentence of help: %q", f.name, f.help)
		}
	}
	expect(t, text, map[string]float64{
		`gastown_invariant_violations_total{invariant="18",town="a"}`:                           0,
		`gastown_invariant_violations_at_load{invariant="18",town="a"}`:                         0,
		`gastown_events_rejected_total{event_type="agent_done",town="a"}`:                       0,
		`gastown_reconciler_side_effects_total{kind="dispatch_agent",result="failed",town="a"}`: 0,
		`gastown_dispatch_attempts_total{outcome="agent_lost",town="a"}`:                        0,
		`gastown_breaker_open{class="quota",scope="town",town="a"}`:                             0,
		`gastown_reconciler_tick_duration_seconds_count{town="a"}`:                              0,
		`gastown_beads{status="open",town="a",type="issue"}`:                                    0,
	})
}

func TestATickIsCounted(t *testing.T) {
	t.Parallel()
	m, c := fresh(0)
	w := newTown(t, m, c, "a")
	w.furnish(1, 2, 3)
	c.at = c.at.Add(time.Minute)
	agents := w.working()
	w.step(from(agents[0], &town.DispatchAccepted{}), from(agents[1], &town.DispatchRejected{Class: "resources", Reason: "no memory"}),
		town.Event{Bead: "gt-none", By: "admin", Payload: &town.BeadHeld{}})
	c.at = c.at.Add(10 * time.Second)
	text := scrape(t, m)
	expect(t, text, map[string]float64{
		`gastown_reconciler_ticks_total{town="a"}`:                                         2,
		`gastown_reconciler_events_drained_total{event_type="dispatch_accepted",town="a"}`: 1,
		`gastown_events_rejected_total{event_type="bead_held",town="a"}`:                   1,
		`gastown_reconciler_actions_total{action="dispatch_agent",town="a"}`:               3,
		`gastown_dispatch_attempts_total{outcome="dispatch_rejected",town="a"}`:            1,
		`gastown_breaker_open{class="resources",scope="town",town="a"}`:                    0,
		`gastown_beads{status="in_progress",town="a",type="issue"}`:                        2,
		`gastown_beads{status="open",town="a",type="issue"}`:                               1,
		`gastown_agents{role="polecat",status="working",town="a"}`:                         2,
		`gastown_bead_state_age_seconds_max{status="in_progress",town="a"}`:                70,
		`gastown_bead_state_age_seconds_max{status="open",town="a"}`:                       10,
		`gastown_reconciler_tick_age_seconds{town="a"}`:                                    10,
		`gastown_reconciler_interval_seconds{town="a"}`:                                    5,
		`gastown_reconciler_last_tick_timestamp_seconds{town="a"}`:                         float64(born.Unix()) + 60,
		`gastown_progress_last_timestamp_seconds{town="a"}`:                                float64(born.Unix()) + 60,
		`gastown_runnable_work{town="a"}`:                                                  0,
		`gastown_merge_queue_depth{rig="rig-0",town="a"}`:                                  0,
		`gastown_reconciler_tick_duration_seconds_bucket{town="a",le="1.0"}`:               2,
		`gastown_reconciler_tick_duration_seconds_bucket{town="a",le="0.5"}`:               0,
	})
	expect(t, text, map[string]float64{
		`gastown_reconciler_last_tick_duration_seconds{town="a"}`: 0.7,
		`gastown_town_loaded_timestamp_seconds{town="a"}`:         float64(born.Unix()),
	})
	// The labels of an exemplar have no order.
	if !strings.Contains(text, `le="1.0"} 2 # {tick="2",town="a"} 0.7`) && !strings.Contains(text, `le="1.0"} 2 # {town="a",tick="2"} 0.7`) {
		t.Error("the duration has no exemplar with tick 2 of town a")
	}
	// An attempt is counted once, also if its bead changes again within the same millisecond.
	c.at = born.Add(time.Minute)
	title := "Another title"
	w.step(town.Event{Bead: agents[1].Hook, By: "admin", Payload: &town.BeadUpdated{Title: &title}})
	expect(t, scrape(t, m), map[string]float64{`gastown_dispatch_attempts_total{outcome="dispatch_rejected",town="a"}`: 1})
}

// A finished change that waits behind another is seen waiting, and one that is over is not.
func TestTheMergeQueueIsMeasured(t *testing.T) {
	t.Parallel()
	m, c := fresh(0)
	w := newTown(t, m, c, "a")
	w.furnish(1, 3, 3)
	for _, a := range w.working() {
		w.step(from(a, &town.DispatchAccepted{}))
		done := w.step(from(a, &town.AgentDone{Branch: w.s.Bead(a.Hook).Branch, Head: "c0ffee"}))
		w.step(town.Event{Bead: town.BeadID(done.Events[0].Made[0]), By: "effect", Payload: &town.BranchVerified{Head: "c0ffee", Ahead: 1}})
	}
	c.at = c.at.Add(20 * time.Minute)
	expect(t, scrape(t, m), map[string]float64{
		`gastown_merge_queue_depth{rig="rig-0",town="a"}`:          3,
		`gastown_merge_queue_oldest_seconds{rig="rig-0",town="a"}`: 1200,
		`gastown_beads{status="in_review",town="a",type="issue"}`:  3,
		`gastown_runnable_work{town="a"}`:                          0, // the refinery is at work
	})
	refinery := w.s.Agent(town.RefineryOf("rig-0"))
	mr := refinery.Hook
	w.step(from(refinery, &town.MergeTested{Commit: "deadbeef", Tip: "7171"}))
	w.step(town.Event{Bead: mr, By: "effect", Payload: &town.MergeCompleted{Commit: "deadbeef"}})
	w.step(town.Event{By: "admin", Payload: &town.TownPaused{Reason: "lunch"}})
	c.at = c.at.Add(10 * time.Minute)
	expect(t, scrape(t, m), map[string]float64{
		`gastown_merge_queue_depth{rig="rig-0",town="a"}`:          2,
		`gastown_merge_queue_oldest_seconds{rig="rig-0",town="a"}`: 0, // nobody's turn comes in a pause
		`gastown_dispatch_attempts_total{outcome="done",town="a"}`: 4,
	})
}

// Above the limit there are totals: what can be added up is, and else the worst town speaks for all.
func TestManyTownsAreOne(t *testing.T) {
	t.Parallel()
	m, c := fresh(2)
	for i := range 2 {
		newTown(t, m, c, town.TownID(fmt.Sprint("t", i))).furnish(3, 1, 4)
	}
	if text := scrape(t, m); !strings.Contains(text, `gastown_merge_queue_depth{rig="",town="t1"}`) {
		t.Error("the rigs of a town with more than two are told apart")
	}
	c.at = c.at.Add(9 * time.Second)
	newTown(t, m, c, "t2").furnish(3, 1, 4)
	text := scrape(t, m)
	if series := regexp.MustCompile(` # .*`).ReplaceAllString(text, ""); strings.Contains(series, `town="t`) {
		t.Error("there are series of a town of its own")
	}
	expect(t, text, map[string]float64{
		`gastown_reconciler_ticks_total{town=""}`:                   3,
		`gastown_beads{status="open",town="",type="issue"}`:         9,
		`gastown_reconciler_tick_age_seconds{town=""}`:              9,
		`gastown_reconciler_last_tick_timestamp_seconds{town=""}`:   float64(born.Unix()),
		`gastown_progress_last_timestamp_seconds{town=""}`:          float64(born.Unix()) + 9,
		`gastown_bead_state_age_seconds_max{status="open",town=""}`: 9,
		`gastown_merge_queue_depth{rig="",town=""}`:                 0,
		`gastown_reconciler_tick_duration_seconds_count{town=""}`:   3,
		`gastown_town_loaded_timestamp_seconds{town=""}`:            float64(born.Unix()),
	})
}

// A scrape sees what the last tick left. It does not wait for a loop that is at work, of which it may miss what that did
// in the second before.
func TestAScrapeWaitsForNoLoop(t *testing.T) {
	t.Parallel()
	m, c := fresh(0)
	w := newTown(t, m, c, "a")
	w.furnish(1, 1, 2)
	const waiting = `gastown_beads{status="open",town="a",type="issue"}`
	expect(t, scrape(t, m), map[string]float64{waiting: 1})
	another := func() {
		w.step(town.Event{By: "admin", Payload: &town.BeadCreated{Beads: []town.NewBead{{Title: "One more", Rig: "rig-0"}}}})
	}
	another()
	w.mu.Lock()
	expect(t, scrape(t, m), map[string]float64{waiting: 1, `gastown_reconciler_ticks_total{town="a"}`: 2})
	w.mu.Unlock()
	expect(t, scrape(t, m), map[string]float64{waiting: 2})

	c.at = c.at.Add(pictureEvery)
	another()
	w.mu.Lock()
	defer w.mu.Unlock()
	expect(t, scrape(t, m), map[string]float64{waiting: 3})
}

// What was on record before the server's start is known after it.
func TestAStartKnowsTheTown(t *testing.T) {
	t.Parallel()
	m, c := fresh(0)
	w := newTown(t, m, c, "a")
	w.furnish(1, 1, 2)
	c.at = c.at.Add(time.Hour)
	again := New(Options{Now: c.now})
	again.Begin("a", w.s, w.look)
	expect(t, scrape(t, again), map[string]float64{
		`gastown_progress_last_timestamp_seconds{town="a"}`:                  float64(born.Unix()),
		`gastown_bead_state_age_seconds_max{status="in_progress",town="a"}`:  3600,
		`gastown_beads{status="open",town="a",type="issue"}`:                 1,
		`gastown_reconciler_tick_age_seconds{town="a"}`:                      0,
		`gastown_reconciler_actions_total{action="dispatch_agent",town="a"}`: 0,
	})
}

// The total of violations goes on where it was when the server, or the program, is another one. What it was then is
// beside it, so that whoever asks for the first time after the first tick still sees what that tick found.
func TestViolationsAreTotalledOverRestarts(t *testing.T) {
	t.Parallel()
	m, c := fresh(0)
	w := newTown(t, m, c, "a")
	w.furnish(1, 1, 1)
	w.damage()
	c.at = c.at.Add(time.Minute)
	w.step()
	total, before := `gastown_invariant_violations_total{invariant="10",town="a"}`, `gastown_invariant_violations_at_load{invariant="10",town="a"}`
	recovered := `gastown_invariant_recoveries_total{invariant="10",town="a"}`
	expect(t, scrape(t, m), map[string]float64{total: 1, before: 0, recovered: 1})

	w.m = New(Options{Now: c.now})
	w.damage()
	w.m.Begin("a", w.s, w.look)
	expect(t, scrape(t, w.m), map[string]float64{total: 1, before: 1, recovered: 0})
	c.at = c.at.Add(time.Minute)
	w.step()
	expect(t, scrape(t, w.m), map[string]float64{total: 2, before: 1, recovered: 1})
}

// Senders cannot make series at will.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	m, _ := fresh(0)
	m.Served("GET /api/towns/{townId}", "GET", 200, time.Millisecond)
	m.Served("", "BREW", 405, time.Millisecond)
	expect(t, scrape(t, m), map[string]float64{
		`gastown_http_request_duration_seconds_count{code="200",method="GET",route="/api/towns/{townId}"}`: 1,
		`gastown_http_request_duration_seconds_count{code="405",method="other",route="none"}`:              1,
	})
}

// What fails is there before anything has failed, or its first count would not be seen.
func TestFailuresOfTheJournal(t *testing.T) {
	t.Parallel()
	m, _ := fresh(0)
	commits, appends := "gastown_journal_commit_failures_total", "gastown_journal_append_failures_total"
	expect(t, scrape(t, m), map[string]float64{commits: 0, appends: 0})
	m.Commit(time.Millisecond, fmt.Errorf("the disk is full"))
	m.AppendFailed()
	m.AppendFailed()
	const newest = "gastown_journal_last_commit_duration_seconds"
	expect(t, scrape(t, m), map[string]float64{commits: 1, appends: 2, newest: 0.001})
}

// Scrapes, ticks, looks and effects come at the same time.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	m := New(Options{})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			w := &watched{t: t, m: m, id: town.TownID(fmt.Sprint("t", i)), clock: &clock{at: born}, s: town.New("t", "T", "testtownaaaaaaaaaaaaaaaaaa", town.TimeOf(born))}
			m.Begin(w.id, w.s, w.look)
			w.furnish(1, 2, 5)
			for range 50 {
				w.step()
				m.Observed(w.id, town.Running, true)
				m.Effect(w.id, town.EffectStop, "attempted")
			}
		})
	}
	for range 20 {
		scrape(t, m)
	}
	all.Wait()
	expect(t, scrape(t, m), map[string]float64{
		`gastown_reconciler_ticks_total{town="t3"}`:                         51,
		`gastown_container_status_events_total{status="running",town="t0"}`: 50,
	})
}
