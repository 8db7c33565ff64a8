package process

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"gastown/internal/runtime"
)

// workspaceKey names a workspace, whichever history its town has.
type workspaceKey struct{ town, rig, bead string }

// workspaceOf is the workspace that a Spec shares with other runs, if it has one.
func workspaceOf(spec runtime.Spec) (key workspaceKey, shared bool) {
	w := spec.Workspace
	return workspaceKey{spec.Town, w.Repository.Rig, w.Bead}, w.Repository.URL != "" && w.Branch != ""
}

// enter makes sure that no other run has the workspace of a Spec, and returns what lets the next one in.
func (r *Runtime) enter(ctx context.Context, spec runtime.Spec) (leave func(), err error) {
	wanted, shared := workspaceOf(spec)
	if !shared {
		return func() {}, nil
	}
	leave, err = r.turn(ctx, wanted)
	if err != nil {
		return nil, notReady(ctx, err)
	}
	others, err := r.runsOn(wanted)
	for _, w := range others {
		if err == nil && w.key != spec.Key {
			if err = w.end(ctx); err != nil {
				err = fmt.Errorf("cannot end %s, run %d, which has the workspace: %w", w.key.Agent, w.key.Run, err)
			}
		}
	}
	if err != nil {
		leave()
		return nil, notReady(ctx, err)
	}
	return leave, nil
}

// runsOn returns the runs that work on a workspace.
func (r *Runtime) runsOn(wanted workspaceKey) ([]*run, error) {
	r.mu.Lock()
	var alive []*run
	for _, w := range r.runs {
		if w.key.Town == wanted.town && !isDone(w.done) {
			alive = append(alive, w)
		}
	}
	r.mu.Unlock()
	var on []*run
	for _, w := range alive {
		var rec specRecord
		found, err := readRecord(w.dir, fileSpec, &rec)
		if err != nil {
			return nil, fmt.Errorf("cannot tell what %s works on: %w", w.key, err)
		}
		if found && (workspaceKey{rec.Town, rec.Rig, rec.Bead}) == wanted {
			on = append(on, w)
		}
	}
	return on, nil
}

// prepared makes the workspace of a Spec ready, and returns its folder.
func (r *Runtime) prepared(ctx context.Context, spec runtime.Spec) (ready runtime.Spec, dir string, err error) {
	var made runtime.Prepared
	if spec.Workspace.Repository.URL != "" {
		if made, err = r.prepare(ctx, spec); err != nil {
			return spec, "", notReady(ctx, err)
		}
	}
	if made.Dir == "" {
		return spec.With(made), filepath.Join(runDir(r.root, spec.Key), dirWork), nil
	}
	return spec.With(made), made.Dir, checkDir(made.Dir)
}

// notReady is the rejection of a start whose workspace is not ready.
func notReady(ctx context.Context, err error) error {
	var refused *runtime.StartError
	switch {
	case errors.As(err, &refused):
		return refused
	case ctx.Err() != nil:
		return &runtime.StartError{Class: runtime.ClassTimeout, Reason: "its workspace was not ready in time: " + err.Error()}
	}
	return &runtime.StartError{Class: runtime.ClassWorkspace, Reason: err.Error()}
}
