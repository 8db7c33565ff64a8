package runtimetest

import (
	"strings"
	"time"

	"gastown/internal/runtime"
)

var exitTests = []conformanceTest{
	{"a run is reported running, then exited", testExitReported},
	{"the signal that ended an agent is reported", testExitSignal},
	{"an exit while the server is down is not lost", testExitWhileDown},
	{"a running agent is found again and its exit is pushed", testExitAfterReopen},
	{"list keeps what is over until it is forgotten", testForget},
	{"a run that is not over cannot be forgotten", testForgetRunning},
	{"prune deletes forgotten logs only", testPrune},
}

func testExitReported(w *world) {
	if got := w.list(); len(got) != 0 {
		w.t.Fatalf("listed are %+v in an empty place", got)
	}
	end := w.gate("end")
	before := time.Now()
	w.start(w.spec(1, `read x <end; exit 42`))
	running := w.report()
	if running.State != runtime.StateRunning || running.PID == 0 || !running.Exited.IsZero() {
		w.t.Errorf("listed is %+v, want running", running)
	}
	for what, at := range map[string]time.Time{
		"started": running.Started, "heartbeat": running.Heartbeat, "activity": running.Activity,
	} {
		// File times may be coarser than the clock.
		if at.Before(before.Add(-time.Second)) || at.After(time.Now().Add(time.Second)) {
			w.t.Errorf("%s is %s, want about %s", what, at, before)
		}
	}
	end()
	pushed := w.exit()
	if pushed.State != runtime.StateExited || pushed.ExitCode != 42 || pushed.Signal != "" || pushed.Reason != "" {
		w.t.Errorf("pushed is %+v, want exited with 42", pushed)
	}
	if pushed.Exited.Before(pushed.Started) || !pushed.Started.Equal(running.Started) {
		w.t.Errorf("started %s and exited %s, was started %s", pushed.Started, pushed.Exited, running.Started)
	}
	if listed := w.report(); !sameReport(listed, pushed) {
		w.t.Errorf("listed is %+v, pushed was %+v", listed, pushed)
	}
}

// sameReport compares reports without regard to how times are held in memory.
func sameReport(a, b runtime.Report) bool {
	same := a.Started.Equal(b.Started) && a.Exited.Equal(b.Exited) &&
		a.Heartbeat.Equal(b.Heartbeat) && a.Activity.Equal(b.Activity)
	for _, r := range []*runtime.Report{&a, &b} {
		r.Started, r.Exited, r.Heartbeat, r.Activity = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	}
	return same && a == b
}

func testExitSignal(w *world) {
	w.start(w.spec(1, `kill -9 $$`))
	if got := w.exit(); got.Signal != "killed" || got.ExitCode != 137 || got.Reason != "" {
		w.t.Errorf("reported is %+v, want killed", got)
	}
}

func testExitWhileDown(w *world) {
	held := w.fifo("held")
	end := w.gate("end")
	w.start(w.spec(1, `exec 3>held; echo up >&3; read x <end; echo done; exit 7`))
	w.line(held)
	w.ok(w.rt.Close())
	end()
	w.gone(held)
	w.open()
	if got := w.exit(); got.Key != key(1) || got.ExitCode != 7 || got.Reason != "" {
		w.t.Errorf("pushed is %+v, want exit code 7", got)
	}
	w.reopen()
	if got := w.exit(); got.ExitCode != 7 {
		w.t.Errorf("pushed is %+v after another restart, want exit code 7", got)
	}
	w.ok(w.rt.Forget(w.ctx(), key(1)))
	w.reopen()
	if got := w.list(); len(got) != 0 {
		w.t.Errorf("listed are %+v after forgetting", got)
	}
	w.start(w.spec(2, "exit 0"))
	if got := w.exit(); got.Key != key(2) {
		w.t.Errorf("a forgotten run was pushed: %+v", got)
	}
}

func testExitAfterReopen(w *world) {
	end := w.gate("end")
	w.start(w.spec(1, `read x <end; exit 9`))
	first := w.report()
	w.reopen()
	if got := w.report(); got.State != runtime.StateRunning || got.PID != first.PID {
		w.t.Errorf("listed is %+v after a restart, was %+v", got, first)
	}
	end()
	if got := w.exit(); got.ExitCode != 9 || got.Reason != "" {
		w.t.Errorf("pushed is %+v, want exit code 9", got)
	}
}

func testForget(w *world) {
	w.start(w.spec(1, "echo one"))
	w.exit()
	w.start(w.spec(2, "echo two"))
	w.exit()
	if got := w.list(); len(got) != 2 || got[0].Key != key(1) || got[1].Key != key(2) {
		w.t.Fatalf("listed are %+v, want both runs in order", got)
	}
	w.ok(w.rt.Forget(w.ctx(), key(1)))
	w.ok(w.rt.Forget(w.ctx(), key(1)))
	w.ok(w.rt.Forget(w.ctx(), key(99)))
	if got := w.report(); got.Key != key(2) {
		w.t.Errorf("listed is %+v, want run 2 only", got)
	}
	if got := w.log(key(1), runtime.LogOptions{}); got != "one\n" {
		w.t.Errorf("the log of the forgotten run is %q", got)
	}
}

func testForgetRunning(w *world) {
	w.start(w.spec(1, "sleep 600"))
	err := w.rt.Forget(w.ctx(), key(1))
	if err == nil || !strings.Contains(err.Error(), "stop it first") {
		w.t.Errorf("forget gave %v, want a refusal with the remedy", err)
	}
	if got := w.report(); got.State != runtime.StateRunning {
		w.t.Errorf("listed is %+v, want running", got)
	}
}

func testPrune(w *world) {
	for run := int64(1); run <= 3; run++ {
		w.start(w.spec(run, "echo hello"))
		w.exit()
	}
	w.ok(w.rt.Forget(w.ctx(), key(1)))
	w.ok(w.rt.Forget(w.ctx(), key(3)))
	w.ok(w.rt.Prune(w.ctx(), time.Now().Add(-time.Hour)))
	for run := int64(1); run <= 3; run++ {
		if got := w.log(key(run), runtime.LogOptions{}); got != "hello\n" {
			w.t.Errorf("the log of run %d is %q after pruning what is older", run, got)
		}
	}
	w.ok(w.rt.Prune(w.ctx(), time.Now().Add(time.Hour)))
	w.unknownLog(key(1))
	w.unknownLog(key(3))
	if got := w.log(key(2), runtime.LogOptions{}); got != "hello\n" {
		w.t.Errorf("the log of run 2, which was not forgotten, is %q", got)
	}
}
