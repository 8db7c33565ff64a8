package api_test

import (
	"fmt"

	"pgregory.net/rapid"

	"gastown/internal/town"
)

// What happens to the towns of the dry run's test: people, agents, the runtime and the effects do what they like.

// oneOf draws one of a list.
func oneOf[T any](s *seer, list ...T) T { return rapid.SampledFrom(list).Draw(s.t, "one of") }

// payload draws one of several, of which one may be nothing.
func payload(s *seer, list ...town.Payload) town.Payload { return oneOf(s, list...) }

func pointer[T any](v T) *T { return &v }

// config is how a town is set up.
func (s *seer) config() town.Event {
	agents := map[town.Role]town.AgentCommand{town.Polecat: {Preset: "claude"}}
	if oneOf(s, true, false) {
		agents[town.Triage] = town.AgentCommand{Preset: "claude"}
	}
	return town.Event{Payload: &town.TownConfigured{Settings: town.Settings{
		Agents: agents, MaxPolecatsPerRig: pointer(oneOf(s, 1, 2, 5)), MaxStartsPerTick: pointer(oneOf(s, 1, 2, 5)),
		MaxDispatchAttempts: pointer(oneOf(s, 1, 2, 5)), BeadTimeout: pointer(oneOf(s, 30*town.Minute, 4*town.Hour)),
		OnBlockerFailed: pointer(oneOf(s, town.BlockerHold, town.BlockerContinue, town.BlockerFail)),
		OnMemberFailed:  pointer(oneOf(s, town.MemberHold, town.MemberLandWithout)),
		MergeStrategy:   pointer(oneOf(s, town.StrategyDirect, town.StrategyDirect, town.StrategyPR)),
		Retention:       pointer(oneOf(s, 27*town.Hour, 168*town.Hour)),
		Notify:          oneOf(s, nil, &town.NotifySettings{Webhooks: []string{"https://hook.example/x"}}),
	}}}
}

// turn lets some time pass and a few things happen.
func (s *seer) turn() {
	due := town.Time(0)
	s.read(func(st *town.State) { due = st.NextDue() })
	now := s.c.Now()
	wait := oneOf(s, 0, 1, town.Second, 7*town.Second, 30*town.Second, town.Minute, 6*town.Minute, 40*town.Minute,
		-1, -1, -1) // until something comes due
	if wait < 0 {
		wait = min(max(due.Since(now), 0), 3*town.Hour)
	}
	s.later(now.Add(wait))
	s.submit(s.facts(rapid.IntRange(0, 4).Draw(s.t, "events"))...)
}

// facts are things that could happen now.
func (s *seer) facts(n int) []town.Event {
	var out []town.Event
	for range n {
		e := s.fact()
		if e.Payload != nil {
			out = append(out, e)
		}
	}
	return out
}

func (s *seer) fact() town.Event {
	var agents []*town.Agent
	var beads []*town.Bead
	s.read(func(st *town.State) { agents, beads = st.Agents(), st.Beads() })
	side := rapid.IntRange(0, 9).Draw(s.t, "side")
	if side < 4 {
		if e, ok := s.answer(); ok {
			return e
		}
	}
	switch {
	case side < 7 && len(agents) > 0:
		return s.word(oneOf(s, agents...), beads)
	case len(beads) > 0 && side < 9:
		return s.command(oneOf(s, beads...), oneOf(s, beads...).ID)
	}
	return town.Event{Payload: s.task()}
}

// answer lets the oldest effect end in one of the ways it can; its time may also pass in silence.
func (s *seer) answer() (town.Event, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.effects) == 0 {
		return town.Event{}, false
	}
	e := s.effects[0]
	s.effects = s.effects[1:]
	out := town.Event{Agent: e.Agent, Run: e.Run}
	switch e.Kind {
	case town.EffectDispatch:
		out.Payload = payload(s, &town.DispatchAccepted{}, &town.DispatchAccepted{},
			&town.ContainerStatus{Status: town.Running}, &town.DispatchUnknown{},
			&town.DispatchRejected{Class: "clone", Infra: true, Reason: "no route"},
			&town.DispatchRejected{Class: "command", Reason: "no such program"}, nil)
	case town.EffectStop:
		out.Payload = payload(s, &town.AgentStopConfirmed{}, &town.ContainerStatus{Status: town.Exited}, nil)
	case town.EffectNudge:
		n := e.Nudge.Nudge
		out.Payload = payload(s, &town.NudgeArrived{Nudge: n}, &town.NudgeFailed{Nudge: n, Reason: "deaf"}, nil)
	case town.EffectNotify:
		n := e.Notify.Notice
		out = town.Event{Bead: e.Bead}
		out.Payload = payload(s, &town.PeopleNotified{Notice: n}, &town.PeopleNotified{Notice: n, Error: "refused"}, nil)
	case town.EffectVerify:
		out = town.Event{Bead: e.Bead}
		out.Payload = payload(s, &town.BranchVerified{Head: "cafe", Ahead: 2}, &town.BranchVerified{Head: "cafe"},
			&town.BranchVerified{Error: "down"}, nil)
	case town.EffectPushMerge, town.EffectFindMerge:
		out = town.Event{Bead: e.Bead}
		out.Payload = payload(s, &town.MergeCompleted{Commit: e.Push.Commit}, &town.TargetMoved{Tip: "beef"},
			&town.PushRefused{Class: town.PushHook, Reason: "not today"}, &town.MergeUnknown{Reason: "away"}, nil)
	case town.EffectFindLate:
		out = town.Event{Bead: e.Bead}
		out.Payload = payload(s, &town.LateCommits{}, &town.LateCommits{Count: 1, Head: "beef"}, nil)
	default:
		out = town.Event{Bead: e.Bead}
		out.Payload = payload(s, &town.PRPollFailed{Class: "network", Reason: "no route"}, nil)
	}
	return out, out.Payload != nil
}

