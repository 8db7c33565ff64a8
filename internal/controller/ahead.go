package controller

import (
	"context"
	"fmt"
	"slices"

	"gastown/internal/town"
	"gastown/internal/wire"
)

// Ahead is what comes after a plan if nothing else comes in.
type Ahead struct {
	// Ticks are those that would be recorded after the plan, in order.
	Ticks []*town.Tick
	// Until is the moment up to which these are all.
	Until town.Time
	// Stopped says which limit ended the look before the moment asked for; nil if none did.
	Stopped *wire.Stopped
}

// work is what a look ahead has done. It is counted, not timed, so that the same question has the same answer on
// every machine.
type work struct {
	looks    int // Steps, also those that decide nothing
	entities int // that they looked at
	ticks    int // those of the Steps that decided something
	actions  int // in these
	bytes    int // of the entities as they stood after these
}

// aheadLimits is the most that a look ahead does: what an answer can have, and what takes a few seconds.
var aheadLimits = work{looks: 50_000, entities: 1_000_000, ticks: 1000, actions: 20_000, bytes: 8 << 20}

// maxAheadPending is how many of the events that are pending a look ahead takes in.
const maxAheadPending = 20 * town.MaxEvents

// add counts a Step that has just been made.
func (w *work) add(t *town.Tick) {
	w.looks++
	w.entities += t.Looked()
	if t.Empty() {
		return
	}
	w.ticks++
	w.actions += len(t.Actions)
	for i := range t.Changes {
		w.bytes += len(t.Changes[i].Data)
	}
}

// over names the first limit that the work has reached, with how much that is; it is empty if there is none.
func (w *work) over(limits *work) (name, much string) {
	for _, x := range []struct {
		name, what string
		done, most int
	}{
		{"ticks", "ticks that decide something", w.ticks, limits.ticks},
		{"actions", "actions", w.actions, limits.actions},
		{"bytes", "bytes of changed entities", w.bytes, limits.bytes},
		{"entities", "entities that were looked at", w.entities, limits.entities},
		{"looks", "looks at the town", w.looks, limits.looks},
	} {
		if x.done >= x.most {
			return x.name, fmt.Sprintf("%d %s", x.done, x.what)
		}
	}
	return "", ""
}

// ahead lets a town, which is its own, go on until a moment as the loop would if nothing but the events came in: a
// look at once, then one whenever something comes due. The first look is the plan, and not among the ticks. It fails
// only if ctx ends; who asks for more than the limits is told how far it got.
func ahead(ctx context.Context, s *town.State, base *basis, until town.Time, limits *work) (*Ahead, error) {
	out := new(Ahead)
	var done work
	batches := slices.Collect(slices.Chunk(base.events, town.MaxEvents))
	for in := (town.Input{Now: base.now}); ; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		in.Events = nil
		if len(batches) > 0 {
			in.Events, batches = batches[0], batches[1:]
		}
		t := s.Step(in)
		done.add(t)
		if done.looks > 1 && !t.Empty() {
			out.Ticks = append(out.Ticks, t)
		}
		if len(batches) > 0 {
			continue // at once, as the loop does
		}
		out.Until = in.Now
		due := s.NextDue()
		next := max(due, in.Now+1)
		limit, much := done.over(limits)
		switch {
		case base.more:
			much = fmt.Sprintf("%d pending events, with more behind them", len(base.events))
			out.Stopped = stopped("events", much, in.Now, until)
		case due == 0 || next > until:
			out.Until = until
		case limit != "":
			out.Stopped = stopped(limit, much, in.Now, until)
		default:
			in.Now = next
			continue
		}
		return out, nil
	}
}

// stopped says how far a look ahead got.
func stopped(limit, much string, at, until town.Time) *wire.Stopped {
	return &wire.Stopped{Limit: limit, Reason: fmt.Sprintf(
		"the look ahead ended at %s, before %s: it came to %s, the most that one does; what comes later is not known",
		at, until, much)}
}
