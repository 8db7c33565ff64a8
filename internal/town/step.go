package town

import (
	"cmp"
	"fmt"
	"slices"
)

// Input is what a Step takes: the events that came in, in order, and the time.
type Input struct {
	Now    Time
	Events []Event
}

// MaxEvents is how many events one Step is given at most, so that a flood does not hold up the effects of
// what came first.
const MaxEvents = 500

// maxPasses bounds how often a Step goes through the rules. Two or three are usual; a state that
// needs more is going in circles, which is reported and continued in the next tick.
const maxPasses = 12

// tick is a Step in progress.
type tick struct {
	s        *State
	now      Time
	no       TickNo
	made     int // ids derived so far
	rec      *Tick
	taken    []ref             // looked at since the invariants were last checked
	breaches map[breach]string // found in this tick, with how
	// gone are beads that leave for the archive in this tick, as they were.
	gone map[ref]*Bead
}

// Step notes what does not hold of what it is about to look at, applies the events, recovers what does not hold then, lets
// the rules decide until nothing more follows, checks the invariants again, and changes the state accordingly. It returns
// the record of all that; a record that is Empty changed nothing and takes no number. Now never goes back: an earlier one
// counts as the time of the last recorded tick. Until the next Step, Revert can undo it.
func (s *State) Step(in Input) *Tick {
	if s.stale {
		s.violations, s.stale = s.lasting(), false
	}
	s.begin()
	t := &tick{s: s, now: max(in.Now, s.at), no: s.tick + 1, gone: map[ref]*Bead{}}
	t.rec = &Tick{No: t.no, At: t.now, RuleSet: RuleSet}
	s.agenda.ripen(t.now)
	t.validate()
	if len(in.Events) > 0 {
		t.rec.Events = make([]EventOutcome, 0, len(in.Events))
	}
	for i := range in.Events {
		t.apply(&in.Events[i])
	}
	if len(in.Events)+len(t.breaches) > 0 {
		t.repairMarked()
	}
	t.settle()
	t.conclude()
	t.count()
	t.rec.Changes = s.seal()
	for i := range t.rec.Changes {
		x := &t.rec.Changes[i]
		if b := t.gone[ref{x.Kind, x.ID}]; b != nil {
			x.Archived, x.Data = true, encode(b)
		}
	}
	for i := range t.rec.Actions {
		if e := s.effectOf(&t.rec.Actions[i]); e != nil {
			t.rec.Effects = append(t.rec.Effects, *e)
		}
	}
	if !t.rec.Empty() {
		s.tick, s.at = t.no, t.now
	}
	t.rec.Digest = s.digest
	t.rec.undo, s.newest = s.undo, t.rec
	s.undo = nil
	return t.rec
}

// Plan returns the tick that a Step with this input would make, and leaves the state as it was.
func (s *State) Plan(in Input) *Tick {
	t := s.Step(in)
	s.Revert(t)
	return t
}

// apply takes one event in and records what became of it.
func (t *tick) apply(e *Event) {
	out := EventOutcome{Seq: e.Seq, Type: e.Type, Verdict: Applied}
	t.rec.Events = append(t.rec.Events, out)
	i := len(t.rec.Events) - 1
	var r *Refusal
	if e.Payload == nil || e.Payload.Type() != e.Type {
		r = invalid("payload", "does not belong to %s", e.Type)
	} else {
		r = e.Payload.apply(t, e)
	}
	if r != nil {
		o := &t.rec.Events[i]
		o.Verdict, o.Code, o.Field, o.Reason = r.Verdict, r.Code, r.Field, r.Reason
	}
}

// maker notes an id that the current event made, for its sender.
func (t *tick) maker(id string) {
	o := &t.rec.Events[len(t.rec.Events)-1]
	o.Made = append(o.Made, id)
}

// reconcile goes through the rules until nothing is left to look at. Each pass looks at what the
// pass before (or an event, or the time) has put on the agenda, and each rule also at what the
// earlier rules of its pass have touched. So what is decided, and in which order, does not depend
// on what else happens to be on the agenda: after a restart that is everything.
func (t *tick) reconcile() {
	for range maxPasses {
		work := t.s.agenda.take()
		if len(work) == 0 {
			return
		}
		for r := range work {
			t.s.undo.looked[r] = struct{}{}
			t.taken = append(t.taken, r)
			t.s.agenda.forget(r)
		}
		decided := len(t.rec.Actions)
		w := t.s.workload(work)
		for i := range rules {
			for _, fresh := range t.s.agenda.drain() {
				w.add(t.s, fresh)
			}
			t.run(&rules[i], w)
		}
		if len(t.rec.Actions) == decided {
			return
		}
	}
	t.contradiction(fmt.Sprintf("the rules went in circles: still deciding after %d passes", maxPasses))
}

