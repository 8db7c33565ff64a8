package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"gastown/internal/journal"
	"gastown/internal/journal/memory"
	"gastown/internal/journal/sqlite"
	"gastown/internal/town"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// outside notes what a controller sends out.
type outside struct {
	mu      sync.Mutex
	effects []town.Effect
	steps   int
	waiting int // events that wait, as last told
	pending int // the most that ever did
	commits int
	refused int // appends that failed
	looks   int
	events  int
	carried chan town.Effect // if not nil, gets every effect
}

func (o *outside) Carry(_ town.TownID, effects []town.Effect) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.effects = append(o.effects, effects...)
	if o.carried != nil {
		for _, e := range effects {
			o.carried <- e
		}
	}
}

func (o *outside) Begin(town.TownID, *town.State, func(func(*town.State)) bool) {}

func (o *outside) Rest(town.TownID, time.Duration) {}

func (o *outside) Pending(_ town.TownID, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = n
	o.pending = max(o.pending, n)
}

func (o *outside) Tick(town.TownID, *town.Tick, time.Duration, *town.State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.steps++
}

func (o *outside) Gates(town.TownID, []town.GateRun) {}

func (o *outside) Commit(time.Duration, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.commits++
}

func (o *outside) AppendFailed() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused++
}

func (o *outside) refusals() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.refused
}

func (o *outside) Observed(_ town.TownID, _ town.Observed, event bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.looks++
	if event {
		o.events++
	}
}

// counted returns the steps, looks and events so far.
func (o *outside) counted() (steps, looks, events int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.steps, o.looks, o.events
}

func (o *outside) carriedIDs() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []string
	for _, e := range o.effects {
		out = append(out, e.ID)
	}
	return out
}

