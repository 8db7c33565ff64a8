package replay

import (
	"bytes"
	"database/sql"
	"errors"
	"path/filepath"
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

// A history that was made by other rules is read and replayed as it is: where those decided the same, their number
// is all that is different.
func TestHistoriesOfOlderRulesAreReplayed(t *testing.T) {
	t.Parallel()
	b := read(t, historyFile("calm"))
	for _, x := range b.ticks {
		x.RuleSet--
	}
	b.Manifest.RuleSet--
	var data bytes.Buffer
	if err := b.Write(&data); err != nil {
		t.Fatal(err)
	}
	old, err := ReadBundle(&data)
	if err != nil {
		t.Fatal(err)
	}
	res, err := Run(t.Context(), old, old.Manifest.Town, Query{}, func(x *Tick, _ *town.State) error {
		diffs, err := x.Differences()
		if err == nil && (len(diffs) != 1 || diffs[0].Path != "ruleSet") {
			t.Errorf("tick %d: %+v", x.Recorded.No, diffs)
		}
		return err
	})
	if err != nil || res.Ticks != len(b.ticks) || res.Ticks == 0 {
		t.Errorf("%d of %d ticks: %v", res.Ticks, len(b.ticks), err)
	}
}
