package controller

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"gastown/internal/journal"
	"gastown/internal/observe/report"
	"gastown/internal/observe/tracing"
	"gastown/internal/town"
)

// Errors that callers look for.
var (
	// ErrNoTown says that there is no town of that id.
	ErrNoTown = errors.New("there is no such town")
	// ErrStopping says that the server is shutting down; the call may be repeated later.
	ErrStopping = errors.New("the server is stopping: try again when it is back")
	// ErrUnapplied says that the events are durable and that the town cannot take them now. It takes them by
	// itself when it goes on; until then they may be repeated with the same ids.
	ErrUnapplied = errors.New("this is recorded and not carried out yet: it is as soon as ticks can be recorded")
)

// Effects carries out what ticks have decided, without delay for the caller.
type Effects interface {
	Carry(id town.TownID, effects []town.Effect)
}

// Meter is told what loops do, for metrics. Its methods are quick and may be called concurrently. Who gives it a
// state holds that still.
type Meter interface {
	// Begin is called with a town before its loop begins. From then on look calls a function with the state as
	// the last tick left it, held still, unless the loop is at work on the state: then it returns false at once.
	Begin(id town.TownID, s *town.State, look func(func(*town.State)) bool)
	// Pending is called with the number of events that wait whenever that changes.
	Pending(id town.TownID, n int)
	// Tick is called after every Step that is on record or changed nothing.
	Tick(id town.TownID, t *town.Tick, took time.Duration, s *town.State)
	// Gates is called with the runs of gates that an event has reported which was applied.
	Gates(id town.TownID, runs []town.GateRun)
	// Rest is called before the loop sleeps, with the longest time that it sleeps.
	Rest(id town.TownID, interval time.Duration)
	// Commit is called with the time that making a tick durable took, or failed after.
	Commit(took time.Duration, err error)
	// AppendFailed is called whenever the journal has not taken events.
	AppendFailed()
	// Observed is called for every look at an agent; event says whether it became an event.
	Observed(id town.TownID, status town.Observed, event bool)
}

// Options are what a Controller needs.
type Options struct {
	Journal journal.Journal
	Effects Effects
	Meter   Meter
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	Log *slog.Logger
	// Reports tells people outside of what went wrong; nil tells nobody.
	Reports *report.Reporter
	// Traces has spans of ticks; nil has none.
	Traces *tracing.Tracer
}

// Controller runs the loops of all towns.
type Controller struct {
	opts Options

	mu      sync.RWMutex
	loops   map[town.TownID]*loop
	ctx     context.Context // of the loops
	cancel  context.CancelFunc
	stopped bool
	running sync.WaitGroup
}

// New returns a Controller that has not started.
func New(opts Options) *Controller {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Controller{opts: opts, loops: map[town.TownID]*loop{}, ctx: ctx, cancel: cancel}
}

// Start recovers every town from the journal and starts its loop.
func (c *Controller) Start(ctx context.Context) error {
	if err := c.Recover(ctx); err != nil {
		return err
	}
	c.Launch()
	return nil
}

// Recover brings every town back from the journal. It can be read from then on, and nothing moves before Launch.
func (c *Controller) Recover(ctx context.Context) error {
	towns, err := c.opts.Journal.Towns(ctx)
	if err != nil {
		return fmt.Errorf("cannot list the towns: %w", err)
	}
	for _, t := range towns {
		s, err := journal.Recover(ctx, c.opts.Journal, t.ID)
		if err != nil {
			c.opts.Reports.Journal(t.ID, journal.ClassOf(err))
			return fmt.Errorf("cannot recover town %s: %w", t.ID, err)
		}
		if h := s.Town().History; !h.Valid() {
			return fmt.Errorf("cannot lead town %s: %q names no history, and what it sends out would have names that are not its own", t.ID, h)
		}
		c.prepare(t.ID, s)
	}
	return nil
}

// Renew gives a town that was recovered, and not launched yet, a history of its own.
func (c *Controller) Renew(ctx context.Context, id town.TownID, reason string) error {
	l, err := c.loop(id)
	if err != nil {
		return err
	}
	to, err := NewHistory()
	if err != nil {
		return err
	}
	event, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("cannot make an event id: %w", err)
	}
	p := &town.HistoryRenewed{From: l.itself().History, To: to, Reason: reason}
	e := town.Event{ID: event.String(), Type: p.Type(), By: "gastown", Created: c.Now(), Payload: p}
	if _, err = c.opts.Journal.Append(ctx, id, []town.Event{e}); err == nil {
		err = l.take(ctx)
	}
	if err != nil {
		return fmt.Errorf("cannot renew the history of town %s: %w", id, err)
	}
	return nil
}

