package git

import (
	"context"
	"errors"
	"fmt"
)

// LateRequest says which commits to look for.
type LateRequest struct {
	Bead   string // whose workspace has the branch
	Branch string
	Head   string // its commit that was verified
	Commit string // what that was merged as
}

// Late is what came on a branch after it was verified.
type Late struct {
	Count int    // commits that neither Head nor Commit has
	Head  string // the last of them; empty for none
	Ref   string // keeps them in the mirror
}

// LateCommits looks into the workspace of a bead for commits that were made on its branch after that was verified, and
// keeps them. A workspace that is gone, or cannot be read, has none. It uses no network.
func (r *Rig) LateCommits(ctx context.Context, req LateRequest) (Late, error) {
	if err := errors.Join(ValidBranch(req.Branch), validCommit(req.Head), validCommit(req.Commit)); err != nil {
		return Late{}, fmt.Errorf("cannot look for late commits: %w", err)
	}
	var found Late
	err := r.locked(ctx, func() error {
		seen, err := r.look(ctx, req.Bead, req.Branch)
		tip := seen.refs.branches[req.Branch]
		if err != nil || tip == "" || tip == req.Head {
			return err
		}
		out, err := r.git(ctx, "compare branches", "rev-list", "--count", tip, "--not", req.Head, req.Commit, "--")
		if err != nil {
			return err
		}
		if _, err := fmt.Sscan(out, &found.Count); err != nil || found.Count == 0 {
			return err
		}
		found.Head = tip
		found.Ref, err = r.keepAs(ctx, req.Bead, tip)
		return err
	})
	return found, err
}

// Look brings a bead's branch from its workspace into the mirror as it is now, so that whoever merges it sees whether it
// has moved since it was verified.
func (r *Rig) Look(ctx context.Context, bead, branch string) error {
	if err := ValidBranch(branch); err != nil {
		return fmt.Errorf("cannot look at a branch: %w", err)
	}
	return r.locked(ctx, func() error {
		_, err := r.look(ctx, bead, branch)
		return err
	})
}
