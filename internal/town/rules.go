package town

// Wait says why a rule does not act, and until when.
type Wait struct {
	Rule   string `json:"rule"`
	Reason string `json:"reason"`
	// Until is when the rule will act or look again by itself; zero if only an event can help.
	Until Time `json:"until,omitempty"`
	// On is who or what it waits for, if that has a name.
	On string `json:"on,omitempty"`
}

// recheckEvery bounds how long anything that waits for an event alone is left unattended: should a
// wake-up ever be lost, the town heals from that within this time.
const recheckEvery = 10 * Minute

// lookAgain is when the subject of the wait is looked at again if nothing happens before.
func (w *Wait) lookAgain(now Time) Time {
	if w.Until > now {
		return w.Until
	}
	return now.Add(recheckEvery)
}

// Look is what a rule has to say about one subject: actions, or a wait, or nothing if it is not
// concerned. There are no actions and a wait at once.
type Look struct {
	Actions []Action
	Wait    *Wait
}

func act(actions ...Action) Look { return Look{Actions: actions} }

func wait(until Time, on, reason string) Look {
	return Look{Wait: &Wait{Reason: reason, Until: until, On: on}}
}

// Rule decides about subjects of one kind. Look has no side effects: the town calls it to act, and
// why calls it to explain.
type Rule struct {
	Name string
	Doc  string
	// Numbers are the constants and configuration keys the rule goes by, for the reference.
	Numbers []string
	On      Kind
	Look    func(s *State, now Time, id string) Look
	// pick chooses and orders the subjects where that is more than what is on the agenda.
	pick func(s *State, now Time, work []subject) []ref
}

