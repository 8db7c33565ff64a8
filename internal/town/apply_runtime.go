package town

import (
	"fmt"
	"slices"
)

func (p *ContainerStatus) apply(t *tick, e *Event) *Refusal {
	a, r := t.atRun(e)
	switch {
	case r != nil:
		return r
	case !slices.Contains(observedStatuses[:], p.Status):
		return invalid("status", "there is no status %q", p.Status)
	case a.Observed == Exited && a.Dispatch == DispatchOver:
		return ignore("run %d of %s has ended", a.Run, a.ID)
	case a.Observed == p.Status:
		return ignore("%s was observed %s before", a.ID, p.Status)
	}
	t.heardFrom(p.Instance)
	t.s.editAgent(a.ID, func(a *Agent) {
		a.Observed, a.ObservedSince = p.Status, t.now
		switch p.Status {
		case Running:
			if a.Dispatch == DispatchPending || a.Dispatch == DispatchUnclear && a.Hook != "" {
				a.Dispatch = DispatchSure
			}
		case NotFound:
			if a.Dispatch == DispatchUnclear {
				// Its start may still be on the way, before the stop: only that knows the end.
				return
			}
			a.Stopping, a.StopReason, a.StopTry = 0, "", 0
		case Exited:
			a.Stopping, a.StopReason, a.StopTry = 0, "", 0
		}
	})
	return nil
}

func (p *AgentCompleted) apply(t *tick, e *Event) *Refusal {
	a, r := t.atRun(e)
	switch {
	case r != nil:
		return r
	case p.Result != RunCompleted && p.Result != RunFailed && p.Result != RunEvicted:
		return invalid("result", "is %q, must be completed, failed or evicted", p.Result)
	}
	t.s.editAgent(a.ID, func(a *Agent) {
		if a.Observed != Exited {
			a.Observed, a.ObservedSince = Exited, t.now
		}
		a.Dispatch, a.Stopping, a.StopReason, a.StopTry = DispatchOver, 0, "", 0
	})
	b := t.s.beads[a.Hook]
	t.runEnded(a)
	if b == nil || b.Status != InProgress {
		return nil
	}
	outcome, fault, reason := p.verdict()
	if fault != NoFault {
		t.failed(b, outcome, false)
	}
	if a.Role == Refinery {
		// It keeps its hook: its report may still be on the way. review/redispatch goes on.
		t.s.editBead(b.ID, t.now, func(b *Bead) { endAttempt(b, t.now, outcome, reason, fault) })
		t.moveAgent(a.ID, Idle, nil)
		return nil
	}
	t.unhook(a)
	t.moveAgent(a.ID, Idle, nil)
	t.moveBead(b.ID, Open, func(b *Bead) { endAttempt(b, t.now, outcome, reason, fault) })
	return nil
}

func (p *AgentCompleted) verdict() (outcome string, fault Fault, reason string) {
	reason = p.Reason
	switch p.Result {
	case RunEvicted:
		return AttemptEvicted, NoFault, reason
	case RunFailed:
		if reason == "" {
			reason = fmt.Sprintf("its process ended with exit status %d", p.ExitCode)
		}
		return AttemptFailed, AgentFault, reason
	}
	if reason == "" {
		reason = "its process ended without done"
	}
	return AttemptNoDone, AgentFault, reason
}

func (p *HeartbeatLost) apply(t *tick, e *Event) *Refusal {
	a, r := t.atRun(e)
	switch {
	case r != nil:
		return r
	case a.HeartbeatLost != 0:
		return ignore("%s is not heard since %s", a.ID, a.HeartbeatLost)
	}
	t.s.editAgent(a.ID, func(a *Agent) { a.HeartbeatLost = t.now })
	return nil
}

func (p *HeartbeatResumed) apply(t *tick, e *Event) *Refusal {
	a, r := t.atRun(e)
	switch {
	case r != nil:
		return r
	case a.HeartbeatLost == 0:
		return ignore("%s was heard before", a.ID)
	}
	t.heardFrom(p.Instance)
	t.s.editAgent(a.ID, func(a *Agent) { a.HeartbeatLost = 0 })
	if b := t.s.beads[a.Hook]; b != nil && b.Status == InProgress && a.Status == Idle && a.Stopping == 0 {
		t.moveAgent(a.ID, Working, nil)
	}
	return nil
}
