package git

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// counting is a gate that notes each run, with the commit it ran on, and then does what the shell line says.
// N is the number of the run.
func counting(t *testing.T, shell string) (Gate, func() int) {
	t.Helper()
	runs := filepath.Join(t.TempDir(), "runs")
	write(t, filepath.Dir(runs), "runs", "")
	return Gate{Name: "test", Shell: fmt.Sprintf("git rev-parse HEAD >>%q; N=$(wc -l <%q); %s", runs, runs, shell)},
		func() int { return strings.Count(read(t, filepath.Dir(runs), "runs"), "\n") }
}

// ends says how runs of gates ended.
func ends(runs []GateRun) string {
	var all []string
	for _, run := range runs {
		end := string(run.End)
		if run.Flaky {
			end = "flaky"
		}
		if run.OnTarget {
			end += " on the target"
		}
		all = append(all, end)
	}
	return strings.Join(all, ", ")
}

// A gate that does not pass on the target alone is no fault of any branch: the target has it, or the machine.
func TestAGateThatIsBrokenForEveryone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		gate Gate
		end  GateEnd
	}{
		"it fails":                 {Gate{Shell: "echo no luck; exit 3"}, GateFailed},
		"no such program":          {Gate{Command: []string{"/no/such/program"}}, GateCouldNotRun},
		"no such word of a shell":  {Gate{Shell: "no-such-tool-of-ours test"}, GateCouldNotRun},
		"not allowed":              {Gate{Shell: "exec ./readme"}, GateCouldNotRun},
		"killed from outside":      {Gate{Shell: "kill -KILL $$"}, GateCouldNotRun},
		"its child is killed":      {Gate{Shell: "sh -c 'kill -KILL $$'"}, GateCouldNotRun},
		"it never ends in time":    {Gate{Shell: "sleep 1000", Timeout: 2 * time.Second}, GateTimedOut},
		"it changes what is there": {Gate{Shell: "test ! -e made || exit 0; echo x >made; echo y >readme; exit 1"}, GateFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := newTown(t)
			tw.worked("toast", source, "work", "w")
			tip := tw.tip("main")
			test.gate.Name = "test"
			result := tw.merge(MergeRequest{Branch: source, Target: "main", Gates: []Gate{test.gate}})
			if result.Outcome != OutcomeGateBroken || result.Gate == nil || result.Gate.End != test.end || result.Target != tip {
				t.Errorf("got %+v, %+v", result, result.Gate)
			}
			if tw.tip("main") != tip {
				t.Error("something was pushed")
			}
			tw.checkPlaces()
		})
	}
}

// Where a program that a gate needs is missing only with the branch, the branch has taken it away.
func TestABranchThatTakesTheGatesProgramAway(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	tw.push("check.sh", "exit 0\n")
	path, _ := tw.worked("toast", source, "work", "w")
	sh(t, path, "rm", "--quiet", "check.sh")
	sh(t, path, "commit", "--quiet", "-m", "Clean up")
	tw.done("toast", source)
	result := tw.merge(MergeRequest{Branch: source, Target: "main", Gates: []Gate{{Name: "test", Shell: "sh ./check.sh"}}})
	if result.Outcome != OutcomeGateFailed || result.Gate.Gate != "test" {
		t.Errorf("got %+v, %+v", result, result.Gate)
	}
}

