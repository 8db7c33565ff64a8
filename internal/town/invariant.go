package town

import (
	"cmp"
	"fmt"
	"slices"
)

// The numbers of the invariants are stable: alerts, runbooks and reports name them. From 15 on they
// are about what a damaged record or a wrong clock can bring in; their recoveries are like none of
// the others', so they have numbers of their own.
const (
	invHookTerminal  = 1
	invHookMissing   = 2
	invOneMerge      = 3
	invReview        = 4
	invShape         = 5
	invOneHolder     = 6
	invWorkingHook   = 7
	invHookAssignee  = 8
	invCycle         = 9
	invHeldWorks     = 10
	invCap           = 11
	invReference     = 12
	invExplained     = 13
	invContradiction = 14
	invTimes         = 15
	invCounts        = 16
	invFit           = 17
	invSource        = 18
)

// Invariant is a sentence that holds after every tick, and what the town does where it does not. It is checked three
// times in a tick: of what is loaded or comes due, before anything goes by it; of what the events have left, before the
// rules act on that; and of whatever the rules have looked at, after them.
type Invariant struct {
	Number int
	Doc    string
	// On is the kind of entity that the sentence is mainly about.
	On Kind
	// Recovery says how the town repairs what is not so, by actions of the rule "recovery/<number>".
	Recovery string
	// Passing says what events may leave within a tick, against the sentence, for a rule that acts on it in the same
	// tick; "" if nothing. That is no violation before the rules have acted.
	Passing string

	// early ones are what the events rely on: they are recovered before those.
	early bool
	// late ones are about what the rules say, and checked after them alone.
	late bool
	// passing reports whether what does not hold is what Passing says.
	passing func(*checker, ref) bool
	// The checks say how the sentence does not hold for an entity, or "".
	onBead       func(*checker, *Bead) string
	onAgent      func(*checker, *Agent) string
	onRig        func(*checker, *Rig) string
	onDependency func(*checker, *Dependency) string
	// onRecord is asked of the town, its counters and usage, breakers and nudges.
	onRecord func(*checker, entity) string
	// mend returns what makes it hold again, or nothing if all that can be done is done.
	mend func(*checker, ref) []Action
}

