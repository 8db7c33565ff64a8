package town

import "fmt"

// Why explains an entity: what it is and what each rule that concerns it says, from the same code
// that decides.
type Why struct {
	Kind   Kind   `json:"kind"`
	ID     string `json:"id"`
	Status string `json:"status"`
	Since  Time   `json:"since"`
	// Summary is the one sentence that people look for.
	Summary string `json:"summary"`
	// Due are the actions that the next tick will perform.
	Due []Action `json:"due,omitempty"`
	// Waits are what keeps the rules from acting, in the order of the rules.
	Waits []Wait `json:"waits,omitempty"`
	// Next is when anything can change by itself; zero if only an event can change something.
	Next Time `json:"next,omitempty"`
	// Related are the agents and beads that it hangs together with.
	Related []string `json:"related,omitempty"`
}

// Why explains a bead, an agent, a convoy or a nudge at a moment; ok is false if there is none of that id.
func (s *State) Why(id string, now Time) (w Why, ok bool) {
	now = max(now, s.at)
	switch {
	case s.beads[BeadID(id)] != nil:
		b := s.beads[BeadID(id)]
		w = Why{Kind: KindBead, ID: id, Status: string(b.Status), Since: b.Since, Related: s.relatedOf(b)}
	case s.nudges[NudgeID(id)] != nil:
		n := s.nudges[NudgeID(id)]
		w = Why{Kind: KindNudge, ID: id, Status: string(n.Status), Since: max(n.Created, n.Delivered, n.Expired), Related: []string{string(n.Agent)}}
	case s.agents[AgentID(id)] != nil:
		a := s.agents[AgentID(id)]
		w = Why{Kind: KindAgent, ID: id, Status: string(a.Status), Since: a.Since}
		if a.Hook != "" {
			w.Related = []string{string(a.Hook)}
		}
	default:
		return w, false
	}
	for i := range rules {
		rule := &rules[i]
		if rule.On != w.Kind {
			continue
		}
		look := rule.Look(s, now, id)
		for _, a := range look.Actions {
			a.Rule = rule.Name
			w.Due = append(w.Due, a)
		}
		if look.Wait != nil {
			look.Wait.Rule = rule.Name
			w.Waits = append(w.Waits, *look.Wait)
			if u := look.Wait.Until; u != 0 && (w.Next == 0 || u < w.Next) {
				w.Next = u
			}
		}
	}
	for _, v := range s.Violations() {
		if v.Kind == w.Kind && v.ID == id {
			w.Waits = append(w.Waits, s.lastingWait(v))
		}
	}
	w.Summary = s.summary(&w)
	return w, true
}

// lastingWait says of an entity that an invariant does not hold for it, and who has been told.
func (s *State) lastingWait(v Violation) Wait {
	f := breach{v.Invariant, ref{v.Kind, v.ID}}
	w := Wait{Code: WaitViolation, Rule: invariantOf(f.number).recovery(), Reason: v.Message}
	if o := s.noticeOf(Escalation, f.cause()); o != nil {
		w.On, w.Reason = string(o.ID), w.Reason+"; "+string(o.ID)+" tells people"
	}
	return w
}

func (s *State) summary(w *Why) string {
	is := fmt.Sprintf("%s is %s", w.ID, w.Status)
	b := s.beads[BeadID(w.ID)]
	switch {
	case len(w.Due) > 0:
		a := w.Due[0]
		return fmt.Sprintf("%s; the next tick will %s: %s", is, a.Kind, a.Reason)
	case b != nil && b.Failure != nil:
		return fmt.Sprintf("%s: %s", is, b.Failure.Message)
	case len(w.Waits) > 0:
		return fmt.Sprintf("%s: %s", is, w.Waits[0].Reason)
	}
	if a := s.agents[AgentID(w.ID)]; a != nil && a.Hook != "" {
		return fmt.Sprintf("%s on %s", is, a.Hook)
	}
	return is
}

func (s *State) relatedOf(b *Bead) []string {
	var out []string
	for _, id := range s.ix.hookedTo[b.ID] {
		out = append(out, string(id))
	}
	for _, id := range s.ix.requestsOf[b.ID] {
		out = append(out, string(id))
	}
	for _, d := range s.ix.needs[b.ID] {
		out = append(out, string(d.On))
	}
	if b.Merge != nil {
		out = append(out, string(b.Merge.Source))
	}
	return out
}
