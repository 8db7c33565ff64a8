package replay

import (
	"context"
	"errors"
	"testing"

	"gastown/internal/town"
)

// A moment that is past is as it was: the town, what was pending, and so the tick that came next.
func TestAMomentIsAsItWas(t *testing.T) {
	t.Parallel()
	l := stuck(t)
	ctx := context.Background()
	all, _ := replayed(t, l, Query{})
	for i, x := range all {
		at := x.Recorded.At
		s, err := At(ctx, l.j, "main", at)
		if err != nil {
			t.Fatal(err)
		}
		last := x.Recorded
		for _, later := range all[i:] {
			if later.Recorded.At == at {
				last = later.Recorded
			}
		}
		if s.Tick() != last.No || s.Digest() != last.Digest {
			t.Errorf("at %s the town is after tick %d with %s, was after tick %d with %s", at, s.Tick(), s.Digest(), last.No, last.Digest)
		}
	}
	_, err := At(ctx, l.j, "main", begin-1)
	var wrong *RangeError
	if !errors.As(err, &wrong) || wrong.Field != "at" {
		t.Errorf("before the beginning: %v", err)
	}
}

// What has come in and was not taken yet is pending, whether a tick has taken it since or not.
func TestWhatWasPending(t *testing.T) {
	t.Parallel()
	l := stuck(t)
	ctx := context.Background()
	came := l.now.Add(town.Second)
	e := town.Event{ID: "slow", Type: "town_paused", Created: came, Payload: &town.TownPaused{}}
	if _, err := l.j.Append(ctx, "main", []town.Event{e}); err != nil {
		t.Fatal(err)
	}
	before := l.s.Tick()
	look := func(at town.Time, want int) {
		t.Helper()
		s, err := At(ctx, l.j, "main", at)
		if err != nil {
			t.Fatal(err)
		}
		list, err := PendingAt(ctx, l.j, "main", s.Tick(), at)
		if err != nil || len(list) != want {
			t.Fatalf("at %s %d events are pending, want %d (%v)", at, len(list), want, err)
		}
		if want == 0 {
			return
		}
		if plan := s.Plan(town.Input{Now: at, Events: list}); s.Tick() != before || len(plan.Events) != 1 || plan.Events[0].Type != "town_paused" {
			t.Errorf("the plan of %s after tick %d is %+v", at, s.Tick(), plan)
		}
	}
	look(came-1, 0)
	look(came, 1)
	l.step(town.Minute)
	if l.s.Town().Paused == 0 {
		t.Fatal("the town is not paused")
	}
	look(came-1, 0)
	look(came+1, 1)
	look(l.now, 0)
}
