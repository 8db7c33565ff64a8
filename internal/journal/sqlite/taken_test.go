package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// fourthSchema takes a file back to the schema whose ticks did not come with their events.
const fourthSchema = "ALTER TABLE ticks DROP COLUMN taken; DELETE FROM goose_db_version WHERE version_id > 4; PRAGMA user_version = 4"

// withEvents counts the ticks of a town that took events, and those that come with them.
func withEvents(t *testing.T, j journal.Journal, id town.TownID) (took, come int) {
	t.Helper()
	ticks, err := j.Ticks(context.Background(), id, journal.TickFilter{Taken: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, tick := range ticks {
		if len(tick.Events) > 0 {
			took++
		}
		if len(tick.Taken) > 0 {
			come++
		}
	}
	return took, come
}

// TestOldTicksComeWithoutEvents upgrades a file of before: its ticks are as they were, new ones come with
// their events.
func TestOldTicksComeWithoutEvents(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := lived(t)
	change(t, path, fourthSchema)
	j := openAt(t, filepath.Dir(path))
	defer j.Close()
	took, come := withEvents(t, j, "town-1")
	if took == 0 || come != 0 {
		t.Fatalf("%d ticks took events, %d come with them", took, come)
	}
	s, err := journal.Recover(ctx, j, "town-1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Append(ctx, "town-1", []town.Event{{ID: "new", Type: "town_paused", Created: s.At(), Payload: &town.TownPaused{}}}); err != nil {
		t.Fatal(err)
	}
	pending, err := j.Pending(ctx, "town-1", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.CommitTick(ctx, "town-1", s.Step(town.Input{Now: s.At(), Events: pending})); err != nil {
		t.Fatal(err)
	}
	if now, come := withEvents(t, j, "town-1"); now != took+1 || come != 1 {
		t.Errorf("%d ticks took events, %d come with them, want the new one", now, come)
	}
}

// TestDamagedEventsOfATick: what cannot be read is named, and never taken for fewer events.
func TestDamagedEventsOfATick(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]string{
		"cut":       "substr(taken, 1, length(taken) - 1)",
		"another":   "(SELECT taken FROM ticks AS other WHERE other.town = ticks.town AND other.events <> ticks.events AND other.events > 0 LIMIT 1)",
		"no format": "CAST(x'07' || substr(taken, 2) AS BLOB)",
		"too large": "x'01ffffffffff01'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := lived(t)
			change(t, path, "UPDATE ticks SET taken = "+damage+" WHERE events > 0")
			j := openAt(t, filepath.Dir(path))
			defer j.Close()
			if _, err := j.Ticks(context.Background(), "town-1", journal.TickFilter{Taken: true}); !errors.Is(err, journal.ErrDamaged) {
				t.Errorf("the error is %v", err)
			}
			if _, err := j.Ticks(context.Background(), "town-1", journal.TickFilter{}); err != nil {
				t.Errorf("the records alone: %v", err)
			}
		})
	}
}
