package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"gastown/internal/journal"
)

// conn is the writer's connection with its prepared statements; only the writer uses it. Nothing
// here takes a context: a group of many callers must not end with the context of one.
type conn struct {
	c     *sql.Conn
	stmts map[string]*sql.Stmt // by text; values are never in it, so there are few
}

func (c *conn) stmt(query string) (*sql.Stmt, error) {
	if s := c.stmts[query]; s != nil {
		return s, nil
	}
	s, err := c.c.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	c.stmts[query] = s
	return s, nil
}

// exec runs a statement and returns how many rows it changed.
func (c *conn) exec(query string, args ...any) (int64, error) {
	s, err := c.stmt(query)
	if err != nil {
		return 0, err
	}
	res, err := s.Exec(args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// get reads one row into dest; sql.ErrNoRows if there is none.
func (c *conn) get(query string, args []any, dest ...any) error {
	s, err := c.stmt(query)
	if err != nil {
		return err
	}
	return s.QueryRow(args...).Scan(dest...)
}

// each hands the rows of a query on.
func (c *conn) each(query string, args []any, row func(scanner) error) error {
	s, err := c.stmt(query)
	if err != nil {
		return err
	}
	rows, err := s.Query(args...)
	if err != nil {
		return err
	}
	return eachRow(rows, row)
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.c.Close())...)
}

// explain says what was being done, and turns what SQLite reports into the journal's errors, with
// the remedy.
func (j *Journal) explain(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		// What database/sql says of a closed database has no name of its own.
		if err.Error() == "sql: database is closed" {
			err = journal.ErrClosed
		}
		return fmt.Errorf("%s: %w", doing, err)
	}
	switch code := e.Code(); {
	case code&0xff == sqlite3.SQLITE_FULL, code == sqlite3.SQLITE_IOERR_SHMSIZE:
		return fmt.Errorf("%s: %w: make room on the file system of %s; nothing of this was stored: %w", doing, journal.ErrFull, j.path, err)
	case code&0xff == sqlite3.SQLITE_CORRUPT, code&0xff == sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%s: %w: stop the server, keep a copy of %s and restore it from a backup: %w", doing, journal.ErrDamaged, j.path, err)
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}
