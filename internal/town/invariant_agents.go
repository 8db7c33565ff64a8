package town

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// What must hold of agents. Each check says how it does not, or "".

func hookedToTerminal(c *checker, a *Agent) string {
	if b := c.s.beads[a.Hook]; b != nil && !b.Live() {
		return fmt.Sprintf("%s holds %s, which is %s", a.ID, b.ID, b.Status)
	}
	return ""
}

func hookedToNothing(c *checker, a *Agent) string {
	if a.Hook != "" && c.s.beads[a.Hook] == nil {
		return fmt.Sprintf("%s holds %s, which does not exist", a.ID, a.Hook)
	}
	return ""
}

// endedNow reports whether an agent's bead has ended in this tick.
func endedNow(c *checker, r ref) bool {
	a := c.s.agents[AgentID(r.ID)]
	return a != nil && c.endedInTick(a.Hook)
}

func holdsAnothers(c *checker, a *Agent) string {
	if keeper := c.keeperOf(a.Hook); keeper != nil && keeper != a {
		return fmt.Sprintf("%s holds %s, %s", a.ID, a.Hook, keeps(keeper))
	}
	return ""
}

func keeps(keeper *Agent) string {
	if keeper.heard() {
		return fmt.Sprintf("which %s keeps: its run %d is the newest that is heard", keeper.ID, keeper.Run)
	}
	return fmt.Sprintf("which %s keeps: its run %d is the newest", keeper.ID, keeper.Run)
}

// heard reports whether the agent's process is known to run: it was seen, its heartbeat has not stopped, and nobody has
// asked for its end.
func (a *Agent) heard() bool {
	return a.Process() && a.Observed == Running && a.HeartbeatLost == 0 && a.Stopping == 0
}

// keeperOf returns which of several agents on a bead keeps it, or nil if there are not several. An agent that belongs
// elsewhere does not, nor one that may not work on it, if another may. Of the others it is the newest run that is heard:
// what nobody has heard of for a while may have ended, and its record be what is wrong.
func (c *checker) keeperOf(id BeadID) *Agent {
	held := c.s.ix.hookedTo[id]
	if len(held) < 2 {
		return nil
	}
	claim := func(a *Agent) int {
		n := 0
		if c.ownBead(a) == nil && misfit(c, a) == "" {
			n += 2
		}
		if a.heard() {
			n++
		}
		return n
	}
	keeper := c.s.agents[held[0]]
	for _, other := range held[1:] {
		if a := c.s.agents[other]; cmp.Or(cmp.Compare(claim(a), claim(keeper)), cmp.Compare(a.Run, keeper.Run)) > 0 {
			keeper = a
		}
	}
	return keeper
}

// strayed reports whether an agent is at work on a bead by that one's record, while its own names another one or none.
func strayed(a *Agent, from *Bead, held *Bead) bool {
	return a != nil && (a.Status == Working || a.Status == Stalled) && a.Hook != from.ID &&
		from.Status == InProgress && from.Assignee == a.ID && from.attemptedBy(a) && (held == nil || !held.attemptedBy(a))
}

// ownBead returns the bead that an agent has strayed from, or nil: the one that it works on by the bead's own record, and
// may work on.
func (c *checker) ownBead(a *Agent) *Bead {
	if a.Status != Working && a.Status != Stalled || a.Run == 0 {
		return nil
	}
	held := c.s.beads[a.Hook]
	if held != nil && held.attemptedBy(a) {
		return nil
	}
	var own *Bead
	for _, b := range c.s.beads {
		if strayed(a, b, held) && unfit(a, b) == "" && (own == nil || oldestFirst(b, own) < 0) {
			own = b
		}
	}
	return own
}

// worksOnNothing finds an agent that works without a bead, or holds one and does nothing.
func worksOnNothing(c *checker, a *Agent) string {
	switch {
	case a.Status == Working && a.Role != Mayor && a.Hook == "":
		return fmt.Sprintf("%s works on nothing", a.ID)
	case a.Status != Idle || a.Hook == "":
		return ""
	}
	if b := c.s.beads[a.Hook]; b != nil && b.Live() && (a.Role != Refinery || b.Status != InProgress) {
		return fmt.Sprintf("%s holds %s and is idle", a.ID, b.ID)
	}
	return ""
}

// hookDisagrees leaves what others than the right one hold to the invariants about that.
func hookDisagrees(c *checker, a *Agent) string {
	b := c.s.beads[a.Hook]
	if b == nil || !b.Live() || len(c.s.ix.hookedTo[b.ID]) > 1 || misfit(c, a) != "" || worksOnNothing(c, a) != "" {
		return ""
	}
	switch {
	case b.Status != InProgress:
		return fmt.Sprintf("%s holds %s, which is %s", a.ID, b.ID, b.Status)
	case b.Assignee != a.ID:
		return fmt.Sprintf("%s holds %s, which is assigned to %q", a.ID, b.ID, b.Assignee)
	case a.Role == Polecat && (a.Status == Working || a.Status == Stalled) && !b.attemptedBy(a):
		return fmt.Sprintf("%s works on %s without an attempt on record", a.ID, b.ID)
	}
	return ""
}

