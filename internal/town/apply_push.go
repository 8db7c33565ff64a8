package town

import "fmt"

func (p *MergeTested) apply(t *tick, e *Event) *Refusal {
	a, b, r := t.atMerge(e)
	switch {
	case r != nil:
		return r
	case p.Commit == "":
		return invalid("commit", "is empty")
	case p.Tip == "":
		return invalid("tip", "is empty")
	case b.Merge.PR != nil:
		return conflict("%s waits for its pull request", b.ID)
	}
	if r := validGateRuns(p.Runs); r != nil {
		return r
	}
	run := a.Run
	t.release(a)
	t.s.editBead(b.ID, t.now, func(b *Bead) {
		reportAttempt(b, t.now, AttemptDone, "tested as "+p.Commit, NoFault)
		b.Assignee = ""
		b.Merge.Push = &PushPart{Commit: p.Commit, Tip: p.Tip, Run: run, Create: t.s.mayCreate(b)}
		b.Merge.Ungated = t.s.acceptsMoved(b) && len(t.s.config(b.Rig).Gates) > 0
		b.Merge.Flaky = flakyGates(p.Runs)
	})
	return nil
}

// atPush finds the event's merge request, if something that was pushed for it is waited for.
func (t *tick) atPush(e *Event) (*Bead, *Refusal) {
	b, r := t.bead(e)
	switch {
	case r != nil:
		return nil, r
	case b.Merge == nil:
		return nil, conflict("%s is no merge request: its type is %s", b.ID, b.Type)
	case b.Merge.Push == nil || b.Merge.Push.Lost:
		return nil, ignore("nothing that was pushed for %s is waited for", b.ID)
	}
	return b, nil
}

func (p *MergeCompleted) apply(t *tick, e *Event) *Refusal {
	b, r := t.atPush(e)
	switch {
	case r != nil:
		return r
	case p.Commit == "":
		return invalid("commit", "is empty")
	case p.Commit != b.Merge.Push.Commit:
		return ignore("%s waits for %s, not for %s", b.ID, b.Merge.Push.Commit, p.Commit)
	case !b.Live():
		t.mergedAllTheSame(b, p.Commit)
		return nil
	}
	for _, g := range t.s.config(b.Rig).Gates {
		if !b.Merge.Ungated {
			t.gatePassed(b.Rig, g.Name)
		}
	}
	t.merged(b, p.Commit)
	return nil
}

// merged closes a merge request whose branch is in its target, and its source.
func (t *tick) merged(b *Bead, commit string) {
	if c := t.s.ofConvoyBranch(b); c != nil && !c.Convoy.Made {
		t.s.editBead(c.ID, t.now, func(c *Bead) { c.Convoy.Made = true })
	}
	t.moveBead(b.ID, Closed, func(b *Bead) {
		reportAttempt(b, t.now, AttemptDone, "merged as "+commit+b.Merge.remarks(), NoFault)
		b.Merge.MergeCommit, b.Merge.Push, b.Merge.Obstacle = commit, nil, nil
		finish(b, string(OutcomeMerged), "")
	})
	if src := t.s.beads[b.Merge.Source]; src != nil && src.Status == InReview {
		t.moveBead(src.ID, Closed, func(b *Bead) { finish(b, string(OutcomeMerged), "") })
	}
}

// mergedAllTheSame notes that a merge request that has ended, and was being pushed then, is merged nevertheless, and
// tells people: nothing else would.
func (t *tick) mergedAllTheSame(mr *Bead, commit string) {
	said := fmt.Sprintf("cancelled, but merged all the same as %s into %s", commit, mr.Merge.Target)
	t.s.editBead(mr.ID, t.now, func(b *Bead) {
		b.Merge.MergeCommit, b.Merge.Push = commit, nil
		reviseAttempt(b, AttemptCancelled, said, NoFault)
	})
	title := mr.Title
	if src := t.s.beads[mr.Merge.Source]; src != nil {
		title = src.Title
		if at := src.lastAttempt(); at != nil && at.Ended != 0 && !src.Live() {
			t.s.editBead(src.ID, t.now, func(b *Bead) { reviseAttempt(b, at.Outcome, said, at.Fault) })
		}
	}
	t.escalated(Bead{
		Type: Escalation, Title: clip("Cancelled, but merged all the same: "+title, maxTitle), Rig: mr.Rig, CreatedBy: "review/push",
		Body: clip(fmt.Sprintf("%s (%s) was ended while its merge was being pushed. %s has it as %s. If it is not wanted: git revert -m 1 %s",
			mr.Merge.Source, mr.ID, mr.Merge.Target, commit, commit), maxBody),
		Escalation: &EscalationPart{Severity: SeverityHigh, Category: "not_cancelled", Cause: "all_the_same/" + string(mr.ID)},
	})
}

