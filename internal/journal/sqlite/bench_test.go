package sqlite

import (
	"context"
	"math/rand/v2"
	"testing"

	"gastown/internal/journal"
	"gastown/internal/journal/journaltest"
	"gastown/internal/town"
)

// benchLife makes a town with a history of n steps.
func benchLife(b *testing.B, j journal.Journal, n int) *journaltest.Life {
	b.Helper()
	ctx := context.Background()
	l, err := journaltest.NewLife(ctx, j, "main", rand.New(rand.NewPCG(1, 1)).IntN)
	if err != nil {
		b.Fatal(err)
	}
	for range n {
		if _, _, err := l.Step(ctx); err != nil {
			b.Fatal(err)
		}
	}
	return l
}

// BenchmarkCommitTick stores ticks that take four events each.
func BenchmarkCommitTick(b *testing.B) {
	ctx := context.Background()
	j := openAt(b, b.TempDir())
	defer j.Close()
	l := benchLife(b, j, 0)
	p := &town.TownPaused{}
	for no := town.TickNo(1); b.Loop(); no++ {
		b.StopTimer()
		var events []town.Event
		for range 4 {
			events = append(events, l.Event(p))
		}
		receipts, err := j.Append(ctx, "main", events)
		if err != nil {
			b.Fatal(err)
		}
		tick := &town.Tick{No: no, At: journaltest.Birth, RuleSet: town.RuleSet}
		for _, r := range receipts {
			tick.Events = append(tick.Events, town.EventOutcome{Seq: r.Seq, Type: p.Type(), Verdict: town.Applied})
		}
		b.StartTimer()
		if err := j.CommitTick(ctx, "main", tick); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRecover brings a town back from its first snapshot and all its ticks.
func BenchmarkRecover(b *testing.B) {
	ctx := context.Background()
	j := openAt(b, b.TempDir())
	defer j.Close()
	l := benchLife(b, j, 1000)
	for b.Loop() {
		s, err := journal.Recover(ctx, j, "main")
		if err != nil || s.Digest() != l.State.Digest() {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(l.State.Tick())*float64(b.N)/b.Elapsed().Seconds(), "ticks/s")
}
