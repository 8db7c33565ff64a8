package replay

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gastown/internal/journal"
	"gastown/internal/journal/sqlite"
	"gastown/internal/town"
)

// Ticks that were stored before records came with their events are replayed from the rows of those.
func TestOldHistoriesAreReplayed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "town.db")
	j, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	l := stuckOn(t, newLifeOn(t, j))
	edit := func(statement string) {
		t.Helper()
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	all, before := replayed(t, l, Query{})
	edit("UPDATE ticks SET taken = NULL WHERE tick % 2 = 0")
	ticks, res := replayed(t, l, Query{})
	if !res.Exact || res.Events != before.Events || len(ticks) != len(all) {
		t.Errorf("%d events of %d in %d ticks of %d, exact %t", res.Events, before.Events, len(ticks), len(all), res.Exact)
	}
	edit("UPDATE ticks SET taken = NULL; DELETE FROM town_events WHERE seq = 3")
	_, err = Run(t.Context(), l.j, "main", Query{}, func(*Tick, *town.State) error { return nil })
	if !errors.Is(err, journal.ErrDamaged) {
		t.Errorf("with an event lost: %v", err)
	}
}

// Histories that were made by older rules are read and replayed as they are. What they hold is legal by today's rules
// too: those decide the same of it, but tell a rework more about its gate, and find nothing wrong. The towns in them
// have no totals of violations, which is
// none.
func TestHistoriesOfOlderRulesAreReplayed(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "old", "*.tar.zst"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			b := read(t, file)
			res, err := Run(t.Context(), b, b.Manifest.Town, Query{}, func(x *Tick, s *town.State) error {
				diffs, err := x.Differences()
				if err != nil {
					return err
				}
				told := slices.DeleteFunc(diffs, toldOtherwise)
				if len(told) != 1 || told[0].Path != "ruleSet" {
					t.Errorf("tick %d: %+v", x.Recorded.No, told)
				}
				for _, inv := range town.Invariants() {
					if n := s.ViolationsFound(inv.Number); n != 0 {
						t.Errorf("tick %d: %d violations of invariant %d are counted", x.Recorded.No, n, inv.Number)
					}
				}
				return nil
			})
			if err != nil || res.Ticks != len(b.ticks) || b.Manifest.RuleSet >= town.RuleSet {
				t.Errorf("%d of %d ticks, by the rules %d: %v", res.Ticks, len(b.ticks), b.Manifest.RuleSet, err)
			}
		})
	}
}

// toldOtherwise reports whether a difference is that since the rules 3 a rework is told more about its gate.
func toldOtherwise(d Difference) bool {
	return strings.HasSuffix(d.Path, ".body") && strings.HasPrefix(fmt.Sprint(d.Recorded), "The gate ")
}
