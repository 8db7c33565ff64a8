package controller

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"gastown/internal/journal/memory"
)

// TestADeadServerLosesNothingAcknowledged takes the journal away from a controller while people submit events, as
// the death of its process would. The next one knows every event that was acknowledged, with its outcome.
func TestADeadServerLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	store := memory.NewStore()
	j, err := store.Open()
	if err != nil {
		t.Fatal(err)
	}
	c, _ := start(t, j)
	withRig(t, c)
	const people, each = 4, 5
	var mu sync.Mutex
	var answers []Result
	warm := make(chan struct{}, people*each)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var all sync.WaitGroup
	for p := range people {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				e := bead("x")
				e.ID = fmt.Sprintf("018f0000-0000-7000-8000-%06d%06d", p, n)
				res, err := c.Submit(ctx, "main", e)
				if err != nil {
					return // the journal is gone, or soon will be
				}
				mu.Lock()
				answers = append(answers, res[0])
				mu.Unlock()
				if n < each {
					warm <- struct{}{}
				}
			}
		})
	}
	for range people * each {
		<-warm
	}
	store.Crash()
	end()
	all.Wait()
	c.Stop()
	if j, err = store.Open(); err != nil {
		t.Fatal(err)
	}
	c, _ = start(t, j)
	defer c.Stop()
	for _, r := range answers {
		e := bead("x")
		e.ID = r.EventID
		again, err := c.Submit(t.Context(), "main", e)
		if err != nil || !again[0].Duplicate || again[0].Tick != r.Tick || again[0].Outcome.Made[0] != r.Outcome.Made[0] {
			t.Fatalf("the answer was %+v, is now %+v (%v)", r, again, err)
		}
	}
}
