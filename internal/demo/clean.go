package demo

import (
	"context"
	"errors"
	"fmt"
	"os"

	"gastown/internal/town"
	"gastown/internal/wire"
)

// Clean ends what the demo started: agents that still run, the server, and the folder.
func Clean(ctx context.Context, p *Process, dir string) error {
	var errs []error
	t := p.Client().Town(TownID)
	agents, err := t.Agents(ctx)
	if err == nil {
		errs = append(errs, endAgents(ctx, p, agents))
	}
	errs = append(errs, p.Stop(ctx))
	if err := os.RemoveAll(dir); err != nil {
		errs = append(errs, fmt.Errorf("cannot remove the demo's folder: %w", err))
	}
	return errors.Join(errs...)
}

// endAgents stops every agent and waits until the runtime has seen the last process go.
func endAgents(ctx context.Context, p *Process, agents []*town.Agent) error {
	t := p.Client().Town(TownID)
	if _, err := t.Pause(ctx, "the demo is over"); err != nil {
		return err
	}
	for _, a := range agents {
		if _, err := t.AgentVerb(ctx, a.ID, "stop", wire.Reason{Reason: "the demo is over"}); err != nil {
			return err
		}
	}
	return t.Until(ctx, func() (bool, error) {
		now, err := t.Agents(ctx)
		running := false
		for _, a := range now {
			running = running || a.Process()
		}
		return !running, err
	})
}
