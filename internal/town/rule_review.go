package town

import (
	"fmt"
	"slices"
)

// The numbers of the review rules.
const (
	// VerifyAgain is how long a look at a branch may stay unanswered, or unanswerable, before it is asked for again. All
	// looks of a rig share one question to its host, so a host that is away gets no more than that, and none waits longer
	// once it is back.
	VerifyAgain = RemoteAgain
	// StuckAfter gives up on a merge request in progress that nobody works on.
	StuckAfter = 30 * Minute
)

// headStart is how much earlier a merge request counts as made by its priority. It is bounded, so
// that nobody waits for ever.
var headStart = [...]Duration{4 * Hour, Hour, 0, -Hour}

func inOrder(places []queued) []ref {
	slices.SortFunc(places, compareQueued)
	out := make([]ref, len(places))
	for i, q := range places {
		out[i] = ref{KindBead, string(q.id)}
	}
	return out
}

func verify(s *State, now Time, b *Bead) Look {
	m := b.Merge
	if b.Status != Open || m.Verify == Verified || s.openBlocker(b) != nil {
		return Look{}
	}
	if m.Verify == VerifyAsked {
		again := m.VerifyAsked.Add(VerifyAgain)
		if now < again {
			if w := remoteWait(m.VerifyClass, m.VerifyError, again); w != nil {
				return Look{Wait: w}
			}
			return wait(WaitVerifying, again, "", "its branch is being looked at"+because(m.VerifyError))
		}
	}
	return act(Action{Kind: VerifyBranch, Bead: b.ID, Rig: b.Rig, N: m.VerifyTry + 1, Reason: "before anything is merged"})
}

// openBlocker returns what a merge request still waits for: rework on its branch.
func (s *State) openBlocker(b *Bead) *Bead {
	for _, d := range s.needs(b.ID, Blocks) {
		if on := s.beads[d.On]; on != nil && on.Status != Closed {
			return on
		}
	}
	return nil
}

func stuck(s *State, now Time, b *Bead) Look {
	held := s.holders(b.ID)
	if b.needsNoAgent() || b.Status != InProgress || len(held) == 0 {
		return Look{}
	}
	for _, a := range held {
		if a.Status == Working && a.Stopping == 0 {
			return wait(WaitRunning, 0, string(a.ID), string(a.ID)+" is merging it")
		}
	}
	end := b.Since.Add(StuckAfter)
	if now < end {
		return wait(WaitNoAgent, end, string(held[0].ID), "in progress without a working agent")
	}
	var actions []Action
	for _, a := range held {
		actions = append(actions, stopIfRunning(a, "its merge request is stuck")...)
		actions = append(actions, Action{Kind: UnhookAgent, Agent: a.ID, Run: a.Run, Bead: b.ID, Reason: "its merge request is stuck"})
	}
	return act(append(actions, reopen(b, "in progress for "+StuckAfter.String()+" without a working agent", AttemptLost, AgentFault))...)
}

func redispatch(s *State, now Time, a *Agent) Look {
	if a.Role != Refinery || a.Status != Idle || a.Hook == "" {
		return Look{}
	}
	b := s.beads[a.Hook]
	if b == nil || b.Type != MergeRequest || b.Status != InProgress {
		return Look{}
	}
	if s.usedUp(b) {
		return act(giveUpMerge(a, b, "the merge was tried too often; the last: "+b.lastReason())...)
	}
	// The attempt may still be open if the refinery fell silent: its answer may be in flight.
	failed, _ := backoffEnd(b)
	evicted, _ := evictionsEnd(b)
	end := max(failed, evicted, a.Since.Add(backoffs[0]))
	switch {
	case a.Stopping != 0:
		return wait(WaitStopping, 0, string(a.ID), "waits for the end of its process")
	case now < end:
		return wait(WaitBackOff, end, string(b.ID), "back-off before "+string(b.ID)+" is tried again")
	case a.Process():
		// Two runs must not merge at once.
		return act(stopIfRunning(a, "it fell silent, and the merge is tried again")...)
	case b.lastAttempt() != nil && b.lastAttempt().Ended == 0 && b.FailedAttempts()+1 >= s.config(b.Rig).MaxDispatchAttempts:
		return act(giveUpMerge(a, b, "the merge was tried too often; in the last try the refinery fell silent")...)
	}
	if w := s.startWait(now, b.Rig); w != nil {
		return Look{Wait: w}
	}
	return act(Action{Kind: DispatchAgent, Agent: a.ID, Bead: b.ID, Rig: b.Rig, Run: s.counters.LastRun + 1,
		From: string(InProgress), Reason: "the merge was not finished"})
}

// giveUpMerge ends a merge request that has used up its attempts, and the try that goes on with it.
func giveUpMerge(a *Agent, b *Bead, reason string) []Action {
	failed := failBead(b, "attempts_exhausted", reason)
	failed.Ends, failed.Fault = AttemptLost, AgentFault
	return []Action{
		{Kind: UnhookAgent, Agent: a.ID, Run: a.Run, Bead: b.ID, Reason: "the merge request has used up its attempts"}, failed,
	}
}

