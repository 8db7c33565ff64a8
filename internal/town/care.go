package town

// What the rules of care find things by: the index of it, and what must be looked at when it changes.

// asks reports whether an agent's silence may make triage be asked. A mayor may be silent; triage is
// not asked about itself.
func (a *Agent) asks() bool {
	return a.Status == Working && a.Inactive != 0 && a.Role != Mayor && a.Role != Triage
}

// asks reports whether the bead may make triage be asked: work that fails the same way again and
// again, or an agent's escalation that triage may be able to answer.
func (b *Bead) asks() bool {
	switch {
	case !b.Live():
		return false
	case b.Type == Issue || b.Type == MergeRequest:
		_, n := b.loop()
		return n >= LoopLength
	case b.Escalation != nil:
		e := b.Escalation
		return e.Agent != "" && e.Request == "" && e.Acknowledged == 0 &&
			(e.Category == CategoryHelp || e.Severity == SeverityHigh || e.Severity == SeverityCritical)
	}
	return false
}

func (x *index) addCare(b *Bead) {
	if b.asks() {
		x.askers[b.ref()] = struct{}{}
	}
	if mayNeed(b) {
		x.people[b.ID] = struct{}{}
	}
	if !b.Live() {
		return
	}
	if b.Message != nil {
		insert(x.mailOf, AgentID(b.Message.To), b.ID)
	}
	if b.Triage != nil {
		x.triage[b.ID] = struct{}{}
	}
}

func (x *index) removeCare(b *Bead) {
	delete(x.askers, b.ref())
	delete(x.triage, b.ID)
	delete(x.people, b.ID)
	if b.Message != nil {
		drop(x.mailOf, AgentID(b.Message.To), b.ID)
	}
}

// touchHearer has what is meant for an agent looked at again, and the triage requests: one may be
// about it, or wait for it. A mayor is told of escalations.
func (s *State) touchHearer(before, after *Agent) {
	a := after
	if a == nil {
		a = before
	}
	for _, n := range s.ix.nudgesOf[a.ID] {
		s.agenda.mark(ref{KindNudge, string(n)})
	}
	for b := range s.ix.triage {
		s.markBead(b)
	}
	if before == nil || after == nil {
		for _, b := range s.ix.mailOf[a.ID] {
			s.markBead(b)
		}
	}
	if a.Role != Mayor {
		return
	}
	for _, list := range s.ix.noticesOf {
		for _, b := range list {
			s.markBead(b)
		}
	}
}

// touchTriage has the triage requests looked at again, and whatever waits for a place among them.
func (s *State) touchTriage() {
	for b := range s.ix.triage {
		s.markBead(b)
	}
	for r := range s.ix.askers {
		s.agenda.mark(r)
	}
}

// outstandingCare lists the nudges and notices that have been sent and not answered.
func (s *State) outstandingCare() []Effect {
	var out []Effect
	for _, id := range sortedKeys(s.nudges) {
		if e := s.nudgeEffect(s.nudges[id]); e != nil {
			out = append(out, *e)
		}
	}
	for _, id := range sortedKeys(s.beads) {
		if b := s.beads[id]; b.Escalation != nil {
			if e := s.notifyEffect(b); e != nil {
				out = append(out, *e)
			}
		}
	}
	return out
}
