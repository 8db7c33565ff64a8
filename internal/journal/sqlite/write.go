package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// CreateTown implements journal.Journal.
func (j *Journal) CreateTown(ctx context.Context, id town.TownID, name string, at town.Time, snapshot []byte) error {
	body, err := journal.Compress(snapshot)
	if err != nil {
		return err
	}
	return j.submit(ctx, func(ctx context.Context, c *sql.Conn) error {
		res, err := c.ExecContext(ctx, "INSERT INTO towns (id, name, created, last_at) VALUES (?1, ?2, ?3, ?3) ON CONFLICT DO NOTHING", id, name, at)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, journal.ErrTownExists)
		}
		_, err = c.ExecContext(ctx, "INSERT INTO snapshots (town, tick, at, size, body) VALUES (?, 0, ?, ?, ?)", id, at, len(snapshot), body)
		return err
	})
}

// Append implements journal.Journal.
func (j *Journal) Append(ctx context.Context, id town.TownID, events []town.Event) ([]journal.Receipt, error) {
	payloads := make([]string, len(events))
	for i := range events {
		if e := &events[i]; e.ID == "" || e.Payload == nil || e.Payload.Type() != e.Type {
			return nil, fmt.Errorf("event %d of the batch has no id, or a payload that is not of type %q: %w", i, e.Type, journal.ErrInvalid)
		}
		data, err := town.EncodePayload(events[i].Payload)
		if err != nil {
			return nil, err
		}
		payloads[i] = string(data)
	}
	var out []journal.Receipt
	err := j.submit(ctx, func(ctx context.Context, c *sql.Conn) error {
		receipts := make([]journal.Receipt, len(events))
		var last town.Seq
		if err := c.QueryRowContext(ctx, "SELECT last_seq FROM towns WHERE id = ?", id).Scan(&last); err != nil {
			return noTown(err, id)
		}
		next := last
		for i := range events {
			r, err := appendOne(ctx, c, id, &events[i], payloads[i], next+1)
			if err != nil {
				return err
			}
			if !r.Duplicate {
				next++
			}
			receipts[i] = r
		}
		if next != last {
			if _, err := c.ExecContext(ctx, "UPDATE towns SET last_seq = ? WHERE id = ?", next, id); err != nil {
				return err
			}
		}
		out = receipts
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func noTown(err error, id town.TownID) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("town %q: %w", id, journal.ErrNotFound)
	}
	return err
}

func appendOne(ctx context.Context, c *sql.Conn, id town.TownID, e *town.Event, payload string, seq town.Seq) (journal.Receipt, error) {
	res, err := c.ExecContext(ctx, `INSERT INTO town_events (town, seq, event_id, type, agent, run, bead, sender, created, payload)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (town, event_id) DO NOTHING`,
		id, seq, e.ID, e.Type, e.Agent, e.Run, e.Bead, e.By, e.Created, payload)
	if err != nil {
		return journal.Receipt{}, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return journal.Receipt{Seq: seq}, err
	}
	r := journal.Receipt{Duplicate: true}
	var outcome sql.NullString
	if err := c.QueryRowContext(ctx, "SELECT seq, tick, processed_at, outcome FROM town_events WHERE town = ? AND event_id = ?", id, e.ID).
		Scan(&r.Seq, &r.Tick, &r.At, &outcome); err != nil {
		return r, err
	}
	if outcome.Valid {
		r.Outcome = new(town.EventOutcome)
		return r, json.Unmarshal([]byte(outcome.String), r.Outcome)
	}
	return r, nil
}

// CommitTick implements journal.Journal.
func (j *Journal) CommitTick(ctx context.Context, id town.TownID, t *town.Tick) error {
	if t.Empty() {
		return fmt.Errorf("tick %d is empty: %w", t.No, journal.ErrInvalid)
	}
	body := t.Encode()
	outcomes := make([]string, len(t.Events))
	for i := range t.Events {
		data, err := json.Marshal(&t.Events[i])
		if err != nil {
			return fmt.Errorf("cannot write the outcome of event %d: %w", t.Events[i].Seq, err)
		}
		outcomes[i] = string(data)
	}
	return j.submit(ctx, func(ctx context.Context, c *sql.Conn) error {
		if err := nextTick(ctx, c, id, t); err != nil {
			return err
		}
		if _, err := c.ExecContext(ctx, `INSERT INTO ticks (town, tick, at, rule_set, digest, events, actions, changes, violations, body)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, id, t.No, t.At, t.RuleSet, t.Digest[:],
			len(t.Events), len(t.Actions), len(t.Changes), len(t.Violations), body); err != nil {
			return err
		}
		for i := range t.Events {
			res, err := c.ExecContext(ctx, "UPDATE town_events SET tick = ?, processed_at = ?, outcome = ? WHERE town = ? AND seq = ? AND tick = 0",
				t.No, t.At, outcomes[i], id, t.Events[i].Seq)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n == 0 {
				return errors.Join(err, fmt.Errorf("event %d of town %q is not pending: %w", t.Events[i].Seq, id, journal.ErrConflict))
			}
		}
		return keepChanges(ctx, c, id, t)
	})
}

// nextTick moves the town on to the tick, if that is the next one.
func nextTick(ctx context.Context, c *sql.Conn, id town.TownID, t *town.Tick) error {
	res, err := c.ExecContext(ctx, "UPDATE towns SET last_tick = ?2, last_at = ?3 WHERE id = ?1 AND last_tick = ?2 - 1 AND last_at <= ?3", id, t.No, t.At)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err != nil || n == 1 {
		return err
	}
	var last town.TickNo
	if err := c.QueryRowContext(ctx, "SELECT last_tick FROM towns WHERE id = ?", id).Scan(&last); err != nil {
		return noTown(err, id)
	}
	return fmt.Errorf("tick %d of %s after tick %d of town %q: %w", t.No, t.At, last, id, journal.ErrConflict)
}

// keepChanges archives the beads that left the state for that, and follows the town's name.
func keepChanges(ctx context.Context, c *sql.Conn, id town.TownID, t *town.Tick) error {
	for i := range t.Changes {
		x := &t.Changes[i]
		if !x.Archived && x.Kind != town.KindTown {
			continue
		}
		e, err := x.Entity()
		if err != nil {
			return err
		}
		switch e := e.(type) {
		case *town.Town:
			_, err = c.ExecContext(ctx, "UPDATE towns SET name = ? WHERE id = ?", e.Name, id)
		case *town.Bead:
			_, err = c.ExecContext(ctx, `INSERT INTO archive (town, bead, rig, tick, type, status, title, closed, version, body)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, id, e.ID, e.Rig, t.No, e.Type, e.Status, e.Title, e.Closed, x.Version, x.Data)
		default:
			err = fmt.Errorf("%s %s cannot be archived: %w", x.Kind, x.ID, journal.ErrInvalid)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// SaveSnapshot implements journal.Journal.
func (j *Journal) SaveSnapshot(ctx context.Context, id town.TownID, tick town.TickNo, data []byte) error {
	body, err := journal.Compress(data)
	if err != nil {
		return err
	}
	return j.submit(ctx, func(ctx context.Context, c *sql.Conn) error {
		var at town.Time
		err := c.QueryRowContext(ctx, `SELECT at FROM ticks WHERE town = ?1 AND tick = ?2
			UNION SELECT at FROM snapshots WHERE town = ?1 AND tick = ?2`, id, tick).Scan(&at)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("town %q has no tick %d to keep a snapshot of: %w", id, tick, journal.ErrConflict)
		}
		if err != nil {
			return err
		}
		_, err = c.ExecContext(ctx, "INSERT OR REPLACE INTO snapshots (town, tick, at, size, body) VALUES (?, ?, ?, ?, ?)", id, tick, at, len(data), body)
		return err
	})
}

// retainStep bounds how many rows one transaction of Retain removes, so that others can write in
// between.
const retainStep = 2000

// Retain implements journal.Journal. The oldest snapshots go first: what is left of an interrupted
// one is then a history that begins in its middle and is whole from the next snapshot on.
func (j *Journal) Retain(ctx context.Context, id town.TownID, before town.Time) (journal.Removed, error) {
	var out journal.Removed
	var keep sql.NullInt64
	if err := j.read.QueryRowContext(ctx, "SELECT max(tick) FROM snapshots WHERE town = ? AND at < ?", id, before).Scan(&keep); err != nil {
		return out, err
	}
	if !keep.Valid {
		return out, nil
	}
	for _, d := range []struct {
		count *int
		query string
	}{
		{&out.Snapshots, "DELETE FROM snapshots WHERE rowid IN (SELECT rowid FROM snapshots WHERE town = ? AND tick < ? LIMIT ?)"},
		{&out.Ticks, "DELETE FROM ticks WHERE rowid IN (SELECT rowid FROM ticks WHERE town = ? AND tick <= ? LIMIT ?)"},
		{&out.Events, "DELETE FROM town_events WHERE (town, seq) IN (SELECT town, seq FROM town_events WHERE town = ? AND tick > 0 AND tick <= ? LIMIT ?)"},
	} {
		for {
			var n int64
			err := j.submit(ctx, func(ctx context.Context, c *sql.Conn) error {
				res, err := c.ExecContext(ctx, d.query, id, keep.Int64, retainStep)
				if err != nil {
					return err
				}
				n, err = res.RowsAffected()
				return err
			})
			if err != nil {
				return out, fmt.Errorf("cannot remove old history of town %q: %w", id, err)
			}
			*d.count += int(n)
			if n < retainStep {
				break
			}
		}
	}
	return out, nil
}
