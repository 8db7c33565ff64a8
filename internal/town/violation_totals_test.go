package town

import (
	"bytes"
	"testing"
)

// violate has a town in which an agent works on nothing, loaded as a record that was damaged would be.
func violate(t *testing.T, s *State) *State {
	t.Helper()
	s.begin()
	a := &Agent{ID: "toast", Role: Polecat, Status: Working, Created: scenarioStart, Since: scenarioStart, LastWork: scenarioStart}
	s.set(a.ref(), a)
	s.editCounters(func(n *Counters) { n.LastOrder = -1 })
	s.seal()
	s.undo = nil
	return reloaded(t, s)
}

func reloaded(t *testing.T, s *State) *State {
	t.Helper()
	out, err := Restore(s.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What was found is counted once, in the tick that finds it; it is in the record of that tick, survives a restart from
// snapshot and records, and goes with a tick that is reverted.
func TestViolationsAreCountedForGood(t *testing.T) {
	t.Parallel()
	s := violate(t, New("t", "Town", testHistory, scenarioStart))
	twin := reloaded(t, s)
	in := Input{Now: scenarioStart.Add(Minute)}
	if s.Plan(in); s.ViolationsFound(invCounts) != 0 {
		t.Fatal("a plan has counted")
	}
	rec := s.Step(in)
	if n := s.ViolationsFound(invCounts); n != 1 {
		t.Fatalf("%d violations are counted, want 1: %+v", n, rec.Violations)
	}
	for range 3 {
		in.Now = in.Now.Add(Hour)
		s.Step(in)
	}
	if n := s.ViolationsFound(invCounts); n != 1 {
		t.Errorf("what was mended is counted again: %d", n)
	}
	if err := twin.Absorb(rec); err != nil {
		t.Fatal(err)
	}
	if n := twin.ViolationsFound(invCounts); n != 1 {
		t.Errorf("recovered from the record, the town has counted %d", n)
	}
	again := violate(t, reloaded(t, s))
	if n := again.ViolationsFound(invCounts); n != 1 {
		t.Errorf("loaded again, the town has counted %d", n)
	}
	again.Step(in)
	if n := again.ViolationsFound(invCounts); n != 2 {
		t.Errorf("with a second violation the town has counted %d", n)
	}
	for _, none := range []int{-1, 0, invCycle, len(invariants) + 1} {
		if n := again.ViolationsFound(none); n != 0 {
			t.Errorf("%d violations of invariant %d are counted", n, none)
		}
	}
}

// A town without violations has no record of totals, so that what was written before there were any reads the same.
func TestNoViolationLeavesNoRecord(t *testing.T) {
	t.Parallel()
	s := New("t", "Town", testHistory, scenarioStart)
	s.Step(Input{Now: scenarioStart.Add(Minute), Events: []Event{{
		Type: "rig_added", Payload: &RigAdded{Rig: "web", URL: "/srv/web", DefaultBranch: "main"},
	}}})
	if s.Entity(KindViolationTotals, "violation_totals") != nil || bytes.Contains(s.Snapshot(), []byte(KindViolationTotals)) {
		t.Error("there is a record of totals")
	}
}
