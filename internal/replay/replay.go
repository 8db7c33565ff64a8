package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// batch bounds what is read at once: how many ticks, and how many events, actions and changes in them.
const (
	batch     = 256
	batchRoom = 4096
)

// ErrRange: the part of the history that is asked for makes no sense, or is not kept any more.
var ErrRange = errors.New("not a part of the history")

// Range is the part of a history to be replayed, in one of three ways. All bounds are included, and
// those that are zero are the beginning and the end of what is kept.
type Range struct {
	From, To         town.Time   // ticks at these times
	FromSeq, ToSeq   town.Seq    // ticks that took these events
	FromTick, ToTick town.TickNo // these ticks
	// End is the moment up to which the history tells what happened: of a town that lives, now. What lies after it is
	// refused; zero refuses nothing.
	End town.Time
}

// RangeError names the bound that is wrong, and how to put it right.
type RangeError struct {
	Field  string // as in the API: from, to, fromSeq, …
	Reason string
}

// Error implements error.
func (e *RangeError) Error() string { return e.Field + ": " + e.Reason }

// Unwrap makes every RangeError an ErrRange.
func (e *RangeError) Unwrap() error { return ErrRange }

// Query is what to replay, and what to change in it.
type Query struct {
	Range
	// Config are configuration values that hold from the beginning of the range on.
	Config *town.Settings
	// Without are the ids of events that are left out.
	Without []string
}

// Tick is one tick of a replay: what was recorded, and what comes out now.
type Tick struct {
	Recorded   *town.Tick
	Events     []town.Event // those of the record that were not left out
	Recomputed *town.Tick
	// Agree says that the two records are equal byte for byte.
	Agree bool
}

// Result is what a whole replay comes to.
type Result struct {
	Events  int  // replayed
	Ticks   int  // replayed
	Exact   bool // every tick agrees, and nothing was changed in the history
	RuleSet int  // of today
	// Recorded are the rule sets that made the history, the oldest first.
	Recorded []int
	// Final is the tick that would come next at the end of the range, with what was pending, and State the
	// state then.
	Final *town.Tick
	State *town.State
	// At is the end of the range: its last moment, or that of its last tick, and never before the range.
	At town.Time
}

// Run replays and calls each for every tick in order; an error of each ends it. The state that each may
// read is the one after the tick, and must not be kept.
func Run(ctx context.Context, j journal.Reader, id town.TownID, q Query, each func(*Tick, *town.State) error) (*Result, error) {
	p, err := plan(ctx, j, id, q.Range)
	if err != nil {
		return nil, err
	}
	s, err := journal.RecoverAt(ctx, j, id, p.first-1)
	if err != nil {
		return nil, fmt.Errorf("cannot rebuild %s before tick %d: %w", id, p.first, err)
	}
	r := run{j: j, id: id, q: q, s: s, left: map[string]bool{}, res: &Result{RuleSet: town.RuleSet, Exact: q.Config == nil && len(q.Without) == 0}}
	for _, event := range q.Without {
		r.left[event] = true
	}
	if err := r.configure(); err != nil {
		return nil, err
	}
	for after := p.first - 1; after < p.last; {
		ticks, err := readTicks(ctx, j, id, after, p.last)
		if err != nil {
			return nil, err
		}
		if len(ticks) == 0 {
			return nil, fmt.Errorf("the history of %s ends at tick %d, not %d: %w", id, after, p.last, journal.ErrDamaged)
		}
		if err := r.ticks(ticks, each); err != nil {
			return nil, err
		}
		after = ticks[len(ticks)-1].No
	}
	r.res.State, r.res.At = s, max(q.From, q.To, s.At())
	return r.res, r.final(ctx, p.last)
}

// final finds what would come next at the end of the range, with what had come in by then.
func (r *run) final(ctx context.Context, last town.TickNo) error {
	pending, err := PendingAt(ctx, r.j, r.id, last, r.res.At)
	if err != nil {
		return err
	}
	pending = slices.DeleteFunc(pending, func(e town.Event) bool { return r.left[e.ID] })
	r.res.Final = r.s.Plan(town.Input{Now: r.res.At, Events: pending})
	return nil
}

// run is a replay in progress.
type run struct {
	j    journal.Reader
	id   town.TownID
	q    Query
	s    *town.State
	left map[string]bool // events that are left out
	res  *Result

	recorded, recomputed []byte // room for the two records of a tick
}

