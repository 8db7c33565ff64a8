package memory_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"gastown/internal/journal"
	"gastown/internal/journal/journaltest"
	"gastown/internal/journal/memory"
	"gastown/internal/town"
)

// places are stores by the name of a folder, which a suite opens again and again.
type places struct {
	mu     sync.Mutex
	stores map[string]*memory.Store
}

func (p *places) open(place string) (journal.Journal, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stores[place] == nil {
		p.stores[place] = memory.NewStore()
	}
	return p.stores[place].Open()
}

func TestConformance(t *testing.T) {
	t.Parallel()
	p := &places{stores: map[string]*memory.Store{}}
	journaltest.Run(t, p.open)
}

// TestACrashLosesNothing takes the store away from writers in the middle of their work: what was acknowledged
// is there, nothing is there that was refused, and they can do nothing any more.
func TestACrashLosesNothing(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := memory.NewStore()
	dead, err := store.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := dead.CreateTown(ctx, "main", "Main", 1, town.New("main", "Main", "testtownaaaaaaaaaaaaaaaaaa", 1).Snapshot()); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	acked := map[string]bool{}
	var writers sync.WaitGroup
	warm := make(chan struct{}, 4*50)
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprint(w, "-", i)
				e := town.Event{ID: id, Type: "town_paused", Payload: &town.TownPaused{}}
				if _, err := dead.Append(ctx, "main", []town.Event{e}); err != nil {
					if !errors.Is(err, journal.ErrClosed) {
						t.Errorf("append: %v", err)
					}
					return
				}
				mu.Lock()
				acked[id] = true
				mu.Unlock()
				if i < 50 {
					warm <- struct{}{}
				}
			}
		})
	}
	for range cap(warm) {
		<-warm
	}
	store.Crash()
	writers.Wait()
	j, err := store.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := dead.Close(); err != nil {
		t.Error(err)
	}
	events, err := j.Events(ctx, "main", journal.EventFilter{Limit: 1 << 20})
	if err != nil || len(events) != len(acked) {
		t.Fatalf("%d events, %d were acknowledged (%v)", len(events), len(acked), err)
	}
	for i, e := range events {
		if !acked[e.ID] || e.Seq != town.Seq(i+1) {
			t.Errorf("place %d holds event %s", i+1, e.ID)
		}
	}
	if _, err := dead.Towns(ctx); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("the journal of before the crash goes on: %v", err)
	}
}