// invariants is every sentence that is checked, by number. Each recovery sees what the ones before it
// have done.
var invariants = []Invariant{
	{Number: invHookTerminal, On: KindAgent, Doc: "No agent is hooked to a bead that has ended.",
		Recovery: letsGo, Passing: "A bead that ends in a tick is held until `agents/terminal-hook` acts.",
		passing: endedNow, onAgent: hookedToTerminal, mend: onAgentRef(orBack(letGoOfHook))},
	{Number: invHookMissing, On: KindAgent, Doc: "The bead of a hooked agent exists.",
		Recovery: letsGo,
		onAgent:  hookedToNothing, mend: onAgentRef(orBack(letGoOfHook))},
	{Number: invOneMerge, On: KindRig, Doc: "At most one merge request of a rig is in progress.",
		Recovery: "All but the oldest are open again.",
		onRig:    severalMerges, mend: keepOldestMerge},
	{Number: invReview, On: KindBead, Doc: "An issue in review has a merge request that is not merged yet.",
		Recovery: "The issue is closed if a merge request of it was merged, else open again.",
		Passing:  "A merge request that a person has ended may be retried until `beads/orphaned-review` opens the issue again.",
		passing:  onlyEnded, onBead: reviewOfNothing, mend: onBeadRef(endReview)},
	{Number: invShape, On: KindBead, Doc: "Type, role and status exist and go together, and a bead has the part of its type and no other.",
		Recovery: "The bead is open, the agent idle (working, if it has a bead and a process), the type that of its part. A nudge of no status expires. A live bead whose part is lost fails; one whose type nothing tells is held for a person.",
		early:    true, onBead: misshapenBead, onAgent: misshapenAgent, onRecord: misshapenRecord, mend: reshape},
	{Number: invOneHolder, On: KindAgent, Doc: "At most one agent is hooked to a bead.",
		Recovery: "An agent whose attempt at another bead goes on is hooked to that again. Of the others the newest run that is heard keeps the bead, or the newest if none is; the rest are stopped, unhooked and idle.",
		onAgent:  holdsAnothers, mend: onAgentRef(orBack(leaveToKeeper))},
	{Number: invWorkingHook, On: KindAgent, Doc: "A working agent (not a mayor) has a hook, and an idle one has none, but for a refinery between two tries to merge.",
		Recovery: "The agent is hooked again to the bead that its attempt goes on at. Without one it is idle. One that is idle on a bead and is heard works; else it lets go, and the bead is open.",
		onAgent:  worksOnNothing, mend: onAgentRef(orBack(setToWork))},
	{Number: invHookAssignee, On: KindAgent, Doc: "The bead that an agent holds is in progress, assigned to it, and has its attempt on record; no other bead is in progress (but for a pull request) or assigned.",
		Recovery: "The hook wins: the bead is the agent's, in progress. Where its run has ended or may not go on, the agent is stopped, unhooked and idle instead. What nobody holds is open, and assigned to nobody.",
		onAgent:  hookDisagrees, onBead: heldByNobody, mend: agreeOnHook},
	{Number: invCycle, On: KindDependency, Doc: "No beads wait for each other in a circle.",
		Recovery:     "The newest edge of the circle is removed, and an escalation says so.",
		onDependency: closesCycle, mend: breakCycle},
	{Number: invHeldWorks, On: KindBead, Doc: "Nothing held or staged is in progress.",
		Recovery: "Its agent is stopped, and the bead is open.",
		onBead:   heldWorks, mend: onBeadRef(stopWork)},
	{Number: invCap, On: KindBead, Doc: "No open bead has used up its attempts.",
		Recovery: "The bead fails.", Passing: "A bead whose last attempt ends in a tick, or whose cap is lowered, is open until `beads/exhausted` acts.",
		passing: usedUpNow, onBead: openUsedUp, mend: onBeadRef(func(c *checker, b *Bead) []Action { return exhausted(c.s, c.now, b).Actions })},
	{Number: invReference, On: KindBead, Doc: "Every reference of a live bead, an agent, an edge, a nudge or a breaker names something that exists.",
		Recovery: "The reference is cleared; a bead in progress whose agent is gone is open; the edge, the nudge of no agent and the breaker of no rig are removed. A merge request of nothing fails.",
		Passing:  "A nudge whose agent leaves in a tick is there until `care/nudges` acts.",
		early:    true, passing: hearerLeftNow, onBead: danglingBead, onAgent: danglingAgent, onDependency: danglingEdge, onRecord: danglingRecord, mend: clearReferences},
	{Number: invExplained, On: KindBead, Doc: "Every live bead has an action due or says what it waits for.",
		Recovery: "An escalation tells people, until the bead says it again.",
		late:     true, onBead: unexplained, mend: onBeadRef(tellPeople)},
	{Number: invContradiction, On: KindTown, Doc: "Nothing is decided twice in contradiction within a tick.",
		Recovery: "None: it is a defect, and is reported."},
	{Number: invTimes, On: KindBead, Doc: "What has happened has its time, and not one that is still to come.",
		Recovery: "A time that is missing or later than now becomes now, as does a forge's rest of more than 24h; a nudge expires within the hour.",
		early:    true, onBead: untimelyBead, onAgent: untimelyAgent, onRecord: untimelyRecord, mend: setClock},
	{Number: invCounts, On: KindBead, Doc: "Counters are not negative, not behind what they count, and a convoy's are those of its members.",
		Recovery: "The counter is corrected.", Passing: "A convoy is counted as it was until `convoys/progress` acts.",
		early: true, passing: onlyProgress, onBead: miscountedBead, onAgent: miscountedAgent, onRecord: miscountedRecord, mend: recount},
	{Number: invFit, On: KindAgent, Doc: "An agent holds only what its role and its rig may work on.",
		Recovery: "The agent is hooked again to the bead that its attempt goes on at. Without one it is stopped, unhooked and idle, and the bead is open.",
		onAgent:  misfit, mend: onAgentRef(orBack(partFromBead))},
	{Number: invSource, On: KindBead, Doc: "A live merge request is the only one of a source that waits for it.",
		Recovery: "The one that is being merged is kept, or else the newest; the others fail, as does one whose source does not wait. When one is merged, the others are closed.",
		onBead:   needlessRequest, mend: onBeadRef(dropRequests)},
}

// letsGo is the recovery of an agent's wrong hook.
const letsGo = "The agent is hooked again to the bead that its attempt goes on at. Without one it is stopped, unhooked and idle."

// Invariants lists every invariant by its number.
func Invariants() []Invariant { return slices.Clone(invariants) }

func invariantOf(number int) *Invariant { return &invariants[number-1] }

// recovery is the rule that an invariant's recovery acts as.
func (inv *Invariant) recovery() string { return fmt.Sprint("recovery/", inv.Number) }

// FoundBy says who may be the first to find that the invariant does not hold, for the reference.
func (inv *Invariant) FoundBy() string {
	switch {
	case inv.mend == nil:
		return "whoever performs an action that contradicts another, and the bounds on passes through the rules and recoveries"
	case inv.late:
		return "the check after the rules"
	case inv.early:
		return "the check before the events, which has it recovered at once; the check after them"
	}
	return "the check before the events, to have it recovered after them, unless they do; the check after them"
}

// breach is an invariant that does not hold for an entity.
type breach struct {
	number int
	ref    ref
}

