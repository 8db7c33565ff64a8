package sim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"sync"

	"gastown/internal/town"
)

// Options say which towns to play.
type Options struct {
	Seed    uint64        // the first one
	Seeds   int           // how many
	Time    town.Duration // how long each town lives with faults
	Agents  int           // max_agents of each
	Rigs    int
	Workers int // towns at the same time; the processors if 0
	// Shrink is how many steps reducing one failure to a scenario may take; 0 does not reduce any.
	Shrink int
	// Progress is told after each town; it may be nil. Calls do not overlap.
	Progress func(done int, findings int)
	// Record is told of every recorded tick, with the events that it took; it may be nil. Those of one town come
	// in order; of several towns that are played at the same time they overlap.
	Record func(seed uint64, t *town.Tick, events []town.Event)

	// profile is what every world is like, instead of what its seed says; plans has every step be planned first;
	// plant is a further check. They are for tests.
	profile *profile
	plans   bool
	plant   func(*town.State, *town.Tick) (town.BeadID, string)
}

// maxShrunk bounds how many failures are reduced: the first few tell most.
const maxShrunk = 3

// result is what one town came to.
type result struct {
	cov     Coverage
	end     town.Digest
	hours   float64
	finding *Finding
}

// Run plays the towns. The error is that of ctx; what was found wrong is in the report.
func Run(ctx context.Context, opts Options) (*Report, error) {
	workers := opts.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	results := make([]result, opts.Seeds)
	next := make(chan int)
	var mu sync.Mutex
	done, findings := 0, 0
	var work sync.WaitGroup
	for range workers {
		work.Go(func() {
			for i := range next {
				results[i] = opts.one(opts.Seed + uint64(i))
				mu.Lock()
				done++
				if results[i].finding != nil {
					findings++
				}
				if opts.Progress != nil {
					opts.Progress(done, findings)
				}
				mu.Unlock()
			}
		})
	}
	err := feed(ctx, next, opts.Seeds)
	work.Wait()
	if err != nil {
		return nil, err
	}
	return opts.report(results), nil
}

func feed(ctx context.Context, next chan<- int, n int) error {
	defer close(next)
	for i := range n {
		select {
		case next <- i:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// one plays the town of a seed.
func (o *Options) one(seed uint64) result {
	l := newLife(o, seed, false)
	failure := l.play()
	r := result{cov: l.check.cov, hours: float64(l.now.Since(Start)) / float64(town.Hour)}
	for f := range faults {
		if l.happened[f] > 0 {
			r.cov.Faults[faults[f].name] = l.happened[f]
		}
	}
	r.cov.Profiles[l.prof.name] = 1
	if l.server.st != nil {
		r.end = l.server.st.Digest()
	}
	if failure != nil {
		r.finding = &Finding{Seed: seed, Profile: l.prof.name, Failure: *failure, Command: o.command(seed)}
	}
	return r
}

// command is how a seed is played again.
func (o *Options) command(seed uint64) string {
	return fmt.Sprintf("gastown sim --seed %d --seeds 1 --hours %g --agents %d --rigs %d", seed, float64(o.Time)/float64(town.Hour), o.Agents, o.Rigs)
}

func (o *Options) report(results []result) *Report {
	r := &Report{FirstSeed: o.Seed, Towns: len(results), Coverage: newCoverage(), Findings: []Finding{}}
	sum := sha256.New()
	for i := range results {
		x := &results[i]
		r.Coverage.add(&x.cov)
		r.Hours += x.hours
		sum.Write(x.end[:])
		if x.finding != nil {
			if o.Shrink > 0 && len(r.Findings) < maxShrunk {
				o.reduce(x.finding)
			}
			r.Findings = append(r.Findings, *x.finding)
		}
	}
	r.Missing = missing(&r.Coverage)
	r.Digest = hex.EncodeToString(sum.Sum(nil)[:16])
	return r
}