// configure has other configuration values hold from now on.
func (r *run) configure() error {
	if r.q.Config == nil {
		return nil
	}
	if err := r.q.Config.Validate(); err != nil {
		var field *town.FieldError
		if errors.As(err, &field) {
			return &RangeError{Field: "config." + field.Field, Reason: field.Reason}
		}
		return &RangeError{Field: "config", Reason: err.Error()}
	}
	r.s.Suppose(*r.q.Config)
	return nil
}

// ticks replays a batch of recorded ticks.
func (r *run) ticks(ticks []*town.Tick, each func(*Tick, *town.State) error) error {
	for _, t := range ticks {
		events, err := r.kept(t)
		if err != nil {
			return err
		}
		x := &Tick{Recorded: t, Events: events, Recomputed: r.s.Step(town.Input{Now: t.At, Events: events})}
		x.Agree = r.agree(x)
		r.note(x)
		if err := each(x, r.s); err != nil {
			return err
		}
	}
	return nil
}

// kept makes sure that a tick's events are those that its record says, and leaves out those that are to be
// left out.
func (r *run) kept(t *town.Tick) ([]town.Event, error) {
	for i := range t.Events {
		if i >= len(t.Taken) || t.Taken[i].Seq != t.Events[i].Seq {
			return nil, fmt.Errorf("tick %d took event %d, which is not there in its place: %w", t.No, t.Events[i].Seq, journal.ErrDamaged)
		}
	}
	if len(r.left) == 0 {
		return t.Taken, nil
	}
	var out []town.Event
	for _, e := range t.Taken {
		if !r.left[e.ID] {
			out = append(out, e)
		}
	}
	return out, nil
}

// agree compares the two records byte for byte.
func (r *run) agree(x *Tick) bool {
	r.recorded = x.Recorded.AppendTo(r.recorded[:0])
	r.recomputed = x.Recomputed.AppendTo(r.recomputed[:0])
	return bytes.Equal(r.recorded, r.recomputed)
}

func (r *run) note(x *Tick) {
	r.res.Ticks++
	r.res.Events += len(x.Events)
	r.res.Exact = r.res.Exact && x.Agree
	if n := len(r.res.Recorded); n == 0 || r.res.Recorded[n-1] != x.Recorded.RuleSet {
		r.res.Recorded = append(r.res.Recorded, x.Recorded.RuleSet)
	}
}

// readTicks reads the next ticks after one with their events, as many as may be in memory at once.
func readTicks(ctx context.Context, j journal.Reader, id town.TownID, after, last town.TickNo) ([]*town.Tick, error) {
	ticks, err := j.Ticks(ctx, id, journal.TickFilter{After: after, Before: last + 1, Limit: batch, Room: batchRoom, Taken: true})
	if err != nil {
		return nil, fmt.Errorf("cannot read the ticks of %s: %w", id, err)
	}
	return ticks, complete(ctx, j, id, ticks)
}

// complete reads the events of those ticks that came without them, in the order in which they were taken.
func complete(ctx context.Context, j journal.Reader, id town.TownID, ticks []*town.Tick) error {
	want, has := 0, map[town.TickNo]bool{}
	for _, t := range ticks {
		if has[t.No] = t.Taken != nil; !has[t.No] {
			want += len(t.Events)
		}
	}
	if want == 0 {
		return nil
	}
	events := make([]town.Event, 0, want)
	f := journal.EventFilter{FromTick: ticks[0].No, ToTick: ticks[len(ticks)-1].No}
	for len(events) < want {
		list, err := j.Events(ctx, id, f)
		if err != nil {
			return fmt.Errorf("cannot read the events of %s: %w", id, err)
		}
		if len(list) == 0 {
			break
		}
		for i := range list {
			if !has[list[i].Processed.Tick] {
				events = append(events, list[i].Event)
			}
		}
		f.After = list[len(list)-1].Seq
	}
	for i, t := range ticks {
		if has[t.No] || len(t.Events) == 0 {
			continue
		}
		own := *t // the record is the reader's
		n := min(len(t.Events), len(events))
		own.Taken, events = events[:n:n], events[n:]
		ticks[i] = &own
	}
	return nil
}
