package runtimetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gastown/internal/runtime"
)

var workspaceTests = []conformanceTest{
	{"a workspace is prepared once, before the process starts", testPreparedOnce},
	{"a run that exists has its workspace left alone", testPreparedLeftAlone},
	{"what was found and the environment of the workspace reach the agent", testPreparedGives},
	{"a workspace that cannot be prepared rejects the start by its class", testPreparedFails},
	{"a workspace without a folder rejects the start", testPreparedNowhere},
	{"a run without a repository has a folder of its own", testOwnFolder},
	{"another run on the same workspace is ended before that is prepared", testWorkspaceAlone},
	{"runs that start on one workspace at a time are alone in it", testWorkspaceRace},
	{"a workspace that cannot be prepared does not end the older run elsewhere", testPreparedFailsSpares},
}

// asked lists the runs whose workspace was asked for.
func (w *world) asked() []runtime.Key {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.prepared)
}

func testPreparedOnce(w *world) {
	w.prepares(func(context.Context, runtime.Spec) (runtime.Prepared, error) {
		return runtime.Prepared{Dir: w.dir}, os.WriteFile(filepath.Join(w.dir, "ready"), []byte("ready\n"), 0o600)
	})
	w.start(w.spec(1, `cat ready`))
	w.exit()
	if got := w.log(key(1), runtime.LogOptions{}); got != "ready\n" {
		w.t.Errorf("the agent found %q", got)
	}
	if got := w.asked(); !slices.Equal(got, []runtime.Key{key(1)}) {
		w.t.Errorf("prepared were %v", got)
	}
}

func testPreparedLeftAlone(w *world) {
	spec := w.spec(1, `sleep 600`)
	w.start(spec)
	w.prepares(func(context.Context, runtime.Spec) (runtime.Prepared, error) {
		return runtime.Prepared{}, errors.New("the remote is away")
	})
	w.start(spec)
	w.reopen()
	w.start(spec)
	w.ok(w.rt.Stop(w.ctx(), key(1)))
	w.start(spec)
	if got := w.asked(); !slices.Equal(got, []runtime.Key{key(1)}) {
		w.t.Errorf("prepared were %v", got)
	}
}

func testPreparedGives(w *world) {
	w.prepares(func(context.Context, runtime.Spec) (runtime.Prepared, error) {
		return runtime.Prepared{Dir: w.dir, Env: []string{"WHO=toast"}, Found: "3 commits"}, nil
	})
	spec := w.spec(1, `cat; echo " $WHO, $1"`)
	spec.Command = append(spec.Command, "sh", "there is "+runtime.FoundMark+".")
	spec.Stdin = []byte("go on from " + runtime.FoundMark)
	w.start(spec)
	w.exit()
	if got, want := w.log(key(1), runtime.LogOptions{}), "go on from 3 commits toast, there is 3 commits.\n"; got != want {
		w.t.Errorf("the agent wrote %q, want %q", got, want)
	}
}

func testPreparedFails(w *world) {
	cases := []struct {
		err   error
		class runtime.Class
		word  string
	}{
		{errors.New("the disk is gone"), runtime.ClassWorkspace, "the disk is gone"},
		{&runtime.StartError{Class: "git_network", Reason: "the remote is away"}, "git_network", "the remote is away"},
	}
	for _, c := range cases {
		w.prepares(func(context.Context, runtime.Spec) (runtime.Prepared, error) {
			return runtime.Prepared{Dir: w.dir}, c.err
		})
		w.rejected(w.spec(1, `echo started >starts`), c.class, c.word)
		if !c.class.Infra() {
			w.t.Errorf("%s is held against the agent", c.class)
		}
	}
	ctx, cancel := context.WithCancel(w.ctx())
	w.prepares(func(ctx context.Context, _ runtime.Spec) (runtime.Prepared, error) {
		cancel()
		return runtime.Prepared{}, ctx.Err()
	})
	var refused *runtime.StartError
	if err := w.rt.Start(ctx, w.spec(1, `echo started >starts`)); !errors.As(err, &refused) || refused.Class != runtime.ClassTimeout {
		w.t.Errorf("a start that ends while it prepares gives %v", err)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "starts")); !os.IsNotExist(err) || len(w.list()) != 0 {
		w.t.Errorf("rejected starts left %+v (%v)", w.list(), err)
	}
	w.prepares(nil)
	w.start(w.spec(1, `exit 0`))
	w.exit()
}

