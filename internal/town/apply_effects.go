package town

import (
	"fmt"
	"slices"
	"strings"
)

// answered finds the agent that a dispatch outcome is about, if the dispatch still waits for it.
func (t *tick) answered(e *Event) (*Agent, *Refusal) {
	a, r := t.atRun(e)
	switch {
	case r != nil:
		return nil, r
	case a.Dispatch != DispatchPending && a.Dispatch != DispatchUnclear:
		return nil, ignore("the dispatch of run %d is %s", a.Run, a.Dispatch)
	}
	return a, nil
}

func (p *DispatchAccepted) apply(t *tick, e *Event) *Refusal {
	a, r := t.answered(e)
	if r != nil {
		return r
	}
	t.s.editAgent(a.ID, func(a *Agent) {
		if a.Hook != "" {
			a.Dispatch = DispatchSure
		}
	})
	if b := t.s.beads[a.Hook]; b != nil && b.HasLabel(LabelFresh) {
		t.s.editBead(b.ID, t.now, func(b *Bead) {
			b.Labels = slices.DeleteFunc(slices.Clone(b.Labels), func(l string) bool { return l == LabelFresh })
		})
	}
	return nil
}

func (p *DispatchRejected) apply(t *tick, e *Event) *Refusal {
	a, r := t.answered(e)
	if r != nil {
		return r
	}
	b := t.s.beads[a.Hook]
	t.unhook(a)
	t.moveAgent(a.ID, Idle, func(a *Agent) {
		a.Dispatch, a.Observed, a.ObservedSince = DispatchOver, NotFound, t.now
		a.Stopping, a.StopReason, a.StopTry = 0, "", 0
	})
	if b == nil || b.Status != InProgress {
		return nil
	}
	if remoteWaits[p.Class] != "" {
		t.moveBead(b.ID, Open, func(b *Bead) {
			endAttempt(b, t.now, AttemptNoRemote, p.Class+": "+p.Reason, InfraFault)
			b.joinNoRemote()
			if b.Merge != nil {
				b.Merge.Verify = NotVerified // The server looks by itself until the remote is back.
			}
		})
		return nil
	}
	fault := AgentFault
	if p.Infra {
		fault = InfraFault
	}
	t.failed(b, p.Class, true)
	t.moveBead(b.ID, Open, func(b *Bead) {
		endAttempt(b, t.now, AttemptRejected, p.Class+": "+p.Reason, fault)
	})
	return nil
}

func (p *DispatchUnknown) apply(t *tick, e *Event) *Refusal {
	a, r := t.answered(e)
	if r != nil {
		return r
	}
	t.s.editAgent(a.ID, func(a *Agent) { a.Dispatch = DispatchUnclear })
	return nil
}

func (p *AgentStopConfirmed) apply(t *tick, e *Event) *Refusal {
	a, r := t.atRun(e)
	switch {
	case r != nil:
		return r
	case a.Stopping == 0:
		return ignore("no stop of run %d is waited for", a.Run)
	}
	t.s.editAgent(a.ID, func(a *Agent) {
		a.Stopping, a.StopReason, a.StopTry, a.Dispatch = 0, "", 0, DispatchOver
		if a.Observed != Exited {
			a.Observed, a.ObservedSince = NotFound, t.now
		}
	})
	t.runEnded(a)
	return nil
}

func (p *BranchVerified) apply(t *tick, e *Event) *Refusal {
	b, r := t.bead(e)
	switch {
	case r != nil:
		return r
	case b.Merge == nil:
		return conflict("%s is no merge request: its type is %s", b.ID, b.Type)
	case b.Status != Open || b.Merge.Verify != VerifyAsked:
		return ignore("nobody waits for a look at the branch of %s", b.ID)
	}
	if p.Error != "" {
		// The rule asks again by itself.
		t.s.editBead(b.ID, t.now, func(b *Bead) {
			b.Merge.VerifyError, b.Merge.VerifyClass = p.Error, p.Class
			b.Merge.lookedFor(p.Class, t.now)
		})
		return nil
	}
	if p.Astray != "" {
		t.backToWork(b, AttemptAstray, p.Astray)
		return nil
	}
	if other := t.s.unmergedOf(p.Others); other != nil {
		t.backToWork(b, AttemptAstray, fmt.Sprintf("branch %s has commits of %s, which is %s and not merged: take them out, or do this bead once that one is merged",
			b.Merge.Branch, other.ID, other.Status))
		return nil
	}
	if p.Ahead > 0 {
		t.s.editBead(b.ID, t.now, func(b *Bead) {
			m := b.Merge
			m.Verify, m.VerifyError, m.VerifyClass, m.Ahead, m.Head = Verified, "", "", p.Ahead, p.Head
			m.lookedFor("", t.now)
			m.Late = nil // whatever came until now is verified
		})
		return nil
	}
	reason := fmt.Sprintf("branch %s is not ahead of %s", b.Merge.Branch, b.Merge.Target)
	if p.Head == "" {
		reason = "there is no branch " + b.Merge.Branch
	}
	t.nothingToMerge(b, reason)
	return nil
}

