package git

import (
	"errors"
	"testing"
)

// A convoy's branch that somebody has made anew lands nothing: it is without a member's merge.
func TestABranchWithoutWhatItMustHaveIsNotMerged(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	const convoy = "convoy/tag/three/gt-9"
	sh(t, tw.origin, "branch", convoy, "main")
	tw.worked("gt-1", source, "work", "w")
	member := tw.merge(MergeRequest{Branch: source, Target: convoy})
	must := []string{member.Commit}
	if member.Outcome != OutcomeMerged {
		t.Fatalf("the member: %+v", member)
	}
	anew := commit(t, tw.person, "other", "made anew")
	sh(t, tw.person, "push", "--quiet", "--force", "origin", "HEAD:refs/heads/"+convoy)
	if err := tw.rig.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}

	_, err := tw.rig.TestMerge(t.Context(), MergeRequest{Branch: convoy, Target: "main", Title: "t", Must: must})
	var missing *MissingCommitsError
	if !errors.As(err, &missing) || len(missing.Commits) != 1 || missing.Commits[0] != member.Commit {
		t.Fatalf("got %v, want that %s is missing", err, member.Commit)
	}
	result := tw.tested(MergeRequest{Branch: convoy, Target: "main"})
	_, err = tw.rig.PushMerge(t.Context(), PushRequest{
		Branch: convoy, Head: anew, Commit: result.Commit, Tip: result.Target, Target: "main", Must: must,
	})
	if !errors.As(err, &missing) {
		t.Errorf("the push: %v", err)
	}

	sh(t, tw.person, "push", "--quiet", "--force", "origin", tw.tipOfMirror(convoy, member.Commit)+":refs/heads/"+convoy)
	if result := tw.merge(MergeRequest{Branch: convoy, Target: "main", Must: must}); result.Outcome != OutcomeMerged {
		t.Errorf("with the member: %+v", result)
	}
}

// tipOfMirror brings a commit that only the mirror has to the person who pushes it again.
func (tw *town) tipOfMirror(branch, id string) string {
	tw.t.Helper()
	sh(tw.t, tw.rig.mirror(), "push", "--quiet", "--force", tw.person, id+":refs/kept/"+branch)
	return id
}
