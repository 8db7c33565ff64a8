package town

import (
	"fmt"
	"strings"
)

// An agent may commit on its branch after it has said done. Until the branch is verified that is part of the bead, and
// until its gates run the bead goes back to verification. What comes later is not merged: whoever looks at the bead is
// told, and the commits are kept.

// lateTries bounds how often late commits are looked for, should no look be answered.
const lateTries = 5

// LatePart is a look for commits that came after a merge request was verified.
type LatePart struct {
	Run   Run  `json:"run"`             // the run whose process was there after the verification and has ended since
	Asked Time `json:"asked,omitempty"` // when the look was asked for last
	Try   int  `json:"try,omitempty"`
	// Count and Head are what was found, once there is an answer.
	Over  bool   `json:"over,omitempty"`
	Count int    `json:"count,omitempty"`
	Head  string `json:"head,omitempty" share:"keep"`
}

func (p *LatePart) code(c *coder) {
	codeInt(c, &p.Run)
	codeInt(c, &p.Asked)
	codeInt(c, &p.Try)
	codeBool(c, &p.Over)
	codeInt(c, &p.Count)
	codeString(c, &p.Head)
}

// awaited reports whether the answer of a look is waited for.
func (p *LatePart) awaited() bool { return p != nil && !p.Over && p.Asked != 0 }

// runEnded notes that a run could still have committed after its merge request was verified.
func (t *tick) runEnded(a *Agent) {
	b := t.s.beads[a.Had]
	if a.Had != "" {
		t.s.editAgent(a.ID, func(a *Agent) { a.Had = "" })
	}
	if b == nil {
		return
	}
	mr := t.s.requestWorkedOn(b)
	if mr == nil || mr.Merge.Verify != Verified || mr.Merge.Late != nil && mr.Merge.Late.Run >= a.Run {
		return
	}
	if mr.Live() || mr.Outcome == OutcomeMerged {
		t.s.editBead(mr.ID, t.now, func(b *Bead) { b.Merge.Late = &LatePart{Run: a.Run} })
	}
}

// requestWorkedOn is the newest merge request of a bead's branch, or nil: for rework that of what it is rework of.
func (s *State) requestWorkedOn(b *Bead) *Bead {
	var newest *Bead
	consider := func(id BeadID) {
		if mr := s.beads[id]; mr != nil && mr.Merge != nil && (newest == nil || mr.Order > newest.Order) {
			newest = mr
		}
	}
	for _, id := range s.ix.requestsOf[b.ID] {
		consider(id)
	}
	if b.Rework() {
		for _, d := range s.neededBy(b.ID, Blocks) {
			consider(d.Bead)
		}
	}
	return newest
}

// movedBefore reports whether the merge before the newest one was not tried either since the branch had moved: then
// whoever merges may just say so, and is not asked again at once.
func (b *Bead) movedBefore() bool {
	at := len(b.Attempts) - 2
	return at >= 0 && strings.HasPrefix(b.Attempts[at].Reason, MergeMoved+": ")
}

// late has commits looked for that an agent has made after its merge request was verified.
func late(s *State, now Time, b *Bead) Look {
	if b.Type != MergeRequest || b.Merge == nil || b.Status != Closed || b.Outcome != OutcomeMerged || s.rigs[b.Rig] == nil {
		return Look{}
	}
	p := b.Merge.Late
	switch {
	case p == nil, p.Over:
		return Look{}
	case p.Asked != 0 && now < p.Asked.Add(PushAgain):
		return wait(WaitVerifying, p.Asked.Add(PushAgain), "", "commits that came after it was verified are looked for")
	case p.Try >= lateTries:
		return Look{}
	}
	return act(Action{Kind: FindLate, Bead: b.ID, Rig: b.Rig, N: p.Try + 1, Reason: "its agent was there until after it was verified"})
}

func (t *tick) askLate(a *Action, b *Bead) {
	t.s.editBead(b.ID, t.now, func(b *Bead) { b.Merge.Late.Asked, b.Merge.Late.Try = t.now, a.N })
}

