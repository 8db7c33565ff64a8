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
	p, err := s.Controller.Plan(ctx, in.Town, assume...)
	if err != nil {
		return nil, s.fromError(err)
	}
	out, err := wirePlan(p)
	if err != nil {
		return nil, s.fromError(err)
	}
	if q.At != 0 {
		out.Later, err = s.later(in.Town, p, q.At)
	}
	return answer(out, err)
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

// later looks ahead on a town of its own.
func (s *server) later(id town.TownID, p *controller.Plan, until town.Time) ([]wire.Tick, error) {
	var copied []byte
	if err := s.read(id, func(st *town.State) { copied = st.Snapshot() }); err != nil {
		return nil, err
	}
	st, err := town.Restore(copied)
	if err != nil {
		return nil, s.fromError(err)
	}
	if st.Tick() != p.After {
		return nil, huma.Error409Conflict("the town has moved on meanwhile: try again, or pause it first")
	}
	ticks, err := replay.Ahead(st, town.Input{Now: p.Tick.At, Events: p.Events}, until)
	if err != nil {
		return nil, s.replayProblem("body", err)
	}
	var out []wire.Tick
	for _, t := range ticks {
		if t.No == p.Tick.No {
			continue // that is the plan itself
		}
		w, err := wireTick(t)
		if err != nil {
			return nil, s.fromError(err)
		}
		out = append(out, w)
	}
	return out, nil
}

func wirePlan(p *controller.Plan) (wire.Plan, error) {
	t, err := wireTick(p.Tick)
	if err != nil {
		return wire.Plan{}, err
	}
	return wire.Plan{
		Tick: t, After: p.After, AfterAt: p.At, Taken: replay.TakenEvents(p.Events, p.Tick),
		Effects: append([]town.Effect{}, p.Tick.Effects...), Waits: append([]town.OpenWait{}, p.Waits...),
		Metrics: p.Figures, Fingerprint: p.Fingerprint(),
	}, nil
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
