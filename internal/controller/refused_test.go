package controller

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// deaf is a journal that takes no events while it is told so. Ticks it takes, so that only who writes sees it.
type deaf struct {
	journal.Journal
	full atomic.Bool
}

func (d *deaf) Append(ctx context.Context, id town.TownID, events []town.Event) ([]journal.Receipt, error) {
	if d.full.Load() {
		return nil, journal.ErrFull
	}
	return d.Journal.Append(ctx, id, events)
}

// An idle town on a full disk records no tick, so that nothing fails but what is written to it. The writer has his
// answer at once; the town has a problem from then on, which is counted each second although nobody writes, and is over
// by itself when there is room.
func TestRefusedEventsAreAProblem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &deaf{Journal: openJournal(t)}
		defer func() { _ = d.Close() }()
		c, o := start(t, d)
		defer c.Stop()
		withRig(t, c)
		d.full.Store(true)
		synctest.Wait()
		if err := c.Ready(); err != nil {
			t.Errorf("before anything was written: %v", err)
		}
		began := time.Now()
		_, err := c.Submit(context.Background(), "main", bead("x"))
		if !errors.Is(err, journal.ErrFull) || time.Since(began) != 0 {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		for range 2 { // at once, and after ten seconds in which nobody writes
			synctest.Wait()
			st, err := c.Status("main")
			if err != nil || !strings.Contains(st.Problem, "cannot record events") {
				t.Errorf("the problem is %q (%v)", st.Problem, err)
			}
			if err := c.Ready(); !errors.Is(err, journal.ErrFull) {
				t.Errorf("ready: %v", err)
			}
			time.Sleep(10 * time.Second)
		}
		if n := o.refusals(); n < 20 || n > 25 {
			t.Errorf("%d refusals are counted in 20 seconds", n)
		}
		d.full.Store(false)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		st, err := c.Status("main")
		if ready := c.Ready(); err != nil || ready != nil || st.Problem != "" {
			t.Errorf("with room again: %v, problem %q (%v)", ready, st.Problem, err)
		}
		if _, err := c.Submit(context.Background(), "main", bead("y")); err != nil {
			t.Error(err)
		}
	})
}

// A refusal that is the sender's own fault is no problem of the town.
func TestNonsenseIsNoProblemOfTheJournal(t *testing.T) {
	t.Parallel()
	j := openJournal(t)
	defer func() { _ = j.Close() }()
	c, o := start(t, j)
	defer c.Stop()
	withRig(t, c)
	wrong := bead("x")
	wrong.Type = "nonsense"
	if _, err := c.Submit(context.Background(), "main", wrong); !errors.Is(err, journal.ErrInvalid) {
		t.Errorf("nonsense: %v", err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Submit(gone, "main", bead("y")); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if err := c.Ready(); err != nil || o.refusals() != 0 {
		t.Errorf("%d refusals: %v", o.refusals(), err)
	}
}
