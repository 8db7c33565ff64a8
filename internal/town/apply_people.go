package town

import (
	"slices"
	"strings"
)

// Limits on what people send, so that nobody fills the state by mistake.
const (
	maxTitle = 200
	maxBody  = 64 << 10
	maxBatch = 1000
)

// bead finds the event's bead.
func (t *tick) bead(e *Event) (*Bead, *Refusal) {
	if e.Bead == "" {
		return nil, invalid("beadId", "is empty")
	}
	if b := t.s.beads[e.Bead]; b != nil {
		return b, nil
	}
	return nil, notFound("beadId", "there is no bead %s in this town", e.Bead)
}

// liveBead finds the event's bead, which must not be over.
func (t *tick) liveBead(e *Event) (*Bead, *Refusal) {
	b, r := t.bead(e)
	if r == nil && !b.Live() {
		return nil, conflict("%s is %s", b.ID, b.Status)
	}
	return b, r
}

func (p *BeadUpdated) apply(t *tick, e *Event) *Refusal {
	b, r := t.liveBead(e)
	if r != nil {
		return r
	}
	if p.Title != nil {
		if r := checkText(*p.Title, ""); r != nil {
			return r
		}
	}
	if p.Body != nil && len(*p.Body) > maxBody {
		return invalid("body", "is longer than %d bytes", maxBody)
	}
	if p.Priority != nil && !slices.Contains(priorities[:], *p.Priority) {
		return invalid("priority", "is %q, must be critical, high, medium or low", *p.Priority)
	}
	if p.Timeout != nil && *p.Timeout < 0 {
		return invalid("timeout", "is negative")
	}
	if p.Labels != nil && !slices.Equal(ownLabels(*p.Labels), ownLabels(b.Labels)) {
		return invalid("labels", "may not differ in those beginning with gt:, which gastown itself gives and takes; %s has %q", b.ID, ownLabels(b.Labels))
	}
	t.s.editBead(b.ID, t.now, func(b *Bead) {
		setIf(&b.Title, p.Title)
		setIf(&b.Body, p.Body)
		setIf(&b.Priority, p.Priority)
		setIf(&b.Labels, p.Labels)
		setIf(&b.Timeout, p.Timeout)
		b.Metadata = merged(b.Metadata, p.Metadata)
	})
	return nil
}

// ownLabels lists the labels that only gastown itself gives.
func ownLabels(labels []string) []string {
	var own []string
	for _, l := range labels {
		if strings.HasPrefix(l, ownPrefix) {
			own = append(own, l)
		}
	}
	slices.Sort(own)
	return own
}

func checkText(title, body string) *Refusal {
	switch {
	case strings.TrimSpace(title) == "":
		return invalid("title", "is empty")
	case len(title) > maxTitle:
		return invalid("title", "is longer than %d bytes; put the rest into the body", maxTitle)
	case strings.ContainsAny(title, "\n\r"):
		return invalid("title", "has more than one line; put the rest into the body")
	case len(body) > maxBody:
		return invalid("body", "is longer than %d bytes", maxBody)
	}
	return nil
}

func (p *BeadHeld) apply(t *tick, e *Event) *Refusal {
	b, r := t.liveBead(e)
	switch {
	case r != nil:
		return r
	case b.Held != 0:
		return ignore("%s is held since %s", b.ID, b.Held)
	case b.Status != Open:
		return conflict("%s is %s; only an open bead can be held", b.ID, b.Status)
	}
	t.s.editBead(b.ID, t.now, func(b *Bead) { b.Held, b.HeldReason = t.now, p.Reason })
	return nil
}

func (p *BeadReleased) apply(t *tick, e *Event) *Refusal {
	b, r := t.liveBead(e)
	switch {
	case r != nil:
		return r
	case b.Held == 0:
		return ignore("%s is not held", b.ID)
	}
	t.s.editBead(b.ID, t.now, func(b *Bead) { b.Held, b.HeldReason = 0, "" })
	return nil
}