// openJournal returns a journal in memory. It goes on after a controller has stopped, as a file does.
func openJournal(t testing.TB) journal.Journal {
	t.Helper()
	j, err := memory.NewStore().Open()
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// openFile returns a journal in a file, for what is about that, or measures it.
func openFile(t testing.TB, path string) journal.Journal {
	t.Helper()
	j, err := sqlite.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func start(t testing.TB, j journal.Journal) (*Controller, *outside) {
	t.Helper()
	o := &outside{}
	c := New(Options{Journal: j, Effects: o, Meter: o, Log: slog.New(slog.DiscardHandler)})
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return c, o
}

func event(p town.Payload) town.Event {
	return town.Event{Type: p.Type(), Payload: p, By: "test"}
}

// withRig makes a town that can dispatch.
func withRig(t testing.TB, c *Controller) {
	t.Helper()
	ctx := context.Background()
	if err := c.CreateTown(ctx, "main", "Main"); err != nil {
		t.Fatal(err)
	}
	many, starts := 1000, 100
	res, err := c.Submit(ctx, "main",
		event(&town.TownConfigured{Settings: town.Settings{
			Agents:            map[town.Role]town.AgentCommand{town.Polecat: {Preset: "script", Args: []string{"x"}}},
			MaxPolecatsPerRig: &many, MaxAgents: &many, MaxStartsPerTick: &starts,
		}}),
		event(&town.RigAdded{Rig: "web", URL: "/x", DefaultBranch: "main"}))
	if err != nil || res[0].Outcome.Verdict != town.Applied || res[1].Outcome.Verdict != town.Applied {
		t.Fatalf("%+v, %v", res, err)
	}
}

func bead(title string) town.Event {
	return event(&town.BeadCreated{Beads: []town.NewBead{{Title: title}}})
}

// TestQuietTownWritesNothing lets a thousand alarms ring in a town where nothing happens.
func TestQuietTownWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := openJournal(t)
		c, o := start(t, j)
		withRig(t, c)
		synctest.Wait()
		before, err := j.Stats(t.Context(), "main")
		if err != nil {
			t.Fatal(err)
		}
		steps, _, _ := o.counted()
		time.Sleep(1001 * idleAlarm)
		synctest.Wait()
		after, err := j.Stats(t.Context(), "main")
		if err != nil {
			t.Fatal(err)
		}
		if rang, _, _ := o.counted(); rang < steps+1000 {
			t.Errorf("%d alarms rang, want 1000", rang-steps)
		}
		if before.Ticks != after.Ticks || before.Events != after.Events {
			t.Errorf("a quiet town wrote: %+v, before %+v", after, before)
		}
		c.Stop()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Events that wait together are counted as such, for the metric and for the status document.
func TestPendingEventsAreCounted(t *testing.T) {
	t.Parallel()
	j := openJournal(t)
	defer j.Close()
	c, o := start(t, j)
	defer c.Stop()
	withRig(t, c)
	ctx := context.Background()
	batch := make([]town.Event, 7)
	for i := range batch {
		batch[i] = event(&town.BeadCreated{Beads: []town.NewBead{{Title: fmt.Sprint("Task ", i), Rig: "web", Held: true}}})
	}
	if _, err := c.Submit(ctx, "main", batch...); err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	pending := o.pending
	o.mu.Unlock()
	st, err := c.Status("main")
	if err != nil || pending != len(batch) || st.Reconciler.PendingEventCount != len(batch) {
		t.Errorf("the metric is told of %d and the status of %d pending events, want %d (%v)", pending, st.Reconciler.PendingEventCount, len(batch), err)
	}
}

// What waited while no server ran is counted too, also beyond what one tick takes; in the end nothing waits.
func TestPendingEventsAreCountedAfterAStart(t *testing.T) {
	t.Parallel()
	j := openJournal(t)
	defer j.Close()
	c, _ := start(t, j)
	withRig(t, c)
	c.Stop()
	batch := make([]town.Event, 2*town.MaxEvents+200)
	for i := range batch {
		batch[i] = event(&town.BeadCreated{Beads: []town.NewBead{{Title: "Task", Rig: "web", Held: true}}})
		batch[i].ID = fmt.Sprint("e", i)
	}
	if _, err := j.Append(t.Context(), "main", batch); err != nil {
		t.Fatal(err)
	}
	c, o := start(t, j)
	defer c.Stop()
	if _, err := c.Submit(t.Context(), "main", bead("the last")); err != nil {
		t.Fatal(err)
	}
	st, err := c.Status("main")
	if err != nil || st.Reconciler.PendingEventCount > town.MaxEvents {
		t.Fatalf("%d events waited for the last tick (%v)", st.Reconciler.PendingEventCount, err)
	}
	c.Stop()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pending < len(batch) || o.pending > len(batch)+1 || o.waiting != 0 {
		t.Errorf("at most %d events are said to have waited, and %d in the end; there were %d", o.pending, o.waiting, len(batch))
	}
}

// The status document says what keeps starts back, and what became of the effects of the last tick.
func TestStatusTellsWhatKeepsStartsBack(t *testing.T) {
	t.Parallel()
	j := openJournal(t)
	defer j.Close()
	c, o := start(t, j)
	defer c.Stop()
	withRig(t, c)
	ctx := context.Background()
	const n = 20 // as many as open a breaker
	for i := range n {
		if _, err := c.Submit(ctx, "main", bead(fmt.Sprint("Task ", i))); err != nil {
			t.Fatal(err)
		}
	}
	o.mu.Lock()
	var refused []town.Event
	for _, e := range o.effects {
		refused = append(refused, town.Event{Type: "dispatch_rejected", Agent: e.Agent, Run: e.Run, By: "effect",
			Payload: &town.DispatchRejected{Class: "git_network", Infra: true, Reason: "no route"}})
	}
	o.mu.Unlock()
	if len(refused) != n {
		t.Fatalf("%d agents were started, want %d", len(refused), n)
	}
	if _, err := c.Submit(ctx, "main", append(refused, event(&town.ContainerEviction{Nonce: "n1"}))...); err != nil {
		t.Fatal(err)
	}
	st, err := c.Status("main")
	if err != nil {
		t.Fatal(err)
	}
	if st.Reconciler.SideEffectsFailed != n || st.Reconciler.SideEffectsSucceeded != 0 {
		t.Errorf("the figures are %+v", st.Reconciler)
	}
	if len(st.Breakers) != 1 || st.Breakers[0].ID() != "rig:web/git_network" || !st.Draining || st.DrainStarted == 0 {
		t.Errorf("breakers are %v, draining is %v since %s", st.Breakers, st.Draining, st.DrainStarted)
	}
}

// TestPlanIsTheNextTick holds the loop off by reading a plan first and letting it go on then.
func TestPlanIsTheNextTick(t *testing.T) {
	t.Parallel()
	j := openJournal(t)
	defer func() { _ = j.Close() }()
	ctx := context.Background()
	c, _ := start(t, j)
	withRig(t, c)
	c.Stop()
	if _, err := j.Append(ctx, "main", []town.Event{{ID: "1", Type: "bead_created", Payload: bead("x").Payload}}); err != nil {
		t.Fatal(err)
	}
	frozen := time.Now().Add(time.Minute)
	o := &outside{}
	c = New(Options{Journal: j, Effects: o, Meter: o, Now: func() time.Time { return frozen }, Log: slog.New(slog.DiscardHandler)})
	s, err := journal.Recover(ctx, j, "main")
	if err != nil {
		t.Fatal(err)
	}
	l := newLoop(c, "main", s)
	c.loops["main"] = l
	plan, err := c.Plan(ctx, "main")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.turns(ctx); err != nil {
		t.Fatal(err)
	}
	got, err := j.Ticks(ctx, "main", journal.TickFilter{Newest: true, Limit: 1})
	if err != nil || string(got[0].Encode()) != string(plan.Tick.Encode()) {
		t.Errorf("the tick is not the plan (%v)\nplan %+v\ntick %+v", err, plan, got[0])
	}
	if len(plan.Tick.Effects) != 1 || o.carriedIDs()[0] != plan.Tick.Effects[0].ID {
		t.Errorf("effects %v, planned %v", o.carriedIDs(), plan.Tick.Effects)
	}
}

func TestKnownEventsGetTheFirstAnswer(t *testing.T) {
	t.Parallel()
	j := openJournal(t)
	defer func() { _ = j.Close() }()
	c, _ := start(t, j)
	defer c.Stop()
	withRig(t, c)
	e := bead("x")
	for round := range 50 {
		e.ID = fmt.Sprintf("018f0000-0000-7000-8000-%012d", round)
		submitAtOnce(t, c, e)
	}
}

// submitAtOnce submits one event eight times, side by side: each call must get the same answer.
func submitAtOnce(t *testing.T, c *Controller, e town.Event) {
	t.Helper()
	results := make([]Result, 8)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() {
			res, err := c.Submit(t.Context(), "main", e)
			if err != nil {
				t.Error(err)
				return
			}
			results[i] = res[0]
		})
	}
	all.Wait()
	firsts := 0
	for _, r := range results {
		if !r.Duplicate {
			firsts++
		}
		if len(r.Outcome.Made) != 1 || len(results[0].Outcome.Made) != 1 || r.Outcome.Made[0] != results[0].Outcome.Made[0] || r.Tick != results[0].Tick {
			t.Errorf("%+v, another got %+v", r, results[0])
		}
	}
	if firsts != 1 {
		t.Errorf("%d of 8 were the first", firsts)
	}
}

