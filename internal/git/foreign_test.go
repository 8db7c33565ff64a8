package git

import (
	"slices"
	"testing"
)

// A commit of one bead that is not merged does not get in with another, whichever way it went.
func TestNothingOfAnotherBeadSlipsIn(t *testing.T) {
	t.Parallel()
	const a, b = "gt/x/gt-a", "gt/x/gt-b"
	for name, c := range map[string]struct {
		verified bool                                         // the other one's branch was looked at before
		take     func(tw *town, theirs, mine string) []string // how it gets there: arguments of git
	}{
		"merged out of the workspace":         {false, func(_ *town, theirs, _ string) []string { return []string{"pull", "--quiet", "--no-rebase", theirs, a} }},
		"fast-forwarded out of the workspace": {false, func(_ *town, theirs, _ string) []string { return []string{"pull", "--quiet", "--ff-only", theirs, a} }},
		"merged out of the mirror": {true, func(tw *town, _, _ string) []string {
			return []string{"pull", "--quiet", "--no-rebase", tw.rig.mirror(), a}
		}},
		"reset to it": {true, func(tw *town, theirs, mine string) []string {
			return []string{"reset", "--quiet", "--hard", sh(tw.t, theirs, "rev-parse", "HEAD")}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := newTown(t)
			theirs := tw.ensure(WorkspaceSpec{Bead: "gt-a", Branch: a}).Path
			mine := tw.ensure(WorkspaceSpec{Bead: "gt-b", Branch: b}).Path
			commit(t, theirs, "half", "finished")
			if c.verified {
				tw.done("gt-a", a)
			}
			sh(t, mine, append([]string{"-c", "user.name=p", "-c", "user.email=p@x"}, c.take(tw, theirs, mine)...)...)
			own := commit(t, mine, "own", "o")
			for range 2 {
				if got := tw.done("gt-b", b); !slices.Equal(got.Others, []string{"gt-a"}) {
					t.Errorf("gt-b has %+v", got)
				}
				tw.ensure(WorkspaceSpec{Bead: "gt-b", Branch: b}) // the next attempt, with nothing changed
			}
			// Its own agent goes on, and is not to blame.
			commit(t, theirs, "rest", "r")
			if got := tw.done("gt-a", a); len(got.Others) != 0 {
				t.Errorf("gt-a has %+v", got)
			}
			// Without the other one's commits, it is fine.
			sh(t, mine, "reset", "--quiet", "--hard", "origin/main")
			sh(t, mine, "-c", "user.name=p", "-c", "user.email=p@x", "cherry-pick", own)
			if got := tw.done("gt-b", b); len(got.Others) != 0 || got.Ahead != 1 {
				t.Errorf("gt-b without them has %+v", got)
			}
		})
	}
}

// What is in the target, was pushed by a person, or is on a branch that two beads work on is nobody else's.
func TestWhatSeveralBeadsMayHave(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	// A person's branch that two agents build on.
	sh(t, tw.person, "checkout", "--quiet", "-b", "idea")
	commit(t, tw.person, "idea", "i")
	sh(t, tw.person, "push", "--quiet", "origin", "idea")
	for _, bead := range []string{"gt-a", "gt-b"} {
		path := tw.ensure(WorkspaceSpec{Bead: bead, Branch: "gt/x/" + bead}).Path
		sh(t, path, "merge", "--quiet", "--no-edit", "origin/idea")
		commit(t, path, bead, "w")
		if got := tw.done(bead, "gt/x/"+bead); len(got.Others) != 0 || got.Astray != "" {
			t.Errorf("%s has %+v", bead, got)
		}
	}
	// Rework of another bead on the same branch.
	path := tw.ensure(WorkspaceSpec{Bead: "gt-r", Branch: "gt/x/gt-a"}).Path
	commit(t, path, "rework", "r")
	if got := tw.done("gt-r", "gt/x/gt-a"); len(got.Others) != 0 {
		t.Errorf("rework has %+v", got)
	}
	// A bead that is made from what was merged.
	tw.merge(MergeRequest{Branch: "gt/x/gt-a", Target: "main"})
	path = tw.ensure(WorkspaceSpec{Bead: "gt-c", Branch: "gt/x/gt-c"}).Path
	commit(t, path, "more", "m")
	if got := tw.done("gt-c", "gt/x/gt-c"); len(got.Others) != 0 || got.Ahead != 1 {
		t.Errorf("gt-c has %+v", got)
	}
}