// Launch starts the loops of the towns that were recovered. Effects that were decided and not answered before are
// carried out again, once the answers that are on record have been taken.
func (c *Controller) Launch() {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, l := range c.loops {
		c.launch(l)
	}
}

// Stop ends the loops: each finishes its tick and leaves a snapshot. Agents go on running.
// Stopping twice is fine.
func (c *Controller) Stop() {
	c.mu.Lock()
	c.stopped = true
	c.mu.Unlock()
	c.cancel()
	c.running.Wait()
}

func (c *Controller) prepare(id town.TownID, s *town.State) *loop {
	l := newLoop(c, id, s)
	c.opts.Meter.Begin(id, s, l.glance)
	c.mu.Lock()
	c.loops[id] = l
	c.mu.Unlock()
	c.opts.Reports.Begins(id)
	return l
}

func (c *Controller) launch(l *loop) {
	c.running.Add(1)
	go func() {
		defer c.running.Done()
		defer c.opts.Reports.Crashing("loop", l.id)
		l.run(c.ctx)
	}()
}

// Now is the clock's time as the core counts it.
func (c *Controller) Now() town.Time { return town.TimeOf(c.opts.Now()) }

func (c *Controller) loop(id town.TownID) (*loop, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.stopped {
		return nil, ErrStopping
	}
	if l := c.loops[id]; l != nil {
		return l, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrNoTown, id)
}

// NewHistory makes the name of a new history.
func NewHistory() (town.History, error) {
	var bits [16]byte
	if _, err := rand.Read(bits[:]); err != nil {
		return "", fmt.Errorf("cannot make a history's name: %w", err)
	}
	return town.HistoryOf(bits), nil
}

// CreateTown makes a town with default settings. The error is journal.ErrTownExists if the id is
// taken.
func (c *Controller) CreateTown(ctx context.Context, id town.TownID, name string) error {
	c.mu.RLock()
	stopped := c.stopped
	c.mu.RUnlock()
	if stopped {
		return ErrStopping
	}
	at := c.Now()
	history, err := NewHistory()
	if err != nil {
		return fmt.Errorf("cannot create town %s: %w", id, err)
	}
	s := town.New(id, name, history, at)
	if err := c.opts.Journal.CreateTown(ctx, id, name, at, s.Snapshot()); err != nil {
		if journal.Failing(err) {
			c.opts.Meter.AppendFailed()
		}
		return fmt.Errorf("cannot create town %s: %w", id, err)
	}
	c.launch(c.prepare(id, s))
	return nil
}

// Towns lists the towns by id.
func (c *Controller) Towns() []town.TownID {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make([]town.TownID, 0, len(c.loops))
	for id := range c.loops {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// Result is what became of a submitted event.
type Result struct {
	Seq       town.Seq
	EventID   string
	Duplicate bool // the id was known: this is the outcome of the first one
	Outcome   town.EventOutcome
	Tick      town.TickNo
}

// Submit brings facts into a town, in order, as one batch. It returns when they are durable and
// have been applied or refused. If ctx ends before that, the events may still come in: repeating
// them with the same ids is safe.
func (c *Controller) Submit(ctx context.Context, id town.TownID, events ...town.Event) ([]Result, error) {
	l, err := c.loop(id)
	if err != nil {
		return nil, err
	}
	now := c.Now()
	for i := range events {
		e := &events[i]
		e.Created = now
		if e.ID == "" {
			u, err := uuid.NewV7()
			if err != nil {
				return nil, fmt.Errorf("cannot make an event id: %w", err)
			}
			e.ID = u.String()
		}
	}
	c.opts.Traces.Submitted(ctx, id, events)
	return l.submit(ctx, events)
}

// Read calls f with the town's state as the last tick left it. f must be quick and must not keep
// the state; the entities it gets from it never change.
func (c *Controller) Read(id town.TownID, f func(*town.State)) error {
	l, err := c.loop(id)
	if err != nil {
		return err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	f(l.state)
	return nil
}

// History names the history that a town has now.
func (c *Controller) History(id town.TownID) (h town.History, err error) {
	err = c.Read(id, func(s *town.State) { h = s.Town().History })
	return h, err
}

// Subscribe returns a channel with every recorded tick from now on and a function that ends it.
// The channel is closed when the subscriber is too slow or the server stops.
func (c *Controller) Subscribe(id town.TownID) (<-chan *town.Tick, func(), error) {
	l, err := c.loop(id)
	if err != nil {
		return nil, nil, err
	}
	ch, end := l.subscribe()
	return ch, end, nil
}

// Ready returns nil when every town's loop is well: the journal took what was last written.
func (c *Controller) Ready() error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.stopped {
		return ErrStopping
	}
	for _, l := range c.loops {
		if err := l.trouble(); err != nil {
			return fmt.Errorf("town %s cannot go on: %w", l.id, err)
		}
	}
	return nil
}
