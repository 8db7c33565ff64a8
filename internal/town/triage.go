package town

import (
	"fmt"
	"slices"
	"strings"
)

// Resolution is a decision on a triage request. Each is carried out at once, on what the request is
// about, or refused with the reason.
type Resolution string

// The resolutions.
const (
	ResolveRetry    Resolution = "retry"       // the failures so far do not count; it starts over
	ResolveReopen   Resolution = "reopen"      // a merge request gives way to its source, which starts anew
	ResolveHold     Resolution = "hold"        // it is not started before a person releases it
	ResolveClose    Resolution = "close"       // it need not be done
	ResolveFail     Resolution = "fail"        // it cannot be done
	ResolveStop     Resolution = "stop_agent"  // the agent's run is ended; its bead is open again
	ResolveReset    Resolution = "reset_agent" // the same, and the bead's checkpoint is forgotten
	ResolveNudge    Resolution = "nudge"       // the agent is told the note
	ResolveEscalate Resolution = "escalate"    // people are told the note
	ResolveNone     Resolution = "none"        // nothing need be done
)

// resolutionDocs says what each resolution does, for the triage agent's prompt.
var resolutionDocs = map[Resolution]string{
	ResolveRetry:    "forget the failures so far and start over",
	ResolveReopen:   "fail the merge request and let its source start anew, from what the target is by now",
	ResolveHold:     "do not start it before a person releases it",
	ResolveClose:    "close it: it need not be done",
	ResolveFail:     "fail it: it cannot be done as it is",
	ResolveStop:     "end the agent's run; its bead is open again",
	ResolveReset:    "the same, and forget the checkpoint",
	ResolveNudge:    "tell the agent your note",
	ResolveEscalate: "tell people your note",
	ResolveNone:     "nothing need be done",
}

// optionsOf says what may be decided about a request of a kind. People have an escalation already
// where an agent asked for help, so that is not offered there.
func optionsOf(kind TriageKind) []Resolution {
	switch kind {
	case TriageStuckAgent:
		return []Resolution{ResolveNudge, ResolveStop, ResolveReset, ResolveHold, ResolveFail, ResolveEscalate, ResolveNone}
	case TriageCrashLoop:
		return []Resolution{ResolveRetry, ResolveHold, ResolveClose, ResolveFail, ResolveEscalate, ResolveNone}
	case TriageMergeConflict:
		return []Resolution{ResolveReopen, ResolveHold, ResolveFail, ResolveEscalate, ResolveNone}
	}
	return []Resolution{ResolveNudge, ResolveStop, ResolveHold, ResolveClose, ResolveFail, ResolveNone}
}

func (t *tick) createTriageRequest(a *Action) string {
	if o := t.s.noticeOf(TriageRequest, a.Cause); o != nil {
		return string(o.ID) + " asks that already"
	}
	kind := TriageKind(a.Category)
	made := t.addBead(Bead{
		Type: TriageRequest, Title: clip(a.Title, maxTitle), Body: a.Reason, Rig: a.Rig, CreatedBy: a.Rule, Timeout: TriageTimeout,
		Triage: &TriagePart{Kind: kind, Cause: a.Cause, About: a.Bead, Agent: a.Agent, Run: a.Run, Options: optionsOf(kind)},
	})
	a.Made = made.ID
	switch kind {
	case TriageStuckAgent:
		t.s.editAgent(a.Agent, func(x *Agent) { x.Asked = t.now })
	case TriageCrashLoop, TriageMergeConflict:
		t.s.editBead(a.Bead, t.now, func(b *Bead) { b.Triaged = len(b.Attempts) })
	default:
		if o := t.s.noticeOf(Escalation, a.Cause); o != nil {
			t.s.editBead(o.ID, t.now, func(b *Bead) { b.Escalation.Request = made.ID })
		}
	}
	return ""
}

