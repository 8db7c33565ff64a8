package runtimetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gastown/internal/runtime"
)

var startTests = []conformanceTest{
	{"start gives command, environment, directory and input", testStartGives},
	{"start is idempotent by key", testStartIdempotent},
	{"start is idempotent after the run is over, forgotten and the server restarted", testStartAfterEnd},
	{"concurrent starts of a key start one agent", testStartConcurrent},
	{"start ends the older run first", testStartEndsOlder},
	{"start of an older run is rejected", testStartStale},
	{"agents and towns are separate", testStartSeparate},
	{"start rejects what cannot run and leaves nothing behind", testStartRejects},
	{"a rejected start does not end the older run and may be repeated", testStartRejectedSpares},
	{"the environment is exactly the one given", testStartEnvironment},
	{"a closed runtime starts nothing", testStartClosed},
}

func testStartGives(w *world) {
	spec := w.spec(1, `pwd; echo "$GREETING"; cat; echo "arg $1" >&2`)
	spec.Command = append(spec.Command, "sh", "two words")
	spec.Env = append(spec.Env, "GREETING=hello there")
	spec.Stdin = []byte("a prompt\nof two lines\n")
	w.start(spec)
	w.exit()
	dir, err := filepath.EvalSymlinks(w.dir)
	w.ok(err)
	want := dir + "\nhello there\na prompt\nof two lines\narg two words\n"
	if got := w.log(key(1), runtime.LogOptions{}); got != want {
		w.t.Errorf("the agent wrote\n%s\nwant\n%s", got, want)
	}
}

func testStartIdempotent(w *world) {
	up := w.fifo("up")
	spec := w.spec(1, `exec 3>up; echo started >>starts; echo up >&3; sleep 600`)
	w.start(spec)
	w.line(up)
	first := w.report()
	w.start(spec)
	w.reopen()
	w.start(spec)
	if got := w.read("starts"); got != "started\n" {
		w.t.Errorf("the agent was started more than once: %q", got)
	}
	if again := w.report(); again.PID != first.PID || again.State != runtime.StateRunning {
		w.t.Errorf("listed is %+v, want the first agent %+v", again, first)
	}
}

func testStartAfterEnd(w *world) {
	spec := w.spec(1, `echo started >>starts`)
	w.start(spec)
	w.exit()
	w.start(spec)
	w.reopen()
	w.start(spec)
	w.exit()
	w.ok(w.rt.Forget(w.ctx(), key(1)))
	w.start(spec)
	w.ok(w.rt.Prune(w.ctx(), time.Now()))
	w.start(spec)
	w.reopen()
	w.start(spec)
	if got := w.read("starts"); got != "started\n" {
		w.t.Errorf("the agent was started more than once: %q", got)
	}
}

func testStartConcurrent(w *world) {
	up := w.fifo("up")
	spec := w.spec(1, `exec 3>up; echo started >>starts; echo up >&3; sleep 600`)
	ctx := w.ctx()
	errs := make([]error, 8)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() { errs[i] = w.rt.Start(ctx, spec) })
	}
	group.Wait()
	w.ok(errors.Join(errs...))
	w.line(up)
	w.ok(w.rt.Stop(w.ctx(), key(1)))
	w.gone(up)
	if got := w.read("starts"); got != "started\n" {
		w.t.Errorf("the agent was started more than once: %q", got)
	}
}

func testStartEndsOlder(w *world) {
	held := w.fifo("held")
	old := w.spec(1, `trap "" TERM; exec 3>held; echo up >&3; while :; do sleep 600; done`)
	old.Grace = 100 * time.Millisecond
	w.start(old)
	w.line(held)
	w.start(w.spec(2, `echo hello; sleep 600`))
	w.gone(held)
	if got := w.exit(); got.Key != key(1) || got.Reason != runtime.ReasonStopped || got.Signal != "killed" {
		w.t.Errorf("reported is %+v, want run 1 stopped and killed", got)
	}
	reports := w.list()
	if len(reports) != 2 || reports[0].State != runtime.StateExited || reports[1].State != runtime.StateRunning {
		w.t.Errorf("listed are %+v, want run 1 exited and run 2 running", reports)
	}
}

func testStartStale(w *world) {
	w.start(w.spec(7, `sleep 600`))
	w.rejected(w.spec(6, `echo started >starts`), runtime.ClassStaleRun, "run 7")
	w.ok(w.rt.Stop(w.ctx(), key(7)))
	w.ok(w.rt.Forget(w.ctx(), key(7)))
	w.ok(w.rt.Prune(w.ctx(), time.Now()))
	w.reopen()
	w.rejected(w.spec(6, `echo started >starts`), runtime.ClassStaleRun, "run 7")
	if _, err := os.Stat(filepath.Join(w.dir, "starts")); !os.IsNotExist(err) {
		w.t.Errorf("the stale run was started (%v)", err)
	}
}

func testStartSeparate(w *world) {
	keys := []runtime.Key{
		{Town: "a", Agent: "b", Run: 1}, {Town: "a", Agent: "c", Run: 5}, {Town: "a/b", Agent: "c", Run: 1},
		{Town: "..", Agent: ".", Run: 1}, {Town: "Ü", Agent: "c d%2F", Run: 2},
	}
	for i := range keys {
		keys[i].History = "history"
	}
	// Another history of the same town has other runs, and counts them by itself.
	keys = append(keys, runtime.Key{History: "another", Town: "a", Agent: "c", Run: 1}, runtime.Key{History: "another", Town: "a", Agent: "b", Run: 1})
	for i, k := range keys {
		spec := w.spec(1, `sleep 600`)
		spec.Key, spec.Workspace.Bead = k, fmt.Sprint("bead", i)
		w.start(spec)
	}
	w.reopen()
	found := map[runtime.Key]runtime.State{}
	for _, r := range w.list() {
		found[r.Key] = r.State
	}
	for _, k := range keys {
		if found[k] != runtime.StateRunning {
			w.t.Errorf("%s is %q, want running", k, found[k])
		}
	}
	if len(found) != len(keys) {
		w.t.Errorf("listed are %v, want %v", found, keys)
	}
}

