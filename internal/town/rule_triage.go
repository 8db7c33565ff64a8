package town

import (
	"fmt"
	"slices"
)

// The numbers of triage.
const (
	// MaxTriageRequests bounds the open requests: a town in trouble must not drown in questions about it.
	MaxTriageRequests = 5
	// TriageGrace is how long a request waits, and how long after the last triage run, so that what
	// comes together is seen together and what passes is not asked about.
	TriageGrace = 30 * Second
	// MaxTriageRuns is how many runs may fail on a request before people are asked instead.
	MaxTriageRuns = 3
	// TriageTimeout bounds a triage run: deciding is quick, or will not happen.
	TriageTimeout = 30 * Minute
	// LoopLength is how many attempts in a row must end the same way to be a loop.
	LoopLength = 3
	// MaxEscalations bounds what an agent may tell people about one bead.
	MaxEscalations = 10
)

// TriageAgent is the one triage agent of a town.
const TriageAgent AgentID = "triage"

// CategoryHelp is the category of an escalation that asks for help, which triage may give.
const CategoryHelp = "help"

// escalationsAbout counts the live escalations about a bead.
func (s *State) escalationsAbout(id BeadID) int {
	n := 0
	for _, o := range s.ix.aboutBead[id] {
		if s.beads[o].Escalation != nil {
			n++
		}
	}
	return n
}

// loop says how the newest attempts ended, and how many in a row ended so, of those since the last
// retry and the last request about them. What a person or the infrastructure ended says nothing.
func (b *Bead) loop() (way string, n int) { return b.loopSince(max(b.Forgiven, b.Triaged, 0)) }

// saysNothing are the ends of attempts that are no way to fail.
var saysNothing = [...]string{AttemptEvicted, AttemptStopped, AttemptCancelled}

func (b *Bead) loopSince(first int) (way string, n int) {
	for i := len(b.Attempts) - 1; i >= first; i-- {
		a := &b.Attempts[i]
		switch {
		case a.Ended == 0 || a.Fault == InfraFault || slices.Contains(saysNothing[:], a.Outcome):
			continue
		case a.Outcome == AttemptDone || n > 0 && a.Outcome != way:
			return way, n
		}
		way = a.Outcome
		n++
	}
	return way, n
}

// ask has triage decide, or says why that must wait.
func (s *State) ask(p TriagePart, rig RigID, title, reason string) Look {
	if s.subjectOver(&p) != "" {
		return Look{}
	}
	if o := s.noticeOf(TriageRequest, p.Cause); o != nil {
		return wait(WaitInTriage, 0, string(o.ID), string(o.ID)+" asks triage about it")
	}
	if n := len(s.ix.triage); n >= MaxTriageRequests {
		return wait(WaitInTriage, 0, "", fmt.Sprintf("triage is asked about it when there are fewer than %d open requests", MaxTriageRequests))
	}
	return act(Action{
		Kind: CreateTriageRequest, Bead: p.About, Agent: p.Agent, Run: p.Run, Rig: rig, Category: string(p.Kind), Cause: p.Cause,
		Title: title, Reason: reason,
	})
}

// crashLoop asks about work that fails the same way again and again, where there is a triage agent to
// end that sooner than the cap does.
func crashLoop(s *State, _ Time, b *Bead) Look {
	if b.Escalation != nil || !b.asks() || !s.hasTriage() {
		return Look{}
	}
	way, n := b.loop()
	kind := TriageCrashLoop
	if way == AttemptConflict {
		kind = TriageMergeConflict
	}
	return s.ask(TriagePart{Kind: kind, Cause: string(kind) + "/" + string(b.ID), About: b.ID}, b.Rig,
		fmt.Sprintf("%d attempts in a row at %s ended as %s", n, b.ID, way), "the last: "+b.lastReason())
}

// agentAsks has triage look at an agent's escalation, where there is a triage agent. People have been
// told anyway, so that without one nothing is missing.
func agentAsks(s *State, _ Time, b *Bead) Look {
	if b.Escalation == nil || !b.asks() || !s.hasTriage() {
		return Look{}
	}
	e := b.Escalation
	if about := s.beads[e.About]; about == nil || about.Triage != nil {
		return Look{}
	}
	kind := TriageEscalation
	if e.Category == CategoryHelp {
		kind = TriageHelp
	}
	return s.ask(TriagePart{Kind: kind, Cause: e.Cause, About: e.About, Agent: e.Agent, Run: e.Run}, b.Rig, b.Title,
		fmt.Sprintf("%s escalated (%s, %s)%s", e.Agent, e.Severity, e.Category, because(b.Body)))
}