// pop gives the next merge request to the rig's refinery, or says what this one waits for.
func pop(s *State, now Time, b *Bead) Look {
	if b.Status != Open {
		return Look{}
	}
	if w := s.requestWait(now, b); w != nil {
		return Look{Wait: w}
	}
	if w := s.startWait(now, b.Rig); w != nil {
		return Look{Wait: w}
	}
	for _, id := range s.ix.merging[b.Rig] {
		return wait(WaitInQueue, 0, string(id), "behind "+string(id)+", which is being merged")
	}
	if first := s.nextRequest(now, b.Rig); first != nil && first.ID != b.ID {
		return wait(WaitInQueue, 0, string(first.ID), "behind "+string(first.ID)+" in the merge queue")
	}
	id := RefineryOf(b.Rig)
	a := s.agents[id]
	if a == nil {
		return act(
			Action{Kind: CreateAgent, Agent: id, Role: Refinery, Rig: b.Rig, Reason: "the rig has no refinery yet"},
			s.popAction(b, id))
	}
	if a.Status != Idle || a.Hook != "" || a.Process() {
		return wait(WaitNoSlot, 0, string(id), "the refinery "+string(id)+" is not free")
	}
	return act(s.popAction(b, id))
}

func (s *State) popAction(b *Bead, id AgentID) Action {
	return Action{Kind: DispatchAgent, Agent: id, Bead: b.ID, Rig: b.Rig, Run: s.counters.LastRun + 1,
		From: string(Open), Reason: "next in the merge queue"}
}

// RefineryOf names the refinery of a rig.
func RefineryOf(rig RigID) AgentID { return AgentID(refineryPrefix + string(rig)) }

// requestWait says what keeps the merge request from being merged if it is its turn, or nil.
func (s *State) requestWait(now Time, b *Bead) *Wait {
	if w := s.ownWait(now, b); w != nil {
		return w
	}
	return s.gateWait(now, b)
}

// ownWait says what about the merge request itself keeps it from being merged, or nil.
func (s *State) ownWait(now Time, b *Bead) *Wait {
	if s.rigs[b.Rig] == nil {
		return &Wait{Code: WaitNotConfigured, Reason: "its rig is gone: cancel it"}
	}
	if on := s.openBlocker(b); on != nil {
		if on.Status == Failed {
			return &Wait{Code: WaitBlockerFailed, On: string(on.ID), Reason: "its rework " + string(on.ID) + " failed: retry that, or cancel it"}
		}
		return &Wait{Code: WaitBlocked, On: string(on.ID), Reason: "waits for " + string(on.ID) + " on its branch"}
	}
	if b.Held != 0 {
		return &Wait{Code: WaitHeld, Reason: "held by a person" + because(b.HeldReason)}
	}
	if s.usedUp(b) {
		return &Wait{Code: WaitExhausted, Reason: "its attempts are used up"}
	}
	if cfg := s.config(b.Rig); cfg.CodeReview && cfg.Agents[Refinery].builtIn() {
		return &Wait{Code: WaitNotConfigured, Reason: "code_review is on and the built-in refinery cannot read: set agents.refinery to an agent, or code_review to false"}
	}
	if w := s.pushWait(b); w != nil {
		return w
	}
	if w := b.Merge.Obstacle.wait(now); w != nil {
		return w
	}
	if b.Merge.Verify != Verified {
		return &Wait{Code: WaitVerifying, Reason: "its branch has not been verified yet"}
	}
	if w := remoteEnd(now, b); w != nil {
		return w
	}
	if end, _ := backoffEnd(b); now < end {
		return &Wait{Code: WaitBackOff, Until: end, Reason: "back-off; the last merge: " + b.lastReason()}
	}
	if end, n := evictionsEnd(b); now < end {
		return &Wait{Code: WaitBackOff, Until: end, Reason: fmt.Sprintf("back-off after %d evictions in a row", n)}
	}
	return nil
}

// nextRequest is the first of the rig's queue that could be merged now, or nil.
func (s *State) nextRequest(now Time, rig RigID) *Bead {
	for _, q := range s.ix.mergeable[rig] {
		if b := s.beads[q.id]; s.requestWait(now, b) == nil {
			return b
		}
	}
	return nil
}

// pickRequests sorts the open merge requests on the agenda into those that could be merged and those
// that wait, and returns the latter (for their waits) and the first of each rig's queue.
func pickRequests(s *State, now Time, work []subject) []ref {
	var places []queued
	for _, x := range work {
		b := s.beads[BeadID(x.ID)]
		if b != nil && b.Type == MergeRequest && b.Status == Open && !s.sortOut(now, b) {
			places = append(places, queued{order: b.Order, id: b.ID})
		}
	}
	for rig := range s.ix.mergeable {
		if b := s.nextRequest(now, rig); b != nil {
			places = append(places, queued{order: b.Order, id: b.ID})
		}
	}
	return inOrder(places)
}
