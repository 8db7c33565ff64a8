package town

import "testing"

// A gate that passed only when it was run again is named with the merge that it let through.
func TestFlakyGatesAreNamed(t *testing.T) {
	t.Parallel()
	runs := []GateRun{
		{Gate: "lint", End: GatePassed}, {Gate: "test", End: GateFailed}, {Gate: "test", End: GatePassed, Flaky: true},
	}
	m := MergePart{Flaky: flakyGates(runs)}
	if got := m.remarks(); got != "; failed at first and passed when run again: test" {
		t.Errorf("the merge says %q", got)
	}
	if got := len(GateRuns(&MergeTested{Runs: runs})); got != 3 {
		t.Errorf("%d runs are counted", got)
	}
}
