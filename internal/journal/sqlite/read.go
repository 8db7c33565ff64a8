package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// Towns implements journal.Journal.
func (j *Journal) Towns(ctx context.Context) ([]journal.TownInfo, error) {
	rows, err := j.read.QueryContext(ctx, "SELECT id, name, created, last_tick, last_at, last_seq FROM towns ORDER BY id")
	return collect(rows, err, func(r *sql.Rows) (t journal.TownInfo, err error) {
		err = r.Scan(&t.ID, &t.Name, &t.Created, &t.Tick, &t.At, &t.Seq)
		return t, err
	})
}

// collect reads all rows.
func collect[T any](rows *sql.Rows, err error, scan func(*sql.Rows) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

const eventColumns = "seq, event_id, type, agent, run, bead, sender, created, payload, tick, processed_at, outcome"

func scanEvent(r interface{ Scan(...any) error }) (journal.EventRecord, error) {
	var rec journal.EventRecord
	var payload []byte
	var outcome sql.NullString
	e := &rec.Event
	if err := r.Scan(&e.Seq, &e.ID, &e.Type, &e.Agent, &e.Run, &e.Bead, &e.By, &e.Created, &payload, &rec.Processed.Tick, &rec.Processed.At, &outcome); err != nil {
		return rec, err
	}
	var err error
	if e.Payload, err = town.DecodePayload(e.Type, payload); err != nil {
		return rec, fmt.Errorf("event %d: %w", e.Seq, err)
	}
	if outcome.Valid {
		rec.Processed.Outcome = new(town.EventOutcome)
		if err := json.Unmarshal([]byte(outcome.String), rec.Processed.Outcome); err != nil {
			return rec, fmt.Errorf("outcome of event %d: %w", e.Seq, err)
		}
	}
	return rec, nil
}

// Pending implements journal.Journal.
func (j *Journal) Pending(ctx context.Context, id town.TownID, limit int) ([]town.Event, error) {
	rows, err := j.read.QueryContext(ctx, "SELECT "+eventColumns+" FROM town_events WHERE town = ? AND tick = 0 ORDER BY seq LIMIT ?", id, limit)
	return collect(rows, err, func(r *sql.Rows) (town.Event, error) {
		rec, err := scanEvent(r)
		return rec.Event, err
	})
}

// where collects conditions of a query.
type where struct {
	conds []string
	args  []any
}

func (w *where) add(cond string, args ...any) {
	w.conds = append(w.conds, cond)
	w.args = append(w.args, args...)
}

func (w *where) String() string { return strings.Join(w.conds, " AND ") }

func order(newest bool) string {
	if newest {
		return "DESC"
	}
	return "ASC"
}

// Events implements journal.Journal.
func (j *Journal) Events(ctx context.Context, id town.TownID, f journal.EventFilter) ([]journal.EventRecord, error) {
	var w where
	w.add("town = ?", id)
	w.add("seq > ?", f.After)
	w.add("seq < ?", cmp.Or(f.Before, math.MaxInt64))
	w.add("created >= ?", f.From)
	w.add("created < ?", cmp.Or(f.To, math.MaxInt64))
	if f.FromTick != 0 || f.ToTick != 0 {
		w.add("tick > 0 AND tick BETWEEN ? AND ?", f.FromTick, cmp.Or(f.ToTick, math.MaxInt64))
	}
	if f.Agent != "" {
		w.add("agent = ?", f.Agent)
	}
	if f.Bead != "" {
		w.add("bead = ?", f.Bead)
	}
	if len(f.Types) > 0 {
		args := make([]any, len(f.Types))
		for i, t := range f.Types {
			args[i] = t
		}
		w.add("type IN (?"+strings.Repeat(", ?", len(args)-1)+")", args...)
	}
	rows, err := j.read.QueryContext(ctx, "SELECT "+eventColumns+" FROM town_events WHERE "+w.String()+
		" ORDER BY seq "+order(f.Newest)+" LIMIT ?", append(w.args, limit(f.Limit))...)
	return collect(rows, err, func(r *sql.Rows) (journal.EventRecord, error) { return scanEvent(r) })
}

// EventByID implements journal.Journal.
func (j *Journal) EventByID(ctx context.Context, id town.TownID, eventID string) (journal.EventRecord, error) {
	rec, err := scanEvent(j.read.QueryRowContext(ctx, "SELECT "+eventColumns+" FROM town_events WHERE town = ? AND event_id = ?", id, eventID))
	return rec, absent(err, "event "+eventID)
}

func absent(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s: %w", what, journal.ErrNotFound)
	}
	return err
}

// Snapshot implements journal.Journal.
func (j *Journal) Snapshot(ctx context.Context, id town.TownID, atOrBefore town.TickNo) (journal.SnapshotInfo, []byte, error) {
	var info journal.SnapshotInfo
	var body []byte
	err := j.read.QueryRowContext(ctx, "SELECT tick, at, size, body FROM snapshots WHERE town = ? AND tick <= ? ORDER BY tick DESC LIMIT 1", id, atOrBefore).
		Scan(&info.Tick, &info.At, &info.Size, &body)
	if err != nil {
		return info, nil, absent(err, fmt.Sprintf("a snapshot of town %q up to tick %d", id, atOrBefore))
	}
	info.Stored = len(body)
	data, err := journal.Expand(body)
	if err != nil {
		return info, nil, fmt.Errorf("snapshot of tick %d: %w", info.Tick, err)
	}
	return info, data, nil
}

