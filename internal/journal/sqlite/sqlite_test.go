package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gastown/internal/journal"
	"gastown/internal/journal/journaltest"
	"gastown/internal/town"
)

func openAt(t testing.TB, dir string) journal.Journal {
	t.Helper()
	j, err := openIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func openIn(dir string) (journal.Journal, error) {
	return Open(context.Background(), filepath.Join(dir, "gastown.db"))
}

func TestConformance(t *testing.T) {
	t.Parallel()
	journaltest.Run(t, openIn)
}

// made returns the path of a journal with some history, closed.
func made(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	j := openAt(t, dir)
	if err := j.CreateTown(context.Background(), "main", "Main", 1, town.New("main", "Main", "testtownaaaaaaaaaaaaaaaaaa", 1).Snapshot()); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "gastown.db")
}

func change(t *testing.T, path, query string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(query); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestUnusableFilesAreRefusedUntouched(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		says  string
	}{
		"not a database": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, bytes.Repeat([]byte("no database\n"), 100), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "restore it from a backup"},
		"damaged at its beginning": {func(t *testing.T, path string) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			copy(data, "garbage garbage garbage")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "restore it from a backup"},
		"cut off": {func(t *testing.T, path string) {
			if err := os.Truncate(path, 8192); err != nil {
				t.Fatal(err)
			}
		}, "is damaged"},
		"a newer schema": {func(t *testing.T, path string) {
			change(t, path, "PRAGMA user_version = 99")
		}, "use the newer gastown"},
		"another program's": {func(t *testing.T, path string) {
			change(t, path, "PRAGMA application_id = 12345")
		}, "name another data folder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := made(t)
			c.spoil(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			j, err := Open(context.Background(), path)
			if err == nil {
				_ = j.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the refusal does not name the file and the remedy (%q): %v", c.says, err)
			}
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file was touched (%v)", err)
			}
			for _, left := range []string{"-wal", "-shm", "-journal"} {
				if _, err := os.Stat(path + left); err == nil {
					t.Errorf("%s was left", left)
				}
			}
		})
	}
}

func TestOneServerAtATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openAt(t, dir)
	_, err := Open(context.Background(), filepath.Join(dir, "gastown.db"))
	if err == nil || !strings.Contains(err.Error(), "the file is in use: another gastown server") {
		t.Errorf("second open: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openAt(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNoFolder(t *testing.T) {
	t.Parallel()
	_, err := Open(context.Background(), filepath.Join(t.TempDir(), "none", "gastown.db"))
	if err == nil || !strings.Contains(err.Error(), "there is no folder") {
		t.Errorf("got %v", err)
	}
}

// TestFullDisk bounds the file instead of the disk: to SQLite it is the same.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openAt(t, dir).(*Journal)
	defer func() { _ = j.Close() }()
	ctx := context.Background()
	if err := j.CreateTown(ctx, "main", "", 1, town.New("main", "", "testtownaaaaaaaaaaaaaaaaaa", 1).Snapshot()); err != nil {
		t.Fatal(err)
	}
	var pages int
	if err := j.submit(ctx, "test", func(c *conn) error { return c.get("PRAGMA page_count", nil, &pages) }); err != nil {
		t.Fatal(err)
	}
	limit := func(n int) {
		query := fmt.Sprintf("PRAGMA max_page_count = %d", n)
		if err := j.submit(ctx, "test", func(c *conn) error { return c.get(query, nil, new(int)) }); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages + 4)
	big := strings.Repeat("x", 4000)
	acked, failed := 0, 0
	for i := range 20 {
		p := &town.TownPaused{Reason: big}
		_, err := j.Append(ctx, "main", []town.Event{{ID: fmt.Sprint(i), Type: p.Type(), Payload: p}})
		switch {
		case err == nil && failed == 0:
			acked++
		case errors.Is(err, journal.ErrFull):
			failed++
		default:
			t.Fatalf("append %d after %d refusals: %v", i, failed, err)
		}
	}
	if acked == 0 || failed == 0 {
		t.Fatalf("%d acknowledged, %d refused", acked, failed)
	}
	if _, err := j.Append(ctx, "main", nil); !errors.Is(err, journal.ErrFull) {
		t.Errorf("a trial without space: %v", err)
	}
	limit(1 << 30)
	if _, err := j.Append(ctx, "main", nil); err != nil {
		t.Errorf("a trial with space again: %v", err)
	}
	p := &town.TownPaused{Reason: big}
	if _, err := j.Append(ctx, "main", []town.Event{{ID: "last", Type: p.Type(), Payload: p}}); err != nil {
		t.Errorf("with space again: %v", err)
	}
	if got, err := j.Pending(ctx, "main", 100); err != nil || len(got) != acked+1 || got[acked].Seq != town.Seq(acked+1) {
		t.Errorf("%d events, want %d (%v)", len(got), acked+1, err)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, producers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("producers=%d", producers), func(b *testing.B) {
			j := openAt(b, b.TempDir())
			defer func() { _ = j.Close() }()
			ctx := context.Background()
			if err := j.CreateTown(ctx, "main", "", 1, town.New("main", "", "testtownaaaaaaaaaaaaaaaaaa", 1).Snapshot()); err != nil {
				b.Fatal(err)
			}
			ids := make(chan int, producers)
			go func() {
				for i := range b.N {
					ids <- i
				}
				close(ids)
			}()
			done := make(chan error, producers)
			b.ResetTimer()
			for range producers {
				go func() {
					for i := range ids {
						p := &town.TownPaused{Reason: "bench"}
						if _, err := j.Append(ctx, "main", []town.Event{{ID: fmt.Sprint(i), Type: p.Type(), Payload: p}}); err != nil {
							done <- err
							return
						}
					}
					done <- nil
				}()
			}
			for range producers {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
