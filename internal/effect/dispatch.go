package effect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gastown/internal/git"
	"gastown/internal/runtime"
	"gastown/internal/town"
)

// dispatch prepares the workspace and starts the agent.
func (r *Runner) dispatch(ctx context.Context, id town.TownID, e *town.Effect) (town.Payload, error) {
	// A start is repeated after a crash: what a run that exists works on must not be touched.
	if out, err := r.startedBefore(ctx, id, e); out != nil {
		return out, err
	}
	spec, err := r.spec(ctx, id, e)
	if err == nil {
		err = r.opts.Runtime.Start(ctx, *spec)
	}
	var refused *runtime.StartError
	var wrong *configError
	switch {
	case err == nil:
		return &town.DispatchAccepted{}, nil
	case errors.As(err, &refused):
		return &town.DispatchRejected{Class: string(refused.Class), Infra: refused.Class.Infra(), Reason: refused.Reason}, err
	case errors.As(err, &wrong):
		return &town.DispatchRejected{Class: "configuration", Infra: true, Reason: err.Error()}, err
	case git.ClassOf(err) != "":
		return &town.DispatchRejected{Class: "git_" + string(git.ClassOf(err)), Infra: true, Reason: err.Error()}, err
	case spec == nil && ctx.Err() == nil:
		return &town.DispatchRejected{Class: "workspace", Infra: true, Reason: err.Error()}, err
	case spec == nil:
		return &town.DispatchRejected{Class: "timeout", Infra: true, Reason: "its workspace was not ready in time: " + err.Error()}, err
	}
	// The runtime did not answer: it may have started.
	return &town.DispatchUnknown{Reason: err.Error()}, err
}

// listPatience bounds the look for a run that may have been started before.
const listPatience = 5 * time.Second

// startedBefore says what there is to answer if the run exists: a start is repeated after a crash. It returns nothing if
// it surely does not.
func (r *Runner) startedBefore(ctx context.Context, id town.TownID, e *town.Effect) (town.Payload, error) {
	ctx, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	reports, err := r.opts.Runtime.List(ctx)
	if err != nil {
		return &town.DispatchUnknown{Reason: "whether it was started before is not known: " + err.Error()}, err
	}
	key := runtime.Key{History: string(e.History), Town: string(id), Agent: string(e.Agent), Run: int64(e.Run)}
	if slices.ContainsFunc(reports, func(p runtime.Report) bool { return p.Key == key }) {
		return &town.DispatchAccepted{}, nil
	}
	return nil, nil
}

// configError is a mistake in the town's configuration that only shows when an agent starts.
type configError struct{ err error }

func (e *configError) Error() string { return e.err.Error() }
func (e *configError) Unwrap() error { return e.err }

