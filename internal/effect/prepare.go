package effect

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"gastown/internal/git"
	"gastown/internal/runtime"
	"gastown/internal/town"
)

// Preparer makes workspaces out of a store's mirrors, for a runtime on the same machine.
func Preparer(store *git.Store) runtime.Prepare {
	return func(ctx context.Context, spec runtime.Spec) (runtime.Prepared, error) {
		ready, err := prepare(ctx, store, spec)
		if class := git.ClassOf(err); class != "" {
			return ready, &runtime.StartError{Class: runtime.Class("git_" + string(class)), Reason: err.Error()}
		}
		return ready, err
	}
}

func prepare(ctx context.Context, store *git.Store, spec runtime.Spec) (runtime.Prepared, error) {
	w := spec.Workspace
	rig := rigOf(store, town.TownID(spec.Town), town.RigID(w.Repository.Rig), town.RepoSpec{
		URL: w.Repository.URL, DefaultBranch: w.Repository.DefaultBranch, Credential: w.Repository.Credential,
	})
	if w.Branch == "" { // It merges what is fetched here, and reaches no remote.
		err := rig.FetchTarget(ctx, w.Base, w.Repository.Submodules, w.Repository.LFS)
		if err != nil && git.ClassOf(err) != git.ClassNotFound { // the refinery says that there is no target
			return runtime.Prepared{}, fmt.Errorf("cannot fetch what is to be merged: %w", err)
		}
		return runtime.Prepared{}, nil
	}
	made, err := rig.PrepareWorkspace(ctx, git.WorkspaceSpec{
		Bead: w.Bead, Branch: w.Branch, Base: w.Base, Fresh: w.Fresh, Submodules: w.Repository.Submodules, LFS: w.Repository.LFS,
	})
	if err != nil {
		return runtime.Prepared{}, fmt.Errorf("cannot prepare the workspace of %s: %w", w.Bead, err)
	}
	return runtime.Prepared{Dir: made.Path, Env: identity(ctx, spec, made.Path), Found: left(w.Last, made.Left)}, nil
}

// left says for a prompt what former attempts have left in the workspace; empty if that is nothing.
func left(last runtime.Key, found git.Left) string {
	var parts []string
	switch {
	case found.Commits == 1:
		parts = append(parts, "1 commit")
	case found.Commits > 1:
		parts = append(parts, fmt.Sprintf("%d commits", found.Commits))
	}
	if found.Uncommitted {
		parts = append(parts, "uncommitted changes")
	}
	if len(parts) == 0 && len(found.Kept) == 0 && len(found.Missing) == 0 {
		return ""
	}
	var p strings.Builder
	p.WriteString("\n## What is there\n\n")
	if len(parts) > 0 {
		p.WriteString("Your working directory has " + strings.Join(parts, " and "))
		if last.Run != 0 {
			fmt.Fprintf(&p, " by %s, run %d", last.Agent, last.Run)
		}
		p.WriteString(". Go on from there.\n")
	}
	if len(found.Missing) > 0 {
		p.WriteString("Files that were too large to keep are gone: " + strings.Join(found.Missing, ", ") + ".\n")
	}
	for _, k := range found.Kept {
		fmt.Fprintf(&p, "Kept besides: %s, commit %s.\n", k.What, k.Commit)
	}
	return p.String()
}

// identity makes the agent the author of its commits where git knows nobody: it would refuse to
// commit at all.
func identity(ctx context.Context, spec runtime.Spec, dir string) []string {
	cmd := exec.CommandContext(ctx, "git", "var", "GIT_COMMITTER_IDENT")
	cmd.Dir, cmd.Env = dir, spec.Env
	if cmd.Run() == nil {
		return nil
	}
	name, email := spec.Agent, spec.Agent+"@gastown.localhost"
	return []string{"GIT_AUTHOR_NAME=" + name, "GIT_AUTHOR_EMAIL=" + email, "GIT_COMMITTER_NAME=" + name, "GIT_COMMITTER_EMAIL=" + email}
}
