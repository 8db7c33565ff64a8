package controller

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gastown/internal/journal"
	"gastown/internal/runtime"
	"gastown/internal/town"
)

// told is a runtime that says what a test tells it to.
type told struct {
	runtime.Runtime
	mu        sync.Mutex
	reports   []runtime.Report
	err       error
	exits     chan runtime.Report
	forgotten []runtime.Key
}

func (r *told) List(context.Context) ([]runtime.Report, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.reports), r.err
}

// Stop ends the run that is reported.
func (r *told) Stop(_ context.Context, k runtime.Key) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.reports {
		if r.reports[i].Key == k {
			r.reports[i].State = runtime.StateExited
		}
	}
	return nil
}

func (r *told) Exits() <-chan runtime.Report { return r.exits }

func (r *told) Forget(_ context.Context, k runtime.Key) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgotten = append(r.forgotten, k)
	return nil
}

func (r *told) tell(f func(*told)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r)
}

func statuses(t *testing.T, j journal.Journal) []string {
	t.Helper()
	events, err := j.Events(context.Background(), "main", journal.EventFilter{Types: []town.EventType{
		"container_status", "heartbeat_lost", "heartbeat_resumed", "agent_completed", "activity_stopped", "activity_resumed",
	}})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range events {
		s := string(e.Type)
		if p, ok := e.Payload.(*town.ContainerStatus); ok {
			s = string(p.Status)
		}
		out = append(out, s)
	}
	return out
}

// observed has an observer run over the controller's towns until end is called.
func observed(c *Controller, rt runtime.Runtime) (ob *Observer, end func()) {
	ob = NewObserver(c, rt)
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { ob.Run(ctx) })
	return ob, func() {
		cancel()
		watching.Wait()
	}
}

// toastKey names the first run of the agent toast.
func toastKey(t *testing.T, c *Controller) runtime.Key {
	t.Helper()
	h, err := c.History("main")
	if err != nil {
		t.Fatal(err)
	}
	return runtime.Key{History: string(h), Town: "main", Agent: "toast", Run: 1}
}

// accept brings in that the first run of the agent toast was started.
func accept(t *testing.T, c *Controller) {
	t.Helper()
	e := event(&town.DispatchAccepted{})
	e.Agent, e.Run = "toast", 1
	if _, err := c.Submit(t.Context(), "main", e); err != nil {
		t.Fatal(err)
	}
}

