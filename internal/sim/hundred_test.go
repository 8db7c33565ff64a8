//go:build !race

// A hundred towns take minutes with the race detector, which the first of them are played with besides. "make test"
// plays them without.

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