// rejected starts what has to be rejected with a class and a word in the reason.
func (w *world) rejected(spec runtime.Spec, class runtime.Class, word string) {
	w.t.Helper()
	err := w.rt.Start(w.ctx(), spec)
	var rejected *runtime.StartError
	if !errors.As(err, &rejected) {
		w.t.Fatalf("start of %v gave %v, want a rejection", spec.Command, err)
	}
	if rejected.Class != class || !strings.Contains(rejected.Reason, word) {
		w.t.Errorf("start of %v was rejected as %s: %q, want %s with %q",
			spec.Command, rejected.Class, rejected.Reason, class, word)
	}
}

func testStartRejects(w *world) {
	w.ok(os.WriteFile(filepath.Join(w.dir, "data"), []byte("no program"), 0o600))
	w.ok(os.WriteFile(filepath.Join(w.dir, "script"), []byte("#!/no/such/interpreter\n"), 0o700))
	cases := []struct {
		change func(*runtime.Spec)
		class  runtime.Class
		word   string
	}{
		{func(s *runtime.Spec) { s.Command = []string{"no-such-agent", "-x"} }, runtime.ClassCommandNotFound, `"no-such-agent" is not on the agent's PATH (/usr/local/bin`},
		{func(s *runtime.Spec) { s.Command = []string{"/no/such/agent"} }, runtime.ClassCommandNotFound, "/no/such/agent"},
		{func(s *runtime.Spec) { s.Command = []string{"./data"} }, runtime.ClassCommandNotFound, "./data"},
		{func(s *runtime.Spec) { s.Command = []string{"./script"} }, runtime.ClassCommandNotFound, "./script"},
		{func(s *runtime.Spec) { s.Env = []string{"PATH=/nowhere"} }, runtime.ClassCommandNotFound, "/nowhere"},
		{func(s *runtime.Spec) { s.Command = nil }, runtime.ClassInvalid, "command"},
		{func(s *runtime.Spec) { s.Command = append(s.Command, strings.Repeat("x", 4<<20)) }, runtime.ClassInvalid, "too long"},
		{func(s *runtime.Spec) { s.Env = append(s.Env, "nonsense") }, runtime.ClassInvalid, "NAME=value"},
		{func(s *runtime.Spec) { s.Run = 0 }, runtime.ClassInvalid, "run 0"},
		{func(s *runtime.Spec) { s.Agent = "" }, runtime.ClassInvalid, "agent"},
	}
	for _, c := range cases {
		spec := w.spec(1, "exit 0")
		c.change(&spec)
		w.rejected(spec, c.class, c.word)
	}
	if got := w.list(); len(got) != 0 {
		w.t.Errorf("rejected starts left %+v", got)
	}
	// The next exit is that of a run that was started, so none was reported before.
	w.start(w.spec(2, "exit 0"))
	if got := w.exit(); got.Key != key(2) {
		w.t.Errorf("a rejected start was reported as ended: %+v", got)
	}
}

func testStartRejectedSpares(w *world) {
	w.start(w.spec(1, `sleep 600`))
	wrong := w.spec(2, "exit 0")
	wrong.Command = []string{"no-such-agent"}
	w.rejected(wrong, runtime.ClassCommandNotFound, "no-such-agent")
	if got := w.report(); got.State != runtime.StateRunning {
		w.t.Errorf("the older run is %+v, want it running", got)
	}
	w.start(w.spec(2, `sleep 600`))
	if got := w.exit(); got.Key != key(1) {
		w.t.Errorf("reported is %+v, want run 1", got)
	}
}

func testStartEnvironment(w *world) {
	spec := w.spec(1, `env | sort | grep -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD= -e ^GASTOWN_SUPERVISOR= -e ^GASTOWN_INBOX=`)
	var want strings.Builder
	for _, name := range []string{"A", "B"} {
		spec.Env = append(spec.Env, fmt.Sprintf("%s=value of %s", name, name))
		fmt.Fprintf(&want, "%s=value of %s\n", name, name)
	}
	want.WriteString("PATH=/usr/local/bin:/usr/bin:/bin\n")
	w.start(spec)
	w.exit()
	if got := w.log(key(1), runtime.LogOptions{}); got != want.String() {
		w.t.Errorf("the environment was\n%s\nwant\n%s", got, want.String())
	}
}

func testStartClosed(w *world) {
	w.ok(w.rt.Close())
	w.ok(w.rt.Close())
	if err := w.rt.Start(w.ctx(), w.spec(1, "exit 0")); !errors.Is(err, runtime.ErrClosed) {
		w.t.Errorf("start gave %v, want ErrClosed", err)
	}
	if _, err := w.rt.List(w.ctx()); !errors.Is(err, runtime.ErrClosed) {
		w.t.Errorf("list gave %v, want ErrClosed and not an empty list", err)
	}
	if _, err := w.rt.Log(w.ctx(), key(1), runtime.LogOptions{}); !errors.Is(err, runtime.ErrClosed) {
		w.t.Errorf("log gave %v, want ErrClosed", err)
	}
	for range w.rt.Exits() {
		w.t.Error("an exit was reported by a closed runtime")
	}
}