// nothingToMerge ends a merge request whose branch is missing or not ahead of its target. If the
// agent gave a reason for having changed nothing, its source is closed; else that attempt failed.
func (t *tick) nothingToMerge(mr *Bead, reason string) {
	m := mr.Merge
	src := t.s.beads[m.Source]
	if src == nil || src.Status != InReview || m.NoChanges == "" {
		t.backToWork(mr, AttemptNoChanges, reason)
		return
	}
	t.endRequest(mr, AttemptNoChanges, reason)
	t.moveBead(src.ID, Closed, func(b *Bead) {
		reviseAttempt(b, AttemptNoChanges, m.NoChanges, NoFault)
		finish(b, string(OutcomeNoChanges), m.NoChanges)
	})
}

// unmergedOf is the first bead of some workspaces whose work nobody has agreed to: it is not done, or was given up.
func (s *State) unmergedOf(workspaces []string) *Bead {
	for _, name := range workspaces {
		b := s.beads[BeadID(beadIn(name))]
		if b == nil || s.workspace(b.ID) != name {
			continue
		}
		if b.Status != Closed || b.Outcome == OutcomePerson || b.Outcome == OutcomeTriage {
			return b
		}
	}
	return nil
}

// beadIn is the bead that the name of a workspace says, whatever tag is before it.
func beadIn(workspace string) string {
	_, bead, _ := strings.Cut(workspace, "-")
	return bead
}

// backToWork ends a merge request whose branch is not what its agent said; the attempt on its source failed.
func (t *tick) backToWork(mr *Bead, outcome, reason string) {
	t.endRequest(mr, outcome, reason)
	src := t.s.beads[mr.Merge.Source]
	if src == nil || src.Status != InReview {
		return
	}
	t.failed(src, outcome, false)
	t.moveBead(src.ID, Open, func(b *Bead) { reviseAttempt(b, outcome, reason, AgentFault) })
}

func (t *tick) endRequest(mr *Bead, outcome, reason string) {
	t.moveBead(mr.ID, Failed, func(b *Bead) {
		endAttempt(b, t.now, outcome, reason, NoFault)
		finish(b, outcome, reason)
	})
}

func (p *MergeConflicted) apply(t *tick, e *Event) *Refusal {
	a, b, r := t.atMerge(e)
	if r != nil {
		return r
	}
	body := fmt.Sprintf("Branch %s conflicts with %s in:\n\n%s\n\nMerge %s into the branch and solve the conflicts, keeping what both sides meant.",
		b.Merge.Branch, b.Merge.Target, bullets(p.Files), b.Merge.Target)
	t.sendBack(a, b, LabelConflict, "Solve conflict: ", body, AttemptConflict, "conflicts in "+strings.Join(p.Files, ", "))
	return nil
}

