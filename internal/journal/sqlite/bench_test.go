package sqlite

import (
	"context"
	"fmt"
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

// BenchmarkCommitTickAbout stores ticks that are about four beads and four agents each: a dispatch
// for each of four events. "known" goes round the same forty, "new" makes other beads each time.
func BenchmarkCommitTickAbout(b *testing.B) {
	for name, bead := range map[string]func(n int) town.BeadID{
		"known": func(n int) town.BeadID { return town.BeadID(fmt.Sprintf("gt-1%d", n%40)) },
		"new":   func(n int) town.BeadID { return town.BeadID(fmt.Sprintf("gt-%da", n)) },
	} {
		b.Run(name, func(b *testing.B) {
			ctx := context.Background()
			j := openAt(b, b.TempDir())
			defer j.Close()
			l := benchLife(b, j, 0)
			p := &town.BeadReleased{}
			no := town.TickNo(1)
			for ; b.Loop(); no++ {
				b.StopTimer()
				tick := &town.Tick{No: no, At: journaltest.Birth, RuleSet: town.RuleSet}
				var events []town.Event
				for i := range 4 {
					n := 4*int(no) + i
					e := l.Event(p)
					e.Bead = bead(n)
					events = append(events, e)
					tick.Actions = append(tick.Actions, town.Action{Kind: town.DispatchAgent, Bead: e.Bead, Agent: town.AgentID(fmt.Sprint("polecat-", n%40))})
				}
				receipts, err := j.Append(ctx, "main", events)
				if err != nil {
					b.Fatal(err)
				}
				for _, r := range receipts {
					tick.Events = append(tick.Events, town.EventOutcome{Seq: r.Seq, Type: p.Type(), Verdict: town.Applied})
				}
				b.StartTimer()
				if err := j.CommitTick(ctx, "main", tick); err != nil {
					b.Fatal(err)
				}
			}
			stats, err := j.Stats(ctx, "main")
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(stats.StoreBytes)/float64(no-1), "bytes/tick")
		})
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