// failing is a journal whose ticks cannot be committed while it is told so.
type failing struct {
	journal.Journal
	mu   sync.Mutex
	fail error
}

func (f *failing) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

func (f *failing) CommitTick(ctx context.Context, id town.TownID, tk *town.Tick) error {
	f.mu.Lock()
	err := f.fail
	f.mu.Unlock()
	if err != nil {
		return err
	}
	return f.Journal.CommitTick(ctx, id, tk)
}

// TestNothingStartsBeforeItIsDurable refuses commits for a while: no effect may start, the only answer is that
// nothing has happened yet, the state stays, and all of it happens once the journal is well.
func TestNothingStartsBeforeItIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{Journal: openJournal(t)}
		c, o := start(t, f)
		withRig(t, c)
		f.set(journal.ErrFull)
		began, e := time.Now(), bead("x")
		e.ID = "once"
		_, err := c.Submit(context.Background(), "main", e)
		if !errors.Is(err, ErrUnapplied) || !errors.Is(err, journal.ErrFull) {
			t.Errorf("the answer is %v", err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the answer takes %s", took)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if ids := o.carriedIDs(); len(ids) != 0 {
			t.Errorf("effects %v started before they were durable", ids)
		}
		if err := c.Ready(); !errors.Is(err, journal.ErrFull) {
			t.Errorf("ready: %v", err)
		}
		_ = c.Read("main", func(s *town.State) {
			if n := len(s.Beads()); n != 0 {
				t.Errorf("%d beads are seen that are not durable", n)
			}
		})
		f.set(nil)
		res, err := c.Submit(context.Background(), "main", e)
		if err != nil || !res[0].Duplicate || res[0].Outcome.Verdict != town.Applied {
			t.Errorf("repeated with its id: %+v, %v", res, err)
		}
		synctest.Wait()
		if ids := o.carriedIDs(); len(ids) != 1 {
			t.Errorf("effects %v, want one", ids)
		}
		if err := c.Ready(); err != nil {
			t.Errorf("ready again: %v", err)
		}
		c.Stop()
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestUnansweredEffectsAreCarriedOutAgain stops a controller before its effect was answered.
func TestUnansweredEffectsAreCarriedOutAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := openJournal(t)
		defer func() { _ = j.Close() }()
		c, o := start(t, j)
		withRig(t, c)
		if _, err := c.Submit(context.Background(), "main", bead("x")); err != nil {
			t.Fatal(err)
		}
		c.Stop()
		first := o.carriedIDs()
		c, o = start(t, j)
		synctest.Wait()
		again := o.carriedIDs()
		if len(first) != 1 || len(again) != 1 || first[0] != again[0] {
			t.Errorf("carried %v, after a restart %v", first, again)
		}
		e := event(&town.DispatchAccepted{})
		e.Agent, e.Run = "toast", 1
		if res, err := c.Submit(context.Background(), "main", e); err != nil || res[0].Outcome.Verdict != town.Applied {
			t.Fatalf("%+v, %v", res, err)
		}
		c.Stop()
		c, o = start(t, j)
		defer c.Stop()
		synctest.Wait()
		if ids := o.carriedIDs(); len(ids) != 0 {
			t.Errorf("answered effects %v were carried out again", ids)
		}
	})
}

