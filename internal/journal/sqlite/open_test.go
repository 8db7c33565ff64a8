package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"

	"gastown/internal/journal"
	"gastown/internal/town"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// query reads one row of a file that is not in use.
func query(t *testing.T, path, text string, dest ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRow(text).Scan(dest...); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openAt(t, dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 4 {
		t.Errorf("%d files, want the database, its log, their index and the lock", len(entries))
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %s (%v)", e.Name(), info.Mode(), err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if entries, err = os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("after closing: %v, %v, want just the database", entries, err)
	}
}

func TestHeaderSaysWhatTheFileIs(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(made(t))
	if err != nil {
		t.Fatal(err)
	}
	id, version := binary.BigEndian.Uint32(data[headerAppID:]), binary.BigEndian.Uint32(data[headerVersion:])
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || id != applicationID || version != schemaVersion || len(files)+len(goMigrations()) != schemaVersion {
		t.Errorf("application %x, version %d of %d migrations in SQL, %v", id, version, len(files), err)
	}
}

// TestUpgrade opens a file of the first schema.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "gastown.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := execAll(ctx, db, fmt.Sprintf("PRAGMA application_id = %d", applicationID), "PRAGMA user_version = 1", "PRAGMA journal_mode = WAL"); err != nil {
		t.Fatal(err)
	}
	s := town.New("main", "Main", "testtownaaaaaaaaaaaaaaaaaa", 1)
	body, err := journal.Compress(s.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO towns (id, name, created, last_at) VALUES ('main', 'Main', 1, 1);
		INSERT INTO snapshots (town, tick, at, size, body) VALUES ('main', 0, 1, ?, ?)`, len(s.Snapshot()), body); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	j := openAt(t, filepath.Dir(path))
	if got, err := journal.Recover(ctx, j, "main"); err != nil || got.Digest() != s.Digest() {
		t.Errorf("recover: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	var version, indexes int
	var mode string
	query(t, path, "SELECT (SELECT user_version FROM pragma_user_version), (SELECT journal_mode FROM pragma_journal_mode), "+
		"(SELECT count(*) FROM sqlite_schema WHERE name IN ('town_events_bead', 'town_events_agent'))", &version, &mode, &indexes)
	if version != schemaVersion || indexes != 2 || mode != "wal" {
		t.Errorf("version %d, %d indexes, mode %s", version, indexes, mode)
	}
}

// TestCrashInACheckpoint opens what a crash can leave: the first page says how long the file will
// be, and the rest is still in the log.
func TestCrashInACheckpoint(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := made(t)
	j := openAt(t, filepath.Dir(path))
	defer j.Close()
	for i := range 300 {
		p := &town.TownPaused{Reason: strings.Repeat("x", 500)}
		if _, err := j.Append(ctx, "main", []town.Event{{ID: fmt.Sprint(i), Type: p.Type(), Payload: p}}); err != nil {
			t.Fatal(err)
		}
	}
	crashed := filepath.Join(t.TempDir(), "gastown.db")
	for _, end := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + end)
		if err != nil {
			t.Fatal(err)
		}
		if end == "" {
			binary.BigEndian.PutUint32(data[headerPages:], uint32(len(data)/4096+10))
		}
		if err := os.WriteFile(crashed+end, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := openAt(t, filepath.Dir(crashed))
	if got, err := again.Pending(ctx, "main", 0); err != nil || len(got) != 300 {
		t.Errorf("%d of 300 events, %v", len(got), err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func tickListQuery(id town.TownID, f journal.TickFilter) (string, []any) {
	tail, args := tickTail(id, f)
	return "SELECT tick FROM ticks" + tail, args
}

// TestListsUseIndexes shows that what is asked for often does not read the whole history.
func TestListsUseIndexes(t *testing.T) {
	t.Parallel()
	j := openAt(t, t.TempDir()).(*Journal)
	defer j.Close()
	type query struct {
		text string
		args []any
	}
	of := func(text string, args []any) query { return query{text, args} }
	for index, q := range map[string]query{
		"town_events_pending": of(pendingQuery("a", 9)),
		"town_events_agent":   of(eventQuery("a", journal.EventFilter{Agent: "b", Newest: true})),
		"town_events_bead":    of(eventQuery("a", journal.EventFilter{Agent: "b", Bead: "c"})),
		"town_events_tick":    of(eventQuery("a", journal.EventFilter{FromTick: 4, ToTick: 5})),
		"autoindex_ticks":     of(tickListQuery("a", journal.TickFilter{From: 3, To: 9, Newest: true, Limit: 1})),
		"town_events_id":      {eventColumns + " WHERE town = ? AND event_id = ?", []any{"a", "x"}},
	} {
		var id, parent, unused int
		var plan string
		if err := j.read.QueryRow("EXPLAIN QUERY PLAN "+q.text, q.args...).Scan(&id, &parent, &unused, &plan); err != nil {
			t.Fatal(err)
		}
		if !contains(plan, "SEARCH") || !contains(plan, index) {
			t.Errorf("%s: %s, want a search in %s", q.text, plan, index)
		}
	}
}

// TestConnectionsAreSafe looks at what no test that kills processes can show: that commits wait for
// the disk. The readers must not be able to write.
func TestConnectionsAreSafe(t *testing.T) {
	t.Parallel()
	j := openAt(t, t.TempDir()).(*Journal)
	defer j.Close()
	for pragma, want := range map[string]int{"synchronous": 2, "foreign_keys": 1, "busy_timeout": 10000} {
		var got int
		err := j.submit(context.Background(), "look", func(c *conn) error { return c.get("PRAGMA "+pragma, nil, &got) })
		if err != nil || got != want {
			t.Errorf("%s is %d, want %d (%v)", pragma, got, want, err)
		}
	}
	if _, err := j.read.Exec("DELETE FROM towns"); err == nil {
		t.Error("a reader wrote")
	}
}