// On a target that the gates passed on a moment ago a failure is tried once more, and passes or is the branch's.
func TestAFlakyGate(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	now := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	merge := func(branch string, gate Gate) (merged, string) {
		var log bytes.Buffer
		return tw.merge(MergeRequest{
			Branch: branch, Target: "main", Gates: []Gate{gate}, GateRetries: 1, Log: &log, Now: func() time.Time { return now },
		}), log.String()
	}
	// Run 1 passes. Run 2 fails, and 3 passes: the target was green a moment ago.
	gate, runs := counting(t, "test $N != 2 && ! test -e bad")
	tw.worked("toast", source, "work", "w")
	if result, log := merge(source, gate); result.Outcome != OutcomeMerged || ends(result.Gates) != "passed" || runs() != 1 {
		t.Fatalf("got %+v after %d runs\n%s", result, runs(), log)
	}
	now = now.Add(knownGreenFor - time.Millisecond)
	tw.worked("nux", "gt/nux/2", "more", "w")
	if result, log := merge("gt/nux/2", gate); result.Outcome != OutcomeMerged || ends(result.Gates) != "failed, flaky" || runs() != 3 {
		t.Fatalf("got %+v after %d runs\n%s", result, runs(), log)
	}
	// One that is red both times is the branch's fault, if the target passes now.
	tw.worked("slit", "gt/slit/3", "bad", "b")
	if result, log := merge("gt/slit/3", gate); result.Outcome != OutcomeGateFailed || runs() != 6 ||
		ends(result.Gates) != "failed, failed, passed on the target" || !strings.Contains(log, "on main alone") {
		t.Fatalf("got %+v after %d runs\n%s", result, runs(), log)
	}
	// What was known is too old: the target is run at once.
	now = now.Add(knownGreenFor)
	if result, log := merge("gt/slit/3", gate); result.Outcome != OutcomeGateFailed || runs() != 8 ||
		ends(result.Gates) != "failed, passed on the target" {
		t.Fatalf("got %+v after %d runs\n%s", result, runs(), log)
	}
}

// What a gate needs is out of reach for a while, such as a registry. No branch is blamed, whatever is known of the
// target, and whichever refinery tries; when it is back, everything is merged.
func TestARegistryOutOfReachBlamesNobody(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	var down atomic.Bool
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			http.Error(w, "out of reach", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "%s\trefs/heads/main\n", strings.Repeat("a", 40)) // as a plain file server of git does
	}))
	t.Cleanup(registry.Close)
	gates := []Gate{{Name: "install", Shell: "git ls-remote -q '" + registry.URL + "/repo' >&2"}}
	merge := func(branch string) MergeResult {
		// Each merge is another process's, which knows of the others by the rig's files alone.
		store, err := Open(filepath.Dir(filepath.Dir(tw.rig.dir)))
		if err != nil {
			t.Fatal(err)
		}
		tw.rig = store.Rig("town", "web", tw.origin, "main")
		return tw.merge(MergeRequest{Branch: branch, Target: "main", Gates: gates, GateRetries: 1}).MergeResult
	}
	var branches []string
	for i := range 4 {
		branches = append(branches, fmt.Sprintf("gt/toast/%d", i))
		tw.worked(fmt.Sprintf("toast-%d", i), branches[i], branches[i], "w")
	}
	if result := merge(branches[0]); result.Outcome != OutcomeMerged {
		t.Fatalf("got %+v, %+v", result, result.Gate)
	}
	down.Store(true)
	for _, branch := range branches[1:] {
		if result := merge(branch); result.Outcome != OutcomeGateBroken || ends(result.Gates) != "failed, failed, failed on the target" {
			t.Errorf("got %+v, %+v", result, result.Gate)
		}
	}
	down.Store(false)
	for _, branch := range branches[1:] {
		if result := merge(branch); result.Outcome != OutcomeMerged || ends(result.Gates) != "passed" {
			t.Errorf("got %+v, %+v", result, result.Gate)
		}
	}
}

// A gate that takes too long is not tried again, and another command is another gate.
func TestWhatIsKnownOfTheTargetDoesNotCount(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	gate, runs := counting(t, "test ! -e slow || sleep 1000")
	gate.Timeout = 20 * time.Second
	merge := func(branch string) merged {
		return tw.merge(MergeRequest{Branch: branch, Target: "main", Gates: []Gate{gate}, GateRetries: 1})
	}
	tw.worked("toast", source, "work", "w")
	if result := merge(source); result.Outcome != OutcomeMerged {
		t.Fatalf("got %+v", result)
	}
	gate.Timeout = 3 * time.Second
	tw.worked("nux", "gt/nux/2", "slow", "s")
	if result := merge("gt/nux/2"); result.Outcome != OutcomeGateFailed || result.Gate.End != GateTimedOut || runs() != 3 {
		t.Fatalf("got %+v after %d runs", result, runs())
	}
}

