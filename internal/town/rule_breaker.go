package town

import "fmt"

// breaker opens when too many starts have failed alike, and closes when a probe went well or the
// failures have aged out of the window.
func breaker(s *State, now Time, k *Breaker) Look {
	n := k.counted(now)
	if k.Opened == 0 {
		if n < breakerOpens {
			return Look{}
		}
		reason := fmt.Sprintf("%d failures (%s) within %s", n, k.Class, breakerWindow)
		return act(append([]Action{{Kind: OpenBreaker, Breaker: k.ID(), Rig: k.Rig, Reason: reason}},
			s.escalate(EscalationPart{Severity: SeverityHigh, Category: "breaker", Cause: "breaker/" + k.ID(), Standing: true},
				k.Rig, fmt.Sprintf("The breaker of %s is open: %s", k.Scope(), reason),
				"Nothing is started there until a probe goes well or the failures have aged out.")...)...)
	}
	switch s.probeOf(k) {
	case probeWell:
		return s.closeBreaker(k, k.Probe, fmt.Sprintf("the probe, run %d, went well", k.Probe))
	case probeOver:
		return act(Action{Kind: EndProbe, Breaker: k.ID(), Rig: k.Rig, Run: k.Probe, Reason: "the probe did not go well"})
	}
	if n < breakerCloses {
		return s.closeBreaker(k, 0, fmt.Sprintf("%d failures are left within %s", n, breakerWindow))
	}
	until := k.ages()
	if k.Probe != 0 {
		return wait(WaitBreaker, until, string(k.ProbeBead), fmt.Sprintf("waits for its probe, run %d on %s", k.Probe, k.ProbeBead))
	}
	if next := k.nextProbe(); now < next && next < until {
		return wait(WaitBreaker, next, "", "open; the next start may be its probe")
	}
	return wait(WaitBreaker, until, "", "half open; the next start is its probe")
}

func (s *State) closeBreaker(k *Breaker, probe Run, reason string) Look {
	actions := []Action{{Kind: CloseBreaker, Breaker: k.ID(), Rig: k.Rig, Run: probe, Reason: reason}}
	if e := s.noticeOf(Escalation, "breaker/"+k.ID()); e != nil {
		actions = append(actions, Action{Kind: CloseEscalation, Bead: e.ID, Reason: "the breaker is closed: " + reason})
	}
	return act(actions...)
}

// nextProbe is when the open breaker lets one start through.
func (k *Breaker) nextProbe() Time { return max(k.Opened, k.Probed).Add(ProbeEvery) }

// probeState says how far a breaker's probe is.
type probeState int

const (
	probeNone probeState = iota
	probeRuns
	probeWell
	probeOver // it failed, or came to nothing
)

// probeOf looks how far the probe is. Where processes could not be started, one that runs is
// proof; else its attempt must end without being anybody's fault.
func (s *State) probeOf(k *Breaker) probeState {
	if k.Probe == 0 {
		return probeNone
	}
	b := s.beads[k.ProbeBead]
	if b == nil {
		return probeOver
	}
	for i := range b.Attempts {
		at := &b.Attempts[i]
		if at.Run != k.Probe {
			continue
		}
		a := s.agents[at.Agent]
		switch {
		case k.Starting && at.Outcome != AttemptRejected && a != nil && a.Run == at.Run && a.Observed == Running:
			return probeWell
		case at.Ended == 0:
			return probeRuns
		case at.Fault != NoFault || at.Outcome == AttemptCancelled || at.Outcome == AttemptStopped || at.Outcome == AttemptEvicted:
			return probeOver
		}
		return probeWell
	}
	return probeOver
}

// breakerWait says which breaker keeps starts in the rig back, or nil.
func (s *State) breakerWait(now Time, rig RigID) *Wait {
	for _, id := range s.openBreakers(rig) {
		k := s.breakers[id]
		what := fmt.Sprintf("the breaker of %s is open: %d failures (%s) within %s", k.Scope(), breakerOpens, k.Class, breakerWindow)
		if k.Probe != 0 {
			return &Wait{Code: WaitBreaker, On: id, Reason: fmt.Sprintf("%s; run %d is the probe", what, k.Probe)}
		}
		if next := k.nextProbe(); now < next {
			return &Wait{Code: WaitBreaker, Until: min(next, k.ages()), On: id, Reason: what}
		}
	}
	return nil
}
