package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// ticksAbout goes from the one subject to its ticks, newest first, and from each to its record;
// CROSS JOIN keeps SQLite to that order, whatever it believes about the sizes.
const ticksAbout = `SELECT ticks.tick, ticks.body FROM subjects
	CROSS JOIN subject_ticks ON subject_ticks.subject = subjects.no
	CROSS JOIN ticks ON ticks.town = subjects.town AND ticks.tick = subject_ticks.tick`

// TicksAbout implements journal.Journal.
func (j *Journal) TicksAbout(ctx context.Context, id town.TownID, about town.About, before town.TickNo, limit int) ([]*town.Tick, error) {
	doing := fmt.Sprintf("cannot read ticks of town %s about %s", id, about.ID)
	if about.Kind != town.KindBead && about.Kind != town.KindAgent {
		return nil, fmt.Errorf("%s: it is of kind %q, must be a bead or an agent: %w", doing, about.Kind, journal.ErrInvalid)
	}
	query, args := aboutQuery(id, about, before, limit)
	return list(ctx, j, id, doing, query, args, scanTick)
}

func aboutQuery(id town.TownID, about town.About, before town.TickNo, limit int) (string, []any) {
	var w where
	w.add("subjects.town = ? AND subjects.kind = ? AND subjects.id = ?", id, about.Kind, about.ID)
	addIf(&w, "subject_ticks.tick < ?", before)
	tail, args := w.tail("subject_ticks.tick", true, limit)
	return ticksAbout + tail, args
}

// statements are run on the writer's connection, or in the transaction of a migration.
type statements interface {
	exec(query string, args ...any) (int64, error)
	each(query string, args []any, row func(scanner) error) error
}

// subjectsAtOnce bounds how many subjects a statement is about: few statements cost less than many,
// and each length is a statement of its own that the writer keeps prepared.
const subjectsAtOnce = 16

// putSubjects notes what a tick is about: what its record is, and what the events name that it has
// taken.
func putSubjects(on statements, id town.TownID, tick town.TickNo, about []town.About) error {
	for some := range slices.Chunk(town.SortAbout(about), subjectsAtOnce) {
		if err := putSome(on, id, tick, some); err != nil {
			return err
		}
	}
	return nil
}

// putSome enters the names only if one was missed: most are known.
func putSome(on statements, id town.TownID, tick town.TickNo, some []town.About) error {
	args := []any{id, tick}
	names := make([]string, len(some))
	for i, a := range some {
		names[i] = fmt.Sprintf("(?%d, ?%d)", len(args)+1, len(args)+2)
		args = append(args, a.Kind, a.ID)
	}
	named := "WITH named (kind, id) AS (VALUES " + strings.Join(names, ", ") + ") "
	ticks := named + `INSERT OR IGNORE INTO subject_ticks (subject, tick) SELECT subjects.no, ?2 FROM named
		CROSS JOIN subjects ON subjects.town = ?1 AND subjects.kind = named.kind AND subjects.id = named.id`
	if n, err := on.exec(ticks, args...); err != nil || int(n) == len(some) {
		return err
	}
	if _, err := on.exec(named+"INSERT OR IGNORE INTO subjects (town, kind, id) SELECT ?1, kind, id FROM named", args...); err != nil {
		return err
	}
	_, err := on.exec(ticks, args...)
	return err
}

// goMigrations are the migrations that must read what is stored; those in SQL are files.
func goMigrations() []*goose.Migration {
	return []*goose.Migration{goose.NewGoMigration(4, &goose.GoFunc{RunTx: subjectsOfOldTicks}, nil)}
}

// migrateStep bounds how many ticks a migration has in memory at once.
const migrateStep = 500

// subjectsOfOldTicks notes what the ticks are about that were stored before there were subjects.
func subjectsOfOldTicks(ctx context.Context, tx *sql.Tx) error {
	on := migrating{ctx, tx}
	var last oldTick
	for {
		var ticks []oldTick
		err := on.each("SELECT town, tick, body FROM ticks WHERE (town, tick) > (?, ?) ORDER BY town, tick LIMIT ?",
			[]any{last.town, last.no, migrateStep}, func(r scanner) error {
				t, err := scanOldTick(r)
				ticks = append(ticks, t)
				return err
			})
		if err != nil {
			return err
		}
		for _, t := range ticks {
			named, err := namedByEvents(on, t.town, t.no)
			if err != nil {
				return err
			}
			if err := putSubjects(on, t.town, t.no, append(t.about, named...)); err != nil {
				return err
			}
		}
		if len(ticks) < migrateStep {
			return nil
		}
		last = ticks[len(ticks)-1]
	}
}

// namedByEvents lists what the events name that a tick has taken.
func namedByEvents(on statements, id town.TownID, tick town.TickNo) (named []town.About, err error) {
	// The tick > 0 is for the index, which leaves pending events out.
	query := "SELECT agent, bead FROM town_events" + tickIndex + " WHERE town = ? AND tick = ? AND tick > 0"
	err = on.each(query, []any{id, tick}, func(r scanner) error {
		var e town.Event
		err := r.Scan(&e.Agent, &e.Bead)
		named = append(named, e.About()...)
		return err
	})
	return named, err
}

// oldTick is a tick of any town.
type oldTick struct {
	town  town.TownID
	no    town.TickNo
	about []town.About // what its record is about
}

func scanOldTick(r scanner) (t oldTick, err error) {
	var body []byte
	if err := r.Scan(&t.town, &t.no, &body); err != nil {
		return t, err
	}
	rec, err := decodeTick(t.no, body)
	if err != nil {
		return t, fmt.Errorf("town %s: %w: %s", t.town, err, restoreRemedy)
	}
	t.about = rec.About()
	return t, nil
}

// migrating runs statements in the transaction of a migration.
type migrating struct {
	ctx context.Context
	tx  *sql.Tx
}

func (m migrating) exec(query string, args ...any) (int64, error) {
	res, err := m.tx.ExecContext(m.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (m migrating) each(query string, args []any, row func(scanner) error) error {
	rows, err := m.tx.QueryContext(m.ctx, query, args...)
	if err != nil {
		return err
	}
	return eachRow(rows, row)
}
