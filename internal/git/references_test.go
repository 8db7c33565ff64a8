package git

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gastown/internal/git/githttptest"
)

// withLib is a rig whose main has a submodule "lib", both served over HTTP.
type withLib struct {
	*town
	server *githttptest.Server
	lib    string // the submodule's bare repository
	writer string // a person's clone of it
	sound  string // a commit of it that is on its main
}

func newWithLib(t *testing.T) *withLib {
	t.Helper()
	tw := newTown(t)
	base := filepath.Dir(tw.origin)
	w := &withLib{town: tw, lib: filepath.Join(base, "lib.git"), writer: filepath.Join(base, "writer")}
	w.server = githttptest.New(t, base)
	sh(t, base, "init", "--quiet", "--bare", "-b", "main", w.lib)
	sh(t, base, "init", "--quiet", "-b", "main", w.writer)
	w.sound = commit(t, w.writer, "code", "one\n")
	sh(t, w.writer, "push", "--quiet", w.lib, "HEAD:main")
	w.rig = tw.store.Rig("town", "web", w.server.Address("origin.git"), "main")
	w.entry("../lib.git")
	w.link(w.sound)
	sh(t, tw.person, "push", "--quiet", "origin", "HEAD:main")
	w.fetch()
	return w
}

// entry writes the submodule's entry and commits it.
func (w *withLib) entry(url string) {
	w.t.Helper()
	write(w.t, w.person, ".gitmodules", "[submodule \"lib\"]\n\tpath = lib\n\turl = "+url+"\n")
	sh(w.t, w.person, "add", ".gitmodules")
	sh(w.t, w.person, "commit", "--quiet", "-m", "entry")
}

// link lets the submodule stand at a commit, in a commit that is returned.
func (w *withLib) link(id string) string {
	w.t.Helper()
	sh(w.t, w.person, "update-index", "--add", "--cacheinfo", modeGitlink+","+id+",lib")
	sh(w.t, w.person, "commit", "--quiet", "-m", "lib")
	return sh(w.t, w.person, "rev-parse", "HEAD")
}

