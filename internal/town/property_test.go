package town

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func pickFrom(t *rapid.T) func(n int) int {
	return func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }
}

// Whatever happens, in whatever order: the checks of a playground hold after every step, nothing
// fails more often than it may, starts are bounded, and what comes from an old run changes nothing.
func TestWhateverHappensTheTownStaysSound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(t, pickFrom(t), false)
		for range rapid.IntRange(1, 40).Draw(t, "turns") {
			c.turn()
		}
	})
}

// The same events at the same times make the same bytes again, from the beginning and from a
// snapshot in between, which has nothing of what the running town has derived.
func TestHistoryRepeatsItself(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(t, pickFrom(t), true)
		for range rapid.IntRange(1, 40).Draw(t, "turns") {
			c.turn()
		}
		c.repeat(rapid.IntRange(0, len(c.inputs)).Draw(t, "restart"))
	})
}

// A town that was damaged heals in the same way again, also if it is restarted on the way: what lasts
// of a violation, and has been told, is seen from the entities alone.
func TestHealingRepeatsItself(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(t, pickFrom(t), true)
		for range rapid.IntRange(0, 15).Draw(t, "turns before") {
			c.turn()
		}
		c.suffer(rapid.IntRange(1, 8).Draw(t, "damage"))
		for range rapid.IntRange(1, 25).Draw(t, "turns after") {
			c.turn()
		}
		c.repeat(rapid.IntRange(0, len(c.inputs)).Draw(t, "restart"))
	})
}

// repeat has another town take the same inputs, with a restart before one of them, and compares what
// comes about.
func (c *chaos) repeat(restartAt int) {
	s, ticks := c.restored(c.base), 0
	for i, in := range c.inputs {
		if i == restartAt {
			s = c.restored(s.Snapshot())
		}
		rec := s.Step(in)
		if rec.Empty() {
			continue
		}
		if !bytes.Equal(rec.Encode(), c.history[ticks]) {
			c.t.Fatalf("tick %d is not as it was:\n%s", rec.No, c.print(in.Events, rec))
		}
		ticks++
	}
	if ticks != len(c.history) {
		c.t.Fatalf("%d ticks were recorded, %d came about again", len(c.history), ticks)
	}
}

// Reverting a step leaves nothing of it: the state has the same bytes, and goes on as if it had not
// been.
func TestRevertIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(t, pickFrom(t), true)
		for range rapid.IntRange(1, 30).Draw(t, "turns") {
			c.turn()
		}
		before := c.s.Snapshot()
		later := c.now.Add(Duration(rapid.Int64Range(0, int64(200*Hour)).Draw(t, "later")))
		var events []Event
		for range rapid.IntRange(0, 5).Draw(t, "events") {
			if e := c.anything(); e.Payload != nil {
				e.Type = e.Payload.Type()
				events = append(events, e)
			}
		}
		c.s.Revert(c.s.Step(Input{Now: later, Events: events}))
		if !bytes.Equal(before, c.s.Snapshot()) {
			t.Fatalf("something is left of the reverted step")
		}
		if err := sameIndex(c.s); err != nil {
			t.Fatalf("after the revert: %v", err)
		}
		next := Input{Now: c.now.Add(Duration(rapid.Int64Range(0, int64(Hour)).Draw(t, "next")))}
		if got, want := c.s.Step(next), c.restored(before).Step(next); !bytes.Equal(got.Encode(), want.Encode()) {
			t.Fatalf("after the revert the town goes on with\n%s\nand without it with\n%s", c.print(nil, got), c.print(nil, want))
		}
	})
}

// Once everything goes well, everything ends: what is not over then waits for a person, and says so.
func TestAfterTheStormEverythingEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(t, pickFrom(t), true)
		for range rapid.IntRange(1, 40).Draw(t, "turns") {
			c.turn()
		}
		c.calm()
		for _, a := range c.s.Agents() {
			if a.Status != Idle || a.Hook != "" || a.Stopping != 0 {
				t.Fatalf("there is peace, and yet: %s", showAgent(a))
			}
		}
		for _, b := range c.s.Beads() {
			if w, _ := c.s.Why(string(b.ID), c.now); b.Live() && (w.Next != 0 || len(w.Due) > 0 || b.Status == InProgress) {
				t.Fatalf("there is peace, and yet %s:\n%s", w.Summary, c.showAll())
			}
		}
	})
}
