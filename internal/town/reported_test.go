package town

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// wrongAtLoad lists what does not hold in a town that was loaded, but for what rules see to.
func wrongAtLoad(s *State, now Time) map[breach]string {
	s.begin()
	c := &checker{s: s, now: now}
	for _, r := range sortedRefs(s.hashes) {
		c.look(r)
	}
	out := map[breach]string{}
	for _, f := range c.sorted() {
		out[f] = c.broken(invariantOf(f.number), f.ref)
	}
	s.seal()
	s.undo = nil
	return out
}

// Whatever is wrong in a town that was loaded is in the record of the first tick, as it was and once, whoever repairs it:
// a recovery, a rule, or an event that comes in at that moment. It is counted.
func TestWhateverIsWrongIsReportedOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(t, pickFrom(t), true)
		for range rapid.IntRange(0, 20).Draw(t, "turns") {
			c.turn()
		}
		c.suffer(rapid.IntRange(1, 6).Draw(t, "damage"))
		wrong := wrongAtLoad(c.restored(c.s.Snapshot()), c.now)
		before := map[int]int64{}
		for i := range invariants {
			before[i+1] = max(c.s.ViolationsFound(i+1), 0)
		}
		var events []Event
		for range rapid.IntRange(0, 4).Draw(t, "events") {
			if e := c.anything(); e.Payload != nil {
				e.Type = e.Payload.Type()
				events = append(events, e)
			}
		}
		rec := c.s.Step(Input{Now: c.now, Events: events})
		found := map[breach]int{}
		counted := map[int]int64{}
		for _, v := range rec.Violations {
			f := breach{v.Invariant, ref{v.Kind, v.ID}}
			found[f]++
			counted[v.Invariant]++
			if why, known := wrong[f]; known && f.number != invContradiction && v.Message != why {
				t.Fatalf("%v is told as %q, and was %q", f, v.Message, why)
			}
		}
		for f, why := range wrong {
			if found[f] != 1 {
				t.Fatalf("%s is told %d times: %s\n%s", fmt.Sprint(f), found[f], why, c.print(events, rec))
			}
		}
		for n, more := range counted {
			if got := c.s.ViolationsFound(n) - before[n]; got != more {
				t.Fatalf("%d violations of invariant %d are counted, %d are told", got, n, more)
			}
		}
	})
}
