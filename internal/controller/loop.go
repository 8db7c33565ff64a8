package controller

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gastown/internal/journal"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// The rhythm of a loop.
const (
	// activeAlarm and idleAlarm bound how long a town is left alone when nothing happens.
	activeAlarm = 5 * time.Second
	idleAlarm   = 60 * time.Second
	// retryAlarm is the time between tries while the journal does not take writes.
	retryAlarm = time.Second
	// snapshotTicks and snapshotEvery say how much history recovery may have to go through.
	snapshotTicks = 1000
	snapshotEvery = time.Hour
	// subscriberRoom is how many ticks a subscriber may lag behind.
	subscriberRoom = 256
)

// loop runs one town.
type loop struct {
	c     *Controller
	id    town.TownID
	toLog *slog.Logger // with the town
	wake  chan struct{}
	jobs  chan func(context.Context) // for the loop's own goroutine, between its ticks

	mu    sync.RWMutex // guards state; held for writing from Step to the end of commit
	state *town.State

	book     sync.Mutex // guards what follows
	waiters  map[string]*waiter
	subs     map[chan *town.Tick]struct{}
	failure  error
	refused  error // why the last write of events failed; nil once anything was written after it
	last     wire.Figures
	recent   []RecentEvent
	nextFire time.Time
	interval time.Duration

	waiting  atomic.Int64 // events that are durable and that no tick has taken
	snapTick town.TickNo
	snapAt   time.Time
	// caughtUp says that what was pending when the loop began has been taken. Until then nothing is
	// carried out: the answer to what would be repeated may be among it.
	caughtUp bool
}

func newLoop(c *Controller, id town.TownID, s *town.State) *loop {
	return &loop{
		c: c, id: id, toLog: c.opts.Log.With("town", id), state: s, wake: make(chan struct{}, 1), jobs: make(chan func(context.Context)), waiters: map[string]*waiter{},
		subs: map[chan *town.Tick]struct{}{}, snapTick: s.Tick(), snapAt: c.opts.Now(),
	}
}

// queue counts the events that wait from now on.
func (l *loop) queue(receipts []journal.Receipt) {
	n := int64(0)
	for i := range receipts {
		if !receipts[i].Duplicate {
			n++
		}
	}
	l.c.opts.Meter.Pending(l.id, int(l.waiting.Add(n)))
}

// count puts the number of waiting events right when a batch has been read: fewer than there is room for are
// all there are. After a start nothing has been counted yet, and the journal is asked how many more there are.
func (l *loop) count(ctx context.Context, read int) error {
	n := int64(read)
	if read == town.MaxEvents {
		if l.waiting.Load() > n {
			return nil
		}
		stats, err := l.c.opts.Journal.Stats(ctx, l.id)
		if err != nil {
			return err
		}
		n = int64(stats.Pending)
	}
	l.waiting.Store(n)
	l.c.opts.Meter.Pending(l.id, int(n))
	return nil
}

// poke wakes the loop; one more poke while it has not looked yet is the same.
func (l *loop) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run turns until ctx ends, then leaves a snapshot.
func (l *loop) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			l.snapshot(context.WithoutCancel(ctx))
			l.endSubscriptions()
			return
		case job := <-l.jobs:
			job(context.WithoutCancel(ctx))
		case <-l.wake:
		case <-timer.C:
		}
		err := l.turns(context.WithoutCancel(ctx))
		if err == nil {
			err = l.probe(context.WithoutCancel(ctx))
		} else {
			l.giveUp(err)
		}
		l.setTrouble(err)
		timer.Reset(l.arm(err))
	}
}

// take makes ticks until no event is pending.
func (l *loop) take(ctx context.Context) error {
	for {
		events, err := l.c.opts.Journal.Pending(ctx, l.id, town.MaxEvents)
		if err == nil {
			err = l.count(ctx, len(events))
		}
		if err != nil {
			return fmt.Errorf("cannot read the pending events: %w", err)
		}
		if err := l.turn(ctx, l.c.Now(), events); err != nil {
			return err
		}
		if len(events) < town.MaxEvents {
			return nil
		}
	}
}

// turns takes what is pending and does what is to be done then.
func (l *loop) turns(ctx context.Context) error {
	if err := l.take(ctx); err != nil {
		return err
	}
	if !l.caughtUp {
		l.caughtUp = true
		l.mu.RLock()
		outstanding := l.state.Outstanding()
		l.mu.RUnlock()
		l.c.opts.Effects.Carry(l.id, outstanding)
	}
	if newest := l.newest(); newest >= l.snapTick+snapshotTicks || (newest > l.snapTick && l.c.opts.Now().Sub(l.snapAt) >= snapshotEvery) {
		l.snapshot(ctx)
	}
	return nil
}

// countGates counts the runs of gates that were reported and applied.
func (l *loop) countGates(t *town.Tick, events []town.Event) {
	for i := range t.Events {
		if runs := town.GateRuns(events[i].Payload); len(runs) > 0 && t.Events[i].Verdict == town.Applied {
			l.c.opts.Meter.Gates(l.id, runs)
		}
	}
}

// newest is the number of the last tick. The loop itself must ask for it under the lock too: meanwhile somebody's
// plan may step the state and put it back.
func (l *loop) newest() town.TickNo {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.state.Tick()
}

