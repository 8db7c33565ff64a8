package town

import (
	"fmt"
	"slices"
)

// perform carries an action out on the state and records it. If its precondition does not hold it
// does nothing and is recorded as broken, which is also a violation: rules must not contradict
// each other.
func (t *tick) perform(a Action) {
	if why := t.performers(&a); why != "" {
		a.Broken = why
		t.rec.Violations = append(t.rec.Violations, Violation{
			Invariant: invContradiction, Kind: KindBead, ID: string(a.Bead), State: ViolationAppeared,
			Message: fmt.Sprintf("%s by %s: %s", a.Kind, a.Rule, why),
		})
	}
	t.rec.Actions = append(t.rec.Actions, a)
}

// performers finds what to do; it returns why the precondition does not hold, or "".
func (t *tick) performers(a *Action) string {
	switch a.Kind {
	case TransitionBead, ClearBeadAssignee, UpdateConvoyProgress, SetConvoyReady, CreateLandingMR,
		CloseConvoy, FailConvoy, CloseEscalation, ReEscalate, Notify, ArchiveBead, VerifyBranch,
		CreateBead, CloseSiblingMRs, PollPR, MergePR, PushMerge, FindMerge, FindLate:
		b := t.s.beads[a.Bead]
		if b == nil {
			return fmt.Sprintf("there is no bead %s", a.Bead)
		}
		return t.performOnBead(a, b)
	case CreateAgent:
		if t.s.agents[a.Agent] != nil {
			return fmt.Sprintf("there is an agent %s already", a.Agent)
		}
		ag := &Agent{ID: a.Agent, Role: a.Role, Rig: a.Rig, Status: Idle, Since: t.now, Created: t.now, LastWork: t.now}
		t.s.set(ag.ref(), ag)
		return ""
	case CreateEscalation:
		return t.createEscalation(a)
	case OpenBreaker, CloseBreaker, EndProbe:
		return t.performOnBreaker(a)
	case ClearDraining:
		t.s.editTown(func(x *Town) { x.Draining, x.DrainNonce, x.DrainInstance, x.DrainOver = 0, "", "", "" })
		return ""
	case RepairField:
		return t.repair(a)
	case RemoveDependency:
		return t.removeDependency(a)
	case CreateTriageRequest:
		return t.createTriageRequest(a)
	case CreateNudge:
		return t.createNudge(a)
	case SendNudge, ExpireNudge, DeleteNudge:
		return t.performOnNudge(a)
	}
	ag := t.s.agents[a.Agent]
	if ag == nil {
		return fmt.Sprintf("there is no agent %s", a.Agent)
	}
	return t.performOnAgent(a, ag)
}

func (t *tick) performOnBead(a *Action, b *Bead) string {
	switch a.Kind {
	case TransitionBead:
		if string(b.Status) != a.From {
			return fmt.Sprintf("%s is %s, not %s", b.ID, b.Status, a.From)
		}
		if a.Ends != "" && a.Fault != NoFault {
			t.failed(b, a.Ends, false)
		}
		t.moveBead(b.ID, BeadStatus(a.To), func(b *Bead) {
			switch {
			case a.Ends == "":
			case a.From == string(InReview):
				reviseAttempt(b, a.Ends, a.Reason, a.Fault)
			default:
				endAttempt(b, t.now, a.Ends, a.Reason, a.Fault)
			}
			finish(b, a.Code, a.Reason)
		})
	case ClearBeadAssignee:
		t.s.editBead(b.ID, t.now, func(b *Bead) { b.Assignee = "" })
	case UpdateConvoyProgress:
		t.s.editBead(b.ID, t.now, func(b *Bead) { b.Convoy.Done, b.Convoy.Members = a.N, a.Total })
	case SetConvoyReady:
		t.s.editBead(b.ID, t.now, func(b *Bead) { b.Convoy.Ready = true })
	case CreateLandingMR:
		t.createLanding(b)
	case CloseConvoy:
		t.moveBead(b.ID, Closed, func(b *Bead) {
			finish(b, a.Code, a.Reason)
			if b.Outcome == OutcomeLanded {
				b.Convoy.Landed = t.now
			}
		})
	case FailConvoy:
		t.moveBead(b.ID, Failed, func(b *Bead) { finish(b, a.Code, a.Reason) })
	case CloseEscalation:
		t.moveBead(b.ID, Closed, func(b *Bead) { finish(b, string(OutcomeDone), a.Reason) })
	case ReEscalate:
		t.reEscalate(a, b)
	case Notify:
		t.notify(a, b)
	case ArchiveBead:
		t.archiveBead(b)
	case VerifyBranch:
		t.s.editBead(b.ID, t.now, func(b *Bead) {
			m := b.Merge
			if m.Verify != VerifyAsked {
				m.VerifyError, m.VerifyClass = "", ""
			}
			m.Verify, m.VerifyAsked, m.VerifyTry = VerifyAsked, t.now, a.N
		})
	case CreateBead:
		return t.makePullWork(a, b)
	case CloseSiblingMRs:
		t.closeSiblings(b)
	case PushMerge, FindMerge:
		if b.Merge == nil || b.Merge.Push == nil {
			return string(b.ID) + " has nothing to push"
		}
		t.askPush(a, b)
	case FindLate:
		if b.Merge == nil || b.Merge.Late == nil {
			return string(b.ID) + " has nobody who came late"
		}
		t.askLate(a, b)
	case PollPR:
		t.s.editBead(b.ID, t.now, func(b *Bead) { b.Merge.PR.Poll.ask(t.now) })
	case MergePR:
		t.s.editBead(b.ID, t.now, func(b *Bead) { b.Merge.PR.Merge.ask(t.now) })
	}
	return ""
}

