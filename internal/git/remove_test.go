package git

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// removed removes the workspace of a bead that nothing runs on.
func (tw *town) removed(spec WorkspaceSpec) {
	tw.t.Helper()
	gone, err := tw.rig.RemoveWorkspace(tw.t.Context(), spec.Bead, spec.Branch, func() bool { return true })
	if err != nil || !gone || isDir(tw.rig.workspace(spec.Bead)) {
		tw.t.Fatalf("the workspace of %s was removed: %t, %v", spec.Bead, gone, err)
	}
}

// isAsLeft checks what a workspace has after leaveWork.
func (tw *town) isAsLeft(made Workspace, spec WorkspaceSpec, head string) {
	tw.t.Helper()
	if got := sh(tw.t, made.Path, "rev-parse", "HEAD"); got != head {
		tw.t.Errorf("it stands at %s, want %s", got, head)
	}
	want := " D gone\n M work\n?? dir/"
	if got := sh(tw.t, made.Path, "status", "--porcelain"); got != strings.TrimSpace(want) {
		tw.t.Errorf("it is as\n%s", got)
	}
	if read(tw.t, made.Path, "work") != "half" || read(tw.t, made.Path, "dir/new") != "n" {
		tw.t.Error("the files have another content")
	}
	if info, err := os.Stat(filepath.Join(made.Path, "dir/new")); err != nil || info.Mode()&0o100 == 0 {
		tw.t.Errorf("the program cannot be run (%v)", err)
	}
	if made.Left.Commits != 2 || !made.Left.Uncommitted {
		tw.t.Errorf("the next attempt is told %+v", made.Left)
	}
	if got := tw.kept(made, "uncommitted work", "work"); got != "half" {
		tw.t.Errorf("kept is %q", got)
	}
}

// leaveWork is an attempt that ends with two commits and with uncommitted work.
func (tw *town) leaveWork(spec WorkspaceSpec) (head string) {
	tw.t.Helper()
	path, _ := tw.worked(spec.Bead, spec.Branch, "gone", "g")
	head = commit(tw.t, path, "work", "whole")
	write(tw.t, path, "work", "half")
	write(tw.t, path, "dir/new", "n")
	remove(tw.t, filepath.Join(path, "gone"))
	if err := os.Chmod(filepath.Join(path, "dir/new"), 0o755); err != nil {
		tw.t.Fatal(err)
	}
	return head
}

func TestARemovedWorkspaceComesBack(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	spec := WorkspaceSpec{Bead: "gt-1", Branch: "gt/x/gt-1"}
	head := tw.leaveWork(spec)
	tw.removed(spec)
	entries, err := os.ReadDir(tw.rig.lookDir(spec.Bead))
	for _, entry := range entries {
		if entry.IsDir() || entry.Name() == "index" {
			t.Errorf("%s is left of the look (%v)", entry.Name(), err)
		}
	}
	if got := sh(t, tw.rig.mirror(), "rev-parse", headRef(spec.Branch)); got != head {
		t.Errorf("the mirror has the branch at %s", got)
	}
	if out := sh(t, tw.origin, "for-each-ref"); strings.Contains(out, "gt/x/gt-1") || strings.Contains(out, "gastown") {
		t.Errorf("the remote has got\n%s", out)
	}
	tw.isAsLeft(tw.ensure(spec), spec, head)
	// It may go and come any number of times, and what an attempt does to it is what counts.
	tw.removed(spec)
	again := tw.ensure(spec)
	tw.isAsLeft(again, spec, head)
	sh(t, again.Path, "checkout", "--quiet", "--", ".")
	remove(t, filepath.Join(again.Path, "dir"))
	if made := tw.ensure(spec); made.Left.Uncommitted || len(sh(t, made.Path, "status", "--porcelain")) != 0 {
		t.Errorf("files of before have come back: %+v", made.Left)
	}
}

func TestARemovedWorkspaceIsVerifiedAndMayStartOver(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	spec := WorkspaceSpec{Bead: "gt-1", Branch: "gt/x/gt-1"}
	head := tw.leaveWork(spec)
	tw.removed(spec)
	if v := tw.done(spec.Bead, spec.Branch); !v.Exists || v.Head != head || v.Ahead != 2 {
		t.Errorf("the branch is seen as %+v", v)
	}
	spec.Fresh = true
	made := tw.ensure(spec)
	tw.checkWorkspace(made, spec.Branch, tw.tip("main"))
	if got := tw.kept(made, "the branch as it was", "work"); got != "whole" {
		t.Errorf("kept is %q", got)
	}
}

