package town

// Look is what a rule has to say about one subject: actions, or a wait, or nothing if it is not
// concerned. There are no actions and a wait at once.
type Look struct {
	Actions []Action
	Wait    *Wait
}

func act(actions ...Action) Look { return Look{Actions: actions} }

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
		Numbers: []string{number("heartbeat lost", HeartbeatMissing), number("start grace", StartGrace)}},
	{Name: "agents/gone", On: KindAgent, Look: onAgent(gone),
		Doc:     "A working or stalled agent whose process is not there is idle.",
		Numbers: []string{number("start grace", StartGrace)}},
	{Name: "agents/terminal-hook", On: KindAgent, Look: onAgent(terminalHook),
		Doc: "An agent whose bead has ended in this tick is stopped and let go."},
	{Name: "agents/idle-hooked", On: KindAgent, Look: onAgent(idleHooked),
		Doc: "An idle polecat on a live bead has lost it: the bead is open again. A refinery keeps its merge request for review/redispatch."},
	{Name: "agents/stalled-timeout", On: KindAgent, Look: onAgent(stalledTimeout),
		Doc:     "An agent that has been stalled for too long is given up.",
		Numbers: []string{number("stalled", StalledTimeout)}},
	{Name: "agents/linger", On: KindAgent, Look: onAgent(linger),
		Doc:     "A process whose run is over is stopped, and again until it is gone.",
		Numbers: []string{number("linger grace", LingerGrace), number("stop again after", StopAgain), number("doubling up to", StopAgainMax)}},
	{Name: "agents/collect", On: KindAgent, Look: onAgent(collect),
		Doc:     "An agent without work for a day leaves the books.",
		Numbers: []string{number("idle", CollectAfter)}},

	{Name: "beads/exhausted", On: KindBead, Look: onBead(exhausted),
		Doc:     "A bead whose attempts have failed too often by the agents' fault fails.",
		Numbers: []string{number("max_dispatch_attempts", DefaultConfig().MaxDispatchAttempts)}},
	{Name: "beads/blocker-failed", On: KindBead, Look: onIssue(blockerFailed),
		Doc:     "What a failed blocker means: hold, continue or fail.",
		Numbers: []string{number("on_blocker_failed", DefaultConfig().OnBlockerFailed)}},
	{Name: "beads/orphaned-review", On: KindBead, Look: onIssue(orphanedReview),
		Doc:     "A bead in review whose merge request has ended without being merged is open again, unless that is retried.",
		Numbers: []string{number("untouched", UntouchedGrace)}},
	{Name: "beads/timeout", On: KindBead, Look: onIssue(timeout),
		Doc:     "An attempt that takes too long is ended.",
		Numbers: []string{number("bead_timeout", DefaultConfig().BeadTimeout)}},
	{Name: "beads/rework-over", On: KindBead, Look: onIssue(reworkOver),
		Doc: "Rework on a merge request that is over, or not begun and no longer wanted on its pull request, is closed."},
	{Name: "beads/dispatch", On: KindBead, Look: onIssue(dispatch), pick: pickReady,
		Doc: "An open bead that nothing keeps waiting is given to a polecat: priority first, then the oldest.",
		Numbers: []string{
			number("back-off, after evictions from the second in a row", backoffs), number("max_polecats_per_rig", DefaultConfig().MaxPolecatsPerRig),
			number("max_agents", DefaultConfig().MaxAgents), number("max_starts_per_tick", DefaultConfig().MaxStartsPerTick),
		}},

	{Name: "review/verify", On: KindBead, Look: onRequest(verify),
		Doc:     "The branch of a merge request is looked at before anything is merged: it must exist and be ahead of its target.",
		Numbers: []string{number("ask again after", VerifyAgain)}},
	{Name: "review/push", On: KindBead, Look: onBead(pushMerge),
		Doc:     "A merge that passed its gates is pushed by the server and looked for in its target, also if its merge request has ended meanwhile.",
		Numbers: []string{number("looked for again after", pushLooks), number("ask again after", PushAgain)}},
	{Name: "review/late", On: KindBead, Look: onBead(late),
		Doc:     "What an agent has committed after its bead was verified, and while that was merged, is looked for when its process has ended.",
		Numbers: []string{number("ask again after", PushAgain), "tries 5"}},
	{Name: "review/stuck", On: KindBead, Look: onRequest(stuck),
		Doc:     "A merge request that has been in progress without a working agent goes back into the queue.",
		Numbers: []string{number("in progress", StuckAfter)}},
	{Name: "review/redispatch", On: KindAgent, Look: onAgent(redispatch),
		Doc:     "An idle refinery that holds a merge request tries it again after the back-off, up to the cap. What is left of its last run is stopped first.",
		Numbers: []string{number("back-off", backoffs), number("max_dispatch_attempts", DefaultConfig().MaxDispatchAttempts)}},
	{Name: "review/pop", On: KindBead, Look: onRequest(pop), pick: pickRequests,
		Doc:     "The next merge request of a rig's queue is given to its refinery, one at a time.",
		Numbers: []string{number("head start by priority", headStart)}},

	{Name: "review/pr-orphaned", On: KindBead, Look: onPull(pullOrphaned),
		Doc:     "A merge request whose pull request nobody looks at any more fails; never while looks are answered.",
		Numbers: []string{"8 looks in a row unanswered"}},
	{Name: "review/pr-feedback", On: KindBead, Look: onPull(pullFeedback),
		Doc:     "Comments, failing checks and conflicts of a pull request become one issue at a time on its branch, or a person's task.",
		Numbers: []string{"auto_resolve_pr_feedback true", "auto_resolve_merge_conflicts true", "max_dispatch_attempts 5"}},
	{Name: "review/auto-merge", On: KindBead, Look: onPull(autoMerge),
		Doc:     "A pull request that has been green for the delay is merged.",
		Numbers: []string{"auto_merge true", "auto_merge_delay 5m", "refusals 3", "ask again after 1m, doubling up to 30m"}},
	{Name: "review/poll", On: KindBead, Look: onPull(poll),
		Doc:     "The forge is asked how a pull request stands; a merge request whose pull request cannot be looked at fails.",
		Numbers: []string{"at most every 60s", "ask again after 1m, doubling up to 30m", "invalid answers 3", "transient failures 10", "a forge's rest at most 24h", "looks without what was pushed 10"}},

	{Name: "convoys/progress", On: KindBead, Look: onConvoy(progress),
		Doc: "The members of a convoy and those that are done are counted."},
	{Name: "convoys/land", On: KindBead, Look: onConvoy(land),
		Doc: "A convoy whose members are all in is closed, or its branch is landed first.",
		Numbers: []string{
			number("landing attempts", MaxLandings), number("cool-down doubling from", 2*landingStep), number("up to", landingMax),
			number("on_member_failed", DefaultConfig().OnMemberFailed),
		}},

	{Name: "breaker/trip", On: KindBreaker, Look: onBreaker(breaker),
		Doc:     "When too many starts fail alike, starts are kept back: in the rig, or in the town where the cause lies there. A probe that goes well lets them through again, and so does time.",
		Numbers: []string{"20 failures in 30m open it", "fewer than 10 close it", "a probe every 5m"}},

	{Name: "care/budget", On: KindUsage, Look: budgetSpent,
		Doc:     "Once the budget of a day is spent nothing is started before the next day, and people are told.",
		Numbers: []string{"budget none"}},
	{Name: "care/drain", On: KindTown, Look: drain,
		Doc:     "A drain is over when the container is ready again, when another instance is heard, or after its time limit.",
		Numbers: []string{"drain 7m"}},
	{Name: "activity/warn", On: KindAgent, Look: onAgent(activityWarn),
		Doc:     "An agent that has written nothing for a while is nudged, unless it says that a tool runs.",
		Numbers: []string{"silent 15m", "one nudge per tier per hour"}},
	{Name: "activity/escalate", On: KindAgent, Look: onAgent(activityEscalate),
		Doc:     "An agent that stays silent is nudged again, and triage is asked about it.",
		Numbers: []string{"silent 1h", "one nudge per tier per hour", "triage requests 5"}},
	{Name: "activity/stop", On: KindAgent, Look: onAgent(activityStop),
		Doc:     "An agent that is silent for too long is stalled and stopped, an hour after activity/escalate at the earliest; triage is asked.",
		Numbers: []string{"silent 2h"}},

	{Name: "care/crash-loop", On: KindBead, Look: onBead(crashLoop),
		Doc:     "Where there is a triage agent, it is asked about a bead whose attempts end the same way again and again, before they are used up.",
		Numbers: []string{"the same end 3 times in a row", "triage requests 5"}},
	{Name: "care/agent-asks", On: KindBead, Look: onBead(agentAsks),
		Doc:     "Where there is a triage agent, it is asked about an agent's escalation that asks for help or is of high severity.",
		Numbers: []string{"triage requests 5"}},
	{Name: "care/triage-over", On: KindBead, Look: onType(TriageRequest, triageOver),
		Doc: "A triage request about something that is over is closed."},
	{Name: "care/triage", On: KindBead, Look: onType(TriageRequest, triage),
		Doc:     "The oldest triage request is given to the triage agent, one at a time. Without one, or after too many failed runs, people are told once and it waits for them.",
		Numbers: []string{"open 30s and no run for 30s", "back-off 30s 1m 2m", "failed runs 3", "run 30m"}},
	{Name: "care/escalation-over", On: KindBead, Look: onBead(escalationOver),
		Doc: "An escalation about a bead that is over is closed."},
	{Name: "care/re-escalate", On: KindBead, Look: onBead(reEscalate),
		Doc:     "An escalation that nobody acknowledges is raised again.",
		Numbers: []string{"after 4h, then 8h, then 12h more", "3 times"}},
	{Name: "care/notify", On: KindBead, Look: onBead(notify),
		Doc:     "The mayor and the webhooks are told of an escalation when it is made and when it is raised again.",
		Numbers: []string{"notify.webhooks", "again after 1m, doubling", "5 tries"}},
	{Name: "care/mail", On: KindBead, Look: onType(Message, mail),
		Doc: "A message waits for whom it is for; one to an agent that has left the books is closed."},
	{Name: "care/molecule", On: KindBead, Look: onType(Molecule, molecule),
		Doc: "A workflow is closed when all its parts are over."},
	{Name: "care/nudges", On: KindNudge, Look: onNudge(nudges),
		Doc:     "A nudge is sent until it is delivered, expires, and leaves the books.",
		Numbers: []string{"again after 30s, doubling", "expires after 1h", "kept 1h more"}},
	{Name: "care/archive", On: KindBead, Look: onBead(archive),
		Doc:     "A bead that has been over for the retention moves to the archive.",
		Numbers: []string{number("retention", DefaultConfig().Retention)}},
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

func onBreaker(look func(*State, Time, *Breaker) Look) func(*State, Time, string) Look {
	return func(s *State, now Time, id string) Look {
		if k := s.breakers[id]; k != nil {
			return look(s, now, k)
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
	return onType(MergeRequest, func(s *State, now Time, b *Bead) Look {
		if b.Merge == nil {
			return Look{} // a damaged record, before the first tick mends it
		}
		return look(s, now, b)
	})
}

func onConvoy(look func(*State, Time, *Bead) Look) func(*State, Time, string) Look {
	return onType(Convoy, func(s *State, now Time, b *Bead) Look {
		if b.Convoy == nil {
			return Look{} // a damaged record, before the first tick mends it
		}
		return look(s, now, b)
	})
}
