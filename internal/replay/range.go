package replay

import (
	"context"
	"fmt"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// part is a range as ticks: from first to last, both included; last is before first if the range has
// no tick in it.
type part struct{ first, last town.TickNo }

// plan finds the ticks of a range and makes sure that the state before them can be rebuilt.
func plan(ctx context.Context, j journal.Reader, id town.TownID, r Range) (part, error) {
	if err := r.check(); err != nil {
		return part{}, err
	}
	k, err := keptOf(ctx, j, id)
	if err != nil {
		return part{}, err
	}
	p, err := r.ticks(ctx, j, id, k.part)
	if err != nil {
		return part{}, err
	}
	if p.first < k.first || r.From != 0 && r.From < k.begin {
		return part{}, k.before(r.begin())
	}
	return p, nil
}

// kept is what there is of a history: its ticks, and the moment that they begin after.
type kept struct {
	part
	begin town.Time
}

func keptOf(ctx context.Context, j journal.Reader, id town.TownID) (kept, error) {
	oldest, err := j.Oldest(ctx, id)
	if err != nil {
		return kept{}, fmt.Errorf("cannot look at the history of %s: %w", id, err)
	}
	newest, err := j.TickHeads(ctx, id, journal.TickFilter{Newest: true, Limit: 1})
	if err != nil {
		return kept{}, fmt.Errorf("cannot look at the history of %s: %w", id, err)
	}
	k := kept{part{oldest.Tick + 1, oldest.Tick}, oldest.At}
	if len(newest) > 0 {
		k.last = newest[0].No
	}
	return k, nil
}

// before refuses a moment that is not kept any more.
func (k *kept) before(field string) *RangeError {
	return &RangeError{field, fmt.Sprintf("lies before what is kept: the oldest moment that can be replayed is %s, after tick %d", k.begin, k.first-1)}
}

// begin names the bound that the range begins with.
func (r *Range) begin() string {
	switch {
	case r.FromSeq != 0:
		return "fromSeq"
	case r.FromTick != 0:
		return "fromTick"
	}
	return "from"
}

func (r *Range) check() error {
	ways := 0
	for _, used := range []bool{r.From != 0 || r.To != 0, r.FromSeq != 0 || r.ToSeq != 0, r.FromTick != 0 || r.ToTick != 0} {
		if used {
			ways++
		}
	}
	switch {
	case ways > 1:
		return &RangeError{"from", "say the range as times, as events or as ticks, not as several of them"}
	case r.From < 0 || r.FromSeq < 0 || r.FromTick < 0:
		return &RangeError{r.begin(), "is negative"}
	case r.To != 0 && r.To <= r.From:
		return &RangeError{"to", fmt.Sprintf("is %s, must be after from, %s", r.To, r.From)}
	case r.ToSeq != 0 && r.ToSeq < r.FromSeq:
		return &RangeError{"toSeq", fmt.Sprintf("is %d, must not be before fromSeq, %d", r.ToSeq, r.FromSeq)}
	case r.ToTick != 0 && r.ToTick < r.FromTick:
		return &RangeError{"toTick", fmt.Sprintf("is %d, must not be before fromTick, %d", r.ToTick, r.FromTick)}
	}
	return nil
}

// ticks turns the range into ticks.
func (r *Range) ticks(ctx context.Context, j journal.Reader, id town.TownID, kept part) (part, error) {
	p := kept
	switch {
	case r.FromTick != 0 || r.ToTick != 0:
		if r.FromTick != 0 {
			p.first = r.FromTick
		}
		if r.ToTick != 0 {
			p.last = r.ToTick
		}
		if p.last > kept.last || p.first > kept.last {
			return p, &RangeError{"toTick", fmt.Sprintf("there is no tick %d yet: the newest is %d", max(p.first, p.last), kept.last)}
		}
		return p, nil
	case r.FromSeq != 0 || r.ToSeq != 0:
		return r.ticksOfEvents(ctx, j, id, kept)
	}
	from, err := j.TickHeads(ctx, id, journal.TickFilter{From: r.From, Limit: 1})
	if err != nil {
		return p, fmt.Errorf("cannot look at the history of %s: %w", id, err)
	}
	f := journal.TickFilter{Newest: true, Limit: 1}
	if r.To != 0 {
		f.To = r.To + 1
	}
	to, err := j.TickHeads(ctx, id, f)
	if err != nil {
		return p, fmt.Errorf("cannot look at the history of %s: %w", id, err)
	}
	p.first = kept.last + 1
	if len(from) > 0 {
		p.first = from[0].No
	}
	p.last = p.first - 1
	if len(to) > 0 && to[0].No >= p.first {
		p.last = to[0].No
	}
	return p, nil
}

// ticksOfEvents finds the ticks that took the first and the last event.
func (r *Range) ticksOfEvents(ctx context.Context, j journal.Reader, id town.TownID, kept part) (part, error) {
	find := func(field string, seq town.Seq, otherwise town.TickNo) (town.TickNo, error) {
		if seq == 0 {
			return otherwise, nil
		}
		list, err := j.Events(ctx, id, journal.EventFilter{After: seq - 1, Before: seq + 1, Limit: 1})
		switch {
		case err != nil:
			return 0, fmt.Errorf("cannot look at the history of %s: %w", id, err)
		case len(list) == 0:
			return 0, &RangeError{field, fmt.Sprintf("there is no event %d, or it is not kept any more", seq)}
		case list[0].Processed.Outcome == nil:
			return 0, &RangeError{field, fmt.Sprintf("event %d has not been taken by a tick yet", seq)}
		}
		return list[0].Processed.Tick, nil
	}
	first, err := find("fromSeq", r.FromSeq, kept.first)
	if err != nil {
		return part{}, err
	}
	last, err := find("toSeq", r.ToSeq, kept.last)
	return part{first, last}, err
}
