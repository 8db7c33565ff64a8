package town

import (
	"fmt"
	"strconv"
)

// The numbers of the beads' rules.
const (
	// UntouchedGrace leaves a person who has ended a merge request time to retry it before its source is
	// sent back.
	UntouchedGrace = 5 * Minute
	// startWindow is the time within which max_starts_per_tick counts. It is a length of time and
	// not one tick, so that many quick ticks start no more than one slow one, and a second tick at
	// the same moment starts nothing.
	startWindow = Second
)

// backoffs is how long a bead waits after its 1st, 2nd, … failed attempt; the last one goes on.
var backoffs = [...]Duration{30 * Second, Minute, 2 * Minute, 5 * Minute, 10 * Minute}

// backoffEnd is when the bead may be tried again, and how many attempts have failed.
func backoffEnd(b *Bead) (Time, int) {
	n, last := 0, Time(0)
	for _, a := range b.sinceRetry() {
		if a.Ended != 0 && a.Fault != NoFault && a.Outcome != AttemptNoRemote {
			n++
			last = a.Ended
		}
	}
	if n == 0 {
		return 0, 0
	}
	return last.Add(backoffs[min(n, len(backoffs))-1]), n
}

// evictionsEnd is when a bead may be tried again whose runs keep being evicted, and how many were in
// a row. Nobody is at fault, so the first one is tried again at once; but a host that evicts whatever
// it starts must not be asked to without a pause.
func evictionsEnd(b *Bead) (Time, int) {
	n := 0
	since := b.sinceRetry()
	for n < len(since) && since[len(since)-1-n].Outcome == AttemptEvicted {
		n++
	}
	if n < 2 {
		return 0, n
	}
	return b.lastAttempt().Ended.Add(backoffs[min(n-1, len(backoffs))-1]), n
}

func failBead(b *Bead, code, reason string) Action {
	return Action{Kind: TransitionBead, Bead: b.ID, From: string(b.Status), To: string(Failed), Code: code, Reason: reason}
}

func closeBead(b *Bead, as Outcome, reason string) Action {
	return Action{Kind: TransitionBead, Bead: b.ID, From: string(b.Status), To: string(Closed), Code: string(as), Reason: reason}
}

func reopen(b *Bead, reason, ends string, fault Fault) Action {
	return Action{Kind: TransitionBead, Bead: b.ID, From: string(b.Status), To: string(Open), Reason: reason, Ends: ends, Fault: fault}
}

func exhausted(s *State, _ Time, b *Bead) Look {
	if b.Status != Open || (b.Type != Issue && b.Type != MergeRequest) {
		return Look{}
	}
	if s.usedUp(b) {
		return act(failBead(b, "attempts_exhausted", fmt.Sprintf("%d attempts failed; the last: %s", b.FailedAttempts(), b.lastReason())))
	}
	return Look{}
}

// usedUp reports whether the bead has failed as often as it may. Whatever starts an attempt asks
// this too: a rule after beads/exhausted may just have ended one.
func (s *State) usedUp(b *Bead) bool {
	return b.FailedAttempts() >= s.config(b.Rig).MaxDispatchAttempts
}

func blockerFailed(s *State, _ Time, b *Bead) Look {
	if b.Status != Open {
		return Look{}
	}
	policy := s.config(b.Rig).OnBlockerFailed
	for _, d := range s.needs(b.ID, Blocks) {
		on := s.beads[d.On]
		if on == nil || on.Status != Failed || policy == BlockerContinue {
			continue
		}
		if policy == BlockerFail {
			return act(failBead(b, "blocker_failed", "its blocker "+string(on.ID)+" failed"))
		}
		return wait(WaitBlockerFailed, 0, string(on.ID), "its blocker "+string(on.ID)+" failed: retry or cancel that, or remove the dependency")
	}
	return Look{}
}

func orphanedReview(s *State, now Time, b *Bead) Look {
	if b.Status != InReview {
		return Look{}
	}
	if mr := s.liveRequestOf(b.ID); mr != nil {
		return wait(WaitInReview, 0, string(mr.ID), "its merge request "+string(mr.ID)+" "+mr.standing())
	}
	if s.reviewLost(b) != "" {
		return Look{} // not by anything that events bring about: recovery/4 sees to it
	}
	end := b.Updated.Add(UntouchedGrace)
	if now < end {
		return wait(WaitInReview, end, "", "in review without a live merge request")
	}
	return act(reopen(b, "in review for "+UntouchedGrace.String()+" without a merge request", AttemptUnmerged, AgentFault))
}

