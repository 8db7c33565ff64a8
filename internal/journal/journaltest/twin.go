package journaltest

import (
	"context"
	"errors"
	"sync"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// twin is two journals that get every call, one after the other, and must give the same answer: the same
// values, or an error of the same kind. It answers as the first does. Calls at the same time take turns, so
// that both see them in one order.
type twin struct {
	one, model journal.Journal
	t          interface{ Errorf(string, ...any) }
	mu         sync.Mutex
	calls      map[string]int // answers that were compared, by method and kind of error
}

var _ journal.Journal = (*twin)(nil)

// kinds are the errors that callers may look for.
var kinds = []error{
	nil, journal.ErrNotFound, journal.ErrTownExists, journal.ErrConflict, journal.ErrInvalid, journal.ErrFull,
	journal.ErrDamaged, journal.ErrInUse, journal.ErrClosed, context.Canceled, context.DeadlineExceeded,
}

// kindOf names which of the kinds an error is.
func kindOf(err error) string {
	for _, k := range kinds {
		if err != nil && k != nil && errors.Is(err, k) {
			return k.Error()
		}
	}
	if err == nil {
		return "no error"
	}
	return "an error of no kind"
}

// both makes a call to both journals and compares the answers. What comes with an error has no meaning.
func both[T any](w *twin, method string, args any, call func(journal.Journal) (T, error)) (T, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	got, err := call(w.one)
	want, wantErr := call(w.model)
	w.calls[method+": "+kindOf(err)]++
	if kindOf(err) != kindOf(wantErr) {
		w.t.Errorf("%s(%+v): %v, the model: %v", method, args, err, wantErr)
	} else if diff := cmp.Diff(kept(want), kept(got), cmpopts.EquateEmpty()); err == nil && diff != "" {
		w.t.Errorf("%s(%+v), -model +this:\n%s", method, args, diff)
	}
	return got, err
}

// tickRecord is a tick as far as a journal keeps it.
type tickRecord struct {
	Record string
	Taken  []town.Event
}

// kept leaves out what journals may differ in, and what records have besides what is kept.
func kept(answer any) any {
	switch v := answer.(type) {
	case []*town.Tick:
		var out []tickRecord
		for _, t := range v {
			out = append(out, tickRecord{string(t.Encode()), t.Taken})
		}
		return out
	case journal.Stats:
		v.StoreBytes = 0
		return v
	}
	return answer
}

// only is an answer of a call that returns an error alone.
func only(err error) (struct{}, error) { return struct{}{}, err }

func (w *twin) CreateTown(ctx context.Context, id town.TownID, name string, at town.Time, snapshot []byte) error {
	_, err := both(w, "CreateTown", []any{id, name, at, len(snapshot)}, func(j journal.Journal) (struct{}, error) {
		return only(j.CreateTown(ctx, id, name, at, snapshot))
	})
	return err
}

func (w *twin) Towns(ctx context.Context) ([]journal.TownInfo, error) {
	return both(w, "Towns", nil, func(j journal.Journal) ([]journal.TownInfo, error) { return j.Towns(ctx) })
}

func (w *twin) Append(ctx context.Context, id town.TownID, events []town.Event) ([]journal.Receipt, error) {
	return both(w, "Append", []any{id, events}, func(j journal.Journal) ([]journal.Receipt, error) {
		return j.Append(ctx, id, events)
	})
}

func (w *twin) Pending(ctx context.Context, id town.TownID, limit int) ([]town.Event, error) {
	return both(w, "Pending", []any{id, limit}, func(j journal.Journal) ([]town.Event, error) {
		return j.Pending(ctx, id, limit)
	})
}

func (w *twin) CommitTick(ctx context.Context, id town.TownID, t *town.Tick) error {
	_, err := both(w, "CommitTick", []any{id, t.No, t.At, t.Events}, func(j journal.Journal) (struct{}, error) {
		return only(j.CommitTick(ctx, id, t))
	})
	return err
}

func (w *twin) SaveSnapshot(ctx context.Context, id town.TownID, tick town.TickNo, data []byte) error {
	_, err := both(w, "SaveSnapshot", []any{id, tick, len(data)}, func(j journal.Journal) (struct{}, error) {
		return only(j.SaveSnapshot(ctx, id, tick, data))
	})
	return err
}

// storedSnapshot is what Snapshot returns.
type storedSnapshot struct {
	Info journal.SnapshotInfo
	Data string
}

func (w *twin) Snapshot(
	ctx context.Context, id town.TownID, atOrBefore town.TickNo,
) (journal.SnapshotInfo, []byte, error) {
	s, err := both(w, "Snapshot", []any{id, atOrBefore}, func(j journal.Journal) (storedSnapshot, error) {
		info, data, err := j.Snapshot(ctx, id, atOrBefore)
		return storedSnapshot{info, string(data)}, err
	})
	return s.Info, []byte(s.Data), err
}

func (w *twin) Ticks(ctx context.Context, id town.TownID, f journal.TickFilter) ([]*town.Tick, error) {
	return both(w, "Ticks", []any{id, f}, func(j journal.Journal) ([]*town.Tick, error) { return j.Ticks(ctx, id, f) })
}

func (w *twin) TickHeads(ctx context.Context, id town.TownID, f journal.TickFilter) ([]journal.TickHead, error) {
	return both(w, "TickHeads", []any{id, f}, func(j journal.Journal) ([]journal.TickHead, error) {
		return j.TickHeads(ctx, id, f)
	})
}

func (w *twin) TicksAbout(
	ctx context.Context, id town.TownID, about town.About, before town.TickNo, limit int,
) ([]*town.Tick, error) {
	return both(w, "TicksAbout", []any{id, about, before, limit}, func(j journal.Journal) ([]*town.Tick, error) {
		return j.TicksAbout(ctx, id, about, before, limit)
	})
}

func (w *twin) Events(ctx context.Context, id town.TownID, f journal.EventFilter) ([]journal.EventRecord, error) {
	return both(w, "Events", []any{id, f}, func(j journal.Journal) ([]journal.EventRecord, error) {
		return j.Events(ctx, id, f)
	})
}

func (w *twin) EventByID(ctx context.Context, id town.TownID, eventID string) (journal.EventRecord, error) {
	return both(w, "EventByID", []any{id, eventID}, func(j journal.Journal) (journal.EventRecord, error) {
		return j.EventByID(ctx, id, eventID)
	})
}

func (w *twin) ArchivedBead(ctx context.Context, id town.TownID, bead town.BeadID) (*town.Bead, error) {
	return both(w, "ArchivedBead", []any{id, bead}, func(j journal.Journal) (*town.Bead, error) {
		return j.ArchivedBead(ctx, id, bead)
	})
}

func (w *twin) ArchivedBeads(
	ctx context.Context, id town.TownID, p journal.ArchivePage,
) ([]journal.ArchivedBead, error) {
	return both(w, "ArchivedBeads", []any{id, p}, func(j journal.Journal) ([]journal.ArchivedBead, error) {
		return j.ArchivedBeads(ctx, id, p)
	})
}

func (w *twin) Retain(ctx context.Context, id town.TownID, before town.Time) (journal.Removed, error) {
	return both(w, "Retain", []any{id, before}, func(j journal.Journal) (journal.Removed, error) {
		return j.Retain(ctx, id, before)
	})
}

func (w *twin) Oldest(ctx context.Context, id town.TownID) (journal.Moment, error) {
	return both(w, "Oldest", []any{id}, func(j journal.Journal) (journal.Moment, error) { return j.Oldest(ctx, id) })
}

func (w *twin) Stats(ctx context.Context, id town.TownID) (journal.Stats, error) {
	return both(w, "Stats", []any{id}, func(j journal.Journal) (journal.Stats, error) { return j.Stats(ctx, id) })
}

func (w *twin) Close() error {
	_, err := both(w, "Close", nil, func(j journal.Journal) (struct{}, error) { return only(j.Close()) })
	return err
}
