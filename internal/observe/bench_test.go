package observe

import (
	"fmt"
	"testing"
	"time"

	"gastown/internal/town"
)

// BenchmarkTick is a Step that changes one bead, three or ten in a town of a thousand live beads and a hundred
// agents, and all that the loop tells the metrics of it, which must not take more than 5 % of the Step. It is a busy
// town, with a millisecond between its ticks.
func BenchmarkTick(b *testing.B) {
	for _, n := range []int{1, 3, 10} {
		b.Run(fmt.Sprint(n, "-changes"), func(b *testing.B) { benchTick(b, n) })
	}
}

func benchTick(b *testing.B, changes int) {
	c := &clock{at: born}
	w := newTown(b, New(Options{Now: c.now}), c, "a")
	w.furnish(50, 100, 1000)
	for _, a := range w.working() {
		w.step(from(a, &town.DispatchAccepted{}))
	}
	if n := len(w.working()); n != 100 {
		b.Fatalf("%d agents work", n)
	}
	beads := w.s.Beads()
	round := 0
	var steps, metrics time.Duration
	b.ReportAllocs()
	for b.Loop() {
		round++
		c.at = c.at.Add(time.Millisecond)
		events := make([]town.Event, changes)
		title := fmt.Sprint("Round ", round)
		for i := range events {
			w.seq++
			events[i] = town.Event{Seq: w.seq, Type: "bead_updated", By: "admin", Bead: beads[(i*7919+round)%len(beads)].ID, Payload: &town.BeadUpdated{Title: &title}}
		}
		began := time.Now()
		t := w.s.Step(town.Input{Now: town.TimeOf(c.at), Events: events})
		stepped := time.Now()
		w.m.Pending(w.id, changes)
		w.m.Pending(w.id, 0)
		w.m.Tick(w.id, t, time.Millisecond, w.s)
		w.m.Rest(w.id, 5*time.Second)
		steps, metrics = steps+stepped.Sub(began), metrics+time.Since(stepped)
		if len(t.Changes) < changes {
			b.Fatalf("%d entities changed", len(t.Changes))
		}
	}
	share := 100 * metrics.Seconds() / steps.Seconds()
	b.ReportMetric(float64(metrics.Nanoseconds())/float64(round), "metrics-ns/op")
	b.ReportMetric(share, "%-of-step")
	if round > 100 && share > 5 { // the first ones find nothing in the caches
		b.Errorf("metrics take %.1f %% of a Step", share)
	}
}