// A gate finds the files of the commit, whatever the one before has changed, and what was changed is told.
func TestGatesDoNotSeeWhatOthersChanged(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	tw.worked("toast", source, "work", "w")
	var log strings.Builder
	result := tw.merge(MergeRequest{Branch: source, Target: "main", Log: &log, Gates: []Gate{
		{Name: "format", Shell: "echo changed >readme; rm work; echo built >made"},
		{Name: "test", Shell: "test \"$(cat readme)\" = one && test -e work && test -e made && touch readme"},
	}})
	if result.Outcome != OutcomeMerged || ends(result.Gates) != "passed, passed" {
		t.Fatalf("got %+v, %+v", result, result.Gate)
	}
	if first := result.Gates[0]; first.Changes != 2 || !slices.Equal(first.Changed, []string{"readme", "work"}) {
		t.Errorf("the first gate changed %+v", first)
	}
	if second := result.Gates[1]; second.Changes != 0 || second.Changed != nil || second.Gate != "test" || second.Took <= 0 {
		t.Errorf("the second gate changed %+v", second)
	}
	if !strings.Contains(log.String(), "== gate format changed tracked files, which are restored: readme, work\n") {
		t.Errorf("the log is\n%s", &log)
	}
	if got := sh(t, tw.origin, "show", "main:readme"); got != "one" {
		t.Errorf("main has %q", got)
	}
}

// With refuse, a branch that a formatter would change is red, and names the files; a target that it would change is
// nobody's fault.
func TestChangesOfGatesAreRefused(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	req := MergeRequest{
		Branch: source, Target: "main", RefuseChanges: true,
		Gates: []Gate{{Name: "format", Shell: `for f in *; do tr -d ' ' <$f >t; cmp -s t $f || cat t >$f; done; rm t`}},
	}
	tw.worked("toast", source, "work", "w i d e")
	result := tw.merge(req)
	if result.Outcome != OutcomeGateFailed || result.Gate.End != GateFailed || !slices.Equal(result.Gate.Changed, []string{"work"}) {
		t.Fatalf("got %+v, %+v", result, result.Gate)
	}
	tw.worked("nux", "gt/nux/2", "tidy", "x")
	req.Branch = "gt/nux/2"
	if result := tw.merge(req); result.Outcome != OutcomeMerged {
		t.Errorf("got %+v, %+v", result, result.Gate)
	}
	sh(t, tw.person, "pull", "--quiet", "--no-rebase", "origin", "main")
	tw.push("untidy", "u n")
	tw.worked("slit", "gt/slit/3", "other", "x")
	req.Branch = "gt/slit/3"
	if result := tw.merge(req); result.Outcome != OutcomeGateBroken || !slices.Equal(result.Gate.Changed, []string{"untidy"}) {
		t.Errorf("got %+v, %+v", result, result.Gate)
	}
}

// Files whose line endings git would change are no change of a gate.
func TestLineEndingsAreNoChange(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	tw.push("list", "a\r\nb\r\n")
	tw.push(".gitattributes", "list text\n")
	tw.worked("toast", source, "work", "w")
	result := tw.merge(MergeRequest{
		Branch: source, Target: "main", RefuseChanges: true, Gates: []Gate{{Name: "touch", Shell: "touch list"}},
	})
	if result.Outcome != OutcomeMerged {
		t.Errorf("got %+v, %+v", result, result.Gate)
	}
}

// A gate that leaves no checkout behind is repaired before the next one.
func TestAGateThatRemovesTheCheckout(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	tw.worked("toast", source, "work", "w")
	result := tw.merge(MergeRequest{Branch: source, Target: "main", Gates: []Gate{
		{Name: "remove", Shell: "rm -rf \"$PWD\""}, {Name: "test", Shell: "cat work readme"},
	}})
	if result.Outcome != OutcomeMerged || !slices.Equal(result.Gates[0].Changed, []string{"."}) {
		t.Errorf("got %+v, %+v", result, result.Gates)
	}
}

// What a rig remembers is not worth a merge: a file that cannot be read counts as forgotten.
func TestWhatIsRememberedMayBeDamaged(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	gate, runs := counting(t, "! test -e bad")
	tw.worked("toast", source, "work", "w")
	req := MergeRequest{Branch: source, Target: "main", Gates: []Gate{gate}, GateRetries: 1}
	if result := tw.merge(req); result.Outcome != OutcomeMerged {
		t.Fatalf("got %+v", result)
	}
	write(t, tw.rig.dir, "gates.json", "{")
	tw.worked("nux", "gt/nux/2", "bad", "b")
	req.Branch = "gt/nux/2"
	if result := tw.merge(req); result.Outcome != OutcomeGateFailed || runs() != 3 {
		t.Errorf("got %+v after %d runs", result, runs())
	}
}
