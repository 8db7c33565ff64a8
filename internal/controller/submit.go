package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// How events get into a town and their senders get an answer.

// waiter is somebody, or several, who wait for what becomes of an event.
type waiter struct {
	done   chan struct{} // closed when result or err is there
	result Result
	err    error
	failed int // ticks that could not be recorded while it waited
	count  int // who still wait; the last one clears up
}

// mostFailed is how many ticks may fail, a second apart, before who waits is told.
const mostFailed = 2

// await enters the caller as waiting for the events.
func (l *loop) await(events []town.Event) []*waiter {
	l.book.Lock()
	defer l.book.Unlock()
	out := make([]*waiter, len(events))
	for i := range events {
		w := l.waiters[events[i].ID]
		if w == nil {
			w = &waiter{done: make(chan struct{})}
			l.waiters[events[i].ID] = w
		}
		w.count++
		out[i] = w
	}
	return out
}

// forget clears up after await. Who was answered is not in the books any more.
func (l *loop) forget(events []town.Event, waiters []*waiter) {
	l.book.Lock()
	defer l.book.Unlock()
	for i, w := range waiters {
		if w.count--; w.count == 0 && l.waiters[events[i].ID] == w {
			delete(l.waiters, events[i].ID)
		}
	}
}

// submit makes the events durable, wakes the loop and waits for what becomes of them.
func (l *loop) submit(ctx context.Context, events []town.Event) ([]Result, error) {
	waiters := l.await(events)
	defer l.forget(events, waiters)

	receipts, err := l.append(ctx, events)
	if err != nil {
		l.poke() // it has the trouble now
		return nil, fmt.Errorf("cannot record the event: %w", err)
	}
	l.queue(receipts)
	l.poke()
	out := make([]Result, len(events))
	for i, r := range receipts {
		if r.Outcome != nil {
			out[i] = Result{Seq: r.Seq, EventID: events[i].ID, Duplicate: true, Outcome: *r.Outcome, Tick: r.Tick}
			continue
		}
		select {
		case <-waiters[i].done:
			if waiters[i].err != nil {
				return nil, waiters[i].err
			}
			out[i] = waiters[i].result
			out[i].Duplicate = r.Duplicate
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-l.c.ctx.Done():
			return nil, ErrStopping
		}
	}
	return out, nil
}

// append makes events durable. If the journal does not take them, the town has a problem from then on, and the loop
// tries each second whether it still has.
func (l *loop) append(ctx context.Context, events []town.Event) ([]journal.Receipt, error) {
	receipts, err := l.c.opts.Journal.Append(ctx, l.id, events)
	stored := slices.ContainsFunc(receipts, func(r journal.Receipt) bool { return !r.Duplicate })
	switch {
	case journal.Failing(err):
		l.c.opts.Meter.AppendFailed()
		l.wrote(fmt.Errorf("cannot record events: %w", err))
	case err == nil && (stored || len(events) == 0):
		l.wrote(nil)
	}
	return receipts, err
}

// wrote notes how the last write of events went; any other that went well counts too.
func (l *loop) wrote(err error) {
	l.book.Lock()
	defer l.book.Unlock()
	l.refused = err
}

// probe tries whether the journal takes events, if it did not when it was last asked to.
func (l *loop) probe(ctx context.Context) error {
	l.book.Lock()
	refused := l.refused
	l.book.Unlock()
	if refused == nil {
		return nil
	}
	if _, err := l.append(ctx, nil); err != nil {
		return fmt.Errorf("cannot record events: %w", err)
	}
	return nil
}

// giveUp answers those who have waited through several ticks that failed: their events are durable, and are taken
// when ticks can be recorded again, but nobody knows when that will be.
func (l *loop) giveUp(err error) {
	if errors.Is(err, journal.ErrFull) {
		err = fmt.Errorf("%w: make room on the file system of the data folder", journal.ErrFull)
	}
	l.book.Lock()
	defer l.book.Unlock()
	for id, w := range l.waiters {
		if w.failed++; w.failed < mostFailed {
			continue
		}
		w.err = fmt.Errorf("%w: %w", ErrUnapplied, err)
		close(w.done)
		delete(l.waiters, id)
	}
}
