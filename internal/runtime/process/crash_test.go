package process_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gastown/internal/runtime"
	"gastown/internal/runtime/process"
)

// stubborn is an agent that ignores TERM, with a child in its group and one that
// has left group and session. All hold the FIFO.
const stubborn = `
	trap "" TERM; exec 3>held
	sh -c 'echo up >&3; while :; do sleep 600; done' &
	setsid sh -c 'echo up >&3; while :; do sleep 600; done' &
	echo up >&3
	while :; do sleep 600; done`

func TestSupervisorKilled(t *testing.T) {
	t.Parallel()
	root, dir := t.TempDir(), t.TempDir()
	held := fifo(t, dir, "held")
	rt := open(t, process.Options{Root: root})
	ok(t, rt.Start(t.Context(), spec(dir, 1, stubborn)))
	up(t, held, 3)
	ok(t, syscall.Kill(supervisorPID(t, root, 1), syscall.SIGKILL))
	got := exit(t, rt)
	if got.State != runtime.StateExited || got.Reason != runtime.ReasonSupervisorLost || got.ExitCode != -1 {
		t.Errorf("reported is %+v, want supervisor_lost", got)
	}
	gone(t, held)
	ok(t, rt.Stop(t.Context(), key(1)))
}

func TestSupervisorKilledWhileServerIsDown(t *testing.T) {
	t.Parallel()
	root, dir := t.TempDir(), t.TempDir()
	held := fifo(t, dir, "held")
	first := open(t, process.Options{Root: root})
	ok(t, first.Start(t.Context(), spec(dir, 1, stubborn)))
	up(t, held, 3)
	ok(t, first.Close())
	ok(t, syscall.Kill(supervisorPID(t, root, 1), syscall.SIGKILL))
	second := open(t, process.Options{Root: root})
	if got := exit(t, second); got.Reason != runtime.ReasonSupervisorLost {
		t.Errorf("reported is %+v, want supervisor_lost", got)
	}
	gone(t, held)
}

func TestAgentKilled(t *testing.T) {
	t.Parallel()
	root, dir := t.TempDir(), t.TempDir()
	held := fifo(t, dir, "held")
	rt := open(t, process.Options{Root: root})
	ok(t, rt.Start(t.Context(), spec(dir, 1, stubborn)))
	up(t, held, 3)
	ok(t, syscall.Kill(report(t, rt).PID, syscall.SIGKILL))
	if got := exit(t, rt); got.Signal != "killed" || got.ExitCode != 137 || got.Reason != "" {
		t.Errorf("reported is %+v, want killed", got)
	}
	gone(t, held)
}

