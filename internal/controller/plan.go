package controller

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"gastown/internal/town"
	"gastown/internal/wire"
)

// Plan is the tick that would come next, with what it says about the town. Nothing was changed.
type Plan struct {
	Tick   *town.Tick
	Events []town.Event // what the tick takes: what is pending, then what was assumed
	// After and At are the place in the history that the plan goes out from: the newest recorded tick.
	After town.TickNo
	At    town.Time
	// Figures are those that the status document would show after the tick.
	Figures wire.Figures
	// Waits are what waits after the tick, the longest first, at most MaxPlanWaits.
	Waits []town.OpenWait
	// Ahead is what comes after the tick until a moment to come; nil if none was asked for.
	Ahead *Ahead
}

// MaxPlanWaits bounds the waits of a plan.
const MaxPlanWaits = 1000

// Plan returns the tick that would come next, with what is pending now and with the facts that are
// assumed to come in after that.
func (c *Controller) Plan(ctx context.Context, id town.TownID, assume ...town.Event) (*Plan, error) {
	l, err := c.loop(id)
	if err != nil {
		return nil, err
	}
	p, _, err := l.plan(ctx, false, assume)
	return p, err
}

// PlanUntil returns the same with all that would come after it until a moment to come, if nothing else came in.
// How much it does is bounded; Ahead says how far it got.
func (c *Controller) PlanUntil(
	ctx context.Context, id town.TownID, until town.Time, assume ...town.Event,
) (*Plan, error) {
	l, err := c.loop(id)
	if err != nil {
		return nil, err
	}
	p, base, err := l.plan(ctx, true, assume)
	if err != nil {
		return nil, err
	}
	s, err := town.Restore(base.town)
	if err != nil {
		return nil, fmt.Errorf("cannot look ahead of %s: %w", id, err)
	}
	p.Ahead, err = ahead(ctx, s, base, until, &aheadLimits)
	return p, err
}

// basis is what a plan goes out from.
type basis struct {
	now    town.Time
	events []town.Event // those that are pending, then those that are assumed
	more   bool         // there are more than these pending
	town   []byte       // a snapshot, for who looks further than the plan
}

// plan makes a plan. Who looks further gets more than one tick takes of what is pending, and the town as it was.
func (l *loop) plan(ctx context.Context, further bool, assume []town.Event) (*Plan, *basis, error) {
	limit := town.MaxEvents
	if further {
		limit = maxAheadPending
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	pending, err := l.c.opts.Journal.Pending(ctx, l.id, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the pending events of %s: %w", l.id, err)
	}
	started := l.c.opts.Now()
	base := &basis{now: town.TimeOf(started), events: append(pending, assume...), more: len(pending) == limit}
	if further {
		base.town = l.state.Snapshot()
	}
	next := base.events[:min(len(base.events), town.MaxEvents)]
	p := NewPlan(l.state, town.Input{Now: base.now, Events: next})
	p.Figures.WallClockMs = float64(l.c.opts.Now().Sub(started).Microseconds()) / 1000
	return p, base, nil
}

// NewPlan makes the plan of a town that nobody else uses meanwhile, and leaves it as it was.
func NewPlan(s *town.State, in town.Input) *Plan {
	p := &Plan{After: s.Tick(), At: s.At(), Events: in.Events}
	p.Tick = s.Step(in)
	p.Figures = figuresOf(p.Tick, in.Events)
	p.Waits = s.OpenWaits(p.Tick.At, MaxPlanWaits)
	s.Revert(p.Tick)
	return p
}

// Fingerprint names what would be done, and where in the history: TICK-HASH, of the newest recorded tick
// and of events, verdicts, actions, violations and effects. The time is no part of it: a plan that comes out the
// same a minute later has the same fingerprint.
func (p *Plan) Fingerprint() string {
	var effects []string
	for i := range p.Tick.Effects {
		effects = append(effects, p.Tick.Effects[i].ID)
	}
	data, err := json.Marshal([]any{p.Tick.RuleSet, p.Tick.Events, p.Tick.Actions, p.Tick.Violations, effects})
	if err != nil {
		panic("controller: a plan cannot be written: " + err.Error()) // they are plain structs
	}
	sum := sha256.Sum256(data)
	return fmt.Sprintf("%d-%x", p.After, sum[:8])
}

// tickOfFingerprint is the tick that a fingerprint names.
func tickOfFingerprint(text string) (town.TickNo, bool) {
	no, hash, ok := strings.Cut(text, "-")
	n, err := strconv.ParseInt(no, 10, 64)
	return town.TickNo(n), ok && err == nil && n >= 0 && len(hash) == 16
}