// TestOnlyDifferencesBecomeEvents watches an agent for an hour, through silence and a runtime that
// does not answer, to its end.
func TestOnlyDifferencesBecomeEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := openJournal(t)
		c, o := start(t, j)
		withRig(t, c)
		key := toastKey(t, c)
		rt := &told{exits: make(chan runtime.Report)}
		beat := func(lives bool) {
			rt.tell(func(r *told) {
				r.err = nil // it answers again with what it has heard meanwhile
				heard := time.Now()
				if !lives && len(r.reports) > 0 {
					heard = r.reports[0].Heartbeat
				}
				r.reports = []runtime.Report{{Key: key, State: runtime.StateRunning, Heartbeat: heard}}
			})
		}
		beat(true)
		ob, end := observed(c, rt)
		if _, err := c.Submit(t.Context(), "main", bead("x")); err != nil {
			t.Fatal(err)
		}
		accept(t, c)
		ob.Poke()

		for range 360 { // an hour of health
			beat(true)
			time.Sleep(10 * time.Second)
		}
		synctest.Wait()
		if got := statuses(t, j); !slices.Equal(got, []string{"running"}) {
			t.Errorf("an hour of health: %v", got)
		}
		if _, looks, events := o.counted(); looks < 700 || events != 1 {
			t.Errorf("%d looks, %d events", looks, events)
		}

		rt.tell(func(r *told) { r.err = errors.New("away") })
		time.Sleep(5 * time.Minute)
		beat(true)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := statuses(t, j); !slices.Equal(got, []string{"running", "unknown", "running"}) {
			t.Errorf("a runtime that was away: %v", got)
		}
		_ = c.Read("main", func(s *town.State) {
			if a := s.Agent("toast"); a.Status != town.Working || a.Hook == "" {
				t.Errorf("unknown must not take its bead: %+v", a)
			}
		})

		rt.exits <- runtime.Report{Key: key, State: runtime.StateExited, ExitCode: 3}
		synctest.Wait()
		if got := statuses(t, j); !slices.Equal(got[3:], []string{"exited", "agent_completed"}) {
			t.Errorf("the end: %v", got)
		}
		if _, _, events := o.counted(); events != 4 {
			t.Errorf("%d events are counted, four are in the journal", events)
		}
		if !slices.Equal(rt.forgotten, []runtime.Key{key}) {
			t.Errorf("forgotten %v", rt.forgotten)
		}
		end()
		c.Stop()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestSilenceIsALostHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := openJournal(t)
		c, _ := start(t, j)
		withRig(t, c)
		rt := &told{exits: make(chan runtime.Report), reports: []runtime.Report{
			{Key: toastKey(t, c), State: runtime.StateRunning, Heartbeat: time.Now()},
		}}
		ob, end := observed(c, rt)
		if _, err := c.Submit(t.Context(), "main", bead("x")); err != nil {
			t.Fatal(err)
		}
		accept(t, c)
		ob.Poke()
		time.Sleep(town.HeartbeatMissing.Std() - time.Second)
		synctest.Wait()
		if got := statuses(t, j); !slices.Equal(got, []string{"running"}) {
			t.Errorf("just before: %v", got)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := statuses(t, j); len(got) < 3 || got[1] != "unresponsive" || got[2] != "heartbeat_lost" {
			t.Errorf("just after: %v", got)
		}
		_ = c.Read("main", func(s *town.State) {
			if b := s.Beads()[0]; b.Status != town.Open || b.Attempts[0].Outcome != town.AttemptLost {
				t.Errorf("the bead is %s, attempts %+v", b.Status, b.Attempts)
			}
		})
		end()
		c.Stop()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

// The answer to a start may be from a server that was killed: it is taken after the observer's first look, and nobody
// tells the observer. The agent is seen all the same.
func TestAStartThatIsAnsweredLateIsLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := openJournal(t)
		c, _ := start(t, j)
		withRig(t, c)
		if _, err := c.Submit(t.Context(), "main", bead("x")); err != nil {
			t.Fatal(err)
		}
		rt := &told{exits: make(chan runtime.Report), reports: []runtime.Report{
			{Key: toastKey(t, c), State: runtime.StateRunning, Heartbeat: time.Now()},
		}}
		_, end := observed(c, rt)
		synctest.Wait()
		accept(t, c)
		time.Sleep(lookEvery + time.Millisecond)
		synctest.Wait()
		if got := statuses(t, j); !slices.Equal(got, []string{"running"}) {
			t.Errorf("seen was %v, want running", got)
		}
		end()
		c.Stop()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestHowARunEnded(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		report runtime.Report
		want   town.AgentCompleted
	}{
		{runtime.Report{}, town.AgentCompleted{Result: town.RunCompleted}},
		{runtime.Report{ExitCode: 3}, town.AgentCompleted{Result: town.RunFailed, ExitCode: 3}},
		{runtime.Report{ExitCode: -1, Signal: "killed"}, town.AgentCompleted{Result: town.RunFailed, ExitCode: -1, Reason: "its process was ended by signal: killed"}},
		{runtime.Report{ExitCode: -1, Reason: runtime.ReasonStopped, Signal: "terminated"}, town.AgentCompleted{Result: town.RunFailed, ExitCode: -1, Reason: "stopped"}},
		{runtime.Report{ExitCode: -1, Reason: runtime.ReasonSupervisorLost}, town.AgentCompleted{Result: town.RunEvicted, ExitCode: -1, Reason: "supervisor_lost"}},
	} {
		if got := completion(x.report); *got != x.want {
			t.Errorf("%+v ended as %+v, want %+v", x.report, *got, x.want)
		}
	}
}

