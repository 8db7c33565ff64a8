package town

import "slices"

// Need says what a person has to do about a bead. Metrics and pages name the same ones.
type Need string

const (
	// NeedEscalation is an escalation that nobody has acknowledged.
	NeedEscalation Need = "escalation"
	// NeedTriage is a triage request that no agent will decide.
	NeedTriage Need = "triage"
	// NeedFailed is an issue, merge request or convoy that has failed: retry it or leave it.
	NeedFailed Need = "bead_failed"
	// NeedConvoyHeld is a convoy that cannot land because a member has failed.
	NeedConvoyHeld Need = "convoy_held"
	// NeedStart is a convoy that is staged and must be started.
	NeedStart Need = "convoy_staged"
	// NeedRelease is a bead that a person holds.
	NeedRelease Need = "held"
	// NeedRead is a message to people that nobody has read.
	NeedRead Need = "message"
)

// Needs lists every kind of need, the most pressing first.
func Needs() []Need {
	return []Need{NeedEscalation, NeedTriage, NeedFailed, NeedConvoyHeld, NeedStart, NeedRelease, NeedRead}
}

// NeedOf says what a person has to do about the bead, or "" if nothing.
func (s *State) NeedOf(b *Bead) Need {
	if !mayNeed(b) {
		return ""
	}
	switch {
	case b.Status == Failed:
		return NeedFailed
	case b.Escalation != nil:
		return NeedEscalation
	case b.Triage != nil && b.Status == Open && s.undecided(b) != "":
		return NeedTriage
	case b.Convoy != nil && s.heldUp(b):
		return NeedConvoyHeld
	case b.Convoy != nil && b.Convoy.Staged:
		return NeedStart
	case b.Held != 0:
		return NeedRelease
	case b.Message != nil:
		return NeedRead
	}
	return ""
}

// NeedCounts says how many beads need a person, by what for.
func (s *State) NeedCounts() map[Need]int {
	out := map[Need]int{}
	for id := range s.ix.people {
		if n := s.NeedOf(s.beads[id]); n != "" {
			out[n]++
		}
	}
	return out
}

// mayNeed reports whether the bead by itself can need a person; the index lists those.
func mayNeed(b *Bead) bool {
	if b.Status == Failed {
		return b.Type == Issue || b.Type == Convoy || b.Type == MergeRequest
	}
	return b.Live() && (b.unseen() != nil || b.Triage != nil || b.Convoy != nil || b.Held != 0 ||
		b.Message != nil && b.Message.To == ToPeople)
}

// heldUp reports whether a convoy cannot land because a member has failed.
func (s *State) heldUp(convoy *Bead) bool {
	if s.config(convoy.Rig).OnMemberFailed != MemberHold {
		return false
	}
	return slices.ContainsFunc(s.membersOf(convoy.ID), func(m *Bead) bool { return m.Status == Failed })
}