func timeout(s *State, now Time, b *Bead) Look {
	at := b.lastAttempt()
	if b.Status != InProgress || at == nil || at.Ended != 0 {
		return Look{}
	}
	limit := b.Timeout
	if limit == 0 {
		limit = s.config(b.Rig).BeadTimeout
	}
	end := at.Started.Add(limit)
	if now < end {
		who, does, code := s.worker(b)
		return wait(code, end, string(who), does+"; the attempt may take "+limit.String())
	}
	reason := "the attempt took " + limit.String()
	var actions []Action
	for _, a := range s.holders(b.ID) {
		actions = append(actions, stopIfRunning(a, reason)...)
		actions = append(actions, Action{Kind: UnhookAgent, Agent: a.ID, Run: a.Run, Bead: b.ID, Reason: reason})
		if a.Status != Idle {
			actions = append(actions, toIdle(a, reason))
		}
	}
	return act(append(actions, reopen(b, reason, AttemptTimeout, AgentFault))...)
}

// worker says who holds a bead and what that agent does, by the agent's own record.
func (s *State) worker(b *Bead) (id AgentID, does string, code WaitCode) {
	for _, a := range s.holders(b.ID) {
		switch {
		case a.Status == Working && a.Stopping == 0:
			return a.ID, string(a.ID) + " works on it", WaitRunning
		case a.Status == Working:
			id, does, code = a.ID, string(a.ID)+" holds it and is being stopped", WaitStopping
		default:
			id, does, code = a.ID, string(a.ID)+" holds it and is "+string(a.Status), WaitNoAgent
		}
	}
	if id == "" {
		return "", "nobody works on it", WaitNoAgent
	}
	return id, does, code
}

func reworkOver(s *State, _ Time, b *Bead) Look {
	if (b.Status != Open && b.Status != InProgress) || !b.Rework() {
		return Look{}
	}
	reason := "the merge request it was for is over"
	for _, d := range s.neededBy(b.ID, Blocks) {
		mr := s.beads[d.Bead]
		if mr == nil || !mr.Live() {
			continue
		}
		if b.Status == InProgress || !mr.waitsForPull() || mr.Merge.PR.needsWork() {
			return Look{}
		}
		reason = "nothing is wanted on the pull request any more"
	}
	return act(closeBead(b, OutcomeDone, reason))
}

// dispatch gives an open bead to a polecat, or says what keeps it waiting.
func dispatch(s *State, now Time, b *Bead) Look {
	if b.Status != Open {
		return Look{}
	}
	if w := s.beadWait(now, b); w != nil {
		return Look{Wait: w}
	}
	if w := s.placeWait(now, b.Rig); w != nil {
		return Look{Wait: w}
	}
	id, fresh := s.choosePolecat(b)
	if id == "" {
		return wait(WaitNoSlot, 0, string(b.Rig), "no polecat of "+string(b.Rig)+" is free")
	}
	var actions []Action
	if fresh {
		actions = append(actions, Action{Kind: CreateAgent, Agent: id, Role: Polecat, Rig: b.Rig, Reason: "no idle polecat in " + string(b.Rig)})
	}
	reason := "ready"
	if n := b.FailedAttempts() + b.InfraAttempts(); n > 0 {
		reason = fmt.Sprintf("ready again after %d failed attempts", n)
	}
	return act(append(actions, Action{
		Kind: DispatchAgent, Agent: id, Bead: b.ID, Rig: b.Rig, Run: s.counters.LastRun + 1, From: string(Open), Reason: reason,
	})...)
}

// beadWait says what about the bead itself keeps it from being started, or nil.
func (s *State) beadWait(now Time, b *Bead) *Wait {
	switch {
	case b.Rig == "" || s.rigs[b.Rig] == nil:
		return &Wait{Code: WaitNotConfigured, Reason: "it has no rig: name one, or cancel it"}
	case b.Held != 0:
		return &Wait{Code: WaitHeld, Reason: "held by a person" + because(b.HeldReason)}
	case b.Assignee != "":
		return &Wait{Code: WaitRunning, Reason: "still assigned to " + string(b.Assignee), On: string(b.Assignee)}
	}
	for _, id := range s.ix.hookedTo[b.ID] {
		return &Wait{Code: WaitRunning, Reason: "still held by " + string(id), On: string(id)}
	}
	if s.usedUp(b) {
		return &Wait{Code: WaitExhausted, Reason: "its attempts are used up"}
	}
	if c := s.stagedBy(b.ID); c != nil {
		return &Wait{Code: WaitStaged, Reason: "its convoy " + string(c.ID) + " is staged: start it", On: string(c.ID)}
	}
	for _, d := range s.needs(b.ID, Blocks) {
		on := s.beads[d.On]
		if on == nil || on.Status == Closed {
			continue
		}
		if on.Status == Failed {
			if s.config(b.Rig).OnBlockerFailed == BlockerContinue {
				continue
			}
			return &Wait{Code: WaitBlockerFailed, Reason: "its blocker " + string(on.ID) + " failed", On: string(on.ID)}
		}
		return &Wait{Code: WaitBlocked, Reason: "its blocker " + string(on.ID) + " is " + string(on.Status) + ", not merged", On: string(on.ID)}
	}
	if w := remoteEnd(now, b); w != nil {
		return w
	}
	if end, n := backoffEnd(b); now < end {
		return &Wait{Code: WaitBackOff, Until: end, Reason: "back-off " + backoffs[min(n, len(backoffs))-1].String() + s.attemptsUsed(b, n)}
	}
	if end, n := evictionsEnd(b); now < end {
		return &Wait{Code: WaitBackOff, Until: end, Reason: fmt.Sprintf("back-off after %d evictions in a row", n)}
	}
	if cmd := s.config(b.Rig).Agents[Polecat]; cmd.Preset == "" && len(cmd.Command) == 0 {
		return &Wait{Code: WaitNotConfigured, Reason: "no agent is configured: set agents.polecat to a preset or a command"}
	}
	return nil
}

