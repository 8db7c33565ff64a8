package effect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"gastown/internal/runtime"
	"gastown/internal/town"
)

// dispatch starts the agent, in a workspace that the runtime prepares.
func (r *Runner) dispatch(ctx context.Context, id town.TownID, e *town.Effect) (town.Payload, error) {
	spec, err := r.spec(id, e)
	if err != nil {
		// A start is repeated after a crash. What runs by the configuration of then is not rejected by today's:
		// nobody would look after its process any more.
		if out, err := r.startedBefore(ctx, id, e); out != nil {
			return out, err
		}
		return &town.DispatchRejected{Class: "configuration", Infra: true, Reason: err.Error()}, err
	}
	err = r.opts.Runtime.Start(ctx, *spec)
	var refused *runtime.StartError
	switch {
	case err == nil:
		return &town.DispatchAccepted{}, nil
	case errors.As(err, &refused):
		return &town.DispatchRejected{Class: string(refused.Class), Infra: refused.Class.Infra(), Reason: refused.Reason}, err
	}
	// The runtime did not answer: it may have started.
	return &town.DispatchUnknown{Reason: err.Error()}, err
}

// listPatience bounds the look for a run that may have been started before.
const listPatience = 5 * time.Second

// startedBefore says what there is to answer if the run exists. It returns nothing if it surely does not.
func (r *Runner) startedBefore(ctx context.Context, id town.TownID, e *town.Effect) (town.Payload, error) {
	ctx, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	reports, err := r.opts.Runtime.List(ctx)
	if err != nil {
		return &town.DispatchUnknown{Reason: "whether it was started before is not known: " + err.Error()}, err
	}
	key := keyOf(id, e)
	if slices.ContainsFunc(reports, func(p runtime.Report) bool { return p.Key == key }) {
		return &town.DispatchAccepted{}, nil
	}
	return nil, nil
}

// keyOf names the run that an effect is about.
func keyOf(id town.TownID, e *town.Effect) runtime.Key {
	return runtime.Key{History: string(e.History), Town: string(id), Agent: string(e.Agent), Run: int64(e.Run)}
}

// spec says what to run, and on what. An error is a mistake in the town's configuration that only shows when an agent
// starts.
func (r *Runner) spec(id town.TownID, e *town.Effect) (*runtime.Spec, error) {
	d := e.Dispatch
	env, err := r.environment(id, e)
	if err != nil {
		return nil, err
	}
	spec := &runtime.Spec{Key: keyOf(id, e), Env: env}
	if d.Merge != nil && len(d.Command.Command) == 0 && d.Command.Preset == "" {
		return r.refinery(spec, e)
	}
	if d.Branch == "" { // It changes no code.
		return spec, give(spec, d.Command, d.Prompt)
	}
	spec.Workspace = runtime.Workspace{
		Repository: repositoryOf(e), Bead: d.Workspace, Branch: d.Branch, Base: d.Base, Fresh: d.Fresh,
	}
	if d.BeforeRun != 0 {
		spec.Workspace.Last = spec.Key
		spec.Workspace.Last.Agent, spec.Workspace.Last.Run = string(d.BeforeAgent), int64(d.BeforeRun)
	}
	return spec, give(spec, d.Command, d.Prompt+runtime.FoundMark)
}

// repositoryOf is where the files of a dispatch come from.
func repositoryOf(e *town.Effect) runtime.Repository {
	repo := e.Dispatch.Repo
	return runtime.Repository{
		Rig: string(e.Rig), URL: repo.URL, DefaultBranch: repo.DefaultBranch, Credential: repo.Credential,
		Submodules: repo.Submodules != town.SubmodulesOff, LFS: repo.LFS,
	}
}

// give puts a command with its prompt into a spec.
func give(spec *runtime.Spec, cmd town.AgentCommand, prompt string) error {
	args, stdin, err := commandLine(cmd, prompt)
	spec.Command, spec.Stdin = args, []byte(stdin)
	return err
}

// refinery runs the built-in one: this program, which reads what to merge from standard input.
func (r *Runner) refinery(spec *runtime.Spec, e *town.Effect) (*runtime.Spec, error) {
	spec.Env = withoutCredentials(spec.Env)
	data, err := json.Marshal(e.Dispatch.Merge)
	if err != nil {
		return nil, fmt.Errorf("cannot write the merge request: %w", err)
	}
	spec.Command, spec.Stdin = []string{r.opts.Self, "refinery"}, data
	spec.Workspace = runtime.Workspace{Repository: repositoryOf(e), Base: e.Dispatch.Merge.Target}
	return spec, nil
}
