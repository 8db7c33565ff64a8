package effect

import (
	"context"

	"gastown/internal/town"
)

// LookAt looks at a repository before it becomes a rig's: now is the rig that is to have it, nil for a new one. An empty
// branch stands for the repository's default. It returns the branch and what whoever asks should know of the
// repository; an error is the reason why it cannot be had, with what helps.
func (r *Runner) LookAt(ctx context.Context, id town.TownID, now *town.Rig, next town.RepoSpec) (branch string, notes []string, err error) {
	credential := credentialOf(next)
	found, err := r.opts.Git.Look(ctx, next.URL, next.DefaultBranch, credential)
	if err != nil {
		return "", nil, err
	}
	if now != nil {
		rig := r.rig(id, now.ID, town.RepoSpec{URL: now.URL, DefaultBranch: now.DefaultBranch})
		if err := r.opts.Git.CheckSame(ctx, rig, next.URL, found, credential); err != nil {
			return "", nil, err
		}
	}
	return found.Branch, found.Notes, nil
}