// A server dies between the arrival of an answer and the tick that takes it. The next one must take
// the answer before it repeats the effect: a start that was rejected and is then carried out after
// all would leave a process that the town knows nothing of.
func TestAnswersOnRecordComeBeforeRepeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := openJournal(t)
		defer func() { _ = j.Close() }()
		c, o := start(t, j)
		withRig(t, c)
		if _, err := c.Submit(context.Background(), "main", bead("x")); err != nil {
			t.Fatal(err)
		}
		c.Stop()
		if ids := o.carriedIDs(); len(ids) != 1 {
			t.Fatalf("carried %v, want one start", ids)
		}
		answer := event(&town.DispatchRejected{Class: "clone", Infra: true, Reason: "no network"})
		answer.ID, answer.Agent, answer.Run = "answer", o.effects[0].Agent, o.effects[0].Run
		if _, err := j.Append(context.Background(), "main", []town.Event{answer}); err != nil {
			t.Fatal(err)
		}
		c, o = start(t, j)
		defer c.Stop()
		synctest.Wait()
		if ids := o.carriedIDs(); len(ids) != 0 {
			t.Errorf("carried out again after its rejection: %v", ids)
		}
	})
}

func TestSubscribersSeeEveryTick(t *testing.T) {
	t.Parallel()
	j := openJournal(t)
	defer func() { _ = j.Close() }()
	c, _ := start(t, j)
	withRig(t, c)
	ticks, end, err := c.Subscribe("main")
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	res, err := c.Submit(context.Background(), "main", bead("x"))
	if err != nil {
		t.Fatal(err)
	}
	if tk := <-ticks; tk.No != res[0].Tick {
		t.Errorf("tick %d, the event was in %d", tk.No, res[0].Tick)
	}
	c.Stop()
	if _, open := <-ticks; open {
		t.Error("the stream goes on after the end")
	}
	if _, err := c.Submit(context.Background(), "main", bead("y")); !errors.Is(err, ErrStopping) {
		t.Errorf("after the end: %v", err)
	}
}
