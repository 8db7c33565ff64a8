package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestWorktreeOfANewBranch(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	spec := WorktreeSpec{Agent: "toast", Branch: "gt/toast/gt-1"}
	made := tw.ensure(spec)
	tw.checkWorktree(made, spec.Branch, tw.tip("main"))
	if read(t, made.Path, "readme") != "one\n" || made.Leftovers != "" {
		t.Errorf("wrong worktree: %+v", made)
	}
	// A branch without commits follows the tip of its base.
	next := tw.push("more", "x")
	tw.checkWorktree(tw.ensure(spec), spec.Branch, next)
	// One with commits keeps them, whatever happens to the base.
	head := commit(t, made.Path, "work", "w")
	tw.push("more", "y")
	tw.checkWorktree(tw.ensure(spec), spec.Branch, head)
	// And keeps them while the agent works on another bead.
	other := tw.ensure(WorktreeSpec{Agent: "toast", Branch: "gt/toast/gt-2"})
	tw.checkWorktree(other, "gt/toast/gt-2", tw.tip("main"))
	tw.checkWorktree(tw.ensure(spec), spec.Branch, head)
}

func TestWorktreeBases(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	// The branch of a convoy, once origin has it, is the base.
	sh(t, tw.person, "checkout", "--quiet", "-b", "convoy/x/1/head")
	feature := commit(t, tw.person, "feature", "f")
	spec := WorktreeSpec{Agent: "toast", Branch: "gt/toast/1", Base: "convoy/x/1/head"}
	tw.checkWorktree(tw.ensure(spec), spec.Branch, tw.tip("main"))
	sh(t, tw.person, "push", "--quiet", "origin", "HEAD")
	tw.checkWorktree(tw.ensure(spec), spec.Branch, feature)

	for name, bad := range map[string]WorktreeSpec{
		"agent out of its directory": {Agent: "../x", Branch: "gt/x/1"},
		"branch that is an option":   {Agent: "a", Branch: "--force"},
		"branch that is its target":  {Agent: "a", Branch: "convoy/x/1/head", Base: "convoy/x/1/head"},
		"default branch":             {Agent: "a", Branch: "main", Base: "convoy/x/1/head"},
		"no branch":                  {Agent: "a"},
	} {
		if _, err := tw.rig.EnsureWorktree(context.Background(), bad); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	nowhere := tw.store.Rig("town", "web", tw.origin, "trunk")
	_, err := nowhere.EnsureWorktree(context.Background(), WorktreeSpec{Agent: "a", Branch: "gt/a/1"})
	wantClass(t, err, ClassNotFound)
}

func TestWorktreeTakesUpWorkThatOnlyOriginHas(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	spec := WorktreeSpec{Agent: "toast", Branch: "gt/toast/1"}
	path, _ := tw.worked("toast", spec.Branch, "work", "w")
	sh(t, path, "push", "--quiet", "origin", "HEAD")
	sh(t, tw.person, "fetch", "--quiet")
	sh(t, tw.person, "checkout", "--quiet", "--detach", "origin/gt/toast/1")
	added := commit(t, tw.person, "review", "r")
	sh(t, tw.person, "push", "--quiet", "origin", "HEAD:gt/toast/1")
	tw.checkWorktree(tw.ensure(spec), spec.Branch, added)
	// The same after all clones are lost.
	if err := os.RemoveAll(tw.rig.dir); err != nil {
		t.Fatal(err)
	}
	tw.checkWorktree(tw.ensure(spec), spec.Branch, added)
}

// Each case breaks a worktree of toast, which is clean on its branch with one
// commit ahead, and says what of it must be found in the leftovers.
func TestWorktreeIsMadeAgain(t *testing.T) {
	t.Parallel()
	type place struct{ path, mirror, record string }
	const branch = "gt/toast/1"
	for name, test := range map[string]struct {
		breakIt func(t *testing.T, p place)
		saved   string // "file=content" expected in the leftovers; empty when there must be none
	}{
		"nothing is wrong": {func(t *testing.T, p place) {}, ""},
		"the directory is missing": {func(t *testing.T, p place) {
			remove(t, p.path)
		}, ""},
		"the directory is empty": {func(t *testing.T, p place) {
			remove(t, p.path)
			write(t, p.path, "x", "")
			remove(t, filepath.Join(p.path, "x"))
		}, ""},
		"the record is missing": {func(t *testing.T, p place) {
			write(t, p.path, "new", "n")
			remove(t, p.record)
		}, "new=n"},
		"the link is missing": {func(t *testing.T, p place) {
			write(t, p.path, "work", "changed")
			remove(t, filepath.Join(p.path, ".git"))
		}, "work=changed"},
		"git was killed while adding it": {func(t *testing.T, p place) {
			write(t, p.record, "locked", "initializing\n")
			remove(t, filepath.Join(p.path, "readme"))
		}, ""},
		"it is locked and gone": {func(t *testing.T, p place) {
			sh(t, p.mirror, "worktree", "lock", p.path)
			remove(t, p.path)
		}, ""},
		"a stale lock on the index": {func(t *testing.T, p place) {
			write(t, p.record, "index.lock", "")
			write(t, p.record, "HEAD.lock", "")
			write(t, p.path, "new", "n")
		}, "new=n"},
		"the index is broken": {func(t *testing.T, p place) {
			write(t, p.record, "index", "garbage")
			write(t, p.path, "work", "changed")
		}, "work=changed"},
		"HEAD is empty": {func(t *testing.T, p place) {
			write(t, p.record, "HEAD", "")
			write(t, p.path, "work", "changed")
		}, "work=changed"},
		"changed files on the branch": {func(t *testing.T, p place) {
			write(t, p.path, "work", "changed")
		}, "work=changed"},
		"staged and untracked files": {func(t *testing.T, p place) {
			write(t, p.path, "dir/staged", "s")
			sh(t, p.path, "add", "dir")
			write(t, p.path, "ünträcked file", "u")
		}, "ünträcked file=u"},
		"changed files on another branch": {func(t *testing.T, p place) {
			sh(t, p.path, "checkout", "--quiet", "-b", "other")
			write(t, p.path, "work", "changed")
		}, "work=changed"},
		"another branch checked out": {func(t *testing.T, p place) {
			sh(t, p.path, "checkout", "--quiet", "-b", "other", "origin/main")
		}, ""},
		"commits on no branch": {func(t *testing.T, p place) {
			sh(t, p.path, "checkout", "--quiet", "--detach")
			commit(t, p.path, "lonely", "l")
		}, "lonely=l"},
		"an unfinished merge": {func(t *testing.T, p place) {
			sh(t, p.path, "checkout", "--quiet", "-b", "side", "origin/main")
			commit(t, p.path, "work", "theirs")
			sh(t, p.path, "checkout", "--quiet", branch)
			mustFail(t, p.path, "merge", "side")
			write(t, p.path, "work", "half resolved")
		}, "work=half resolved"},
		"an unfinished rebase": {func(t *testing.T, p place) {
			sh(t, p.path, "checkout", "--quiet", "-b", "side", "origin/main")
			commit(t, p.path, "work", "theirs")
			sh(t, p.path, "checkout", "--quiet", branch)
			mustFail(t, p.path, "rebase", "side")
			write(t, p.path, "work", "half resolved")
		}, "work=half resolved"},
		"an unborn branch": {func(t *testing.T, p place) {
			sh(t, p.path, "checkout", "--quiet", "--orphan", "nothing")
			write(t, p.path, "work", "changed")
		}, "work=changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := newTown(t)
			path, head := tw.worked("toast", branch, "work", "w")
			test.breakIt(t, place{path, tw.rig.mirror(), tw.rig.recordOf(path)})
			made := tw.ensure(WorktreeSpec{Agent: "toast", Branch: branch})
			tw.checkWorktree(made, branch, head)
			if read(t, made.Path, "work") != "w" {
				t.Error("the committed work is not there")
			}
			if test.saved == "" {
				if made.Leftovers != "" {
					t.Errorf("leftovers where there were none: %s", sh(t, tw.rig.mirror(), "show", "--stat", made.Leftovers))
				}
				return
			}
			file, content, _ := strings.Cut(test.saved, "=")
			if got := tw.leftover(made, file); got != content {
				t.Errorf("the leftovers have %q in %s", got, file)
			}
			if !strings.HasPrefix(made.Leftovers, "refs/gastown/leftovers/toast/") {
				t.Errorf("the leftovers are at %s", made.Leftovers)
			}
			// What was saved once is not saved again.
			if again := tw.ensure(WorktreeSpec{Agent: "toast", Branch: branch}); again.Leftovers != "" {
				t.Errorf("a second call saves %s", again.Leftovers)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// mustFail runs a git command that is to stop in a conflict.
func mustFail(t *testing.T, dir string, args ...string) {
	t.Helper()
	_, err := run(context.Background(), command{op: args[0], dir: dir, args: args, env: []string{
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b",
	}})
	if !exitedWith(err, 1) {
		t.Fatalf("git %v: %v", args, err)
	}
}

func TestWorktreeResume(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	spec := WorktreeSpec{Agent: "toast", Branch: "gt/toast/1", Resume: true}
	made := tw.ensure(spec)
	write(t, made.Path, "work", "unfinished")
	tw.push("more", "x")
	again := tw.ensure(spec)
	if read(t, again.Path, "work") != "unfinished" || again.Leftovers != "" {
		t.Errorf("the changes were not kept: %+v", again)
	}
	// On another branch they would be in the way: they are saved instead.
	spec.Branch = "gt/toast/2"
	other := tw.ensure(spec)
	tw.checkWorktree(other, spec.Branch, tw.tip("main"))
	if got := tw.leftover(other, "work"); got != "unfinished" {
		t.Errorf("the leftovers have %q", got)
	}
	// Numbers go up.
	write(t, made.Path, "work", "again")
	spec.Resume = false
	if third := tw.ensure(spec); third.Leftovers != "refs/gastown/leftovers/toast/2" {
		t.Errorf("the second leftovers are at %q", third.Leftovers)
	}
}

func TestWorktreeKeepsIgnoredFiles(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	spec := WorktreeSpec{Agent: "toast", Branch: "gt/toast/1"}
	made := tw.ensure(spec)
	write(t, made.Path, "ignored", "cache")
	write(t, made.Path, "new", "n")
	tw.ensure(spec)
	if read(t, made.Path, "ignored") != "cache" {
		t.Error("an ignored file is gone")
	}
	if _, err := os.Stat(filepath.Join(made.Path, "new")); err == nil {
		t.Error("an untracked file is still there")
	}
}

func TestWorktreeWithARepositoryInside(t *testing.T) {
	t.Parallel()
	for name, makeRepository := range map[string]func(dir string){
		"with commits":    func(dir string) { commit(t, dir, "inner", "i") },
		"without commits": func(dir string) { write(t, dir, "inner", "i") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := newTown(t)
			spec := WorktreeSpec{Agent: "toast", Branch: "gt/toast/1"}
			made := tw.ensure(spec)
			inner := filepath.Join(made.Path, "vendor", "lib")
			write(t, inner, "x", "x")
			sh(t, inner, "init", "--quiet")
			makeRepository(inner)
			again := tw.ensure(spec)
			tw.checkWorktree(again, spec.Branch, tw.tip("main"))
			if read(t, filepath.Join(again.Leftovers, "vendor", "lib"), "inner") != "i" {
				t.Error("the inner repository is lost")
			}
		})
	}
}

func TestWorktreeTakesABranchFromAnotherAgent(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	const branch = "gt/toast/1"
	path, head := tw.worked("toast", branch, "work", "w")
	write(t, path, "work", "unsaved of toast")
	for _, agent := range []string{"slit", "rust"} { // One without a worktree; then from a second agent on.
		tw.checkWorktree(tw.ensure(WorktreeSpec{Agent: agent, Branch: branch}), branch, head)
	}
	reworked := commit(t, tw.rig.worktree("rust"), "work", "better")
	if got := sh(t, path, "rev-parse", "HEAD"); got != head {
		t.Errorf("the other worktree moved to %s", got)
	}
	// The first agent's changes are still there, and saved when it goes on.
	back := tw.ensure(WorktreeSpec{Agent: "toast", Branch: branch})
	tw.checkWorktree(back, branch, reworked)
	if got := tw.leftover(back, "work"); got != "unsaved of toast" {
		t.Errorf("the leftovers have %q", got)
	}
}

func TestWorktreesOfManyAgentsAtOnce(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			agent := fmt.Sprintf("agent-%d", i)
			spec := WorktreeSpec{Agent: agent, Branch: "gt/" + agent + "/1"}
			made, err := tw.rig.EnsureWorktree(context.Background(), spec)
			if err != nil {
				t.Error(err)
				return
			}
			tw.checkWorktree(made, spec.Branch, tw.tip("main"))
		})
	}
	group.Wait()
}

func TestVerifyBranch(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	ctx := context.Background()
	verify := func(branch, target string) Verification {
		t.Helper()
		found, err := tw.rig.VerifyBranch(ctx, branch, target)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	const branch = "gt/toast/1"
	if got := verify(branch, "main"); got != (Verification{}) {
		t.Errorf("a missing branch: %+v", got)
	}
	made := tw.ensure(WorktreeSpec{Agent: "toast", Branch: branch})
	began := made.Head
	tw.push("more", "x")
	if got := verify(branch, "main"); got != (Verification{Exists: true, Head: began}) {
		t.Errorf("an empty branch: %+v", got)
	}
	commit(t, made.Path, "work", "1")
	head := commit(t, made.Path, "work", "2")
	for _, target := range []string{"main", "convoy/not/yet/head"} {
		if got := verify(branch, target); got != (Verification{Exists: true, Head: head, Ahead: 2}) {
			t.Errorf("a branch with two commits against %s: %+v", target, got)
		}
	}
	sh(t, tw.person, "fetch", "--quiet", tw.rig.mirror(), branch)
	sh(t, tw.person, "merge", "--quiet", "--no-ff", "-m", "by hand", "FETCH_HEAD")
	tw.push("later", "x")
	if got := verify(branch, "main"); got != (Verification{Exists: true, Head: head, AlreadyMerged: true}) {
		t.Errorf("a merged branch: %+v", got)
	}
	_, err := tw.store.Rig("town", "web", tw.origin, "nothing").VerifyBranch(ctx, branch, "neither")
	wantClass(t, err, ClassNotFound)
	if _, err := tw.rig.VerifyBranch(ctx, "-x", "main"); err == nil {
		t.Error("an option is taken for a branch")
	}
}
