package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
)

func TestWorkspaceOfANewBranch(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	spec := WorkspaceSpec{Bead: "gt-1", Branch: "gt/x/gt-1"}
	made := tw.ensure(spec)
	tw.checkWorkspace(made, spec.Branch, tw.tip("main"))
	if read(t, made.Path, "readme") != "one\n" || len(made.Left.Kept) != 0 || made.Left.Uncommitted || made.Left.Commits != 0 {
		t.Errorf("wrong workspace: %+v", made)
	}
	// A branch without commits follows the tip of its base.
	next := tw.push("more", "x")
	tw.checkWorkspace(tw.ensure(spec), spec.Branch, next)
	// One with commits keeps them, whatever happens to the base.
	head := commit(t, made.Path, "work", "w")
	tw.push("more", "y")
	again := tw.ensure(spec)
	tw.checkWorkspace(again, spec.Branch, head)
	if again.Path != made.Path || again.Left.Commits != 1 {
		t.Errorf("the next attempt has %+v", again)
	}
	// Another bead has a workspace of its own.
	other := tw.ensure(WorkspaceSpec{Bead: "gt-2", Branch: "gt/x/gt-2"})
	tw.checkWorkspace(other, "gt/x/gt-2", tw.tip("main"))
	tw.checkWorkspace(tw.ensure(spec), spec.Branch, head)
}

