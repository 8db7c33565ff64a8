package town

import "slices"

func escalationOver(s *State, _ Time, b *Bead) Look {
	if b.Type != Escalation || b.Escalation == nil || !b.Live() {
		return Look{}
	}
	e := b.Escalation
	code, reason := WaitNeedsPerson, "waits for a person to acknowledge it"
	if e.Acknowledged != 0 {
		code, reason = WaitAcknowledged, "acknowledged"
	}
	if e.About == "" {
		if e.Standing {
			reason += "; ends with its cause"
		}
		return wait(code, 0, "", reason)
	}
	if about := s.beads[e.About]; about != nil && about.Live() {
		return wait(code, 0, string(about.ID), reason+"; ends with "+string(about.ID))
	}
	return act(Action{Kind: CloseEscalation, Bead: b.ID, Reason: "what it was about is over"})
}

func archive(s *State, now Time, b *Bead) Look {
	if b.Live() {
		return Look{}
	}
	if _, under := s.ix.pushing[b.ID]; under && b.Merge.Push.Try > 0 && !b.Merge.Push.Lost && s.rigs[b.Rig] != nil {
		return Look{} // review/push says what it waits for
	}
	if on := s.stillNeededBy(b); on != "" {
		return wait(WaitRetention, 0, string(on), "kept for "+string(on))
	}
	end := b.Closed.Add(s.config("").Retention)
	if now < end {
		return wait(WaitRetention, end, "", "over; moves to the archive after the retention")
	}
	return act(Action{Kind: ArchiveBead, Bead: b.ID, Reason: "over for " + s.config("").Retention.String()})
}

// stillNeededBy returns a bead whose rules look at b, or "". A convoy keeps its members and its
// landing as long as it is here itself: retried, it must know what they came to.
func (s *State) stillNeededBy(b *Bead) BeadID {
	for _, d := range s.ix.neededBy[b.ID] {
		if o := s.beads[d.Bead]; o != nil && o.Live() {
			return o.ID
		}
	}
	for _, list := range [][]BeadID{s.ix.aboutBead[b.ID], s.ix.childrenOf[b.ID]} {
		if len(list) > 0 {
			return list[0]
		}
	}
	if c := s.convoyOf(b.ID); c != nil {
		return c.ID
	}
	if mr := s.liveRequestOf(b.ID); mr != nil {
		return mr.ID
	}
	if mr := s.liveRequestOf(b.Parent); mr != nil && slices.Contains(mr.madeOfPull(), b.ID) {
		return mr.ID
	}
	if b.Merge != nil {
		if src := s.beads[b.Merge.Source]; src != nil && (src.Live() || src.Convoy != nil && src.Convoy.LandingRequest == b.ID) {
			return src.ID
		}
	}
	return ""
}
