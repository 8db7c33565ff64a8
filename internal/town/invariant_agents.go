package town

import (
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

func holdsAnothers(c *checker, a *Agent) string {
	if keeper := c.s.keeperOf(a.Hook); keeper != nil && keeper != a {
		return fmt.Sprintf("%s holds %s, which %s holds with a newer run", a.ID, a.Hook, keeper.ID)
	}
	return ""
}

// keeperOf returns which of several agents on a bead has the newest run, or nil if there are not
// several.
func (s *State) keeperOf(id BeadID) *Agent {
	held := s.ix.hookedTo[id]
	if len(held) < 2 {
		return nil
	}
	keeper := s.agents[held[0]]
	for _, other := range held[1:] {
		if a := s.agents[other]; a.Run > keeper.Run {
			keeper = a
		}
	}
	return keeper
}

func worksOnNothing(_ *checker, a *Agent) string {
	if a.Status == Working && a.Role != Mayor && a.Hook == "" {
		return fmt.Sprintf("%s works on nothing", a.ID)
	}
	return ""
}

// hookDisagrees leaves what others than the right one hold to the invariants about that.
func hookDisagrees(c *checker, a *Agent) string {
	b := c.s.beads[a.Hook]
	if b == nil || !b.Live() || len(c.s.ix.hookedTo[b.ID]) > 1 || misfit(c, a) != "" {
		return ""
	}
	switch {
	case b.Status != InProgress:
		return fmt.Sprintf("%s holds %s, which is %s", a.ID, b.ID, b.Status)
	case b.Assignee != a.ID:
		return fmt.Sprintf("%s holds %s, which is assigned to %q", a.ID, b.ID, b.Assignee)
	case a.Role == Polecat && a.Status == Working && !b.attemptedBy(a):
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
// merge into the wrong repository, a polecat has no worktree of it.
func misfit(c *checker, a *Agent) string {
	b := c.s.beads[a.Hook]
	if b == nil || !b.Live() {
		return ""
	}
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
	case Idle, Working, Stalled, Dead:
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
	return letGo(a, string(c.s.keeperOf(a.Hook).ID)+" holds "+string(a.Hook)+" with a newer run")
}

func letGoOfHook(c *checker, a *Agent) []Action { return terminalHook(c.s, c.now, a).Actions }

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
