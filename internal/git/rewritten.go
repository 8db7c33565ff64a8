package git

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxFormer bounds how many former tips of one target are kept: a target that is rewritten more often than that while a
// branch is worked on is nothing that anybody merges into.
const maxFormer = 20

// tipRef is where the tip of a target is noted that a merge went by last, formerPrefix where such tips are kept that
// the target no longer has: somebody has rewritten its history.
// Slashes of a target are escaped, so that no name is in the way of another.
func tipRef(target string) string       { return "refs/gastown/tip/" + dirName(target) }
func formerPrefix(target string) string { return "refs/gastown/former/" + dirName(target) + "/" }

// Rewritten says that a branch is built on commits that its target had once and does not have any more.
type Rewritten struct {
	Start string // the newest commit of the branch that the target had
	Tip   string // what the target stands at now
}

// noteTip notes the tip of a target, and keeps the one before if the target no longer has it. The lock is held.
func (r *Rig) noteTip(ctx context.Context, target, tip string) error {
	found, err := r.refs(ctx, tipRef(target))
	before := found[tipRef(target)]
	if err != nil || before == tip {
		return err
	}
	if before != "" {
		continued, err := r.isAncestor(ctx, before, tip)
		if err != nil {
			return err
		}
		if !continued {
			if err := r.keepFormer(ctx, target, before); err != nil {
				return err
			}
		}
	}
	_, err = r.git(ctx, "note the tip of "+target, "update-ref", tipRef(target), tip)
	return err
}

// keepFormer keeps a tip that a target no longer has, and drops the oldest where there are too many.
func (r *Rig) keepFormer(ctx context.Context, target, tip string) error {
	numbers, err := r.formerNumbers(ctx, target)
	if err != nil {
		return err
	}
	next := 1
	if n := len(numbers); n > 0 {
		next = numbers[n-1] + 1
	}
	op := "keep a former tip of " + target
	if _, err := r.git(ctx, op, "update-ref", formerPrefix(target)+strconv.Itoa(next), tip); err != nil {
		return err
	}
	for _, old := range numbers[:max(0, len(numbers)+1-maxFormer)] {
		if _, err := r.git(ctx, op, "update-ref", "-d", formerPrefix(target)+strconv.Itoa(old)); err != nil {
			return err
		}
	}
	return nil
}

// formerNumbers lists the numbers of the former tips of a target, from the oldest on.
func (r *Rig) formerNumbers(ctx context.Context, target string) ([]int, error) {
	out, err := r.git(ctx, "read former tips", "for-each-ref", "--format=%(refname)", "--", formerPrefix(target))
	if err != nil {
		return nil, err
	}
	var numbers []int
	for name := range strings.Lines(out) {
		n, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(name), formerPrefix(target)))
		if err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// rewritten looks whether a branch is built on what was taken out of its target. It returns nil if it is not.
func (r *Rig) rewritten(ctx context.Context, target, tip, head string) (*Rewritten, error) {
	numbers, err := r.formerNumbers(ctx, target)
	if err != nil {
		return nil, err
	}
	for _, n := range slices.Backward(numbers) {
		bases, err := r.git(ctx, "compare with the former history of "+target, "merge-base", "--all",
			formerPrefix(target)+strconv.Itoa(n), head)
		if err != nil {
			if ignoreExit(err) != nil {
				return nil, err
			}
			continue // They have nothing in common.
		}
		for base := range strings.Lines(bases) {
			base = strings.TrimSpace(base)
			kept, err := r.isAncestor(ctx, base, tip)
			if err != nil {
				return nil, err
			}
			if !kept {
				return &Rewritten{Start: base, Tip: tip}, nil
			}
		}
	}
	return nil, nil
}

// RewrittenError is returned when a branch is built on what was taken out of its target: merging it would bring that back.
type RewrittenError struct {
	Branch, Target string
	Rewritten
}

// Error says what happened and how the branch can be merged all the same.
func (e *RewrittenError) Error() string {
	return fmt.Sprintf("the history of %s was rewritten: it no longer has %s, on which %s is built. Nothing is merged that would "+
		"bring it back: transplant the branch's own commits (git rebase --onto origin/%s %s), or bring the history back",
		e.Target, e.Start, e.Branch, e.Target, e.Start)
}

// notRewritten refuses a branch that is built on what was taken out of its target.
func (r *Rig) notRewritten(ctx context.Context, a attempt) error {
	found, err := r.rewritten(ctx, a.req.Target, a.tip, a.head)
	if err != nil || found == nil {
		return err
	}
	return &RewrittenError{Branch: a.req.Branch, Target: a.req.Target, Rewritten: *found}
}
