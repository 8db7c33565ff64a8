package sim

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"

	"gastown/internal/town"
)

// Failure is something that the core should not have let happen.
type Failure struct {
	// Check is the name of the check that found it; Message says what was found.
	Check   string `json:"check"`
	Message string `json:"message"`
	// At and Tick are when: the town's time and the newest recorded tick.
	At   town.Time   `json:"at"`
	Tick town.TickNo `json:"tick"`
	// Beads are those that it is about.
	Beads []town.BeadID `json:"beads,omitempty"`
}

// How often what costs time is checked: every so many steps, on the average.
const (
	planEvery = 25
	fullEvery = 600
)

// checker steps a town and holds it to what must always be true.
type checker struct {
	rng     *rand.Rand
	plant   func(*town.State, *town.Tick) (town.BeadID, string) // a further check, of a test
	every   struct{ plan, full int }                            // how often is checked what costs time; 0 is never
	trace   *trace                                              // nil unless the story is being written down
	ledger  ledger
	cov     Coverage
	failure *Failure

	st   *town.State // the town that was stepped last
	now  town.Time
	runs map[town.AgentID]town.Run // before the step, of the agents that events name
}

func newChecker(rng *rand.Rand, plant func(*town.State, *town.Tick) (town.BeadID, string), tr *trace) *checker {
	c := &checker{rng: rng, plant: plant, trace: tr, ledger: newLedger(), cov: newCoverage()}
	c.every.plan, c.every.full = planEvery, fullEvery
	return c
}

// fail notes the first finding.
func (c *checker) fail(check string, beads []town.BeadID, message string) {
	if c.failure != nil {
		return
	}
	c.failure = &Failure{Check: check, Message: message, At: c.now, Beads: beads}
	if c.st != nil {
		c.failure.At, c.failure.Tick = max(c.now, c.st.At()), c.st.Tick()
	}
}

func (c *checker) failf(check string, bead town.BeadID, format string, args ...any) {
	var beads []town.BeadID
	if bead != "" {
		beads = []town.BeadID{bead}
	}
	c.fail(check, beads, fmt.Sprintf(format, args...))
}

// note takes a fact of the world in, and checks what it means.
func (c *checker) note(f fact) {
	if c.trace != nil {
		c.trace.fact(c.now, f)
	}
	if why := c.ledger.note(f); why != "" {
		c.failf("processes", f.bead, "%s", why)
	}
}

// crashed notes that the server has died.
func (c *checker) crashed() {
	if c.trace != nil {
		c.trace.crash(c.now)
	}
}

// reverted notes that the newest step was undone.
func (c *checker) reverted() {
	if c.trace != nil {
		c.trace.reverted()
	}
}

// step makes a Step and holds it to what is true of every one, recorded or not.
func (c *checker) step(s *town.State, in town.Input) *town.Tick {
	c.st, c.now = s, in.Now
	c.cov.Steps++
	if c.trace != nil {
		c.trace.begin(s, in)
	}
	c.runs = map[town.AgentID]town.Run{}
	for i := range in.Events {
		if a := s.Agent(in.Events[i].Agent); a != nil {
			c.runs[a.ID] = a.Run
		}
	}
	var plan *town.Tick
	if c.sometimes(c.every.plan) {
		c.lateWord(s, in)
		before := s.Digest()
		plan = s.Plan(in)
		c.cov.Plans++
		if s.Digest() != before {
			c.failf("plan", "", "the plan has changed the town")
		}
	}
	rec := s.Step(in)
	if plan != nil && (!bytes.Equal(plan.Encode(), rec.Encode()) || !reflect.DeepEqual(plan.Effects, rec.Effects)) {
		c.failf("plan", "", "the tick is not what the plan said")
	}
	if c.trace != nil {
		c.trace.end(s, in, rec)
	}
	c.violations(rec)
	c.oldRuns(in.Events, rec)
	if rec.Empty() {
		return rec
	}
	c.decisions(s, rec)
	return rec
}

// recorded checks what is true once a tick is durable.
func (c *checker) recorded(s *town.State, rec *town.Tick, events []town.Event) {
	c.cov.tick(rec)
	c.ledger.reports(events, rec)
	c.ledger.effects(c, rec)
	c.changes(s, rec)
	c.ledger.pulls.recorded(s, rec, events)
	c.ledger.care.recorded(s, rec)
	if c.plant != nil {
		if bead, why := c.plant(s, rec); why != "" {
			c.failf("planted", bead, "%s", why)
		}
	}
	if again := s.Step(town.Input{Now: c.now}); !again.Empty() {
		c.failf("fixed-point", firstBead(again), "a second step at the same time decides again: %s", digest(again))
	}
	if c.sometimes(c.every.full) {
		c.full(s)
	}
}

func (c *checker) sometimes(every int) bool { return every > 0 && c.rng.IntN(every) == 0 }

// violations: no invariant is violated, no action is broken.
func (c *checker) violations(rec *town.Tick) {
	for i := range rec.Violations {
		v := &rec.Violations[i]
		c.failf(fmt.Sprint("invariant ", v.Invariant), firstBead(rec), "%s %s: %s", v.Kind, v.ID, v.Message)
	}
	for i := range rec.Actions {
		if a := &rec.Actions[i]; a.Broken != "" {
			c.failf("broken", a.Bead, "%s by %s: %s", a.Kind, a.Rule, a.Broken)
		}
	}
}

