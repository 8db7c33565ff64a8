package api

import (
	"context"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"gastown/internal/controller"
	"gastown/internal/replay"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// dryRun says what the next tick would do: now, at a moment that is past, or until one that is to come.
func (s *server) dryRun(ctx context.Context, in *struct {
	TownPath
	Body *wire.PlanQuery
}) (*body[wire.Plan], error) {
	q := given(in.Body)
	assume, err := assumed(q)
	if err != nil {
		return nil, err
	}
	if q.At != 0 && q.At <= s.Controller.Now() {
		return s.pastPlan(ctx, in.Town, q.At, assume)
	}
	p, err := s.plan(ctx, in.Town, q.At, assume)
	if err != nil {
		return nil, s.fromError(err)
	}
	return answer(wirePlan(p))
}

// plan is the plan of now, with what follows until a moment if there is one.
func (s *server) plan(
	ctx context.Context, id town.TownID, until town.Time, assume []town.Event,
) (*controller.Plan, error) {
	if until == 0 {
		return s.Controller.Plan(ctx, id, assume...)
	}
	return s.Controller.PlanUntil(ctx, id, until, assume...)
}

// pastPlan is the plan that a dry run would have given then.
func (s *server) pastPlan(ctx context.Context, id town.TownID, at town.Time, assume []town.Event) (*body[wire.Plan], error) {
	if err := s.read(id, func(*town.State) {}); err != nil {
		return nil, err
	}
	st, err := replay.At(ctx, s.Journal, id, at)
	if err != nil {
		return nil, s.replayProblem("body", atField(err))
	}
	pending, err := replay.PendingAt(ctx, s.Journal, id, st.Tick(), at)
	if err != nil {
		return nil, s.fromError(err)
	}
	return answer(wirePlan(controller.NewPlan(st, town.Input{Now: at, Events: append(pending, assume...)})))
}

// atField names the moment that was asked for where the end of a part is wrong.
func atField(err error) error {
	var wrong *replay.RangeError
	if errors.As(err, &wrong) {
		return &replay.RangeError{Field: "at", Reason: wrong.Reason}
	}
	return err
}

func wirePlan(p *controller.Plan) (wire.Plan, error) {
	t, err := wireTick(p.Tick)
	if err != nil {
		return wire.Plan{}, err
	}
	out := wire.Plan{
		Tick: t, After: p.After, AfterAt: p.At, Taken: replay.TakenEvents(p.Events, p.Tick),
		Effects: p.Tick.Effects, Waits: p.Waits, Metrics: p.Figures, Fingerprint: p.Fingerprint(),
	}
	if p.Ahead == nil {
		return out, nil
	}
	out.LaterUntil, out.LaterStopped = p.Ahead.Until, p.Ahead.Stopped
	for _, t := range p.Ahead.Ticks {
		w, err := wireTick(t)
		if err != nil {
			return wire.Plan{}, err
		}
		out.Later = append(out.Later, w)
	}
	return out, nil
}

// assumed makes events of what did not happen. The fields of a payload are checked as those of real ones are.
func assumed(q wire.PlanQuery) ([]town.Event, error) {
	var out []town.Event
	if q.Resumed {
		out = append(out, controller.Resumption())
	}
	for i, f := range q.Assume {
		p, err := town.DecodePayload(f.Type, f.Payload)
		if err != nil {
			where := fmt.Sprintf("body.assume[%d]", i)
			return nil, huma.Error422UnprocessableEntity(fmt.Sprintf("%s: %v", where, err), &huma.ErrorDetail{Location: where, Message: err.Error()})
		}
		out = append(out, town.Event{Type: f.Type, Agent: f.Agent, Run: f.Run, Bead: f.Bead, By: "plan", Payload: p})
	}
	return out, nil
}

// apply carries out a plan in a paused town, if it is still what would come next.
func (s *server) apply(ctx context.Context, in *struct {
	TownPath
	Body wire.Apply
}) (*body[wire.Applied], error) {
	tick, err := s.Controller.Apply(ctx, in.Town, in.Body.Plan)
	var moved *controller.MovedOn
	switch {
	case errors.As(err, &moved):
		return nil, huma.Error409Conflict(moved.Error())
	case errors.Is(err, controller.ErrFingerprint):
		return nil, huma.Error422UnprocessableEntity("plan: "+err.Error(), &huma.ErrorDetail{Location: "body.plan", Message: err.Error()})
	case err != nil:
		return nil, s.fromError(err)
	}
	return answer(wire.Applied{Tick: tick}, nil)
}
