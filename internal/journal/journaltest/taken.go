package journaltest

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// takenEvents shows that a record which comes with its events has those that Events lists.
func takenEvents(t *testing.T, f *fixture) {
	l, err := NewLife(ctx, f, id, rand.New(rand.NewPCG(5, 6)).IntN)
	if err != nil {
		t.Fatal(err)
	}
	strange := l.Event(&town.TownPaused{Reason: odd})
	strange.Agent, strange.Bead, strange.By, strange.Run = "\x1f", odd, odd, -7
	f.append(t, strange)
	for range 60 {
		if _, _, err := l.Step(ctx); err != nil {
			t.Fatal(err)
		}
	}
	f.append(t, l.Event(&town.TownResumed{})) // pending
	f.reopen(t)
	without, err := f.Ticks(ctx, id, journal.TickFilter{})
	if err != nil {
		t.Fatal(err)
	}
	with, err := f.Ticks(ctx, id, journal.TickFilter{Taken: true})
	if err != nil || len(with) != len(without) {
		t.Fatalf("%d ticks, without events %d (%v)", len(with), len(without), err)
	}
	seen := 0
	for i, tick := range with {
		if string(tick.Encode()) != string(without[i].Encode()) || without[i].Taken != nil {
			t.Fatalf("tick %d is another record with its events than without", tick.No)
		}
		if len(tick.Events) == 0 {
			continue
		}
		var stored []town.Event
		list, err := f.Events(ctx, id, journal.EventFilter{FromTick: tick.No, ToTick: tick.No})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			stored = append(stored, e.Event)
		}
		if diff := cmp.Diff(stored, tick.Taken, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("tick %d (-events +taken):\n%s", tick.No, diff)
		}
		seen++
	}
	if seen < 20 {
		t.Errorf("only %d ticks took events", seen)
	}
}

// roomForTicks shows that lists end early enough, never empty, and that going on from each gets everything.
func roomForTicks(t *testing.T, f *fixture) {
	l, err := NewLife(ctx, f, id, rand.New(rand.NewPCG(7, 8)).IntN)
	if err != nil {
		t.Fatal(err)
	}
	for range 40 {
		if _, _, err := l.Step(ctx); err != nil {
			t.Fatal(err)
		}
	}
	size := func(tick *town.Tick) int { return len(tick.Events) + len(tick.Actions) + len(tick.Changes) }
	for _, room := range []int{1, 7, 30, 1 << 20} {
		after := town.TickNo(0)
		for after < l.State.Tick() {
			list, err := f.Ticks(ctx, id, journal.TickFilter{After: after, Room: room, Taken: room > 7})
			if err != nil || len(list) == 0 || list[0].No != after+1 {
				t.Fatalf("room for %d after tick %d: %d ticks, %v", room, after, len(list), err)
			}
			sum := 0
			for _, tick := range list[:len(list)-1] {
				sum += size(tick)
			}
			last := list[len(list)-1]
			if sum >= room || sum+size(last) < room && last.No != l.State.Tick() {
				t.Fatalf("room for %d after tick %d: %d ticks with %d, the last of them %d", room, after, len(list), sum+size(last), size(last))
			}
			after = last.No
		}
	}
}
