package memory

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// history is what is kept of one town. Rows are never changed in place but for what became of an event, so
// that a copy of one is whole.
type history struct {
	info      journal.TownInfo
	events    []*event // by seq
	byID      map[string]*event
	pending   []*event // those of events that no tick has taken, by seq
	ticks     []*tick  // by number
	snapshots []snapshot
	archive   map[town.BeadID]archived
	about     map[town.About][]town.TickNo // ascending
}

func newHistory(id town.TownID, name string, at town.Time) *history {
	return &history{
		info: journal.TownInfo{ID: id, Name: name, Created: at, At: at},
		byID: map[string]*event{}, archive: map[town.BeadID]archived{}, about: map[town.About][]town.TickNo{},
	}
}

// event is a stored event: everything but the payload, and that encoded.
type event struct {
	town.Event
	payload []byte
	tick    town.TickNo // that took it; zero while it is pending
	at      town.Time   // of that tick
	outcome []byte      // JSON, once it is taken
}

func (e event) decode() (journal.EventRecord, error) {
	rec := journal.EventRecord{Event: e.Event}
	var err error
	if rec.Payload, err = town.DecodePayload(e.Type, e.payload); err != nil {
		return rec, fmt.Errorf("event %d: %w: %w", e.Seq, journal.ErrDamaged, err)
	}
	rec.Processed, err = e.processed()
	return rec, err
}

func (e *event) processed() (journal.Processed, error) {
	p := journal.Processed{Tick: e.tick, At: e.at}
	if e.outcome == nil {
		return p, nil
	}
	p.Outcome = new(town.EventOutcome)
	if err := json.Unmarshal(e.outcome, p.Outcome); err != nil {
		return p, fmt.Errorf("outcome of event %d: %w: %w", e.Seq, journal.ErrDamaged, err)
	}
	return p, nil
}

// tick is a stored tick.
type tick struct {
	head  journal.TickHead
	body  []byte
	taken []byte // its events, as journal.Taken encodes them
}

func (t *tick) size() int { return t.head.Events + t.head.Actions + t.head.Changes }

func (t *tick) decode() (*town.Tick, error) {
	// What is decoded may share memory with what it was decoded from.
	out, err := town.DecodeTick(bytes.Clone(t.body))
	if err != nil {
		return nil, fmt.Errorf("tick %d: %w: %w", t.head.No, journal.ErrDamaged, err)
	}
	return out, nil
}

func (t *tick) decodeWithEvents() (*town.Tick, error) {
	out, err := t.decode()
	if err != nil || t.taken == nil {
		return out, err
	}
	if out.Taken, err = journal.DecodeTaken(t.taken, t.head.Events); err != nil {
		return nil, fmt.Errorf("tick %d: %w", t.head.No, err)
	}
	return out, nil
}

// snapshot is a stored state, compressed.
type snapshot struct {
	info journal.SnapshotInfo
	body []byte
}

// archived is a bead that left the town.
type archived struct {
	entry   journal.ArchivedBead
	version int
	data    []byte
}

// tickAt finds a kept tick; nil if there is none.
func (h *history) tickAt(no town.TickNo) *tick {
	i, ok := slices.BinarySearchFunc(h.ticks, no, func(t *tick, no town.TickNo) int { return cmp.Compare(t.head.No, no) })
	if !ok {
		return nil
	}
	return h.ticks[i]
}

// snapshotAt finds the place of a tick's snapshot, or where it would be.
func (h *history) snapshotAt(no town.TickNo) (int, bool) {
	return slices.BinarySearchFunc(h.snapshots, no, func(s snapshot, no town.TickNo) int {
		return cmp.Compare(s.info.Tick, no)
	})
}

// putSnapshot enters a snapshot, instead of the one of the same tick if there is one.
func (h *history) putSnapshot(no town.TickNo, at town.Time, size int, body []byte) {
	s := snapshot{journal.SnapshotInfo{Tick: no, At: at, Size: size, Stored: len(body)}, body}
	i, replace := h.snapshotAt(no)
	if replace {
		h.snapshots[i] = s
		return
	}
	h.snapshots = slices.Insert(h.snapshots, i, s)
}
