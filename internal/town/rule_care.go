package town

func escalationOver(s *State, _ Time, b *Bead) Look {
	if b.Type != Escalation || !b.Live() {
		return Look{}
	}
	if b.Escalation.About == "" {
		return wait(0, "", "waits for a person to acknowledge it")
	}
	about := s.beads[b.Escalation.About]
	if about != nil && about.Live() {
		return wait(0, string(about.ID), "waits for a person to acknowledge it, or for the end of "+string(about.ID))
	}
	return act(Action{Kind: CloseEscalation, Bead: b.ID, Reason: "what it was about is over"})
}

func archive(s *State, now Time, b *Bead) Look {
	if b.Live() {
		return Look{}
	}
	if on := s.stillNeededBy(b); on != "" {
		return wait(0, string(on), "kept for "+string(on))
	}
	end := b.Closed.Add(s.config("").Retention)
	if now < end {
		return wait(end, "", "over; moves to the archive after the retention")
	}
	return act(Action{Kind: ArchiveBead, Bead: b.ID, Reason: "over for " + s.config("").Retention.String()})
}

// stillNeededBy returns a bead whose rules look at b, or "". A convoy keeps its members as long as
// it is here itself: retried, it must know what they came to.
func (s *State) stillNeededBy(b *Bead) BeadID {
	for _, d := range s.ix.neededBy[b.ID] {
		if o := s.beads[d.Bead]; o != nil && o.Live() {
			return o.ID
		}
	}
	if c := s.convoyOf(b.ID); c != nil {
		return c.ID
	}
	if mr := s.liveRequestOf(b.ID); mr != nil {
		return mr.ID
	}
	if b.Merge != nil {
		if src := s.beads[b.Merge.Source]; src != nil && src.Live() {
			return src.ID
		}
	}
	return ""
}
