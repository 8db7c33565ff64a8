package controller

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// made submits the event and returns the id of what it made.
func made(t *testing.T, c *Controller, e town.Event) town.BeadID {
	t.Helper()
	res, err := c.Submit(context.Background(), "main", e)
	if err != nil || len(res[0].Outcome.Made) != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	return town.BeadID(res[0].Outcome.Made[0])
}

// submit submits events about a bead, as one batch.
func submit(t *testing.T, c *Controller, bead town.BeadID, payloads ...town.Payload) {
	t.Helper()
	var events []town.Event
	for _, p := range payloads {
		e := event(p)
		e.Bead = bead
		events = append(events, e)
	}
	if _, err := c.Submit(context.Background(), "main", events...); err != nil {
		t.Fatal(err)
	}
}

// whats says what happened, in a word each.
func whats(list []town.Happening) []string {
	var out []string
	for _, h := range list {
		word := h.What
		if h.Outcome != "" && h.Outcome != town.Applied {
			word += " " + string(h.Outcome)
		}
		out = append(out, word)
	}
	return out
}

// The history of a bead is the same whatever the size of its pages, also where they end within a
// tick.
func TestHappenedInPages(t *testing.T) {
	t.Parallel()
	j := openJournal(t)
	defer j.Close()
	c, _ := start(t, j)
	defer c.Stop()
	withRig(t, c)
	ctx := context.Background()
	id := made(t, c, event(&town.BeadCreated{Beads: []town.NewBead{{Title: "x", Held: true}}}))
	other := made(t, c, event(&town.BeadCreated{Beads: []town.NewBead{{Title: "y", Held: true}}}))
	submit(t, c, id, &town.BeadReleased{}, &town.BeadHeld{Reason: "not today"}, &town.BeadHeld{}, &town.BeadRetried{})
	submit(t, c, other, &town.BeadRetried{})
	submit(t, c, id, &town.BeadCancelled{Reason: "enough"})
	want := []string{"bead_created", "bead_released", "bead_held", "bead_held ignored", "bead_retried rejected", "bead_cancelled"}
	all, err := c.Happened(ctx, "main", string(id), Moment{}, 0)
	if err != nil || !slices.Equal(whats(all), want) {
		t.Fatalf("%v: %v, want %v", err, whats(all), want)
	}
	if h := all[2]; h.Reason != "not today" || h.By != "test" || h.Bead != id || h.At == 0 {
		t.Errorf("of the hold is told: %+v", h)
	}
	for limit := 1; limit <= len(want)+1; limit++ {
		var got []town.Happening
		var before Moment
		for {
			page, err := c.Happened(ctx, "main", string(id), before, limit)
			if err != nil || len(page) > limit {
				t.Fatalf("a page of %d has %d: %v", limit, len(page), err)
			}
			if len(page) == 0 {
				break
			}
			got = append(slices.Clone(page), got...)
			before = Moment{page[0].Tick, page[0].Part}
		}
		if !slices.Equal(got, all) {
			t.Errorf("in pages of %d: %v", limit, whats(got))
		}
	}
	if got, err := c.Happened(ctx, "main", string(id), Moment{Tick: all[1].Tick}, 9); err != nil || !slices.Equal(got, all[:1]) {
		t.Errorf("before the tick of the release: %v, %v", whats(got), err)
	}
}

// At most a hundred things are told at once, however many are asked for.
func TestHappenedIsBounded(t *testing.T) {
	t.Parallel()
	j := openJournal(t)
	defer j.Close()
	c, _ := start(t, j)
	defer c.Stop()
	withRig(t, c)
	id := made(t, c, event(&town.BeadCreated{Beads: []town.NewBead{{Title: "x", Held: true}}}))
	for range MaxHappened / 2 {
		submit(t, c, id, &town.BeadReleased{}, &town.BeadHeld{})
	}
	for _, limit := range []int{-1, 0, MaxHappened, MaxHappened + 1, 1 << 30} {
		if got, err := c.Happened(context.Background(), "main", string(id), Moment{}, limit); err != nil || len(got) != MaxHappened || got[0].What == "bead_created" {
			t.Errorf("limit %d: %d things, %v", limit, len(got), err)
		}
	}
}

// A name that nothing ever had is not found, also if somebody asked for something under it; and
// where there is no such town, it is that.
func TestNothingHappenedToNobody(t *testing.T) {
	t.Parallel()
	j := openJournal(t)
	defer j.Close()
	c, _ := start(t, j)
	defer c.Stop()
	withRig(t, c)
	submit(t, c, "gt-zz", &town.BeadHeld{})
	for _, id := range []string{"gt-zz", "toast", ""} {
		if got, err := c.Happened(context.Background(), "main", id, Moment{}, 5); !errors.Is(err, journal.ErrNotFound) {
			t.Errorf("%q: %v, %v", id, whats(got), err)
		}
	}
	if _, err := c.Happened(context.Background(), "nowhere", "gt-zz", Moment{}, 5); !errors.Is(err, ErrNoTown) {
		t.Errorf("of no town: %v", err)
	}
}

// What has left the town has a history for as long as the journal has its ticks; a bead in the
// archive has an empty one after that.
func TestHappenedToWhatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := openJournal(t)
		c, _ := start(t, j)
		withRig(t, c)
		id := made(t, c, bead("x"))
		stop := event(&town.AgentStopConfirmed{})
		if err := c.Read("main", func(s *town.State) { stop.Agent, stop.Run = s.Agents()[0].ID, s.Agents()[0].Run }); err != nil {
			t.Fatal(err)
		}
		submit(t, c, id, &town.BeadCancelled{})
		if _, err := c.Submit(t.Context(), "main", stop); err != nil {
			t.Fatal(err)
		}
		time.Sleep(town.CollectAfter.Std() + time.Hour)
		synctest.Wait()
		gone, err := c.Happened(t.Context(), "main", string(stop.Agent), Moment{}, 5)
		if err != nil || len(gone) != 5 || gone[4].What != "delete_agent" {
			t.Errorf("of an agent that left the books is told: %v, %v", whats(gone), err)
		}
		time.Sleep(8 * 24 * time.Hour)
		synctest.Wait()
		last, err := c.Happened(t.Context(), "main", string(id), Moment{}, 5)
		if err != nil || len(last) == 0 || last[len(last)-1].What != "archive_bead" {
			t.Errorf("of an archived bead is told: %v, %v", whats(last), err)
		}
		c.Stop() // which leaves a snapshot, behind which everything can go
		if _, err := j.Retain(t.Context(), "main", journalEnd); err != nil {
			t.Fatal(err)
		}
		c, _ = start(t, j)
		if left, err := c.Happened(t.Context(), "main", string(id), Moment{}, 5); err != nil || len(left) != 0 {
			t.Errorf("when its ticks are gone, of the archived bead is told: %v, %v", whats(left), err)
		}
		c.Stop()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

// journalEnd is after everything that a journal has.
const journalEnd = town.Time(1 << 60)
