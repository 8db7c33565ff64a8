package git

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// workingTown is a town whose origin is a person's own working repository with
// the target checked out, as after `gastown up` inside a repository.
func workingTown(t *testing.T) *town {
	t.Helper()
	tw := newTown(t)
	tw.origin = tw.person
	tw.rig = tw.store.Rig("town", "own", tw.person, "main")
	return tw
}

func TestMergeUpdatesACleanCheckout(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"", "file://"} {
		tw := workingTown(t)
		if scheme != "" {
			tw.rig = tw.store.Rig("town", "own", scheme+strings.ReplaceAll(tw.person, " ", "%20"), "main")
		}
		write(t, tw.person, "untracked", "u")
		tw.worked("toast", source, "work", "w")
		result := tw.merge(MergeRequest{Branch: source, Target: "main"})
		if result.Outcome != OutcomeMerged || tw.tip("main") != result.Commit {
			t.Fatalf("got %+v", result)
		}
		if read(t, tw.person, "work") != "w" || read(t, tw.person, "untracked") != "u" {
			t.Error("the files of the checkout are wrong")
		}
		if got := sh(t, tw.person, "status", "--porcelain"); got != "?? untracked" {
			t.Errorf("the checkout is not clean:\n%s", got)
		}
		if got := sh(t, tw.person, "config", "--get", "--default", "unset", "receive.denyCurrentBranch"); got != "unset" {
			t.Errorf("the person's configuration was changed: %s", got)
		}
	}
}

func TestMergeWaitsForADirtyCheckout(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(t *testing.T, dir string)
		late   bool // only the push itself can find it
	}{
		"unstaged": {func(t *testing.T, dir string) { write(t, dir, "readme", "mine") }, false},
		"staged": {func(t *testing.T, dir string) {
			write(t, dir, "readme", "mine")
			sh(t, dir, "add", "readme")
		}, false},
		"an untracked file in the way": {func(t *testing.T, dir string) { write(t, dir, "work", "mine") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := workingTown(t)
			tw.worked("toast", source, "work", "w")
			test.change(t, tw.person)
			before, tip := sh(t, tw.person, "status", "--porcelain"), tw.tip("main")
			ran := filepath.Join(t.TempDir(), "ran")
			req := MergeRequest{Branch: source, Target: "main", Title: "t", Gates: []Gate{{Name: "g", Command: []string{"touch", ran}}}}
			_, err := tw.tryMerge(req)
			wantClass(t, err, ClassDirtyCheckout)
			if err != nil && (!strings.Contains(err.Error(), "commit or stash") || !strings.Contains(err.Error(), tw.person)) {
				t.Errorf("error %q names no remedy or place", err)
			}
			if _, err := os.Stat(ran); (err == nil) != test.late {
				t.Errorf("the gates ran: %t", err == nil)
			}
			if sh(t, tw.person, "status", "--porcelain") != before || tw.tip("main") != tip {
				t.Error("the checkout was changed")
			}
			// Once the person is on another branch the merge goes through.
			sh(t, tw.person, "stash", "--quiet", "--include-untracked")
			sh(t, tw.person, "checkout", "--quiet", "-b", "elsewhere")
			write(t, tw.person, "readme", "mine")
			if result, err := tw.tryMerge(req); err != nil || result.Outcome != OutcomeMerged {
				t.Errorf("got %+v, %v", result, err)
			}
			if read(t, tw.person, "readme") != "mine" {
				t.Error("the person's change is lost")
			}
		})
	}
}

// The person changes a file while the gates run: git's own check at the push
// must find it.
func TestMergeWaitsForACheckoutThatBecomesDirty(t *testing.T) {
	t.Parallel()
	tw := workingTown(t)
	tw.worked("toast", source, "work", "w")
	_, err := tw.tryMerge(MergeRequest{
		Branch: source, Target: "main", Title: "t",
		Gates: []Gate{{Name: "editor", Shell: `echo mine >"$FILE"`}}, GateEnv: []string{"FILE=" + filepath.Join(tw.person, "readme")},
	})
	wantClass(t, err, ClassDirtyCheckout)
}

// The target may also be checked out in a second worktree of the person's
// repository.
func TestMergeUpdatesALinkedCheckout(t *testing.T) {
	t.Parallel()
	tw := workingTown(t)
	tw.worked("toast", source, "work", "w")
	sh(t, tw.person, "checkout", "--quiet", "-b", "elsewhere")
	linked := filepath.Join(t.TempDir(), "linked")
	sh(t, tw.person, "worktree", "add", "--quiet", linked, "main")
	if result := tw.merge(MergeRequest{Branch: source, Target: "main"}); result.Outcome != OutcomeMerged {
		t.Fatalf("got %+v", result)
	}
	if read(t, linked, "work") != "w" || sh(t, linked, "status", "--porcelain") != "" {
		t.Error("the linked checkout was not updated")
	}
}

// The person's own hooks hold for what is pushed into the repository.
func TestCheckoutHooksHold(t *testing.T) {
	t.Parallel()
	tw := workingTown(t)
	tw.worked("toast", source, "work", "w")
	write(t, tw.person, ".git/hooks/pre-receive", "#!/bin/sh\necho not today >&2\nexit 1\n")
	if err := os.Chmod(filepath.Join(tw.person, ".git/hooks/pre-receive"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := tw.tryMerge(MergeRequest{Branch: source, Target: "main", Title: "t"})
	if err == nil || !strings.Contains(err.Error(), "not today") {
		t.Errorf("got %v", err)
	}
}
