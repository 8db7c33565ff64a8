package api

import (
	"context"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"gastown/internal/replay"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// maxReplayed bounds the ticks of one answer: who wants more asks for parts.
const maxReplayed = 5000

func (s *server) replayEvents(ctx context.Context, in *struct {
	TownPath
	Body *wire.ReplayQuery
}) (*body[wire.Replay], error) {
	if err := s.read(in.Town, func(*town.State) {}); err != nil {
		return nil, err
	}
	q := given(in.Body)
	out := wire.Replay{Ticks: []wire.ReplayTick{}, Violations: []town.Violation{}}
	res, err := replay.Run(ctx, s.Journal, in.Town, replay.Query{
		Range:  replay.Range{From: q.From, To: q.To, FromSeq: q.FromSeq, ToSeq: q.ToSeq, FromTick: q.FromTick, ToTick: q.ToTick},
		Config: q.Config, Without: q.Without,
	}, func(x *replay.Tick, st *town.State) error {
		if len(out.Ticks) == maxReplayed {
			return &replay.RangeError{Field: "to", Reason: fmt.Sprintf("the part has more than %d ticks: ask for a smaller one", maxReplayed)}
		}
		t, err := replayedTick(x)
		if err != nil {
			return err
		}
		if q.State == "every" {
			t.State = snapshotOf(st)
		}
		out.Ticks = append(out.Ticks, t)
		out.Violations = append(out.Violations, x.Recomputed.Violations...)
		return nil
	})
	if err != nil {
		return nil, s.replayProblem("body", err)
	}
	out.EventsReplayed, out.Exact, out.At = res.Events, res.Exact, res.At
	out.RuleSet = wire.RuleSets{Recorded: res.Recorded, Used: res.RuleSet}
	out.Actions = given(&res.Final.Actions)
	if q.State != "none" {
		out.StateSnapshot = snapshotOf(res.State)
	}
	return answer(out, nil)
}

// replayProblem names the field of a part that makes no sense; where says whether the body or the query had it.
func (s *server) replayProblem(where string, err error) error {
	var wrong *replay.RangeError
	if errors.As(err, &wrong) {
		return huma.Error422UnprocessableEntity(wrong.Error(), &huma.ErrorDetail{Location: where + "." + wrong.Field, Message: wrong.Reason})
	}
	return s.fromError(err)
}

func replayedTick(x *replay.Tick) (wire.ReplayTick, error) {
	diffs, err := x.Differences()
	if err != nil {
		return wire.ReplayTick{}, err
	}
	t := wire.ReplayTick{
		Tick: x.Recorded.No, At: x.Recorded.At,
		Recorded: x.Recorded.Actions, Recomputed: x.Recomputed.Actions, Agree: x.Agree,
	}
	t.Events = takenEvents(x.Events, x.Recomputed)
	for _, d := range diffs {
		t.Differences = append(t.Differences, wire.Difference(d))
	}
	return t, nil
}

func takenEvents(events []town.Event, t *town.Tick) []wire.TakenEvent {
	out := []wire.TakenEvent{}
	for i := range events {
		e := &events[i]
		out = append(out, wire.TakenEvent{
			Seq: e.Seq, ID: e.ID, Type: e.Type, Agent: e.Agent, Run: e.Run, Bead: e.Bead, By: e.By, Created: e.Created,
			Payload: e.Payload, Outcome: t.Events[i],
		})
	}
	return out
}

// snapshotOf lists the agents and the beads that are not over.
func snapshotOf(st *town.State) *wire.StateSnapshot {
	out := &wire.StateSnapshot{Agents: st.Agents(), NonTerminalBeads: []*town.Bead{}}
	for _, b := range st.Beads() {
		if b.Live() {
			out.NonTerminalBeads = append(out.NonTerminalBeads, b)
		}
	}
	return out
}
