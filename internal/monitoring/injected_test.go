package monitoring

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gastown/internal/journal"
	"gastown/internal/runtime"
	"gastown/internal/town"
)

// oddClock is a clock that a fault can have jump, once or with every look at it.
type oddClock struct{ ahead, step atomic.Int64 }

func (c *oddClock) now() time.Time {
	return time.Now().Add(time.Duration(c.ahead.Add(c.step.Load())))
}

// oddJournal is a real journal on a disk that becomes slow or full, or does not answer any more.
type oddJournal struct {
	journal.Journal
	slow atomic.Int64 // how long a commit takes more
	full atomic.Bool

	once  sync.Once
	hangs atomic.Bool
	free  chan struct{} // closed when it answers again
}

func (j *oddJournal) Append(ctx context.Context, id town.TownID, events []town.Event) ([]journal.Receipt, error) {
	if j.full.Load() {
		return nil, journal.ErrFull
	}
	return j.Journal.Append(ctx, id, events)
}

func (j *oddJournal) CommitTick(ctx context.Context, id town.TownID, t *town.Tick) error {
	if j.full.Load() {
		return journal.ErrFull
	}
	if d := time.Duration(j.slow.Load()); d > 0 {
		disk := time.NewTimer(d)
		defer disk.Stop()
		select {
		case <-disk.C:
		case <-j.free:
		}
	}
	return j.Journal.CommitTick(ctx, id, t)
}

func (j *oddJournal) Pending(ctx context.Context, id town.TownID, limit int) ([]town.Event, error) {
	if j.hangs.Load() {
		<-j.free
	}
	return j.Journal.Pending(ctx, id, limit)
}

// recover ends the faults.
func (j *oddJournal) recover() {
	j.slow.Store(0)
	j.full.Store(false)
	j.hangs.Store(false)
	j.once.Do(func() { close(j.free) })
}

// oddRuntime runs real processes, and may be unable to stop them or to tell them anything.
type oddRuntime struct {
	runtime.Runtime
	stuck, mute atomic.Bool
}

func (r *oddRuntime) Stop(ctx context.Context, key runtime.Key) error {
	if r.stuck.Load() {
		<-ctx.Done()
		return fmt.Errorf("cannot stop %s: %w", key, ctx.Err())
	}
	return r.Runtime.Stop(ctx, key)
}

func (r *oddRuntime) Tell(ctx context.Context, key runtime.Key, id, text string) error {
	if r.mute.Load() {
		return errors.New("cannot tell anybody anything")
	}
	return r.Runtime.Tell(ctx, key, id, text)
}
