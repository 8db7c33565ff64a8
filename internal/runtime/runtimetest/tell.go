package runtimetest

import (
	"errors"

	"gastown/internal/runtime"
)

var tellTests = []conformanceTest{
	{"what a run is told lies in its inbox", testTell},
	{"a run that is over or unknown cannot be told", testTellNobody},
}

func testTell(w *world) {
	told := w.gate("told")
	w.start(w.spec(1, `read x <told; cat "$GASTOWN_INBOX"/*`))
	for range 2 { // a repeat is the same
		w.ok(w.rt.Tell(w.ctx(), key(1), "ng-1a", "Mind the gap.\n"))
	}
	w.ok(w.rt.Tell(w.ctx(), key(1), "../ng-1b", "And the step.\n"))
	told()
	w.exit()
	// The order is that of the names, whatever those are.
	if got := w.log(key(1), runtime.LogOptions{}); got != "And the step.\nMind the gap.\n" && got != "Mind the gap.\nAnd the step.\n" {
		w.t.Errorf("the agent read %q", got)
	}
}

func testTellNobody(w *world) {
	if err := w.rt.Tell(w.ctx(), key(1), "x", "y"); !errors.Is(err, runtime.ErrUnknownRun) {
		w.t.Errorf("telling an unknown run gave %v, want ErrUnknownRun", err)
	}
	w.start(w.spec(1, `exit 0`))
	w.exit()
	if err := w.rt.Tell(w.ctx(), key(1), "x", "y"); err == nil {
		w.t.Error("a run that is over was told something")
	}
}
