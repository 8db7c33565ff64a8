package sqlite

import (
	"context"
	"fmt"

	"gastown/internal/journal"
)

// maxGroup bounds how many requests share a commit, so that the first of a flood is answered soon.
const maxGroup = 256

// request is a write that waits for its turn.
type request struct {
	do   func(c *conn) error
	done chan error // has room for the answer, whether or not anybody still waits
}

// submit hands a write to the writer and waits until it is durable or has failed. A write that
// was handed over is carried out even if ctx ends before the answer; one that was not is not.
// What do leaves behind may be read only if submit returns nil.
func (j *Journal) submit(ctx context.Context, doing string, do func(c *conn) error) error {
	// Where several cases of a select are ready any is taken: an ended context must win.
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	r := &request{do: do, done: make(chan error, 1)}
	select {
	case <-j.closing:
		return fmt.Errorf("%s: %w", doing, journal.ErrClosed)
	default:
	}
	select {
	case j.requests <- r:
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	case <-j.closing:
		return fmt.Errorf("%s: %w", doing, journal.ErrClosed)
	}
	select {
	case err := <-r.done:
		return j.explain(context.WithoutCancel(ctx), doing, err)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w: whether it was stored is not known", doing, ctx.Err())
	}
}

// writer carries out writes, one transaction for all that are waiting, until the journal closes.
func (j *Journal) writer() {
	defer close(j.done)
	for {
		select {
		case first := <-j.requests:
			j.commit(j.gather(first))
		case <-j.closing:
			return
		}
	}
}

// gather adds whatever is waiting now to the first request.
func (j *Journal) gather(first *request) []*request {
	group := []*request{first}
	for len(group) < maxGroup {
		select {
		case r := <-j.requests:
			group = append(group, r)
		default:
			return group
		}
	}
	return group
}

// commit carries a group out and answers every request: with its own refusal, or with what
// happened to the transaction.
func (j *Journal) commit(group []*request) {
	own := make([]error, len(group))
	err := j.transact(group, own)
	for i, r := range group {
		if err != nil {
			r.done <- err
			continue
		}
		r.done <- own[i]
	}
}

// transact runs the group in one transaction. What it returns is everybody's; own[i] is only that
// of request i.
func (j *Journal) transact(group []*request, own []error) error {
	if _, err := j.conn.exec("BEGIN IMMEDIATE"); err != nil {
		j.rollback()
		return err
	}
	for i, r := range group {
		var fatal error
		if own[i], fatal = j.one(r); fatal != nil {
			j.rollback()
			return fatal
		}
	}
	if _, err := j.conn.exec("COMMIT"); err != nil {
		j.rollback()
		return err
	}
	return nil
}

// one carries out one request in a savepoint of its own, so that its failure is not the others'.
// A failure that has ended the whole transaction, as a full disk can, is fatal to all.
func (j *Journal) one(r *request) (own, fatal error) {
	if _, err := j.conn.exec("SAVEPOINT one"); err != nil {
		return nil, err
	}
	if own = r.do(j.conn); own != nil {
		if _, err := j.conn.exec("ROLLBACK TO one"); err != nil {
			return nil, own
		}
	}
	_, fatal = j.conn.exec("RELEASE one")
	return own, fatal
}

// rollback ends a transaction that failed. SQLite has often ended it by itself, and then says that
// there is none; if one should be left over, the next BEGIN fails and it is tried again.
func (j *Journal) rollback() { _, _ = j.conn.exec("ROLLBACK") }
