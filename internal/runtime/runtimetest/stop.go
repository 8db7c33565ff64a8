package runtimetest

import (
	"context"
	"errors"
	"time"

	"gastown/internal/runtime"
)

var stopTests = []conformanceTest{
	{"stop lets the agent end by itself", testStopGraceful},
	{"stop kills the whole group when the grace is over", testStopKillsGroup},
	{"stop works after a restart of the server", testStopAfterReopen},
	{"stop lets the agent's children use the grace too", testStopChildrenGrace},
	{"stop of an unknown or finished run is no error", testStopNothing},
	{"stop ends the run even when nobody waits for it", testStopAbandoned},
	{"what the agent leaves behind ends with it", testLeftoversEnd},
}

func testStopGraceful(w *world) {
	held := w.fifo("held")
	w.start(w.spec(1, `trap "echo bye; exit 3" TERM; exec 3>held; echo up >&3; while :; do sleep 600 & wait; done`))
	w.line(held)
	w.ok(w.rt.Stop(w.ctx(), key(1)))
	w.gone(held)
	got := w.exit()
	if got.Reason != runtime.ReasonStopped || got.ExitCode != 3 || got.Signal != "" {
		w.t.Errorf("reported is %+v, want stopped with exit code 3", got)
	}
	if log := w.log(key(1), runtime.LogOptions{}); log != "bye\n" {
		w.t.Errorf("the log is %q, want the agent's last words", log)
	}
}

func testStopKillsGroup(w *world) {
	held := w.fifo("held")
	spec := w.spec(1, `
		trap "" TERM; exec 3>held
		(while :; do sleep 600; done) &
		echo up >&3
		while :; do sleep 600; done`)
	spec.Grace = 200 * time.Millisecond
	w.start(spec)
	w.line(held)
	begun := time.Now()
	w.ok(w.rt.Stop(w.ctx(), key(1)))
	if took := time.Since(begun); took < spec.Grace {
		w.t.Errorf("stop took %s and so did not wait for the grace of %s", took, spec.Grace)
	}
	w.gone(held)
	got := w.exit()
	if got.Reason != runtime.ReasonStopped || got.Signal != "killed" || got.ExitCode != 137 {
		w.t.Errorf("reported is %+v, want stopped and killed", got)
	}
}

func testStopAfterReopen(w *world) {
	held := w.fifo("held")
	w.start(w.spec(1, `exec 3>held; echo up >&3; sleep 600`))
	w.line(held)
	w.reopen()
	w.ok(w.rt.Stop(w.ctx(), key(1)))
	w.gone(held)
	if got := w.report(); got.State != runtime.StateExited || got.Reason != runtime.ReasonStopped || got.Signal != "terminated" {
		w.t.Errorf("listed is %+v, want stopped and terminated", got)
	}
}

func testStopChildrenGrace(w *world) {
	held := w.fifo("held")
	// The agent ends at once, its child only after it has tidied up.
	w.start(w.spec(1, `
		exec 3>held
		(trap "sleep 0.3; echo tidied; exit" TERM; echo up >&3; while :; do sleep 600 & wait; done) &
		wait`))
	w.line(held)
	w.ok(w.rt.Stop(w.ctx(), key(1)))
	w.gone(held)
	if log := w.log(key(1), runtime.LogOptions{}); log != "tidied\n" {
		w.t.Errorf("the log is %q, want that the child tidied up", log)
	}
}

func testStopNothing(w *world) {
	w.ok(w.rt.Stop(w.ctx(), key(1)))
	w.start(w.spec(1, "exit 0"))
	w.exit()
	w.ok(w.rt.Stop(w.ctx(), key(1)))
	if got := w.report(); got.Reason != "" {
		w.t.Errorf("listed is %+v, want no reason but its own end", got)
	}
}

func testStopAbandoned(w *world) {
	up := w.fifo("up")
	w.start(w.spec(1, `trap "echo asked >up; read x <end; exit 4" TERM; echo up >up; while :; do sleep 600 & wait; done`))
	end := w.gate("end")
	w.line(up)
	ctx, abandon := context.WithCancel(w.t.Context())
	defer abandon()
	stopped := make(chan error, 1)
	go func() { stopped <- w.rt.Stop(ctx, key(1)) }()
	w.line(up)
	abandon()
	if err := <-stopped; !errors.Is(err, context.Canceled) {
		w.t.Fatalf("stop gave %v, want that it was abandoned", err)
	}
	end()
	if got := w.exit(); got.ExitCode != 4 || got.Reason != runtime.ReasonStopped {
		w.t.Errorf("reported is %+v, want stopped with exit code 4", got)
	}
}

func testLeftoversEnd(w *world) {
	held := w.fifo("held")
	w.start(w.spec(1, `exec 3>held; (trap "" TERM HUP; while :; do sleep 600; done) & echo up >&3; exit 5`))
	w.line(held)
	got := w.exit()
	w.gone(held)
	if got.ExitCode != 5 || got.Reason != "" {
		w.t.Errorf("reported is %+v, want exit code 5 and no other reason", got)
	}
}
