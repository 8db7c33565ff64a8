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
	if err := r.within(&k); err != nil {
		return part{}, err
	}
	p, err := r.ticks(ctx, j, id, k.part)
	if err != nil {
		return part{}, err
	}
	switch {
	case p.first < k.first:
		return part{}, k.before(r.begin())
	case r.end() != "to" && p.last < k.first:
		return part{}, k.before(r.end())
	}
	return p, nil
}

// within makes sure that the times of the range are in the history. One may begin before it if nothing of it is gone:
// that is from the beginning.
func (r *Range) within(k *kept) error {
	end := max(r.End, k.end) // what has happened is past, also if the clock was put back since
	switch {
	case r.End != 0 && r.From > end:
		return after("from", r.From, end)
	case r.End != 0 && r.To > end:
		return after("to", r.To, end)
	case r.From != 0 && r.From < k.begin && !k.whole():
		return k.before("from")
	case r.To != 0 && r.To < k.begin:
		return k.before("to")
	}
	return nil
}

// after refuses a moment of which the history cannot tell yet.
func after(field string, at, end town.Time) *RangeError {
	return &RangeError{field, fmt.Sprintf(
		"is %s, after the end of the history, %s: ask for an earlier moment, or leave it out", at, end)}
}

// kept is what there is of a history: its ticks, the moment that they begin after, and that of the last one.
type kept struct {
	part
	begin, end town.Time
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
	k := kept{part{oldest.Tick + 1, oldest.Tick}, oldest.At, oldest.At}
	if len(newest) > 0 {
		k.last, k.end = newest[0].No, newest[0].At
	}
	return k, nil
}

// whole reports whether nothing of the history is gone.
func (k *kept) whole() bool { return k.first == 1 }

// before refuses a moment that is not kept any more, or that was before the town.
func (k *kept) before(field string) *RangeError {
	if k.whole() {
		return &RangeError{field, fmt.Sprintf(
			"lies before the beginning of the town: the oldest moment that can be replayed is %s", k.begin)}
	}
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

// end names the bound that the range ends with.
func (r *Range) end() string {
	switch {
	case r.ToSeq != 0:
		return "toSeq"
	case r.ToTick != 0:
		return "toTick"
	}
	return "to"
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
	case r.FromSeq < 0 || r.FromTick < 0:
		return &RangeError{r.begin(), "is negative, must be 1 or more: leave it out for the beginning"}
	case r.ToSeq < 0 || r.ToTick < 0:
		return &RangeError{r.end(), "is negative, must be 1 or more: leave it out for the end"}
	case r.To != 0 && r.From != 0 && r.To <= r.From:
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
		if p.first > kept.last {
			return p, noTickYet("fromTick", p.first, kept.last)
		}
		if p.last > kept.last {
			return p, noTickYet("toTick", p.last, kept.last)
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
			return 0, noEvent(ctx, j, id, field, seq)
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

func noTickYet(field string, no, newest town.TickNo) *RangeError {
	return &RangeError{field, fmt.Sprintf("there is no tick %d yet: the newest is %d", no, newest)}
}

// noEvent says why there is no event of that number, and which there are.
func noEvent(ctx context.Context, j journal.Reader, id town.TownID, field string, seq town.Seq) error {
	var ends [2]town.Seq
	for i, newest := range []bool{false, true} {
		list, err := j.Events(ctx, id, journal.EventFilter{Newest: newest, Limit: 1})
		if err != nil {
			return fmt.Errorf("cannot look at the history of %s: %w", id, err)
		}
		if len(list) > 0 {
			ends[i] = list[0].Seq
		}
	}
	switch oldest, newest := ends[0], ends[1]; {
	case newest == 0:
		return &RangeError{field, fmt.Sprintf("there is no event %d: none is kept", seq)}
	case seq > newest:
		return &RangeError{field, fmt.Sprintf("there is no event %d yet: the newest is %d", seq, newest)}
	default:
		return &RangeError{field, fmt.Sprintf("event %d is not kept any more: the oldest is %d", seq, oldest)}
	}
}
