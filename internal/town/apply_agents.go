package town

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// atRun finds the event's agent and makes sure that the event is from its current run.
func (t *tick) atRun(e *Event) (*Agent, *Refusal) {
	a, r := t.agent(e)
	switch {
	case r != nil:
		return nil, r
	case e.Run != a.Run:
		return nil, ignore("it is from run %d of %s, which is at run %d", e.Run, a.ID, a.Run)
	}
	return a, nil
}

// atWork finds the event's agent, at its current run, with the bead that it holds.
func (t *tick) atWork(e *Event) (*Agent, *Bead, *Refusal) {
	a, r := t.atRun(e)
	if r != nil {
		return nil, nil, r
	}
	b := t.s.beads[a.Hook]
	switch {
	case b == nil:
		return nil, nil, ignore("run %d of %s is over", e.Run, a.ID)
	case e.Bead != "" && e.Bead != b.ID:
		return nil, nil, &Refusal{Verdict: Rejected, Code: CodeForbidden, Field: "beadId",
			Reason: fmt.Sprintf("%s works on %s, not on %s", a.ID, b.ID, e.Bead)}
	}
	return a, b, nil
}

func (p *AgentDone) apply(t *tick, e *Event) *Refusal {
	a, b, r := t.atWork(e)
	switch {
	case r != nil:
		return r
	case b.Type == MergeRequest:
		return t.pullOpened(a, b, p)
	case p.PRURL != "":
		return invalid("prUrl", "is for merge requests: %s is worked on on a branch", b.ID)
	case b.Status != InProgress:
		return ignore("%s is %s", b.ID, b.Status)
	}
	if b.Triage != nil {
		return t.resolve(b, a, &TriageResolved{Resolution: ResolveNone, Note: p.Summary}, e.By)
	}
	if b.Rework() {
		return t.reworkDone(a, b, p)
	}
	if p.Branch == "" {
		return invalid("branch", "is empty")
	}
	branch, target := t.s.workBranch(b)
	if p.Branch != branch {
		return conflict("%s works on branch %s, not on %s", a.ID, branch, p.Branch)
	}
	t.release(a)
	t.moveBead(b.ID, InReview, func(b *Bead) { endAttempt(b, t.now, AttemptDone, p.Summary, NoFault) })
	mr := t.addBead(Bead{
		Type: MergeRequest, Title: "Merge " + b.Title, Rig: b.Rig, Parent: b.ID, Priority: b.Priority, CreatedBy: string(a.ID),
		Merge: &MergePart{Source: b.ID, Branch: p.Branch, Target: target, Head: p.Head, Summary: p.Summary, NoChanges: p.NoChanges},
	})
	t.maker(string(mr.ID))
	return nil
}

// reworkDone closes work on a merge request's branch without another review; the merge request
// goes on with the new head.
func (t *tick) reworkDone(a *Agent, b *Bead, p *AgentDone) *Refusal {
	t.release(a)
	t.moveBead(b.ID, Closed, func(b *Bead) {
		endAttempt(b, t.now, AttemptDone, p.Summary, NoFault)
		finish(b, string(OutcomeDone), p.Summary)
	})
	for _, d := range slices.Clone(t.s.neededBy(b.ID, Blocks)) {
		mr := t.s.beads[d.Bead]
		if mr == nil || mr.Merge == nil || !mr.Live() {
			continue
		}
		t.s.editBead(mr.ID, t.now, func(m *Bead) {
			if p.Head != "" {
				m.Merge.Head = p.Head
			}
			m.Merge.Verify = NotVerified
			if m.Merge.PR != nil {
				m.Merge.PR.reworked(p.Head)
			}
		})
	}
	return nil
}

// release unhooks an agent that has done its part; its process may say goodbye.
func (t *tick) release(a *Agent) {
	had := a.Hook
	t.unhook(a)
	t.moveAgent(a.ID, Idle, func(a *Agent) {
		a.Had, a.StatusLine, a.HeartbeatLost, a.Inactive, a.ActiveTools = had, "", 0, 0, nil
		if a.Dispatch != DispatchUnclear {
			a.Dispatch = DispatchOver
		}
	})
}

// atMerge finds the event's agent, at its current run, with the merge request that it holds.
func (t *tick) atMerge(e *Event) (*Agent, *Bead, *Refusal) {
	a, b, r := t.atWork(e)
	switch {
	case r != nil:
		return nil, nil, r
	case b.Type != MergeRequest:
		return nil, nil, conflict("%s is no merge request: its type is %s", b.ID, b.Type)
	case b.Status != InProgress:
		return nil, nil, ignore("%s is %s", b.ID, b.Status)
	}
	return a, b, nil
}

