package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	_ "modernc.org/sqlite" // the driver

	"gastown/internal/journal"
)

// Why a file is refused, besides journal.ErrInUse, journal.ErrDamaged and journal.ErrFull.
var (
	// ErrForeign: the file belongs to another program.
	ErrForeign = errors.New("the file is the database of another program")
	// ErrNewer: a newer gastown has changed the schema.
	ErrNewer = errors.New("the file was written by a newer gastown")
	// ErrNotWritable: the file or its folder cannot be written.
	ErrNotWritable = errors.New("it cannot be written")
)

// readers is how many reads may go on at once.
const readers = 4

// Parameters of connections. A busy_timeout is needed only if somebody looks into the file by hand.
const (
	common      = "_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"
	writerQuery = "mode=rw&" + common + "&_pragma=synchronous(FULL)"
	readerQuery = "mode=ro&" + common + "&_pragma=query_only(1)"
)

// Journal is a journal in a SQLite file.
type Journal struct {
	path   string
	lock   *fileLock
	write  *sql.DB // one connection, the writer's
	conn   *conn   // that connection
	read   *sql.DB
	closed func() error // closes once

	requests chan *request
	closing  chan struct{} // closed by Close
	done     chan struct{} // closed when the writer has ended
}

var _ journal.Journal = (*Journal)(nil)

// Open opens the file, making it and its schema if it is not there; the folder must exist. A file
// that is damaged, of another program, of a newer gastown or in use by another server is refused
// and not touched (see Opening above for what is looked at); the error names the file and the
// remedy.
func Open(ctx context.Context, path string) (*Journal, error) {
	path, err := resolve(path)
	if err != nil {
		return nil, err
	}
	lock, err := acquireLock(ctx, path)
	if err != nil {
		return nil, err
	}
	j := &Journal{path: path, lock: lock, requests: make(chan *request), closing: make(chan struct{}), done: make(chan struct{})}
	if err := j.open(ctx); err != nil {
		return nil, errors.Join(err, j.release())
	}
	j.closed = sync.OnceValue(func() error {
		close(j.closing)
		<-j.done
		return j.release()
	})
	go j.writer()
	return j, nil
}

// resolve makes the path absolute and follows symbolic links, so that one file has one lock.
func resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("cannot open journal %s: %w", path, err)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real, nil
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		return filepath.Join(dir, filepath.Base(abs)), nil
	}
	return abs, nil
}

func (j *Journal) open(ctx context.Context) error {
	is, err := inspect(j.path)
	if err != nil {
		return err
	}
	if is.version > 0 && !is.logged {
		if err := probeUntouched(ctx, j.path); err != nil {
			return err
		}
	}
	if is.version < schemaVersion {
		if err := j.prepare(ctx); err != nil {
			return err
		}
	}
	if err := j.connect(ctx); err != nil {
		return j.explain(ctx, "cannot open journal "+j.path, err)
	}
	if is.logged {
		return probe(ctx, j.read, j.path)
	}
	return nil
}

// prepare makes the file, readable by nobody but its owner, and its schema.
func (j *Journal) prepare(ctx context.Context) error {
	f, err := os.OpenFile(j.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return folderError(j.path, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("cannot open journal %s: %w", j.path, err)
	}
	if err := migrate(ctx, j.path); err != nil {
		return j.explain(ctx, "cannot bring the schema of "+j.path+" up to date", err)
	}
	return nil
}

func (j *Journal) connect(ctx context.Context) error {
	var err error
	if j.write, err = sql.Open("sqlite", fileURI(j.path, writerQuery)); err != nil {
		return err
	}
	j.write.SetMaxOpenConns(1)
	c, err := j.write.Conn(ctx)
	if err != nil {
		return err
	}
	j.conn = &conn{c: c, stmts: map[string]*sql.Stmt{}}
	var mode string
	if err := c.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("its file system allows no write-ahead log (journal mode is %s): put it on a local disk", mode)
	}
	if j.read, err = sql.Open("sqlite", fileURI(j.path, readerQuery)); err != nil {
		return err
	}
	j.read.SetMaxOpenConns(readers)
	j.read.SetMaxIdleConns(readers)
	return nil
}

// fileURI names the file in a form in which no character of the path can be taken for a parameter.
func fileURI(path, query string) string {
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query}).String()
}

// Close ends the journal after what is under way. Closing twice is fine.
func (j *Journal) Close() error { return j.closed() }

// release lets go of everything; the writer goes last, so that it can empty the log into the file.
func (j *Journal) release() error {
	var errs []error
	if j.read != nil {
		errs = append(errs, j.read.Close())
	}
	if j.conn != nil {
		errs = append(errs, j.conn.close())
	}
	if j.write != nil {
		errs = append(errs, j.write.Close())
	}
	errs = append(errs, j.lock.release())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cannot close journal %s: %w", j.path, err)
	}
	return nil
}
