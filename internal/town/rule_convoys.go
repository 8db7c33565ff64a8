package town

import "fmt"

// The numbers of the convoys' rules.
const (
	// MaxLandings bounds how often a convoy's landing is tried before it fails.
	MaxLandings = 5
	// landingStep and landingMax are the cool-down between landings: min(2^n × 30 s, 30 min).
	landingStep = 30 * Second
	landingMax  = 30 * Minute
)

func landingCooldown(landings int) Duration {
	return min(landingStep<<min(landings, 10), landingMax)
}

// tally is how the members of a convoy stand.
type tally struct {
	all, closed, merged int
	failed              *Bead // the first failed one
	pending             *Bead // the first that goes on
	request             *Bead // a member's live merge request
	lastIn              Time  // when the last member was merged
	last                *Bead // that member
}

func (s *State) tally(convoy BeadID) tally {
	var t tally
	for _, m := range s.membersOf(convoy) {
		t.all++
		switch m.Status {
		case Closed:
			t.closed++
			if m.Outcome == OutcomeMerged {
				t.merged++
				if m.Closed >= t.lastIn {
					t.lastIn, t.last = m.Closed, m
				}
			}
		case Failed:
			if t.failed == nil {
				t.failed = m
			}
		default:
			if t.pending == nil {
				t.pending = m
			}
		}
		if mr := s.liveRequestOf(m.ID); mr != nil && t.request == nil {
			t.request = mr
		}
	}
	return t
}

func progress(s *State, _ Time, b *Bead) Look {
	t := s.tally(b.ID)
	if t.all == b.Convoy.Members && t.closed == b.Convoy.Done {
		return Look{}
	}
	return act(Action{Kind: UpdateConvoyProgress, Bead: b.ID, N: t.closed, Total: t.all,
		Reason: fmt.Sprintf("%d of %d members are in", t.closed, t.all)})
}

func land(s *State, now Time, b *Bead) Look {
	c := b.Convoy
	t := s.tally(b.ID)
	switch {
	case c.Staged:
		return wait(WaitStaged, 0, "", "staged: start it with convoy start")
	case t.pending != nil:
		if mr := s.beads[c.LandingRequest]; mr != nil && mr.Status == Open {
			return act(failBead(mr, "member_reopened", "the member "+string(t.pending.ID)+" is "+string(t.pending.Status)+" again"))
		}
		return wait(WaitBlocked, 0, string(t.pending.ID), fmt.Sprintf("%d of %d members are in; %s is %s%s",
			t.closed, t.all, t.pending.ID, t.pending.Status, because(s.liveRequestOf(t.pending.ID).heldUp())))
	case t.request != nil:
		return wait(WaitBlocked, 0, string(t.request.ID), "the merge request "+string(t.request.ID)+" of a member is "+string(t.request.Status))
	}
	if t.failed != nil {
		if s.config(b.Rig).OnMemberFailed == MemberHold {
			return wait(WaitBlockerFailed, 0, string(t.failed.ID), "its member "+string(t.failed.ID)+" failed: retry or cancel that, or close the convoy")
		}
		if t.closed == 0 {
			return act(Action{Kind: FailConvoy, Bead: b.ID, Code: "members_failed", Reason: "every member failed"})
		}
	}
	if t.merged == 0 {
		return act(Action{Kind: CloseConvoy, Bead: b.ID, Code: string(OutcomeEmpty), Reason: "its members are over and none changed anything"})
	}
	if c.Branch == "" {
		return act(Action{Kind: CloseConvoy, Bead: b.ID, Code: string(OutcomeLanded), Reason: "every member is merged"})
	}
	if !c.Ready {
		return act(Action{Kind: SetConvoyReady, Bead: b.ID, Reason: "every member is in " + c.Branch})
	}
	return s.landBranch(now, b, t)
}

// landBranch takes the convoy's branch to the rig's default branch, one merge request at a time. A
// landing that is older than the last member's merge does not have that member in it, unless its pull
// request has grown by it.
func (s *State) landBranch(now Time, b *Bead, t tally) Look {
	c := b.Convoy
	if mr := s.beads[c.LandingRequest]; mr != nil {
		if mr.Live() {
			return wait(WaitInReview, 0, string(mr.ID), "its landing "+string(mr.ID)+" "+mr.standing())
		}
		if mr.Status == Closed && mr.Merge != nil && mr.Merge.MergeCommit != "" && (mr.Created >= t.lastIn || s.grewBy(mr, t.last)) {
			return act(Action{Kind: CloseConvoy, Bead: b.ID, Code: string(OutcomeLanded), Reason: "its branch is merged"})
		}
	}
	if c.Landings >= MaxLandings {
		return act(Action{Kind: FailConvoy, Bead: b.ID, Code: "landing_failed",
			Reason: fmt.Sprintf("its branch could not be landed in %d attempts", MaxLandings)})
	}
	if c.Landings > 0 {
		if end := c.LastLanding.Add(landingCooldown(c.Landings)); now < end {
			return wait(WaitBackOff, end, "", fmt.Sprintf("cool-down after landing %d of %d", c.Landings, MaxLandings))
		}
	}
	return act(Action{Kind: CreateLandingMR, Bead: b.ID, N: c.Landings + 1, Reason: "ready to land"})
}

// grewBy reports whether a landing's pull request was merged at the commit that brought the member
// into the convoy's branch.
func (s *State) grewBy(landing, member *Bead) bool {
	mr := s.mergedRequestOf(member.ID)
	return landing.Merge.PR != nil && mr != nil && landing.Merge.PR.Head == mr.Merge.MergeCommit
}