func (t *tick) performOnAgent(a *Action, ag *Agent) string {
	switch a.Kind {
	case TransitionAgent:
		if string(ag.Status) != a.From {
			return fmt.Sprintf("%s is %s, not %s", ag.ID, ag.Status, a.From)
		}
		t.moveAgent(ag.ID, AgentStatus(a.To), nil)
	case UnhookAgent:
		if ag.Hook != a.Bead {
			return fmt.Sprintf("%s holds %q", ag.ID, ag.Hook)
		}
		t.unhook(ag)
	case DeleteAgent:
		t.s.set(ag.ref(), nil)
	case DispatchAgent:
		return t.dispatch(a, ag)
	case ResumeAttempt:
		return t.resume(a, ag)
	case StopAgent:
		if ag.Run != a.Run {
			return fmt.Sprintf("%s is at run %d", ag.ID, ag.Run)
		}
		t.s.editAgent(ag.ID, func(ag *Agent) { ag.Stopping, ag.StopReason, ag.StopTry = t.now, a.Reason, a.N })
	default:
		panic(fmt.Sprintf("town: no action %q", a.Kind))
	}
	return ""
}

// dispatch hooks the agent, starts an attempt and leaves the start of the process to the effect.
func (t *tick) dispatch(a *Action, ag *Agent) string {
	b := t.s.beads[a.Bead]
	switch {
	case b == nil:
		return fmt.Sprintf("there is no bead %s", a.Bead)
	case string(b.Status) != a.From:
		return fmt.Sprintf("%s is %s, not %s", b.ID, b.Status, a.From)
	case ag.Status != Idle || (ag.Hook != "" && ag.Hook != b.ID):
		return fmt.Sprintf("%s is %s and holds %q", ag.ID, ag.Status, ag.Hook)
	case a.Run != t.s.counters.LastRun+1:
		return fmt.Sprintf("run %d is not the next", a.Run)
	}
	t.s.editCounters(func(n *Counters) {
		n.LastRun = a.Run
		if ag.Role != Polecat {
			return
		}
		if t.now >= n.StartsAt.Add(startWindow) {
			n.StartsAt, n.Starts = t.now, 0
		}
		n.Starts++
	})
	t.moveAgent(ag.ID, Working, func(ag *Agent) {
		ag.Hook, ag.Had, ag.Run, ag.Dispatch, ag.Dispatched = b.ID, "", a.Run, DispatchPending, t.now
		ag.Observed, ag.ObservedSince, ag.HeartbeatLost = NotObserved, 0, 0
		ag.Stopping, ag.StopReason, ag.StopTry, ag.StatusLine = 0, "", 0, ""
		ag.LastWork = t.now
		ag.Inactive, ag.Asked, ag.ActiveTools = 0, 0, nil
	})
	if at := b.lastAttempt(); at != nil && at.Ended == 0 {
		t.failed(b, AttemptLost, false)
	}
	t.probes(startsIn(b), a.Run, b.ID)
	start := func(b *Bead) {
		endAttempt(b, t.now, AttemptLost, "it fell silent", AgentFault)
		b.Assignee = ag.ID
		if b.Type == Issue && b.Branch == "" {
			b.Branch, _ = t.s.workBranch(b)
		}
		b.begin(Attempt{Run: a.Run, Agent: ag.ID, Started: t.now})
	}
	if b.Status == InProgress {
		t.s.editBead(b.ID, t.now, start)
		return ""
	}
	t.moveBead(b.ID, InProgress, start)
	return ""
}

