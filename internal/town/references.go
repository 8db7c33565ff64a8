package town

import (
	"fmt"
	"slices"
	"strings"
)

// A merge may name what is not in the rig's repository: commits of submodules, large files. Where a fresh clone of the
// target would not get them, nothing is pushed.

// MaxReferences bounds how many of a kind are named.
const MaxReferences = 20

// Reference is something that a merge names and a fresh clone of it would not get.
type Reference struct {
	Path   string `json:"path" doc:"Where it is in the repository."`
	Name   string `json:"name,omitempty" doc:"The commit, or the id of the LFS object." share:"keep"`
	At     string `json:"at,omitempty" doc:"The address where it should be." share:"url"`
	Reason string `json:"reason,omitempty" doc:"What is wrong."`
}

// ReferencesMissing says that a fresh clone of a tested merge would lack something: nothing was pushed.
type ReferencesMissing struct {
	Gitlinks   []Reference `json:"gitlinks,omitempty" doc:"Submodules without an entry in .gitmodules that can be used."`
	LFS        []Reference `json:"lfs,omitempty" doc:"LFS objects that neither the remote nor the workspace has."`
	Submodules []Reference `json:"submodules,omitempty" doc:"Commits that are not at their submodule's remote."`
	Addresses  []Reference `json:"addresses,omitempty" doc:"Addresses that the target does not name and nobody has allowed."`
}

// Type implements Payload.
func (*ReferencesMissing) Type() EventType { return "references_missing" }

func (p *ReferencesMissing) apply(t *tick, e *Event) *Refusal {
	b, r := t.atPush(e)
	switch {
	case r != nil:
		return r
	case len(p.Gitlinks)+len(p.LFS)+len(p.Submodules)+len(p.Addresses) == 0:
		return invalid("gitlinks", "is empty, and so are the other lists")
	}
	switch fault := slices.Concat(p.Gitlinks, p.LFS); {
	case len(fault) > 0 && b.Status == InProgress:
		t.reworkReferences(b, fault)
	case len(p.Submodules) > 0:
		t.holdReferences(b, WaitNeedsPerson, p.Submodules, fmt.Sprintf(
			"push it there (%s has it in its workspace), or let the server: gastown rig set %s submodules=push", b.Merge.Source, b.Rig))
	case len(p.Addresses) > 0:
		t.holdReferences(b, WaitPolicy, p.Addresses, fmt.Sprintf(
			"if it is right, gastown rig set %s --allow-address %s", b.Rig, p.Addresses[0].At))
	default:
		t.pushEnded(b, AttemptReferences, referencesSaid(fault), func(*Bead) {})
	}
	return nil
}

// referencesSaid names what is missing in one line.
func referencesSaid(list []Reference) string {
	var parts []string
	for _, r := range list {
		text := r.Path
		if r.At != "" {
			text += " at " + r.At
		}
		parts = append(parts, joined(": ", text, r.Reason))
	}
	return clip(strings.Join(parts, "; "), maxObstacle)
}

// reworkReferences sends a merge request back whose branch names what nobody but its author can put right.
func (t *tick) reworkReferences(mr *Bead, fault []Reference) {
	said := referencesSaid(fault)
	body := fmt.Sprintf("A fresh clone of %s with branch %s would be broken:\n\n%s\n\n"+
		"A submodule needs an entry in .gitmodules (git submodule add); a large file must be added with git-lfs in this workspace. "+
		"Put that right on the branch, and commit it.", mr.Merge.Target, mr.Merge.Branch, bullets(strings.Split(said, "; ")))
	t.reworkOf(mr, "review/push", LabelRework, "Complete: ", body, said, func(m *Bead) {
		m.Merge.Push = nil
		reviseAttempt(m, AttemptReferences, said, NoFault)
	})
}

// holdReferences has a merge request wait for a person, and tells people once.
func (t *tick) holdReferences(mr *Bead, code WaitCode, list []Reference, remedy string) {
	said, live := referencesSaid(list), mr.Live()
	t.pushEnded(mr, AttemptReferences, said, func(b *Bead) {
		b.Merge.hold(Obstacle{Code: code, Since: t.now, Reason: said + "; " + remedy})
	})
	cause := "references/" + string(mr.ID)
	if !live || t.s.noticeOf(Escalation, cause) != nil {
		return
	}
	t.escalated(Bead{
		Type: Escalation, Title: clip("Not all of it could be cloned: "+mr.Title, maxTitle), Rig: mr.Rig, CreatedBy: "review/push",
		Body: clip(fmt.Sprintf("A fresh clone of %s with branch %s would lack %s. Nothing was pushed and nothing is lost: %s. It is tried "+
			"again by itself, and at once after gastown bead retry %s.", mr.Merge.Target, mr.Merge.Branch, said, remedy, mr.ID), maxBody),
		Escalation: &EscalationPart{Severity: SeverityHigh, Category: "references", Cause: cause, About: mr.ID},
	})
}

// referencesChanged lets merge requests that wait for a person's word about references be tried at once where the settings
// about these are not as they were.
func (t *tick) referencesChanged(rig RigID, before RepoSpec) {
	now := t.s.repo(rig)
	if now.Submodules == before.Submodules && now.LFS == before.LFS && slices.Equal(now.AllowAddresses, before.AllowAddresses) {
		return
	}
	for _, id := range slices.Clone(t.s.ix.requests[rig]) {
		if o := t.s.beads[id].Merge.Obstacle; o != nil && (o.Code == WaitPolicy || o.Code == WaitNeedsPerson) {
			t.lookAgain(t.s.beads[id])
		}
	}
}
