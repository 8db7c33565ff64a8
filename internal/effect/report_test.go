package effect

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gastown/internal/git"
	"gastown/internal/observe/report"
	"gastown/internal/observe/sentrytest"
	"gastown/internal/runtime"
	"gastown/internal/town"
)

// Stops that fail five times in a row are reported, by their class and not by what the runtime said; a
// panic at once.
func TestFailingEffectsAreReported(t *testing.T) {
	t.Parallel()
	in := sentrytest.New()
	reports, err := report.New(report.Options{DSN: sentrytest.DSN("http://sentry.example"), Transport: in})
	if err != nil {
		t.Fatal(err)
	}
	h := &heard{got: make(chan town.Event, 1)}
	r := newRunner(t, &place{
		stop:  func(context.Context, runtime.Key) error { return errors.New("the runtime says hunter2") },
		start: func(context.Context, runtime.Spec) error { panic("hunter2") },
	}, h)
	r.opts.Reports = reports
	for i := range 5 {
		r.Carry("main", []town.Effect{{ID: fmt.Sprint("stop_agent/toast/", i), Kind: town.EffectStop, Agent: "toast", Run: town.Run(i)}})
	}
	r.Carry("main", []town.Effect{dispatchOf(origin(t), town.AgentCommand{Command: []string{"agent"}})})
	<-h.got
	r.Stop()
	reports.Close()
	classes := map[string]int{}
	for _, e := range in.Events() {
		classes[strings.Join(e.Fingerprint[:3], "/")]++
	}
	if len(classes) != 2 || classes["gastown/effect/stop_agent"] != 1 || classes["gastown/panic/effect"] != 1 {
		t.Errorf("arrived: %v", classes)
	}
	if strings.Contains(in.Raw(), "hunter2") {
		t.Errorf("what others said was sent:\n%s", in.Raw())
	}
}

func TestClasses(t *testing.T) {
	t.Parallel()
	some := errors.New("x")
	for _, x := range []struct {
		out  town.Payload
		err  error
		want string
	}{
		{&town.DispatchAccepted{}, nil, ""},
		{&town.DispatchRejected{Class: "workspace"}, some, "workspace"},
		{&town.PRPollFailed{Class: town.ForgeNone}, errNoForge, string(town.ForgeNone)},
		{&town.PRMergeFailed{Class: town.ForgeNone}, errNoForge, string(town.ForgeNone)},
		{&town.BranchVerified{}, fmt.Errorf("no: %w", &git.Error{Class: git.ClassOther, Err: some}), "git_" + string(git.ClassOther)},
		{nil, fmt.Errorf("no: %w", errDefect), "defect"},
		{nil, fmt.Errorf("no: %w", context.DeadlineExceeded), "timeout"},
		{&town.PeopleNotified{}, some, "other"},
	} {
		if got := classOf(x.out, x.err); got != x.want {
			t.Errorf("%T, %v: %q, want %q", x.out, x.err, got, x.want)
		}
	}
}