func TestServerKilled(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	server := exec.Command(os.Args[0], "serve", root)
	server.Stderr = os.Stderr
	stdin, err := server.StdinPipe()
	ok(t, err)
	defer stdin.Close()
	stdout, err := server.StdoutPipe()
	ok(t, err)
	ok(t, server.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || line != "started\n" {
		t.Fatalf("the server said %q (%v)", line, err)
	}
	ok(t, server.Process.Kill())
	_ = server.Wait() // it was killed, so there is an error

	rt := open(t, process.Options{Root: root})
	running := report(t, rt)
	if running.State != runtime.StateRunning {
		t.Fatalf("listed is %+v, want running", running)
	}
	ok(t, syscall.Kill(running.PID, syscall.SIGKILL))
	if got := exit(t, rt); got.Signal != "killed" || got.Reason != "" {
		t.Errorf("reported is %+v, want killed", got)
	}
}

// A server that dies between making the run directory and starting the
// supervisor leaves one of these.
func TestInterruptedStartIsOver(t *testing.T) {
	t.Parallel()
	for _, files := range [][]string{nil, {"environ"}, {"environ", "alive"}} {
		root := t.TempDir()
		ok(t, os.MkdirAll(runPath(root, 1, "log"), 0o700))
		for _, name := range files {
			if name == "alive" {
				ok(t, syscall.Mkfifo(runPath(root, 1, name), 0o600))
			} else {
				ok(t, os.WriteFile(runPath(root, 1, name), []byte("TOKEN=secret"), 0o600))
			}
		}
		rt := open(t, process.Options{Root: root})
		got := exit(t, rt)
		if got.State != runtime.StateExited || !strings.HasPrefix(got.Reason, runtime.ReasonStartFailed+": ") {
			t.Errorf("with %v reported is %+v, want start_failed", files, got)
		}
		var rejected *runtime.StartError
		err := rt.Start(t.Context(), spec(root, 1, "exit 0"))
		if !errors.As(err, &rejected) || rejected.Class != runtime.ClassInfra || !rejected.Class.Infra() {
			t.Errorf("with %v starting it again gave %v, want the rejection", files, err)
		}
		if _, err := os.Stat(runPath(root, 1, "environ")); !os.IsNotExist(err) {
			t.Errorf("with %v the environment is still on disk (%v)", files, err)
		}
	}
}

// A slowSupervisor says "up" on the FIFO born and waits for a line from the FIFO
// gate before it becomes a supervisor.
type slowSupervisor struct {
	command    []string
	born, gate *os.File
}

func newSlowSupervisor(t *testing.T, dir string) slowSupervisor {
	t.Helper()
	gate := filepath.Join(dir, "gate")
	ok(t, syscall.Mkfifo(gate, 0o600))
	// Open for both, so that opening waits for nobody.
	held, err := os.OpenFile(gate, os.O_RDWR, 0)
	ok(t, err)
	t.Cleanup(func() { held.Close() })
	born := fifo(t, dir, "born")
	script := []string{"/bin/sh", "-c", `echo up >"$0/born"; read x <"$0/gate"; exec "$@"`, dir}
	return slowSupervisor{command: append(script, supervisor()...), born: born, gate: held}
}

// abandonedStart begins a start and takes the asking back as soon as the
// supervisor is there. It returns what the start returned.
func (s slowSupervisor) abandonedStart(t *testing.T, rt *process.Runtime, asked runtime.Spec) error {
	t.Helper()
	ctx, abandon := context.WithCancel(t.Context())
	defer abandon()
	answer := make(chan error, 1)
	go func() { answer <- rt.Start(ctx, asked) }()
	up(t, s.born, 1)
	abandon()
	return <-answer
}

// goOn lets the supervisor begin its work.
func (s slowSupervisor) goOn(t *testing.T) {
	t.Helper()
	_, err := s.gate.WriteString("go\n")
	ok(t, err)
}

func TestStartWithoutAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		command string
		state   runtime.State
	}{
		"starts later": {"sh", runtime.StateRunning},
		"fails later":  {"./vanishing", runtime.StateExited},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, dir := t.TempDir(), t.TempDir()
			slow := newSlowSupervisor(t, dir)
			ok(t, os.WriteFile(filepath.Join(dir, "vanishing"), []byte("#!/bin/sh\n"), 0o700))

			rt := open(t, process.Options{Root: root, Supervisor: slow.command})
			s := spec(dir, 1, "echo started >>starts; sleep 600")
			s.Command[0] = c.command
			err := slow.abandonedStart(t, rt, s)
			var rejected *runtime.StartError
			if !errors.Is(err, context.Canceled) || errors.As(err, &rejected) {
				t.Fatalf("start gave %v, want an unknown outcome", err)
			}
			if got := report(t, rt); got.State != runtime.StateStarting {
				t.Errorf("listed is %+v, want starting", got)
			}
			ok(t, os.Remove(filepath.Join(dir, "vanishing")))
			slow.goOn(t)

			// Asking again waits for the one start and tells what came of it.
			err = rt.Start(t.Context(), s)
			if got := report(t, rt); got.State != c.state {
				t.Errorf("listed is %+v, want %s", got, c.state)
			}
			if failed := errors.As(err, &rejected); failed != (c.state == runtime.StateExited) {
				t.Errorf("starting again gave %v", err)
			}
			if rejected != nil {
				if got := exit(t, rt); got.Reason != "start_failed: "+rejected.Reason {
					t.Errorf("pushed is %+v, want %q", got, rejected.Reason)
				}
			}
		})
	}
}