// word is something that an agent, or the runtime about it, says of its current run.
func (s *seer) word(a *town.Agent, beads []*town.Bead) town.Event {
	now := s.c.Now()
	e := town.Event{Agent: a.ID, Run: a.Run}
	for _, b := range beads {
		if b.ID != a.Hook || oneOf(s, true, false) {
			continue
		}
		switch {
		case b.Triage != nil && len(b.Triage.Options) > 0:
			e.Payload = &town.TriageResolved{Resolution: oneOf(s, b.Triage.Options...)}
		case b.Merge != nil:
			e.Payload = payload(s, &town.MergeTested{Commit: "f00d", Tip: "7171"}, &town.MergeConflicted{Files: []string{"a.go"}},
				&town.MergeRejected{Gate: "test"}, &town.ChangesRequested{Feedback: "more tests"},
				&town.MergeFailed{Class: "push", Reason: "no"})
		default:
			e.Payload = &town.AgentDone{Branch: b.Branch, Head: "beef", Summary: "done"}
		}
		return e
	}
	e.Payload = payload(s,
		&town.ContainerStatus{Status: town.Running}, &town.ContainerStatus{Status: town.Exited},
		&town.AgentCompleted{Result: town.RunCompleted}, &town.AgentCompleted{Result: town.RunFailed, ExitCode: 1},
		&town.AgentCompleted{Result: town.RunEvicted}, &town.HeartbeatLost{}, &town.HeartbeatResumed{},
		&town.AgentEscalated{Severity: town.SeverityHigh, Category: "help", Message: "which one?"},
		&town.AgentUsage{TokensIn: 100, CostUSD: 0.5}, &town.AgentCheckpoint{Text: "half way"},
		&town.ActivityStopped{Since: now.Add(-town.ActivityEscalate)}, &town.ActivityStopped{Since: now},
		&town.ActivityResumed{})
	return e
}

// command is something that somebody does about a bead, or the town.
func (s *seer) command(b *town.Bead, other town.BeadID) town.Event {
	return town.Event{Bead: b.ID, Payload: payload(s,
		&town.BeadHeld{}, &town.BeadReleased{}, &town.BeadReleased{}, &town.BeadCancelled{}, &town.BeadRetried{},
		&town.BeadRetried{}, &town.DependencyAdded{On: other}, &town.BeadUpdated{Priority: pointer(town.Critical)},
		&town.ConvoyStarted{}, &town.EscalationAcknowledged{}, &town.ContainerEviction{Nonce: "n1"},
		&town.TownPaused{Reason: "lunch"}, &town.TownResumed{}, &town.TownResumed{},
		&town.TownConfigured{Settings: town.Settings{Budget: &town.Budget{TokensPerDay: 150}}})}
}

// task is new work.
func (s *seer) task() town.Payload {
	p := new(town.BeadCreated)
	for i := range oneOf(s, 1, 2, 4) {
		s.n++
		n := town.NewBead{Key: fmt.Sprint(i), Title: fmt.Sprint("Task ", s.n)}
		n.Rig, n.Priority = oneOf(s, town.RigID("web"), "api"), oneOf(s, town.High, town.Medium, town.Low)
		if i > 0 && oneOf(s, true, false) {
			n.DependsOn = []string{fmt.Sprint(i - 1)}
		}
		p.Beads = append(p.Beads, n)
	}
	if oneOf(s, true, false, false) {
		p.Convoy = &town.NewConvoy{Title: "Together", Staged: pointer(oneOf(s, true, false))}
		p.Convoy.MergeMode = oneOf(s, town.ReviewThenLand, town.ReviewAndMerge)
	}
	return p
}
