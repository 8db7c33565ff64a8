package git

import (
	"context"
	"testing"
)

// Commits that came on a branch after it was verified are found in the workspace and kept; without any, nothing is.
func TestLateCommits(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	path, head := tw.worked("toast", source, "work", "w")
	if v := tw.done("toast", source); v.Head != head {
		t.Fatalf("verified %+v", v)
	}
	req := MergeRequest{Branch: source, ExpectedHead: head, Target: "main"}
	result := tw.tested(req)
	late := LateRequest{Bead: "toast", Branch: source, Head: head, Commit: result.Commit}
	if found, err := tw.rig.LateCommits(context.Background(), late); err != nil || found != (Late{}) {
		t.Errorf("nothing came: %+v, %v", found, err)
	}
	if _, err := tw.rig.PushMerge(context.Background(), tw.pushOf(req, result)); err != nil {
		t.Fatal(err)
	}
	commit(t, path, "second", "s")
	last := commit(t, path, "third", "t")
	found, err := tw.rig.LateCommits(context.Background(), late)
	if err != nil || found.Count != 2 || found.Head != last {
		t.Fatalf("got %+v, %v", found, err)
	}
	if kept := sh(t, tw.rig.mirror(), "rev-parse", found.Ref); kept != last {
		t.Errorf("%s is kept as %s", kept, found.Ref)
	}
	late.Bead = "nobody"
	if found, err := tw.rig.LateCommits(context.Background(), late); err != nil || found != (Late{}) {
		t.Errorf("without a workspace: %+v, %v", found, err)
	}
}

// A look before the merge shows that the branch has moved since it was verified, and it is not merged as it was.
func TestLookShowsThatABranchMoved(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	path, head := tw.worked("toast", source, "work", "w")
	tw.done("toast", source)
	last := commit(t, path, "late", "l")
	if err := tw.rig.Look(context.Background(), "toast", source); err != nil {
		t.Fatal(err)
	}
	_, err := tw.tryMerge(MergeRequest{Branch: source, ExpectedHead: head, Target: "main", Title: "t"})
	moved, is := err.(*HeadMovedError)
	if !is || moved.Actual != last {
		t.Errorf("got %v", err)
	}
}
