package town

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// pullOpened takes in that a refinery has opened the pull request of its merge request, which from
// now on waits for that and does not hold the merge queue.
func (t *tick) pullOpened(a *Agent, b *Bead, p *AgentDone) *Refusal {
	switch {
	case p.PRURL == "":
		return conflict("a merge request is done when it is merged: report the merge, or its pull request as prUrl")
	case b.Status != InProgress:
		return ignore("%s is %s", b.ID, b.Status)
	}
	number, why := pullNumber(t.s.repo(b.Rig).URL, p.PRURL)
	if why != "" {
		return invalid("prUrl", "%s", why)
	}
	for _, id := range t.s.ix.requests[b.Rig] {
		if pr := t.s.beads[id].Merge.PR; pr != nil && pr.Number == number {
			return conflict("%s waits for that pull request already", id)
		}
	}
	t.release(a)
	t.s.editBead(b.ID, t.now, func(m *Bead) {
		reportAttempt(m, t.now, AttemptDone, "opened "+p.PRURL, NoFault)
		if p.Head != "" {
			m.Merge.Head = p.Head
		}
		m.Assignee = ""
		m.Merge.PR = &PullPart{URL: p.PRURL, Number: number, Opened: t.now, Head: m.Merge.Head}
	})
	return nil
}

// pull finds the event's merge request, which must wait for a pull request.
func (t *tick) pull(e *Event) (*Bead, *Refusal) {
	b, r := t.bead(e)
	switch {
	case r != nil:
		return nil, r
	case b.Merge == nil:
		return nil, conflict("%s is no merge request: its type is %s", b.ID, b.Type)
	case !b.Live():
		return nil, ignore("%s is %s", b.ID, b.Status)
	case b.Merge.PR == nil:
		return nil, ignore("%s waits for no pull request", b.ID)
	}
	return b, nil
}

// pullAt is pull for a fact that holds for one head alone.
func (t *tick) pullAt(e *Event, head string) (*Bead, *Refusal) {
	b, r := t.pull(e)
	if r != nil {
		return nil, r
	}
	if head == "" {
		return nil, invalid("headSha", "is empty")
	}
	if now := b.Merge.PR.current(); now != head {
		return nil, ignore("it is about %s, and the pull request of %s is at %s", head, b.ID, now)
	}
	return b, nil
}

// editPull changes the pull request of a merge request; what changes nothing is ignored.
func (t *tick) editPull(b *Bead, edit func(*PullPart)) *Refusal {
	next := b.Merge.PR.clone()
	edit(next)
	if next.same(b.Merge.PR) {
		return ignore("that is known of the pull request of %s", b.ID)
	}
	t.s.editBead(b.ID, t.now, func(m *Bead) { m.Merge.PR = next })
	return nil
}

func (p *PRStatusChanged) apply(t *tick, e *Event) *Refusal {
	b, r := t.pull(e)
	if r != nil {
		return r
	}
	switch p.Status {
	case PROpen:
		if p.Head == "" {
			return invalid("headSha", "is empty")
		}
		return t.pullOpen(b, p.Head)
	case PRMerged:
		if p.Head == "" && p.Commit == "" {
			return invalid("commit", "is empty, and headSha too")
		}
		t.pullMerged(b, p)
	case PRClosed:
		t.pullClosed(b)
	default:
		return invalid("status", "is %q, must be open, merged or closed", p.Status)
	}
	return nil
}

func (t *tick) pullOpen(b *Bead, head string) *Refusal {
	news := head != b.Merge.PR.Head
	r := t.editPull(b, func(pr *PullPart) {
		pr.Poll.answered()
		if news {
			pr.moved(head)
		} else {
			news = pr.missed()
		}
	})
	if r == nil && news {
		// Whoever pushed it: that is what will be merged.
		t.s.editBead(b.ID, t.now, func(m *Bead) { m.Merge.Head = head })
	}
	return r
}

func (t *tick) pullMerged(b *Bead, p *PRStatusChanged) {
	commit := p.Commit
	if commit == "" {
		commit = p.Head
	}
	t.moveBead(b.ID, Closed, func(m *Bead) {
		m.Merge.MergeCommit = commit
		if p.Head != "" {
			m.Merge.PR.Head = p.Head
		}
		finish(m, string(OutcomeMerged), "")
	})
	if src := t.s.beads[b.Merge.Source]; src != nil && src.Status == InReview {
		t.moveBead(src.ID, Closed, func(s *Bead) { finish(s, string(OutcomeMerged), "") })
	}
}

// pullClosed ends a merge request whose pull request somebody closed: what was done is not wanted as
// it is, so that was a failed attempt.
func (t *tick) pullClosed(b *Bead) {
	reason := "its pull request " + b.Merge.PR.URL + " was closed without being merged"
	t.moveBead(b.ID, Failed, func(m *Bead) { finish(m, "pr_closed", reason) })
	if src := t.s.beads[b.Merge.Source]; src != nil && src.Status == InReview {
		t.moveBead(src.ID, Open, func(s *Bead) { reviseAttempt(s, AttemptUnmerged, reason, AgentFault) })
	}
}

func (p *PRFeedbackDetected) apply(t *tick, e *Event) *Refusal {
	b, r := t.pullAt(e, p.Head)
	switch {
	case r != nil:
		return r
	case len(p.Comments)+len(p.Checks)+p.Unchecked == 0:
		return invalid("comments", "are none, nor checks")
	case p.Unchecked < 0:
		return invalid("unchecked", "is negative")
	}
	text := p.text()
	sum := sha256.Sum256([]byte(text))
	f := &PullFeedback{Print: hex.EncodeToString(sum[:8]), Comments: len(p.Comments), Failing: len(p.Checks), Text: clip(text, maxFeedback)}
	return t.editPull(b, func(pr *PullPart) {
		pr.regress()
		pr.Counts.Comments, pr.Counts.Failing, pr.Counts.Unchecked = len(p.Comments), len(p.Checks), p.Unchecked
		if text != "" && (pr.Feedback == nil || pr.Feedback.Print != f.Print) {
			pr.Feedback = f
		}
	})
}