func (w *withLib) fetch() {
	w.t.Helper()
	if err := w.rig.Fetch(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// check pushes what the person has to a branch, as an agent's work comes in, and checks it against main.
func (w *withLib) check(req ReferencesRequest) MissingReferences {
	w.t.Helper()
	missing, err := w.tryCheck(req)
	if err != nil {
		w.t.Fatalf("CheckReferences: %v", err)
	}
	return missing
}

func (w *withLib) tryCheck(req ReferencesRequest) (MissingReferences, error) {
	w.t.Helper()
	sh(w.t, w.person, "push", "--quiet", "--force", "origin", "HEAD:work")
	w.fetch()
	req.Base, req.Commit, req.Submodules = w.tip("main"), w.tip("work"), true
	return w.rig.CheckReferences(context.Background(), req)
}

func only(t *testing.T, got []Reference, path, reason string) {
	t.Helper()
	if len(got) != 1 || got[0].Path != path || !strings.Contains(got[0].Reason, reason) {
		t.Errorf("got %+v, want %s: %s", got, path, reason)
	}
}

// A commit of a submodule must be at the submodule's own remote: on a branch, or to be had by its id.
func TestSubmoduleCommitsMustBePublished(t *testing.T) {
	t.Parallel()
	w := newWithLib(t)
	better := commit(t, w.writer, "code", "two\n")
	w.link(better)
	missing := w.check(ReferencesRequest{})
	only(t, missing.Submodules, "lib", "not at the submodule's remote")
	if missing.Submodules[0].Name != better || len(missing.Gitlinks)+len(missing.Addresses) != 0 {
		t.Errorf("got %+v", missing)
	}
	// On a branch, by its id alone when the branch is gone, and not any more when the remote has forgotten it.
	sh(t, w.writer, "push", "--quiet", w.lib, "HEAD:topic")
	if missing := w.check(ReferencesRequest{}); !missing.None() {
		t.Errorf("on a branch: got %+v", missing)
	}
	sh(t, w.lib, "branch", "-D", "topic")
	if missing := w.check(ReferencesRequest{}); !missing.None() {
		t.Errorf("by its id: got %+v", missing)
	}
	sh(t, w.lib, "-c", "gc.reflogExpire=now", "gc", "--quiet", "--prune=now")
	only(t, w.check(ReferencesRequest{}).Submodules, "lib", "not at the submodule's remote")
}

// What the target has already is nobody's fault; a remote that is away is none either, and no answer.
func TestOnlyWhatABranchChangesIsAsked(t *testing.T) {
	t.Parallel()
	w := newWithLib(t)
	if err := os.Rename(w.lib, w.lib+".away"); err != nil {
		t.Fatal(err)
	}
	commit(t, w.person, "other", "x")
	if missing := w.check(ReferencesRequest{}); !missing.None() {
		t.Errorf("got %+v", missing)
	}
	w.link(commit(t, w.writer, "code", "two\n"))
	only(t, w.check(ReferencesRequest{}).Submodules, "lib", "no such repository")
	w.server.Refuse(503, "later")
	req := ReferencesRequest{Base: w.tip("main"), Commit: w.tip("work"), Submodules: true}
	_, err := w.rig.CheckReferences(context.Background(), req)
	wantClass(t, err, ClassUnreachable)
}

func TestAGitlinkNeedsAnEntry(t *testing.T) {
	t.Parallel()
	w := newWithLib(t)
	sh(t, w.person, "update-index", "--add", "--cacheinfo", modeGitlink+","+w.sound+",vendor/x")
	sh(t, w.person, "commit", "--quiet", "-m", "x")
	only(t, w.check(ReferencesRequest{}).Gitlinks, "vendor/x", "no entry in .gitmodules")
	sh(t, w.person, "reset", "--quiet", "--hard", "origin/main")
	sh(t, w.person, "rm", "--quiet", "--cached", ".gitmodules")
	sh(t, w.person, "commit", "--quiet", "-m", "no entry")
	only(t, w.check(ReferencesRequest{}).Gitlinks, "lib", "no entry in .gitmodules")
}

// An address that the target does not name is not contacted until a person allows it.
func TestANewAddressIsNotContacted(t *testing.T) {
	t.Parallel()
	w := newWithLib(t)
	fork := filepath.Join(filepath.Dir(w.lib), "fork.git")
	sh(t, w.writer, "clone", "--quiet", "--bare", w.lib, fork)
	w.entry("../fork.git")
	missing := w.check(ReferencesRequest{})
	only(t, missing.Addresses, "lib", "does not name this address")
	if missing.Addresses[0].At != w.server.Address("fork.git") || len(missing.Submodules) != 0 {
		t.Errorf("got %+v", missing)
	}
	for _, request := range w.server.Requests() {
		if strings.Contains(request.Path, "fork.git") {
			t.Errorf("contacted: %+v", request)
		}
	}
	if missing := w.check(ReferencesRequest{Allowed: []string{w.server.Address("fork")}}); !missing.None() {
		t.Errorf("allowed: got %+v", missing)
	}
}

// A repository that others write to must not make the server read files of its machine: git's own rule holds.
func TestFilesOfThisMachineAreNoSubmodule(t *testing.T) {
	t.Parallel()
	w := newWithLib(t)
	w.entry("file://" + strings.ReplaceAll(w.lib, " ", "%20"))
	missing := w.check(ReferencesRequest{Allowed: []string{"file://" + strings.ReplaceAll(w.lib, " ", "%20")}})
	only(t, missing.Submodules, "lib", "protocol.file.allow")
	config := filepath.Join(filepath.Dir(w.lib), "operator.config")
	write(t, filepath.Dir(config), filepath.Base(config), "[protocol \"file\"]\n\tallow = always\n")
	store, err := open(filepath.Join(filepath.Dir(w.lib), "other store"), append(os.Environ(), "GIT_CONFIG_GLOBAL="+config))
	if err != nil {
		t.Fatal(err)
	}
	w.rig = store.Rig("town", "web", w.server.Address("origin.git"), "main")
	if missing := w.check(ReferencesRequest{Allowed: []string{"file://" + strings.ReplaceAll(w.lib, " ", "%20")}}); !missing.None() {
		t.Errorf("got %+v", missing)
	}
}

// What opens the rig opens its submodules on the same host, and no other.
func TestTheRigsCredentialOpensItsSubmodules(t *testing.T) {
	t.Parallel()
	w := newWithLib(t)
	w.server.RequireUser("bot", "s3cret")
	operators := w.rig
	w.rig = operators.WithCredential(&Credential{Reference: "env:TOKEN", Read: func() (string, string, error) { return "bot", "s3cret", nil }})
	w.link(commit(t, w.writer, "code", "two\n"))
	sh(t, w.writer, "push", "--quiet", w.lib, "HEAD:main")
	if missing := w.check(ReferencesRequest{}); !missing.None() {
		t.Errorf("got %+v", missing)
	}
	other := githttptest.New(t, filepath.Dir(w.lib))
	other.RequireUser("bot", "s3cret")
	w.entry(other.Address("lib.git"))
	if _, err := w.tryCheck(ReferencesRequest{Allowed: []string{other.Address("lib.git")}}); ClassOf(err) != ClassAuth {
		t.Errorf("another host: %v", err)
	}
	for _, request := range other.Requests() {
		if request.User != "" {
			t.Errorf("another host was told who asks: %+v", request)
		}
	}
}

// With Push, what an agent has committed in a submodule is brought to its remote, and nothing that is there is lost.
func TestSubmoduleCommitsArePushed(t *testing.T) {
	t.Parallel()
	w := newWithLib(t)
	first := commit(t, w.writer, "code", "two\n")
	w.link(first)
	push := ReferencesRequest{Push: true, Branch: "gt/tag/gt-a1"}
	only(t, w.check(push).Submodules, "lib", "not at the submodule's remote") // the server does not have it
	w.take(first)
	if missing := w.check(push); !missing.None() {
		t.Fatalf("got %+v", missing)
	}
	if got := sh(t, w.lib, "rev-parse", "refs/heads/gt/tag/gt-a1"); got != first {
		t.Errorf("the branch is at %s, want %s", got, first)
	}
	// Another attempt has made something else of it: both stay.
	sh(t, w.writer, "reset", "--quiet", "--hard", w.sound)
	second := commit(t, w.writer, "code", "three\n")
	w.link(second)
	w.take(second)
	if missing := w.check(push); !missing.None() {
		t.Fatalf("got %+v", missing)
	}
	if got := sh(t, w.lib, "rev-parse", "refs/heads/gt/tag/gt-a1", "refs/heads/gt/tag/gt-a1-"+second[:8]); got != first+"\n"+second {
		t.Errorf("the branches are at %s", got)
	}
	// A remote that refuses is told in its own words.
	hook := filepath.Join(w.lib, "hooks", "pre-receive")
	write(t, filepath.Dir(hook), "pre-receive", "#!/bin/sh\necho no pushes on Fridays >&2\nexit 1\n")
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	third := commit(t, w.writer, "code", "four\n")
	w.link(third)
	w.take(third)
	only(t, w.check(push).Submodules, "lib", "no pushes on Fridays")
}

// take lets the server have what a git directory of a workspace's submodule has.
func (w *withLib) take(id string) {
	w.t.Helper()
	err := w.rig.TakeModule(context.Background(), w.server.Address("lib.git"), filepath.Join(w.writer, ".git"), []string{id})
	if err != nil {
		w.t.Fatalf("TakeModule: %v", err)
	}
}

// What comes in from a workspace is checked, and only what is in its own folder comes in.
func TestWhatIsTakenFromAWorkspaceIsChecked(t *testing.T) {
	t.Parallel()
	w := newWithLib(t)
	address, dir := w.server.Address("lib.git"), filepath.Join(w.writer, ".git")
	tree := sh(t, w.writer, "rev-parse", "HEAD^{tree}")
	raw := exec.Command("git", "hash-object", "-t", "commit", "-w", "--literally", "--stdin")
	raw.Dir = w.writer
	raw.Stdin = strings.NewReader("tree " + tree + "\nauthor nobody\ncommitter nobody\n\nbroken\n")
	broken, err := raw.Output()
	if err != nil {
		t.Fatal(err)
	}
	id := strings.TrimSpace(string(broken))
	if err := w.rig.TakeModule(context.Background(), address, dir, []string{id}); err == nil {
		t.Error("a broken commit was taken")
	}
	good := commit(t, w.writer, "code", "two\n")
	elsewhere := filepath.Join(filepath.Dir(w.writer), "elsewhere")
	if err := os.Rename(filepath.Join(dir, "objects"), elsewhere); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(dir, "objects")); err != nil {
		t.Fatal(err)
	}
	if err := w.rig.TakeModule(context.Background(), address, dir, []string{good}); err == nil {
		t.Error("objects were taken through a link")
	}
	if err := os.Remove(filepath.Join(dir, "objects")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "objects"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := borrow(dir, elsewhere); err != nil {
		t.Fatal(err)
	}
	if err := w.rig.TakeModule(context.Background(), address, dir, []string{good}); err == nil {
		t.Error("objects were taken from a folder that the workspace points to")
	}
}

// A merge that names what a fresh clone would not get is not pushed; once that is there, it is.
func TestNothingIsPushedThatCannotBeCloned(t *testing.T) {
	t.Parallel()
	w := newWithLib(t)
	made := w.workspace()
	lib := filepath.Join(made.Path, "lib")
	better := commit(t, lib, "code", "two\n")
	sh(t, made.Path, "add", "lib")
	sh(t, made.Path, "commit", "--quiet", "-m", "better lib")
	w.done("gt-1", "gt/x/gt-1")
	req := MergeRequest{Branch: "gt/x/gt-1", Target: "main", Submodules: true}
	push := w.pushOf(req, w.tested(req))
	push.References = ReferencesRequest{Submodules: true}
	before := w.tip("main")
	_, err := w.rig.PushMerge(context.Background(), push)
	var missing *ReferencesMissingError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "lib: this commit is not at") || w.tip("main") != before {
		t.Fatalf("got %v, main is at %s", err, w.tip("main"))
	}
	push.References.Push = true
	found, err := w.rig.PushMerge(context.Background(), push)
	if err != nil || !found.Merged || w.tip("main") != push.Commit {
		t.Fatalf("got %+v, %v", found, err)
	}
	if got := sh(t, w.lib, "rev-parse", "refs/heads/gt/x/gt-1"); got != better {
		t.Errorf("the submodule's remote has %s, want %s", got, better)
	}
}