func compareBreaches(a, b breach) int {
	return cmp.Or(cmp.Compare(a.number, b.number), compareRefs(a.ref, b.ref))
}

// checker holds the invariants against a state.
type checker struct {
	s   *State
	now Time
	// settled says that the rules have acted: what events may leave for them counts too from then on.
	settled bool
	// known says that a lasting breach is looked for that has been reported before.
	known bool
	// acyclic are the beads from which no circle can be reached.
	acyclic map[BeadID]bool
	found   []breach
}

// look notes which invariants do not hold for an entity.
func (c *checker) look(r ref) {
	switch r.Kind {
	case KindBead:
		if b := c.s.beads[BeadID(r.ID)]; b != nil {
			c.bead(b)
		}
	case KindAgent:
		if a := c.s.agents[AgentID(r.ID)]; a != nil {
			c.agent(a)
		}
	default:
		for i := range invariants {
			if inv := &invariants[i]; c.broken(inv, r) != "" {
				c.note(inv, r)
			}
		}
	}
}

// note takes in that an invariant does not hold, unless that is for a rule to see to.
func (c *checker) note(inv *Invariant, r ref) {
	if c.settled || inv.passing == nil || !inv.passing(c, r) {
		c.found = append(c.found, breach{inv.Number, r})
	}
}

func (c *checker) bead(b *Bead) {
	for i := range invariants {
		inv := &invariants[i]
		if inv.onBead != nil && (c.settled || !inv.late) && inv.onBead(c, b) != "" {
			c.note(inv, b.ref())
		}
	}
}

func (c *checker) agent(a *Agent) {
	for i := range invariants {
		inv := &invariants[i]
		if inv.onAgent != nil && inv.onAgent(c, a) != "" {
			c.note(inv, a.ref())
		}
	}
}

// all holds every invariant against every entity, as after a tick.
func (c *checker) all() []breach {
	c.settled = true
	for _, b := range c.s.beads {
		c.bead(b)
	}
	for _, a := range c.s.agents {
		c.agent(a)
	}
	for _, r := range c.s.rigs {
		c.look(r.ref())
	}
	for _, d := range c.s.deps {
		if danglingEdge(c, d) != "" {
			c.found = append(c.found, breach{invReference, d.ref()})
		}
		if closesCycle(c, d) != "" {
			c.found = append(c.found, breach{invCycle, d.ref()})
		}
	}
	for _, r := range c.s.records() {
		c.look(r)
	}
	return c.sorted()
}

// records names the town's other books.
func (s *State) records() []ref {
	out := []ref{s.town.ref(), s.counters.ref()}
	if s.usage != nil {
		out = append(out, s.usage.ref())
	}
	if s.totals != nil {
		out = append(out, s.totals.ref())
	}
	for id := range s.breakers {
		out = append(out, ref{KindBreaker, id})
	}
	for id := range s.nudges {
		out = append(out, ref{KindNudge, string(id)})
	}
	return out
}

// sorted returns what was found, in a fixed order and once.
func (c *checker) sorted() []breach {
	slices.SortFunc(c.found, compareBreaches)
	return slices.Compact(c.found)
}

// broken says how an invariant does not hold for an entity, or "".
func (c *checker) broken(inv *Invariant, r ref) string {
	switch e := c.s.get(r).(type) {
	case *Bead:
		if inv.onBead != nil {
			return inv.onBead(c, e)
		}
	case *Agent:
		if inv.onAgent != nil {
			return inv.onAgent(c, e)
		}
	case *Rig:
		if inv.onRig != nil {
			return inv.onRig(c, e)
		}
	case *Dependency:
		if inv.onDependency != nil {
			return inv.onDependency(c, e)
		}
	case nil:
	default:
		if inv.onRecord != nil {
			return inv.onRecord(c, e)
		}
	}
	return ""
}

// changed reports whether the tick has changed an entity so far.
func (c *checker) changed(r ref) bool {
	_, seen := c.s.undo.before[r]
	return seen
}

// beadBefore is a bead that the tick has changed as it was before, or nil.
func (c *checker) beadBefore(id BeadID) *Bead {
	b, _ := c.s.undo.before[ref{KindBead, string(id)}].(*Bead)
	return b
}

// endedInTick reports whether a bead has ended since the tick began.
func (c *checker) endedInTick(id BeadID) bool {
	was, b := c.beadBefore(id), c.s.beads[id]
	return was != nil && was.Live() && b != nil && !b.Live()
}

func onBeadRef(mend func(*checker, *Bead) []Action) func(*checker, ref) []Action {
	return func(c *checker, r ref) []Action { return mend(c, c.s.beads[BeadID(r.ID)]) }
}

func onAgentRef(mend func(*checker, *Agent) []Action) func(*checker, ref) []Action {
	return func(c *checker, r ref) []Action { return mend(c, c.s.agents[AgentID(r.ID)]) }
}