// oldRuns: what comes from a run that is not its agent's current one is never applied.
func (c *checker) oldRuns(events []town.Event, rec *town.Tick) {
	for i := range events {
		e := &events[i]
		if e.Run == 0 || e.Agent == "" {
			continue
		}
		if run, known := c.runs[e.Agent]; (!known || run != e.Run) && rec.Events[i].Verdict == town.Applied {
			c.failf("old-run", e.Bead, "%s of run %d of %s, which is at run %d, was applied", e.Type, e.Run, e.Agent, run)
		}
	}
}

// lateWord: an event of a run that is over leaves the state as it would be without it.
func (c *checker) lateWord(s *town.State, in town.Input) {
	for i := range in.Events {
		e := &in.Events[i]
		if a := s.Agent(e.Agent); e.Run == 0 || a == nil || a.Run == e.Run {
			continue
		}
		with := s.Plan(town.Input{Now: in.Now, Events: []town.Event{*e}})
		if without := s.Plan(town.Input{Now: in.Now}); with.Digest != without.Digest {
			c.failf("old-run", e.Bead, "%s of run %d of %s, which is not its current one, changes something", e.Type, e.Run, e.Agent)
		}
	}
}

// decisions: nothing is dispatched while the town stops that, nor beyond the cap; starts are bounded.
func (c *checker) decisions(s *town.State, rec *town.Tick) {
	c.stops(s, rec)
	c.order(s, rec)
	c.questions(s, rec)
	c.reminders(rec)
	starts := 0
	for i := range rec.Actions {
		a := &rec.Actions[i]
		if a.Kind != town.DispatchAgent {
			continue
		}
		b, ag := s.Bead(a.Bead), s.Agent(a.Agent)
		if b != nil && b.Triage == nil && b.FailedAttempts() >= s.Config(b.Rig).MaxDispatchAttempts && b.Status == town.InProgress {
			c.failf("cap", b.ID, "%s is tried again after %d failed attempts; the cap is %d", b.ID, b.FailedAttempts(), s.Config(b.Rig).MaxDispatchAttempts)
		}
		if ag != nil && ag.Role == town.Polecat {
			starts++
		}
	}
	if limit := s.Config("").MaxStartsPerTick; starts > limit {
		c.failf("starts", "", "%d polecats were started in one tick; max_starts_per_tick is %d", starts, limit)
	}
	c.ledger.starts(c, rec.At, starts, s.Config("").MaxStartsPerTick)
}

// changes checks the entities that a recorded tick has changed.
func (c *checker) changes(s *town.State, rec *town.Tick) {
	for i := range rec.Changes {
		x := &rec.Changes[i]
		switch x.Kind {
		case town.KindAgent:
			c.ledger.hooks(c, town.AgentID(x.ID), s.Agent(town.AgentID(x.ID)))
			c.nudges(s, town.AgentID(x.ID))
		case town.KindBead:
			b := s.Bead(town.BeadID(x.ID))
			c.ledger.begins(town.BeadID(x.ID), b)
			if b != nil {
				c.bead(s, b)
				c.bounds(s, rec, b)
			}
		}
	}
}

// bead: what is closed stays so; a bead that goes on has something due or a wait; one that is merged
// really is.
func (c *checker) bead(s *town.State, b *town.Bead) {
	if why := c.ledger.final(b); why != "" {
		c.failf("final", b.ID, "%s", why)
	}
	if b.Live() {
		c.why(s, b)
		return
	}
	if why := c.ledger.truth(s, b); why != "" {
		c.failf("truth", b.ID, "%s", why)
	}
}

func (c *checker) why(s *town.State, b *town.Bead) {
	w, _ := s.Why(string(b.ID), c.now)
	if len(w.Due)+len(w.Waits) == 0 {
		c.failf("why", b.ID, "%s %s is %s, and nothing says why", b.Type, b.ID, b.Status)
	}
	c.cov.waits(&w)
}

// full checks the town as a whole: every bead has a reason, a town that is restored and looks at
// everything finds nothing more to do, and what it restores is what there was.
func (c *checker) full(s *town.State) {
	for _, b := range s.Beads() {
		if b.Live() {
			c.why(s, b)
		}
	}
	data := s.Snapshot()
	twin, err := town.Restore(data)
	if err != nil {
		c.failf("restore", "", "%v", err)
		return
	}
	if !bytes.Equal(twin.Snapshot(), data) {
		c.failf("restore", "", "what is restored is not what there was")
	}
	if rec := twin.Step(town.Input{Now: c.now}); !rec.Empty() {
		c.failf("wake-up", firstBead(rec), "a wake-up was lost: who looks at everything finds %s", digest(rec))
	}
	c.ledger.orphans(c, s)
}

// firstBead is the first bead that a tick has to do with.
func firstBead(rec *town.Tick) town.BeadID {
	for i := range rec.Actions {
		if rec.Actions[i].Bead != "" {
			return rec.Actions[i].Bead
		}
	}
	return ""
}

// digest says in a line what a tick does.
func digest(rec *town.Tick) string {
	var b bytes.Buffer
	for i := range rec.Actions {
		a := &rec.Actions[i]
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s%s by %s", a.Kind, a.Agent, a.Bead, a.Rule)
	}
	if b.Len() == 0 {
		fmt.Fprintf(&b, "%d changes without an action", len(rec.Changes))
	}
	return b.String()
}