func bullets(items []string) string {
	var b strings.Builder
	for _, it := range items {
		b.WriteString("- " + it + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (p *MergeRejected) apply(t *tick, e *Event) *Refusal {
	a, b, r := t.atMerge(e)
	switch {
	case r != nil:
		return r
	case !p.End.known():
		return invalid("end", "is %q, must be failed, timed_out or could_not_run", p.End)
	case p.Gate == "":
		return invalid("gate", "is empty")
	}
	if r := validGateRuns(p.Runs); r != nil {
		return r
	}
	t.gatePassed(b.Rig, p.Gate) // on the target, or the branch could not be blamed
	t.sendBack(a, b, LabelRework, "Fix "+p.Gate+": ", t.s.gateRework(b, p), AttemptGate, redGate(p.Gate, p.End, p.Changed))
	return nil
}

// gateRework tells whoever repairs a branch which gate it does not pass, how that ended, and what the branch is for.
func (s *State) gateRework(mr *Bead, p *MergeRejected) string {
	var b strings.Builder
	fmt.Fprintf(&b, "The gate %q %s on branch %s merged into %s.\n", p.Gate, p.End.words(), mr.Merge.Branch, mr.Merge.Target)
	for _, g := range s.config(mr.Rig).Gates {
		if g.Name == p.Gate {
			limit := g.Timeout
			if limit == 0 {
				limit = DefaultGateTimeout
			}
			fmt.Fprintf(&b, "\nIt runs `%s` and may take %s.\n", g.Command, limit)
		}
	}
	if len(p.Changed) > 0 {
		fmt.Fprintf(&b, "\nIt changed files that are tracked, which this rig refuses; commit what it makes of them:\n\n%s\n", bullets(p.Changed))
	}
	fmt.Fprintf(&b, "\nThe end of its log:\n\n%s\n", p.Log)
	if src := s.beads[mr.Merge.Source]; src != nil {
		fmt.Fprintf(&b, "\nThe branch is for %s, %s.\n\n%s", src.ID, src.Title, src.Body)
	}
	return strings.TrimRight(b.String(), "\n")
}

func (p *GateBroken) apply(t *tick, e *Event) *Refusal {
	a, b, r := t.atMerge(e)
	switch {
	case r != nil:
		return r
	case p.Gate == "":
		return invalid("gate", "is empty")
	case p.Target == "":
		return invalid("targetSha", "is empty")
	case !p.End.known():
		return invalid("end", "is %q, must be failed, timed_out or could_not_run", p.End)
	}
	if r := validGateRuns(p.Runs); r != nil {
		return r
	}
	if !slices.ContainsFunc(t.s.config(b.Rig).Gates, func(g Gate) bool { return g.Name == p.Gate }) {
		// It was taken out of the settings meanwhile: what is left of the gates is tried after a back-off.
		t.release(a)
		t.moveBead(b.ID, Open, func(b *Bead) {
			reportAttempt(b, t.now, AttemptFailed, "the gate "+p.Gate+", which is broken, is none of the rig's", InfraFault)
		})
		return nil
	}
	reason := fmt.Sprintf("%s on %s itself (%.10s)", redGate(p.Gate, p.End, nil), b.Merge.Target, p.Target)
	if len(p.Changed) > 0 {
		reason += "; " + redGate(p.Gate, p.End, p.Changed)
	}
	t.release(a)
	t.moveBead(b.ID, Open, func(b *Bead) { reportAttempt(b, t.now, AttemptGateBroken, reason, NoFault) })
	t.gateBroken(t.s.beads[b.ID], reason, p)
	return nil
}

func (p *MergeFailed) apply(t *tick, e *Event) *Refusal {
	a, b, r := t.atMerge(e)
	if r != nil {
		return r
	}
	t.release(a)
	if p.Class == MergeEmpty || p.Class == MergeMissing {
		// Commits that come to no change show only when they are merged; trying again cannot help.
		t.nothingToMerge(b, p.Reason)
		return nil
	}
	if p.Class == MergeNoTarget {
		t.moveBead(b.ID, Open, func(b *Bead) { reportAttempt(b, t.now, AttemptTargetMoved, p.Reason, NoFault) })
		t.targetGone(t.s.beads[b.ID])
		return nil
	}
	if code := historyWaits[p.Class]; code != "" {
		t.moveBead(b.ID, Open, func(b *Bead) {
			reportAttempt(b, t.now, AttemptTargetMoved, p.Reason, NoFault)
			b.Merge.hold(Obstacle{Code: code, Since: t.now, Reason: p.Reason})
		})
		return nil
	}
	if p.Class == MergeNoForge {
		t.failNow(b, failedNoForge, p.Reason)
		return nil
	}
	if p.Class == MergeMoved && !b.movedBefore() {
		t.moveBead(b.ID, Open, func(b *Bead) {
			reportAttempt(b, t.now, AttemptFailed, p.Class+": "+p.Reason, NoFault)
			b.Merge.Verify = NotVerified // with the head that it has now
		})
		return nil
	}
	t.failed(b, "merge_"+p.Class, false)
	t.moveBead(b.ID, Open, func(b *Bead) {
		reportAttempt(b, t.now, AttemptFailed, p.Class+": "+p.Reason, InfraFault)
		if p.Class == MergeMoved {
			b.Merge.Verify = NotVerified
		}
	})
	return nil
}