func TestWorkspaceBases(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	// The branch of a convoy, once origin has it, is the base.
	sh(t, tw.person, "checkout", "--quiet", "-b", "convoy/x/1/head")
	feature := commit(t, tw.person, "feature", "f")
	spec := WorkspaceSpec{Bead: "gt-1", Branch: "gt/x/gt-1", Base: "convoy/x/1/head"}
	tw.checkWorkspace(tw.ensure(spec), spec.Branch, tw.tip("main"))
	sh(t, tw.person, "push", "--quiet", "origin", "HEAD")
	tw.checkWorkspace(tw.ensure(spec), spec.Branch, feature)

	for name, bad := range map[string]WorkspaceSpec{
		"bead out of its directory": {Bead: "../x", Branch: "gt/x/1"},
		"branch that is an option":  {Bead: "a", Branch: "--force"},
		"branch that is its target": {Bead: "a", Branch: "convoy/x/1/head", Base: "convoy/x/1/head"},
		"default branch":            {Bead: "a", Branch: "main", Base: "convoy/x/1/head"},
		"no branch":                 {Bead: "a"},
	} {
		if _, err := tw.rig.PrepareWorkspace(context.Background(), bad); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	nowhere := tw.store.Rig("town", "web", tw.origin, "trunk")
	_, err := nowhere.PrepareWorkspace(context.Background(), WorkspaceSpec{Bead: "a", Branch: "gt/a/1"})
	wantClass(t, err, ClassNoTarget)
}

func TestWorkspaceTakesUpWorkThatOnlyOriginHas(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	spec := WorkspaceSpec{Bead: "gt-1", Branch: "gt/x/gt-1"}
	path, _ := tw.worked("gt-1", spec.Branch, "work", "w")
	sh(t, path, "push", "--quiet", "origin", "HEAD")
	sh(t, tw.person, "fetch", "--quiet")
	sh(t, tw.person, "checkout", "--quiet", "--detach", "origin/"+spec.Branch)
	added := commit(t, tw.person, "review", "r")
	sh(t, tw.person, "push", "--quiet", "origin", "HEAD:"+spec.Branch)
	tw.checkWorkspace(tw.ensure(spec), spec.Branch, added)
	// The same after all clones are lost.
	if err := os.RemoveAll(tw.rig.dir); err != nil {
		t.Fatal(err)
	}
	tw.checkWorkspace(tw.ensure(spec), spec.Branch, added)
}

// Each case does something to a workspace, which is clean on its branch with one commit ahead. The files must stay as
// they are and the clone must be a good one on the branch.
func TestTheNextAttemptContinues(t *testing.T) {
	t.Parallel()
	const branch = "gt/x/gt-1"
	for name, test := range map[string]struct {
		change func(t *testing.T, path string)
		file   string // "file=content" that the next attempt finds uncommitted; empty when it finds nothing
		what   string // what is kept, with that file
	}{
		"nothing":                   {func(*testing.T, string) {}, "", ""},
		"the directory is missing":  {remove, "", ""},
		"a changed file":            {func(t *testing.T, path string) { write(t, path, "work", "changed") }, "work=changed", "uncommitted work"},
		"an untracked file":         {func(t *testing.T, path string) { write(t, path, "ünträcked file", "u") }, "ünträcked file=u", "uncommitted work"},
		"the git directory is gone": {func(t *testing.T, path string) { remove(t, filepath.Join(path, ".git")); write(t, path, "new", "n") }, "new=n", "uncommitted work"},
		"HEAD is empty":             {func(t *testing.T, path string) { write(t, path, ".git/HEAD", ""); write(t, path, "new", "n") }, "new=n", "uncommitted work"},
		"stale locks": {func(t *testing.T, path string) {
			for _, lock := range []string{"index.lock", "HEAD.lock", "config.lock", "packed-refs.lock"} {
				write(t, path, ".git/"+lock, "")
			}
			write(t, path, "new", "n")
		}, "new=n", "uncommitted work"},
		"a broken index": {func(t *testing.T, path string) {
			write(t, path, ".git/index", "garbage")
			write(t, path, "work", "changed")
		}, "work=changed", "uncommitted work"},
		"an unfinished merge": {func(t *testing.T, path string) {
			sh(t, path, "checkout", "--quiet", "-b", "side", "origin/main")
			commit(t, path, "work", "theirs")
			sh(t, path, "checkout", "--quiet", branch)
			mustFail(t, path, "merge", "side")
			write(t, path, "work", "half resolved")
		}, "work=half resolved", "uncommitted work"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := newTown(t)
			path, head := tw.worked("gt-1", branch, "work", "w")
			test.change(t, path)
			made := tw.ensure(WorkspaceSpec{Bead: "gt-1", Branch: branch})
			if got := sh(t, path, "rev-parse", branch); got != head || made.Head != head || made.Path != path {
				t.Errorf("the branch is at %s, reported %+v, want %s", got, made, head)
			}
			if test.file == "" {
				tw.checkWorkspace(made, branch, head)
				return
			}
			file, content, _ := strings.Cut(test.file, "=")
			if read(t, path, file) != content || !made.Left.Uncommitted {
				t.Errorf("%s is %q, reported %+v", file, read(t, path, file), made.Left)
			}
			if got := tw.kept(made, test.what, file); got != content {
				t.Errorf("kept is %q", got)
			}
			// What is kept once is not kept twice.
			again := tw.ensure(WorkspaceSpec{Bead: "gt-1", Branch: branch})
			for _, k := range again.Left.Kept {
				if k.What == test.what && !strings.HasSuffix(k.Ref, "/1") && test.what == "uncommitted work" && name != "an unfinished merge" {
					t.Errorf("kept again: %+v", again.Left.Kept)
				}
			}
			sh(t, path, "add", "--all")
			sh(t, path, "commit", "--quiet", "-m", "go on")
			if got := tw.done("gt-1", branch); got.Astray != "" || got.Ahead != 2 {
				t.Errorf("after a commit: %+v", got)
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

// What a former attempt has besides the branch is kept in the mirror, and the next one can name it.
func TestWhatIsNotOnTheBranchIsKept(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	const branch = "gt/x/gt-1"
	path, head := tw.worked("gt-1", branch, "work", "w")
	write(t, path, "readme", "stashed")
	sh(t, path, "stash", "--quiet")
	sh(t, path, "checkout", "--quiet", "-b", "feature/nice")
	commit(t, path, "nice", "n")
	sh(t, path, "checkout", "--quiet", "--detach", branch)
	commit(t, path, "lonely", "l")
	sh(t, path, "config", "user.name", "Somebody")
	made := tw.ensure(WorkspaceSpec{Bead: "gt-1", Branch: branch})
	tw.checkWorkspace(made, branch, head)
	if tw.kept(made, "the branch feature/nice", "nice") != "n" || tw.kept(made, "commits on no branch", "lonely") != "l" || tw.kept(made, "a stash", "readme") != "stashed" {
		t.Errorf("kept is %+v", made.Left.Kept)
	}
	if got := sh(t, path, "stash", "list") + sh(t, path, "config", "--get", "--default", "", "user.name"); got != "" {
		t.Errorf("the next attempt has %q of the last one", got)
	}
	for _, k := range made.Left.Kept {
		sh(t, path, "cat-file", "-e", k.Commit)
	}
}

func TestAFreshStartKeepsWhatWasThere(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	const branch = "gt/x/gt-1"
	path, _ := tw.worked("gt-1", branch, "work", "w")
	write(t, path, "new", "n")
	write(t, path, "ignored", "i")
	made := tw.ensure(WorkspaceSpec{Bead: "gt-1", Branch: branch, Fresh: true})
	tw.checkWorkspace(made, branch, tw.tip("main"))
	if _, err := os.Stat(filepath.Join(path, "ignored")); err == nil || made.Left.Commits != 0 || made.Left.Uncommitted {
		t.Errorf("not fresh: %+v", made)
	}
	if tw.kept(made, "uncommitted work", "new") != "n" || tw.kept(made, "the branch as it was", "work") != "w" {
		t.Errorf("kept is %+v", made.Left.Kept)
	}
	// It begins where the base is, and nothing of before is taken for merged.
	if got := tw.done("gt-1", branch); got.Ahead != 0 || got.MergedAs != "" || got.Astray != "" {
		t.Errorf("got %+v", got)
	}
}

func TestWorkspaceKeepsIgnoredFiles(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	spec := WorkspaceSpec{Bead: "gt-1", Branch: "gt/x/gt-1"}
	made := tw.ensure(spec)
	write(t, made.Path, "ignored", "cache")
	tw.push("more", "x")
	if tw.ensure(spec); read(t, made.Path, "ignored") != "cache" || read(t, made.Path, "more") != "x" {
		t.Error("an ignored file is gone, or the base is not followed")
	}
}

// A change that the new state of the branch would overwrite is kept in the mirror and gives way; others stay.
func TestChangesInTheWayOfAMovedBranch(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	spec := WorkspaceSpec{Bead: "gt-1", Branch: "gt/x/gt-1"}
	made := tw.ensure(spec)
	write(t, made.Path, "readme", "mine")
	next := tw.push("readme", "theirs")
	again := tw.ensure(spec)
	tw.checkWorkspace(again, spec.Branch, next)
	if tw.kept(again, "uncommitted work", "readme") != "mine" {
		t.Errorf("kept is %+v", again.Left.Kept)
	}
}

func TestWorkspaceWithARepositoryInside(t *testing.T) {
	t.Parallel()
	for name, makeRepository := range map[string]func(dir string){
		"with commits":    func(dir string) { commit(t, dir, "inner", "i") },
		"without commits": func(dir string) { write(t, dir, "inner", "i") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := newTown(t)
			spec := WorkspaceSpec{Bead: "gt-1", Branch: "gt/x/gt-1"}
			made := tw.ensure(spec)
			inner := filepath.Join(made.Path, "vendor", "lib")
			write(t, inner, "x", "x")
			sh(t, inner, "init", "--quiet")
			makeRepository(inner)
			if again := tw.ensure(spec); read(t, inner, "inner") != "i" || !again.Left.Uncommitted {
				t.Errorf("the inner repository is not as it was: %+v", again)
			}
		})
	}
}

func TestWorkspacesOfManyBeadsAtOnce(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			bead := fmt.Sprintf("gt-%d", i)
			spec := WorkspaceSpec{Bead: bead, Branch: "gt/x/" + bead}
			made, err := tw.rig.PrepareWorkspace(context.Background(), spec)
			if err != nil {
				t.Error(err)
				return
			}
			tw.checkWorkspace(made, spec.Branch, tw.tip("main"))
		})
	}
	group.Wait()
}

// Four agents of a rig fetch and commit at the same time, each as if it were alone, while the server fetches too.
func TestAgentsFetchAndCommitAtTheSameTime(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	const agents, rounds = 4, 10
	paths := make([]string, agents)
	for i := range paths {
		bead := fmt.Sprintf("gt-%d", i)
		paths[i] = tw.ensure(WorkspaceSpec{Bead: bead, Branch: "gt/x/" + bead}).Path
	}
	var group sync.WaitGroup
	for i, path := range paths {
		group.Go(func() {
			for n := range rounds {
				for _, args := range [][]string{
					{"fetch", "--quiet", "--prune", "origin"},
					{"commit", "--quiet", "--allow-empty", "-m", fmt.Sprintf("%d of %d", n, i)},
					{"push", "--quiet", "origin", fmt.Sprintf("HEAD:side/%d/%d", i, n)},
				} {
					if _, err := run(context.Background(), command{op: args[0], dir: path, args: args, env: personEnv()}); err != nil {
						t.Errorf("agent %d: %v", i, err)
					}
				}
			}
		})
	}
	group.Go(func() {
		for range rounds {
			if err := tw.rig.Fetch(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
	for i, path := range paths {
		bead := fmt.Sprintf("gt-%d", i)
		if got := tw.done(bead, "gt/x/"+bead); got.Ahead != rounds || got.Astray != "" {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

// Line endings that no checkout can have as the repository has them are not an agent's work.
func TestDirtOfTheBeginningNeverCounts(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	// A file with CRLF in the repository, and only then the rule that it should have none.
	tw.push("dos.txt", "a\r\nb\r\n")
	tw.push(".gitattributes", "*.txt text\n")
	spec := WorkspaceSpec{Bead: "gt-1", Branch: "gt/x/gt-1"}
	made := tw.ensure(spec)
	if sh(t, made.Path, "status", "--porcelain") == "" {
		t.Fatal("the file of this test is to be dirty from the beginning")
	}
	if got := tw.done("gt-1", spec.Branch); got.Astray != "" {
		t.Errorf("got %+v", got)
	}
	if again := tw.ensure(spec); again.Left.Uncommitted || len(again.Left.Kept) != 0 {
		t.Errorf("got %+v", again)
	}
	write(t, made.Path, "dos.txt", "a\r\nb\r\nc\r\n")
	if got := tw.done("gt-1", spec.Branch); !strings.Contains(got.Astray, "dos.txt") {
		t.Errorf("a change of that file is %+v", got)
	}
}

func TestVerifyBranch(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	ctx := context.Background()
	verify := func(branch, target string) Verification {
		t.Helper()
		found, err := tw.rig.VerifyBranch(ctx, VerifySpec{Bead: "gt-1", Branch: branch, Target: target, Base: "main"})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	const branch = "gt/x/gt-1"
	if got := verify(branch, "main"); !reflect.DeepEqual(got, Verification{}) {
		t.Errorf("a missing branch: %+v", got)
	}
	made := tw.ensure(WorkspaceSpec{Bead: "gt-1", Branch: branch})
	began := made.Head
	tw.push("more", "x")
	if got := verify(branch, "main"); !reflect.DeepEqual(got, Verification{Exists: true, Head: began}) {
		t.Errorf("an empty branch: %+v", got)
	}
	commit(t, made.Path, "work", "1")
	head := commit(t, made.Path, "work", "2")
	for _, target := range []string{"main", "convoy/not/yet/head"} {
		if got := verify(branch, target); !reflect.DeepEqual(got, Verification{Exists: true, Head: head, Ahead: 2}) {
			t.Errorf("a branch with two commits against %s: %+v", target, got)
		}
	}
	sh(t, tw.person, "fetch", "--quiet", tw.rig.mirror(), branch)
	sh(t, tw.person, "merge", "--quiet", "--no-ff", "-m", "by hand", "FETCH_HEAD")
	merge := sh(t, tw.person, "rev-parse", "HEAD")
	tw.push("later", "x")
	if got := verify(branch, "main"); !reflect.DeepEqual(got, Verification{Exists: true, Head: head, MergedAs: merge}) {
		t.Errorf("a merged branch: %+v", got)
	}
	_, err := tw.store.Rig("town", "web", tw.origin, "nothing").VerifyBranch(ctx, VerifySpec{Branch: branch, Target: "neither"})
	wantClass(t, err, ClassNoTarget)
	_, err = tw.rig.VerifyBranch(ctx, VerifySpec{Bead: "gt-1", Branch: branch, Target: "convoy/taken/away"})
	wantClass(t, err, ClassNoTarget)
	if _, err := tw.rig.VerifyBranch(ctx, VerifySpec{Branch: "-x", Target: "main"}); err == nil {
		t.Error("an option is taken for a branch")
	}
}

// Work that is not on the branch is said to be so, with what helps.
func TestVerifySaysWhatIsNotOnTheBranch(t *testing.T) {
	t.Parallel()
	const branch = "gt/x/gt-1"
	for name, test := range map[string]struct {
		change func(t *testing.T, path string)
		want   string
	}{
		"another branch": {func(t *testing.T, path string) {
			sh(t, path, "switch", "--quiet", "-c", "feature/nice")
			commit(t, path, "nice", "n")
		}, "git switch gt/x/gt-1 && git merge feature/nice"},
		"no branch": {func(t *testing.T, path string) {
			sh(t, path, "switch", "--quiet", "--detach")
			commit(t, path, "nice", "n")
		}, "HEAD is on no branch"},
		"the branch is gone": {func(t *testing.T, path string) {
			sh(t, path, "branch", "--quiet", "-m", "renamed")
			commit(t, path, "nice", "n")
		}, "the branch renamed has them"},
		"another branch without commits": {func(t *testing.T, path string) { sh(t, path, "switch", "--quiet", "-c", "same") }, ""},
		"untracked files that status hides": {func(t *testing.T, path string) {
			sh(t, path, "config", "status.showUntrackedFiles", "no")
			write(t, path, "new", "n")
		}, "1 files are not committed, such as new"},
		"a file that the clone ignores": {func(t *testing.T, path string) {
			write(t, path, ".git/info/exclude", "*.tmp\n")
			write(t, path, "x.tmp", "n")
		}, ""},
		"a part of the files": {func(t *testing.T, path string) {
			sh(t, path, "sparse-checkout", "set", "nothing")
		}, ""},
		"a file is assumed to be unchanged": {func(t *testing.T, path string) {
			sh(t, path, "update-index", "--assume-unchanged", "readme")
			write(t, path, "readme", "changed")
		}, "readme"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := newTown(t)
			tw.push("dir/file", "x")
			path, _ := tw.worked("gt-1", branch, "work", "w")
			test.change(t, path)
			got := tw.done("gt-1", branch)
			if test.want == "" && got.Astray != "" || !strings.Contains(got.Astray, test.want) {
				t.Errorf("got %+v", got)
			}
		})
	}
}
