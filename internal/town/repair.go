package town

import "fmt"

func repairBead(b *Bead, field, from, to, reason string) Action {
	return Action{Kind: RepairField, Bead: b.ID, Code: field, From: from, To: to, Reason: reason}
}

func repairAgent(a *Agent, field, from, to, reason string) Action {
	return Action{Kind: RepairField, Agent: a.ID, Code: field, From: from, To: to, Reason: reason}
}

// repair puts the value of an action into a field that has one it may not have. It is how the
// recoveries of what a damaged record brings in write; a status never changes by it.
func (t *tick) repair(a *Action) string {
	switch {
	case a.Nudge != "" || a.Breaker != "":
		return t.repairBooks(a)
	case a.Bead != "" && t.s.beads[a.Bead] == nil:
		return fmt.Sprintf("there is no bead %s", a.Bead)
	case a.Agent != "" && t.s.agents[a.Agent] == nil:
		return fmt.Sprintf("there is no agent %s", a.Agent)
	case a.Bead != "":
		t.s.editBead(a.Bead, t.now, func(b *Bead) { t.repairBead(a, b) })
	case a.Agent != "":
		t.s.editAgent(a.Agent, func(ag *Agent) { t.repairAgent(a, ag) })
	default:
		return t.repairBooks(a)
	}
	return ""
}

func (t *tick) repairBead(a *Action, b *Bead) {
	switch a.Code {
	case "type":
		b.Type = BeadType(a.To)
		if parts, _ := b.parts(); parts == 0 && b.Live() {
			b.Held, b.HeldReason = t.now, fmt.Sprintf("its type was %q: release it as an issue, or cancel it", a.From)
		}
	case "part":
		b.keepOnlyPart()
	case "priority":
		b.Priority = Priority(a.To)
	case "rig":
		b.Rig = RigID(a.To)
	case "assignee":
		b.Assignee = AgentID(a.To)
	case "parent":
		b.Parent = BeadID(a.To)
	case "about":
		b.clearAbout()
	case "conflictBead":
		b.Merge.PR.ConflictBead = BeadID(a.To)
	case "feedbackBead":
		b.Merge.PR.Feedback.Bead = BeadID(a.To)
	case "landingRequest":
		b.Convoy.LandingRequest = BeadID(a.To)
	case "times":
		b.eachTime(func(at *Time) { *at = min(*at, t.now) })
		b.endRests(t.now)
		if b.Closed == 0 && !b.Live() {
			b.Closed = t.now
		}
	case "counts":
		b.correctCounts()
	default:
		panic(fmt.Sprintf("town: no field %q of a bead is repaired", a.Code))
	}
}

func (b *Bead) keepOnlyPart() {
	if b.Type != MergeRequest {
		b.Merge = nil
	}
	if b.Type != Convoy {
		b.Convoy = nil
	}
	if b.Type != Escalation {
		b.Escalation = nil
	}
	if b.Type != TriageRequest {
		b.Triage = nil
	}
	if b.Type != Message {
		b.Message = nil
	}
}

func (b *Bead) clearAbout() {
	if b.Escalation != nil {
		b.Escalation.About = ""
	}
	if b.Triage != nil {
		b.Triage.About = ""
	}
}

// eachTime visits every time of the bead at which something has happened; latest has the same.
func (b *Bead) eachTime(visit func(*Time)) {
	for _, at := range []*Time{&b.Created, &b.Updated, &b.Since, &b.Closed, &b.Held} {
		visit(at)
	}
	for i := range b.Attempts {
		visit(&b.Attempts[i].Started)
		visit(&b.Attempts[i].Ended)
	}
	if m := b.Merge; m != nil {
		visit(&m.VerifyAsked)
		if p := m.Push; p != nil {
			visit(&p.Asked)
		}
		if o := m.Obstacle; o != nil {
			visit(&o.Since)
		}
		if p := m.Late; p != nil {
			visit(&p.Asked)
		}
		m.PR.eachTime(visit)
	}
	if p := b.Convoy; p != nil {
		visit(&p.LastLanding)
		visit(&p.Landed)
	}
	if e := b.Escalation; e != nil {
		visit(&e.Acknowledged)
		visit(&e.LastRaised)
		visit(&e.Notice.Tried)
	}
	if m := b.Message; m != nil {
		visit(&m.Read)
	}
}

// publishing is the least of the counters about what is published, or zero.
func (m *MergePart) publishing() int {
	least := min(m.Moved, 0)
	if p := m.Push; p != nil {
		least = min(least, p.Try, p.Looks, p.Failed)
	}
	if o := m.Obstacle; o != nil {
		least = min(least, o.Times)
	}
	if p := m.Late; p != nil {
		least = min(least, p.Try, p.Count)
	}
	return least
}

