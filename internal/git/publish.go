package git

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// PushRequest says which tested merge to publish. Everything in it is checked against what the server has fetched.
type PushRequest struct {
	Branch string // the branch that was merged
	Head   string // its commit that was verified: the second parent of Commit
	Commit string // the merge that was tested
	Tip    string // what the target stood at when it was tested: the first parent of Commit
	Target string // branch on origin
	Create bool   // the target is made, from Tip, where origin does not have it
	// Must are commits without which the branch is not published: the merges of a convoy's members.
	Must []string
	// References is what a fresh clone must get; Base, Commit and Branch are those of the merge.
	References ReferencesRequest
	// Workspace is the bead in whose files the merge was made, where an agent made it; else the mirror has it.
	Workspace string
}

func (req PushRequest) check() error {
	return errors.Join(ValidBranch(req.Branch), ValidBranch(req.Target), validCommit(req.Head), validCommit(req.Commit), validCommit(req.Tip))
}

// Found is what a look at a target found.
type Found struct {
	Merged bool   // the target has the branch
	Commit string // when merged: the commit that brought it in
	Before bool   // when merged: not by the commit that was asked about, so without the gates of the town
	Pushed bool   // the remote has accepted the push, by its word
	Tip    string // commit of the target; empty when origin does not have it
}

// NotTestedError is returned for a commit that is not the merge of what it should be of.
type NotTestedError struct {
	Commit string
	Reason string
}

// Error says what does not fit.
func (e *NotTestedError) Error() string {
	return fmt.Sprintf("cannot push %s: %s", e.Commit, e.Reason)
}

// TargetMovedError is returned when the target is not where it was when the merge was tested: test it again.
type TargetMovedError struct {
	Target string // branch on origin
	From   string // where it stood then
	Tip    string // where it stands now; empty when origin does not have it
}

// Error names both commits.
func (e *TargetMovedError) Error() string {
	now := e.Tip
	if now == "" {
		now = "nothing: it is gone"
	}
	return fmt.Sprintf("%s moved from %s to %s since the merge was tested", e.Target, e.From, now)
}

// PushMerge publishes a merge that [Rig.TestMerge] has made, at the rig's address, unless the target has moved since,
// and reads it back. A merge that the target has already is found and not pushed again, so that it may be called again
// after a crash.
//
// Only Found.Merged says that the target has it. Where Pushed is set and Merged is not, the remote accepted it and the
// target does not show it (yet), or could not be read: then the error says why. The other errors are
// [*TargetMovedError], [*NotTestedError], [*ReferencesMissingError], [*PushRefusedError] and [*Error].
func (r *Rig) PushMerge(ctx context.Context, req PushRequest) (Found, error) {
	if err := req.check(); err != nil {
		return Found{}, fmt.Errorf("cannot push a merge: %w", err)
	}
	if err := r.mustHave(ctx, req.Branch, req.Head, req.Must); err != nil {
		return Found{}, err
	}
	found, err := r.FindMerged(ctx, req)
	if err != nil || found.Merged {
		return found, err
	}
	if err := r.takeTested(ctx, req); err != nil {
		return Found{}, err
	}
	if err := r.checkTested(ctx, req); err != nil {
		return Found{}, err
	}
	if found.Tip != req.Tip && (found.Tip != "" || !req.Create) {
		return Found{}, &TargetMovedError{Target: req.Target, From: req.Tip, Tip: found.Tip}
	}
	references := req.References
	references.Base, references.Commit, references.Branch = req.Tip, req.Commit, req.Branch
	missing, err := r.CheckReferences(ctx, references)
	if err != nil {
		return Found{}, err
	}
	if !missing.None() {
		return Found{}, &ReferencesMissingError{missing}
	}
	if err := r.push(ctx, req, found.Tip); err != nil {
		return Found{}, r.reallyMoved(ctx, req, found.Tip, err)
	}
	found, err = r.FindMerged(ctx, req)
	found.Pushed = true
	return found, err
}