// rules is every rule, in the order they run.
var rules = []Rule{
	{Name: "agents/heartbeat-lost", On: KindAgent, Look: onAgent(heartbeatLost),
		Doc:     "A working agent that is no longer heard, or never was within the start grace, is taken for lost.",
		Numbers: []string{"heartbeat lost 90s", "start grace 3m"}},
	{Name: "agents/gone", On: KindAgent, Look: onAgent(gone),
		Doc:     "A working or stalled agent whose process is not there is idle.",
		Numbers: []string{"start grace 3m"}},
	{Name: "agents/no-hook", On: KindAgent, Look: onAgent(noHook),
		Doc: "A working agent without a bead is idle."},
	{Name: "agents/terminal-hook", On: KindAgent, Look: onAgent(terminalHook),
		Doc: "An agent on a bead that is over or gone is stopped and let go."},
	{Name: "agents/idle-hooked", On: KindAgent, Look: onAgent(idleHooked),
		Doc: "An idle polecat on a live bead has lost it: the bead is open again. A refinery keeps its merge request for review/redispatch."},
	{Name: "agents/stalled-timeout", On: KindAgent, Look: onAgent(stalledTimeout),
		Doc:     "An agent that has been stalled for too long is given up.",
		Numbers: []string{"stalled 2h30m"}},
	{Name: "agents/linger", On: KindAgent, Look: onAgent(linger),
		Doc:     "A process whose run is over is stopped, and again until it is gone.",
		Numbers: []string{"linger grace 30s", "stop again after 1m, doubling up to 30m"}},
	{Name: "agents/collect", On: KindAgent, Look: onAgent(collect),
		Doc:     "An agent without work for a day leaves the books.",
		Numbers: []string{"idle 24h"}},

	{Name: "beads/exhausted", On: KindBead, Look: onBead(exhausted),
		Doc:     "A bead whose attempts have failed too often by the agents' fault fails.",
		Numbers: []string{"max_dispatch_attempts 5"}},
	{Name: "beads/blocker-failed", On: KindBead, Look: onIssue(blockerFailed),
		Doc:     "What a failed blocker means: hold, continue or fail.",
		Numbers: []string{"on_blocker_failed hold"}},
	{Name: "beads/stale-assignee", On: KindBead, Look: onIssue(staleAssignee),
		Doc: "An open bead forgets an agent that does not hold it."},
	{Name: "beads/agent-lost", On: KindBead, Look: onIssue(agentLost),
		Doc:     "A bead in progress that no agent holds is open again.",
		Numbers: []string{"untouched 5m"}},
	{Name: "beads/orphaned-review", On: KindBead, Look: onIssue(orphanedReview),
		Doc:     "A bead in review without a live merge request is closed if one was merged, else open again.",
		Numbers: []string{"untouched 5m"}},
	{Name: "beads/timeout", On: KindBead, Look: onIssue(timeout),
		Doc:     "An attempt that takes too long is ended.",
		Numbers: []string{"bead_timeout 4h"}},
	{Name: "beads/rework-over", On: KindBead, Look: onIssue(reworkOver),
		Doc: "Rework on a merge request that is over has nothing left to do and is closed."},
	{Name: "beads/dispatch", On: KindBead, Look: onIssue(dispatch), pick: pickReady,
		Doc:     "An open bead that nothing keeps waiting is given to a polecat: priority first, then the oldest.",
		Numbers: []string{"back-off 30s 1m 2m 5m 10m", "max_polecats_per_rig 4", "max_agents 8", "max_starts_per_tick 5"}},

	{Name: "review/verify", On: KindBead, Look: onRequest(verify),
		Doc:     "The branch of a merge request is looked at before anything is merged: it must exist and be ahead of its target.",
		Numbers: []string{"ask again after 1m"}},
	{Name: "review/stuck", On: KindBead, Look: onRequest(stuck),
		Doc:     "A merge request that has been in progress without a working agent goes back into the queue.",
		Numbers: []string{"in progress 30m"}},
	{Name: "review/abandoned", On: KindBead, Look: onRequest(abandoned),
		Doc:     "A merge request in progress that nobody holds goes back into the queue sooner.",
		Numbers: []string{"nobody hooked 2m"}},
	{Name: "review/redispatch", On: KindAgent, Look: onAgent(redispatch),
		Doc:     "An idle refinery that holds a merge request tries it again after the back-off, up to the cap. What is left of its last run is stopped first.",
		Numbers: []string{"back-off 30s 1m 2m 5m 10m", "max_dispatch_attempts 5"}},
	{Name: "review/pop", On: KindBead, Look: onRequest(pop), pick: pickRequests,
		Doc:     "The next merge request of a rig's queue is given to its refinery, one at a time.",
		Numbers: []string{"head start by priority 4h 1h 0 -1h"}},

	{Name: "convoys/progress", On: KindBead, Look: onConvoy(progress),
		Doc: "The members of a convoy and those that are done are counted."},
	{Name: "convoys/land", On: KindBead, Look: onConvoy(land),
		Doc:     "A convoy whose members are all in is closed, or its branch is landed first.",
		Numbers: []string{"landing attempts 5", "cool-down min(2^n x 30s, 30m)", "on_member_failed hold"}},

	{Name: "care/escalation-over", On: KindBead, Look: onBead(escalationOver),
		Doc: "An escalation about a bead that is over is closed."},
	{Name: "care/archive", On: KindBead, Look: onBead(archive),
		Doc:     "A bead that has been over for the retention moves to the archive.",
		Numbers: []string{"retention 168h"}},
}

// Rules lists every rule in the order they run.
func Rules() []Rule { return rules }

func onAgent(look func(*State, Time, *Agent) Look) func(*State, Time, string) Look {
	return func(s *State, now Time, id string) Look {
		if a := s.agents[AgentID(id)]; a != nil {
			return look(s, now, a)
		}
		return Look{}
	}
}

func onBead(look func(*State, Time, *Bead) Look) func(*State, Time, string) Look {
	return func(s *State, now Time, id string) Look {
		if b := s.beads[BeadID(id)]; b != nil {
			return look(s, now, b)
		}
		return Look{}
	}
}

func onType(typ BeadType, look func(*State, Time, *Bead) Look) func(*State, Time, string) Look {
	return onBead(func(s *State, now Time, b *Bead) Look {
		if b.Type != typ || !b.Live() {
			return Look{}
		}
		return look(s, now, b)
	})
}

func onIssue(look func(*State, Time, *Bead) Look) func(*State, Time, string) Look {
	return onType(Issue, look)
}

func onRequest(look func(*State, Time, *Bead) Look) func(*State, Time, string) Look {
	return onType(MergeRequest, look)
}

func onConvoy(look func(*State, Time, *Bead) Look) func(*State, Time, string) Look {
	return onType(Convoy, look)
}
