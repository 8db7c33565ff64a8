package town

// convoy finds the event's bead, which must be a live convoy.
func (t *tick) convoy(e *Event) (*Bead, *Refusal) {
	b, r := t.liveBead(e)
	if r == nil && b.Convoy == nil {
		return nil, conflict("%s is no convoy: its type is %s", b.ID, b.Type)
	}
	return b, r
}

func (p *ConvoyStarted) apply(t *tick, e *Event) *Refusal {
	b, r := t.convoy(e)
	switch {
	case r != nil:
		return r
	case !b.Convoy.Staged:
		return ignore("%s is started already", b.ID)
	}
	t.s.editBead(b.ID, t.now, func(b *Bead) { b.Convoy.Staged = false })
	return nil
}

func (p *ConvoyClosed) apply(t *tick, e *Event) *Refusal {
	b, r := t.convoy(e)
	if r == nil {
		r = t.leaveConvoy(b)
	}
	if r != nil {
		return r
	}
	t.moveBead(b.ID, Closed, func(b *Bead) { finish(b, string(OutcomePerson), p.Reason) })
	t.dropRequests(b, "closed")
	return nil
}

// leaveConvoy has the members' merge requests go into the default branch, before their convoy ends:
// what is merged into its branch from then on would count as merged and never land.
func (t *tick) leaveConvoy(convoy *Bead) *Refusal {
	var requests []*Bead
	for _, m := range t.s.membersOf(convoy.ID) {
		mr := t.s.liveRequestOf(m.ID)
		switch {
		case mr == nil || mr.Merge.Target != convoy.Convoy.Branch:
		case mr.Status == InProgress:
			return conflict("%s is being merged into the convoy's branch: wait for that, or cancel %s first", mr.ID, m.ID)
		default:
			requests = append(requests, mr)
		}
	}
	for _, mr := range requests {
		t.s.editBead(mr.ID, t.now, func(b *Bead) {
			b.Merge.Target, b.Merge.Verify = t.s.repo(b.Rig).DefaultBranch, NotVerified
		})
	}
	return nil
}