func (p *TriageResolved) apply(t *tick, e *Event) *Refusal {
	if e.Agent == "" {
		b, r := t.liveBead(e)
		switch {
		case r != nil:
			return r
		case b.Triage == nil:
			return conflict("%s is no triage request: its type is %s", b.ID, b.Type)
		}
		return t.resolve(b, nil, p, e.By)
	}
	a, b, r := t.atWork(e)
	switch {
	case r != nil:
		return r
	case a.Role != Triage || b.Triage == nil:
		return &Refusal{Verdict: Rejected, Code: CodeForbidden, Reason: "only a person or the triage agent decides what triage is asked"}
	case b.Status != InProgress:
		return ignore("%s is %s", b.ID, b.Status) // the rules have not let its agent go yet
	}
	return t.resolve(b, a, p, e.By)
}

// resolve carries a decision out and closes its request; a is the triage agent if it decided.
func (t *tick) resolve(b *Bead, a *Agent, p *TriageResolved, by string) *Refusal {
	if !slices.Contains(b.Triage.Options, p.Resolution) {
		return invalid("resolution", "is %q, must be one of %s", p.Resolution, joinOptions(b.Triage.Options))
	}
	if len(p.Note) > maxNudge {
		return invalid("note", "is longer than %d bytes", maxNudge)
	}
	about, r := t.subjectOf(b, p.Bead)
	if r != nil {
		return r
	}
	d := decision{tick: t, request: b, about: about, note: p.Note, by: by}
	if r := d.carryOut(p.Resolution); r != nil {
		return r
	}
	if a != nil {
		t.release(a)
	}
	t.moveBead(b.ID, Closed, func(b *Bead) {
		endAttempt(b, t.now, AttemptDone, string(p.Resolution)+because(p.Note), NoFault)
		b.Triage.Resolution, b.Triage.ResolvedBy, b.Triage.Note = p.Resolution, by, p.Note
		finish(b, string(OutcomeDone), p.Note)
	})
	if o := t.s.noticeOf(Escalation, b.Triage.Cause); o != nil && o.Escalation.Acknowledged == 0 && p.Resolution != ResolveNone {
		// It has been answered: nobody need be told again.
		t.s.editBead(o.ID, t.now, func(b *Bead) { b.Escalation.Acknowledged = t.now })
	}
	return nil
}

func joinOptions(options []Resolution) string {
	out := make([]string, len(options))
	for i, o := range options {
		out[i] = string(o)
	}
	return strings.Join(out, ", ")
}

// subjectOf finds the bead that a decision is carried out on: what the request is about, or the
// other end of its merge request. It is nil if that is gone.
func (t *tick) subjectOf(b *Bead, named BeadID) (*Bead, *Refusal) {
	about := t.s.beads[b.Triage.About]
	if named == "" || named == b.Triage.About {
		return about, nil
	}
	if x := t.s.beads[named]; x != nil && about != nil &&
		(x.Merge != nil && x.Merge.Source == about.ID || about.Merge != nil && about.Merge.Source == x.ID) {
		return x, nil
	}
	return nil, &Refusal{Verdict: Rejected, Code: CodeForbidden, Field: "bead",
		Reason: fmt.Sprintf("%s is about %s, not about %s", b.ID, b.Triage.About, named)}
}

// decision is a resolution being carried out. It refuses before it has changed anything.
type decision struct {
	tick    *tick
	request *Bead
	about   *Bead // nil if it is gone
	note    string
	by      string
}

// reason is what the books say of the decision.
func (d *decision) reason() string { return "decided by " + d.by + because(d.note) }

func (d *decision) carryOut(r Resolution) *Refusal {
	switch r {
	case ResolveStop, ResolveReset, ResolveNudge:
		return d.onAgent(r)
	case ResolveNone:
		return nil
	}
	if d.about == nil {
		return conflict("%s is gone: decide none", d.request.Triage.About)
	}
	switch r {
	case ResolveRetry:
		return d.retry()
	case ResolveReopen:
		return d.reopen()
	case ResolveHold:
		return d.hold()
	case ResolveEscalate:
		return d.escalate()
	}
	if !d.about.Live() {
		return conflict("%s is %s", d.about.ID, d.about.Status)
	}
	if r == ResolveClose {
		d.tick.cancel(d.about, Closed, string(OutcomeTriage), d.reason())
	} else {
		d.tick.cancel(d.about, Failed, "triage", d.reason())
	}
	return nil
}

