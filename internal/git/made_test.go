package git

import "testing"

// A branch that its agent has moved to where others have brought the target has nothing of its own, and is not merged.
func TestABranchThatWasOnlyMovedIsNotMerged(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]func(tw *town, path string){
		"to a person's commit": func(tw *town, path string) {
			tw.push("theirs", "t")
			sh(t, path, "fetch", "--quiet", "origin")
			sh(t, path, "reset", "--quiet", "--hard", "origin/main")
		},
		"to a merge of another bead": func(tw *town, path string) {
			tw.worked("gt-2", "gt/nux/gt-2", "theirs", "t")
			tw.merge(MergeRequest{Branch: "gt/nux/gt-2", Target: "main"})
			sh(t, path, "fetch", "--quiet", "origin")
			sh(t, path, "reset", "--quiet", "--hard", "origin/main")
		},
		"to a person's commit by a rebase": func(tw *town, path string) {
			tw.push("theirs", "t")
			sh(t, path, "fetch", "--quiet", "origin")
			sh(t, path, "rebase", "--quiet", "origin/main")
		},
		"to the work of another bead that is merged": func(tw *town, path string) {
			_, head := tw.worked("gt-2", "gt/nux/gt-2", "theirs", "t")
			tw.merge(MergeRequest{Branch: "gt/nux/gt-2", Target: "main"})
			sh(t, path, "fetch", "--quiet", "origin")
			sh(t, path, "merge", "--quiet", "--ff-only", head)
		},
	} {
		t.Run(name, func(t *testing.T) {
			tw := newTown(t)
			path := tw.ensure(WorkspaceSpec{Bead: "gt-1", Branch: source}).Path
			move(tw, path)
			if found := tw.done("gt-1", source); found.Ahead != 0 || found.MergedAs != "" {
				t.Errorf("the look has found %+v", found)
			}
			if result := tw.merge(MergeRequest{Branch: source, Target: "main"}); result.Outcome != OutcomeEmpty {
				t.Errorf("the merge is %+v", result)
			}
		})
	}
}

// What an agent has made in an earlier attempt is its own in a later one, whose workspace has another log.
func TestWhatWasMadeIsRememberedBetweenAttempts(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	path, head := tw.worked("gt-1", source, "work", "w")
	tw.ensure(WorkspaceSpec{Bead: "gt-1", Branch: source})
	sh(t, path, "push", "--quiet", "origin", "HEAD:refs/heads/main")
	if found := tw.done("gt-1", source); found.MergedAs != head {
		t.Errorf("the look has found %+v", found)
	}
}
