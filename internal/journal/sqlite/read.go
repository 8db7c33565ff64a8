package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// Towns implements journal.Journal.
func (j *Journal) Towns(ctx context.Context) ([]journal.TownInfo, error) {
	out, err := rowsOf(ctx, j, "SELECT id, name, created, last_tick, last_at, last_seq FROM towns ORDER BY id", nil,
		func(r scanner) (t journal.TownInfo, err error) {
			err = r.Scan(&t.ID, &t.Name, &t.Created, &t.Tick, &t.At, &t.Seq)
			return t, err
		})
	return out, j.explain(ctx, "cannot list towns", err)
}

// Snapshot implements journal.Journal.
func (j *Journal) Snapshot(ctx context.Context, id town.TownID, atOrBefore town.TickNo) (journal.SnapshotInfo, []byte, error) {
	var info journal.SnapshotInfo
	var body []byte
	err := j.read.QueryRowContext(ctx, "SELECT tick, at, size, body FROM snapshots WHERE town = ? AND tick <= ? ORDER BY tick DESC LIMIT 1", id, atOrBefore).
		Scan(&info.Tick, &info.At, &info.Size, &body)
	if err != nil {
		what := fmt.Sprintf("a snapshot of town %s", id)
		if atOrBefore != journal.Newest {
			what += fmt.Sprintf(" at tick %d or before", atOrBefore)
		}
		return info, nil, j.explain(ctx, "cannot read snapshot", absent(err, what))
	}
	info.Stored = len(body)
	data, err := journal.Expand(body)
	if err == nil && len(data) != info.Size {
		err = fmt.Errorf("it has %d bytes and should have %d: %w", len(data), info.Size, journal.ErrDamaged)
	}
	if err != nil {
		return info, nil, fmt.Errorf("cannot read snapshot of town %s at tick %d: %w", id, info.Tick, err)
	}
	return info, data, nil
}

// firstAt finds the first tick at a time or later. Time never goes back from tick to tick, so that
// a bound in time is one in ticks, which lists are in the order of.
const firstAt = "coalesce((SELECT tick FROM ticks INDEXED BY ticks_at WHERE town = ? AND at >= ? ORDER BY at, rowid LIMIT 1), 9223372036854775807)"

func tickTail(id town.TownID, f journal.TickFilter) (string, []any) {
	var w where
	w.add("town = ?", id)
	addIf(&w, "tick > ?", f.After)
	addIf(&w, "tick < ?", f.Before)
	if f.From != 0 {
		w.add("tick >= "+firstAt, id, f.From)
	}
	if f.To != 0 {
		w.add("tick < "+firstAt, id, f.To)
	}
	return w.tail("tick", f.Newest, f.Limit)
}

// Ticks implements journal.Journal.
func (j *Journal) Ticks(ctx context.Context, id town.TownID, f journal.TickFilter) ([]*town.Tick, error) {
	tail, args := tickTail(id, f)
	columns := "SELECT tick, body FROM ticks"
	if f.Taken {
		columns = "SELECT tick, body, taken FROM ticks"
	}
	room := 0
	return list(ctx, j, id, fmt.Sprintf("cannot read ticks of town %s", id), columns+tail, args, func(r scanner) (*town.Tick, error) {
		read := scanTick
		if f.Taken {
			read = scanTickWithEvents
		}
		t, err := read(r)
		if err != nil || f.Room <= 0 {
			return t, err
		}
		if room += len(t.Events) + len(t.Actions) + len(t.Changes); room >= f.Room {
			err = errEnough
		}
		return t, err
	})
}

func scanTick(r scanner) (*town.Tick, error) {
	var no town.TickNo
	var body []byte
	if err := r.Scan(&no, &body); err != nil {
		return nil, err
	}
	return decodeTick(no, body)
}

func scanTickWithEvents(r scanner) (*town.Tick, error) {
	var no town.TickNo
	var body []byte
	var taken sql.RawBytes
	if err := r.Scan(&no, &body, &taken); err != nil {
		return nil, err
	}
	t, err := decodeTick(no, body)
	if err != nil || len(t.Events) == 0 || taken == nil {
		return t, err
	}
	if t.Taken, err = journal.DecodeTaken(taken, len(t.Events)); err != nil {
		return nil, fmt.Errorf("tick %d: %w", no, err)
	}
	return t, nil
}