// onAgent does something to the agent of the request, if its run is still the one that was meant.
func (d *decision) onAgent(r Resolution) *Refusal {
	t, p := d.tick, d.request.Triage
	a := t.s.agents[p.Agent]
	switch {
	case p.Agent == "":
		return conflict("%s is about no agent: there is nobody to %s", d.request.ID, r)
	case a == nil || a.Run != p.Run || a.Hook == "":
		return conflict("run %d of %s is over: there is nobody to %s", p.Run, p.Agent, r)
	case r != ResolveNudge:
	case strings.TrimSpace(d.note) == "":
		return invalid("note", "is empty, and is what a nudge says")
	case !a.hears():
		return conflict("%s has no process that hears it", a.ID)
	}
	if r == ResolveNudge {
		t.addNudge(Nudge{Agent: a.ID, Run: a.Run, Message: d.note, Source: d.by})
		return nil
	}
	if b := t.s.beads[a.Hook]; r == ResolveReset && b != nil && b.Checkpoint != "" {
		t.s.editBead(b.ID, t.now, func(b *Bead) { b.Checkpoint = "" })
	}
	t.giveUp(a, d.reason())
	return nil
}

func (d *decision) retry() *Refusal {
	switch d.about.Status {
	case Failed:
		return (&BeadRetried{}).apply(d.tick, &Event{Type: "bead_retried", Bead: d.about.ID, By: d.by})
	case Open:
		d.tick.s.editBead(d.about.ID, d.tick.now, func(b *Bead) { b.Forgiven = len(b.Attempts) })
		return nil
	}
	return conflict("%s is %s; only what is open or failed is tried again", d.about.ID, d.about.Status)
}

// reopen lets a merge request's source be done anew, on what the target is by now.
func (d *decision) reopen() *Refusal {
	t := d.tick
	if d.about.Merge == nil {
		return conflict("%s is no merge request", d.about.ID)
	}
	src := t.s.beads[d.about.Merge.Source]
	if !d.about.Live() || src == nil || src.Status != InReview {
		return conflict("%s is %s, and so there is nothing in review to open again", d.about.ID, d.about.Status)
	}
	t.moveBead(d.about.ID, Failed, func(b *Bead) { finish(b, "triage", d.reason()) })
	t.moveBead(src.ID, Open, func(b *Bead) { reviseAttempt(b, AttemptUnmerged, d.reason(), NoFault) })
	return nil
}

func (d *decision) hold() *Refusal {
	t, b := d.tick, d.about
	if b.Status != Open && b.Status != InProgress {
		return conflict("%s is %s; only what is open or in progress can be held", b.ID, b.Status)
	}
	for _, a := range t.s.holders(b.ID) {
		t.giveUp(a, d.reason())
	}
	if t.s.beads[b.ID].Status == InProgress {
		t.moveBead(b.ID, Open, func(b *Bead) { endAttempt(b, t.now, AttemptStopped, d.reason(), NoFault) })
	}
	t.s.editBead(b.ID, t.now, func(b *Bead) { b.Held, b.HeldReason = t.now, d.reason() })
	return nil
}

// escalate tells people what triage has to say. The escalation ends with what it is about.
func (d *decision) escalate() *Refusal {
	key := "triage/" + string(d.about.ID)
	if !d.about.Live() {
		return conflict("%s is %s", d.about.ID, d.about.Status)
	}
	if d.tick.s.noticeOf(Escalation, key) != nil {
		return nil
	}
	d.tick.addBead(Bead{
		Type: Escalation, Title: clip("Triage: "+d.request.Title, maxTitle), Body: d.note, Rig: d.about.Rig, CreatedBy: d.by,
		Escalation: &EscalationPart{Severity: SeverityHigh, Category: "triage", Cause: key, About: d.about.ID},
	})
	return nil
}
