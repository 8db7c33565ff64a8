package controller

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gastown/internal/observe/logging"
	"gastown/internal/observe/report"
	"gastown/internal/observe/sentrytest"
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

// BenchmarkWatch is what a line of the log and the look for something to report add to a tick, which takes
// some hundred microseconds with its commit.
func BenchmarkWatch(b *testing.B) {
	j := openJournal(b, filepath.Join(b.TempDir(), "gastown.db"))
	defer func() { _ = j.Close() }()
	c, _ := start(b, j)
	withRig(b, c)
	p, err := c.Plan(context.Background(), "main", bead("x"))
	if err != nil {
		b.Fatal(err)
	}
	c.Stop()
	c.opts.Reports, err = report.New(report.Options{DSN: sentrytest.DSN("http://sentry.example"), Transport: sentrytest.New()})
	if err != nil {
		b.Fatal(err)
	}
	defer c.opts.Reports.Close()
	c.opts.Log = logging.New(io.Discard, logging.JSON, new(slog.LevelVar))
	l := c.loops["main"]
	b.ReportAllocs()
	for b.Loop() {
		l.log(p.Tick, p.Events, time.Millisecond)
		c.opts.Reports.Turned("main", p.Tick, p.Events, p.Tick.No, l.state.Violations())
	}
}
