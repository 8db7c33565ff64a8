package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// MovedOn says that a plan is not what would come next any more, and why.
type MovedOn struct{ Reason string }

// Error implements error.
func (e *MovedOn) Error() string { return "the plan is out of date: " + e.Reason }

// ErrFingerprint says that a text is not a plan's fingerprint.
var ErrFingerprint = errors.New("is not the fingerprint of a plan: take the one that gastown plan prints")

// Apply carries out the plan of a fingerprint, if that is still what would come next: the plan itself, or the
// one that assumes the end of the pause (Resumption). The town must be paused, so that it does
// not go on by itself meanwhile, and is paused again afterwards. It returns the number of the tick.
// If the plan does not hold any more the error is a *MovedOn, and nothing was started.
func (c *Controller) Apply(ctx context.Context, id town.TownID, fingerprint string) (town.TickNo, error) {
	l, err := c.loop(id)
	if err != nil {
		return 0, err
	}
	if _, ok := tickOfFingerprint(fingerprint); !ok {
		return 0, ErrFingerprint
	}
	type answer struct {
		tick town.TickNo
		err  error
	}
	done := make(chan answer, 1)
	job := func(ctx context.Context) {
		tick, err := l.apply(ctx, fingerprint)
		done <- answer{tick, err}
	}
	select {
	case l.jobs <- job:
		a := <-done
		return a.tick, a.err
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-c.ctx.Done():
		return 0, ErrStopping
	}
}

// Resumption is the fact that a plan assumes which looks past the pause.
func Resumption() town.Event {
	return town.Event{Type: (&town.TownResumed{}).Type(), Payload: &town.TownResumed{}, By: "plan"}
}

// apply runs in the loop's goroutine.
func (l *loop) apply(ctx context.Context, fingerprint string) (town.TickNo, error) {
	if l.itself().Paused == 0 {
		return 0, &MovedOn{"the town is not paused, so that it goes on by itself: pause it, and plan again"}
	}
	pending, err := l.c.opts.Journal.Pending(ctx, l.id, town.MaxEvents)
	if err != nil {
		return 0, fmt.Errorf("cannot read the pending events: %w", err)
	}
	now := l.c.Now()
	if l.planned(now, pending).Fingerprint() == fingerprint {
		return l.one(ctx, now, pending)
	}
	resumed := append(slices.Clone(pending), Resumption())
	if l.planned(now, resumed).Fingerprint() != fingerprint {
		return 0, l.movedOn(ctx, fingerprint, pending)
	}
	return l.resumeForOne(ctx, now, pending)
}

func (l *loop) planned(now town.Time, events []town.Event) *Plan {
	l.mu.Lock()
	defer l.mu.Unlock()
	return NewPlan(l.state, town.Input{Now: now, Events: events})
}

// one makes one tick and returns its number.
func (l *loop) one(ctx context.Context, now town.Time, events []town.Event) (town.TickNo, error) {
	if err := l.turn(ctx, now, events); err != nil {
		return 0, err
	}
	return l.newest(), nil
}

// resumeForOne ends the pause for one tick. The end and the next beginning are durable together before that
// tick: whenever the server dies, the town is paused when it is back.
func (l *loop) resumeForOne(ctx context.Context, now town.Time, before []town.Event) (town.TickNo, error) {
	both := []town.Event{Resumption(), {Type: (&town.TownPaused{}).Type(), Payload: &town.TownPaused{Reason: l.itself().PausedReason}, By: "plan"}}
	for i := range both {
		u, err := uuid.NewV7()
		if err != nil {
			return 0, fmt.Errorf("cannot make an event id: %w", err)
		}
		both[i].ID, both[i].Created = u.String(), now
	}
	receipts, err := l.append(ctx, both)
	if err != nil {
		return 0, fmt.Errorf("cannot record the end of the pause: %w", err)
	}
	l.queue(receipts)
	pending, err := l.c.opts.Journal.Pending(ctx, l.id, town.MaxEvents)
	if err != nil {
		return 0, fmt.Errorf("cannot read the pending events: %w", err)
	}
	n := len(before) + 1
	if len(pending) < n || pending[n-1].ID != both[0].ID {
		// Something has come in just before. All of it is taken at once, so that the pause has no end.
		if _, err := l.one(ctx, now, pending); err != nil {
			return 0, err
		}
		return 0, &MovedOn{"events have come in: " + named(pending[len(before):], both[0].ID, both[1].ID)}
	}
	no, err := l.one(ctx, now, pending[:n])
	if err != nil {
		return 0, err
	}
	_, err = l.one(ctx, now, pending[n:])
	return no, err
}

// movedOn says what has come in since the plan was made.
func (l *loop) movedOn(ctx context.Context, fingerprint string, pending []town.Event) error {
	after, _ := tickOfFingerprint(fingerprint)
	if after > l.newest() {
		return &MovedOn{fmt.Sprintf("there is no tick %d yet: it is of another town, or of another time of this one", after)}
	}
	taken, err := l.c.opts.Journal.Events(ctx, l.id, journal.EventFilter{FromTick: after + 1, ToTick: journal.Newest, Limit: town.MaxEvents})
	if err != nil {
		return fmt.Errorf("cannot read what has come in: %w", err)
	}
	var since []town.Event
	for i := range taken {
		since = append(since, taken[i].Event)
	}
	if since = append(since, pending...); len(since) > 0 {
		return &MovedOn{"events have come in: " + named(since)}
	}
	if after < l.newest() {
		return &MovedOn{fmt.Sprintf("something came due in tick %d", after+1)}
	}
	return &MovedOn{"no event has come in, but the time has gone on, or it was another kind of plan"}
}

// maxNamed is how many events a refusal names.
const maxNamed = 10

func named(events []town.Event, but ...string) string {
	var words []string
	for i := range events {
		e := &events[i]
		if slices.Contains(but, e.ID) {
			continue
		}
		words = append(words, strings.Join(strings.Fields(fmt.Sprintf("%d %s %s %s", e.Seq, e.Type, e.Bead, e.Agent)), " "))
	}
	if n := len(words); n > maxNamed {
		words = append(words[:maxNamed], fmt.Sprintf("and %d more", n-maxNamed))
	}
	return strings.Join(words, ", ")
}