func (p *BeadCancelled) apply(t *tick, e *Event) *Refusal {
	b, r := t.bead(e)
	switch {
	case r != nil:
		return r
	case !b.Live():
		return ignore("%s is %s", b.ID, b.Status)
	}
	as, code := p.As, string(OutcomePerson)
	if as == "" {
		as = Closed
	}
	if !as.Terminal() {
		return invalid("as", "is %q, must be closed or failed", p.As)
	}
	if as == Failed {
		code = "cancelled"
	}
	reason := p.Reason
	if reason == "" {
		reason = "cancelled by " + e.By
	}
	if b.Convoy != nil {
		if r := t.leaveConvoy(b); r != nil {
			return r
		}
	}
	t.cancel(b, as, code, reason)
	return nil
}

// cancel ends a bead and the merge request made for it. Its agent is stopped and unhooked by
// agents/terminal-hook, within this tick.
func (t *tick) cancel(b *Bead, as BeadStatus, code, reason string) {
	t.moveBead(b.ID, as, func(b *Bead) { finish(b, code, reason) })
	t.dropRequests(b, "cancelled")
}

func (p *BeadRetried) apply(t *tick, e *Event) *Refusal {
	b, r := t.bead(e)
	switch {
	case r != nil:
		return r
	case t.s.held(b) != nil && t.lookAgain(t.s.held(b)):
		return nil
	case b.Status != Failed:
		return conflict("%s is %s; only a failed bead can be retried", b.ID, b.Status)
	case b.Rig != "" && t.s.rigs[b.Rig] == nil:
		return conflict("the rig of %s, %s, is gone: make a new bead", b.ID, b.Rig)
	case b.Type.hasPart() && !b.hasOwnPart():
		return conflict("the record of the part of %s as %s is lost: make a new one", b.ID, b.Type)
	case b.Merge != nil && t.s.beads[b.Merge.Source] == nil:
		return conflict("what %s is for, %s, is in the archive", b.ID, b.Merge.Source)
	case p.Fresh && (b.Type != Issue || b.Rework()):
		return conflict("%s has no work of its own that could start over: retry it without fresh", b.ID)
	}
	if mr, src := t.s.suspended(b); mr != nil {
		t.takeUp(mr, src)
		return nil
	}
	if b.Merge != nil {
		src := t.s.beads[b.Merge.Source]
		if src.Status != InReview {
			return conflict("what %s is for, %s, is %s: retry that instead", b.ID, src.ID, src.Status)
		}
		if mr := t.s.liveRequestOf(src.ID); mr != nil {
			return conflict("%s has another merge request, %s, which is %s", src.ID, mr.ID, mr.Status)
		}
	}
	if b.Merge != nil && b.Merge.PR != nil {
		t.takeUp(b, nil)
		return nil
	}
	for _, a := range t.s.holders(b.ID) {
		// It failed in this very tick, and the rules have not let its agent go yet.
		t.giveUp(a, "its bead was "+string(b.Status))
	}
	t.moveBead(b.ID, Open, func(b *Bead) {
		b.Forgiven, b.Failure, b.Closed = len(b.Attempts), nil, 0
		if p.Fresh && !b.HasLabel(LabelFresh) {
			b.Labels = append(slices.Clone(b.Labels), LabelFresh)
		}
		if b.Merge != nil {
			b.Merge.Verify, b.Merge.Reworks = NotVerified, 0
		}
		if b.Convoy != nil {
			// Its members could be started while it was over, so it is not staged any more.
			b.Convoy.Landings, b.Convoy.Staged = 0, false
		}
		if t.s.beads[b.Parent] == nil {
			b.Parent = "" // in the archive
		}
	})
	return nil
}

