package town

import "slices"

// What metrics ask of a town: how much could happen now, and the values that their labels may have.

// Runnable counts what waits for nothing but its start and is not kept from it: no pause, drain, budget or
// breaker holds it back, and no agent at work takes the place it needs. The rules start such things in the
// tick that sees them, so a town in which some stay has a defect, or agents that are neither at work nor gone.
func (s *State) Runnable(now Time) int {
	n := 0
	full := s.ix.agents[Polecat][Working] >= s.config("").MaxAgents
	for rig, ready := range s.ix.ready {
		if !full && s.atWork(rig) < s.config(rig).MaxPolecatsPerRig && s.startWait(now, rig) == nil {
			n += len(ready)
		}
	}
	for rig := range s.ix.mergeable {
		refinery := s.agents[RefineryOf(rig)]
		if (refinery == nil || refinery.Status != Working) && s.startWait(now, rig) == nil && s.nextRequest(now, rig) != nil {
			n++
		}
	}
	return n
}

// atWork counts the polecats of a rig that work.
func (s *State) atWork(rig RigID) int {
	n := 0
	for _, id := range s.ix.agentsOf[rig] {
		if a := s.agents[id]; a.Role == Polecat && a.Status == Working {
			n++
		}
	}
	return n
}

// MergeQueue lists what is in the merge queues and waits for nothing but its turn, or is being merged, oldest
// first. Where starts are kept back nothing is listed: nobody's turn comes there, for a reason that is known.
func (s *State) MergeQueue(now Time) []*Bead {
	var out []*Bead
	for rig, places := range s.ix.mergeable {
		if s.startWait(now, rig) != nil {
			continue
		}
		for _, q := range places {
			if b := s.beads[q.id]; s.requestWait(now, b) == nil {
				out = append(out, b)
			}
		}
	}
	for _, list := range s.ix.merging {
		for _, id := range list {
			out = append(out, s.beads[id])
		}
	}
	slices.SortFunc(out, oldestFirst)
	return out
}

// BeadTypes lists the types of beads.
func BeadTypes() []BeadType {
	return []BeadType{Issue, MergeRequest, Convoy, Escalation, Message, TriageRequest, Molecule}
}

// BeadStatuses lists the statuses of beads, the final ones last.
func BeadStatuses() []BeadStatus { return []BeadStatus{Open, InProgress, InReview, Closed, Failed} }

// Roles lists what agents are for.
func Roles() []Role { return []Role{Polecat, Refinery, Mayor, Triage} }

// AgentStatuses lists the statuses of agents.
func AgentStatuses() []AgentStatus { return []AgentStatus{Idle, Working, Stalled, Dead, Waiting} }

// ObservedStatuses lists what may be said of an agent's process.
func ObservedStatuses() []Observed { return slices.Clone(observedStatuses[:]) }

// AttemptOutcomes lists how an attempt can end.
func AttemptOutcomes() []string {
	return []string{
		AttemptDone, AttemptFailed, AttemptNoDone, AttemptNoChanges, AttemptLost, AttemptRejected, AttemptTimeout, AttemptEvicted,
		AttemptCancelled, AttemptStopped, AttemptUnmerged, AttemptConflict, AttemptGate, AttemptGateBroken, AttemptChanges, AttemptAstray,
		AttemptTargetMoved, AttemptPushRefused, AttemptReferences, AttemptNoRemote,
	}
}

// TownBreakerClasses lists the classes of failures whose breaker is the town's and not a rig's.
func TownBreakerClasses() []string { return slices.Clone(townClasses) }

// EffectKinds lists what is carried out outside.
func EffectKinds() []EffectKind {
	return []EffectKind{EffectDispatch, EffectStop, EffectVerify, EffectNudge, EffectNotify, EffectPollPR, EffectMergePR, EffectPushMerge, EffectFindMerge, EffectFindLate}
}
