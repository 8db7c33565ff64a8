package memory

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// Towns implements journal.Journal.
func (j *Journal) Towns(ctx context.Context) ([]journal.TownInfo, error) {
	var out []journal.TownInfo
	err := j.read(ctx, "cannot list towns", func() error {
		for _, id := range slices.Sorted(maps.Keys(j.store.towns)) {
			out = append(out, j.store.towns[id].info)
		}
		return nil
	})
	return out, err
}

// Pending implements journal.Journal.
func (j *Journal) Pending(ctx context.Context, id town.TownID, limit int) ([]town.Event, error) {
	return list(ctx, j, id, fmt.Sprintf("cannot read pending events of town %s", id),
		func(h *history) []event { return copied(h.pending[:min(limited(limit), len(h.pending))]) },
		func(e event) (town.Event, error) {
			rec, err := e.decode()
			return rec.Event, err
		})
}

// copied copies rows that a later tick may mark.
func copied(events []*event) []event {
	out := make([]event, len(events))
	for i, e := range events {
		out[i] = *e
	}
	return out
}

// Events implements journal.Journal.
func (j *Journal) Events(ctx context.Context, id town.TownID, f journal.EventFilter) ([]journal.EventRecord, error) {
	return list(ctx, j, id, fmt.Sprintf("cannot read events of town %s", id), func(h *history) []event {
		return copied(chosen(h.events, f.Newest, f.Limit, func(e *event) bool { return matches(e, &f) }))
	}, event.decode)
}

// chosen returns the first rows that fit, from the end if newest.
func chosen[R any](rows []R, newest bool, limit int, fits func(R) bool) []R {
	var out []R
	for i := range rows {
		if newest {
			i = len(rows) - 1 - i
		}
		if len(out) == limited(limit) {
			break
		}
		if fits(rows[i]) {
			out = append(out, rows[i])
		}
	}
	return out
}

func matches(e *event, f *journal.EventFilter) bool {
	byTick := f.FromTick != 0 || f.ToTick != 0
	return within(e.Seq, f.After, f.Before) &&
		(f.From == 0 || e.Created >= f.From) && (f.To == 0 || e.Created < f.To) &&
		(!byTick || e.tick > 0) && (f.FromTick == 0 || e.tick >= f.FromTick) && (f.ToTick == 0 || e.tick <= f.ToTick) &&
		(len(f.Types) == 0 || slices.Contains(f.Types, e.Type)) &&
		(f.Agent == "" || e.Agent == f.Agent) && (f.Bead == "" || e.Bead == f.Bead)
}

// within reports whether a number lies between two bounds, of which zero is none.
func within[N ~int64](n, after, before N) bool {
	return (after == 0 || n > after) && (before == 0 || n < before)
}

// EventByID implements journal.Journal.
func (j *Journal) EventByID(ctx context.Context, id town.TownID, eventID string) (journal.EventRecord, error) {
	var found event
	doing := fmt.Sprintf("cannot read event of town %s", id)
	err := j.read(ctx, doing, func() error {
		h, err := j.town(id)
		if err != nil {
			return err
		}
		e := h.byID[eventID]
		if e == nil {
			return fmt.Errorf("event %s: %w", eventID, journal.ErrNotFound)
		}
		found = *e
		return nil
	})
	if err != nil {
		return journal.EventRecord{}, err
	}
	rec, err := found.decode()
	if err != nil {
		return journal.EventRecord{}, fmt.Errorf("%s: %w", doing, err)
	}
	return rec, nil
}

// chooseTicks returns the ticks that a filter asks for, without regard to its room.
func chooseTicks(h *history, f journal.TickFilter) []*tick {
	return chosen(h.ticks, f.Newest, f.Limit, func(t *tick) bool {
		return within(t.head.No, f.After, f.Before) && (f.From == 0 || t.head.At >= f.From) && (f.To == 0 || t.head.At < f.To)
	})
}

// Ticks implements journal.Journal.
func (j *Journal) Ticks(ctx context.Context, id town.TownID, f journal.TickFilter) ([]*town.Tick, error) {
	decode := (*tick).decode
	if f.Taken {
		decode = (*tick).decodeWithEvents
	}
	return list(ctx, j, id, fmt.Sprintf("cannot read ticks of town %s", id), func(h *history) []*tick {
		ticks := chooseTicks(h, f)
		if f.Room <= 0 {
			return ticks
		}
		room := 0
		for i, t := range ticks {
			if room += t.size(); room >= f.Room {
				return ticks[:i+1]
			}
		}
		return ticks
	}, decode)
}

// TickHeads implements journal.Journal.
func (j *Journal) TickHeads(ctx context.Context, id town.TownID, f journal.TickFilter) ([]journal.TickHead, error) {
	return list(ctx, j, id, fmt.Sprintf("cannot list ticks of town %s", id),
		func(h *history) []*tick { return chooseTicks(h, f) },
		func(t *tick) (journal.TickHead, error) { return t.head, nil })
}

