package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gastown/internal/journal"
)

// contents reads every file of a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(data)
	}
	return out
}

// overwritePage fills a page of the file with garbage.
func overwritePage(t *testing.T, path, ofTable string) {
	t.Helper()
	var page int
	query(t, path, "SELECT rootpage FROM sqlite_schema WHERE name = '"+ofTable+"'", &page)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := (page - 1) * 4096; i < page*4096; i++ {
		data[i] = 0xee
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRefusalsLeaveTheFolderAsItWas compares the whole folder: no byte of the file may change, and
// nothing may be left beside it.
func TestRefusalsLeaveTheFolderAsItWas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		want  error
	}{
		"a newer header":        {func(t *testing.T, path string) { change(t, path, "PRAGMA user_version = 99") }, ErrNewer},
		"no application id":     {func(t *testing.T, path string) { change(t, path, "PRAGMA application_id = 0") }, ErrForeign},
		"the towns unreadable":  {func(t *testing.T, path string) { overwritePage(t, path, "towns") }, journal.ErrDamaged},
		"the events unreadable": {func(t *testing.T, path string) { overwritePage(t, path, "town_events") }, journal.ErrDamaged},
		"the ticks unreadable": {func(t *testing.T, path string) {
			change(t, path, "UPDATE towns SET last_tick = 1; INSERT INTO ticks VALUES ('main', 1, 1, 1, zeroblob(32), 0, 1, 0, 0, x'01', NULL)")
			overwritePage(t, path, "sqlite_autoindex_ticks_1")
		}, journal.ErrDamaged},
		"the snapshots unreadable": {func(t *testing.T, path string) { overwritePage(t, path, "snapshots") }, journal.ErrDamaged},
		"the schema unreadable": {func(t *testing.T, path string) {
			change(t, path, "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'x'")
		}, journal.ErrDamaged},
		"a tick missing": {func(t *testing.T, path string) {
			change(t, path, "UPDATE towns SET last_tick = 7; INSERT INTO ticks VALUES ('main', 6, 1, 1, x'', 0, 0, 0, 0, x'', NULL)")
		}, journal.ErrDamaged},
		"no snapshot": {func(t *testing.T, path string) { change(t, path, "DELETE FROM snapshots") }, journal.ErrDamaged},
		"another file": {func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			change(t, path, "CREATE TABLE goose_db_version (id INTEGER, version_id INTEGER, is_applied INTEGER, tstamp TEXT)")
		}, ErrForeign},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := made(t)
			c.spoil(t, path)
			before := contents(t, filepath.Dir(path))
			j, err := Open(context.Background(), path)
			if err == nil {
				t.Fatalf("it was opened (close: %v)", j.Close())
			}
			if !errors.Is(err, c.want) {
				t.Errorf("the error is %v, want one that is: %v", err, c.want)
			}
			if diff := cmp.Diff(before, contents(t, filepath.Dir(path))); diff != "" {
				t.Errorf("the folder was touched:\n%.2000s", diff)
			}
		})
	}
}

// TestDamageFurtherOnIsNamed spoils what opening does not look at.
func TestDamageFurtherOnIsNamed(t *testing.T) {
	t.Parallel()
	path := made(t)
	change(t, path, "UPDATE snapshots SET body = x'0011'")
	j := openAt(t, filepath.Dir(path))
	defer j.Close()
	_, err := journal.Recover(context.Background(), j, "main")
	if !errors.Is(err, journal.ErrDamaged) || !contains(err.Error(), "town main at tick 0") {
		t.Errorf("the error is %v, want one that says what is damaged", err)
	}
}

// TestNothingCanBeWritten opens a journal where neither a file can be made nor the one that is
// there be written.
func TestNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T, dir string) string{
		"no file yet": func(_ *testing.T, dir string) string { return filepath.Join(dir, "new.db") },
		"a file": func(t *testing.T, dir string) string {
			if err := os.Rename(made(t), filepath.Join(dir, "old.db")); err != nil {
				data, readErr := os.ReadFile(made(t)) // the folder may be a file system of its own
				if err := errors.Join(readErr, os.WriteFile(filepath.Join(dir, "old.db"), data, 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			return filepath.Join(dir, "old.db")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, lock := lockable(t)
			path := prepare(t, dir)
			lock()
			_, err := Open(context.Background(), path)
			if !errors.Is(err, ErrNotWritable) {
				t.Errorf("the error is %v, want one that says it cannot be written", err)
			}
		})
	}
	t.Run("a file in a folder that can be written", func(t *testing.T) {
		t.Parallel()
		if os.Geteuid() == 0 {
			t.Skip("root may write every file")
		}
		path := made(t)
		if err := os.Chmod(path, 0o400); err != nil {
			t.Fatal(err)
		}
		before := contents(t, filepath.Dir(path))
		if _, err := Open(context.Background(), path); !errors.Is(err, ErrNotWritable) {
			t.Errorf("the error is %v, want one that says it cannot be written", err)
		}
		if diff := cmp.Diff(before, contents(t, filepath.Dir(path))); diff != "" {
			t.Errorf("the folder was touched:\n%.2000s", diff)
		}
	})
}

// TestOneFileHasOneLock opens a file that is in use by another name.
func TestOneFileHasOneLock(t *testing.T) {
	t.Parallel()
	path := made(t)
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	j := openAt(t, filepath.Dir(path))
	defer j.Close()
	_, err := Open(context.Background(), link)
	if !errors.Is(err, journal.ErrInUse) {
		t.Errorf("the error is %v, want one that says it is in use", err)
	}
	if want := fmt.Sprintf("process %d", os.Getpid()); err != nil && !contains(err.Error(), want) {
		t.Errorf("%v does not name the holder, %s", err, want)
	}
}