func testPreparedNowhere(w *world) {
	w.ok(os.WriteFile(filepath.Join(w.dir, "data"), []byte("no directory"), 0o600))
	for _, dir := range []string{filepath.Join(w.dir, "missing"), filepath.Join(w.dir, "data"), "relative"} {
		w.prepares(func(context.Context, runtime.Spec) (runtime.Prepared, error) { return runtime.Prepared{Dir: dir}, nil })
		w.rejected(w.spec(1, `exit 0`), runtime.ClassBadDirectory, filepath.Base(dir))
	}
}

func testOwnFolder(w *world) {
	// With a repository and no branch, it is prepared and still has a folder of its own.
	for run, url := range []string{"", "file:///nowhere"} {
		w.prepares(func(context.Context, runtime.Spec) (runtime.Prepared, error) { return runtime.Prepared{}, nil })
		spec := w.spec(int64(run)+1, `ls -A; pwd; echo kept >file`)
		spec.Workspace = runtime.Workspace{Repository: runtime.Repository{URL: url}}
		w.start(spec)
		w.exit()
	}
	one, two := w.log(key(1), runtime.LogOptions{}), w.log(key(2), runtime.LogOptions{})
	if strings.Count(one, "\n") != 1 || strings.Count(two, "\n") != 1 || one == two {
		w.t.Errorf("the runs were in %q and %q", one, two)
	}
	if got := w.asked(); !slices.Equal(got, []runtime.Key{key(2)}) {
		w.t.Errorf("prepared were %v", got)
	}
}

func testWorkspaceAlone(w *world) {
	held := w.fifo("held")
	old := w.spec(1, `trap "" TERM; exec 3>held; echo up >&3; while :; do sleep 600; done`)
	old.Grace = 100 * time.Millisecond
	w.start(old)
	w.line(held)
	next := w.spec(9, `sleep 600`)
	next.Agent = "nux"
	var before []runtime.Report
	w.prepares(func(ctx context.Context, _ runtime.Spec) (ready runtime.Prepared, err error) {
		before, err = w.rt.List(ctx)
		return runtime.Prepared{Dir: w.dir}, err
	})
	w.start(next)
	w.gone(held)
	if len(before) != 1 || before[0].Key != key(1) || before[0].State != runtime.StateExited {
		w.t.Errorf("while the workspace was prepared there were %+v", before)
	}
	elsewhere := w.spec(3, `sleep 600`)
	elsewhere.Workspace.Bead = "other"
	w.start(elsewhere)
	for _, r := range w.list() {
		if r.Key != key(1) && r.State != runtime.StateRunning {
			w.t.Errorf("%s is %s", r.Key, r.State)
		}
	}
}

func testWorkspaceRace(w *world) {
	const agents = 4
	done := make(chan error, agents)
	for i := range agents {
		spec := w.spec(1, `sleep 600`)
		spec.Agent = string(rune('a' + i))
		go func() { done <- w.rt.Start(w.ctx(), spec) }()
	}
	for range agents {
		w.ok(<-done)
	}
	running := 0
	for _, r := range w.list() {
		if r.State == runtime.StateRunning {
			running++
		}
	}
	if running != 1 {
		w.t.Errorf("%d runs have one workspace", running)
	}
}

func testPreparedFailsSpares(w *world) {
	w.start(w.spec(1, `sleep 600`))
	w.prepares(func(context.Context, runtime.Spec) (runtime.Prepared, error) {
		return runtime.Prepared{}, errors.New("no")
	})
	next := w.spec(2, `exit 0`)
	next.Workspace.Bead = "other"
	w.rejected(next, runtime.ClassWorkspace, "no")
	if got := w.report(); got.State != runtime.StateRunning {
		w.t.Errorf("the older run is %+v, want it running", got)
	}
}
