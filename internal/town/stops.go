package town

// startWait says what keeps the town from starting anything in a rig, however ready the work is, or
// nil: a pause, a drain, an exhausted budget or an open breaker. Places and limits of polecats are
// the business of placeWait.
func (s *State) startWait(now Time, rig RigID) *Wait {
	switch {
	case s.town.Paused != 0:
		return &Wait{Code: WaitPaused, Reason: "the town is paused" + because(s.town.PausedReason)}
	case s.draining():
		return &Wait{Code: WaitDraining, Until: s.town.Draining.Add(DrainLimit), Reason: "the town is being drained"}
	}
	if w := s.budgetWait(now); w != nil {
		return w
	}
	return s.breakerWait(now, rig)
}
