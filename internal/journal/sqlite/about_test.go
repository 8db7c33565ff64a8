package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gastown/internal/journal"
	"gastown/internal/journal/journaltest"
	"gastown/internal/town"
)

// lived returns the path of a journal in which two towns have lived, closed.
func lived(t *testing.T) string {
	t.Helper()
	ctx := context.Background()
	dir := t.TempDir()
	j := openAt(t, dir)
	for i := range 2 {
		l, err := journaltest.NewLife(ctx, j, town.TownID(fmt.Sprintf("town-%d", i)), rand.New(rand.NewPCG(uint64(i), 3)).IntN)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 60 {
			if _, _, err := l.Step(ctx); err != nil {
				t.Fatal(err)
			}
			if n%20 == 19 {
				if err := l.Snapshot(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "gastown.db")
}

// subjects reads which ticks are noted to be about what.
func subjects(t *testing.T, path string) []string {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.Query("SELECT town, kind, id, tick FROM subjects JOIN subject_ticks ON subject = no")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	err = eachRow(rows, func(r scanner) error {
		var town, kind, id string
		var tick int
		err := r.Scan(&town, &kind, &id, &tick)
		out = append(out, fmt.Sprint(town, " ", kind, " ", id, " ", tick))
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// secondSchema takes a file back to the schema that had no subjects.
const secondSchema = "ALTER TABLE ticks DROP COLUMN taken; DROP TABLE subject_ticks; DROP TABLE subjects; DELETE FROM goose_db_version WHERE version_id > 2; PRAGMA user_version = 2"

// TestOldTicksGetTheirSubjects upgrades a file whose ticks were stored without: it must come to
// what has been noted at each commit.
func TestOldTicksGetTheirSubjects(t *testing.T) {
	t.Parallel()
	path := lived(t)
	noted := subjects(t, path)
	if len(noted) < 100 {
		t.Fatalf("%d rows show too little", len(noted))
	}
	change(t, path, secondSchema)
	if err := openAt(t, filepath.Dir(path)).Close(); err != nil {
		t.Fatal(err)
	}
	if again := subjects(t, path); !slices.Equal(again, noted) {
		t.Errorf("after the upgrade there are %d rows:\n%s\nnoted were %d:\n%s",
			len(again), strings.Join(again, "\n"), len(noted), strings.Join(noted, "\n"))
	}
}

// TestAnUpgradeNamesDamage: a tick that cannot be read would be missing from every list without a
// word. The file stays one that the older gastown can open.
func TestAnUpgradeNamesDamage(t *testing.T) {
	t.Parallel()
	path := lived(t)
	change(t, path, secondSchema+"; UPDATE ticks SET body = x'00' WHERE town = 'town-1' AND tick = 3")
	for range 2 {
		_, err := Open(context.Background(), path)
		if !errors.Is(err, journal.ErrDamaged) || !contains(err.Error(), "town town-1: tick 3") || !contains(err.Error(), restoreRemedy) {
			t.Fatalf("the error is %v, want one that names the tick and the remedy", err)
		}
	}
	var version int
	query(t, path, "SELECT user_version FROM pragma_user_version", &version)
	if version != 2 {
		t.Errorf("the schema is %d", version)
	}
}

// TestRetentionRemovesSubjects looks at what lists do not show: rows whose tick is gone, and names
// without rows.
func TestRetentionRemovesSubjects(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := lived(t)
	before := subjects(t, path)
	j := openAt(t, filepath.Dir(path))
	newest, _, err := j.Snapshot(ctx, "town-0", journal.Newest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Retain(ctx, "town-0", newest.At+1); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	var old, orphans int
	query(t, path, fmt.Sprintf(`SELECT
		(SELECT count(*) FROM subjects JOIN subject_ticks ON subject = no WHERE town = 'town-0' AND tick <= %d),
		(SELECT count(*) FROM subjects WHERE no NOT IN (SELECT subject FROM subject_ticks))`, newest.Tick), &old, &orphans)
	if old != 0 || orphans != 0 {
		t.Errorf("%d rows of removed ticks and %d names without any are left", old, orphans)
	}
	after := subjects(t, path)
	others := func(row string) bool { return strings.HasPrefix(row, "town-0 ") }
	if len(after) >= len(before) || !slices.Equal(slices.DeleteFunc(after, others), slices.DeleteFunc(before, others)) {
		t.Error("rows of the other town went as well, or none at all")
	}
}

// TestTicksAboutAreFoundInOrder shows that neither a table is read through nor anything is sorted.
func TestTicksAboutAreFoundInOrder(t *testing.T) {
	t.Parallel()
	j := openAt(t, t.TempDir()).(*Journal)
	defer j.Close()
	text, args := aboutQuery("a", town.About{Kind: town.KindBead, ID: "b"}, 5, 9)
	plan, err := rowsOf(context.Background(), j, "EXPLAIN QUERY PLAN "+text, args, func(r scanner) (line string, err error) {
		var id, parent, unused int
		err = r.Scan(&id, &parent, &unused, &line)
		return line, err
	})
	if err != nil || len(plan) != 3 {
		t.Fatalf("%q, %v: want three steps", plan, err)
	}
	for i, table := range []string{"subjects", "subject_ticks", "ticks"} {
		if !strings.HasPrefix(plan[i], "SEARCH "+table+" USING") {
			t.Errorf("step %d is %s, want a search in %s", i+1, plan[i], table)
		}
	}
}
