package controller

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// meddling is a journal in which somebody's event comes in just before the end of a pause is recorded.
type meddling struct {
	journal.Journal
	first town.Event
}

func (m *meddling) Append(ctx context.Context, id town.TownID, events []town.Event) ([]journal.Receipt, error) {
	if m.first.Payload != nil && len(events) == 2 && events[0].Type == "town_resumed" {
		first := m.first
		m.first = town.Event{}
		if _, err := m.Journal.Append(ctx, id, []town.Event{first}); err != nil {
			return nil, err
		}
	}
	return m.Journal.Append(ctx, id, events)
}

// paused is a paused town with a bead that it keeps back.
func paused(t *testing.T, j journal.Journal) (*Controller, *outside) {
	t.Helper()
	c, o := start(t, j)
	t.Cleanup(c.Stop)
	withRig(t, c)
	if _, err := c.Submit(context.Background(), "main", event(&town.TownPaused{Reason: "lunch"}), bead("Greet")); err != nil {
		t.Fatal(err)
	}
	return c, o
}

func resumption(t *testing.T, c *Controller) *Plan {
	t.Helper()
	p, err := c.Plan(context.Background(), "main", Resumption())
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Tick.Effects) != 1 {
		t.Fatalf("the plan past the pause has the effects %+v", p.Tick.Effects)
	}
	return p
}

// isPaused fails the test unless the town is paused and has carried out just these effects.
func isPaused(t *testing.T, c *Controller, o *outside, effects int) {
	t.Helper()
	if err := c.Read("main", func(s *town.State) {
		if s.Town().Paused == 0 || s.Town().PausedReason != "lunch" {
			t.Errorf("the town is %+v, want paused for lunch", s.Town())
		}
	}); err != nil {
		t.Fatal(err)
	}
	if got := o.carriedIDs(); len(got) != effects {
		t.Errorf("carried out are %v, want %d", got, effects)
	}
}

// A plan past the pause is carried out to the letter, and the town is paused again.
func TestAPlanIsCarriedOut(t *testing.T) {
	t.Parallel()
	j := openJournal(t)
	t.Cleanup(func() { _ = j.Close() })
	c, o := paused(t, j)
	p := resumption(t, c)
	tick, err := c.Apply(context.Background(), "main", p.Fingerprint())
	if err != nil || tick != p.Tick.No {
		t.Fatalf("it became tick %d (%v), planned was %d", tick, err, p.Tick.No)
	}
	isPaused(t, c, o, 1)
	if got := o.carriedIDs(); got[0] != p.Tick.Effects[0].ID {
		t.Errorf("carried out is %v, planned was %s", got, p.Tick.Effects[0].ID)
	}
	var moved *MovedOn
	if _, err := c.Apply(context.Background(), "main", p.Fingerprint()); !errors.As(err, &moved) || !strings.Contains(err.Error(), "town_resumed") {
		t.Errorf("a second time: %v", err)
	}
	isPaused(t, c, o, 1)
}

// What comes in at the last moment is taken, the plan is refused, and nothing is started.
func TestAPlanIsOvertaken(t *testing.T) {
	t.Parallel()
	j := openJournal(t)
	t.Cleanup(func() { _ = j.Close() })
	late := bead("Wave")
	late.ID = "late"
	c, o := paused(t, &meddling{Journal: j, first: late})
	p := resumption(t, c)
	var moved *MovedOn
	if _, err := c.Apply(context.Background(), "main", p.Fingerprint()); !errors.As(err, &moved) || !strings.Contains(err.Error(), "bead_created") {
		t.Errorf("overtaken: %v", err)
	}
	isPaused(t, c, o, 0)
	if err := c.Read("main", func(s *town.State) {
		if n := len(s.Beads()); n != 2 {
			t.Errorf("%d beads, want both", n)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// A server that dies while a plan is being carried out finds the town paused.
func TestAPlanIsCutOff(t *testing.T) {
	t.Parallel()
	j := openJournal(t)
	t.Cleanup(func() { _ = j.Close() })
	f := &failing{Journal: j}
	c, o := paused(t, f)
	p := resumption(t, c)
	f.set(journal.ErrFull)
	if _, err := c.Apply(context.Background(), "main", p.Fingerprint()); !errors.Is(err, journal.ErrFull) {
		t.Fatalf("on a full disk: %v", err)
	}
	c.Stop()
	if len(o.carriedIDs()) != 0 {
		t.Errorf("carried out was %v", o.carriedIDs())
	}
	f.set(nil)
	c, o = start(t, f)
	t.Cleanup(c.Stop)
	if _, err := c.Submit(context.Background(), "main", event(&town.TownConfigured{Name: "Awake"})); err != nil {
		t.Fatal(err)
	}
	isPaused(t, c, o, 0)
}