// spec says what to run, and prepares where.
func (r *Runner) spec(ctx context.Context, id town.TownID, e *town.Effect) (*runtime.Spec, error) {
	d := e.Dispatch
	env, err := r.environment(id, e)
	if err != nil {
		return nil, &configError{err}
	}
	spec := &runtime.Spec{
		Key: runtime.Key{History: string(e.History), Town: string(id), Agent: string(e.Agent), Run: int64(e.Run)},
		Env: env,
	}
	if d.Merge != nil && len(d.Command.Command) == 0 && d.Command.Preset == "" {
		return r.refinery(ctx, id, spec, e)
	}
	if err := give(spec, d.Command, d.Prompt); err != nil {
		return nil, &configError{err}
	}
	if d.Branch == "" {
		return r.deskOf(spec, id, e.Agent)
	}
	if d.BeforeRun != 0 {
		// A workspace is used by one run at a time, and this one may still be saying goodbye.
		last := runtime.Key{History: spec.History, Town: spec.Town, Agent: string(d.BeforeAgent), Run: int64(d.BeforeRun)}
		if err := r.opts.Runtime.Stop(ctx, last); err != nil {
			return nil, fmt.Errorf("cannot end %s, run %d, which has the workspace: %w", d.BeforeAgent, d.BeforeRun, err)
		}
	}
	made, err := r.rig(id, e.Rig, d.Repo).PrepareWorkspace(ctx, git.WorkspaceSpec{
		Bead: d.Workspace, Branch: d.Branch, Base: d.Base, Fresh: d.Fresh,
		Submodules: d.Repo.Submodules != town.SubmodulesOff, LFS: d.Repo.LFS,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot prepare the workspace of %s: %w", d.Workspace, err)
	}
	spec.Dir = made.Path
	if err := give(spec, d.Command, d.Prompt+left(d, made.Left)); err != nil {
		return nil, &configError{err}
	}
	spec.Env = append(spec.Env, identity(ctx, e.Agent, spec)...)
	return spec, nil
}

// deskOf gives an agent that changes no code a folder of its own to run in.
func (r *Runner) deskOf(spec *runtime.Spec, id town.TownID, agent town.AgentID) (*runtime.Spec, error) {
	spec.Dir = filepath.Join(filepath.Clean(r.opts.Home), "desks", string(id), string(agent))
	if err := os.MkdirAll(spec.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder of %s: %w", agent, err)
	}
	return spec, nil
}

// give puts a command with its prompt into a spec.
func give(spec *runtime.Spec, cmd town.AgentCommand, prompt string) error {
	args, stdin, err := commandLine(cmd, prompt)
	spec.Command, spec.Stdin = args, []byte(stdin)
	return err
}

// left is the part of a prompt that says what former attempts have left in the workspace; empty if that is nothing.
func left(d *town.DispatchSpec, found git.Left) string {
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
	if len(parts) == 0 && len(found.Kept) == 0 {
		return ""
	}
	var p strings.Builder
	p.WriteString("\n## What is there\n\n")
	if len(parts) > 0 {
		p.WriteString("Your working directory has " + strings.Join(parts, " and "))
		if d.BeforeRun != 0 {
			fmt.Fprintf(&p, " by %s, run %d", d.BeforeAgent, d.BeforeRun)
		}
		p.WriteString(". Go on from there.\n")
	}
	for _, k := range found.Kept {
		fmt.Fprintf(&p, "Kept besides: %s, commit %s.\n", k.What, k.Commit)
	}
	return p.String()
}

// identity makes the agent the author of its commits where git knows nobody: it would refuse to
// commit at all.
func identity(ctx context.Context, agent town.AgentID, spec *runtime.Spec) []string {
	cmd := exec.CommandContext(ctx, "git", "var", "GIT_COMMITTER_IDENT")
	cmd.Dir, cmd.Env = spec.Dir, spec.Env
	if cmd.Run() == nil {
		return nil
	}
	name, email := string(agent), string(agent)+"@gastown.localhost"
	return []string{"GIT_AUTHOR_NAME=" + name, "GIT_AUTHOR_EMAIL=" + email, "GIT_COMMITTER_NAME=" + name, "GIT_COMMITTER_EMAIL=" + email}
}

// refinery runs the built-in one: this program, which reads what to merge from standard input. It works on what is
// fetched here, and reaches no remote.
func (r *Runner) refinery(ctx context.Context, id town.TownID, spec *runtime.Spec, e *town.Effect) (*runtime.Spec, error) {
	repo := e.Dispatch.Repo
	err := r.rig(id, e.Rig, repo).FetchTarget(ctx, e.Dispatch.Merge.Target, repo.Submodules != town.SubmodulesOff, repo.LFS)
	if err != nil && git.ClassOf(err) != git.ClassNotFound { // the refinery says that there is no target
		return nil, fmt.Errorf("cannot fetch what is to be merged: %w", err)
	}
	spec.Env = withoutCredentials(spec.Env)
	data, err := json.Marshal(e.Dispatch.Merge)
	if err != nil {
		return nil, fmt.Errorf("cannot write the merge request: %w", err)
	}
	spec.Command, spec.Stdin, spec.Dir = []string{r.opts.Self, "refinery"}, data, filepath.Clean(r.opts.Home)
	return spec, nil
}