// hasTriage reports whether a triage agent is configured.
func (s *State) hasTriage() bool {
	c := s.config("").Agents[Triage]
	return c.Preset != "" || len(c.Command) > 0
}

// triageOver closes a request that nobody need decide any more.
func triageOver(s *State, _ Time, b *Bead) Look {
	if why := s.subjectOver(b.Triage); why != "" {
		return act(closeBead(b, OutcomeDone, why))
	}
	return Look{}
}

// subjectOver says why nothing is left to be decided, or "". Work that has used up its attempts may
// still be retried.
func (s *State) subjectOver(p *TriagePart) string {
	about := s.beads[p.About]
	looping := p.Kind == TriageCrashLoop || p.Kind == TriageMergeConflict
	switch {
	case about == nil:
		return "what it is about is gone"
	case about.Status == Failed && looping && (about.Failure == nil || about.Failure.Code == "attempts_exhausted"):
		return ""
	case !about.Live() || about.Status == InReview && about.Type == Issue:
		return string(about.ID) + " is " + string(about.Status)
	case looping:
		if _, n := about.loopSince(max(about.Forgiven, 0)); n < LoopLength {
			return string(about.ID) + " does not fail the same way any more"
		}
	case p.Kind == TriageStuckAgent:
		if a := s.agents[p.Agent]; a != nil && a.Run == p.Run && a.Status == Working && a.Inactive == 0 {
			return string(a.ID) + " is active again"
		}
	}
	return ""
}

// triage gives the oldest request to the triage agent, or says whom it waits for.
func triage(s *State, now Time, b *Bead) Look {
	if b.Status != Open {
		return timeout(s, now, b)
	}
	if b.Held != 0 {
		return wait(WaitHeld, 0, "", "held by a person"+because(b.HeldReason))
	}
	if look := s.forPeople(b); look != nil {
		return *look
	}
	if w := s.startWait(now, startsIn(b)); w != nil {
		return Look{Wait: w}
	}
	if first := s.nextTriage(); first.ID != b.ID {
		return wait(WaitInQueue, 0, string(first.ID), "behind "+string(first.ID)+" at triage")
	}
	a := s.agents[TriageAgent]
	end, _ := backoffEnd(b)
	end = max(end, b.Since.Add(TriageGrace))
	if a != nil {
		if a.Status != Idle || a.Hook != "" || a.Process() {
			return wait(WaitNoSlot, 0, string(a.ID), "the triage agent is not free")
		}
		end = max(end, a.LastWork.Add(TriageGrace))
	}
	if now < end {
		return wait(WaitInTriage, end, "", "triage looks at it soon")
	}
	var actions []Action
	if a == nil {
		actions = append(actions, Action{Kind: CreateAgent, Agent: TriageAgent, Role: Triage, Reason: "the town has no triage agent yet"})
	}
	return act(append(actions, Action{
		Kind: DispatchAgent, Agent: TriageAgent, Bead: b.ID, Run: s.counters.LastRun + 1, From: string(Open), Reason: "the oldest triage request",
	})...)
}

// forPeople tells people, once, of a request that no agent will decide, and says that it waits for
// them. It returns nil if an agent may.
func (s *State) forPeople(b *Bead) *Look {
	why := s.undecided(b)
	if why == "" {
		return nil
	}
	look := wait(WaitNeedsPerson, 0, "", "waits for a person to decide (triage resolve): "+why)
	if actions := s.escalate(EscalationPart{
		Severity: SeverityHigh, Category: "triage", Cause: "triage/" + string(b.ID), About: b.ID,
	}, b.Rig, "A decision is needed: "+b.Title, why+"; the options: "+joinOptions(b.Triage.Options)); len(actions) > 0 {
		look = act(actions...)
	}
	return &look
}

// undecided says why no agent will decide a triage request, or "" if one may.
func (s *State) undecided(b *Bead) string {
	switch {
	case triageRuns(b) >= MaxTriageRuns:
		return fmt.Sprintf("%d triage runs failed", MaxTriageRuns)
	case !s.hasTriage():
		return "no triage agent is configured"
	}
	return ""
}

// triageRuns counts the runs that failed on a request, whoever's fault it was: a triage agent that
// cannot be started decides nothing either.
func triageRuns(b *Bead) int { return b.FailedAttempts() + b.InfraAttempts() }

// nextTriage is the oldest request that an agent may decide.
func (s *State) nextTriage() *Bead {
	var first *Bead
	for id := range s.ix.triage {
		b := s.beads[id]
		if b.Status == Open && b.Held == 0 && triageRuns(b) < MaxTriageRuns && (first == nil || b.Order < first.Order) {
			first = b
		}
	}
	return first
}