// beadMoves are the changes of status that exist. A failed bead is retried, and then open; one that
// failed for want of a forge goes on where it was.
var beadMoves = map[BeadStatus][]BeadStatus{
	Open:       {InProgress, Closed, Failed},
	InProgress: {Open, InReview, Closed, Failed},
	InReview:   {Open, Closed, Failed},
	Closed:     nil,
	Failed:     {Open, InProgress, InReview},
}

// damagedMoves are those out of a status that does not exist.
var damagedMoves = []BeadStatus{Open, Failed}

// moveBead is the one place where a bead's status changes. A bead that leaves in_progress has no
// assignee; one that becomes terminal has no open attempt.
func (t *tick) moveBead(id BeadID, to BeadStatus, edit func(*Bead)) {
	from := t.s.beads[id].Status
	moves, known := beadMoves[from]
	if !known {
		moves = damagedMoves
	}
	if !slices.Contains(moves, to) {
		panic(fmt.Sprintf("town: bead %s cannot go from %s to %s", id, from, to))
	}
	t.s.editBead(id, t.now, func(b *Bead) {
		b.Status, b.Since = to, t.now
		if edit != nil {
			edit(b)
		}
		if to != InProgress {
			b.Assignee = ""
		}
		if to.Terminal() {
			b.Closed = t.now
			endAttempt(b, t.now, AttemptCancelled, "the bead is "+string(to), NoFault)
			if m := b.Merge; m != nil && m.Push != nil && m.Push.Try == 0 {
				m.Push = nil // nothing was sent yet
			}
		}
	})
}

// moveAgent is the one place where an agent's status changes.
func (t *tick) moveAgent(id AgentID, to AgentStatus, edit func(*Agent)) {
	t.s.editAgent(id, func(a *Agent) {
		if a.Status != to {
			a.Status, a.Since = to, t.now
		}
		if edit != nil {
			edit(a)
		}
	})
}

// unhook lets the agent go of its bead; its run is over.
func (t *tick) unhook(a *Agent) {
	t.s.editAgent(a.ID, func(a *Agent) {
		a.Hook, a.LastWork = "", t.now
		if a.Dispatch == DispatchPending {
			// What was decided and not answered must be stopped, not started.
			a.Dispatch = DispatchUnclear
		}
	})
}

// endAttempt closes the attempt that goes on, if there is one.
func endAttempt(b *Bead, now Time, outcome, reason string, fault Fault) {
	if at := b.lastAttempt(); at != nil && at.Ended == 0 {
		at.Ended, at.Outcome, at.Reason, at.Fault = now, outcome, reason, fault
	}
}

// reviseAttempt puts what the review came to in place of the "done" of the newest attempt.
func reviseAttempt(b *Bead, outcome, reason string, fault Fault) {
	if at := b.lastAttempt(); at != nil && at.Ended != 0 {
		at.Outcome, at.Reason, at.Fault = outcome, reason, fault
	}
}

// reportAttempt notes what a run says its attempt came to, also if the run has ended before its
// report came in.
func reportAttempt(b *Bead, now Time, outcome, reason string, fault Fault) {
	endAttempt(b, now, outcome, reason, fault)
	reviseAttempt(b, outcome, reason, fault)
}

// finish notes how a terminal bead ended.
func finish(b *Bead, code, reason string) {
	switch b.Status {
	case Closed:
		b.Outcome = Outcome(code)
	case Failed:
		b.Failure = &Failure{Code: code, Message: reason}
	}
}

func (t *tick) createLanding(convoy *Bead) {
	mr := t.addBead(Bead{
		Type: MergeRequest, Title: "Land " + convoy.Title, Rig: convoy.Rig, Priority: convoy.Priority, CreatedBy: "convoys/land",
		Parent: convoy.ID,
		Merge:  &MergePart{Source: convoy.ID, Branch: convoy.Convoy.Branch, Target: t.s.repo(convoy.Rig).DefaultBranch},
	})
	t.s.editBead(convoy.ID, t.now, func(b *Bead) {
		b.Convoy.Landings++
		b.Convoy.LastLanding, b.Convoy.LandingRequest = t.now, mr.ID
	})
}

// archiveBead takes the bead and its edges out of the state; the record keeps what it was.
func (t *tick) archiveBead(b *Bead) {
	edges := slices.Concat(t.s.ix.needs[b.ID], t.s.ix.neededBy[b.ID])
	for _, d := range edges {
		t.s.set(d.ref(), nil)
	}
	t.gone[b.ref()] = b
	t.s.set(b.ref(), nil)
}