func (p *AlreadyOnTarget) apply(t *tick, e *Event) *Refusal {
	b, r := t.bead(e)
	switch {
	case r != nil:
		return r
	case p.Commit == "":
		return invalid("commit", "is empty")
	case b.Merge == nil:
		return conflict("%s is no merge request: its type is %s", b.ID, b.Type)
	case b.Merge.Push == nil && (b.Status != Open || b.Merge.Verify != VerifyAsked):
		return ignore("nobody waits for a look at the branch of %s", b.ID)
	case !b.Live():
		t.mergedAllTheSame(b, p.Commit)
		return nil
	}
	t.merged(b, p.Commit)
	t.s.editBead(b.ID, t.now, func(b *Bead) {
		b.Merge.Before = true
		reviseAttempt(b, AttemptDone, "was in "+b.Merge.Target+" already, by "+p.Commit, NoFault)
	})
	if len(t.s.config(b.Rig).Gates) == 0 {
		return nil
	}
	t.escalated(Bead{
		Type: Escalation, Title: clip("Merged without the town's gates: "+b.Title, maxTitle), Rig: b.Rig, CreatedBy: "review/push",
		Body: clip(fmt.Sprintf("Branch %s of %s was in %s already, brought in by %s. The gates of %s have not run on it.",
			b.Merge.Branch, b.Merge.Source, b.Merge.Target, p.Commit, b.Rig), maxBody),
		Escalation: &EscalationPart{Severity: SeverityMedium, Category: "gates_bypassed", Cause: "bypassed/" + string(b.ID)},
	})
	return nil
}

// pushEnded forgets a push that surely did not happen; the merge request goes back into the queue if it has not ended.
func (t *tick) pushEnded(b *Bead, outcome, reason string, edit func(*Bead)) {
	if !b.Live() {
		t.s.editBead(b.ID, t.now, func(b *Bead) { b.Merge.Push = nil })
		return
	}
	end := func(b *Bead) {
		b.Merge.Push = nil
		reviseAttempt(b, outcome, reason, NoFault)
		edit(b)
	}
	if b.Status == InProgress {
		t.moveBead(b.ID, Open, end)
		return
	}
	t.s.editBead(b.ID, t.now, end)
}

func (p *TargetMoved) apply(t *tick, e *Event) *Refusal {
	b, r := t.atPush(e)
	if r != nil {
		return r
	}
	moved := 1
	if p.Tip == "" {
		moved = 0
	}
	t.pushEnded(b, AttemptTargetMoved, fmt.Sprintf("%s moved while it was tested", b.Merge.Target), func(b *Bead) {
		b.Merge.Moved += moved
	})
	if p.Tip == "" {
		t.targetGone(t.s.beads[b.ID])
		return nil
	}
	t.targetMoves(t.s.beads[b.ID])
	return nil
}

func (p *PushRefused) apply(t *tick, e *Event) *Refusal {
	b, r := t.atPush(e)
	if r != nil {
		return r
	}
	live := b.Live()
	t.pushEnded(b, AttemptPushRefused, string(p.Class)+": "+p.Reason, func(b *Bead) {
		b.Merge.hold(Obstacle{Code: WaitPushRefused, Since: t.now, Reason: p.Reason})
	})
	if !live || t.s.noticeOf(Escalation, pushCause(b.Rig, p.Class)) != nil {
		return nil
	}
	t.escalated(Bead{
		Type: Escalation, Title: clip("The remote refuses a push to "+b.Merge.Target+" of "+string(b.Rig), maxTitle), Rig: b.Rig, CreatedBy: "review/push",
		Body:       clip(p.Reason+". No branch is to blame and nothing is lost; it is tried again by itself, and at once after gastown bead retry "+string(b.ID)+".", maxBody),
		Escalation: &EscalationPart{Severity: SeverityHigh, Category: "push_refused", Cause: pushCause(b.Rig, p.Class), About: b.ID},
	})
	return nil
}

