package observe

import (
	"fmt"
	"testing"

	"gastown/internal/town"
)

// Runs of gates are counted by how they ended, the gates of the rigs from the start, and only so many by name.
func TestRunsOfGatesAreCounted(t *testing.T) {
	t.Parallel()
	m, c := fresh(0)
	w := newTown(t, m, c, "a")
	gates := []town.Gate{{Name: "test", Command: "true"}}
	w.step(town.Event{By: "ann", Payload: &town.TownConfigured{Settings: town.Settings{Gates: &gates}}})
	w.furnish(1, 1, 1)
	expect(t, scrape(t, m), map[string]float64{
		`gastown_gate_runs_total{gate="test",result="flaky",town="a"}`: 0,
		`gastown_gate_duration_seconds_count{gate="test",town="a"}`:    0,
	})
	m.Gates("a", []town.GateRun{
		{Gate: "test", End: town.GateFailed, Took: 2 * town.Second},
		{Gate: "test", End: town.GatePassed, Flaky: true, Took: 20 * town.Second},
		{Gate: "lint", End: town.GatePassed, Took: town.Second},
		{Gate: "lint", End: town.GateTimedOut, Took: 2 * town.Hour},
	})
	expect(t, scrape(t, m), map[string]float64{
		`gastown_gate_runs_total{gate="test",result="failed",town="a"}`:          1,
		`gastown_gate_runs_total{gate="test",result="flaky",town="a"}`:           1,
		`gastown_gate_runs_total{gate="test",result="passed",town="a"}`:          0,
		`gastown_gate_runs_total{gate="lint",result="timed_out",town="a"}`:       1,
		`gastown_gate_duration_seconds_count{gate="test",town="a"}`:              2,
		`gastown_gate_duration_seconds_sum{gate="test",town="a"}`:                22,
		`gastown_gate_duration_seconds_bucket{gate="lint",town="a",le="1.0"}`:    1,
		`gastown_gate_duration_seconds_bucket{gate="lint",town="a",le="3600.0"}`: 1,
	})
	for i := range 100 {
		m.Gates("a", []town.GateRun{{Gate: fmt.Sprintf("gate %d", i), End: town.GatePassed}})
	}
	expect(t, scrape(t, m), map[string]float64{
		`gastown_gate_runs_total{gate="other",result="passed",town="a"}`:   82,
		`gastown_gate_runs_total{gate="gate 17",result="passed",town="a"}`: 1,
	})
}

// Above the limit of towns, gates are counted together.
func TestRunsOfGatesOfManyTowns(t *testing.T) {
	t.Parallel()
	m, c := fresh(1)
	for _, id := range []town.TownID{"a", "b"} {
		newTown(t, m, c, id)
		m.Gates(id, []town.GateRun{{Gate: "test of " + string(id), End: town.GatePassed, Took: town.Second}})
	}
	expect(t, scrape(t, m), map[string]float64{
		`gastown_gate_runs_total{gate="",result="passed",town=""}`: 2,
		`gastown_gate_duration_seconds_sum{gate="",town=""}`:       2,
	})
}