// itself is the town as the last tick left it.
func (l *loop) itself() *town.Town {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.state.Town()
}

// glance calls f with the state, held still, unless the loop is at work on it.
func (l *loop) glance(f func(*town.State)) bool {
	if !l.mu.TryRLock() {
		return false
	}
	defer l.mu.RUnlock()
	f(l.state)
	return true
}

// turn makes one tick: Step, commit, effects, news.
func (l *loop) turn(ctx context.Context, now town.Time, events []town.Event) error {
	pending := l.waiting.Load()
	l.mu.Lock()
	started := l.c.opts.Now()
	t := l.state.Step(town.Input{Now: now, Events: events})
	stepped := l.c.opts.Now()
	if !t.Empty() {
		err := l.c.opts.Journal.CommitTick(ctx, l.id, t)
		l.c.opts.Meter.Commit(l.c.opts.Now().Sub(stepped), err)
		if err != nil {
			l.state.Revert(t)
			l.mu.Unlock()
			return fmt.Errorf("cannot record tick %d: %w", t.No, err)
		}
		l.wrote(nil)
	}
	l.c.opts.Meter.Tick(l.id, t, stepped.Sub(started), l.state)
	l.countGates(t, events)
	newest, lasting := l.state.Tick(), l.state.Violations()
	l.mu.Unlock()
	defer l.c.opts.Reports.Turned(l.id, t, events, newest, lasting)
	if t.Empty() {
		return nil
	}
	ended := l.c.opts.Now()
	l.c.opts.Meter.Pending(l.id, int(l.waiting.Add(-int64(len(events)))))
	l.c.opts.Traces.Tick(l.id, t, events, started, ended)
	if l.caughtUp {
		l.c.opts.Effects.Carry(l.id, t.Effects)
	}
	took := l.c.opts.Now().Sub(started)
	l.publish(t, events, int(pending), took)
	l.log(t, events, took)
	return nil
}

// publish answers the senders of the events and tells the subscribers.
func (l *loop) publish(t *town.Tick, events []town.Event, pending int, took time.Duration) {
	l.book.Lock()
	defer l.book.Unlock()
	for i := range events {
		if w := l.waiters[events[i].ID]; w != nil {
			w.result = Result{Seq: events[i].Seq, EventID: events[i].ID, Outcome: t.Events[i], Tick: t.No}
			close(w.done)
			delete(l.waiters, events[i].ID)
		}
	}
	l.note(t, events, pending, took)
	for ch := range l.subs {
		select {
		case ch <- t:
		default:
			delete(l.subs, ch)
			close(ch)
		}
	}
}

// arm says how long the loop may sleep, and notes it for the status.
func (l *loop) arm(err error) time.Duration {
	now := l.c.opts.Now()
	l.mu.RLock()
	sleep, interval := Rest(l.state, now, err != nil)
	l.mu.RUnlock()
	if err == nil {
		l.c.opts.Meter.Rest(l.id, interval)
	}
	l.book.Lock()
	l.interval, l.nextFire = interval, now.Add(sleep)
	l.book.Unlock()
	return sleep
}

// snapshot leaves the whole state in the journal, so that recovery is quick. A failure costs only
// time at the next start.
func (l *loop) snapshot(ctx context.Context) {
	if l.newest() == l.snapTick {
		return
	}
	l.mu.RLock()
	tick, data := l.state.Tick(), l.state.Snapshot()
	keep := l.state.Config("").Retention
	l.mu.RUnlock()
	if err := l.c.opts.Journal.SaveSnapshot(ctx, l.id, tick, data); err != nil {
		l.toLog.Warn("no snapshot", "tick", tick, "err", err)
		return
	}
	l.snapTick, l.snapAt = tick, l.c.opts.Now()
	if _, err := l.c.opts.Journal.Retain(ctx, l.id, l.c.Now().Add(-keep)); err != nil {
		l.toLog.Warn("old history was not removed", "err", err)
	}
}

func (l *loop) subscribe() (<-chan *town.Tick, func()) {
	ch := make(chan *town.Tick, subscriberRoom)
	l.book.Lock()
	l.subs[ch] = struct{}{}
	l.book.Unlock()
	return ch, func() {
		l.book.Lock()
		defer l.book.Unlock()
		if _, ok := l.subs[ch]; ok {
			delete(l.subs, ch)
			close(ch)
		}
	}
}

func (l *loop) endSubscriptions() {
	l.book.Lock()
	defer l.book.Unlock()
	for ch := range l.subs {
		delete(l.subs, ch)
		close(ch)
	}
}

func (l *loop) setTrouble(err error) {
	l.book.Lock()
	defer l.book.Unlock()
	switch {
	case err != nil && (l.failure == nil || l.failure.Error() != err.Error()):
		class := journal.ClassOf(err)
		l.toLog.Error("the loop cannot go on", "class", class, "err", err)
		l.c.opts.Reports.Journal(l.id, class)
	case err == nil && l.failure != nil:
		l.toLog.Info("the loop goes on")
	}
	l.failure = err
}

func (l *loop) trouble() error {
	l.book.Lock()
	defer l.book.Unlock()
	return l.problem()
}

// problem is why the loop cannot go on, or why events are not taken. The caller holds the book.
func (l *loop) problem() error {
	if l.failure != nil {
		return l.failure
	}
	return l.refused
}
