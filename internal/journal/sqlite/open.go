// Package sqlite keeps the journal in one SQLite file: WAL, synchronous=FULL, one writer that
// groups whatever is waiting into one commit, and readers beside it.
package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/pressly/goose/v3"
	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the driver

	"gastown/internal/journal"
)

//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks a file as gastown's, in the SQLite header ("gast").
const applicationID = 0x67617374

// schemaVersion is the newest migration; a file with a later one was written by a newer gastown.
const schemaVersion = 1

// readers is how many reads may go on at once.
const readers = 4

// Journal is a journal in a SQLite file.
type Journal struct {
	path  string
	lock  *os.File
	write *sql.DB
	read  *sql.DB

	requests chan *request
	mu       sync.RWMutex // held for reading while a request is handed over
	closed   bool
	done     chan struct{}
}

var _ journal.Journal = (*Journal)(nil)

// Open opens the file, making it and its schema if it is not there. A file that is damaged, of
// another program, of a newer gastown or in use by another server is refused, untouched; the error
// names the file and the remedy. The folder must exist.
func Open(ctx context.Context, path string) (*Journal, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open the journal: %w", err)
	}
	lock, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	j := &Journal{path: path, lock: lock, requests: make(chan *request), done: make(chan struct{})}
	if err := j.open(ctx); err != nil {
		j.release()
		return nil, err
	}
	go j.writer()
	return j, nil
}

func (j *Journal) open(ctx context.Context) error {
	if err := inspect(ctx, j.path); err != nil {
		return err
	}
	// The file is made here so that nobody but its owner can ever read it.
	f, err := os.OpenFile(j.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("cannot open the journal: %w: give the user that runs gastown write access to it and its folder", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("cannot open the journal: %w", err)
	}
	if j.write, err = sql.Open("sqlite", dsn(j.path, "rw")); err != nil {
		return fmt.Errorf("cannot open %s: %w", j.path, err)
	}
	j.write.SetMaxOpenConns(1)
	if err := migrate(ctx, j.write); err != nil {
		return fmt.Errorf("cannot bring the schema of %s up to date: %w", j.path, explain(err))
	}
	if j.read, err = sql.Open("sqlite", dsn(j.path, "rw")+"&_pragma=query_only(1)"); err != nil {
		return fmt.Errorf("cannot open %s: %w", j.path, err)
	}
	j.read.SetMaxOpenConns(readers)
	j.read.SetMaxIdleConns(readers)
	return nil
}

func dsn(path, mode string) string {
	q := "mode=" + mode + "&_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)"
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q}).String()
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID))
	return err
}

// lockFile makes sure that one server at a time uses the file. The lock ends with its process,
// however that ends.
func lockFile(path string) (*os.File, error) {
	name := path + ".lock"
	if dir, err := os.Stat(filepath.Dir(path)); err != nil || !dir.IsDir() {
		return nil, fmt.Errorf("cannot open the journal: there is no folder %s: make it, or name another", filepath.Dir(path))
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the journal: %w: give the user that runs gastown write access to the folder, or name another", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s is in use by another gastown server: stop that first (gastown down), or use another data folder", path)
	}
	return f, nil
}

// sqliteHeader is the part of the 100-byte header that tells what the file is.
const (
	headerSize  = 100
	headerMagic = "SQLite format 3\x00"
	headerPage  = 16
	headerPages = 28
	headerAppID = 68
)

// inspect looks at an existing file without changing a byte of it and refuses what is not a journal
// that this gastown can use. It reads the header and the schema, not the whole file: a page that
// is damaged further on is found when it is read.
func inspect(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot open the journal: %w", err)
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, headerSize)
	n, err := io.ReadFull(f, head)
	if n == 0 {
		return nil // made, and the server died before it wrote anything
	}
	const restore = "move it away, or restore it from a backup, and start again"
	if err != nil || !bytes.HasPrefix(head, []byte(headerMagic)) {
		return fmt.Errorf("%s is no SQLite database, or is damaged at its beginning: %s", path, restore)
	}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("cannot open the journal: %w", err)
	}
	page := int64(binary.BigEndian.Uint16(head[headerPage:]))
	if page == 1 {
		page = 65536
	}
	if pages := int64(binary.BigEndian.Uint32(head[headerPages:])); pages*page > info.Size() {
		return fmt.Errorf("%s is damaged: it has %d bytes, its header says %d: %s", path, info.Size(), pages*page, restore)
	}
	return inspectSchema(ctx, path, head, restore)
}

func inspectSchema(ctx context.Context, path string, head []byte, restore string) error {
	// Immutable reads write nothing, not even a -shm file. They do not see a WAL that a crash left;
	// the tables that this looks at are in the file since its first checkpoint, or not at all.
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&immutable=1"}).String())
	if err != nil {
		return fmt.Errorf("cannot open %s: %w", path, err)
	}
	defer func() { _ = db.Close() }()
	var tables int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return fmt.Errorf("%s is damaged: %v: %s", path, err, restore)
	}
	if tables == 0 {
		return nil
	}
	var version int
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&version)
	id := binary.BigEndian.Uint32(head[headerAppID:])
	if err != nil || (id != applicationID && id != 0) {
		return fmt.Errorf("%s is the database of another program: name another data folder", path)
	}
	if version > schemaVersion {
		return fmt.Errorf("%s has schema %d, this gastown knows up to %d: use the newer gastown that wrote it", path, version, schemaVersion)
	}
	return nil
}

// Close ends the journal after what is under way. Closing twice is fine.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	close(j.requests)
	j.mu.Unlock()
	<-j.done
	return j.release()
}

func (j *Journal) release() error {
	var errs []error
	for _, db := range []*sql.DB{j.read, j.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	errs = append(errs, j.lock.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cannot close %s: %w", j.path, err)
	}
	return nil
}
