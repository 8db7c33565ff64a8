package controller

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"gastown/internal/town"
)

// log writes a line about a tick that did something, and on the level of debugging one for each action.
// The loop alone calls it, after everybody who waits has been answered.
func (l *loop) log(t *town.Tick, events []town.Event, took time.Duration) {
	log := l.c.opts.Log.With("town", l.id, "tick", t.No)
	for i := range t.Violations {
		v := &t.Violations[i]
		if v.State == town.ViolationResolved {
			log.Info("invariant holds again", "invariant", v.Invariant, "entity", v.ID)
			continue
		}
		log.Error("invariant violated", "invariant", v.Invariant, "entity", v.ID, "message", v.Message, "recovered", v.Recovered)
	}
	ctx := context.Background()
	if log.Enabled(ctx, slog.LevelInfo) {
		log.LogAttrs(ctx, slog.LevelInfo, "tick", summary(t, events, took)...)
	}
	if !log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	for i := range t.Actions {
		a := &t.Actions[i]
		log.Debug("action", "action", a.Kind, "rule", a.Rule, "bead", a.Bead, "agent", a.Agent, "run", a.Run, "reason", a.Reason)
	}
}

// summary says what a tick took and did. It names each rule that decided, and the bead, agent and run if
// all of it was about one.
func summary(t *town.Tick, events []town.Event, took time.Duration) []slog.Attr {
	var types []town.EventType
	var rules []string
	var beads []town.BeadID
	var agents []town.AgentID
	var runs []town.Run
	for i := range events {
		e := &events[i]
		types, beads, agents, runs = once(types, e.Type), once(beads, e.Bead), once(agents, e.Agent), once(runs, e.Run)
	}
	for i := range t.Actions {
		a := &t.Actions[i]
		rules, beads, agents, runs = once(rules, a.Rule), once(beads, a.Bead), once(agents, a.Agent), once(runs, a.Run)
	}
	out := []slog.Attr{slog.Any("events", types), slog.Any("rule", rules), slog.Int("actions", len(t.Actions)), slog.Int("effects", len(t.Effects))}
	if len(beads) == 1 {
		out = append(out, slog.String("bead", string(beads[0])))
	}
	if len(agents) == 1 {
		out = append(out, slog.String("agent", string(agents[0])))
	}
	if len(runs) == 1 {
		out = append(out, slog.Int64("run", int64(runs[0])))
	}
	return append(out, slog.Float64("ms", float64(took.Microseconds())/1000))
}

// once adds what is not empty and not yet in the list.
func once[T comparable](list []T, x T) []T {
	var none T
	if x == none || slices.Contains(list, x) {
		return list
	}
	return append(list, x)
}
