package replay

import (
	"context"
	"fmt"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// At rebuilds a town as it was at a moment: after the last tick of that time or before. A moment before what
// is kept is a RangeError.
func At(ctx context.Context, j journal.Reader, id town.TownID, at town.Time) (*town.State, error) {
	k, err := keptOf(ctx, j, id)
	if err != nil {
		return nil, err
	}
	if at < k.begin {
		return nil, k.before("at")
	}
	r := Range{To: at}
	p, err := r.ticks(ctx, j, id, k.part)
	if err != nil {
		return nil, err
	}
	s, err := journal.RecoverAt(ctx, j, id, p.last)
	if err != nil {
		return nil, fmt.Errorf("cannot rebuild %s at %s: %w", id, at, err)
	}
	return s, nil
}

// PendingAt lists the events that had come in at a moment and that the tick after the given one would have taken.
func PendingAt(ctx context.Context, j journal.Reader, id town.TownID, after town.TickNo, at town.Time) ([]town.Event, error) {
	var out []town.Event
	for last := after; ; {
		ticks, err := readTicks(ctx, j, id, last, journal.Newest-1)
		if err != nil {
			return nil, fmt.Errorf("cannot read what was pending in %s at %s: %w", id, at, err)
		}
		for _, t := range ticks {
			for _, e := range t.Taken {
				if e.Created > at {
					// Later ones may have been created earlier, by a slower sender; they came in after this one.
					return out, nil
				}
				if out = append(out, e); len(out) == town.MaxEvents {
					return out, nil
				}
			}
			last = t.No
		}
		if len(ticks) == 0 {
			break
		}
	}
	left, err := j.Pending(ctx, id, town.MaxEvents-len(out))
	if err != nil {
		return nil, fmt.Errorf("cannot read what is pending in %s: %w", id, err)
	}
	for i := range left {
		if left[i].Created > at {
			break
		}
		out = append(out, left[i])
	}
	return out, nil
}
