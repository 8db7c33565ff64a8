package git

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gastown/internal/git/githttptest"
)

func (w *withLib) workspace() Workspace {
	w.t.Helper()
	return w.ensure(WorkspaceSpec{Bead: "gt-1", Branch: "gt/x/gt-1", Submodules: true})
}

// A workspace has its submodules without any access, and what an agent commits in them is not lost.
func TestSubmodulesOfAWorkspace(t *testing.T) {
	t.Parallel()
	w := newWithLib(t)
	made := w.workspace()
	lib := filepath.Join(made.Path, "lib")
	if read(t, lib, "code") != "one\n" || sh(t, lib, "rev-parse", "HEAD") != w.sound {
		t.Fatal("the submodule is not as the target has it")
	}
	if got := sh(t, lib, "remote", "get-url", "origin"); got != w.server.Address("lib.git") {
		t.Errorf("its remote is %s", got)
	}
	w.server.Refuse(503, "nobody needs the remote now")
	sh(t, made.Path, "submodule", "--quiet", "update", "--init")
	if got := sh(t, made.Path, "status", "--porcelain"); got != "" {
		t.Errorf("the workspace is not clean: %s", got)
	}
	w.server.Refuse(0, "")

	sh(t, lib, "switch", "--quiet", "--create", "work")
	better := commit(t, lib, "code", "two\n")
	sh(t, made.Path, "add", "lib")
	sh(t, made.Path, "commit", "--quiet", "-m", "better lib")
	further := commit(t, lib, "code", "three\n") // not in a commit of the workspace yet
	write(t, lib, "code", "four\n")
	found := w.done("gt-1", "gt/x/gt-1")
	if found.Ahead != 1 {
		t.Fatalf("got %+v", found)
	}
	req := ReferencesRequest{Base: w.tip("main"), Commit: found.Head, Submodules: true}
	only(t, w.references(req).Submodules, "lib", "not at the submodule's remote")
	req.Push, req.Branch = true, "gt/x/gt-1"
	if missing := w.references(req); !missing.None() {
		t.Errorf("got %+v", missing)
	}
	if got := sh(t, w.lib, "rev-parse", "refs/heads/gt/x/gt-1"); got != better {
		t.Errorf("at the remote: %s, want %s", got, better)
	}

	// The next attempt goes on where this one stopped, with a git directory that nobody has had a hand in.
	sh(t, lib, "config", "remote.origin.pushurl", "elsewhere")
	w.workspace()
	if got := sh(t, lib, "rev-parse", "HEAD"); got != further || read(t, lib, "code") != "four\n" {
		t.Errorf("the submodule is at %s with %q, want %s", got, read(t, lib, "code"), further)
	}
	if got := sh(t, lib, "config", "--default", "", "remote.origin.pushurl"); got != "" {
		t.Errorf("the configuration of the former attempt holds: %s", got)
	}
}

func (w *withLib) references(req ReferencesRequest) MissingReferences {
	w.t.Helper()
	missing, err := w.rig.CheckReferences(context.Background(), req)
	if err != nil {
		w.t.Fatalf("CheckReferences: %v", err)
	}
	return missing
}

// A branch without commits follows its target, and so does its submodule.
func TestSubmodulesFollowTheTarget(t *testing.T) {
	t.Parallel()
	w := newWithLib(t)
	made := w.workspace()
	w.done("gt-1", "gt/x/gt-1")
	next := commit(t, w.writer, "code", "two\n")
	sh(t, w.writer, "push", "--quiet", w.lib, "HEAD:main")
	w.link(next)
	sh(t, w.person, "push", "--quiet", "origin", "HEAD:main")
	w.workspace()
	lib := filepath.Join(made.Path, "lib")
	if got := sh(t, lib, "rev-parse", "HEAD"); got != next || read(t, lib, "code") != "two\n" {
		t.Errorf("the submodule is at %s with %q, want %s", got, read(t, lib, "code"), next)
	}
	if got := sh(t, made.Path, "status", "--porcelain"); got != "" {
		t.Errorf("the workspace is not clean: %s", got)
	}
}