// attemptsUsed says how many attempts have failed and, of those, count against the cap.
func (s *State) attemptsUsed(b *Bead, failed int) string {
	limit := s.config(b.Rig).MaxDispatchAttempts
	if counted := b.FailedAttempts(); counted != failed {
		return fmt.Sprintf(" (%d attempts failed; %d of %d count)", failed, counted, limit)
	}
	return fmt.Sprintf(" (attempt %d of %d)", failed, limit)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// placeWait says why nothing can be started in the rig now, or nil.
func (s *State) placeWait(now Time, rig RigID) *Wait {
	if w := s.startWait(now, rig); w != nil {
		return w
	}
	cfg := s.config(rig)
	if n := s.ix.busy[rig]; n >= cfg.MaxPolecatsPerRig {
		return &Wait{Code: WaitNoSlot, Reason: "all places of " + string(rig) + " are taken (" + strconv.Itoa(n) + " of max_polecats_per_rig " + strconv.Itoa(cfg.MaxPolecatsPerRig) + ")", On: string(rig)}
	}
	if limit := s.config("").MaxAgents; s.ix.busyAll >= limit {
		return &Wait{Code: WaitNoSlot, Reason: fmt.Sprintf("all places of the town are taken (%d of max_agents %d)", s.ix.busyAll, limit)}
	}
	limit := s.config("").MaxStartsPerTick
	if end := s.counters.StartsAt.Add(startWindow); now < end && s.counters.Starts >= limit {
		return &Wait{Code: WaitNoSlot, Until: end, Reason: fmt.Sprintf("%d agents were started within a second (max_starts_per_tick)", limit)}
	}
	return nil
}

// choosePolecat picks who gets the bead: an idle polecat that did not fail on it last, else a new
// one while there may be more, else that one again. It returns "" if there is none.
func (s *State) choosePolecat(b *Bead) (id AgentID, fresh bool) {
	var lastFailed AgentID
	if a := b.lastAttempt(); a != nil && a.Fault == AgentFault {
		lastFailed = a.Agent
	}
	var again AgentID
	polecats := 0
	for _, id := range s.ix.agentsOf[b.Rig] {
		a := s.agents[id]
		if a.Role != Polecat {
			continue
		}
		polecats++
		switch {
		case a.Status != Idle || a.Hook != "" || a.Process():
			// Even an idle one may still have the process of its last run, and a new run would
			// lose sight of that.
		case id == lastFailed:
			again = id
		default:
			return id, false
		}
	}
	if polecats < s.config(b.Rig).MaxPolecatsPerRig {
		return s.freePolecatName(), true
	}
	return again, false
}

// freePolecatName is the first name of the pool that nobody bears, then "toast-2" and so on.
func (s *State) freePolecatName() AgentID {
	for round := 1; ; round++ {
		for _, name := range polecatNames {
			if round > 1 {
				name += "-" + strconv.Itoa(round)
			}
			if s.agents[AgentID(name)] == nil {
				return AgentID(name)
			}
		}
	}
}

// pickReady sorts the issues on the agenda into those that are ready and those that wait, and
// returns the latter (for their waits) and the first of each rig's ready ones, in dispatch order.
func pickReady(s *State, now Time, work []subject) []ref {
	var places []queued
	for _, x := range work {
		b := s.beads[BeadID(x.ID)]
		if b == nil || b.Type != Issue || b.Status != Open {
			continue
		}
		if !s.sortOut(now, b) {
			places = append(places, placeOf(b))
		}
	}
	limit := s.config("").MaxStartsPerTick
	for rig, list := range s.ix.ready {
		if !s.full(now, rig) {
			places = append(places, list[:min(len(list), limit)]...)
		}
	}
	return inOrder(places)
}

// full reports whether places are all that keeps back what is ready in the rig, and there are none: then
// only an agent that lets go can change that, and whatever was ready before need not be looked at.
func (s *State) full(now Time, rig RigID) bool {
	return (s.ix.busy[rig] >= s.config(rig).MaxPolecatsPerRig || s.ix.busyAll >= s.config("").MaxAgents) && s.startWait(now, rig) == nil
}