// attemptedBy reports whether the attempt that goes on is the agent's current run.
func (b *Bead) attemptedBy(a *Agent) bool {
	at := b.lastAttempt()
	return at != nil && at.Ended == 0 && at.Run == a.Run
}

// misfit finds an agent on something that is not for its role, or of another rig. A refinery would
// merge into the wrong repository, a polecat has no workspace of it.
func misfit(c *checker, a *Agent) string {
	b := c.s.beads[a.Hook]
	if b == nil || !b.Live() {
		return ""
	}
	return unfit(a, b)
}

// unfit says why a bead is not for an agent, or "".
func unfit(a *Agent, b *Bead) string {
	fits, bound := b.Type != Issue && b.Type != MergeRequest, false
	switch a.Role {
	case Polecat:
		fits, bound = b.Type == Issue || b.Type == Molecule, true
	case Refinery:
		fits, bound = b.Type == MergeRequest, true
	}
	switch {
	case !fits:
		return fmt.Sprintf("%s (%s) holds %s (%s)", a.ID, a.Role, b.ID, b.Type)
	case bound && a.Rig != b.Rig:
		return fmt.Sprintf("%s of %q holds %s of %q", a.ID, a.Rig, b.ID, b.Rig)
	}
	return ""
}

func misshapenAgent(c *checker, a *Agent) string {
	switch role, rig := c.dutyOf(a); {
	case role != a.Role:
		return fmt.Sprintf("%s has the role %q", a.ID, a.Role)
	case rig != a.Rig:
		return fmt.Sprintf("%s is of %q", a.ID, a.Rig)
	}
	switch a.Status {
	case Idle, Working, Stalled:
		return ""
	case Waiting:
		if a.Role == Mayor {
			return ""
		}
	}
	return fmt.Sprintf("%s (%s) is %q", a.ID, a.Role, a.Status)
}

// refineryPrefix begins the name of every refinery.
const refineryPrefix = "refinery-"

// dutyOf says which role and rig an agent must have: a refinery is known by its name, and nobody else
// may bear that.
func (c *checker) dutyOf(a *Agent) (Role, RigID) {
	if rig, named := strings.CutPrefix(string(a.ID), refineryPrefix); named && c.s.rigs[RigID(rig)] != nil {
		return Refinery, RigID(rig)
	}
	switch a.Role {
	case Polecat, Refinery, Mayor, Triage:
		return a.Role, a.Rig
	}
	return Polecat, a.Rig
}

func danglingAgent(c *checker, a *Agent) string {
	if a.Rig != "" && c.s.rigs[a.Rig] == nil {
		return fmt.Sprintf("%s is of the rig %s, which does not exist", a.ID, a.Rig)
	}
	return ""
}

func miscountedAgent(c *checker, a *Agent) string {
	switch {
	case a.Run < 0 || a.StopTry < 0:
		return fmt.Sprintf("%s has a negative counter", a.ID)
	case a.Run > c.s.counters.LastRun:
		return fmt.Sprintf("%s is at run %d, the last one given out is %d", a.ID, a.Run, c.s.counters.LastRun)
	}
	return ""
}

// What makes agents right again.

// letGo has an agent let go of what it holds; its process is stopped.
func letGo(a *Agent, reason string) []Action {
	actions := stopIfRunning(a, reason)
	if a.Hook != "" {
		actions = append(actions, Action{Kind: UnhookAgent, Agent: a.ID, Run: a.Run, Bead: a.Hook, Reason: reason})
	}
	if a.Status != Idle {
		actions = append(actions, toIdle(a, reason))
	}
	return actions
}

func leaveToKeeper(c *checker, a *Agent) []Action {
	return letGo(a, "of "+string(a.Hook)+", "+keeps(c.keeperOf(a.Hook)))
}

// orBack hooks an agent again to the bead that it has strayed from: its run is not stopped for what a record has lost.
// Only if there is none is it recovered otherwise.
func orBack(mend func(*checker, *Agent) []Action) func(*checker, *Agent) []Action {
	return func(c *checker, a *Agent) []Action {
		if own := c.ownBead(a); own != nil {
			return []Action{repairAgent(a, "hook", string(a.Hook), string(own.ID), "its run goes on there")}
		}
		return mend(c, a)
	}
}

func letGoOfHook(c *checker, a *Agent) []Action {
	if b := c.s.beads[a.Hook]; b != nil {
		return letGo(a, "its bead is "+string(b.Status))
	}
	return letGo(a, "its bead is gone")
}

