package git

import (
	"cmp"
	"context"
	"fmt"
	"strings"
)

// Verification is what a look at a branch found.
type Verification struct {
	Exists bool   // the branch is in the mirror or on origin
	Head   string // its commit; empty when it does not exist
	Ahead  int    // commits it has that the target lacks

	// MergedAs is the commit that brought the branch into the target: set when
	// the branch had commits of its own and the target has them all. A branch
	// that never had any is not merged.
	MergedAs string

	// Astray says what of the work in the bead's workspace is not on its branch, and what helps. Empty when all is.
	Astray string
	// Others are beads whose commits are on the branch and not in the target.
	Others []string
}

// VerifySpec says which branch to look at.
type VerifySpec struct {
	Bead   string // whose workspace has the branch; empty for a branch that only origin and the mirror have
	Branch string
	Target string // branch on origin
	Base   string // takes the place of a target that origin does not have, which is made of it; empty where it is not made
}

// VerifyBranch looks whether a branch exists and how far it is ahead of the
// tip of target that origin has now. The bead's workspace is looked at first. A target that
// origin does not have (a convoy's branch before its first merge) is replaced by the base.
func (r *Rig) VerifyBranch(ctx context.Context, spec VerifySpec) (Verification, error) {
	if err := ValidBranch(spec.Branch); err != nil {
		return Verification{}, fmt.Errorf("cannot verify a branch: %w", err)
	}
	var found Verification
	err := r.refreshed(ctx, func() error {
		var seen sight
		before, err := r.refs(ctx, headRef(spec.Branch))
		if err != nil {
			return err
		}
		if spec.Bead != "" {
			if seen, err = r.look(ctx, spec.Bead, spec.Branch); err != nil {
				return err
			}
		}
		tip, _, err := r.targetTip(ctx, spec.Target, cmp.Or(spec.Base, spec.Target))
		if err != nil {
			return err
		}
		if found, err = r.verify(ctx, spec.Branch, tip); err != nil || !seen.exists {
			return err
		}
		if found.Astray, err = r.astray(ctx, spec, seen, tip); err != nil || found.Ahead == 0 {
			return err
		}
		found.Others, err = r.foreign(ctx, spec, found.Head, tip, before[headRef(spec.Branch)])
		return err
	})
	return found, err
}

// verify compares a branch with a commit of the target.
func (r *Rig) verify(ctx context.Context, branch, tip string) (Verification, error) {
	head, err := r.sourceHead(ctx, branch, "")
	if err != nil || head == "" {
		return Verification{}, err
	}
	ahead, err := r.count(ctx, tip, head)
	if err != nil {
		return Verification{}, err
	}
	found := Verification{Exists: true, Head: head, Ahead: ahead}
	if ahead == 0 {
		found.MergedAs, err = r.landedAs(ctx, branch, head, tip)
		if err != nil {
			return Verification{}, err
		}
	}
	return found, nil
}

// sourceHead returns the commit of a branch: an agent's own in the mirror, or
// origin's (a convoy's branch lives there, and people may add to a pull
// request). Where both exist, the expected one is taken, else origin's if it
// continues the one in the mirror. It is empty when there is no such branch.
func (r *Rig) sourceHead(ctx context.Context, branch, expected string) (string, error) {
	found, err := r.refs(ctx, headRef(branch), originRef(branch))
	if err != nil {
		return "", err
	}
	own, pushed := found[headRef(branch)], found[originRef(branch)]
	switch {
	case own == "":
		return pushed, nil
	case pushed == "" || own == expected:
		return own, nil
	case pushed == expected:
		return pushed, nil
	}
	continued, err := r.isAncestor(ctx, own, pushed)
	if err != nil {
		return "", err
	}
	if continued {
		return pushed, nil
	}
	return own, nil
}

// landedAs returns the commit that brought a branch into the target, given
// that the target has all of it. It is empty for a branch that never had a
// commit of its own: such a branch also is part of the target, but nothing
// landed.
func (r *Rig) landedAs(ctx context.Context, branch, head, tip string) (string, error) {
	found, err := r.refs(ctx, startRef(branch))
	if err != nil {
		return "", err
	}
	began := found[startRef(branch)]
	if began != "" {
		own, err := r.hasOwn(ctx, branch, began, head)
		if err != nil || !own {
			return "", err
		}
	}
	line, onLine, err := r.targetLine(ctx, head, tip)
	if err != nil {
		return "", err
	}
	if onLine && began == "" {
		return "", nil // It stands where the target once stood; nothing tells that it ever moved.
	}
	if onLine {
		return head, nil // It was pushed to the target as it is.
	}
	between, err := r.git(ctx, "find the merge of "+branch, "rev-list", "--ancestry-path", head+".."+tip, "--")
	if err != nil {
		return "", err
	}
	carries := map[string]bool{}
	for commit := range strings.Lines(between) {
		carries[strings.TrimSpace(commit)] = true
	}
	merge := ""
	for _, commit := range line {
		if carries[commit] {
			merge = commit // The line goes back in time; the oldest one counts.
		}
	}
	return merge, nil
}

// targetLine returns the target's own line of commits, newest first, back to
// where it already had no part of head, and whether head is on that line.
func (r *Rig) targetLine(ctx context.Context, head, tip string) (line []string, onLine bool, err error) {
	out, err := r.git(ctx, "read the history of the target", "rev-list", "--first-parent", "--parents", head+".."+tip, "--")
	if err != nil {
		return nil, false, err
	}
	onLine = head == tip
	for entry := range strings.Lines(out) {
		commits := strings.Fields(entry)
		line = append(line, commits[0])
		onLine = len(commits) > 1 && commits[1] == head
	}
	return line, onLine, nil
}
