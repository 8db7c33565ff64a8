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

// maxGroup bounds how many requests share a commit, so that the first of a flood is answered soon.
const maxGroup = 256

// request is a write that waits for its turn.
type request struct {
	do   func(ctx context.Context, tx *sql.Conn) error
	done chan error
}

// submit hands a write to the writer and waits until it is durable or has failed. If ctx ends
// first the write may still happen.
func (j *Journal) submit(ctx context.Context, do func(context.Context, *sql.Conn) error) error {
	r := &request{do: do, done: make(chan error, 1)}
	j.mu.RLock()
	if j.closed {
		j.mu.RUnlock()
		return journal.ErrClosed
	}
	select {
	case j.requests <- r:
		j.mu.RUnlock()
	case <-ctx.Done():
		j.mu.RUnlock()
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// writer carries out writes, one transaction for all that are waiting.
func (j *Journal) writer() {
	defer close(j.done)
	for first := range j.requests {
		group := []*request{first}
		for more := true; more && len(group) < maxGroup; {
			select {
			case r, ok := <-j.requests:
				if more = ok; ok {
					group = append(group, r)
				}
			default:
				more = false
			}
		}
		j.commit(group)
	}
}

// commit answers every request of the group: with its own error, or with the commit's.
func (j *Journal) commit(group []*request) {
	ctx := context.Background()
	errs := make([]error, len(group))
	err := j.inTransaction(ctx, func(c *sql.Conn) error {
		for i, r := range group {
			var fatal error
			if errs[i], fatal = oneOf(ctx, c, r); fatal != nil {
				return fatal
			}
		}
		return nil
	})
	for i, r := range group {
		if err != nil {
			r.done <- explain(err)
			continue
		}
		r.done <- explain(errs[i])
	}
}

// oneOf carries out one request in a savepoint of its own, so that its failure is not the others'.
// A failure that has ended the whole transaction (the disk is full) is fatal.
func oneOf(ctx context.Context, c *sql.Conn, r *request) (own, fatal error) {
	if _, err := c.ExecContext(ctx, "SAVEPOINT one"); err != nil {
		return nil, err
	}
	own = r.do(ctx, c)
	if own != nil {
		if isFull(own) {
			return own, own
		}
		if _, err := c.ExecContext(ctx, "ROLLBACK TO one"); err != nil {
			return own, err
		}
	}
	_, fatal = c.ExecContext(ctx, "RELEASE one")
	return own, fatal
}

func (j *Journal) inTransaction(ctx context.Context, do func(*sql.Conn) error) (err error) {
	c, err := j.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if _, err := c.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := do(c); err != nil {
		// A full disk may have rolled the transaction back already.
		_, _ = c.ExecContext(ctx, "ROLLBACK")
		return err
	}
	if _, err := c.ExecContext(ctx, "COMMIT"); err != nil {
		_, _ = c.ExecContext(ctx, "ROLLBACK")
		return err
	}
	return nil
}

func isFull(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	code := e.Code() & 0xff
	return code == sqlite3.SQLITE_FULL || code == sqlite3.SQLITE_IOERR
}

// explain turns a full disk into journal.ErrFull, keeping the cause.
func explain(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_FULL {
		return fmt.Errorf("%w (%v)", journal.ErrFull, err)
	}
	return err
}
