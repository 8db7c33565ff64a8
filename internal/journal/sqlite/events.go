package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// Without statistics, which a young file has not, SQLite would rather read a whole history in the
// order of seq than use an index that finds the few events asked for: INDEXED BY makes it.
const (
	pendingIndex = " INDEXED BY town_events_pending"
	agentIndex   = " INDEXED BY town_events_agent"
	beadIndex    = " INDEXED BY town_events_bead"
	tickIndex    = " INDEXED BY town_events_tick"
)

const eventColumns = "SELECT seq, event_id, type, agent, run, bead, sender, created, payload, tick, processed_at, outcome FROM town_events"

func scanEvent(r scanner) (journal.EventRecord, error) {
	var rec journal.EventRecord
	var payload []byte
	var outcome sql.NullString
	e, p := &rec.Event, &rec.Processed
	if err := r.Scan(&e.Seq, &e.ID, &e.Type, &e.Agent, &e.Run, &e.Bead, &e.By, &e.Created, &payload, &p.Tick, &p.At, &outcome); err != nil {
		return rec, err
	}
	var err error
	if e.Payload, err = town.DecodePayload(e.Type, payload); err != nil {
		return rec, fmt.Errorf("event %d: %w: %w", e.Seq, journal.ErrDamaged, err)
	}
	p.Outcome, err = decodeOutcome(e.Seq, outcome)
	return rec, err
}

// decodeOutcome reads what became of an event; nil while it is pending.
func decodeOutcome(seq town.Seq, stored sql.NullString) (*town.EventOutcome, error) {
	if !stored.Valid {
		return nil, nil
	}
	o := new(town.EventOutcome)
	if err := json.Unmarshal([]byte(stored.String), o); err != nil {
		return nil, fmt.Errorf("outcome of event %d: %w: %w", seq, journal.ErrDamaged, err)
	}
	return o, nil
}

// Pending implements journal.Journal.
func (j *Journal) Pending(ctx context.Context, id town.TownID, limit int) ([]town.Event, error) {
	query, args := pendingQuery(id, limit)
	return list(ctx, j, id, fmt.Sprintf("cannot read pending events of town %s", id), query, args,
		func(r scanner) (town.Event, error) {
			rec, err := scanEvent(r)
			return rec.Event, err
		})
}

func pendingQuery(id town.TownID, limit int) (string, []any) {
	var w where
	w.add("town = ?", id)
	w.add("tick = 0")
	tail, args := w.tail("seq", false, limit)
	return eventColumns + pendingIndex + tail, args
}

// Events implements journal.Journal.
func (j *Journal) Events(ctx context.Context, id town.TownID, f journal.EventFilter) ([]journal.EventRecord, error) {
	query, args := eventQuery(id, f)
	return list(ctx, j, id, fmt.Sprintf("cannot read events of town %s", id), query, args, scanEvent)
}

func eventQuery(id town.TownID, f journal.EventFilter) (string, []any) {
	var w where
	w.add("town = ?", id)
	addIf(&w, "seq > ?", f.After)
	addIf(&w, "seq < ?", f.Before)
	addIf(&w, "created >= ?", f.From)
	addIf(&w, "created < ?", f.To)
	if f.FromTick != 0 || f.ToTick != 0 {
		w.add("tick > 0")
	}
	addIf(&w, "tick >= ?", f.FromTick)
	addIf(&w, "tick <= ?", f.ToTick)
	// The second half of these two is for the indexes, which leave empty ones out.
	addIf(&w, "agent = ? AND agent <> ''", f.Agent)
	addIf(&w, "bead = ? AND bead <> ''", f.Bead)
	if len(f.Types) > 0 {
		args := make([]any, len(f.Types))
		for i, t := range f.Types {
			args[i] = t
		}
		w.add("type IN (?"+strings.Repeat(", ?", len(args)-1)+")", args...)
	}
	index := ""
	switch {
	case f.Bead != "":
		index = beadIndex
	case f.Agent != "":
		index = agentIndex
	}
	tail, args := w.tail("seq", f.Newest, f.Limit)
	return eventColumns + index + tail, args
}

// EventByID implements journal.Journal.
func (j *Journal) EventByID(ctx context.Context, id town.TownID, eventID string) (journal.EventRecord, error) {
	rec, err := scanEvent(j.read.QueryRowContext(ctx, eventColumns+" WHERE town = ? AND event_id = ?", id, eventID))
	if err != nil {
		return journal.EventRecord{}, j.explain(ctx, fmt.Sprintf("cannot read event of town %s", id), absent(err, "event "+eventID))
	}
	return rec, nil
}
