package git

import (
	"errors"
	"fmt"
	"testing"
)

// rewrite moves main by force.
func (tw *town) rewrite(to string) {
	sh(tw.t, tw.person, "reset", "--quiet", "--hard", to)
	sh(tw.t, tw.person, "push", "--quiet", "--force", "origin", "HEAD:main")
}

// What was taken out of a target by force does not come back by the merge of a branch that was built on it, whether the
// branch began there or was moved there later.
func TestNothingIsMergedBackIntoARewrittenTarget(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(tw *town) (path string){
		"it began there": func(tw *town) string {
			tw.push("secret", "taken out later")
			path, _ := tw.worked("gt-1", source, "work", "w")
			return path
		},
		"it was moved there": func(tw *town) string {
			path, _ := tw.worked("gt-1", source, "work", "w")
			tw.push("secret", "taken out later")
			tw.done("gt-1", source) // the tip is seen
			sh(t, path, "fetch", "--quiet", "origin")
			sh(t, path, "rebase", "--quiet", "origin/main")
			return path
		},
		"it has nothing of its own": func(tw *town) string {
			tw.push("secret", "taken out later")
			return tw.ensure(WorkspaceSpec{Bead: "gt-1", Branch: source, Base: "main"}).Path
		},
	} {
		t.Run(name, func(t *testing.T) {
			tw := newTown(t)
			begin := tw.tip("main")
			path := build(tw)
			taken := tw.tip("main")
			tw.rewrite(begin)
			tw.push("other", "goes on")
			tw.done("gt-1", source)

			_, err := tw.rig.TestMerge(t.Context(), MergeRequest{Branch: source, Target: "main", Title: "t"})
			var rewritten *RewrittenError
			if !errors.As(err, &rewritten) || rewritten.Start != taken || rewritten.Tip != tw.tip("main") {
				t.Fatalf("got %v, want that %s was taken out", err, taken)
			}

			// Its own commits on the new history are merged.
			sh(t, path, "fetch", "--quiet", "origin")
			sh(t, path, "rebase", "--quiet", "--onto", "origin/main", taken)
			commit(t, path, "more", "m")
			tw.done("gt-1", source)
			if result := tw.merge(MergeRequest{Branch: source, Target: "main"}); result.Outcome != OutcomeMerged {
				t.Errorf("after the transplant: %+v", result)
			}
			if sh(t, tw.origin, "ls-tree", "--name-only", "main", "secret") != "" {
				t.Error("what was taken out has come back")
			}
		})
	}
}

// A history that is brought back is in no branch's way, and formers do not grow without end.
func TestAHistoryThatIsBroughtBackIsInNoWay(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	begin := tw.tip("main")
	tw.push("once", "o")
	tw.worked("gt-1", source, "work", "w")
	with := tw.tip("main")
	for n := range maxFormer + 5 {
		tw.rewrite(begin)
		tw.push("again", fmt.Sprint(n))
		tw.done("gt-1", source)
	}
	numbers, err := tw.rig.formerNumbers(t.Context(), "main")
	if err != nil || len(numbers) > maxFormer {
		t.Errorf("%d former tips are kept, %v", len(numbers), err)
	}
	tw.rewrite(with)
	if result := tw.merge(MergeRequest{Branch: source, Target: "main"}); result.Outcome != OutcomeMerged {
		t.Errorf("got %+v", result)
	}
}