// A submodule that cannot be had is left to the agent; a link in its place leads nowhere.
func TestSubmodulesThatCannotBeSetUp(t *testing.T) {
	t.Parallel()
	w := newWithLib(t)
	if err := os.Rename(w.lib, w.lib+".away"); err != nil {
		t.Fatal(err)
	}
	made := w.workspace()
	if entries, err := os.ReadDir(filepath.Join(made.Path, "lib")); err != nil || len(entries) != 0 {
		t.Errorf("got %v, %v", entries, err)
	}
	if err := os.Rename(w.lib+".away", w.lib); err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	if err := os.Remove(filepath.Join(made.Path, "lib")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(made.Path, "lib")); err != nil {
		t.Fatal(err)
	}
	w.workspace()
	if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) != 0 {
		t.Errorf("through a link: %v, %v", entries, err)
	}
}

// A workspace has large files and not their pointers; what is added is brought to the remote, and nothing is dirty.
func TestLargeFilesOfAWorkspace(t *testing.T) {
	t.Parallel()
	tw := newLFSTown(t)
	spec := WorkspaceSpec{Bead: "gt-1", Branch: "gt/x/gt-1", LFS: true}
	made := tw.ensure(spec)
	if got := read(t, made.Path, "old.bin"); got != "old content" {
		t.Fatalf("the file holds %q", got)
	}
	commit(t, made.Path, "new.bin", "new content")
	if got := sh(t, made.Path, "show", "HEAD:new.bin"); !strings.HasPrefix(got, pointerVersion) {
		t.Fatalf("committed: %q", got)
	}
	found := tw.done("gt-1", spec.Branch)
	if found.Ahead != 1 || found.Astray != "" {
		t.Fatalf("got %+v", found)
	}
	if missing := tw.check(ReferencesRequest{Base: tw.tip("main"), Commit: found.Head, LFS: true}); !missing.None() {
		t.Errorf("got %+v", missing)
	}
	write(t, made.Path, "old.bin", "changed and not committed")
	if got := tw.done("gt-1", spec.Branch); !strings.Contains(got.Astray, "old.bin") {
		t.Errorf("got %+v", got)
	}
	// An object that nobody has is asked for nowhere, also where a commit's own configuration says so.
	server := githttptest.New(t, filepath.Dir(tw.origin))
	sh(t, made.Path, "checkout", "--quiet", "--", "new.bin")
	write(t, made.Path, ".lfsconfig", "[lfs]\n\turl = "+server.Address("stolen/lfs")+"\n")
	sh(t, made.Path, "add", ".lfsconfig")
	lost := commit(t, made.Path, "lost.bin", "lost")
	tw.done("gt-1", spec.Branch)
	if err := os.RemoveAll(filepath.Join(tw.rig.lfsStorage(), "objects")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(made.Path, "lost.bin")); err != nil {
		t.Fatal(err)
	}
	again := tw.ensure(spec)
	if again.Head != lost || len(server.Requests()) != 0 {
		t.Errorf("got %+v, and contacted %v", again, server.Requests())
	}
	if read(t, made.Path, "old.bin") != "changed and not committed" || read(t, made.Path, "new.bin") != "new content" || !again.Left.Uncommitted {
		t.Errorf("got %+v", again)
	}
}

// Gates see submodules and large files as a fresh clone has them.
func TestGatesSeeSubmodulesAndLargeFiles(t *testing.T) {
	t.Parallel()
	w := newWithLib(t)
	req := MergeRequest{Branch: "gt/x/gt-1", Target: "main", Submodules: true, Gates: []Gate{
		{Name: "two", Shell: "test \"$(cat lib/code)\" = two && rm lib/code"}, {Name: "again", Shell: "true"},
	}}
	made := w.workspace()
	lib := filepath.Join(made.Path, "lib")
	commit(t, lib, "code", "two\n")
	sh(t, made.Path, "add", "lib")
	sh(t, made.Path, "commit", "--quiet", "-m", "better lib")
	w.done("gt-1", "gt/x/gt-1")
	for range 2 {
		if result := w.tested(req); result.Outcome != OutcomeTested {
			t.Errorf("got %+v", result)
		}
	}
	tw := newLFSTown(t)
	path := tw.ensure(WorkspaceSpec{Bead: "gt-1", Branch: "gt/x/gt-1", LFS: true}).Path
	commit(t, path, "new.bin", "new content")
	tw.done("gt-1", "gt/x/gt-1")
	req.Submodules, req.LFS = false, true
	req.Gates = []Gate{{Name: "large", Shell: "test \"$(cat old.bin new.bin)\" = 'old contentnew content'"}}
	if result := tw.tested(req); result.Outcome != OutcomeTested || result.Gates[0].Changes != 0 {
		t.Errorf("got %+v", result)
	}
}