func (b *Bead) correctCounts() {
	b.Order, b.Timeout = max(b.Order, 0), max(b.Timeout, 0)
	b.Forgiven = min(max(b.Forgiven, 0), len(b.Attempts))
	b.Triaged = min(max(b.Triaged, 0), len(b.Attempts))
	if m := b.Merge; m != nil {
		m.VerifyTry = max(m.VerifyTry, 0)
		m.Reworks, m.Ahead = max(m.Reworks, 0), max(m.Ahead, 0)
		m.Moved = max(m.Moved, 0)
		if p := m.Push; p != nil {
			p.Try, p.Looks, p.Failed = max(p.Try, 0), max(p.Looks, 0), max(p.Failed, 0)
		}
		if o := m.Obstacle; o != nil {
			o.Times = max(o.Times, 0)
		}
		if p := m.Late; p != nil {
			p.Try, p.Count = max(p.Try, 0), max(p.Count, 0)
		}
		m.PR.correctCounts()
	}
	if p := b.Convoy; p != nil {
		p.Landings = max(p.Landings, 0)
	}
	if e := b.Escalation; e != nil {
		e.Raised = max(e.Raised, 0)
		e.Notice.Told, e.Notice.Try = max(e.Notice.Told, 0), max(e.Notice.Try, 0)
	}
}

// rests lists until when nothing is asked, which may lie ahead: of the forge, as it wants, and about a push.
func (b *Bead) rests() []*Time {
	var out []*Time
	if m := b.Merge; m != nil && m.PR != nil {
		out = append(out, &m.PR.Poll.After, &m.PR.Merge.After)
	}
	if m := b.Merge; m != nil && m.Push != nil {
		out = append(out, &m.Push.After)
	}
	return out
}

// overlong is a rest that no forge can have asked for, or zero.
func (b *Bead) overlong(now Time) Time {
	for _, until := range b.rests() {
		if *until > now.Add(MaxForgeRest) {
			return *until
		}
	}
	return 0
}

// endRests ends a rest that no forge can have asked for.
func (b *Bead) endRests(now Time) {
	for _, until := range b.rests() {
		if *until > now.Add(MaxForgeRest) {
			*until = now
		}
	}
}

// eachTime visits every time of the pull request but its rests; latest has the same.
func (p *PullPart) eachTime(visit func(*Time)) {
	if p == nil {
		return
	}
	for _, at := range []*Time{&p.Opened, &p.Green, &p.Conflict, &p.Poll.Asked, &p.Poll.Last, &p.Merge.Asked, &p.Merge.Last} {
		visit(at)
	}
}

func (p *PullPart) latest() Time {
	if p == nil {
		return 0
	}
	return max(p.Opened, p.Green, p.Conflict, p.Poll.Asked, p.Poll.Last, p.Merge.Asked, p.Merge.Last)
}

// counts lists the counters of a pull request, none of which may be negative.
func (p *PullPart) counts() []*int {
	if p == nil {
		return nil
	}
	all := []*int{&p.Counts.Running, &p.Counts.Failing, &p.Counts.Comments, &p.Counts.Unchecked}
	for _, q := range []*Asking{&p.Poll, &p.Merge} {
		all = append(all, &q.Try, &q.Unanswered, &q.Transient, &q.Invalid, &q.Refused)
	}
	return all
}

func (p *PullPart) correctCounts() {
	for _, n := range p.counts() {
		*n = max(*n, 0)
	}
}

func (t *tick) repairAgent(a *Action, ag *Agent) {
	switch a.Code {
	case "role":
		ag.Role = Role(a.To)
	case "rig":
		ag.Rig = RigID(a.To)
	case "hook":
		ag.Hook = BeadID(a.To)
	case "times":
		ag.eachTime(func(at *Time) { *at = min(*at, t.now) })
	case "counts":
		ag.Run, ag.StopTry = max(ag.Run, 0), max(ag.StopTry, 0)
	default:
		panic(fmt.Sprintf("town: no field %q of an agent is repaired", a.Code))
	}
}

// eachTime visits every time of the agent; latest has the same.
func (a *Agent) eachTime(visit func(*Time)) {
	for _, at := range []*Time{&a.Since, &a.Dispatched, &a.ObservedSince, &a.HeartbeatLost, &a.Stopping, &a.Created, &a.LastWork, &a.Inactive, &a.Asked} {
		visit(at)
	}
}

func (t *tick) removeDependency(a *Action) string {
	d := &Dependency{Bead: a.Bead, On: BeadID(a.To), Kind: DepKind(a.Code)}
	if t.s.deps[d.key()] == nil {
		return fmt.Sprintf("there is no edge %q", d.key())
	}
	t.s.set(d.ref(), nil)
	return ""
}
