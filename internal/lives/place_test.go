//go:build !race

package lives

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"gastown/internal/runtime"
)

// place is where agents run: it outlives servers, as processes do.
type place struct {
	w *world

	mu    sync.Mutex
	known map[runtime.Key]bool // every run that was ever started
	runs  map[runtime.Key]*process
	exits chan runtime.Report // of the server that there is at the moment
	work  sync.WaitGroup
}

type process struct {
	bead   string // whose workspace it has
	report runtime.Report
	stop   context.CancelFunc
	gone   chan struct{}
}

func newPlace(w *world) *place {
	return &place{w: w, known: map[runtime.Key]bool{}, runs: map[runtime.Key]*process{}}
}

// opened is called for each new server: what has ended and is not forgotten is reported again.
func (p *place) opened() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exits = make(chan runtime.Report, 10_000)
	for _, r := range p.runs {
		if r.report.State == runtime.StateExited {
			p.exits <- r.report
		}
	}
}

func (p *place) Start(ctx context.Context, spec runtime.Spec) error {
	p.mu.Lock()
	known := p.known[spec.Key]
	p.mu.Unlock()
	if known {
		return nil
	}
	if err := p.endOthers(ctx, spec); err != nil {
		return err
	}
	body, err := p.w.body(ctx, spec)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	now := time.Now()
	r := &process{bead: spec.Workspace.Bead, stop: stop, gone: make(chan struct{}), report: runtime.Report{Key: spec.Key, State: runtime.StateRunning, Started: now}}
	p.mu.Lock()
	p.runs[spec.Key], p.known[spec.Key] = r, true
	p.mu.Unlock()
	p.work.Go(func() {
		code := body(ctx, rand.New(rand.NewPCG(p.w.seed, uint64(spec.Run))))
		p.mu.Lock()
		defer p.mu.Unlock()
		if ctx.Err() != nil {
			r.report.Reason = runtime.ReasonStopped
		}
		r.report.State, r.report.Exited, r.report.ExitCode = runtime.StateExited, time.Now(), code
		stop()
		close(r.gone)
		p.exits <- r.report
	})
	return nil
}

// endOthers ends the runs of the same agent, and those that have the same workspace.
func (p *place) endOthers(ctx context.Context, spec runtime.Spec) error {
	p.mu.Lock()
	var others []runtime.Key
	for key, r := range p.runs {
		if key.Agent == spec.Agent || spec.Workspace.Bead != "" && r.bead == spec.Workspace.Bead {
			others = append(others, key)
		}
	}
	p.mu.Unlock()
	for _, key := range others {
		if err := p.Stop(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (p *place) Stop(ctx context.Context, key runtime.Key) error {
	p.mu.Lock()
	r := p.runs[key]
	p.mu.Unlock()
	if r == nil {
		return nil
	}
	r.stop()
	select {
	case <-r.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end stops every run, at the end of a test.
func (p *place) end() {
	p.mu.Lock()
	for _, r := range p.runs {
		r.stop()
	}
	p.mu.Unlock()
	p.work.Wait()
}

func (p *place) List(context.Context) ([]runtime.Report, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]runtime.Report, 0, len(p.runs))
	for _, r := range p.runs {
		report := r.report
		report.Heartbeat = time.Now()
		out = append(out, report)
	}
	slices.SortFunc(out, func(a, b runtime.Report) int { return int(a.Run - b.Run) })
	return out, nil
}

func (p *place) Forget(_ context.Context, key runtime.Key) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.runs, key)
	return nil
}

func (p *place) Exits() <-chan runtime.Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exits
}

func (p *place) Tell(context.Context, runtime.Key, string, string) error {
	return errors.New("it does not read")
}
func (p *place) Prune(context.Context, time.Time) error { return nil }
func (p *place) Close() error                           { return nil }
func (p *place) Log(context.Context, runtime.Key, runtime.LogOptions) (io.ReadCloser, error) {
	return nil, runtime.ErrUnknownRun
}
