package town

import (
	"fmt"
	"maps"
	"slices"
)

// maxRounds bounds how often recoveries and rules follow one another in a Step. Two are usual: what
// the recoveries mend, the rules look at once more.
const maxRounds = 6

// validate notes what does not hold of everything that is about to be looked at, before anything goes by it: whoever
// repairs that, and be it a fact that comes in, it was wrong. What the events rely on is recovered at once; of the rest
// the events may know better.
func (t *tick) validate() {
	for range maxRounds {
		if len(t.s.agenda.marked) == 0 {
			return
		}
		c, acted := t.checked(), false
		for _, f := range t.tell(c) {
			if inv := invariantOf(f.number); inv.early {
				acted = t.recover(c, inv, f.ref) || acted
			}
		}
		if !acted {
			return
		}
	}
}

// repairMarked recovers what the events have left that does not hold, and what was loaded so, before the rules act on it.
func (t *tick) repairMarked() {
	for range maxRounds {
		if !t.heal(t.checked()) {
			return
		}
	}
}

// checked holds the invariants against everything that is about to be looked at.
func (t *tick) checked() *checker {
	c := t.checker()
	for r := range t.s.agenda.marked {
		c.look(r)
	}
	return c
}

// settle lets rules and recoveries act until nothing more follows.
func (t *tick) settle() {
	for range maxRounds {
		t.reconcile()
		if len(t.taken) == 0 {
			return
		}
		c := t.checker()
		c.settled = true
		for _, r := range t.taken {
			c.look(r)
		}
		t.taken = t.taken[:0]
		if !t.heal(c) {
			return
		}
	}
	t.contradiction(fmt.Sprintf("the recoveries went in circles: still acting after %d rounds", maxRounds))
}

func (t *tick) checker() *checker { return &checker{s: t.s, now: t.now} }

// contradiction records a defect of the town as a whole.
func (t *tick) contradiction(message string) {
	t.rec.Violations = append(t.rec.Violations, Violation{
		Invariant: invContradiction, Kind: KindTown, ID: string(t.s.town.ID), Message: message, State: ViolationAppeared,
	})
}

// tell notes what was found, as it was, for the record: also what the recovery of something else repairs.
func (t *tick) tell(c *checker) []breach {
	found := c.sorted()
	if len(found) > 0 && t.breaches == nil {
		t.breaches = map[breach]string{}
	}
	for _, f := range found {
		if _, told := t.breaches[f]; !told {
			t.breaches[f] = c.broken(invariantOf(f.number), f.ref)
		}
	}
	return found
}

// heal performs the recoveries of what was found and reports whether there were any.
func (t *tick) heal(c *checker) bool {
	acted := false
	for _, f := range t.tell(c) {
		acted = t.recover(c, invariantOf(f.number), f.ref) || acted
	}
	return t.quieten(c) || acted
}

// recover performs what makes an invariant hold again for an entity, unless the recovery of another breach has done so,
// and reports whether there was anything to do.
func (t *tick) recover(c *checker, inv *Invariant, r ref) bool {
	if c.broken(inv, r) == "" {
		return false
	}
	actions := inv.mend(c, r)
	for _, a := range actions {
		a.Rule = inv.recovery()
		t.perform(a)
	}
	return len(actions) > 0
}

// quieten closes the standing escalations of breaches that are over.
func (t *tick) quieten(c *checker) bool {
	acted := false
	for _, f := range t.concerned() {
		inv := invariantOf(f.number)
		o := t.s.noticeOf(Escalation, f.cause())
		if o == nil || !o.Escalation.Standing || c.broken(inv, f.ref) != "" {
			continue
		}
		t.perform(Action{Kind: CloseEscalation, Rule: inv.recovery(), Bead: o.ID, Reason: "what it was about is mended"})
		acted = true
	}
	return acted
}

// cause is the cause of the escalation that a breach raises.
func (f breach) cause() string { return fmt.Sprint("invariant/", f.number, "/", f.ref.ID) }

// concerned lists the breaches that this tick may have changed: those it found, and those that lasted
// of what it looked at.
func (t *tick) concerned() []breach {
	if len(t.breaches)+len(t.s.violations) == 0 {
		return nil
	}
	var out []breach
	for f := range t.breaches {
		out = append(out, f)
	}
	for f := range t.s.violations {
		if _, looked := t.s.undo.looked[f.ref]; looked {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, compareBreaches)
	return slices.Compact(out)
}

// conclude records what became of the breaches: recovered, lasting from now on, or over.
func (t *tick) conclude() {
	concerned := t.concerned()
	if len(concerned) == 0 {
		return
	}
	c := t.checker()
	// The undo record shares the set, so it is replaced and not changed.
	kept := make(map[breach]struct{}, len(t.s.violations))
	maps.Copy(kept, t.s.violations)
	for _, f := range concerned {
		_, lasted := kept[f]
		v := Violation{Invariant: f.number, Kind: f.ref.Kind, ID: f.ref.ID, Message: t.breaches[f], State: ViolationAppeared}
		holds := c.broken(invariantOf(f.number), f.ref) == ""
		switch {
		case holds && lasted:
			v.State, v.Message = ViolationResolved, f.ref.ID+" is in order again"
			delete(kept, f)
		case holds:
			v.Recovered = true
		case lasted:
			continue
		default:
			kept[f] = struct{}{}
		}
		t.rec.Violations = append(t.rec.Violations, v)
	}
	t.s.violations = kept
}

// lasting derives the breaches that have been reported and last: those for which nothing is left to
// be done. Of any other one the next tick will speak.
func (s *State) lasting() map[breach]struct{} {
	c := &checker{s: s, now: s.at, known: true, settled: true}
	kept := map[breach]struct{}{}
	for _, f := range c.all() {
		if len(invariantOf(f.number).mend(c, f.ref)) == 0 {
			kept[f] = struct{}{}
		}
	}
	return kept
}

// Violations lists the invariants that do not hold now although everything has been done that the
// town can do, by number and entity.
func (s *State) Violations() []Violation {
	kept := s.violations
	if s.stale {
		kept = s.lasting()
	}
	c := &checker{s: s, now: s.at}
	var out []Violation
	for f := range kept {
		out = append(out, Violation{
			Invariant: f.number, Kind: f.ref.Kind, ID: f.ref.ID, State: ViolationAppeared, Message: c.broken(invariantOf(f.number), f.ref),
		})
	}
	slices.SortFunc(out, func(a, b Violation) int {
		return compareBreaches(breach{a.Invariant, ref{a.Kind, a.ID}}, breach{b.Invariant, ref{b.Kind, b.ID}})
	})
	return out
}
