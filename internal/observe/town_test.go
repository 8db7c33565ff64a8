package observe

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"gastown/internal/town"
)

// clock is a time that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// watched is a town whose Steps are measured, as the controller's loop does it.
type watched struct {
	t     testing.TB
	id    town.TownID
	m     *Metrics
	clock *clock
	seq   town.Seq
	mu    sync.Mutex // guards s, as the loop's does
	s     *town.State
}

var born = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func newTown(t testing.TB, m *Metrics, c *clock, id town.TownID) *watched {
	w := &watched{t: t, id: id, m: m, clock: c, s: town.New(id, "Town", "testtownaaaaaaaaaaaaaaaaaa", town.TimeOf(c.at))}
	m.Begin(id, w.s, w.look)
	return w
}

func (w *watched) look(f func(*town.State)) bool {
	if !w.mu.TryLock() {
		return false
	}
	defer w.mu.Unlock()
	f(w.s)
	return true
}

// step takes events in and goes to rest.
func (w *watched) step(events ...town.Event) *town.Tick {
	for i := range events {
		w.seq++
		events[i].Seq, events[i].Type = w.seq, events[i].Payload.Type()
	}
	w.m.Pending(w.id, len(events))
	w.mu.Lock()
	t := w.s.Step(town.Input{Now: town.TimeOf(w.clock.at), Events: events})
	w.m.Tick(w.id, t, 700*time.Millisecond, w.s)
	w.mu.Unlock()
	w.m.Pending(w.id, 0)
	w.m.Rest(w.id, 5*time.Second)
	return t
}

// furnish gives the town rigs and places, and so many issues in one batch.
func (w *watched) furnish(rigs, places, issues int) {
	w.t.Helper()
	many := places
	events := []town.Event{{Payload: &town.TownConfigured{Settings: town.Settings{
		Agents:            map[town.Role]town.AgentCommand{town.Polecat: {Preset: "claude"}},
		MaxPolecatsPerRig: &many, MaxAgents: &many, MaxStartsPerTick: &many,
	}}}}
	for i := range rigs {
		events = append(events, town.Event{Payload: &town.RigAdded{Rig: town.RigID(fmt.Sprint("rig-", i)), URL: "/srv/rig", DefaultBranch: "main"}})
	}
	made := &town.BeadCreated{}
	for i := range issues {
		made.Beads = append(made.Beads, town.NewBead{Title: fmt.Sprint("Task ", i), Rig: town.RigID(fmt.Sprint("rig-", i%rigs))})
	}
	if issues > 0 {
		events = append(events, town.Event{Payload: made})
	}
	for _, o := range w.step(events...).Events {
		if o.Verdict != town.Applied {
			w.t.Fatalf("%s: %s", o.Type, o.Reason)
		}
	}
}

// damage has the town loaded again from records in which its bead is held and in progress, which no rule lets be.
func (w *watched) damage() {
	w.t.Helper()
	s, err := w.s.Rewritten(func(e any) {
		if b, ok := e.(*town.Bead); ok {
			b.Held, b.Status = b.Created, town.InProgress
		}
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.s = s
}

// working lists the agents that hold a bead.
func (w *watched) working() []*town.Agent {
	var out []*town.Agent
	for _, a := range w.s.Agents() {
		if a.Hook != "" {
			out = append(out, a)
		}
	}
	return out
}

// from makes an agent an event's sender.
func from(a *town.Agent, p town.Payload) town.Event {
	return town.Event{Agent: a.ID, Run: a.Run, Bead: a.Hook, By: string(a.ID), Payload: p}
}
