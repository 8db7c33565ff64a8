package git

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const source = "gt/toast/1"

// checkPlaces checks that merges leave nothing behind but the place that stays.
func (tw *town) checkPlaces() {
	tw.t.Helper()
	entries, err := os.ReadDir(tw.rig.mergeDir())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		tw.t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() && entry.Name() != "1" {
			tw.t.Errorf("the place %s is left", entry.Name())
		}
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	_, head := tw.worked("toast", source, "work", "w")
	before := tw.push("more", "x")
	var log bytes.Buffer
	result := tw.merge(MergeRequest{
		Branch: source, ExpectedHead: head, Target: "main",
		Title: "#1 fix\nthe thing", Body: "Why.\n", Author: Identity{"Toast", "toast@example.com"},
		Trailers: []Trailer{{"Gastown-Bead", "gt-1"}, {"Gastown-Merge-Request", "mr-1\nEvil: yes"}},
		Gates: []Gate{
			{Name: "both sides are there", Shell: `test -f work && test -f more && test "$(git rev-parse HEAD^2)" = "$HEAD" && echo seen`},
			{Name: "by command", Command: []string{"test", "-f", "readme"}},
		},
		GateEnv: []string{"HEAD=" + head}, Log: &log,
	})
	if result.Outcome != OutcomeMerged || result.Commit != tw.tip("main") || result.Before || result.Head != head || result.Target != before {
		t.Fatalf("got %+v", result)
	}
	if got := sh(t, tw.origin, "log", "-1", "--format=%P"); got != before+" "+head {
		t.Errorf("the parents are %q", got)
	}
	want := "#1 fix the thing\n\nWhy.\n\nGastown-Bead: gt-1\nGastown-Merge-Request: mr-1 Evil: yes"
	if got := sh(t, tw.origin, "log", "-1", "--format=%B"); got != want {
		t.Errorf("the message is %q", got)
	}
	if got := sh(t, tw.origin, "log", "-1", "--format=%an <%ae> %cn"); got != "Toast <toast@example.com> gastown" {
		t.Errorf("author and committer are %q", got)
	}
	for _, line := range []string{"== gate both sides are there begins", "seen", "== gate by command passed"} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("the log lacks %q:\n%s", line, &log)
		}
	}
	tw.checkPlaces()
}

// An earlier try pushed and died before it could report.
func TestMergeFindsAnEarlierMerge(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	path, head := tw.worked("toast", source, "work", "w")
	req := MergeRequest{Branch: source, ExpectedHead: head, Target: "main"}
	first := tw.merge(req)
	tw.push2("later")
	tip := tw.tip("main")
	again := tw.merge(req)
	if again.Outcome != OutcomeMerged || !again.Before || again.Commit != first.Commit || tw.tip("main") != tip {
		t.Errorf("got %+v, want the commit %s", again, first.Commit)
	}
	// Also when the branch went on, or is gone.
	commit(t, path, "rework", "r")
	tw.done("toast", source)
	if again := tw.merge(req); !again.Before || again.Commit != first.Commit {
		t.Errorf("after more commits: %+v", again)
	}
	sh(t, tw.rig.mirror(), "update-ref", "-d", headRef(source))
	if again := tw.merge(req); !again.Before || again.Commit != first.Commit {
		t.Errorf("after the branch is gone: %+v", again)
	}
}

// push2 publishes a change on top of what origin has.
func (tw *town) push2(name string) {
	tw.t.Helper()
	sh(tw.t, tw.person, "pull", "--quiet", "--ff-only", "origin", "main")
	tw.push(name, name)
}

// The branch came in through another branch, or was pushed as it is.
func TestMergeFindsOtherWaysIn(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	path, head := tw.worked("toast", source, "work", "w")
	sh(t, path, "push", "--quiet", "origin", "HEAD:main")
	result := tw.merge(MergeRequest{Branch: source, ExpectedHead: head, Target: "main"})
	if result.Outcome != OutcomeMerged || !result.Before || result.Commit != head {
		t.Errorf("pushed as it is: %+v", result)
	}
	_, head = tw.worked("slit", "gt/slit/1", "other", "o")
	sh(t, tw.person, "pull", "--quiet", "--ff-only", "origin", "main")
	sh(t, tw.person, "fetch", "--quiet", tw.rig.mirror(), "gt/slit/1")
	sh(t, tw.person, "checkout", "--quiet", "-b", "collected")
	commit(t, tw.person, "collect", "c")
	sh(t, tw.person, "merge", "--quiet", "--no-ff", "-m", "inner", "FETCH_HEAD")
	sh(t, tw.person, "checkout", "--quiet", "main")
	sh(t, tw.person, "merge", "--quiet", "--no-ff", "-m", "outer", "collected")
	outer := sh(t, tw.person, "rev-parse", "HEAD")
	tw.push("later", "l")
	result = tw.merge(MergeRequest{Branch: "gt/slit/1", ExpectedHead: head, Target: "main"})
	if result.Outcome != OutcomeMerged || !result.Before || result.Commit != outer {
		t.Errorf("through another branch: %+v, want %s", result, outer)
	}
}