func (p *ChangesRequested) apply(t *tick, e *Event) *Refusal {
	a, b, r := t.atMerge(e)
	switch {
	case r != nil:
		return r
	case strings.TrimSpace(p.Feedback) == "":
		return invalid("feedback", "is empty")
	}
	body := p.Feedback
	if len(p.Files) > 0 {
		body += "\n\nFiles: " + strings.Join(p.Files, ", ")
	}
	t.sendBack(a, b, LabelRework, "Changes requested: ", body, AttemptChanges, "changes requested")
	return nil
}

func (p *AgentCheckpoint) apply(t *tick, e *Event) *Refusal {
	_, b, r := t.atWork(e)
	switch {
	case r != nil:
		return r
	case len(p.Text) > maxBody:
		return invalid("text", "is longer than %d bytes", maxBody)
	}
	t.s.editBead(b.ID, t.now, func(b *Bead) { b.Checkpoint = p.Text })
	return nil
}

func (p *AgentStatusLine) apply(t *tick, e *Event) *Refusal {
	a, _, r := t.atWork(e)
	if r != nil {
		return r
	}
	if n := utf8.RuneCountInString(p.Line); n > MaxStatusLine {
		return invalid("line", "has %d characters, at most %d", n, MaxStatusLine)
	}
	if why := badTools(p.Tools); why != "" {
		return invalid("activeTools", "%s", why)
	}
	t.s.editAgent(a.ID, func(a *Agent) { a.StatusLine, a.ActiveTools = p.Line, slices.Clone(p.Tools) })
	return nil
}

func (p *AgentEscalated) apply(t *tick, e *Event) *Refusal {
	a, b, r := t.atWork(e)
	if r != nil {
		return r
	}
	switch p.Severity {
	case SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical:
	default:
		return invalid("severity", "is %q, must be low, medium, high or critical", p.Severity)
	}
	if strings.TrimSpace(p.Message) == "" {
		return invalid("message", "is empty")
	}
	title, rest, _ := strings.Cut(strings.TrimSpace(p.Message), "\n")
	cause := string(b.ID) + "/" + p.Category
	if o := t.s.noticeOf(Escalation, cause); o != nil {
		return ignore("%s says so already", o.ID)
	}
	if n := t.s.escalationsAbout(b.ID); n >= MaxEscalations {
		return conflict("%d escalations about %s are open: people know that something is wrong", n, b.ID)
	}
	made := t.addBead(Bead{
		Type: Escalation, Title: clip(title, maxTitle), Body: clip(rest, maxBody), Rig: b.Rig, CreatedBy: string(a.ID),
		Escalation: &EscalationPart{Severity: p.Severity, Category: p.Category, Cause: cause, About: b.ID, Agent: a.ID, Run: a.Run},
	})
	t.maker(string(made.ID))
	return nil
}

// clip cuts s to at most n bytes, at a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// sendBack ends a try to merge with work for a polecat on the merge request's branch. The merge
// request waits for it, open, and the refinery is free. After as many reworks as there may be
// attempts, the merge request and its source fail instead.
func (t *tick) sendBack(a *Agent, mr *Bead, label, title, body, outcome, reason string) {
	t.release(a)
	t.reworkOf(mr, string(a.ID), label, title, body, reason, func(m *Bead) { reportAttempt(m, t.now, outcome, reason, NoFault) })
}

// reworkOf makes that work, or has the merge request fail; end ends the try.
func (t *tick) reworkOf(mr *Bead, by, label, title, body, reason string, end func(*Bead)) {
	limit := t.s.config(mr.Rig).MaxDispatchAttempts
	src := t.s.beads[mr.Merge.Source]
	if mr.Merge.Reworks >= limit {
		why := fmt.Sprintf("still not merged after %d reworks: %s", limit, reason)
		t.moveBead(mr.ID, Failed, func(m *Bead) {
			end(m)
			finish(m, "reworks_exhausted", why)
		})
		if src != nil && src.Status == InReview {
			t.moveBead(src.ID, Failed, func(b *Bead) { finish(b, "reworks_exhausted", why) })
		}
		return
	}
	rework := Bead{
		Type: Issue, Title: clip(title+mr.Title, maxTitle), Body: clip(body, maxBody), Rig: mr.Rig, Parent: mr.Merge.Source,
		Priority: High, Labels: []string{label}, CreatedBy: by,
	}
	if mr.Priority == Critical {
		rework.Priority = Critical
	}
	made := t.addBead(rework)
	t.addDependency(mr.ID, made.ID, Blocks)
	t.moveBead(mr.ID, Open, func(m *Bead) {
		end(m)
		m.Merge.Reworks++
		m.Merge.Verify, m.Merge.Obstacle = NotVerified, nil
	})
	t.maker(string(made.ID))
}