// reallyMoved keeps an error that says that the target moved only if it did: else the remote refuses for another reason.
func (r *Rig) reallyMoved(ctx context.Context, req PushRequest, lease string, err error) error {
	var moved *targetMovedError
	if !errors.As(err, &moved) {
		return err
	}
	found, again := r.FindMerged(ctx, req)
	switch {
	case again != nil:
		return again
	case found.Tip == lease:
		if moved.refusal.Class == PushOther {
			moved.refusal.Class = PushMoved
		}
		return moved.refusal
	}
	return &TargetMovedError{Target: req.Target, From: req.Tip, Tip: found.Tip}
}

// FindMerged fetches the target from the rig's address and looks whether it has a merge, or the branch by another way.
// A target that moved on with the merge in it has it. An error says that it could not be read.
func (r *Rig) FindMerged(ctx context.Context, req PushRequest) (Found, error) {
	if err := req.check(); err != nil {
		return Found{}, fmt.Errorf("cannot look for a merge: %w", err)
	}
	var found Found
	err := r.refreshed(ctx, func() error {
		refs, err := r.refs(ctx, originRef(req.Target))
		if err != nil {
			return err
		}
		found.Tip = refs[originRef(req.Target)]
		if found.Tip == "" {
			return nil
		}
		for _, commit := range []string{req.Commit, req.Head} {
			inside, err := r.holds(ctx, found.Tip, commit)
			switch {
			case err != nil:
				return err
			case inside && commit == req.Commit:
				found.Merged, found.Commit = true, commit
				return nil
			case inside:
				found.Commit, err = r.landedAs(ctx, req.Branch, req.Head, found.Tip)
				found.Merged = found.Commit != ""
				found.Before = found.Merged
				return err
			}
		}
		return nil
	})
	return found, err
}

// holds tells whether a commit is part of the history of tip. One that the mirror does not have is not.
func (r *Rig) holds(ctx context.Context, tip, commit string) (bool, error) {
	if _, err := r.git(ctx, "look for a commit", "cat-file", "-e", commit+"^{commit}"); err != nil {
		return false, ignoreExit(err)
	}
	return r.isAncestor(ctx, commit, tip)
}

// takeTested brings a merge that an agent has made from its workspace into the mirror, if it is not there. What cannot be
// taken over is not there for the check that follows.
func (r *Rig) takeTested(ctx context.Context, req PushRequest) error {
	return r.locked(ctx, func() error {
		_, err := r.git(ctx, "look for a commit", "cat-file", "-e", req.Commit+"^{commit}")
		gitDir := filepath.Join(r.workspace(req.Workspace), ".git")
		if err == nil || ignoreExit(err) != nil || req.Workspace == "" || plainObjects(filepath.Join(gitDir, "objects")) != "" {
			return ignoreExit(err)
		}
		if err := r.ensureLook(ctx, req.Workspace, gitDir); err != nil {
			return err
		}
		if err := r.take(ctx, req.Workspace, req.Commit); err != nil && !damaged(err) {
			return err
		}
		return nil
	})
}

// checkTested refuses a commit that is not exactly a merge of the verified commit into the tip of the target.
func (r *Rig) checkTested(ctx context.Context, req PushRequest) error {
	out, err := r.git(ctx, "read the merge", "rev-list", "--parents", "--max-count=1", req.Commit, "--")
	if err != nil {
		if ignoreExit(err) != nil {
			return err
		}
		return &NotTestedError{Commit: req.Commit, Reason: "there is no such commit"}
	}
	if want := strings.Join([]string{req.Commit, req.Tip, req.Head}, " "); strings.TrimSpace(out) != want {
		return &NotTestedError{Commit: req.Commit, Reason: fmt.Sprintf("it is not a merge of %s into %s", req.Head, req.Tip)}
	}
	return nil
}
