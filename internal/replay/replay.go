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

// batch is how many ticks are read at once.
const batch = 256

// ErrRange: the part of the history that is asked for makes no sense, or is not kept any more.
var ErrRange = errors.New("not a part of the history")

// Range is the part of a history to be replayed, in one of three ways. All bounds are included, and
// those that are zero are the beginning and the end of what is kept.
type Range struct {
	From, To         town.Time   // ticks at these times
	FromSeq, ToSeq   town.Seq    // ticks that took these events
	FromTick, ToTick town.TickNo // these ticks
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
	// At is the end of the range: its last moment, or that of its last tick.
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
		ticks, err := j.Ticks(ctx, id, journal.TickFilter{After: after, Before: p.last + 1, Limit: batch})
		if err != nil {
			return nil, fmt.Errorf("cannot read the ticks of %s: %w", id, err)
		}
		if len(ticks) == 0 {
			return nil, fmt.Errorf("the history of %s ends at tick %d, not %d: %w", id, after, p.last, journal.ErrDamaged)
		}
		if err := r.ticks(ctx, ticks, each); err != nil {
			return nil, err
		}
		after = ticks[len(ticks)-1].No
	}
	r.res.State, r.res.At = s, max(q.To, s.At())
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
func (r *run) ticks(ctx context.Context, ticks []*town.Tick, each func(*Tick, *town.State) error) error {
	events, err := r.events(ctx, ticks)
	if err != nil {
		return err
	}
	for _, t := range ticks {
		x := &Tick{Recorded: t}
		for i := range t.Events {
			if len(events) == 0 || events[0].Seq != t.Events[i].Seq {
				return fmt.Errorf("tick %d took event %d, which is not there in its place: %w", t.No, t.Events[i].Seq, journal.ErrDamaged)
			}
			if !r.left[events[0].ID] {
				x.Events = append(x.Events, events[0])
			}
			events = events[1:]
		}
		x.Recomputed = r.s.Step(town.Input{Now: t.At, Events: x.Events})
		x.Agree = bytes.Equal(x.Recomputed.Encode(), t.Encode())
		r.note(x)
		if err := each(x, r.s); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) note(x *Tick) {
	r.res.Ticks++
	r.res.Events += len(x.Events)
	r.res.Exact = r.res.Exact && x.Agree
	if n := len(r.res.Recorded); n == 0 || r.res.Recorded[n-1] != x.Recorded.RuleSet {
		r.res.Recorded = append(r.res.Recorded, x.Recorded.RuleSet)
	}
}

// events reads the events that the ticks took, in the order in which they were taken.
func (r *run) events(ctx context.Context, ticks []*town.Tick) ([]town.Event, error) {
	want := 0
	for _, t := range ticks {
		want += len(t.Events)
	}
	out := make([]town.Event, 0, want)
	f := journal.EventFilter{FromTick: ticks[0].No, ToTick: ticks[len(ticks)-1].No}
	for len(out) < want {
		list, err := r.j.Events(ctx, r.id, f)
		if err != nil {
			return nil, fmt.Errorf("cannot read the events of %s: %w", r.id, err)
		}
		if len(list) == 0 {
			break
		}
		for i := range list {
			out = append(out, list[i].Event)
		}
		f.After = list[len(list)-1].Seq
	}
	return out, nil
}
