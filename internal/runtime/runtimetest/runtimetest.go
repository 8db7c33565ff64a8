// Package runtimetest is the specification of runtime.Runtime: every
// implementation passes Run.
//
// The agents of the suite are shell scripts. They talk to the test through files
// and FIFOs in a directory of the test, which holds where agents share a file
// system with the test and fails where they run on another machine.
package runtimetest

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"gastown/internal/runtime"
)

// patience bounds every wait; only a failing test spends it.
const patience = 30 * time.Second

// Harness is a place where agents run, made for one test.
type Harness struct {
	// Open returns a Runtime on the place, as a server that starts does, which
	// prepares workspaces as it is told. The suite closes one before it opens the
	// next.
	Open func(t *testing.T, prepare runtime.Prepare) runtime.Runtime
}

// Run runs the suite. New is called once for every test of it and must give a
// place of its own.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	for _, group := range [][]conformanceTest{startTests, workspaceTests, stopTests, exitTests, logTests, tellTests} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				w := &world{t: t, harness: newHarness(t), dir: t.TempDir()}
				w.open()
				t.Cleanup(w.close)
				c.run(w)
			})
		}
	}
}

// conformanceTest is one sentence of the specification.
type conformanceTest struct {
	name string
	run  func(w *world)
}

// world is what a test works with.
type world struct {
	t       *testing.T
	harness Harness
	dir     string // the agents' working directory
	rt      runtime.Runtime

	mu       sync.Mutex
	prepared []runtime.Key // runs whose workspace was asked for
	prepare  runtime.Prepare
}

// open opens the runtime. It gives all runs the test's directory, unless the test prepares them.
func (w *world) open() {
	w.rt = w.harness.Open(w.t, func(ctx context.Context, spec runtime.Spec) (runtime.Prepared, error) {
		w.mu.Lock()
		w.prepared = append(w.prepared, spec.Key)
		prepare := w.prepare
		w.mu.Unlock()
		if prepare != nil {
			return prepare(ctx, spec)
		}
		return runtime.Prepared{Dir: w.dir}, nil
	})
}

// prepares has workspaces made ready in another way from now on.
func (w *world) prepares(prepare runtime.Prepare) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.prepare = prepare
}

// reopen does what a restart of the server does.
func (w *world) reopen() {
	w.t.Helper()
	w.ok(w.rt.Close())
	w.open()
}

// close ends all agents, so that none outlives its test.
func (w *world) close() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	reports, err := w.rt.List(ctx)
	if errors.Is(err, runtime.ErrClosed) {
		w.open()
		reports, err = w.rt.List(ctx)
	}
	w.ok(err)
	for _, r := range reports {
		if err := w.rt.Stop(ctx, r.Key); err != nil {
			w.t.Errorf("stopping %s at the end of the test: %v", r.Key, err)
		}
	}
	w.ok(w.rt.Close())
}

// ctx is good for one call.
func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	w.t.Cleanup(cancel)
	return ctx
}

// ok fails the test on an error.
func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// key is a run of the test's agent.
func key(run int64) runtime.Key {
	return runtime.Key{History: "history", Town: "town", Agent: "toast", Run: run}
}

// spec is a run of a shell script in the test's directory.
func (w *world) spec(run int64, script string) runtime.Spec {
	return runtime.Spec{
		Key:     key(run),
		Command: []string{"sh", "-c", script},
		Env:     []string{"PATH=/usr/local/bin:/usr/bin:/bin"},
		Grace:   5 * time.Second,
		Workspace: runtime.Workspace{
			Repository: runtime.Repository{Rig: "rig", URL: "file:///nowhere"}, Bead: "bead", Branch: "work", Base: "main",
		},
	}
}

// start starts a run that has to start.
func (w *world) start(spec runtime.Spec) {
	w.t.Helper()
	w.ok(w.rt.Start(w.ctx(), spec))
}

// exit waits for the next report of an ended run.
func (w *world) exit() runtime.Report {
	w.t.Helper()
	select {
	case r, ok := <-w.rt.Exits():
		if !ok {
			w.t.Fatal("the channel of exits was closed")
		}
		return r
	case <-time.After(patience):
		w.t.Fatal("no exit was reported")
	}
	panic("unreachable")
}

// list lists the runs.
func (w *world) list() []runtime.Report {
	w.t.Helper()
	reports, err := w.rt.List(w.ctx())
	w.ok(err)
	return reports
}

// report is what is listed of the one run there is.
func (w *world) report() runtime.Report {
	w.t.Helper()
	reports := w.list()
	if len(reports) != 1 {
		w.t.Fatalf("listed are %+v, want one run", reports)
	}
	return reports[0]
}

// log reads a log to its end.
func (w *world) log(k runtime.Key, opts runtime.LogOptions) string {
	w.t.Helper()
	l, err := w.rt.Log(w.ctx(), k, opts)
	w.ok(err)
	defer l.Close()
	data, err := io.ReadAll(l)
	w.ok(err)
	return string(data)
}

// read returns what the agents wrote to a file of the test's directory.
func (w *world) read(name string) string {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.dir, name))
	w.ok(err)
	return string(data)
}

// fifo makes a FIFO in the test's directory and opens it for reading and, so
// that no agent's opening waits, holds nothing else.
func (w *world) fifo(name string) *os.File {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	w.ok(syscall.Mkfifo(path, 0o600))
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	w.ok(err)
	w.t.Cleanup(func() { f.Close() })
	return f
}

// gate makes a FIFO on which an agent waits with "read x < name" until the test
// calls the function returned.
func (w *world) gate(name string) (open func()) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	w.ok(syscall.Mkfifo(path, 0o600))
	// Open for both, so that opening waits for nobody.
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	w.ok(err)
	w.t.Cleanup(func() { f.Close() })
	return func() {
		w.t.Helper()
		_, err := f.WriteString("go\n")
		w.ok(err)
	}
}

// line waits for a line from the agents. The end of file is no answer: it is
// also what a FIFO says that nobody has opened yet.
func (w *world) line(from *os.File) {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	var got []byte
	buf := make([]byte, 1)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		w.ok(from.SetReadDeadline(deadline))
		n, err := from.Read(buf)
		switch {
		case n == 1 && buf[0] == '\n':
			return
		case n == 1:
			got = append(got, buf[0])
		case errors.Is(err, io.EOF):
			<-tick.C
		default:
			w.ok(err)
		}
	}
	w.t.Fatalf("the agent wrote no line, only %q", got)
}

// gone fails the test unless every process that had a FIFO open has ended. The
// kernel closes files a moment after it ends a process, so that is waited for.
func (w *world) gone(held *os.File) {
	w.t.Helper()
	w.ok(held.SetReadDeadline(time.Now().Add(patience)))
	if _, err := io.Copy(io.Discard, held); err != nil {
		w.t.Fatalf("a process of the run still lives: %v", err)
	}
}
