//go:build !race

// Towns by the hundred take minutes with the race detector, which the first of them are played with besides. "make test"
// plays these without.

package sim

import (
	"testing"

	"gastown/internal/town"
)

// A hundred towns that are always the same, so that a change of the core that breaks one of them
// is seen before it is committed. Every step is planned first: a plan is the tick that comes next, to the byte.
func TestAHundredTowns(t *testing.T) {
	t.Parallel()
	r := run(t, Options{Seed: 1, Seeds: 100, Time: town.Hour, Shrink: 100_000, plans: true})
	sound(t, r)
	if r.Coverage.Plans < 100_000 {
		t.Errorf("only %d steps were planned", r.Coverage.Plans)
	}
	for _, kind := range []string{"create_landing_mr", "close_convoy", "stop_agent", "archive_bead"} {
		if r.Coverage.ByAction[kind] == 0 {
			t.Errorf("a hundred towns never come to %s: the world has lost something", kind)
		}
	}
	if len(r.Missing.Faults) > 0 {
		t.Errorf("a hundred towns never see %v", r.Missing.Faults)
	}
}

// Every fault by itself happens, and the town stays sound.
func TestEachFaultAlone(t *testing.T) {
	t.Parallel()
	for f := range faults {
		t.Run(faults[f].name, func(t *testing.T) {
			t.Parallel()
			p := only(fault(f))
			r := run(t, Options{Seed: 3, Seeds: 3, Time: 5 * town.Hour, Agents: 4, profile: &p, Shrink: 100_000})
			sound(t, r)
			for other := range faults {
				if r.Coverage.Faults[faults[other].name] > 0 != (p.rates[other] > 0) {
					t.Errorf("%s happened %d times; its rate is %g", faults[other].name, r.Coverage.Faults[faults[other].name], p.rates[other])
				}
			}
		})
	}
}