// setToWork has an agent that holds nothing be idle, and one that is idle hold nothing, unless its process is heard and
// the bead is its own.
func setToWork(c *checker, a *Agent) []Action {
	if a.Hook == "" {
		return []Action{toIdle(a, "it holds no bead")}
	}
	b := c.s.beads[a.Hook]
	alone := b.Status == InProgress && len(c.s.ix.hookedTo[b.ID]) == 1
	if alone && a.heard() && b.attemptedBy(a) && misfit(c, a) == "" {
		return []Action{{
			Kind: TransitionAgent, Agent: a.ID, Run: a.Run, From: string(Idle), To: string(Working),
			Reason: "its process is heard, and its attempt goes on",
		}}
	}
	const reason = "it holds a bead and is idle"
	actions := letGo(a, reason)
	if alone {
		actions = append(actions, reopen(b, reason, AttemptStopped, NoFault))
	}
	return actions
}

// heldByNobody finds a bead in progress that no agent holds, and one that is assigned although nobody works on it. A bead
// that its agent has strayed from, that a person holds, or whose agent does not exist is told of by the invariants about
// that.
func heldByNobody(c *checker, b *Bead) string {
	switch {
	case !b.Live() || !b.Type.mayBe(b.Status):
		return ""
	case b.Status == InProgress && !b.needsNoAgent():
		if len(c.s.ix.hookedTo[b.ID]) > 0 || heldWorks(c, b) != "" || b.Assignee != "" && c.s.agents[b.Assignee] == nil {
			return ""
		}
		if a := c.s.agents[b.Assignee]; a != nil && strayed(a, b, c.s.beads[a.Hook]) {
			return ""
		}
		return fmt.Sprintf("%s is in progress, and nobody holds it", b.ID)
	case b.Assignee != "":
		if a := c.s.agents[b.Assignee]; a == nil || a.Hook != b.ID {
			return fmt.Sprintf("%s is %s, and assigned to %s, which does not hold it", b.ID, b.Status, b.Assignee)
		}
	}
	return ""
}

// agreeOnHook has a bead and whoever holds it agree.
func agreeOnHook(c *checker, r ref) []Action {
	if r.Kind == KindAgent {
		return orBack(hookWins)(c, c.s.agents[AgentID(r.ID)])
	}
	b := c.s.beads[BeadID(r.ID)]
	if b.Status == InProgress && !b.needsNoAgent() {
		return []Action{reopen(b, "nobody holds it", AttemptStopped, NoFault)}
	}
	return []Action{{Kind: ClearBeadAssignee, Bead: b.ID, Agent: b.Assignee, Reason: "nobody works on it"}}
}

// hookWins gives the bead to the agent that holds it, so that a run is not stopped for what a record
// has lost; unless the run is known to be over, or the bead may not be worked on.
func hookWins(c *checker, a *Agent) []Action {
	b := c.s.beads[a.Hook]
	if b.Status == InProgress || b.Status == Open && c.mayGoOn(a, b) {
		return []Action{{Kind: ResumeAttempt, Agent: a.ID, Bead: b.ID, Run: a.Run, From: string(b.Status), Reason: "it is the one that holds the bead"}}
	}
	return letGo(a, "its bead is "+string(b.Status))
}

// mayGoOn reports whether an agent that holds an open bead may be left to work on it.
func (c *checker) mayGoOn(a *Agent, b *Bead) bool {
	if a.Role != Polecat || a.Status == Idle || a.Stopping != 0 || !a.Process() || b.Held != 0 || c.s.usedUp(b) || c.s.stagedBy(b.ID) != nil {
		return false
	}
	return !slices.ContainsFunc(b.Attempts, func(at Attempt) bool { return at.Run == a.Run && at.Ended != 0 })
}

// partFromBead takes an agent off a bead that is not for it.
func partFromBead(c *checker, a *Agent) []Action {
	b := c.s.beads[a.Hook]
	reason := fmt.Sprintf("it may not work on what is %s of %q", b.Type, b.Rig)
	actions := letGo(a, reason)
	if b.Status == InProgress && len(c.s.ix.hookedTo[b.ID]) == 1 {
		actions = append(actions, reopen(b, reason, AttemptStopped, NoFault))
	}
	return actions
}

// resume makes the bead that an agent holds its own, in progress, with an attempt on record.
func (t *tick) resume(a *Action, ag *Agent) string {
	b := t.s.beads[a.Bead]
	switch {
	case b == nil || string(b.Status) != a.From:
		return fmt.Sprintf("%s is not %s", a.Bead, a.From)
	case ag.Hook != b.ID || ag.Run != a.Run:
		return fmt.Sprintf("%s holds %q at run %d", ag.ID, ag.Hook, ag.Run)
	}
	edit := func(b *Bead) {
		b.Assignee = ag.ID
		if ag.Role == Polecat && !b.attemptedBy(ag) {
			endAttempt(b, t.now, AttemptLost, "another run works on it", NoFault)
			started := ag.Dispatched
			if started == 0 {
				started = t.now
			}
			b.begin(Attempt{Run: ag.Run, Agent: ag.ID, Started: started})
		}
	}
	if b.Status == InProgress {
		t.s.editBead(b.ID, t.now, edit)
		return ""
	}
	t.moveBead(b.ID, InProgress, edit)
	return ""
}
