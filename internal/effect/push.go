package effect

import (
	"context"
	"errors"
	"fmt"

	"gastown/internal/git"
	"gastown/internal/town"
)

// pushMerge publishes a merge that was tested, and reads it back.
func (r *Runner) pushMerge(ctx context.Context, id town.TownID, e *town.Effect) (town.Payload, error) {
	found, err := r.rig(id, e.Rig, e.Push.Repo).PushMerge(ctx, pushOf(e))
	var moved *git.TargetMovedError
	var refused *git.PushRefusedError
	var other *git.NotTestedError
	var missing *git.ReferencesMissingError
	var without *git.MissingCommitsError
	switch {
	case found.Merged, found.Pushed:
		return seen(e, found, err)
	case errors.As(err, &moved):
		return &town.TargetMoved{Tip: moved.Tip}, nil
	case errors.As(err, &missing):
		return missingOf(missing.Missing), nil
	case errors.As(err, &refused):
		return &town.PushRefused{Class: town.PushClass(refused.Class), Reason: err.Error()}, err
	case errors.As(err, &without):
		return &town.PushRefused{Class: town.PushNotTested, Reason: town.MembersMissing(e.Push.Branch, e.Push.Members, without.Commits)}, err
	case errors.As(err, &other):
		return &town.PushRefused{Class: town.PushNotTested, Reason: err.Error()}, err
	case git.ClassOf(err) == git.ClassAuth:
		return &town.PushRefused{Class: town.PushRights, Reason: err.Error()}, err
	case git.ClassOf(err) == git.ClassDirtyCheckout:
		return &town.PushRefused{Class: town.PushOther, Reason: err.Error()}, err
	}
	return &town.MergeUnknown{Reason: err.Error(), Class: classOf(nil, err)}, err
}

// findMerge looks for a merge that was pushed.
func (r *Runner) findMerge(ctx context.Context, id town.TownID, e *town.Effect) (town.Payload, error) {
	found, err := r.rig(id, e.Rig, e.Push.Repo).FindMerged(ctx, pushOf(e))
	return seen(e, found, err)
}

// findLate looks for commits that came after a bead was verified.
func (r *Runner) findLate(ctx context.Context, id town.TownID, e *town.Effect) (town.Payload, error) {
	l := e.Late
	found, err := r.rig(id, e.Rig, l.Repo).LateCommits(ctx, git.LateRequest{Bead: l.Workspace, Branch: l.Branch, Head: l.Head, Commit: l.Commit})
	if err != nil {
		return &town.LateCommits{Error: err.Error()}, err
	}
	return &town.LateCommits{Count: found.Count, Head: found.Head, Ref: found.Ref}, nil
}

// seen says what a look at the target has found.
func seen(e *town.Effect, found git.Found, err error) (town.Payload, error) {
	switch {
	case found.Before:
		return &town.AlreadyOnTarget{Commit: found.Commit}, nil
	case found.Merged:
		return &town.MergeCompleted{Commit: found.Commit}, nil
	case err != nil:
		return &town.MergeUnknown{Pushed: found.Pushed, Reason: err.Error(), Class: classOf(nil, err)}, err
	}
	now := "is at " + found.Tip
	if found.Tip == "" {
		now = "does not exist"
	}
	reason := fmt.Sprintf("%s at the rig's address %s", e.Push.Target, now)
	if !e.Push.Last {
		return &town.MergeUnknown{Pushed: found.Pushed, Readable: true, Reason: reason}, nil
	}
	return &town.MergeUnverified{Commit: e.Push.Commit, Reason: reason +
		": look for what rewrites addresses (url.*.insteadOf, a proxy) or takes commits back (a hook, a mirror job)"}, nil
}

func pushOf(e *town.Effect) git.PushRequest {
	p := e.Push
	var must []string
	for _, member := range p.Members {
		must = append(must, member.Commit)
	}
	return git.PushRequest{
		Must:   must,
		Branch: p.Branch, Head: p.Head, Commit: p.Commit, Tip: p.Tip, Target: p.Target, Create: p.Create, Workspace: string(e.Bead),
		References: git.ReferencesRequest{
			Submodules: p.Repo.Submodules != town.SubmodulesOff, Push: p.Repo.Submodules == town.SubmodulesPush,
			LFS: p.Repo.LFS, Allowed: p.Repo.AllowAddresses,
		},
	}
}

// missingOf says what a fresh clone would lack, the first of each kind.
func missingOf(m git.MissingReferences) *town.ReferencesMissing {
	some := func(list []git.Reference) []town.Reference {
		var out []town.Reference
		for _, r := range list[:min(len(list), town.MaxReferences)] {
			out = append(out, town.Reference{Path: r.Path, Name: r.Name, At: r.At, Reason: r.Reason})
		}
		return out
	}
	return &town.ReferencesMissing{
		Gitlinks: some(m.Gitlinks), LFS: some(m.LFS), Submodules: some(m.Submodules), Addresses: some(m.Addresses),
	}
}