func (p *DependencyAdded) apply(t *tick, e *Event) *Refusal {
	b, r := t.liveBead(e)
	if r != nil {
		return r
	}
	if t.s.beads[p.On] == nil {
		return notFound("dependsOn", "there is no bead %s in this town", p.On)
	}
	d := &Dependency{Bead: b.ID, On: p.On, Kind: Blocks, Created: t.now}
	if t.s.deps[d.key()] != nil {
		return ignore("%s depends on %s already", b.ID, p.On)
	}
	if b.ID == p.On {
		return conflict("a bead cannot depend on itself")
	}
	if path := t.s.cycle(b.ID, p.On); path != "" {
		return conflict("that would close a cycle: %s", path)
	}
	t.s.set(d.ref(), d)
	return nil
}

func (p *DependencyRemoved) apply(t *tick, e *Event) *Refusal {
	b, r := t.bead(e)
	if r != nil {
		return r
	}
	d := &Dependency{Bead: b.ID, On: p.On, Kind: Blocks}
	if t.s.deps[d.key()] == nil {
		return ignore("%s does not depend on %s", b.ID, p.On)
	}
	t.s.set(d.ref(), nil)
	return nil
}

// agent finds the event's agent.
func (t *tick) agent(e *Event) (*Agent, *Refusal) {
	if e.Agent == "" {
		return nil, invalid("agentId", "is empty")
	}
	if a := t.s.agents[e.Agent]; a != nil {
		return a, nil
	}
	return nil, notFound("agentId", "there is no agent %s in this town", e.Agent)
}

func (p *AgentReset) apply(t *tick, e *Event) *Refusal {
	a, r := t.agent(e)
	if r != nil {
		return r
	}
	if b := t.s.beads[a.Hook]; b != nil && b.Checkpoint != "" {
		t.s.editBead(b.ID, t.now, func(b *Bead) { b.Checkpoint = "" })
	}
	t.giveUp(a, "reset by "+e.By)
	return nil
}

func (p *AgentStopped) apply(t *tick, e *Event) *Refusal {
	a, r := t.agent(e)
	switch {
	case r != nil:
		return r
	case a.Hook == "" && !a.Process():
		return ignore("%s does not run", a.ID)
	}
	t.giveUp(a, "stopped by "+e.By+because(p.Reason))
	return nil
}

// giveUp ends an agent's run at a person's wish: nobody's fault, so no attempt is counted.
func (t *tick) giveUp(a *Agent, reason string) {
	if b := t.s.beads[a.Hook]; b != nil && b.Status == InProgress {
		t.moveBead(b.ID, Open, func(b *Bead) {
			endAttempt(b, t.now, AttemptStopped, reason, NoFault)
		})
	}
	if a.Hook != "" {
		t.unhook(a)
	}
	t.moveAgent(a.ID, Idle, func(a *Agent) {
		a.HeartbeatLost, a.StatusLine, a.Inactive, a.ActiveTools = 0, "", 0, nil
		if a.Process() && a.Stopping == 0 {
			a.StopReason = reason // agents/linger asks for the stop
		}
	})
}

// apply closes the escalation, or leaves it until its cause is over: while it is there, the same
// cause raises no other.
func (p *EscalationAcknowledged) apply(t *tick, e *Event) *Refusal {
	b, r := t.bead(e)
	switch {
	case r != nil:
		return r
	case b.Escalation == nil:
		return conflict("%s is no escalation: its type is %s", b.ID, b.Type)
	case !b.Live():
		return ignore("%s is %s", b.ID, b.Status)
	case b.Escalation.Acknowledged != 0:
		return ignore("%s was acknowledged at %s", b.ID, b.Escalation.Acknowledged)
	case b.Escalation.Standing || b.Escalation.About != "":
		t.s.editBead(b.ID, t.now, func(b *Bead) { b.Escalation.Acknowledged = t.now })
		return nil
	}
	t.moveBead(b.ID, Closed, func(b *Bead) {
		b.Escalation.Acknowledged = t.now
		finish(b, string(OutcomePerson), "acknowledged by "+e.By)
	})
	return nil
}
