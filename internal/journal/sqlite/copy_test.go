package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// A copy that is taken while events come in is a journal of its own: it has a beginning of them and no gap. What is no
// journal gives no copy.
func TestCopyOfAJournalInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from := filepath.Join(dir, "gastown.db")
	j, err := Open(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	s := town.New("main", "Main", town.HistoryOf([16]byte{1}), 1)
	if err := j.CreateTown(t.Context(), "main", "Main", 1, s.Snapshot()); err != nil {
		t.Fatal(err)
	}
	const many = 200
	started := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := range many {
			e := town.Event{ID: fmt.Sprintf("%08d-0000-7000-8000-000000000000", i), Type: "town_paused", By: "admin", Created: 1, Payload: new(town.TownPaused)}
			if _, err := j.Append(t.Context(), "main", []town.Event{e}); err != nil {
				t.Error(err)
			}
			if i == 10 {
				close(started)
			}
		}
	})
	<-started
	to := filepath.Join(dir, "copy.db")
	err = Copy(t.Context(), from, to)
	writing.Wait()
	if err = errors.Join(err, j.Close()); err != nil {
		t.Fatal(err)
	}
	c, err := Open(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	events, err := c.Events(t.Context(), "main", journal.EventFilter{Limit: many})
	if err = errors.Join(err, c.Close()); err != nil || len(events) <= 10 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	for i := range events {
		if want := town.Seq(i + 1); events[i].Seq != want {
			t.Fatalf("event %d where %d should be", events[i].Seq, want)
		}
	}
	if err := Copy(t.Context(), from, to); err == nil {
		t.Error("a copy replaces a file")
	}
	foreign := filepath.Join(dir, "foreign.db")
	if err := os.WriteFile(foreign, []byte("no database, and long enough to look like one to whoever reads its size only, and a bit more"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{foreign, filepath.Join(dir, "none.db")} {
		if err := Copy(t.Context(), path, filepath.Join(dir, "second.db")); err == nil {
			t.Errorf("%s was copied", path)
		}
	}
}
