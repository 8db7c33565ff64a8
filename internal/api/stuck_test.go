package api_test

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"gastown/internal/controller"
	"gastown/internal/server"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// clock is the time of a world, which a test can have jump ahead.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) jump(d time.Duration) { c.ahead.Add(int64(d)) }

// stuck is a world in which work gets stuck for every reason at once, with real processes: the heartbeat of an
// agent is lost while nobody knows what it came to, its bead waits for the back-off, and then nothing can be
// started any more, until a breaker opens.
func stuck(t *testing.T, c *clock) (*world, town.BeadID) {
	t.Helper()
	w := newWorldWith(t, func(o *server.Options) { o.Now, o.OpenJournal = c.now, nil }) // with a real file, end to end
	w.must(http.StatusCreated, http.MethodPost, "/api/towns/main/rigs", wire.NewRig{URL: repo(t)})
	t.Cleanup(w.quiet)
	waits := []string{"sh", "-c", `mkfifo "$PWD.fifo" && read -r _ <"$PWD.fifo"`}
	many := 30
	set := func(command []string) {
		w.must(http.StatusOK, http.MethodPatch, at, wire.TownPatch{Settings: town.Settings{
			Agents:            map[town.Role]town.AgentCommand{town.Polecat: {Command: command}},
			MaxPolecatsPerRig: &many, MaxAgents: &many, MaxStartsPerTick: &many,
		}})
	}
	set(waits)
	bead := w.sling("Stuck").ID
	w.working(bead, 1)

	set([]string{"no-such-agent"})
	c.jump(2 * time.Minute)
	// Any event wakes the town; the observer sees the silence within its five seconds.
	eventually(t, "the bead waits for the back-off", func() bool {
		var why wire.Why
		w.must(http.StatusOK, http.MethodGet, at+"/debug/why/"+string(bead), nil).into(&why)
		return slices.ContainsFunc(why.Recent, func(h town.Happening) bool { return h.By == "agents/idle-hooked" })
	})
	for i := range 25 {
		w.sling(fmt.Sprint("Task ", i))
	}
	eventually(t, "a breaker is open", func() bool {
		var st controller.Status
		w.must(http.StatusOK, http.MethodGet, at+"/status", nil).into(&st)
		return len(st.Breakers) > 0
	})
	return w, bead
}

// The replay of that window gives the actions that the town took, tick for tick, and ends with what the dry run
// said at that moment.
func TestWhatGotStuckIsReplayed(t *testing.T) {
	t.Parallel()
	c := new(clock)
	w, bead := stuck(t, c)

	// The probe of the breaker is due when its time has come: planned before the town wakes by itself, or after.
	var plan wire.Plan
	eventually(t, "a dry run decides something, with no event on its way", func() bool {
		c.jump(5 * time.Minute)
		plan = wire.Plan{}
		w.must(http.StatusOK, http.MethodPost, at+"/debug/reconcile-dry-run", nil).into(&plan)
		return len(plan.Actions) > 0 && slices.Equal(taken(&plan), w.pendingAt(&plan))
	})
	if plan.Fingerprint == "" || len(plan.Waits) == 0 || plan.Metrics.ActionsEmitted != len(plan.Actions) {
		t.Errorf("the plan is not whole: %+v", plan)
	}

	var ticks wire.TickPage
	w.must(http.StatusOK, http.MethodGet, at+"/ticks?limit=1000", nil).into(&ticks)
	r := w.replayed(wire.ReplayQuery{FromTick: 1, ToTick: plan.After})
	if !r.Exact || r.TicksReplayed != int(plan.After) {
		t.Fatalf("%d of %d ticks come out, exact: %t", r.TicksReplayed, plan.After, r.Exact)
	}
	rules := map[string]bool{}
	for i, x := range r.Ticks {
		if !reflect.DeepEqual(x.Recomputed, x.Recorded) || !same(x.Recorded, ticks.Ticks[i].Actions) {
			t.Errorf("tick %d: recomputed %+v, recorded %+v", x.Tick, x.Recomputed, ticks.Ticks[i].Actions)
		}
		for _, a := range x.Recomputed {
			rules[a.Rule] = true
		}
	}
	for _, rule := range []string{"agents/heartbeat-lost", "agents/idle-hooked", "beads/dispatch", "breaker/trip"} {
		if !rules[rule] {
			t.Errorf("the story has no %s", rule)
		}
	}

	// The same by times, up to the moment of the dry run; and as if it were that moment again.
	r = w.replayed(wire.ReplayQuery{From: r.Ticks[0].At, To: plan.At})
	var again wire.Plan
	w.must(http.StatusOK, http.MethodPost, at+"/debug/reconcile-dry-run", wire.PlanQuery{At: plan.At}).into(&again)
	if !r.Exact || r.StateSnapshot == nil || !slices.ContainsFunc(r.StateSnapshot.NonTerminalBeads, func(b *town.Bead) bool { return b.ID == bead }) {
		t.Errorf("exact: %t; %s is not in %+v", r.Exact, bead, r.StateSnapshot)
	}
	if !slices.Equal(taken(&plan), w.pendingAt(&plan)) || r.Ticks[len(r.Ticks)-1].Tick != plan.After {
		t.Log("an event or a tick of that very millisecond came after the dry run: the moment is another one")
		return
	}
	if !same(r.Actions, plan.Actions) {
		t.Errorf("at its end the reconciler would\n%+v\nthe dry run said\n%+v", r.Actions, plan.Actions)
	}
	if again.Fingerprint != plan.Fingerprint {
		t.Errorf("the plan of that moment is now %s, was %s", again.Fingerprint, plan.Fingerprint)
	}
}

// taken are the events that a plan takes.
func taken(p *wire.Plan) []town.Seq {
	var out []town.Seq
	for i := range p.Taken {
		out = append(out, p.Taken[i].Seq)
	}
	return out
}

// pendingAt are the events that were made before the moment of a plan and are not in the history that it goes out
// from. One that was still on its way to the journal is among them, and was not in the plan.
func (w *world) pendingAt(p *wire.Plan) []town.Seq {
	w.t.Helper()
	// Whatever was on its way is durable once a later event is.
	w.must(http.StatusOK, http.MethodPatch, at, wire.TownPatch{Name: fmt.Sprint("After tick ", p.After)})
	var page wire.EventPage
	to := (p.At + 1).Std().Format(time.RFC3339Nano)
	w.must(http.StatusOK, http.MethodGet, at+"/events?newest=true&limit=500&to="+to, nil).intoEvents(&page)
	var out []town.Seq
	for i := range page.Events {
		if e := &page.Events[i]; e.Tick == 0 || e.Tick > p.After {
			out = append(out, e.Seq)
		}
	}
	slices.Sort(out)
	return out
}

func same(a, b []town.Action) bool { return slices.Equal(a, b) }

func (w *world) replayed(q wire.ReplayQuery) wire.Replay {
	w.t.Helper()
	var r wire.Replay
	w.must(http.StatusOK, http.MethodPost, at+"/debug/replay-events", q).into(&r)
	return r
}
