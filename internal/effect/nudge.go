package effect

import (
	"context"
	"fmt"

	"gastown/internal/town"
)

// nudge puts a text into the inbox of the run. Delivered means that the agent's side can read it, there
// and by its verbs; no agent can be made to.
func (r *Runner) nudge(ctx context.Context, id town.TownID, e *town.Effect) (town.Payload, error) {
	key := keyOf(id, e)
	text := fmt.Sprintf("From %s:\n\n%s\n", e.Nudge.Source, e.Nudge.Message)
	if err := r.opts.Runtime.Tell(ctx, key, string(e.Nudge.Nudge), text); err != nil {
		return &town.NudgeFailed{Nudge: e.Nudge.Nudge, Reason: err.Error()}, err
	}
	return &town.NudgeArrived{Nudge: e.Nudge.Nudge}, nil
}
