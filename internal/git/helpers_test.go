package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain keeps the configuration of whoever runs the tests out of them.
func TestMain(m *testing.M) {
	home, err := os.MkdirTemp("", "git-test-home-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for name, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": home, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
	} {
		if err := os.Setenv(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	code := m.Run()
	_ = os.RemoveAll(home)
	os.Exit(code)
}

// sh runs git in a directory as a person would, and returns its output.
func sh(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"GIT_AUTHOR_NAME=Person", "GIT_AUTHOR_EMAIL=person@example.com",
		"GIT_COMMITTER_NAME=Person", "GIT_COMMITTER_EMAIL=person@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s in %s: %v\n%s", strings.Join(args, " "), dir, err, out)
	}
	return strings.TrimSpace(string(out))
}

func write(t testing.TB, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// commit writes a file and commits it; it returns the commit.
func commit(t testing.TB, dir, name, content string) string {
	t.Helper()
	write(t, dir, name, content)
	sh(t, dir, "add", "--", name)
	sh(t, dir, "commit", "--quiet", "-m", "change "+name)
	return sh(t, dir, "rev-parse", "HEAD")
}

// town is a rig with an origin and a person's clone of it.
type town struct {
	t      *testing.T
	store  *Store
	rig    *Rig
	origin string // bare
	person string // a clone to make changes from
}

func newTown(t *testing.T) *town {
	t.Helper()
	// Spaces and letters beyond ASCII must not matter anywhere.
	base := filepath.Join(t.TempDir(), "a töwn ☃")
	tw := &town{t: t, origin: filepath.Join(base, "origin.git"), person: filepath.Join(base, "person")}
	if err := os.MkdirAll(base, 0o755); err != nil {
		t.Fatal(err)
	}
	sh(t, base, "init", "--quiet", "--bare", "-b", "main", tw.origin)
	sh(t, base, "init", "--quiet", "-b", "main", tw.person)
	sh(t, tw.person, "remote", "add", "origin", tw.origin)
	write(t, tw.person, ".gitignore", "ignored\n")
	sh(t, tw.person, "add", ".gitignore")
	tw.push("readme", "one\n")
	store, err := Open(filepath.Join(base, "clones"))
	if err != nil {
		t.Fatal(err)
	}
	tw.store = store
	tw.rig = store.Rig("town", "web", tw.origin, "main")
	return tw
}

// testStore is a store without any rig.
func testStore(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// push commits a file to main and publishes it.
func (tw *town) push(name, content string) string {
	tw.t.Helper()
	id := commit(tw.t, tw.person, name, content)
	sh(tw.t, tw.person, "push", "--quiet", "origin", "HEAD:main")
	return id
}

// tip is what a branch of origin stands at; empty when there is none.
func (tw *town) tip(branch string) string {
	tw.t.Helper()
	return sh(tw.t, tw.origin, "for-each-ref", "--format=%(objectname)", "refs/heads/"+branch)
}

// ensure gets a workspace or fails the test.
func (tw *town) ensure(spec WorkspaceSpec) Workspace {
	tw.t.Helper()
	made, err := tw.rig.PrepareWorkspace(context.Background(), spec)
	if err != nil {
		tw.t.Fatalf("PrepareWorkspace(%+v): %v", spec, err)
	}
	return made
}

// worked gives a bead a workspace with one commit on its branch.
func (tw *town) worked(bead, branch, file, content string) (path, head string) {
	tw.t.Helper()
	made := tw.ensure(WorkspaceSpec{Bead: bead, Branch: branch})
	head = commit(tw.t, made.Path, file, content)
	tw.done(bead, branch)
	return made.Path, head
}

// done has the server look at a branch, as after `gastown done`.
func (tw *town) done(bead, branch string) Verification {
	tw.t.Helper()
	found, err := tw.rig.VerifyBranch(context.Background(), VerifySpec{Bead: bead, Branch: branch, Target: "main"})
	if err != nil {
		tw.t.Fatalf("VerifyBranch(%s, %s): %v", bead, branch, err)
	}
	return found
}

// merged is how a merge ended after its push.
type merged struct {
	MergeResult
	Before bool // nothing was pushed now
}

// merge merges and publishes or fails the test.
func (tw *town) merge(req MergeRequest) merged {
	tw.t.Helper()
	if req.Title == "" {
		req.Title = "Merge " + req.Branch
	}
	result, err := tw.tryMerge(req)
	if err != nil {
		tw.t.Fatalf("merge: %v", err)
	}
	return result
}

func (tw *town) tryMerge(req MergeRequest) (merged, error) {
	return tw.tryMergeUntil(context.Background(), req)
}

// tryMergeUntil fetches, tests and pushes, and does so again while the target moves.
func (tw *town) tryMergeUntil(ctx context.Context, req MergeRequest) (merged, error) {
	var moved *TargetMovedError
	for try := 0; ; try++ {
		if err := tw.rig.Fetch(ctx); err != nil {
			return merged{}, err
		}
		result, err := tw.rig.TestMerge(ctx, req)
		if err != nil || result.Outcome != OutcomeTested {
			return merged{result, result.Outcome == OutcomeMerged}, err
		}
		found, err := tw.rig.PushMerge(ctx, tw.pushOf(req, result))
		if errors.As(err, &moved) && try < 5 {
			continue
		}
		if found.Merged {
			result.Outcome, result.Commit = OutcomeMerged, found.Commit
		}
		return merged{result, found.Before}, err
	}
}

func (tw *town) pushOf(req MergeRequest, result MergeResult) PushRequest {
	return PushRequest{
		Branch: req.Branch, Head: result.Head, Commit: result.Commit, Tip: result.Target, Target: req.Target, Create: req.Create,
	}
}

// checkWorkspace checks that a workspace is clean on a branch at a commit.
func (tw *town) checkWorkspace(made Workspace, branch, head string) {
	tw.t.Helper()
	if got := sh(tw.t, made.Path, "symbolic-ref", "--short", "HEAD"); got != branch {
		tw.t.Errorf("the workspace is on %q, want %q", got, branch)
	}
	if got := sh(tw.t, made.Path, "rev-parse", "HEAD"); got != head || made.Head != head {
		tw.t.Errorf("the workspace is at %s and reported at %s, want %s", got, made.Head, head)
	}
	if got := sh(tw.t, made.Path, "status", "--porcelain"); got != "" {
		tw.t.Errorf("the workspace is not clean:\n%s", got)
	}
}

// kept reads a file from what was kept of that name.
func (tw *town) kept(made Workspace, what, file string) string {
	tw.t.Helper()
	for _, k := range made.Left.Kept {
		if k.What == what {
			return sh(tw.t, tw.rig.mirror(), "show", k.Ref+":"+file)
		}
	}
	tw.t.Fatalf("%s was not kept: %+v", what, made.Left)
	return ""
}

func wantClass(t testing.TB, err error, class Class) {
	t.Helper()
	if ClassOf(err) != class {
		t.Errorf("error %v has class %q, want %q", err, ClassOf(err), class)
	}
}

// grepTree names the files below a folder that have a text in them.
func grepTree(t testing.TB, root, text string) string {
	t.Helper()
	out, err := exec.Command("grep", "-rlF", "--", text, root).Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
