package git

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

// tested fetches and tests a merge, and fails the test unless it passed.
func (tw *town) tested(req MergeRequest) MergeResult {
	tw.t.Helper()
	if req.Title == "" {
		req.Title = "Merge " + req.Branch
	}
	if err := tw.rig.Fetch(context.Background()); err != nil {
		tw.t.Fatal(err)
	}
	result, err := tw.rig.TestMerge(context.Background(), req)
	if err != nil || result.Outcome != OutcomeTested {
		tw.t.Fatalf("TestMerge: %+v, %v", result, err)
	}
	return result
}

// A merge is tested on what was fetched, with the remote away, and nothing is published by it.
func TestTestingNeedsNoRemote(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	_, head := tw.worked("toast", source, "work", "w")
	tip := tw.tip("main")
	if err := os.Rename(tw.origin, tw.origin+".away"); err != nil {
		t.Fatal(err)
	}
	req := MergeRequest{Branch: source, ExpectedHead: head, Target: "main", Title: "t"}
	result, err := tw.rig.TestMerge(context.Background(), req)
	if err != nil || result.Outcome != OutcomeTested || result.Target != tip {
		t.Fatalf("got %+v, %v", result, err)
	}
	push := tw.pushOf(req, result)
	if found, err := tw.rig.PushMerge(context.Background(), push); err == nil || found.Pushed || found.Merged {
		t.Errorf("pushed to nowhere: %+v, %v", found, err)
	}
	if err := os.Rename(tw.origin+".away", tw.origin); err != nil {
		t.Fatal(err)
	}
	if got := tw.tip("main"); got != tip {
		t.Fatalf("something was pushed: %s", got)
	}
	for range 2 { // the second time as after a crash between the push and its report
		found, err := tw.rig.PushMerge(context.Background(), push)
		if err != nil || !found.Merged || found.Before || found.Commit != result.Commit || tw.tip("main") != result.Commit {
			t.Errorf("got %+v, %v", found, err)
		}
	}
	tw.push2("later")
	if found, err := tw.rig.FindMerged(context.Background(), push); err != nil || !found.Merged || found.Commit != result.Commit {
		t.Errorf("after the target moved on: %+v, %v", found, err)
	}
}

// What is pushed is a merge of the verified commit into the tip of the target, whatever somebody says of it.
func TestOnlyTheTestedMergeIsPushed(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	path, _ := tw.worked("toast", source, "work", "w")
	req := MergeRequest{Branch: source, Target: "main"}
	result := tw.tested(req)
	for name, forged := range map[string]string{
		"the branch itself":          result.Head,
		"a commit that is not there": strings.Repeat("ab", 20),
		"other parents":              sh(t, path, "commit-tree", "-p", result.Head, "-p", result.Target, "-m", "x", "HEAD^{tree}"),
		"one more parent":            sh(t, path, "commit-tree", "-p", result.Target, "-p", result.Head, "-p", sh(t, path, "commit-tree", "-m", "x", "HEAD^{tree}"), "-m", "x", "HEAD^{tree}"),
		"another branch":             sh(t, path, "commit-tree", "-p", result.Target, "-p", sh(t, path, "commit-tree", "-p", result.Head, "-m", "x", "HEAD^{tree}"), "-m", "x", "HEAD^{tree}"),
	} {
		push := tw.pushOf(req, result)
		push.Commit = forged
		found, err := tw.rig.PushMerge(context.Background(), push)
		var no *NotTestedError
		if !errors.As(err, &no) || found.Merged || found.Pushed {
			t.Errorf("%s: got %+v, %v", name, found, err)
		}
	}
	if got := tw.tip("main"); got != result.Target {
		t.Errorf("main is at %s", got)
	}
}

// The target moves, or goes, after the test: nothing is pushed, and no branch is made.
func TestTargetMovesAfterTheTest(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	tw.worked("toast", source, "work", "w")
	sh(t, tw.origin, "branch", "gone", "main")
	for target, move := range map[string]func() string{
		"main": func() string { return tw.push("more", "x") },
		"gone": func() string { sh(t, tw.origin, "branch", "-D", "gone"); return "" },
	} {
		req := MergeRequest{Branch: source, Target: target}
		result := tw.tested(req)
		now := move()
		_, err := tw.rig.PushMerge(context.Background(), tw.pushOf(req, result))
		var moved *TargetMovedError
		if !errors.As(err, &moved) || moved.From != result.Target || moved.Tip != now || tw.tip(target) != now {
			t.Errorf("%s: got %v", target, err)
		}
	}
	result, err := tw.tryMerge(MergeRequest{Branch: source, Target: "gone", Title: "t"})
	if err != nil || result.Outcome != OutcomeTargetMissing {
		t.Errorf("got %+v, %v", result, err)
	}
}

// The branch came in by another way while its merge was tested: that is a merge, without the town's gates.
func TestPushFindsTheBranchThere(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	path, head := tw.worked("toast", source, "work", "w")
	req := MergeRequest{Branch: source, Target: "main"}
	result := tw.tested(req)
	sh(t, path, "push", "--quiet", tw.origin, "HEAD:main")
	found, err := tw.rig.PushMerge(context.Background(), tw.pushOf(req, result))
	if err != nil || !found.Merged || !found.Before || found.Commit != head || found.Pushed {
		t.Errorf("got %+v, %v", found, err)
	}
}

// A refinery that is an agent makes its merge in its workspace; the server takes it from there.
func TestPushTakesTheMergeFromAWorkspace(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	_, head := tw.worked("toast", source, "work", "w")
	tip := tw.tip("main")
	made, err := tw.rig.PrepareWorkspace(context.Background(), WorkspaceSpec{Bead: "mr-1", Branch: source, Base: "main"})
	if err != nil {
		t.Fatal(err)
	}
	merge := sh(t, made.Path, "commit-tree", "-p", tip, "-p", head, "-m", "merged by an agent", "HEAD^{tree}")
	push := PushRequest{Branch: source, Head: head, Commit: merge, Tip: tip, Target: "main"}
	var no *NotTestedError
	if _, err := tw.rig.PushMerge(context.Background(), push); !errors.As(err, &no) {
		t.Errorf("from nowhere: %v", err)
	}
	push.Workspace = "mr-1"
	found, err := tw.rig.PushMerge(context.Background(), push)
	if err != nil || !found.Merged || tw.tip("main") != merge {
		t.Errorf("got %+v, %v", found, err)
	}
}
