package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	return j.submit(ctx, doing, func(c *conn) error {
		n, err := c.exec("INSERT INTO towns (id, name, created, last_at) VALUES (?1, ?2, ?3, ?3) ON CONFLICT DO NOTHING", id, name, at)
		if err != nil {
			return err
		}
		if n == 0 {
			return journal.ErrTownExists
		}
		return putSnapshot(c, id, 0, at, len(snapshot), body)
	})
}

// Append implements journal.Journal.
func (j *Journal) Append(ctx context.Context, id town.TownID, events []town.Event) ([]journal.Receipt, error) {
	doing := fmt.Sprintf("cannot append events to town %s", id)
	payloads := make([]string, len(events))
	for i := range events {
		data, err := journal.PayloadOf(&events[i])
		if err != nil {
			return nil, fmt.Errorf("%s: event %d of the batch: %w", doing, i+1, err)
		}
		payloads[i] = string(data)
	}
	receipts := make([]journal.Receipt, len(events))
	err := j.submit(ctx, doing, func(c *conn) error {
		var last town.Seq
		if err := c.get("SELECT last_seq FROM towns WHERE id = ?", []any{id}, &last); err != nil {
			return noTown(err, id)
		}
		if len(events) == 0 {
			return tryOut(c, id, last+1)
		}
		next := last
		for i := range events {
			r, err := appendOne(c, id, &events[i], payloads[i], next+1)
			if err != nil {
				return err
			}
			if !r.Duplicate {
				next++
			}
			receipts[i] = r
		}
		if next == last {
			return nil
		}
		_, err := c.exec("UPDATE towns SET last_seq = ? WHERE id = ?", next, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return receipts, nil
}

// trial is as large as the page that an event with a text may need.
var trial = strings.Repeat(" ", 4096)

// tryOut stores an event and takes it away again. Its pages are written with the transaction all the same, so that a
// full disk shows.
func tryOut(c *conn, id town.TownID, seq town.Seq) error {
	insert := "INSERT INTO town_events (town, seq, event_id, type, created, payload) VALUES (?, ?, '', '', 0, ?)"
	if _, err := c.exec(insert, id, seq, trial); err != nil {
		return err
	}
	_, err := c.exec("DELETE FROM town_events WHERE town = ? AND seq = ?", id, seq)
	return err
}

func appendOne(c *conn, id town.TownID, e *town.Event, payload string, seq town.Seq) (journal.Receipt, error) {
	n, err := c.exec(`INSERT INTO town_events (town, seq, event_id, type, agent, run, bead, sender, created, payload)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (town, event_id) DO NOTHING`,
		id, seq, e.ID, e.Type, e.Agent, e.Run, e.Bead, e.By, e.Created, payload)
	if err != nil || n == 1 {
		return journal.Receipt{Seq: seq}, err
	}
	r := journal.Receipt{Duplicate: true}
	var outcome sql.NullString
	if err := c.get("SELECT seq, tick, processed_at, outcome FROM town_events WHERE town = ? AND event_id = ?", []any{id, e.ID},
		&r.Seq, &r.Tick, &r.At, &outcome); err != nil {
		return r, err
	}
	r.Outcome, err = decodeOutcome(r.Seq, outcome)
	return r, err
}

// CommitTick implements journal.Journal.
func (j *Journal) CommitTick(ctx context.Context, id town.TownID, t *town.Tick) error {
	doing := fmt.Sprintf("cannot store tick %d of town %s", t.No, id)
	if t.Empty() {
		return fmt.Errorf("%s: it is empty: %w", doing, journal.ErrInvalid)
	}
	body := t.Encode()
	outcomes := make([]string, len(t.Events))
	for i := range t.Events {
		data, err := json.Marshal(&t.Events[i])
		if err != nil {
			return fmt.Errorf("%s: outcome of event %d: %w", doing, t.Events[i].Seq, err)
		}
		outcomes[i] = string(data)
	}
	aside, err := journal.AsideOf(t)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	about := t.About()
	return j.submit(ctx, doing, func(c *conn) error {
		if err := nextTick(c, id, t); err != nil {
			return err
		}
		if err := take(c, id, t, outcomes); err != nil {
			return err
		}
		taken, named, err := takenBy(c, id, t.No)
		if err != nil {
			return err
		}
		if _, err := c.exec(`INSERT INTO ticks (town, tick, at, rule_set, digest, events, actions, changes, violations, body, taken)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, id, t.No, t.At, t.RuleSet, t.Digest[:],
			len(t.Events), len(t.Actions), len(t.Changes), len(t.Violations), body, taken.Encode()); err != nil {
			return err
		}
		if err := putSubjects(c, id, t.No, slices.Concat(about, named)); err != nil {
			return err
		}
		return putAside(c, id, t.No, aside)
	})
}

// take marks the events of the tick as processed.
func take(c *conn, id town.TownID, t *town.Tick, outcomes []string) error {
	for i := range t.Events {
		n, err := c.exec("UPDATE town_events SET tick = ?, processed_at = ?, outcome = ? WHERE town = ? AND seq = ? AND tick = 0",
			t.No, t.At, outcomes[i], id, t.Events[i].Seq)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("it takes event %d, which is not pending: %w", t.Events[i].Seq, journal.ErrConflict)
		}
	}
	return nil
}

// takenBy puts the events that a tick has taken together, in the order of seq, and lists what they name.
func takenBy(c *conn, id town.TownID, tick town.TickNo) (taken journal.Taken, named []town.About, err error) {
	// The tick > 0 is for the index, which leaves pending events out.
	query := "SELECT seq, event_id, type, agent, run, bead, sender, created, payload FROM town_events" + tickIndex +
		" WHERE town = ? AND tick = ? AND tick > 0 ORDER BY seq"
	var e town.Event
	var payload sql.RawBytes
	err = c.each(query, []any{id, tick}, func(r scanner) error {
		if err := r.Scan(&e.Seq, &e.ID, &e.Type, &e.Agent, &e.Run, &e.Bead, &e.By, &e.Created, &payload); err != nil {
			return err
		}
		taken.Add(&e, payload)
		named = append(named, e.About()...)
		return nil
	})
	return taken, named, err
}

// nextTick moves the town on to the tick, if that is the next one.
func nextTick(c *conn, id town.TownID, t *town.Tick) error {
	n, err := c.exec("UPDATE towns SET last_tick = ?2, last_at = ?3 WHERE id = ?1 AND last_tick = ?2 - 1 AND last_at <= ?3", id, t.No, t.At)
	if err != nil || n == 1 {
		return err
	}
	var last town.TickNo
	var at town.Time
	if err := c.get("SELECT last_tick, last_at FROM towns WHERE id = ?", []any{id}, &last, &at); err != nil {
		return noTown(err, id)
	}
	return fmt.Errorf("it is of %s, the newest stored is tick %d of %s: %w", t.At, last, at, journal.ErrConflict)
}

// putAside stores what of a tick has a place of its own besides the record.
func putAside(c *conn, id town.TownID, tick town.TickNo, aside journal.Aside) error {
	if aside.Name != nil {
		if _, err := c.exec("UPDATE towns SET name = ? WHERE id = ?", *aside.Name, id); err != nil {
			return err
		}
	}
	for _, a := range aside.Archived {
		b := a.Bead
		if _, err := c.exec(`INSERT OR REPLACE INTO archive (town, bead, rig, tick, type, status, title, closed, version, body)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, id, b.ID, b.Rig, tick, b.Type, b.Status, b.Title, b.Closed, a.Change.Version, a.Change.Data); err != nil {
			return err
		}
	}
	return nil
}

// SaveSnapshot implements journal.Journal.
func (j *Journal) SaveSnapshot(ctx context.Context, id town.TownID, tick town.TickNo, data []byte) error {
	doing := fmt.Sprintf("cannot save a snapshot of town %s at tick %d", id, tick)
	body, err := journal.Compress(data)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return j.submit(ctx, doing, func(c *conn) error {
		var known int
		if err := c.get("SELECT 1 FROM towns WHERE id = ?", []any{id}, &known); err != nil {
			return noTown(err, id)
		}
		// The record of the oldest kept snapshot's tick may be gone: then that snapshot knows its time.
		var at town.Time
		err := c.get(`SELECT at FROM ticks WHERE town = ?1 AND tick = ?2
			UNION SELECT at FROM snapshots WHERE town = ?1 AND tick = ?2`, []any{id, tick}, &at)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("the tick is not stored: %w", journal.ErrConflict)
		}
		if err != nil {
			return err
		}
		return putSnapshot(c, id, tick, at, len(data), body)
	})
}

func putSnapshot(c *conn, id town.TownID, tick town.TickNo, at town.Time, size int, body []byte) error {
	_, err := c.exec("INSERT OR REPLACE INTO snapshots (town, tick, at, size, body) VALUES (?, ?, ?, ?, ?)", id, tick, at, size, body)
	return err
}