// limit is how many rows a list may have.
func limit(n int) int {
	if n <= 0 {
		return journal.DefaultLimit
	}
	return n
}

func tickRows(id town.TownID, f journal.TickFilter) (tail string, args []any) {
	var w where
	w.add("town = ?", id)
	w.add("tick > ?", f.After)
	w.add("tick < ?", cmp.Or(f.Before, math.MaxInt64))
	if f.From != 0 {
		w.add("at >= ?", f.From)
	}
	if f.To != 0 {
		w.add("at < ?", f.To)
	}
	return " FROM ticks WHERE " + w.String() + " ORDER BY tick " + order(f.Newest) + " LIMIT ?", append(w.args, limit(f.Limit))
}

// Ticks implements journal.Journal.
func (j *Journal) Ticks(ctx context.Context, id town.TownID, f journal.TickFilter) ([]*town.Tick, error) {
	if err := j.known(ctx, id); err != nil {
		return nil, err
	}
	tail, args := tickRows(id, f)
	rows, err := j.read.QueryContext(ctx, "SELECT tick, body"+tail, args...)
	return collect(rows, err, func(r *sql.Rows) (*town.Tick, error) {
		var no town.TickNo
		var body []byte
		if err := r.Scan(&no, &body); err != nil {
			return nil, err
		}
		t, err := town.DecodeTick(body)
		if err != nil {
			return nil, fmt.Errorf("tick %d: %w: %w", no, journal.ErrDamaged, err)
		}
		return t, nil
	})
}

// TickHeads implements journal.Journal.
func (j *Journal) TickHeads(ctx context.Context, id town.TownID, f journal.TickFilter) ([]journal.TickHead, error) {
	if err := j.known(ctx, id); err != nil {
		return nil, err
	}
	tail, args := tickRows(id, f)
	rows, err := j.read.QueryContext(ctx, "SELECT tick, at, rule_set, digest, events, actions, changes, violations"+tail, args...)
	return collect(rows, err, func(r *sql.Rows) (h journal.TickHead, err error) {
		var digest []byte
		err = r.Scan(&h.No, &h.At, &h.RuleSet, &digest, &h.Events, &h.Actions, &h.Changes, &h.Violations)
		copy(h.Digest[:], digest)
		return h, err
	})
}

// known fails with ErrNotFound for a town that is not in the journal.
func (j *Journal) known(ctx context.Context, id town.TownID) error {
	var one int
	return noTown(j.read.QueryRowContext(ctx, "SELECT 1 FROM towns WHERE id = ?", id).Scan(&one), id)
}

// ArchivedBead implements journal.Journal.
func (j *Journal) ArchivedBead(ctx context.Context, id town.TownID, bead town.BeadID) (*town.Bead, error) {
	x := town.Change{Kind: town.KindBead, ID: string(bead)}
	err := j.read.QueryRowContext(ctx, "SELECT version, body FROM archive WHERE town = ? AND bead = ?", id, bead).Scan(&x.Version, &x.Data)
	if err != nil {
		return nil, absent(err, "archived bead "+string(bead))
	}
	e, err := x.Entity()
	if err != nil {
		return nil, fmt.Errorf("archived bead %s: %w: %w", bead, journal.ErrDamaged, err)
	}
	return e.(*town.Bead), nil
}

// ArchivedBeads implements journal.Journal.
func (j *Journal) ArchivedBeads(ctx context.Context, id town.TownID, p journal.ArchivePage) ([]journal.ArchivedBead, error) {
	if err := j.known(ctx, id); err != nil {
		return nil, err
	}
	var w where
	w.add("town = ?", id)
	if p.AfterID != "" {
		w.add("(closed, bead) < (?, ?)", p.AfterClosed, p.AfterID)
	}
	rows, err := j.read.QueryContext(ctx, "SELECT bead, title, type, status, rig, closed, tick FROM archive WHERE "+w.String()+
		" ORDER BY closed DESC, bead DESC LIMIT ?", append(w.args, limit(p.Limit))...)
	return collect(rows, err, func(r *sql.Rows) (b journal.ArchivedBead, err error) {
		err = r.Scan(&b.ID, &b.Title, &b.Type, &b.Status, &b.Rig, &b.Closed, &b.Tick)
		return b, err
	})
}

// Stats implements journal.Journal.
func (j *Journal) Stats(ctx context.Context, id town.TownID) (journal.Stats, error) {
	var s journal.Stats
	if err := j.known(ctx, id); err != nil {
		return s, err
	}
	err := j.read.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM town_events WHERE town = ?1),
		(SELECT count(*) FROM town_events WHERE town = ?1 AND tick = 0),
		(SELECT count(*) FROM ticks WHERE town = ?1),
		(SELECT count(*) FROM snapshots WHERE town = ?1),
		(SELECT count(*) FROM archive WHERE town = ?1),
		(SELECT coalesce(sum(length(body)), 0) FROM snapshots WHERE town = ?1),
		(SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size())`, id).
		Scan(&s.Events, &s.Pending, &s.Ticks, &s.Snapshots, &s.Archived, &s.SnapshotBytes, &s.StoreBytes)
	if err != nil {
		return s, err
	}
	err = j.read.QueryRowContext(ctx, "SELECT tick, at FROM snapshots WHERE town = ? ORDER BY tick LIMIT 1", id).Scan(&s.OldestTick, &s.OldestAt)
	return s, absent(err, "a snapshot of town "+string(id))
}