// run lets one rule look at its subjects and performs what it decides at once. What that puts on the
// agenda is looked at in its place if that is still to come, and else in the next pass.
func (t *tick) run(rule *Rule, w workload) {
	if rule.pick != nil {
		for _, r := range rule.pick(t.s, t.now, w[rule.On]) {
			t.look(rule, r)
		}
		return
	}
	list := w[rule.On]
	for i := 0; i < len(list); i++ {
		if !t.look(rule, list[i].ref) {
			continue
		}
		for _, fresh := range t.s.agenda.drain() {
			if at, added := w.add(t.s, fresh); added && fresh.Kind == rule.On && at <= i {
				i++
			}
		}
		list = w[rule.On]
	}
}

// look lets a rule decide about one entity and reports whether it did anything.
func (t *tick) look(rule *Rule, r ref) bool {
	v := rule.Look(t.s, t.now, r.ID)
	for _, a := range v.Actions {
		a.Rule = rule.Name
		t.perform(a)
	}
	if len(v.Actions) > 0 {
		// Also if it changed something else alone: what it waits for now must be known.
		t.s.agenda.mark(r)
	}
	if v.Wait != nil {
		t.s.agenda.schedule(r, v.Wait.lookAgain(t.now, r))
	}
	return len(v.Actions) > 0
}

// workload is what a pass looks at, by kind, in the order in which rules look.
type workload map[Kind][]subject

// subject is an entity in that order: beads as they were made, everything else by its id.
type subject struct {
	ref
	order int64
}

func compareSubjects(a, b subject) int {
	return cmp.Or(cmp.Compare(a.order, b.order), compareRefs(a.ref, b.ref))
}

func (s *State) subject(r ref) (x subject, ok bool) {
	x.ref = r
	if r.Kind != KindBead {
		return x, s.get(r) != nil
	}
	b := s.beads[BeadID(r.ID)]
	if b == nil {
		return x, false
	}
	x.order = b.Order
	return x, true
}

// workload sorts what is marked; it is good until the next one is made.
func (s *State) workload(marked map[ref]struct{}) workload {
	w := s.work
	for kind := range w {
		if w[kind] = w[kind][:0]; cap(w[kind]) > keptRoom {
			w[kind] = nil
		}
	}
	for r := range marked {
		if x, ok := s.subject(r); ok {
			w[r.Kind] = append(w[r.Kind], x)
		}
	}
	for _, list := range w {
		slices.SortFunc(list, compareSubjects)
	}
	return w
}

// add puts an entity in its place, unless it is there or gone.
func (w workload) add(s *State, r ref) (at int, added bool) {
	x, ok := s.subject(r)
	if !ok {
		return 0, false
	}
	at, found := slices.BinarySearchFunc(w[r.Kind], x, compareSubjects)
	if !found {
		w[r.Kind] = slices.Insert(w[r.Kind], at, x)
	}
	return at, !found
}

// newBeadID derives the next bead id of this tick.
func (t *tick) newBeadID() BeadID {
	id := BeadID("gt-" + derivedID(t.no, t.made))
	t.made++
	return id
}

// addBead enters a new bead in the books; the caller has set what makes it different.
func (t *tick) addBead(b Bead) *Bead {
	b.ID = t.newBeadID()
	b.Status, b.Created, b.Updated, b.Since = Open, t.now, t.now, t.now
	if b.Priority == "" {
		b.Priority = Medium
	}
	t.s.editCounters(func(n *Counters) {
		n.LastOrder++
		b.Order = n.LastOrder
	})
	t.s.set(b.ref(), &b)
	return &b
}

func (t *tick) addDependency(bead, on BeadID, kind DepKind) {
	d := &Dependency{Bead: bead, On: on, Kind: kind, Created: t.now}
	t.s.set(d.ref(), d)
}