// Wherever a removal or the way back is cut off, the next attempt has everything.
func TestARemovalThatIsCutOffLosesNothing(t *testing.T) {
	t.Parallel()
	spec := WorkspaceSpec{Bead: "gt-1", Branch: "gt/x/gt-1"}
	for name, cut := range map[string]func(t *testing.T, r *Rig){
		"before the files go": func(t *testing.T, r *Rig) {
			move(t, r.beside("gone", spec.Bead), r.workspace(spec.Bead))
		},
		"while the files go": func(t *testing.T, r *Rig) {
			remove(t, filepath.Join(r.beside("gone", spec.Bead), "work"))
		},
		"while the files come back": func(t *testing.T, r *Rig) {
			write(t, r.beside("back", spec.Bead), "work", "a part")
		},
		"before the clone is made": func(t *testing.T, r *Rig) {
			if _, _, err := r.bringBack(t.Context(), spec); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := newTown(t)
			head := tw.leaveWork(spec)
			copyOf := t.TempDir()
			if err := os.CopyFS(copyOf, os.DirFS(tw.rig.workspace(spec.Bead))); err != nil {
				t.Fatal(err)
			}
			tw.removed(spec)
			if err := os.CopyFS(tw.rig.beside("gone", spec.Bead), os.DirFS(copyOf)); err != nil {
				t.Fatal(err)
			}
			cut(t, tw.rig)
			tw.isAsLeft(tw.ensure(spec), spec, head)
			tw.removed(spec)
			tw.isAsLeft(tw.ensure(spec), spec, head)
			if rest, err := filepath.Glob(filepath.Join(filepath.Dir(tw.rig.workspace("x")), ".gone-*")); err != nil || len(rest) > 0 {
				t.Errorf("left over is %v (%v)", rest, err)
			}
		})
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestAWorkspaceThatIsInUseOrCannotBeReadStays(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	spec := WorkspaceSpec{Bead: "gt-1", Branch: "gt/x/gt-1"}
	tw.leaveWork(spec)
	if gone, err := tw.rig.RemoveWorkspace(t.Context(), spec.Bead, spec.Branch, func() bool { return false }); gone || err != nil {
		t.Errorf("removed: %t, %v", gone, err)
	}
	remove(t, filepath.Join(tw.rig.workspace(spec.Bead), ".git", "HEAD"))
	gone, err := tw.rig.RemoveWorkspace(t.Context(), spec.Bead, spec.Branch, func() bool { return true })
	if gone || err == nil || !strings.Contains(err.Error(), "HEAD") || !isDir(tw.rig.workspace(spec.Bead)) {
		t.Errorf("removed: %t, %v", gone, err)
	}
	if gone, err := tw.rig.RemoveWorkspace(t.Context(), "gt-9", "gt/x/gt-9", func() bool { return true }); gone || err != nil {
		t.Errorf("one that is not there: %t, %v", gone, err)
	}
}

func TestFilesThatAreTooLargeAreNamed(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	spec := WorkspaceSpec{Bead: "gt-1", Branch: "gt/x/gt-1"}
	path, _ := tw.worked(spec.Bead, spec.Branch, "work", "w")
	write(t, path, "zz", "small")
	if err := os.WriteFile(filepath.Join(path, "huge"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(path, "huge"), maxSnapshotBytes+1); err != nil {
		t.Fatal(err)
	}
	tw.removed(spec)
	made := tw.ensure(spec)
	if _, err := os.Lstat(filepath.Join(made.Path, "huge")); err == nil || read(t, made.Path, "zz") != "small" || !slices.Equal(made.Left.Missing, []string{"huge"}) {
		t.Errorf("the next attempt has %+v", made.Left)
	}
	if made := tw.ensure(spec); len(made.Left.Missing) > 0 {
		t.Errorf("the one after is told %+v", made.Left)
	}
}

// The commits of a bead whose workspace is gone are still its own.
func TestCommitsOfARemovedWorkspaceDoNotSlipIn(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	one, two := WorkspaceSpec{Bead: "gt-1", Branch: "gt/x/gt-1"}, WorkspaceSpec{Bead: "gt-2", Branch: "gt/x/gt-2"}
	head := tw.leaveWork(one)
	tw.removed(one)
	other := tw.ensure(two)
	sh(t, other.Path, "merge", "--quiet", "--no-edit", head)
	commit(t, other.Path, "own", "o")
	v, err := tw.rig.VerifyBranch(context.Background(), VerifySpec{Bead: two.Bead, Branch: two.Branch, Target: "main"})
	if err != nil || !slices.Equal(v.Others, []string{"gt-1"}) {
		t.Errorf("seen are commits of %v (%v)", v.Others, err)
	}
}
