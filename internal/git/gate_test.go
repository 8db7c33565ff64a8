package git

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// withWork begins a gate that passes where the work of these tests is not.
const withWork = "test -e work || exit 0; "

func TestMergeGateFails(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	tw.worked("toast", source, "work", "w")
	tip := tw.tip("main")
	for name, test := range map[string]struct {
		gate Gate
		code int
		tail string
		end  GateEnd
	}{
		"exit":    {Gate{Shell: withWork + "for i in $(seq 500); do echo line $i; done; echo https://u:s3cret@h/ >&2; exit 3"}, 3, "line 402", GateFailed},
		"signal":  {Gate{Shell: withWork + "kill -KILL $$"}, 137, "", GateCouldNotRun},
		"timeout": {Gate{Shell: withWork + "echo begun; sleep 1000", Timeout: 5 * time.Second}, 137, "begun", GateTimedOut},
	} {
		test.gate.Name = name
		result := tw.merge(MergeRequest{Branch: source, Target: "main", Gates: []Gate{
			test.gate, {Name: "later", Shell: "echo later gate ran >&2; false"},
		}})
		if result.Outcome != OutcomeGateFailed || result.Gate == nil {
			t.Fatalf("%s: got %+v", name, result)
		}
		got := result.Gate
		if got.Gate != name || got.ExitCode != test.code || got.End != test.end || !strings.Contains(got.Tail, test.tail) {
			t.Errorf("%s: got %+v", name, got)
		}
		if strings.Contains(got.Tail, "s3cret") || strings.Contains(got.Tail, "line 401\n") {
			t.Errorf("%s: the tail tells too much: %s", name, got.Tail)
		}
	}
	if tw.tip("main") != tip {
		t.Error("something was pushed")
	}
	tw.checkPlaces()
}

func TestGateGroupIsKilled(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		shell   string
		timeout time.Duration
	}{
		"at the timeout":        {"exec 9>ended; trap '' TERM; (trap '' TERM; sleep 1000) & wait", 2 * time.Second},
		"after a good ending":   {"exec 9>ended; (trap '' TERM; sleep 1000) & exit 0", 10 * time.Minute},
		"with its outputs gone": {"exec 9>ended >/dev/null 2>&1; (trap '' TERM; sleep 1000) & wait", 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ended := fifo(t, dir)
			failure, err := runGate(context.Background(), Gate{Name: name, Shell: test.shell, Timeout: test.timeout}, dir, os.Environ(), nil)
			if err != nil || (failure == nil) != strings.HasSuffix(test.shell, "exit 0") {
				t.Errorf("got %+v, %v", failure, err)
			}
			ended()
		})
	}
}

func TestGateIsCanceled(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	tw.worked("toast", source, "work", "w")
	ctx, cancel := context.WithCancel(context.Background())
	_, err := tw.tryMergeUntil(ctx, MergeRequest{
		Branch: source, Target: "main", Title: "t", Log: writerFunc(func(p []byte) {
			if strings.Contains(string(p), "gate is up") {
				cancel()
			}
		}),
		Gates: []Gate{{Name: "long", Shell: "echo gate is up; sleep 1000"}},
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	tw.checkPlaces()
}

type writerFunc func(p []byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }
