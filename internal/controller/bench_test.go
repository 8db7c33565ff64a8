package controller

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gastown/internal/town"
)

// BenchmarkEventToEffect sends a hundred events a second and measures from each one's arrival to
// the start of the effect that it causes, with both durable in between.
func BenchmarkEventToEffect(b *testing.B) {
	j := openJournal(b, filepath.Join(b.TempDir(), "gastown.db"))
	defer func() { _ = j.Close() }()
	c, o := start(b, j)
	defer c.Stop()
	withRig(b, c)
	o.mu.Lock()
	o.carried = make(chan town.Effect, 1)
	o.mu.Unlock()
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	took := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	for range b.N {
		<-pace.C
		began := time.Now()
		if _, err := c.Submit(context.Background(), "main", bead("x")); err != nil {
			b.Fatal(err)
		}
		e := <-o.carried
		took = append(took, time.Since(began))
		// The place is free again at once.
		done := event(&town.AgentCompleted{Result: town.RunEvicted})
		done.Agent, done.Run = e.Agent, e.Run
		gone := event(&town.BeadCancelled{})
		gone.Bead = e.Bead
		if _, err := c.Submit(context.Background(), "main", gone, done); err != nil {
			b.Fatal(err)
		}
		o.mu.Lock()
		for len(o.carried) > 0 {
			<-o.carried // the stop of the cancelled bead's agent
		}
		o.mu.Unlock()
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