// An agent that was there before is given the time of three heartbeats before it is unknown; one that
// was never seen is unknown at once, so that its start grace does not end it.
func TestPatienceWithARuntimeThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	o := &Observer{c: &Controller{opts: Options{Now: func() time.Time { return now }}}}
	limit := town.HeartbeatMissing.Std()
	for _, x := range []struct {
		observed town.Observed
		ago      time.Duration
		want     bool
	}{
		{town.Running, 0, true},
		{town.Running, limit - 1, true},
		{town.Running, limit, false},
		{town.Unresponsive, limit - 1, true},
		{town.NotObserved, 0, false},
		{town.Starting, 0, false},
		{town.Unknown, 0, false},
	} {
		if got := o.patient(&town.Agent{Observed: x.observed}, now.Add(-x.ago)); got != x.want {
			t.Errorf("%q, unclear for %s: patient is %t, want %t", x.observed, x.ago, got, x.want)
		}
	}
}

// TestSilenceIsToldOncePerChange watches an agent that lives and stops writing: at a quarter of an hour
// that is told, once, and that it writes again, once.
func TestSilenceIsToldOncePerChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := openJournal(t)
		c, _ := start(t, j)
		withRig(t, c)
		rt := &told{exits: make(chan runtime.Report)}
		wrote := time.Now()
		beat := func() {
			rt.tell(func(r *told) {
				r.reports = []runtime.Report{{
					Key: toastKey(t, c), State: runtime.StateRunning, Heartbeat: time.Now(), Activity: wrote,
				}}
			})
		}
		live := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(lookEvery) {
				beat()
			}
			synctest.Wait()
		}
		beat() // whenever the observer looks for the first time
		ob, end := observed(c, rt)
		if _, err := c.Submit(t.Context(), "main", bead("x")); err != nil {
			t.Fatal(err)
		}
		accept(t, c)
		live(lookEvery)
		ob.Poke()
		live(town.ActivityWarn.Std() - 2*lookEvery)
		if got := statuses(t, j); !slices.Equal(got, []string{"running"}) {
			t.Errorf("just before: %v", got)
		}
		live(2 * time.Minute)
		if got := statuses(t, j); !slices.Equal(got, []string{"running", "activity_stopped"}) {
			t.Errorf("just after: %v", got)
		}
		_ = c.Read("main", func(s *town.State) {
			if a := s.Agent("toast"); a.Inactive != town.TimeOf(wrote) || len(s.NudgesOf("toast")) != 1 {
				t.Errorf("silent since %s, wrote at %s; nudges %v", a.Inactive, wrote, s.NudgesOf("toast"))
			}
		})
		wrote = time.Now()
		live(2 * time.Minute)
		if got := statuses(t, j); !slices.Equal(got, []string{"running", "activity_stopped", "activity_resumed"}) {
			t.Errorf("writing again: %v", got)
		}
		end()
		c.Stop()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A run of another history of the town is stopped and forgotten, and its end is no news of the run of the same
// agent and number that the town has.
func TestForeignRunsAreEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := openJournal(t)
		c, _ := start(t, j)
		withRig(t, c)
		if _, err := c.Submit(t.Context(), "main", bead("x")); err != nil {
			t.Fatal(err)
		}
		own := toastKey(t, c)
		foreign, homeless := own, own
		foreign.History, homeless.Town = "another", "gone"
		rt := &told{exits: make(chan runtime.Report)}
		for _, k := range []runtime.Key{own, foreign, homeless} {
			rt.reports = append(rt.reports, runtime.Report{Key: k, State: runtime.StateRunning, Heartbeat: time.Now()})
		}
		if err := NewObserver(c, rt).EndForeign(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, want := range []runtime.State{runtime.StateRunning, runtime.StateExited, runtime.StateExited} {
			if rt.reports[i].State != want {
				t.Errorf("%s of history %s is %s, want %s", rt.reports[i].Key, rt.reports[i].History, rt.reports[i].State, want)
			}
		}
		_, end := observed(c, rt)
		accept(t, c)
		for _, k := range []runtime.Key{foreign, homeless} {
			rt.exits <- runtime.Report{Key: k, State: runtime.StateExited, ExitCode: 3}
		}
		synctest.Wait()
		if got := statuses(t, j); len(got) != 0 && !slices.Equal(got, []string{"running"}) {
			t.Errorf("the town was told %v", got)
		}
		if !slices.Equal(rt.forgotten, []runtime.Key{foreign, homeless}) {
			t.Errorf("forgotten are %v", rt.forgotten)
		}
		end()
		c.Stop()
	})
}