func TestMergeOfNothing(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	made := tw.ensure(WorkspaceSpec{Bead: "toast", Branch: source})
	tip := tw.push("more", "x")
	if got := tw.merge(MergeRequest{Branch: source, ExpectedHead: made.Head, Target: "main"}); got.Outcome != OutcomeEmpty {
		t.Errorf("a branch without commits: %+v", got)
	}
	if got := tw.merge(MergeRequest{Branch: "gt/nobody/1", Target: "main"}); got.Outcome != OutcomeMissing {
		t.Errorf("a missing branch: %+v", got)
	}
	// A convoy's branch that origin has, but that nothing was merged into.
	sh(t, tw.origin, "branch", "convoy/x/1/head", "main~1")
	if got := tw.merge(MergeRequest{Branch: "convoy/x/1/head", Target: "main"}); got.Outcome != OutcomeEmpty {
		t.Errorf("an empty convoy: %+v", got)
	}
	sh(t, made.Path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "-m", "nothing")
	tw.done("toast", source)
	if got := tw.merge(MergeRequest{Branch: source, Target: "main"}); got.Outcome != OutcomeEmpty {
		t.Errorf("a commit without changes: %+v", got)
	}
	if tw.tip("main") != tip {
		t.Error("something was pushed")
	}
	tw.checkPlaces()
}

func TestMergeOfAMovedBranch(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	path, expected := tw.worked("toast", source, "work", "w")
	actual := commit(t, path, "work", "sneaked in")
	tw.done("toast", source)
	_, err := tw.tryMerge(MergeRequest{Branch: source, ExpectedHead: expected, Target: "main", Title: "t"})
	var moved *HeadMovedError
	if !errors.As(err, &moved) || moved.Expected != expected || moved.Actual != actual {
		t.Errorf("got %v", err)
	}
	// An expected commit that is nowhere to be found is the same case.
	unknown := strings.Repeat("ab", 20)
	_, err = tw.tryMerge(MergeRequest{Branch: source, ExpectedHead: unknown, Target: "main", Title: "t"})
	if !errors.As(err, &moved) || moved.Expected != unknown || !strings.Contains(err.Error(), actual) {
		t.Errorf("got %v", err)
	}
}

func TestMergeConflict(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	path, _ := tw.worked("toast", source, "dir/ä file", "mine")
	commit(t, path, "other", "mine")
	commit(t, path, "fine", "mine")
	tw.done("toast", source)
	tw.push("dir/ä file", "theirs")
	tip := tw.push("other", "theirs")
	result := tw.merge(MergeRequest{Branch: source, Target: "main", Gates: []Gate{{Name: "never", Shell: "touch ../ran"}}})
	if result.Outcome != OutcomeConflicted || !slices.Equal(result.Files, []string{"dir/ä file", "other"}) || tw.tip("main") != tip {
		t.Errorf("got %+v", result)
	}
	// A branch with a history of its own cannot be merged either.
	sh(t, path, "checkout", "--quiet", "--orphan", "gt/toast/orphan")
	commit(t, path, "strange", "s")
	tw.done("toast", "gt/toast/orphan")
	if result := tw.merge(MergeRequest{Branch: "gt/toast/orphan", Target: "main"}); result.Outcome != OutcomeConflicted || result.Files != nil {
		t.Errorf("unrelated histories: %+v", result)
	}
	tw.checkPlaces()
}

func TestMergeObeysAttributes(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	tw.push("sub/.gitattributes", "log merge=union\n")
	tw.push("sub/log", "one\n")
	tw.worked("toast", source, "sub/log", "one\nmine\n")
	tw.push("sub/log", "one\ntheirs\n")
	result := tw.merge(MergeRequest{Branch: source, Target: "main"})
	if result.Outcome != OutcomeMerged {
		t.Fatalf("got %+v", result)
	}
	if got := sh(t, tw.origin, "show", "main:sub/log"); got != "one\ntheirs\nmine" {
		t.Errorf("merged to %q", got)
	}
}

// pushDuringGate is a gate that moves the target, the first n times it runs.
func (tw *town) pushDuringGate(n int) Gate {
	counter := filepath.Join(tw.t.TempDir(), "runs")
	return Gate{Name: "mover", Shell: fmt.Sprintf(`
		echo run >>%q
		test $(wc -l <%q) -le %d || exit 0
		cd %q && git commit --quiet --allow-empty -m moved && git push --quiet origin HEAD:main`, counter, counter, n, tw.person)}
}

func personEnv() []string {
	return []string{"GIT_AUTHOR_NAME=p", "GIT_AUTHOR_EMAIL=p@x", "GIT_COMMITTER_NAME=p", "GIT_COMMITTER_EMAIL=p@x"}
}

