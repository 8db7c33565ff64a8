package replay

import (
	"context"
	"fmt"
	"slices"

	"gastown/internal/journal"
	"gastown/internal/town"
)

var _ journal.Reader = (*Bundle)(nil)

// known refuses other towns than the bundle's.
func (b *Bundle) known(id town.TownID) error {
	if id != b.Manifest.Town {
		return fmt.Errorf("the bundle is of town %s, not of %s: %w", b.Manifest.Town, id, journal.ErrNotFound)
	}
	return nil
}

// Snapshot implements journal.Reader: there is one, before the first tick.
func (b *Bundle) Snapshot(_ context.Context, id town.TownID, atOrBefore town.TickNo) (journal.SnapshotInfo, []byte, error) {
	info := journal.SnapshotInfo{Tick: b.Manifest.First - 1, At: b.Manifest.From, Size: len(b.before), Stored: len(b.before)}
	if err := b.known(id); err != nil {
		return info, nil, err
	}
	if atOrBefore < info.Tick {
		return info, nil, fmt.Errorf("the bundle begins after tick %d: %w", info.Tick, journal.ErrNotFound)
	}
	return info, b.before, nil
}

// Ticks implements journal.Reader.
func (b *Bundle) Ticks(_ context.Context, id town.TownID, f journal.TickFilter) ([]*town.Tick, error) {
	if err := b.known(id); err != nil {
		return nil, err
	}
	return chosen(b.ticks, f.Newest, f.Limit, func(t *town.Tick) bool {
		return t.No > f.After && (f.Before == 0 || t.No < f.Before) && t.At >= f.From && (f.To == 0 || t.At < f.To)
	}), nil
}

// TickHeads implements journal.Reader.
func (b *Bundle) TickHeads(ctx context.Context, id town.TownID, f journal.TickFilter) ([]journal.TickHead, error) {
	ticks, err := b.Ticks(ctx, id, f)
	var out []journal.TickHead
	for _, t := range ticks {
		out = append(out, journal.TickHead{
			No: t.No, At: t.At, RuleSet: t.RuleSet, Digest: t.Digest,
			Events: len(t.Events), Actions: len(t.Actions), Changes: len(t.Changes), Violations: len(t.Violations),
		})
	}
	return out, err
}

// Events implements journal.Reader.
func (b *Bundle) Events(_ context.Context, id town.TownID, f journal.EventFilter) ([]journal.EventRecord, error) {
	if err := b.known(id); err != nil {
		return nil, err
	}
	return chosen(b.events, f.Newest, f.Limit, func(e journal.EventRecord) bool {
		tick := e.Processed.Tick
		return e.Seq > f.After && (f.Before == 0 || e.Seq < f.Before) &&
			e.Created >= f.From && (f.To == 0 || e.Created < f.To) &&
			(f.FromTick == 0 && f.ToTick == 0 || tick != 0 && tick >= f.FromTick && (f.ToTick == 0 || tick <= f.ToTick)) &&
			(len(f.Types) == 0 || slices.Contains(f.Types, e.Type)) &&
			(f.Agent == "" || e.Agent == f.Agent) && (f.Bead == "" || e.Bead == f.Bead)
	}), nil
}

// Pending implements journal.Reader: what no tick has taken is not in a bundle.
func (b *Bundle) Pending(_ context.Context, id town.TownID, _ int) ([]town.Event, error) {
	return nil, b.known(id)
}

// Oldest implements journal.Reader.
func (b *Bundle) Oldest(_ context.Context, id town.TownID) (journal.Moment, error) {
	return journal.Moment{Tick: b.Manifest.First - 1, At: b.Manifest.From}, b.known(id)
}

// chosen are the first of those that fit, or the last ones in reverse order.
func chosen[T any](all []T, newest bool, limit int, fits func(T) bool) []T {
	if limit <= 0 {
		limit = journal.DefaultLimit
	}
	var out []T
	for i := range all {
		x := all[i]
		if newest {
			x = all[len(all)-1-i]
		}
		if len(out) < limit && fits(x) {
			out = append(out, x)
		}
	}
	return out
}
