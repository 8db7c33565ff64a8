package replay

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"
	"time"

	"gastown/internal/journal"
	"gastown/internal/town"
)

var benchEvents = flag.Int("history", 200_000, "events in the history of the benchmarks; 5000000 takes minutes to make")

// How many events a tick takes, in three towns: one that is as busy as the live loop can be, one in which a
// third of the ticks takes 1 to 9 events, a third 10 to 99 and a third 100 to 500, and one with hardly a
// few at a time, where nearly all the cost is that of ticks.
var sizes = []struct {
	name   string
	events func() int
	draw   func(*rand.Rand) int
}{
	{"full", func() int { return *benchEvents }, func(*rand.Rand) int { return 500 }},
	{"mixed", func() int { return *benchEvents }, mixed},
	{"few", func() int { return *benchEvents / 20 }, func(rng *rand.Rand) int { return 1 + rng.IntN(3) }},
}

func mixed(rng *rand.Rand) int {
	switch rng.IntN(3) {
	case 0:
		return 1 + rng.IntN(9)
	case 1:
		return 10 + rng.IntN(90)
	}
	return 100 + rng.IntN(401)
}

// memory notes the largest heap that it has seen.
type memory struct {
	stats runtime.MemStats
	peak  uint64
}

func (m *memory) look() {
	runtime.ReadMemStats(&m.stats)
	m.peak = max(m.peak, m.stats.HeapAlloc)
}

func (m *memory) report(b *testing.B) { b.ReportMetric(float64(m.peak)/(1<<20), "peak-MB") }

// cores is the time that this process has had a core for: what it takes of a machine on which others work too.
func cores() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// What a long history costs: each is made once, and then replayed and gone through.
func BenchmarkHistory(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as the program has it
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			y := newBusy(b, size.events(), size.draw)
			b.Run("replay", y.replay)
			b.Run("moment", y.moment)
			b.Run("oldest", y.oldest)
		})
	}
}

// replay computes the whole history again from the file, and compares each tick with its record.
func (y *busy) replay(b *testing.B) {
	var m memory
	began := cores()
	for b.Loop() {
		res, err := Run(context.Background(), y.j, "main", Query{}, func(x *Tick, _ *town.State) error {
			if !x.Agree {
				return fmt.Errorf("tick %d does not come out as recorded", x.Recorded.No)
			}
			if x.Recorded.No%100 == 0 {
				m.look()
			}
			return nil
		})
		if err != nil || !res.Exact || res.Events != y.events {
			b.Fatalf("%+v (%v)", res, err)
		}
	}
	m.report(b)
	b.ReportMetric(float64(y.events)*float64(b.N)/(cores()-began).Seconds(), "events/core-s")
	perSecond := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(float64(y.events)*perSecond, "events/s")
	b.ReportMetric(float64(y.s.Tick())*perSecond, "ticks/s")
	b.ReportMetric(float64(y.events)/float64(y.s.Tick()), "events/tick")
}

// moment brings the town back as it was after a tick drawn from the whole history, computes the next one,
// as a page does that shows it, and then goes on tick by tick.
func (y *busy) moment(b *testing.B) {
	ctx := context.Background()
	var m memory
	var moments, ofCore, steps []time.Duration
	for b.Loop() {
		tick := town.TickNo(y.rng.Int64N(int64(y.s.Tick()) - 5))
		began, used := time.Now(), cores()
		s, err := journal.RecoverAt(ctx, y.j, "main", tick)
		if err != nil || s.Tick() != tick {
			b.Fatal(err)
		}
		for range 5 {
			ticks, err := readTicks(ctx, y.j, "main", s.Tick(), s.Tick()+1)
			if err != nil {
				b.Fatal(err)
			}
			if again := s.Step(town.Input{Now: ticks[0].At, Events: ticks[0].Taken}); again.Digest != ticks[0].Digest {
				b.Fatalf("tick %d comes out otherwise", ticks[0].No)
			}
			if took := time.Since(began); s.Tick() == tick+1 {
				moments, ofCore = append(moments, took), append(ofCore, cores()-used)
			} else {
				steps = append(steps, took)
			}
			began = time.Now()
		}
		m.look()
	}
	m.report(b)
	b.ReportMetric(p99(moments), "p99-ms")
	b.ReportMetric(p99(ofCore), "p99-core-ms")
	b.ReportMetric(p99(steps), "step-p99-ms")
	b.ReportMetric(float64(y.events), "events")
	b.ReportMetric(float64(len(y.s.Beads())), "beads")
}

// oldest asks for the oldest moment that is kept, which is known at once however long the history is.
func (y *busy) oldest(b *testing.B) {
	for b.Loop() {
		if _, err := y.j.Oldest(context.Background(), "main"); err != nil {
			b.Fatal(err)
		}
	}
}

// p99 is the time in milliseconds that one in a hundred exceeds; of fewer it is the longest.
func p99(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[min(len(times)-1, len(times)*99/100)].Microseconds()) / 1000
}
