package town

// The numbers of the agents' rules.
const (
	// StartGrace is how long a start may take before the agent must have been heard: clones and
	// images take minutes.
	StartGrace = 180 * Second
	// HeartbeatEvery is how often an agent's supervisor gives a sign of life.
	HeartbeatEvery = 30 * Second
	// HeartbeatMissing is the silence (three signs missed) after which an agent counts as lost.
	HeartbeatMissing = 90 * Second
	// StalledTimeout gives a stalled agent time to be helped before its work is given up.
	StalledTimeout = 2*Hour + 30*Minute
	// CollectAfter keeps idle agents in the books for a day, so that their logs are easy to find.
	CollectAfter = 24 * Hour
	// LingerGrace lets an agent say goodbye after its run is over.
	LingerGrace = 30 * Second
	// StopAgain is how long a stop may stay unconfirmed before it is asked for again; it doubles
	// with each time, up to StopAgainMax, so that a runtime that is away is not pestered.
	StopAgain    = 60 * Second
	StopAgainMax = 30 * Minute
)

func toIdle(a *Agent, reason string) Action {
	return Action{Kind: TransitionAgent, Agent: a.ID, Run: a.Run, From: string(a.Status), To: string(Idle), Reason: reason}
}

func stopIfRunning(a *Agent, reason string) []Action {
	if !a.Process() || a.Stopping != 0 {
		return nil
	}
	return []Action{{Kind: StopAgent, Agent: a.ID, Run: a.Run, Reason: reason, N: 1}}
}

func heartbeatLost(s *State, now Time, a *Agent) Look {
	if a.Status != Working || a.Role == Mayor || s.draining() {
		return Look{}
	}
	if a.HeartbeatLost != 0 {
		return act(toIdle(a, "no heartbeat for "+HeartbeatMissing.String()))
	}
	if a.Observed != NotObserved && a.Observed != Starting {
		return Look{}
	}
	grace := a.Dispatched.Add(StartGrace)
	if now < grace {
		return wait(WaitStarting, grace, string(a.ID), "waits for the first heartbeat")
	}
	return act(toIdle(a, "never heard within "+StartGrace.String()+" of its start"))
}

func gone(_ *State, now Time, a *Agent) Look {
	if a.Status != Working && a.Status != Stalled {
		return Look{}
	}
	if a.Observed != Exited && a.Observed != NotFound {
		return Look{}
	}
	grace := a.Dispatched.Add(StartGrace)
	if now < grace {
		return wait(WaitStarting, grace, string(a.ID), "its process is "+string(a.Observed)+"; within the start grace that may be an old look")
	}
	return act(toIdle(a, "its process is "+string(a.Observed)))
}

// terminalHook tidies up after whatever has ended a bead in this tick. What a loaded state holds of that kind is wrong,
// and recovered before the rules.
func terminalHook(s *State, _ Time, a *Agent) Look {
	b := s.beads[a.Hook]
	if b == nil || b.Live() {
		return Look{}
	}
	return act(letGo(a, "its bead is "+string(b.Status))...)
}

func idleHooked(s *State, _ Time, a *Agent) Look {
	if a.Status != Idle || a.Hook == "" {
		return Look{}
	}
	b := s.beads[a.Hook]
	if b == nil || !b.Live() || (a.Role == Refinery && b.Status == InProgress) {
		return Look{}
	}
	actions := stopIfRunning(a, "its bead goes to another")
	actions = append(actions, Action{Kind: UnhookAgent, Agent: a.ID, Run: a.Run, Bead: b.ID, Reason: "idle on a live bead"})
	if b.Status == InProgress && len(s.ix.hookedTo[b.ID]) == 1 {
		actions = append(actions, Action{
			Kind: TransitionBead, Bead: b.ID, From: string(InProgress), To: string(Open),
			Reason: "its agent was lost", Ends: AttemptLost, Fault: AgentFault,
		})
	}
	return act(actions...)
}

func stalledTimeout(_ *State, now Time, a *Agent) Look {
	if a.Status != Stalled {
		return Look{}
	}
	end := a.Since.Add(StalledTimeout)
	if now < end {
		return wait(WaitStalled, end, string(a.ID), "stalled; given up after "+StalledTimeout.String())
	}
	return act(toIdle(a, "stalled for "+StalledTimeout.String()))
}

func linger(_ *State, now Time, a *Agent) Look {
	switch {
	case a.Stopping != 0:
		patience := min(StopAgain<<min(max(a.StopTry-1, 0), 10), StopAgainMax)
		again := a.Stopping.Add(patience)
		if now < again {
			return wait(WaitStopping, again, string(a.ID), "waits for the end of its process")
		}
		return act(Action{Kind: StopAgent, Agent: a.ID, Run: a.Run, N: a.StopTry + 1,
			Reason: "the stop was not confirmed within " + patience.String()})
	case a.Status != Idle || a.Hook != "" || !a.Process():
		return Look{}
	case a.StopReason != "":
		return act(stopIfRunning(a, a.StopReason)...)
	}
	end := a.Since.Add(LingerGrace)
	if now < end {
		return wait(WaitStopping, end, string(a.ID), "its run is over; its process may say goodbye")
	}
	return act(Action{Kind: StopAgent, Agent: a.ID, Run: a.Run, N: 1,
		Reason: "its process goes on " + LingerGrace.String() + " after its run"})
}

func collect(_ *State, now Time, a *Agent) Look {
	if a.Status != Idle || a.Hook != "" || a.Role == Mayor || a.Stopping != 0 || a.Process() {
		return Look{}
	}
	end := a.LastWork.Add(CollectAfter)
	if now < end {
		return wait(WaitRetention, end, string(a.ID), "idle; leaves the books a day after its last work")
	}
	return act(Action{Kind: DeleteAgent, Agent: a.ID, Reason: "no work for " + CollectAfter.String()})
}