func decodeTick(no town.TickNo, body []byte) (*town.Tick, error) {
	t, err := town.DecodeTick(body)
	if err != nil {
		return nil, fmt.Errorf("tick %d: %w: %w", no, journal.ErrDamaged, err)
	}
	return t, nil
}

// TickHeads implements journal.Journal.
func (j *Journal) TickHeads(ctx context.Context, id town.TownID, f journal.TickFilter) ([]journal.TickHead, error) {
	tail, args := tickTail(id, f)
	return list(ctx, j, id, fmt.Sprintf("cannot list ticks of town %s", id),
		"SELECT tick, at, rule_set, digest, events, actions, changes, violations FROM ticks"+tail, args,
		func(r scanner) (h journal.TickHead, err error) {
			var digest []byte
			err = r.Scan(&h.No, &h.At, &h.RuleSet, &digest, &h.Events, &h.Actions, &h.Changes, &h.Violations)
			if err == nil && copy(h.Digest[:], digest) != len(h.Digest) {
				err = fmt.Errorf("tick %d: its digest has %d bytes: %w", h.No, len(digest), journal.ErrDamaged)
			}
			return h, err
		})
}

// ArchivedBead implements journal.Journal.
func (j *Journal) ArchivedBead(ctx context.Context, id town.TownID, bead town.BeadID) (*town.Bead, error) {
	doing := fmt.Sprintf("cannot read archived bead of town %s", id)
	var version int
	var data []byte
	err := j.read.QueryRowContext(ctx, "SELECT version, body FROM archive WHERE town = ? AND bead = ?", id, bead).Scan(&version, &data)
	if err != nil {
		return nil, j.explain(ctx, doing, absent(err, "bead "+string(bead)))
	}
	b, err := journal.BeadOf(bead, version, data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return b, nil
}

// ArchivedBeads implements journal.Journal.
func (j *Journal) ArchivedBeads(ctx context.Context, id town.TownID, p journal.ArchivePage) ([]journal.ArchivedBead, error) {
	var w where
	w.add("town = ?", id)
	if p.AfterID != "" {
		w.add("(closed, bead) < (?, ?)", p.AfterClosed, p.AfterID)
	}
	tail, args := w.tail("closed DESC, bead", true, p.Limit)
	return list(ctx, j, id, fmt.Sprintf("cannot list the archive of town %s", id),
		"SELECT bead, title, type, status, rig, closed, tick FROM archive"+tail, args,
		func(r scanner) (b journal.ArchivedBead, err error) {
			err = r.Scan(&b.ID, &b.Title, &b.Type, &b.Status, &b.Rig, &b.Closed, &b.Tick)
			return b, err
		})
}

// Oldest implements journal.Journal.
func (j *Journal) Oldest(ctx context.Context, id town.TownID) (journal.Moment, error) {
	var m journal.Moment
	err := j.read.QueryRowContext(ctx, "SELECT tick, at FROM snapshots WHERE town = ? ORDER BY tick LIMIT 1", id).Scan(&m.Tick, &m.At)
	return m, j.explain(ctx, "cannot look for the oldest snapshot", noTown(err, id))
}

// Stats implements journal.Journal. All numbers are of the same moment: it is one statement.
func (j *Journal) Stats(ctx context.Context, id town.TownID) (journal.Stats, error) {
	var s journal.Stats
	err := j.read.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM town_events WHERE town = ?1),
		(SELECT count(*) FROM town_events WHERE town = ?1 AND tick = 0),
		(SELECT count(*) FROM ticks WHERE town = ?1),
		(SELECT count(*) FROM snapshots WHERE town = ?1),
		(SELECT count(*) FROM archive WHERE town = ?1),
		(SELECT coalesce(sum(length(body)), 0) FROM snapshots WHERE town = ?1),
		(SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()),
		oldest.tick, oldest.at
		FROM towns JOIN snapshots AS oldest ON oldest.town = towns.id
		WHERE towns.id = ?1 ORDER BY oldest.tick LIMIT 1`, id).
		Scan(&s.Events, &s.Pending, &s.Ticks, &s.Snapshots, &s.Archived, &s.SnapshotBytes, &s.StoreBytes, &s.OldestTick, &s.OldestAt)
	return s, j.explain(ctx, "cannot count the history", noTown(err, id))
}
