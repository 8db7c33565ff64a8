package controller_test

import (
	"testing"
	"time"

	"gastown/internal/controller"
	"gastown/internal/town"
)

// A loop sleeps until something comes due, but at most its interval, and at least a millisecond, since the core
// counts in whole ones: what a look at a moment has left cannot be otherwise in the same moment.
func TestRest(t *testing.T) {
	t.Parallel()
	start := town.Time(1_790_000_000_000)
	s := town.New("t", "Town", "testtownaaaaaaaaaaaaaaaaaa", start)
	rest := func(after town.Duration, failed bool) [2]time.Duration {
		sleep, interval := controller.Rest(s, start.Add(after).Std(), failed)
		return [2]time.Duration{sleep, interval}
	}
	if got, want := rest(0, true), [2]time.Duration{time.Second, time.Minute}; got != want {
		t.Errorf("after a failure: %v, want %v", got, want)
	}
	s.Step(town.Input{Now: start})
	if got, want := rest(0, false), [2]time.Duration{time.Minute, time.Minute}; got != want {
		t.Errorf("with nothing to do: %v, want %v", got, want)
	}
	events := []town.Event{
		{Payload: &town.TownConfigured{Settings: town.Settings{Agents: map[town.Role]town.AgentCommand{town.Polecat: {Preset: "claude"}}}}},
		{Payload: &town.RigAdded{Rig: "web", URL: "u", DefaultBranch: "main"}},
		{Payload: &town.BeadCreated{Beads: []town.NewBead{{Title: "Work"}}}},
	}
	for i := range events {
		events[i].Type = events[i].Payload.Type()
	}
	s.Step(town.Input{Now: start, Events: events})
	for _, x := range []struct {
		after town.Duration
		sleep time.Duration
	}{
		{0, 5 * time.Second},
		{town.StartGrace - 5*town.Second, 5 * time.Second},
		{town.StartGrace - 4*town.Second, 4 * time.Second},
		{town.StartGrace - 1, time.Millisecond},
		{town.StartGrace, time.Millisecond},
		{town.StartGrace + town.Second, time.Millisecond},
	} {
		if got, want := rest(x.after, false), [2]time.Duration{x.sleep, 5 * time.Second}; got != want {
			t.Errorf("%s after a start: %v, want %v", x.after, got, want)
		}
	}
}
