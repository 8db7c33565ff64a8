package town

import (
	"slices"
	"strings"
)

// apply changes a convoy's text, way of merging or members: all of what is asked, or nothing.
func (p *ConvoyUpdated) apply(t *tick, e *Event) *Refusal {
	b, r := t.convoy(e)
	if r != nil {
		return r
	}
	for _, check := range []func(*tick, *Bead) *Refusal{p.checkWords, p.checkMembers, p.checkMode} {
		if r := check(t, b); r != nil {
			return r
		}
	}
	for _, id := range p.Remove {
		t.s.set(ref{KindDependency, (&Dependency{Bead: id, On: b.ID, Kind: Tracks}).key()}, nil)
	}
	for _, id := range p.Add {
		t.addDependency(id, b.ID, Tracks)
	}
	t.s.editBead(b.ID, t.now, func(b *Bead) {
		setIf(&b.Title, p.Title)
		setIf(&b.Body, p.Body)
		if len(p.Add) > 0 {
			b.Convoy.Ready = false
		}
		if p.MergeMode == nil || *p.MergeMode == b.Convoy.Mode {
			return
		}
		b.Convoy.Mode, b.Convoy.Branch = *p.MergeMode, ""
		if b.Convoy.Mode == ReviewThenLand {
			b.Convoy.Branch = ConvoyBranch(t.s.tag(), b.Title, b.ID)
		}
	})
	return nil
}

func (p *ConvoyUpdated) checkWords(_ *tick, _ *Bead) *Refusal {
	if p.Title != nil {
		if r := checkText(*p.Title, ""); r != nil {
			return r
		}
	}
	switch {
	case p.Body != nil && len(*p.Body) > maxBody:
		return invalid("body", "is longer than %d bytes", maxBody)
	case p.MergeMode != nil && *p.MergeMode != ReviewThenLand && *p.MergeMode != ReviewAndMerge:
		return invalid("mergeMode", "is %q, must be review-then-land or review-and-merge", *p.MergeMode)
	}
	return nil
}

// checkMembers refuses members that cannot come or go: an issue whose work is on its way into one
// branch cannot change to another.
func (p *ConvoyUpdated) checkMembers(t *tick, convoy *Bead) *Refusal {
	for i, id := range p.Add {
		b := t.s.beads[id]
		switch {
		case b == nil:
			return notFound("add", "there is no bead %s in this town", id)
		case b.Type != Issue:
			return invalid("add", "%s is no issue: its type is %s", id, b.Type)
		case b.Rework():
			return invalid("add", "%s is work on the branch of a merge request: it has none of its own", id)
		case slices.Contains(p.Add[:i], id):
			return invalid("add", "names %s twice", id)
		case t.s.convoyOf(id) != nil:
			return conflict("%s is a member of %s already", id, t.s.convoyOf(id).ID)
		case b.Status != Open && b.Status != InProgress:
			return conflict("%s is %s: its work does not go into the convoy any more", id, b.Status)
		case convoy.Convoy.Branch != "" && b.Rig != convoy.Rig:
			return invalid("add", "%s is of rig %s, and the convoy's branch of rig %s", id, b.Rig, convoy.Rig)
		case convoy.Convoy.Staged && b.Status == InProgress:
			return conflict("%s is in progress, and %s is staged: start that first, or stop the agent", id, convoy.ID)
		}
		if path := t.s.cycle(convoy.ID, id); path != "" {
			return conflict("that would close a cycle: %s", path)
		}
	}
	left := len(t.s.neededBy(convoy.ID, Tracks)) + len(p.Add)
	for i, id := range p.Remove {
		d := &Dependency{Bead: id, On: convoy.ID, Kind: Tracks}
		b := t.s.beads[id]
		switch {
		case t.s.deps[d.key()] == nil || b == nil:
			return notFound("remove", "%s is no member of %s", id, convoy.ID)
		case slices.Contains(p.Remove[:i], id):
			return invalid("remove", "names %s twice", id)
		case convoy.Convoy.Branch != "" && b.Status == InProgress:
			return conflict("%s is worked on from the convoy's branch: stop its agent first", id)
		case convoy.Convoy.Branch != "" && (b.Status == InReview || b.Outcome == OutcomeMerged):
			return conflict("the work on %s is on its way into the convoy's branch, or in it", id)
		}
		left--
	}
	if left == 0 {
		return invalid("remove", "leaves no member: close the convoy instead")
	}
	return nil
}

// checkMode refuses another way of merging once the old one has begun.
func (p *ConvoyUpdated) checkMode(t *tick, convoy *Bead) *Refusal {
	if p.MergeMode == nil || *p.MergeMode == convoy.Convoy.Mode {
		return nil
	}
	var begun []string
	for _, m := range t.s.membersOf(convoy.ID) {
		if m.Status == InReview || m.Outcome == OutcomeMerged {
			begun = append(begun, string(m.ID))
		}
		if *p.MergeMode == ReviewThenLand && m.Rig != convoy.Rig {
			return invalid("mergeMode", "review-then-land has one branch, but %s is of rig %s and the convoy of %s", m.ID, m.Rig, convoy.Rig)
		}
	}
	if len(begun) > 0 || convoy.Convoy.Landings > 0 {
		return conflict("merging has begun (%s): the way of merging cannot change any more", strings.Join(begun, ", "))
	}
	return nil
}
