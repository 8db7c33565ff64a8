package sim

import (
	"fmt"
	"maps"
	"slices"

	"gastown/internal/town"
)

// The quiet time after the faults.
const (
	// quietBound is how long it takes at most until everything has ended, or waits for a person, once
	// nothing goes wrong any more. It is far beyond what the rules themselves allow: the longest
	// bead_timeout that people set here (4h), the slowest stop (30m), five landings with their
	// cool-downs (1h), two long queues, and before all that a budget that is spent until midnight.
	quietBound = 48 * town.Hour
	// quietLook is how often it is looked whether that is so.
	quietLook = 5 * town.Minute
)

// linked are the waits for something else that may go on for ever if that may: the bead that is waited
// for must be excused, too. An acknowledged escalation without one ends with its cause.
var linked = []town.WaitCode{
	town.WaitBlocked, town.WaitInReview, town.WaitInTriage, town.WaitAcknowledged,
}

// calmDown ends the faults: the runtime is there, the clock is right, people go home.
func (l *life) calmDown() {
	l.people.tidy()
	l.calm = true
	l.runtime.away = false
	l.hosts.until, l.forge.until, l.forge.silent = 0, 0, 0
	skew := l.clocks[len(l.clocks)-1].skew
	if l.server.up {
		// A clock that is behind the newest record would stand still until it has caught up.
		skew = max(skew, l.server.st.At().Since(l.now))
	}
	l.clocks = append(l.clocks, clockStep{l.now, skew})
	l.after(quietLook, l.lookForPeace)
}

// lookForPeace ends the story when all is over, or fails it when the time for that is.
func (l *life) lookForPeace() {
	if l.trace != nil && l.trace.calm == 0 {
		l.trace.calm = len(l.trace.items)
	}
	if l.server.up {
		over := l.now.Since(l.end) > l.bound
		if due := l.server.st.NextDue(); !over && due != 0 && due <= l.clock() {
			l.after(1, l.lookForPeace) // the town is about to do what is due at this very moment
			return
		}
		why, bead := unrest(l.server.st, l.clock(), &l.check.ledger)
		if why == "" {
			l.people.home = true
			return
		}
		if over {
			l.check.now = l.clock()
			l.check.failf("liveness", bead, "%s after the last fault: %s", l.bound, why)
			return
		}
	}
	l.after(quietLook, l.lookForPeace)
}

// settled reports whether the story is over.
func (l *life) settled() bool { return l.people.home }

// unrest says what is not over yet and waits for nobody, or "".
func unrest(s *town.State, now town.Time, l *ledger) (why string, bead town.BeadID) {
	for _, a := range s.Agents() {
		_, alive := l.alive[a.Run]
		switch {
		case a.Status == town.Working && !alive:
			return fmt.Sprintf("%s works on %s and has no process", a.ID, a.Hook), a.Hook
		case a.Status == town.Working || a.Stopping != 0:
			return fmt.Sprintf("%s is %s on %q, stopping since %s", a.ID, a.Status, a.Hook, a.Stopping), a.Hook
		case alive && !a.Process():
			return fmt.Sprintf("the process of run %d of %s goes on, and the town does not know", a.Run, a.ID), a.Hook
		}
	}
	if runs := slices.Sorted(maps.Keys(l.alive)); len(runs) > 0 {
		run := runs[0]
		f := l.alive[run]
		if a := s.Agent(f.agent); a == nil || a.Run != run {
			return fmt.Sprintf("the process of run %d of %s goes on, and the town does not know", run, f.agent), f.bead
		}
		return fmt.Sprintf("run %d of %s goes on", run, f.agent), f.bead
	}
	x := excuser{s: s, now: now, known: map[town.BeadID]bool{}}
	for _, b := range s.Beads() {
		if b.Live() && !x.excused(b.ID) {
			return x.root(b.ID)
		}
	}
	return "", ""
}

// root follows what a bead without an excuse waits for to the end, and says why that goes on.
func (x *excuser) root(id town.BeadID) (why string, bead town.BeadID) {
	seen := map[town.BeadID]bool{}
	for next := id; next != "" && !seen[next]; {
		id, seen[next] = next, true
		w, _ := x.s.Why(string(id), x.now)
		why, next = w.Summary, ""
		for i := range w.Waits {
			on := x.s.Bead(town.BeadID(w.Waits[i].On))
			if on != nil && on.Live() && !seen[on.ID] && !x.excused(on.ID) {
				next = on.ID
			}
		}
	}
	return why, id
}

// excuser finds the beads that wait for a person.
type excuser struct {
	s     *town.State
	now   town.Time
	known map[town.BeadID]bool
}

// excused reports whether the bead is over or waits for a person, if only by way of others.
func (x *excuser) excused(id town.BeadID) bool {
	b := x.s.Bead(id)
	if b == nil {
		return true
	}
	if b.Status == town.Failed {
		return true // what that means to others is for a person to say
	}
	if !b.Live() {
		return false // whoever waits for this waits for nothing
	}
	if known, ok := x.known[id]; ok {
		return known
	}
	x.known[id] = false // whoever waits for itself has no excuse
	w, _ := x.s.Why(string(id), x.now)
	ok := len(w.Due) == 0
	for i := range w.Waits {
		if x.excuses(&w.Waits[i]) {
			x.known[id] = ok
			return ok
		}
	}
	return false
}

// excuses reports whether a wait may go on for ever: somebody has to do something, or read something that
// is for an agent without work, or another bead has such a reason.
func (x *excuser) excuses(w *town.Wait) bool {
	switch spec, _ := w.Code.Spec(); {
	case w.Code == town.WaitViolation:
		return false // the town has to recover from it
	case spec.Ender == town.EndedByPerson, w.Code == town.WaitUnread:
		return true
	case !slices.Contains(linked, w.Code):
		return false
	case w.On == "":
		return w.Code == town.WaitAcknowledged
	}
	return x.excused(town.BeadID(w.On))
}
