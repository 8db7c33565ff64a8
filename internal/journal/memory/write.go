package memory

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// CreateTown implements journal.Journal.
func (j *Journal) CreateTown(ctx context.Context, id town.TownID, name string, at town.Time, snapshot []byte) error {
	doing := fmt.Sprintf("cannot create town %s", id)
	if id == "" {
		return fmt.Errorf("%s: its id is empty: %w", doing, journal.ErrInvalid)
	}
	body, err := journal.Compress(snapshot)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return j.write(ctx, doing, func() error {
		if j.store.towns[id] != nil {
			return journal.ErrTownExists
		}
		h := newHistory(id, name, at)
		h.putSnapshot(0, at, len(snapshot), body)
		j.store.towns[id] = h
		return nil
	})
}

// Append implements journal.Journal.
func (j *Journal) Append(ctx context.Context, id town.TownID, events []town.Event) ([]journal.Receipt, error) {
	doing := fmt.Sprintf("cannot append events to town %s", id)
	payloads := make([][]byte, len(events))
	for i := range events {
		var err error
		if payloads[i], err = journal.PayloadOf(&events[i]); err != nil {
			return nil, fmt.Errorf("%s: event %d of the batch: %w", doing, i+1, err)
		}
	}
	receipts := make([]journal.Receipt, len(events))
	err := j.write(ctx, doing, func() error {
		h, err := j.town(id)
		if err != nil {
			return err
		}
		fresh, err := h.receive(events, payloads, receipts)
		if err != nil {
			return err
		}
		for _, e := range fresh {
			h.byID[e.ID] = e
			h.info.Seq = e.Seq
		}
		h.events = append(h.events, fresh...)
		h.pending = append(h.pending, fresh...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return receipts, nil
}

// receive gives each event its place, or finds the one that it has, and returns those that are new.
func (h *history) receive(events []town.Event, payloads [][]byte, receipts []journal.Receipt) ([]*event, error) {
	var fresh []*event
	batch := map[string]town.Seq{}
	for i := range events {
		e := &events[i]
		if known := h.byID[e.ID]; known != nil {
			p, err := known.processed()
			if err != nil {
				return nil, err
			}
			receipts[i] = journal.Receipt{Seq: known.Seq, Duplicate: true, Processed: p}
			continue
		}
		if seq, twice := batch[e.ID]; twice {
			receipts[i] = journal.Receipt{Seq: seq, Duplicate: true}
			continue
		}
		stored := &event{Event: *e, payload: payloads[i]}
		stored.Seq, stored.Payload = h.info.Seq+town.Seq(len(fresh))+1, nil
		fresh = append(fresh, stored)
		batch[e.ID] = stored.Seq
		receipts[i] = journal.Receipt{Seq: stored.Seq}
	}
	return fresh, nil
}

// CommitTick implements journal.Journal.
func (j *Journal) CommitTick(ctx context.Context, id town.TownID, t *town.Tick) error {
	doing := fmt.Sprintf("cannot store tick %d of town %s", t.No, id)
	if t.Empty() {
		return fmt.Errorf("%s: it is empty: %w", doing, journal.ErrInvalid)
	}
	body := t.Encode()
	outcomes := make([][]byte, len(t.Events))
	for i := range t.Events {
		var err error
		if outcomes[i], err = json.Marshal(&t.Events[i]); err != nil {
			return fmt.Errorf("%s: outcome of event %d: %w", doing, t.Events[i].Seq, err)
		}
	}
	aside, err := journal.AsideOf(t)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	about := t.About()
	return j.write(ctx, doing, func() error {
		h, err := j.town(id)
		if err != nil {
			return err
		}
		if t.No != h.info.Tick+1 || t.At < h.info.At {
			return fmt.Errorf("it is of %s, the newest stored is tick %d of %s: %w",
				t.At, h.info.Tick, h.info.At, journal.ErrConflict)
		}
		taken, err := h.takenBy(t)
		if err != nil {
			return err
		}
		// Everything fits: from here on nothing can fail.
		h.put(t, body, h.take(t, taken, outcomes), append(about, namedBy(taken)...))
		h.putAside(t.No, aside)
		return nil
	})
}

// takenBy finds the events that a tick takes, in its order; all must be pending.
func (h *history) takenBy(t *town.Tick) ([]*event, error) {
	taken := make([]*event, len(t.Events))
	seen := map[town.Seq]bool{}
	for i := range t.Events {
		seq := t.Events[i].Seq
		at, ok := slices.BinarySearchFunc(h.pending, seq, bySeq)
		if !ok || seen[seq] {
			return nil, fmt.Errorf("it takes event %d, which is not pending: %w", seq, journal.ErrConflict)
		}
		seen[seq] = true
		taken[i] = h.pending[at]
	}
	return taken, nil
}

func bySeq(e *event, seq town.Seq) int { return cmp.Compare(e.Seq, seq) }

// namedBy lists what events name.
func namedBy(events []*event) []town.About {
	var out []town.About
	for _, e := range events {
		out = append(out, e.About()...)
	}
	return out
}

// take marks the events as processed, and returns them in one piece, in the order of seq.
func (h *history) take(t *town.Tick, taken []*event, outcomes [][]byte) []byte {
	for i, e := range taken {
		e.tick, e.at, e.outcome = t.No, t.At, outcomes[i]
	}
	h.pending = slices.DeleteFunc(h.pending, func(e *event) bool { return e.tick != 0 })
	slices.SortFunc(taken, func(a, b *event) int { return cmp.Compare(a.Seq, b.Seq) })
	var all journal.Taken
	for _, e := range taken {
		all.Add(&e.Event, e.payload)
	}
	return all.Encode()
}

// put enters the record of a tick and what it is about.
func (h *history) put(t *town.Tick, body, taken []byte, about []town.About) {
	h.info.Tick, h.info.At = t.No, t.At
	h.ticks = append(h.ticks, &tick{body: body, taken: taken, head: journal.TickHead{
		No: t.No, At: t.At, RuleSet: t.RuleSet, Digest: t.Digest,
		Events: len(t.Events), Actions: len(t.Actions), Changes: len(t.Changes), Violations: len(t.Violations),
	}})
	for _, a := range town.SortAbout(about) {
		h.about[a] = append(h.about[a], t.No)
	}
}

// putAside stores what of a tick has a place of its own besides the record.
func (h *history) putAside(no town.TickNo, aside journal.Aside) {
	if aside.Name != nil {
		h.info.Name = *aside.Name
	}
	for _, a := range aside.Archived {
		b := a.Bead
		h.archive[b.ID] = archived{
			entry: journal.ArchivedBead{
				ID: b.ID, Title: b.Title, Type: b.Type, Status: b.Status, Rig: b.Rig, Closed: b.Closed, Tick: no,
			},
			version: a.Change.Version, data: bytes.Clone(a.Change.Data),
		}
	}
}

// SaveSnapshot implements journal.Journal.
func (j *Journal) SaveSnapshot(ctx context.Context, id town.TownID, tick town.TickNo, data []byte) error {
	doing := fmt.Sprintf("cannot save a snapshot of town %s at tick %d", id, tick)
	body, err := journal.Compress(data)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return j.write(ctx, doing, func() error {
		h, err := j.town(id)
		if err != nil {
			return err
		}
		// The record of the oldest kept snapshot's tick may be gone: then that snapshot knows its time.
		var at town.Time
		if i, ok := h.snapshotAt(tick); ok {
			at = h.snapshots[i].info.At
		} else if t := h.tickAt(tick); t != nil {
			at = t.head.At
		} else {
			return fmt.Errorf("the tick is not stored: %w", journal.ErrConflict)
		}
		h.putSnapshot(tick, at, len(data), body)
		return nil
	})
}

// Retain implements journal.Journal. It removes all at once: nobody waits for it for long.
func (j *Journal) Retain(ctx context.Context, id town.TownID, before town.Time) (journal.Removed, error) {
	var out journal.Removed
	err := j.write(ctx, fmt.Sprintf("cannot remove old history of town %s", id), func() error {
		h, err := j.town(id)
		if err != nil {
			return err
		}
		for i := len(h.snapshots) - 1; i >= 0; i-- {
			if h.snapshots[i].info.At < before {
				out = h.forget(h.snapshots[i].info.Tick)
				break
			}
		}
		return nil
	})
	return out, err
}

// forget removes what lies before the snapshot of a tick.
func (h *history) forget(keep town.TickNo) journal.Removed {
	events, ticks, snapshots := len(h.events), len(h.ticks), len(h.snapshots)
	h.snapshots = slices.DeleteFunc(h.snapshots, func(s snapshot) bool { return s.info.Tick < keep })
	h.ticks = slices.DeleteFunc(h.ticks, func(t *tick) bool { return t.head.No <= keep })
	h.events = slices.DeleteFunc(h.events, func(e *event) bool {
		old := e.tick != 0 && e.tick <= keep
		if old {
			delete(h.byID, e.ID)
		}
		return old
	})
	for a, nos := range h.about {
		if h.about[a] = slices.DeleteFunc(nos, func(no town.TickNo) bool { return no <= keep }); len(h.about[a]) == 0 {
			delete(h.about, a)
		}
	}
	return journal.Removed{
		Events: events - len(h.events), Ticks: ticks - len(h.ticks), Snapshots: snapshots - len(h.snapshots),
	}
}
