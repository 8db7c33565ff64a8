package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"gastown/internal/journal"
	"gastown/internal/journal/sqlite"
	"gastown/internal/town"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// outside notes what a controller sends out.
type outside struct {
	mu      sync.Mutex
	effects []town.Effect
	steps   int
	commits int
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

func (o *outside) Tick(town.TownID, *town.Tick, time.Duration, int, *town.State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.steps++
}

func (o *outside) Commit(time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.commits++
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

func openJournal(t testing.TB, path string) journal.Journal {
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
	path := filepath.Join(t.TempDir(), "gastown.db")
	synctest.Test(t, func(t *testing.T) {
		j := openJournal(t, path)
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

// TestPlanIsTheNextTick holds the loop off by reading a plan first and letting it go on then.
func TestPlanIsTheNextTick(t *testing.T) {
	t.Parallel()
	j := openJournal(t, filepath.Join(t.TempDir(), "gastown.db"))
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
	if err != nil || string(got[0].Encode()) != string(plan.Encode()) {
		t.Errorf("the tick is not the plan (%v)\nplan %+v\ntick %+v", err, plan, got[0])
	}
	if len(plan.Effects) != 1 || o.carriedIDs()[0] != plan.Effects[0].ID {
		t.Errorf("effects %v, planned %v", o.carriedIDs(), plan.Effects)
	}
}

func TestKnownEventsGetTheFirstAnswer(t *testing.T) {
	t.Parallel()
	j := openJournal(t, filepath.Join(t.TempDir(), "gastown.db"))
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

// TestNothingStartsBeforeItIsDurable refuses commits for a while: no effect may start, no answer
// may come, the state stays, and all of it happens once the journal is well.
func TestNothingStartsBeforeItIsDurable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gastown.db")
	synctest.Test(t, func(t *testing.T) {
		f := &failing{Journal: openJournal(t, path)}
		c, o := start(t, f)
		withRig(t, c)
		f.set(journal.ErrFull)
		answered := make(chan error, 1)
		go func() {
			_, err := c.Submit(context.Background(), "main", bead("x"))
			answered <- err
		}()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if ids := o.carriedIDs(); len(ids) != 0 {
			t.Errorf("effects %v started before they were durable", ids)
		}
		if err := c.Ready(); !errors.Is(err, journal.ErrFull) {
			t.Errorf("ready: %v", err)
		}
		select {
		case err := <-answered:
			t.Errorf("answered before it was durable: %v", err)
		default:
		}
		_ = c.Read("main", func(s *town.State) {
			if n := len(s.Beads()); n != 0 {
				t.Errorf("%d beads are seen that are not durable", n)
			}
		})
		f.set(nil)
		if err := <-answered; err != nil {
			t.Error(err)
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
	j := openJournal(t, filepath.Join(t.TempDir(), "gastown.db"))
	defer func() { _ = j.Close() }()
	c, o := start(t, j)
	withRig(t, c)
	if _, err := c.Submit(context.Background(), "main", bead("x")); err != nil {
		t.Fatal(err)
	}
	c.Stop()
	first := o.carriedIDs()
	c, o = start(t, j)
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
	if ids := o.carriedIDs(); len(ids) != 0 {
		t.Errorf("answered effects %v were carried out again", ids)
	}
}

func TestSubscribersSeeEveryTick(t *testing.T) {
	t.Parallel()
	j := openJournal(t, filepath.Join(t.TempDir(), "gastown.db"))
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