// LateSpec says which commits to look for: those of a branch that neither what was verified of it nor its merge has.
type LateSpec struct {
	Repo      RepoSpec `json:"repo"`
	Branch    string   `json:"branch"`
	Head      string   `json:"headSha"`
	Commit    string   `json:"commit"`
	Workspace string   `json:"workspace"`
}

func (s *State) lateEffect(b *Bead) *Effect {
	m := b.Merge
	return &Effect{
		ID: fmt.Sprintf("%s/%s/%d/%d", EffectFindLate, b.ID, m.Late.Run, m.Late.Try), Kind: EffectFindLate, Bead: b.ID, Rig: b.Rig,
		Late: &LateSpec{Repo: s.repo(b.Rig), Branch: m.Branch, Head: m.Head, Commit: m.MergeCommit, Workspace: s.workspace(m.Source)},
	}
}

// outstandingLate are the looks for late commits that are not answered.
func (s *State) outstandingLate() []Effect {
	var out []Effect
	for _, id := range sortedKeys(s.ix.late) {
		if b := s.beads[id]; s.rigs[b.Rig] != nil {
			out = append(out, *s.lateEffect(b))
		}
	}
	return out
}

// LateCommits says what an agent has committed on its branch after that was verified, and what is thus not merged.
type LateCommits struct {
	Count int    `json:"count,omitempty" doc:"How many commits; none when empty."`
	Head  string `json:"headSha,omitempty" doc:"The last of them." share:"keep"`
	Ref   string `json:"ref,omitempty" doc:"The ref of the server's mirror that keeps them." share:"keep"`
	Error string `json:"error,omitempty" doc:"Why nobody could look."`
}

// Type implements Payload.
func (*LateCommits) Type() EventType { return "late_commits" }

// found is what a look found, on one line.
func (p *LateCommits) found() string {
	switch {
	case p.Error != "":
		return p.Error
	case p.Count == 0:
		return "nothing came after done"
	case p.Count == 1:
		return fmt.Sprintf("1 commit came after done and is not merged: %.10s", p.Head)
	}
	return fmt.Sprintf("%d commits came after done and are not merged: %.10s", p.Count, p.Head)
}

func (p *LateCommits) apply(t *tick, e *Event) *Refusal {
	b, r := t.bead(e)
	switch {
	case r != nil:
		return r
	case b.Merge == nil:
		return conflict("%s is no merge request: its type is %s", b.ID, b.Type)
	case !b.Merge.Late.awaited():
		return ignore("nobody looks for late commits of %s", b.ID)
	case p.Error != "":
		return nil // review/late asks again
	}
	t.s.editBead(b.ID, t.now, func(b *Bead) {
		b.Merge.Late.Over, b.Merge.Late.Count, b.Merge.Late.Head = true, p.Count, p.Head
	})
	if p.Count == 0 {
		return nil
	}
	said := p.found()
	title := b.Title
	if src := t.s.beads[b.Merge.Source]; src != nil {
		title = src.Title
		if at := src.lastAttempt(); at != nil && at.Ended != 0 {
			t.s.editBead(src.ID, t.now, func(b *Bead) { reviseAttempt(b, at.Outcome, joined("; ", at.Reason, said), at.Fault) })
		}
	}
	t.escalated(Bead{
		Type: Escalation, Title: clip("Commits after done are not merged: "+title, maxTitle), Rig: b.Rig, CreatedBy: "review/late",
		Body: clip(fmt.Sprintf("%s on %s: its gates had begun. They are kept as %s of the rig's mirror. If they are wanted, make a bead for them "+
			"(gastown sling --rig %s \"Take over %s: git cherry-pick %s\"); agents of the rig have the commits.",
			said, b.Merge.Branch, p.Ref, b.Rig, b.Merge.Source, p.Head), maxBody),
		Escalation: &EscalationPart{Severity: SeverityMedium, Category: "late_commits", Cause: fmt.Sprintf("late/%s/%d", b.ID, b.Merge.Late.Run)},
	})
	return nil
}