func TestStopOfAStartWithoutAnswer(t *testing.T) {
	t.Parallel()
	root, dir := t.TempDir(), t.TempDir()
	slow := newSlowSupervisor(t, dir)
	rt := open(t, process.Options{Root: root, Supervisor: slow.command})
	if err := slow.abandonedStart(t, rt, spec(dir, 1, "sleep 600")); !errors.Is(err, context.Canceled) {
		t.Fatalf("start gave %v, want that it was abandoned", err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- rt.Stop(t.Context(), key(1)) }()
	slow.goOn(t)
	ok(t, <-stopped)
	if got := exit(t, rt); got.Reason != runtime.ReasonStopped {
		t.Errorf("reported is %+v, want stopped", got)
	}
}

func TestBrokenSupervisorRejectsTheStart(t *testing.T) {
	t.Parallel()
	for _, command := range [][]string{{"/no/such/binary"}, {"/bin/false"}} {
		rt := open(t, process.Options{Root: t.TempDir(), Supervisor: command})
		err := rt.Start(t.Context(), spec(t.TempDir(), 1, "exit 0"))
		var rejected *runtime.StartError
		if !errors.As(err, &rejected) || rejected.Class != runtime.ClassInfra {
			t.Errorf("with %v start gave %v, want a rejection as infra", command, err)
		}
	}
}

func TestSuperviseRefusesPeople(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(os.Args[0], "supervise", t.TempDir()).CombinedOutput()
	var exited *exec.ExitError
	if !errors.As(err, &exited) || exited.ExitCode() != 2 || !strings.Contains(string(out), "gastown up") {
		t.Errorf("supervise by hand gave %v and %q", err, out)
	}
}

func TestHeartbeatAndActivity(t *testing.T) {
	t.Parallel()
	root, dir := t.TempDir(), t.TempDir()
	rt := open(t, process.Options{Root: root, Heartbeat: 10 * time.Millisecond})
	gate := filepath.Join(dir, "gate")
	ok(t, syscall.Mkfifo(gate, 0o600))
	ok(t, rt.Start(t.Context(), spec(dir, 1, "read x <gate; echo hello; sleep 600")))
	first := report(t, rt)
	eventually(t, "the heart beats", func() bool { return report(t, rt).Heartbeat.After(first.Heartbeat) })
	if got := report(t, rt); !got.Activity.Equal(first.Activity) {
		t.Errorf("activity went from %s to %s without any output", first.Activity, got.Activity)
	}
	ok(t, os.WriteFile(gate, []byte("go\n"), 0o600))
	eventually(t, "output counts as activity", func() bool { return report(t, rt).Activity.After(first.Activity) })
}

// Secrets are not left on disk, and never are in an argument list.
func TestSecretsAreNotKept(t *testing.T) {
	t.Parallel()
	root, dir := t.TempDir(), t.TempDir()
	rt := open(t, process.Options{Root: root})
	s := spec(dir, 1, "cat >/dev/null; sleep 600")
	s.Stdin = []byte("secret-of-the-prompt")
	ok(t, rt.Start(t.Context(), s))
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if path != root && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), "secret-of-the") {
			t.Errorf("%s holds a secret", path)
		}
		return err
	})
	ok(t, err)
	args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", supervisorPID(t, root, 1)))
	ok(t, err)
	if !strings.Contains(string(args), "supervise") || strings.Contains(string(args), "secret-of-the") {
		t.Errorf("the supervisor's arguments are %q", args)
	}
}

func TestUnavailableIsNotAbsent(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	ok(t, os.MkdirAll(runPath(root, 1, ""), 0o700))
	ok(t, os.WriteFile(runPath(root, 1, "exit.json"), []byte("{"), 0o600))
	rt := open(t, process.Options{Root: root})
	if got := report(t, rt); got.State != runtime.StateUnknown || !strings.Contains(got.Reason, "exit.json") {
		t.Errorf("listed is %+v, want unknown with the file's name", got)
	}
	ok(t, os.RemoveAll(filepath.Join(root, "history")))
	ok(t, rt.Close())

	// A root that is gone for the moment (an unmounted disk) is no empty one.
	rt = open(t, process.Options{Root: root})
	ok(t, os.Rename(root, root+".away"))
	defer os.RemoveAll(root + ".away")
	for _, what := range []string{"missing", "empty", "different"} {
		switch what {
		case "empty":
			ok(t, os.Mkdir(root, 0o700))
		case "different":
			ok(t, os.WriteFile(filepath.Join(root, ".lock"), nil, 0o600))
		}
		if got, err := rt.List(t.Context()); err == nil {
			t.Errorf("listing a root that is %s gave %v and no error", what, got)
		}
	}
	ok(t, os.RemoveAll(root))
	ok(t, os.Rename(root+".away", root))
}

func TestRootIsForOneServer(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	open(t, process.Options{Root: root})
	second, err := process.Open(process.Options{Root: root})
	if err == nil || !strings.Contains(err.Error(), "another server") {
		t.Errorf("a second server got %v and %v", second, err)
	}
	if _, err := process.Open(process.Options{}); err == nil {
		t.Error("a runtime without a root was opened")
	}
}
