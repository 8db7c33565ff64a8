package controller

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gastown/internal/observe"
	"gastown/internal/observe/logging"
	"gastown/internal/observe/report"
	"gastown/internal/observe/sentrytest"
	"gastown/internal/town"
)

// BenchmarkEventToEffect sends a hundred events a second and measures from each one's arrival to
// the start of the effect that it causes, with both durable in between.
func BenchmarkEventToEffect(b *testing.B) {
	j := openFile(b, filepath.Join(b.TempDir(), "gastown.db"))
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

// BenchmarkTurn is a tick as the loop makes it, from reading what is pending to the commit, and all that watching it
// costs: the metrics, the line of the log, which goes to a file, and the look for something to report. That must not
// take more than 5 % of the tick. A second passes between the ticks for the metrics, so that each takes down the
// state of the town.
func BenchmarkTurn(b *testing.B) {
	for _, n := range []int{1, 10} {
		b.Run(fmt.Sprint(n, "-changes"), func(b *testing.B) { benchTurn(b, n) })
	}
}

func benchTurn(b *testing.B, changes int) {
	ctx := context.Background()
	j := openFile(b, filepath.Join(b.TempDir(), "gastown.db"))
	defer func() { _ = j.Close() }()
	c, _ := start(b, j)
	withRig(b, c)
	places := 100
	made := &town.BeadCreated{}
	for i := range 1000 {
		made.Beads = append(made.Beads, town.NewBead{Title: fmt.Sprint("Task ", i), Rig: "web"})
	}
	if _, err := c.Submit(ctx, "main", event(&town.TownConfigured{Settings: town.Settings{MaxAgents: &places}}), event(made)); err != nil {
		b.Fatal(err)
	}
	c.Stop()
	l := c.loops["main"]
	watch := watcher(b, l)
	beads := l.state.Beads()
	ticks, _ := l.subscribe()
	round := 0
	var turned, watched time.Duration
	for b.Loop() {
		round++
		title := fmt.Sprint("Round ", round)
		events := make([]town.Event, changes)
		for i := range events {
			events[i] = event(&town.BeadUpdated{Title: &title})
			events[i].ID, events[i].Created, events[i].Bead = fmt.Sprint("e-", round, "-", i), c.Now(), beads[(i*7919+round)%len(beads)].ID
		}
		if _, err := j.Append(ctx, l.id, events); err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		if err := l.turns(ctx); err != nil {
			b.Fatal(err)
		}
		done := time.Now()
		watch(<-ticks, events)
		turned, watched = turned+done.Sub(began), watched+time.Since(done)
	}
	share := 100 * watched.Seconds() / turned.Seconds()
	b.ReportMetric(float64(turned.Nanoseconds())/float64(round), "tick-ns/op")
	b.ReportMetric(float64(watched.Nanoseconds())/float64(round), "watch-ns/op")
	b.ReportMetric(share, "%-of-tick")
	if round > 100 && share > 5 { // the first ones find nothing in the caches
		b.Errorf("metrics, log and reports take %.1f %% of a tick", share)
	}
}

// watcher returns what does for a turn all that the loop does for those who watch it.
func watcher(b *testing.B, l *loop) func(*town.Tick, []town.Event) {
	now := time.Now()
	meter := observe.New(observe.Options{Now: func() time.Time { return now }})
	meter.Begin(l.id, l.state, l.glance)
	out, err := os.Create(filepath.Join(b.TempDir(), "gastown.log"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = out.Close() })
	reports, err := report.New(report.Options{DSN: sentrytest.DSN("http://sentry.example"), Transport: sentrytest.New()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(reports.Close)
	logged := newLoop(New(Options{Log: logging.New(out, logging.JSON, new(slog.LevelVar))}), l.id, l.state)
	return func(t *town.Tick, events []town.Event) {
		now = now.Add(time.Second)
		meter.Pending(l.id, len(events))
		meter.Commit(time.Millisecond, nil)
		meter.Tick(l.id, t, time.Millisecond, l.state)
		meter.Pending(l.id, 0)
		meter.Rest(l.id, time.Minute)
		reports.Turned(l.id, t, events, t.No, l.state.Violations())
		logged.log(t, events, time.Millisecond)
	}
}