func TestMergeWhenTheTargetMoves(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	_, head := tw.worked("toast", source, "work", "w")
	var log bytes.Buffer
	result := tw.merge(MergeRequest{
		Branch: source, Target: "main", Gates: []Gate{tw.pushDuringGate(2)}, GateEnv: personEnv(), Log: &log,
	})
	if result.Outcome != OutcomeMerged || result.Commit != tw.tip("main") {
		t.Fatalf("got %+v", result)
	}
	if got := strings.Count(log.String(), "mover passed"); got != 3 {
		t.Errorf("the gate ran %d times:\n%s", got, &log)
	}
	moved := sh(t, tw.person, "rev-parse", "HEAD")
	if got := sh(t, tw.origin, "log", "-1", "--format=%P", "main"); got != moved+" "+head {
		t.Errorf("the parents are %q", got)
	}
	tw.checkPlaces()
}

func TestMergeIntoANewConvoyAndLanding(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	const convoy = "convoy/söme-title/c1/head"
	_, head := tw.worked("toast", source, "work", "w")
	result := tw.merge(MergeRequest{Branch: source, ExpectedHead: head, Target: convoy, Create: true, Base: "main"})
	if result.Outcome != OutcomeMerged || tw.tip(convoy) != result.Commit || result.Target != tw.tip("main") {
		t.Fatalf("got %+v", result)
	}
	tw.push("more", "x")
	landed := tw.merge(MergeRequest{Branch: convoy, ExpectedHead: result.Commit, Target: "main"})
	if landed.Outcome != OutcomeMerged || tw.tip("main") != landed.Commit {
		t.Fatalf("landing: %+v", landed)
	}
	if got := sh(t, tw.origin, "show", "main:work"); got != "w" {
		t.Errorf("main has %q", got)
	}
	if again := tw.merge(MergeRequest{Branch: convoy, ExpectedHead: result.Commit, Target: "main"}); !again.Before || again.Commit != landed.Commit {
		t.Errorf("landing again: %+v", again)
	}
}

// Somebody makes the convoy's branch while the gates of its first merge run.
func TestMergeIntoAConvoyThatAppears(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	const convoy = "convoy/x/1/head"
	tw.worked("toast", source, "work", "w")
	sh(t, tw.person, "checkout", "--quiet", "-b", "side")
	theirs := commit(t, tw.person, "theirs", "t")
	result := tw.merge(MergeRequest{
		Branch: source, Target: convoy, Create: true, Base: "main",
		Gates: []Gate{{Name: "maker", Shell: fmt.Sprintf("git -C %q push --quiet origin HEAD:%s", tw.person, convoy)}},
	})
	if result.Outcome != OutcomeMerged || result.Target != theirs || tw.tip(convoy) != result.Commit {
		t.Errorf("got %+v", result)
	}
}

func TestMergesAtOnce(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	var group sync.WaitGroup
	for i := range 3 {
		agent := fmt.Sprintf("agent-%d", i)
		branch := "gt/" + agent + "/1"
		tw.worked(agent, branch, agent, "w")
		group.Go(func() {
			result, err := tw.tryMerge(MergeRequest{Branch: branch, Target: "main", Title: "t"})
			if err != nil || result.Outcome != OutcomeMerged {
				t.Errorf("got %+v, %v", result, err)
			}
		})
	}
	group.Wait()
	if got := sh(t, tw.origin, "rev-list", "--count", "--merges", "main"); got != "3" {
		t.Errorf("%s merges arrived", got)
	}
	tw.checkPlaces()
}

func TestMergeRefusedByTheRemote(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	tw.worked("toast", source, "work", "w")
	hook := filepath.Join(tw.origin, "hooks", "pre-receive")
	write(t, tw.origin, "hooks/pre-receive", "#!/bin/sh\necho this branch is protected >&2\nexit 1\n")
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := tw.tryMerge(MergeRequest{Branch: source, Target: "main", Title: "t"})
	var refused *PushRefusedError
	if !errors.As(err, &refused) || refused.Target != "main" || refused.Remote != "this branch is protected" || !strings.Contains(refused.Reason, "pre-receive hook declined") {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(hook); err != nil {
		t.Fatal(err)
	}
	// A lock that stays on the target is a refusal too, and not a race.
	write(t, tw.origin, "refs/heads/main.lock", "")
	_, err = tw.tryMerge(MergeRequest{Branch: source, Target: "main", Title: "t"})
	if !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
	tw.checkPlaces()
}

func TestMergeRequestsAreChecked(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	for name, req := range map[string]MergeRequest{
		"option as branch":  {Branch: "--x", Target: "main", Title: "t"},
		"option as target":  {Branch: source, Target: "-x", Title: "t"},
		"own target":        {Branch: "main", Target: "main", Title: "t"},
		"no title":          {Branch: source, Target: "main"},
		"no commit":         {Branch: source, Target: "main", Title: "t", ExpectedHead: "HEAD"},
		"half an author":    {Branch: source, Target: "main", Title: "t", Author: Identity{Name: "x"}},
		"gate of two kinds": {Branch: source, Target: "main", Title: "t", Gates: []Gate{{Name: "x", Shell: "true", Command: []string{"true"}}}},
		"gate of no kind":   {Branch: source, Target: "main", Title: "t", Gates: []Gate{{Name: "x"}}},
	} {
		if _, err := tw.tryMerge(req); err == nil || ClassOf(err) != "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