// TicksAbout implements journal.Journal.
func (j *Journal) TicksAbout(
	ctx context.Context, id town.TownID, about town.About, before town.TickNo, limit int,
) ([]*town.Tick, error) {
	doing := fmt.Sprintf("cannot read ticks of town %s about %s", id, about.ID)
	if about.Kind != town.KindBead && about.Kind != town.KindAgent {
		return nil, fmt.Errorf("%s: it is of kind %q, must be a bead or an agent: %w", doing, about.Kind, journal.ErrInvalid)
	}
	return list(ctx, j, id, doing, func(h *history) []*tick {
		var out []*tick
		for _, no := range chosen(h.about[about], true, limit, func(no town.TickNo) bool { return within(no, 0, before) }) {
			out = append(out, h.tickAt(no))
		}
		return out
	}, (*tick).decode)
}

// Snapshot implements journal.Journal.
func (j *Journal) Snapshot(
	ctx context.Context, id town.TownID, atOrBefore town.TickNo,
) (journal.SnapshotInfo, []byte, error) {
	var found snapshot
	err := j.read(ctx, "cannot read snapshot", func() error {
		h, err := j.town(id)
		if err != nil {
			return err
		}
		i, exact := h.snapshotAt(atOrBefore)
		if exact {
			i++
		}
		if i == 0 {
			return fmt.Errorf("a snapshot of town %s at tick %d or before: %w", id, atOrBefore, journal.ErrNotFound)
		}
		found = h.snapshots[i-1]
		return nil
	})
	if err != nil {
		return journal.SnapshotInfo{}, nil, err
	}
	data, err := journal.Expand(found.body)
	if err != nil {
		return found.info, nil, fmt.Errorf("cannot read snapshot of town %s at tick %d: %w", id, found.info.Tick, err)
	}
	return found.info, data, nil
}

// Oldest implements journal.Journal.
func (j *Journal) Oldest(ctx context.Context, id town.TownID) (journal.Moment, error) {
	var m journal.Moment
	err := j.read(ctx, "cannot look for the oldest snapshot", func() error {
		h, err := j.town(id)
		if err == nil {
			m = h.oldest()
		}
		return err
	})
	return m, err
}

// oldest is the moment of the oldest snapshot, of which a town always has one.
func (h *history) oldest() journal.Moment {
	return journal.Moment{Tick: h.snapshots[0].info.Tick, At: h.snapshots[0].info.At}
}

// ArchivedBead implements journal.Journal.
func (j *Journal) ArchivedBead(ctx context.Context, id town.TownID, bead town.BeadID) (*town.Bead, error) {
	doing := fmt.Sprintf("cannot read archived bead of town %s", id)
	var found archived
	err := j.read(ctx, doing, func() error {
		h, err := j.town(id)
		if err != nil {
			return err
		}
		var ok bool
		if found, ok = h.archive[bead]; !ok {
			return fmt.Errorf("bead %s: %w", bead, journal.ErrNotFound)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	b, err := journal.BeadOf(bead, found.version, bytes.Clone(found.data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return b, nil
}

// ArchivedBeads implements journal.Journal.
func (j *Journal) ArchivedBeads(
	ctx context.Context, id town.TownID, p journal.ArchivePage,
) ([]journal.ArchivedBead, error) {
	doing := fmt.Sprintf("cannot list the archive of town %s", id)
	return list(ctx, j, id, doing, func(h *history) []journal.ArchivedBead {
		all := make([]journal.ArchivedBead, 0, len(h.archive))
		for _, a := range h.archive {
			all = append(all, a.entry)
		}
		slices.SortFunc(all, compareArchived)
		end := journal.ArchivedBead{Closed: p.AfterClosed, ID: p.AfterID}
		return chosen(all, false, p.Limit, func(b journal.ArchivedBead) bool {
			return p.AfterID == "" || compareArchived(b, end) > 0
		})
	}, func(b journal.ArchivedBead) (journal.ArchivedBead, error) { return b, nil })
}

// compareArchived puts what was closed last first.
func compareArchived(a, b journal.ArchivedBead) int {
	return cmp.Or(cmp.Compare(b.Closed, a.Closed), strings.Compare(string(b.ID), string(a.ID)))
}

// Stats implements journal.Journal.
func (j *Journal) Stats(ctx context.Context, id town.TownID) (journal.Stats, error) {
	var s journal.Stats
	err := j.read(ctx, "cannot count the history", func() error {
		h, err := j.town(id)
		if err != nil {
			return err
		}
		oldest := h.oldest()
		s = journal.Stats{
			Events: len(h.events), Pending: len(h.pending), Ticks: len(h.ticks), Snapshots: len(h.snapshots),
			Archived: len(h.archive), OldestTick: oldest.Tick, OldestAt: oldest.At,
		}
		for _, x := range h.snapshots {
			s.SnapshotBytes += int64(x.info.Stored)
		}
		return nil
	})
	return s, err
}
