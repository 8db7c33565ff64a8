package controller

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"gastown/internal/town"
)

// log writes a line about a tick that did something, and on the level of debugging one for each action.
// The loop alone calls it, after everybody who waits has been answered.
func (l *loop) log(t *town.Tick, events []town.Event, took time.Duration) {
	log, no := l.toLog, slog.Int64("tick", int64(t.No))
	for i := range t.Violations {
		v := &t.Violations[i]
		if v.State == town.ViolationResolved {
			log.Info("invariant holds again", no, "invariant", v.Invariant, "entity", v.ID)
			continue
		}
		log.Error("invariant violated", no, "invariant", v.Invariant, "entity", v.ID, "message", v.Message, "recovered", v.Recovered)
	}
	ctx := context.Background()
	if log.Enabled(ctx, slog.LevelInfo) {
		// Not by LogAttrs, which finds out each time where it is called from, for nobody.
		line := slog.NewRecord(time.Now(), slog.LevelInfo, "tick", 0)
		line.AddAttrs(summary(no, t, events, took)...)
		_ = log.Handler().Handle(ctx, line) // as a Logger does: there is nobody to tell
	}
	if !log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	for i := range t.Actions {
		a := &t.Actions[i]
		log.Debug("action", no, "action", a.Kind, "rule", a.Rule, "bead", a.Bead, "agent", a.Agent, "run", a.Run, "reason", a.Reason)
	}
}

// summary says what a tick took and did. It names each rule that decided, and the bead, agent and run if
// all of it was about one.
func summary(no slog.Attr, t *town.Tick, events []town.Event, took time.Duration) []slog.Attr {
	types, rules := make([]string, 0, 8), make([]string, 0, 8)
	var bead, agent sole[string]
	var run sole[int64]
	for i := range events {
		e := &events[i]
		types = once(types, string(e.Type))
		bead.add(string(e.Bead))
		agent.add(string(e.Agent))
		run.add(int64(e.Run))
	}
	for i := range t.Actions {
		a := &t.Actions[i]
		rules = once(rules, a.Rule)
		bead.add(string(a.Bead))
		agent.add(string(a.Agent))
		run.add(int64(a.Run))
	}
	out := make([]slog.Attr, 0, 9)
	out = append(out, no, slog.String("events", strings.Join(types, ",")), slog.String("rule", strings.Join(rules, ",")),
		slog.Int("actions", len(t.Actions)), slog.Int("effects", len(t.Effects)))
	if bead.one() {
		out = append(out, slog.String("bead", bead.value))
	}
	if agent.one() {
		out = append(out, slog.String("agent", agent.value))
	}
	if run.one() {
		out = append(out, slog.Int64("run", run.value))
	}
	return append(out, slog.Float64("ms", float64(took.Microseconds())/1000))
}

// once adds what is not empty and not yet in the list.
func once(list []string, x string) []string {
	if x == "" || slices.Contains(list, x) {
		return list
	}
	return append(list, x)
}

// sole is what everything is about, if that is one.
type sole[T comparable] struct {
	value T
	many  bool
}

func (s *sole[T]) add(x T) {
	var none T
	switch {
	case x == none || x == s.value:
	case s.value == none:
		s.value = x
	default:
		s.many = true
	}
}

func (s *sole[T]) one() bool {
	var none T
	return s.value != none && !s.many
}
