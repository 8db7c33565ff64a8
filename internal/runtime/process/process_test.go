package process_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gastown/internal/runtime"
	"gastown/internal/runtime/process"
	"gastown/internal/runtime/runtimetest"
)

// patience bounds every wait; only a failing test spends it.
const patience = 30 * time.Second

// TestMain lets the test binary play the parts that are processes of their own.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 {
		switch os.Args[1] {
		case "supervise":
			os.Exit(process.Supervise(os.Args[2]))
		case "serve":
			os.Exit(serve(os.Args[2]))
		}
	}
	goleak.VerifyTestMain(m)
}

// serve is a server that starts one agent, says so and waits to be killed.
func serve(root string) int {
	rt, err := process.Open(process.Options{Root: root, Supervisor: supervisor(), Prepare: inPlace})
	if err == nil {
		err = rt.Start(context.Background(), spec(root, 1, "sleep 600"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("started")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// supervisor is this binary as a supervisor. The race detector would make every
// one of them linger for a second at its end.
func supervisor() []string {
	return []string{"/usr/bin/env", "GORACE=atexit_sleep_ms=0", os.Args[0], "supervise"}
}

// open opens a runtime that is closed at the end of the test, after its agents
// were ended.
func open(t *testing.T, opts process.Options) *process.Runtime {
	t.Helper()
	if opts.Supervisor == nil {
		opts.Supervisor = supervisor()
	}
	if opts.Prepare == nil {
		opts.Prepare = inPlace
	}
	rt, err := process.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		reports, err := rt.List(ctx)
		for _, r := range reports {
			err = errors.Join(err, rt.Stop(ctx, r.Key))
		}
		if err != nil && !errors.Is(err, runtime.ErrClosed) {
			t.Error(err)
		}
		if err := rt.Close(); err != nil {
			t.Error(err)
		}
	})
	return rt
}

// ok fails the test on an error.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// key is a run of the tests' agent.
func key(run int64) runtime.Key {
	return runtime.Key{History: "history", Town: "town", Agent: "toast", Run: run}
}

// spec is a run of a shell script.
func spec(dir string, run int64, script string) runtime.Spec {
	return runtime.Spec{
		Key:     key(run),
		Command: []string{"sh", "-c", script},
		Env:     []string{"PATH=/usr/local/bin:/usr/bin:/bin", "TOKEN=secret-of-the-agent"},
		Grace:   200 * time.Millisecond,
		Workspace: runtime.Workspace{
			Repository: runtime.Repository{Rig: "rig", URL: dir}, Bead: "bead", Branch: "work", Base: "main",
		},
	}
}

// inPlace runs agents in the repository itself.
func inPlace(_ context.Context, spec runtime.Spec) (runtime.Prepared, error) {
	return runtime.Prepared{Dir: spec.Workspace.Repository.URL}, nil
}

// runPath is a file of a run's directory.
func runPath(root string, run int64, name string) string {
	return filepath.Join(root, "history", "town", "toast", fmt.Sprint(run), name)
}

// supervisorPID reads who supervises a run.
func supervisorPID(t *testing.T, root string, run int64) int {
	t.Helper()
	data, err := os.ReadFile(runPath(root, run, "supervisor.json"))
	ok(t, err)
	var rec struct{ PID int }
	ok(t, json.Unmarshal(data, &rec))
	return rec.PID
}

// exit waits for the next report of an ended run.
func exit(t *testing.T, rt *process.Runtime) runtime.Report {
	t.Helper()
	select {
	case r := <-rt.Exits():
		return r
	case <-time.After(patience):
		t.Fatal("no exit was reported")
		panic("unreachable")
	}
}

// report lists the one run there is.
func report(t *testing.T, rt *process.Runtime) runtime.Report {
	t.Helper()
	reports, err := rt.List(t.Context())
	ok(t, err)
	if len(reports) != 1 {
		t.Fatalf("listed are %+v, want one run", reports)
	}
	return reports[0]
}

// eventually waits for a condition outside this process.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen that %s", what)
		}
	}
}

// fifo makes a FIFO and opens it for reading, so that a script can say that it
// is up and its processes can be seen to be gone.
func fifo(t *testing.T, dir, name string) *os.File {
	t.Helper()
	ok(t, syscall.Mkfifo(filepath.Join(dir, name), 0o600))
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	ok(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// up waits for as many "up" lines.
func up(t *testing.T, f *os.File, lines int) {
	t.Helper()
	var got []byte
	buf := make([]byte, 64)
	eventually(t, "the script came up", func() bool {
		ok(t, f.SetReadDeadline(time.Now().Add(patience)))
		n, err := f.Read(buf)
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		got = append(got, buf[:n]...)
		return bytes.Count(got, []byte("up\n")) == lines
	})
}

// gone fails the test unless everybody who had the FIFO open has ended. The
// kernel closes files a moment after it ends a process, so that is waited for.
func gone(t *testing.T, f *os.File) {
	t.Helper()
	ok(t, f.SetReadDeadline(time.Now().Add(patience)))
	if _, err := io.Copy(io.Discard, f); err != nil {
		t.Errorf("a process of the run still lives: %v", err)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	runtimetest.Run(t, func(t *testing.T) runtimetest.Harness {
		root := t.TempDir()
		return runtimetest.Harness{Open: func(t *testing.T, prepare runtime.Prepare) runtime.Runtime {
			return open(t, process.Options{Root: root, Prepare: prepare})
		}}
	})
}