// maxFeedback bounds what is kept of the feedback on a pull request, and maxLogTail what of it one
// check may take: it is written with every change of the merge request until the work is made.
const (
	maxFeedback = 16 << 10
	maxLogTail  = 4 << 10
	// maxConflictFiles bounds the files that are named; git names all of them to who solves it.
	maxConflictFiles = 50
)

// text is what the work on the feedback is told, checks first: they are facts.
func (p *PRFeedbackDetected) text() string {
	var b strings.Builder
	for _, c := range p.Checks {
		fmt.Fprintf(&b, "\n## The check %s fails", c.Name)
		if c.Step != "" {
			fmt.Fprintf(&b, " at the step %s", c.Step)
		}
		b.WriteString("\n")
		if log := c.Log; log != "" {
			if len(log) > maxLogTail {
				log = strings.ToValidUTF8(log[len(log)-maxLogTail:], "")
			}
			fmt.Fprintf(&b, "\nThe end of its log:\n\n%s\n", log)
		}
	}
	for _, c := range p.Comments {
		fmt.Fprintf(&b, "\n## %s says", c.Author)
		if c.Place != "" {
			fmt.Fprintf(&b, " of %s", c.Place)
		}
		fmt.Fprintf(&b, "\n\n%s\n", c.Text)
	}
	return b.String()
}

func (p *PRConflictDetected) apply(t *tick, e *Event) *Refusal {
	b, r := t.pullAt(e, p.Head)
	if r != nil {
		return r
	}
	return t.editPull(b, func(pr *PullPart) {
		pr.regress()
		if pr.Conflict == 0 {
			pr.Conflict, pr.ConflictFiles = t.now, slices.Clone(p.Files[:min(len(p.Files), maxConflictFiles)])
		}
	})
}

func (p *PRConflictCleared) apply(t *tick, e *Event) *Refusal {
	b, r := t.pullAt(e, p.Head)
	if r != nil {
		return r
	}
	return t.editPull(b, func(pr *PullPart) { pr.Conflict, pr.ConflictFiles, pr.ConflictBead = 0, nil, "" })
}

func (p *PRGreen) apply(t *tick, e *Event) *Refusal {
	b, r := t.pullAt(e, p.Head)
	if r != nil {
		return r
	}
	if p.Unchecked < 0 {
		return invalid("unchecked", "is negative")
	}
	return t.editPull(b, func(pr *PullPart) {
		pr.Counts = PullCounts{Unchecked: p.Unchecked, AwaitingApproval: p.AwaitingApproval}
		pr.Feedback = nil
		switch {
		case p.Unchecked != 0 || pr.Conflict != 0:
			pr.regress()
		case pr.Green == 0:
			pr.Green = t.now
		}
		if p.AwaitingApproval {
			pr.Merge.Asked, pr.Merge.Unanswered = 0, 0 // taken back: it is not to be merged as it is
		}
	})
}

func (p *PRNotGreen) apply(t *tick, e *Event) *Refusal {
	b, r := t.pullAt(e, p.Head)
	if r != nil {
		return r
	}
	for _, x := range []struct {
		field string
		n     int
	}{{"running", p.Running}, {"failing", p.Failing}, {"comments", p.Comments}, {"unchecked", p.Unchecked}} {
		if x.n < 0 {
			return invalid(x.field, "is negative")
		}
	}
	return t.editPull(b, func(pr *PullPart) {
		pr.regress()
		pr.Counts = PullCounts{p.Running, p.Failing, p.Comments, p.Unchecked, p.AwaitingApproval}
		if p.Failing+p.Comments == 0 {
			pr.Feedback = nil
		}
	})
}

func (p *PRPollFailed) apply(t *tick, e *Event) *Refusal {
	b, r := t.pull(e)
	switch {
	case r != nil:
		return r
	case b.Merge.PR.Poll.Asked == 0:
		return ignore("nobody waits for a look at the pull request of %s", b.ID)
	}
	if _, known := forgeFailure(p.Class); !known || p.Class == ForgeRefused {
		return invalid("class", "%q is none of a look's failures", p.Class)
	}
	return t.editPull(b, func(pr *PullPart) {
		pr.Poll.failed(t.now, p.Class, clip(p.Reason, maxTitle), notBefore(t.now, p.RetryAfter, p.ResetAt))
	})
}

func (p *PRMergeFailed) apply(t *tick, e *Event) *Refusal {
	b, r := t.pullAt(e, p.Head)
	switch {
	case r != nil:
		return r
	case b.Merge.PR.Merge.Asked == 0:
		return ignore("nobody waits for the merge of the pull request of %s", b.ID)
	}
	if _, known := forgeFailure(p.Class); !known {
		return invalid("class", "%q is none of a merge's failures", p.Class)
	}
	return t.editPull(b, func(pr *PullPart) {
		pr.Merge.failed(t.now, p.Class, clip(p.Reason, maxTitle), notBefore(t.now, p.RetryAfter, p.ResetAt))
		if p.Class == ForgeRefused {
			// What it refused for may not have been read yet.
			pr.Green = t.now
		}
	})
}

func notBefore(now Time, after Duration, reset Time) Time {
	if after > 0 {
		reset = max(reset, now.Add(after))
	}
	return reset
}