func (p *MergeUnknown) apply(t *tick, e *Event) *Refusal {
	b, r := t.atPush(e)
	switch {
	case r != nil:
		return r
	case b.Merge.Push.Asked == 0:
		return ignore("no answer about the push of %s is waited for", b.ID)
	}
	t.s.editBead(b.ID, t.now, func(b *Bead) {
		push := b.Merge.Push
		push.Asked, push.Reason = 0, clip(joined(": ", p.Class, p.Reason), maxTitle)
		push.Pushed = push.Pushed || p.Pushed
		if p.Readable {
			push.Looks, push.Failed = push.Looks+1, 0
		} else {
			push.Failed++
		}
		push.After = t.now.Add(pushLooks[min(max(push.Looks, push.Failed, 1), len(pushLooks))-1])
	})
	return nil
}

func (p *MergeUnverified) apply(t *tick, e *Event) *Refusal {
	b, r := t.atPush(e)
	switch {
	case r != nil:
		return r
	case p.Commit != b.Merge.Push.Commit:
		return ignore("%s waits for %s, not for %s", b.ID, b.Merge.Push.Commit, p.Commit)
	case !b.Live():
		t.s.editBead(b.ID, t.now, func(b *Bead) { b.Merge.Push = nil })
		return nil
	}
	lost := func(b *Bead) {
		b.Merge.Push.Lost, b.Merge.Push.Asked, b.Merge.Push.Reason = true, 0, clip(p.Reason, maxTitle)
		reviseAttempt(b, AttemptUnmerged, "pushed, and not in "+b.Merge.Target+": "+p.Reason, NoFault)
	}
	if b.Status == InProgress {
		t.moveBead(b.ID, Open, lost)
	} else {
		t.s.editBead(b.ID, t.now, lost)
	}
	t.unverified(b, p)
	return nil
}

// unverified raises one escalation for a merge that was pushed and is not in its target. It ends with the merge
// request: nothing else tells what became of the commit.
func (t *tick) unverified(mr *Bead, p *MergeUnverified) {
	cause := "unverified/" + string(mr.ID)
	if t.s.noticeOf(Escalation, cause) != nil {
		return
	}
	t.escalated(Bead{
		Type: Escalation, Title: clip("Pushed and not there: "+mr.Title, maxTitle), Rig: mr.Rig, CreatedBy: "review/push",
		Body: clip(fmt.Sprintf("%s. Nothing counts as merged, and nothing is done again by itself: gastown bead retry %s looks again, gastown bead cancel %s gives it up.",
			p.Reason, mr.ID, mr.Merge.Source), maxBody),
		Escalation: &EscalationPart{Severity: SeverityHigh, Category: "not_merged", Cause: cause, About: mr.ID},
	})
}

// lookAgain has what keeps a merge request waiting be looked at now, at a person's wish; it reports whether there was
// anything.
func (t *tick) lookAgain(mr *Bead) bool {
	m := mr.Merge
	if m.Obstacle == nil && (m.Push == nil || !m.Push.Lost) {
		return false
	}
	t.s.editBead(mr.ID, t.now, func(b *Bead) {
		if o := b.Merge.Obstacle; o != nil {
			o.Since, o.Now = 0, true
		}
		if p := b.Merge.Push; p != nil && p.Lost {
			p.Lost, p.Pushed, p.Looks, p.Failed, p.After = false, true, 0, 0, 0
		}
	})
	return true
}

// held is the live merge request that a bead is, or has, or nil.
func (s *State) held(b *Bead) *Bead {
	if b.Merge == nil {
		return s.liveRequestOf(b.ID)
	}
	if b.Live() {
		return b
	}
	return nil
}

// escalated enters an escalation that an event raises.
func (t *tick) escalated(b Bead) { t.maker(string(t.addBead(b).ID)) }
