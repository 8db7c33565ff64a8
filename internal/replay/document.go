package replay

import (
	"context"
	"fmt"
	"time"

	"gastown/internal/journal"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// MaxTicks bounds the ticks of one document: who wants more asks for parts, or only for those that differ.
const MaxTicks = 5000

// Document replays as the query says and tells what came of it. End is the moment up to which the history tells what
// happened; a part after it is refused.
func Document(
	ctx context.Context, j journal.Reader, id town.TownID, q wire.ReplayQuery, end town.Time,
) (wire.Replay, error) {
	if q.RuleSet != 0 && q.RuleSet != town.RuleSet {
		return wire.Replay{}, &RangeError{"ruleSet", fmt.Sprintf("is %d: this gastown has the rules %d and no older ones; use the version that has them, with a bundle", q.RuleSet, town.RuleSet)}
	}
	var out wire.Replay
	started := time.Now()
	r := Range{
		From: q.From, To: q.To, FromSeq: q.FromSeq, ToSeq: q.ToSeq, FromTick: q.FromTick, ToTick: q.ToTick, End: end,
	}
	each := func(x *Tick, st *town.State) error { return enter(&out, x, st, q) }
	res, err := Run(ctx, j, id, Query{Range: r, Config: q.Config, Without: q.Without}, each)
	if err != nil {
		return out, err
	}
	out.Seconds = time.Since(started).Seconds()
	out.EventsReplayed, out.TicksReplayed, out.Exact, out.At = res.Events, res.Ticks, res.Exact, res.At
	out.RuleSet = wire.RuleSets{Recorded: res.Recorded, Used: res.RuleSet}
	out.Actions = res.Final.Actions
	if q.State != "none" {
		out.StateSnapshot = snapshotOf(res.State)
	}
	return out, nil
}

// enter puts a tick in the document. Of a verification only the first that differs is wanted.
func enter(out *wire.Replay, x *Tick, st *town.State, q wire.ReplayQuery) error {
	if q.Verify && (x.Agree || len(out.Ticks) > 0) {
		return nil
	}
	if len(out.Ticks) == MaxTicks {
		return &RangeError{"to", fmt.Sprintf("the part has more than %d ticks: ask for a smaller one", MaxTicks)}
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
}

func replayedTick(x *Tick) (wire.ReplayTick, error) {
	diffs, err := x.Differences()
	if err != nil {
		return wire.ReplayTick{}, err
	}
	t := wire.ReplayTick{
		Tick: x.Recorded.No, At: x.Recorded.At,
		Recorded: x.Recorded.Actions, Recomputed: x.Recomputed.Actions, Agree: x.Agree,
	}
	t.Events = TakenEvents(x.Events, x.Recomputed)
	for _, d := range diffs {
		t.Differences = append(t.Differences, wire.Difference(d))
	}
	return t, nil
}

// TakenEvents tells what becomes of the events in a tick that takes them.
func TakenEvents(events []town.Event, t *town.Tick) []wire.TakenEvent {
	out := make([]wire.TakenEvent, 0, len(events))
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
