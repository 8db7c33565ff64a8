package sim

import "gastown/internal/town"

// careLedger holds what the bounds of the rules of care are measured by.
type careLedger struct {
	probes  map[string]town.Run // under way, by breaker
	nudged  map[nudgeKey]town.Time
	reworks map[town.BeadID]int
}

type nudgeKey struct {
	agent town.AgentID
	tier  town.Tier
}

func newCareLedger() careLedger {
	return careLedger{probes: map[string]town.Run{}, nudged: map[nudgeKey]town.Time{}, reworks: map[town.BeadID]int{}}
}

// recorded takes in what a recorded tick has left.
func (l *careLedger) recorded(s *town.State, rec *town.Tick) {
	for i := range rec.Changes {
		x := &rec.Changes[i]
		switch x.Kind {
		case town.KindBreaker:
			delete(l.probes, x.ID)
		case town.KindBead:
			if b := s.Bead(town.BeadID(x.ID)); b != nil && b.Merge != nil {
				l.reworks[b.ID] = b.Merge.Reworks
			}
		}
	}
	for _, k := range s.Breakers() {
		if k.Probe != 0 {
			l.probes[k.ID()] = k.Probe
		}
	}
	for i := range rec.Actions {
		if a := &rec.Actions[i]; a.Kind == town.CreateNudge {
			l.nudged[nudgeKey{a.Agent, town.Tier(a.Category)}] = rec.At
		}
	}
}

// stops: nothing is dispatched while the town is paused, drained or over its budget, nor through an open
// breaker but one probe at a time.
func (c *checker) stops(s *town.State, rec *town.Tick) {
	stopped := stoppedBy(s, rec.At)
	for i := range rec.Actions {
		a := &rec.Actions[i]
		if a.Kind != town.DispatchAgent {
			continue
		}
		if stopped != "" {
			c.failf("stops", a.Bead, "%s was given to %s by %s, and the town is %s", a.Bead, a.Agent, a.Rule, stopped)
		}
		for _, k := range s.Breakers() {
			if k.Opened == 0 || k.Opened == rec.At || k.Rig != "" && k.Rig != a.Rig {
				continue
			}
			if k.Probe != a.Run {
				c.failf("stops", a.Bead, "%s was given to %s by %s through the open breaker %s, whose probe is run %d", a.Bead, a.Agent, a.Rule, k.ID(), k.Probe)
			}
			if old := c.ledger.care.probes[k.ID()]; old != 0 && !ends(rec, k.ID(), old) {
				c.failf("stops", a.Bead, "run %d became the probe of %s while run %d was", a.Run, k.ID(), old)
			}
		}
	}
}

// order: nothing is begun before what it waits for is over. What had been begun before it was made to wait goes on.
func (c *checker) order(s *town.State, rec *town.Tick) {
	for i := range rec.Actions {
		a := &rec.Actions[i]
		b := s.Bead(a.Bead)
		if a.Kind != town.DispatchAgent || b == nil || c.ledger.begun[b.ID] {
			continue
		}
		for _, d := range s.Needs(b.ID) {
			on := s.Bead(d.On)
			if d.Kind != town.Blocks || on == nil || on.Status == town.Closed {
				continue
			}
			if on.Status == town.Failed && s.Config(b.Rig).OnBlockerFailed == town.BlockerContinue {
				continue
			}
			c.failf("order", b.ID, "%s was given to %s by %s, and %s, which it waits for, is %s", b.ID, a.Agent, a.Rule, on.ID, on.Status)
		}
	}
}

// ends reports whether the tick has ended a probe.
func ends(rec *town.Tick, breaker string, probe town.Run) bool {
	for i := range rec.Actions {
		a := &rec.Actions[i]
		if a.Breaker == breaker && (a.Kind == town.EndProbe && a.Run == probe || a.Kind == town.CloseBreaker) {
			return true
		}
	}
	return false
}

// stoppedBy says what keeps the whole town from starting anything, or "".
func stoppedBy(s *town.State, now town.Time) string {
	x, u, budget := s.Town(), s.Usage(), s.Config("").Budget
	today := u.Day == now-now%town.Time(24*town.Hour)
	switch {
	case x.Paused != 0:
		return "paused"
	case x.Draining != 0:
		return "draining"
	case today && budget.TokensPerDay > 0 && u.Tokens >= budget.TokensPerDay, today && budget.USDPerDay > 0 && float64(u.Micros) >= budget.USDPerDay*1e6:
		return "over its budget"
	}
	return ""
}

// slackNudges is how many nudges an agent may have beyond what people and agents send: one of each
// tier, and one for each triage request.
const slackNudges = 2 + town.MaxTriageRequests

// nudges: an agent is not told more than it may be.
func (c *checker) nudges(s *town.State, id town.AgentID) {
	if n := len(s.NudgesOf(id)); n > town.MaxNudges+slackNudges {
		c.failf("bounds", "", "%s has %d nudges", id, n)
	}
}

// bounds: what costs people or agents something is not done more often than it may be.
func (c *checker) bounds(s *town.State, rec *town.Tick, b *town.Bead) {
	switch {
	case b.Escalation != nil && b.Escalation.Raised > town.MaxRaised:
		c.failf("bounds", b.ID, "people were told %d times again of %s", b.Escalation.Raised, b.ID)
	case b.Escalation != nil && b.Escalation.Notice.Try > town.MaxNotifyTries:
		c.failf("bounds", b.ID, "the webhooks were told of %s in %d tries", b.ID, b.Escalation.Notice.Try)
	case b.Triage != nil && b.Status == town.InProgress && b.FailedAttempts()+b.InfraAttempts() >= town.MaxTriageRuns:
		c.failf("bounds", b.ID, "%s is tried again after %d failed triage runs", b.ID, b.FailedAttempts()+b.InfraAttempts())
	case b.Merge != nil && b.Merge.Reworks > c.ledger.care.reworks[b.ID] && b.Merge.Reworks > c.attemptsAllowed(s, rec, b):
		c.failf("bounds", b.ID, "%s has %d reworks", b.ID, b.Merge.Reworks)
	}
	if n := s.BeadCounts()[town.TriageRequest]; b.Triage != nil && n[town.Open]+n[town.InProgress] > town.MaxTriageRequests {
		c.failf("bounds", b.ID, "%d triage requests are open", n[town.Open]+n[town.InProgress])
	}
}

// reminders: an agent is nudged at most once per tier within a nudge's life.
func (c *checker) reminders(rec *town.Tick) {
	for i := range rec.Actions {
		a := &rec.Actions[i]
		if a.Kind != town.CreateNudge || a.Category == "" {
			continue
		}
		if last, ever := c.ledger.care.nudged[nudgeKey{a.Agent, town.Tier(a.Category)}]; ever && rec.At < last.Add(town.NudgeLife) {
			c.failf("bounds", a.Bead, "%s was nudged (%s) at %s and is again", a.Agent, a.Category, last)
		}
	}
}

// attemptsAllowed is max_dispatch_attempts, or without bound if the tick has changed the configuration:
// it held before that.
func (c *checker) attemptsAllowed(s *town.State, rec *town.Tick, b *town.Bead) int {
	for i := range rec.Events {
		if t := rec.Events[i].Type; t == "town_configured" || t == "rig_updated" {
			return 1 << 30
		}
	}
	return s.Config(b.Rig).MaxDispatchAttempts
}
