package town

import (
	"fmt"
	"slices"
)

// chaos lets everything happen to a small town that can: people, agents, the runtime and effects do
// what they like, also what makes no sense, and time goes on in steps of all sizes. What happens is
// chosen by pick alone, so that a run can be repeated.
type chaos struct {
	playground
	pick   func(n int) int // from 0 to n-1
	inputs []Input
	cap    int
	titles int
	// damaged says that the town holds what no history puts there, so that violations and attempts
	// beyond the cap are to be expected.
	damaged bool
}

func newChaos(t failer, pick func(n int) int, unchecked bool) *chaos {
	c := &chaos{pick: pick, cap: 1 + pick(3)}
	c.t, c.now, c.unchecked = t, scenarioStart, unchecked
	c.s = New("t", "Town", testHistory, c.now)
	c.begin()
	two, starts := 2, 1+pick(3)
	blocker := []BlockerPolicy{BlockerHold, BlockerContinue, BlockerFail}[pick(3)]
	delay := []Duration{0, Minute}[pick(2)]
	strategy := []MergeStrategy{StrategyDirect, StrategyPR}[pick(2)]
	merges, resolves, solves := pick(3) > 0, pick(3) > 0, pick(3) > 0
	member := []MemberPolicy{MemberHold, MemberLandWithout}[pick(2)]
	agents := map[Role]AgentCommand{Polecat: {Preset: "claude"}}
	if pick(2) == 0 {
		agents[Triage] = AgentCommand{Preset: "claude"}
	}
	var told *NotifySettings
	if pick(2) == 0 {
		told = &NotifySettings{Webhooks: []string{"https://hook.example/x"}}
	}
	c.step(
		Event{Payload: &TownConfigured{Settings: Settings{
			Agents: agents, Notify: told,
			MaxPolecatsPerRig: &two, MaxStartsPerTick: &starts, MaxDispatchAttempts: &c.cap,
			OnBlockerFailed: &blocker, OnMemberFailed: &member,
			MergeStrategy: &strategy, AutoMergeDelay: &delay, AutoMerge: &merges, AutoResolvePRFeedback: &resolves, AutoResolveMergeConflicts: &solves,
		}}},
		Event{Payload: &RigAdded{Rig: "web", URL: "https://git.example/web", DefaultBranch: "main"}},
		Event{Payload: &RigAdded{Rig: "api", URL: "https://git.example/api", DefaultBranch: "main"}},
	)
	if strategy == StrategyPR {
		c.openPulls()
	}
	return c
}

// step has the town take the events, and records what it took.
func (c *chaos) step(events ...Event) {
	for i := range events {
		events[i].Type = events[i].Payload.Type()
	}
	starts := c.s.counters.LastRun
	c.tick(events)
	c.inputs = append(c.inputs, Input{Now: c.now, Events: events})
	if len(c.last.Violations) > 0 && !c.damaged {
		c.t.Fatalf("invariants are violated:\n%s", c.print(events, c.last))
	}
	if n := int(c.s.counters.LastRun - starts); n > c.s.config("").MaxStartsPerTick+len(c.s.rigs)+1 && !c.damaged {
		c.t.Fatalf("%d runs were started in one tick", n)
	}
	for _, b := range c.s.beads {
		limit := c.cap
		if b.Triage != nil {
			limit = MaxTriageRuns
		}
		if n := b.FailedAttempts(); n > limit && !c.damaged {
			c.t.Fatalf("%s has %d failed attempts, the cap is %d", b.ID, n, limit)
		}
		if b.Escalation != nil && b.Escalation.Raised > MaxRaised && !c.damaged {
			c.t.Fatalf("%s was raised %d times", b.ID, b.Escalation.Raised)
		}
	}
	if n := len(c.s.ix.triage); n > MaxTriageRequests && !c.damaged {
		c.t.Fatalf("%d triage requests are open", n)
	}
}

// turn lets a few things happen at once, after some time.
func (c *chaos) turn() {
	c.wait()
	var events []Event
	for range c.pick(4) {
		if e := c.anything(); e.Payload != nil {
			events = append(events, e)
		}
	}
	if !c.unchecked {
		c.lateWord()
	}
	c.step(events...)
}

func (c *chaos) wait() {
	steps := []Duration{0, 0, 1, Second, 30*Second - 1, 30 * Second, Minute, 5 * Minute, Hour, 5 * Hour, 100 * Hour}
	due := c.s.agenda.next()
	if i := c.pick(len(steps) + 4); i < len(steps) {
		c.now = c.now.Add(steps[i])
	} else if due > c.now {
		c.now = due
	}
}

// lateWord makes sure that what a run says that is over changes nothing.
func (c *chaos) lateWord() {
	agents := c.s.Agents()
	if len(agents) == 0 {
		return
	}
	a := agents[c.pick(len(agents))]
	if a.Run < 2 {
		return
	}
	late := c.wordOf(a)
	if late.Payload == nil {
		return
	}
	late.Run, late.Type = a.Run-1, late.Payload.Type()
	without, with := c.s.Plan(Input{Now: c.now}), c.s.Plan(Input{Now: c.now, Events: []Event{late}})
	if with.Events[0].Verdict != Ignored || with.Digest != without.Digest {
		c.t.Fatalf("%s of run %d, which is over, is %s:\n%s", late.Type, late.Run, with.Events[0].Verdict, c.print(nil, with))
	}
}

// anything is what one of the four sides does next.
func (c *chaos) anything() Event {
	agents := c.s.Agents()
	switch side := c.pick(10); {
	case side < 4 && len(c.effects) > 0:
		return c.answer()
	case side < 7 && len(agents) > 0:
		return c.wordOf(agents[c.pick(len(agents))])
	case side == 7 && c.pick(2) == 0:
		return c.forge()
	case side == 7 && len(agents) > 0:
		a := agents[c.pick(len(agents))].ID
		return Event{Agent: a, Payload: []Payload{&AgentReset{}, &AgentStopped{}}[c.pick(2)]}
	}
	return c.person()
}

// answer lets an effect end in one of the ways it can, or get lost.
func (c *chaos) answer() Event {
	i := c.pick(len(c.effects))
	e := c.effects[i]
	c.effects = slices.Delete(c.effects, i, i+1)
	out := Event{Agent: e.Agent, Run: e.Run}
	switch e.Kind {
	case EffectDispatch:
		out.Payload = []Payload{
			&DispatchAccepted{}, &DispatchAccepted{}, &ContainerStatus{Status: Running}, &DispatchUnknown{},
			&DispatchRejected{Class: "clone", Infra: true}, &DispatchRejected{Class: "command"}, nil,
		}[c.pick(7)]
	case EffectStop:
		out.Payload = []Payload{&AgentStopConfirmed{}, &AgentStopConfirmed{}, &ContainerStatus{Status: Exited}, nil}[c.pick(4)]
	case EffectNudge:
		out.Payload = []Payload{&NudgeArrived{Nudge: e.Nudge.Nudge}, &NudgeFailed{Nudge: e.Nudge.Nudge, Reason: "deaf"}, nil}[c.pick(3)]
	case EffectNotify:
		out = Event{Bead: e.Bead, Payload: []Payload{
			&PeopleNotified{Notice: e.Notify.Notice}, &PeopleNotified{Notice: e.Notify.Notice, Error: "refused"}, nil,
		}[c.pick(3)]}
	case EffectVerify:
		out = Event{Bead: e.Bead, Payload: []Payload{
			&BranchVerified{Head: "cafe", Ahead: 1}, &BranchVerified{Head: "cafe", Ahead: 3},
			&BranchVerified{Head: "cafe"}, &BranchVerified{}, &BranchVerified{Error: "down"}, nil,
			&BranchVerified{Head: "cafe", Ahead: 1, Astray: "elsewhere"}, &BranchVerified{Head: "cafe", Ahead: 2, Others: []string{"gt-1a", "gt-none"}},
		}[c.pick(6)]}
	case EffectPushMerge, EffectFindMerge:
		out = Event{Bead: e.Bead, Payload: c.wordOfPush(&e)}
	case EffectFindLate:
		out = Event{Bead: e.Bead, Payload: []Payload{
			&LateCommits{}, &LateCommits{Count: 2, Head: "beef", Ref: "refs/gastown/left/x/1"}, &LateCommits{Error: "down"}, nil,
		}[c.pick(4)]}
	case EffectPollPR, EffectMergePR:
		out = Event{Bead: e.Bead, Payload: c.wordOfForge(&e)}
	}
	return out
}

// wordOf is something that an agent, or the runtime about it, says of its current run.
func (c *chaos) wordOf(a *Agent) Event {
	e := Event{Agent: a.ID, Run: a.Run}
	b := c.s.beads[a.Hook]
	if b != nil && c.pick(2) == 0 {
		e.Payload = c.report(a, b)
		return e
	}
	e.Payload = []Payload{
		&ContainerStatus{Status: observedStatuses[c.pick(len(observedStatuses))]},
		&AgentCompleted{Result: RunCompleted}, &AgentCompleted{Result: RunFailed, ExitCode: 1}, &AgentCompleted{Result: RunEvicted},
		&HeartbeatLost{}, &HeartbeatResumed{}, &AgentCheckpoint{Text: "half"}, &AgentStatusLine{Line: "busy"},
		&AgentEscalated{Severity: SeverityHigh, Category: "help", Message: "help"},
		&AgentUsage{TokensIn: 100, TokensOut: int64(c.pick(500)), CostUSD: 0.5},
		&ActivityStopped{Since: c.now.Add(-Duration(c.pick(3)) * ActivityEscalate)}, &ActivityStopped{Since: c.now}, &ActivityResumed{},
		&AgentStatusLine{Tools: []string{"make"}}, &NudgeRequested{To: c.someAgent(), Message: "look"},
		&MessageSent{To: string(c.someAgent()), Subject: "look"}, &MessageSent{To: ToPeople, Subject: "look"},
		&MessageRead{Messages: []BeadID{c.someBead()}},
	}[c.pick(18)]
	return e
}

func (c *chaos) someAgent() AgentID {
	agents := c.s.Agents()
	return agents[c.pick(len(agents))].ID
}

func (c *chaos) someBead() BeadID {
	beads := c.s.Beads()
	if len(beads) == 0 {
		return ""
	}
	return beads[c.pick(len(beads))].ID
}

// decision is mostly one of the options, and else of all resolutions, whether it makes sense or not.
func (c *chaos) decision(b *Bead) Payload {
	all := b.Triage.Options
	if len(all) == 0 || c.pick(5) == 0 {
		all = sortedKeys(resolutionDocs)
	}
	return &TriageResolved{Resolution: all[c.pick(len(all))], Note: []string{"", "because"}[c.pick(2)]}
}

// report is how an agent's work on a bead can end.
func (c *chaos) report(a *Agent, b *Bead) Payload {
	if b.Triage != nil {
		return c.decision(b)
	}
	if b.Merge == nil {
		branch, _ := c.s.workBranch(b)
		return &AgentDone{Branch: branch, Head: []string{"beef", "f00d"}[c.pick(2)], NoChanges: []string{"", "", "nothing to do"}[c.pick(3)]}
	}
	if c.s.strategyOf(b) == StrategyPR && c.pick(2) == 0 {
		return c.openPull(b)
	}
	return []Payload{
		&MergeTested{Commit: "f00d", Tip: "7171"}, &MergeTested{Commit: "f00d", Tip: "7171"}, &MergeConflicted{Files: []string{"a.go"}},
		&MergeRejected{Gate: "test"}, &MergeFailed{Class: "push"}, &ChangesRequested{Feedback: "more tests"},
		&MergeFailed{Class: MergeNoForge, Reason: "no forge"},
	}[c.pick(7)]
}

// person is something that somebody does.
func (c *chaos) person() Event {
	beads := c.s.Beads()
	if len(beads) == 0 || c.pick(4) == 0 {
		return Event{By: "ann", Payload: c.newBeads()}
	}
	some := c.someBead
	if c.pick(5) == 0 {
		return c.careful()
	}
	return Event{By: "ann", Bead: some(), Payload: []Payload{
		&BeadHeld{}, &BeadReleased{}, &BeadReleased{}, &BeadCancelled{}, &BeadCancelled{As: Failed}, &BeadRetried{}, &BeadRetried{},
		&DependencyAdded{On: some()}, &DependencyRemoved{On: some()}, &ConvoyStarted{}, &ConvoyClosed{},
		&EscalationAcknowledged{}, &TownPaused{}, &TownResumed{}, &TownResumed{}, &BeadUpdated{Priority: &priorities[c.pick(4)]},
		&ContainerEviction{Nonce: "n1"}, &ContainerReady{Nonce: "n1"}, &TownConfigured{Settings: Settings{Budget: &Budget{TokensPerDay: int64(c.pick(3)) * 1000}}},
	}[c.pick(19)]}
}

// careful is something that somebody does about what needs a person.
func (c *chaos) careful() Event {
	e := Event{By: "ann"}
	var requests []*Bead
	for _, b := range c.s.Beads() {
		if b.Triage != nil {
			requests = append(requests, b)
		}
	}
	switch agents := c.s.Agents(); {
	case len(requests) > 0 && c.pick(2) == 0:
		b := requests[c.pick(len(requests))]
		e.Bead, e.Payload = b.ID, c.decision(b)
	case len(agents) > 0 && c.pick(2) == 0:
		e.Payload = &NudgeRequested{To: c.someAgent(), Message: "hurry"}
	case len(agents) > 0 && c.pick(2) == 0:
		e.Payload = &MessageSent{To: string(c.someAgent()), Subject: "news", Body: "old"}
	default:
		e.Payload = &MessageRead{Messages: []BeadID{c.someBead(), c.someBead()}}
	}
	return e
}

func (c *chaos) newBeads() Payload {
	p := new(BeadCreated)
	rig := []RigID{"web", "api"}[c.pick(2)]
	for i := range 1 + c.pick(3) {
		c.titles++
		n := NewBead{Key: fmt.Sprint(i), Title: fmt.Sprint("Task ", c.titles), Rig: rig, Priority: priorities[c.pick(4)]}
		if i > 0 && c.pick(2) == 0 {
			n.DependsOn = []string{fmt.Sprint(c.pick(i))}
		}
		p.Beads = append(p.Beads, n)
	}
	if c.pick(3) == 0 {
		staged := c.pick(4) == 0
		p.Convoy = &NewConvoy{Title: "Together", Staged: &staged, MergeMode: []MergeMode{"", ReviewThenLand, ReviewAndMerge}[c.pick(3)]}
	}
	return p
}

// calm lets everything go well from now on, until nothing more happens.
func (c *chaos) calm() {
	c.step(Event{Payload: &TownResumed{}}, Event{Payload: &TownConfigured{Settings: Settings{Budget: &Budget{}}}})
	for range 400 {
		events := append(c.successes(), c.tidy()...)
		due := c.s.agenda.next()
		if len(events) == 0 && (due == 0 || due > c.now.Add(recheckEvery+recheckSpread)) && !c.restless() {
			return
		}
		if len(events) == 0 || len(c.last.Changes) == 0 {
			// Words that change nothing do not hold up the time.
			c.now = max(c.now, due)
		}
		c.step(events...)
	}
}

// restless reports whether anything will come of waiting: a process that is not gone yet, or a bead
// that will be looked at for more than to be sure.
func (c *chaos) restless() bool {
	for _, a := range c.s.agents {
		if a.Stopping != 0 || a.Hook != "" || a.Status != Idle && a.Role != Mayor {
			return true
		}
	}
	for _, b := range c.s.beads {
		if w, _ := c.s.Why(string(b.ID), c.now); b.Live() && w.Next != 0 {
			return true
		}
	}
	return false
}

// tidy is what people do who read everything.
func (c *chaos) tidy() []Event {
	var events []Event
	for _, b := range c.s.Beads() {
		switch {
		case !b.Live():
		case b.unseen() != nil:
			events = append(events, Event{Bead: b.ID, By: "ann", Payload: &EscalationAcknowledged{}})
		case b.Triage != nil && b.Status == Open:
			events = append(events, Event{Bead: b.ID, By: "ann", Payload: &TriageResolved{Resolution: ResolveNone}})
		case b.Message != nil:
			events = append(events, Event{By: "ann", Payload: &MessageRead{Messages: []BeadID{b.ID}}})
		}
	}
	return events
}

// successes are good answers to all effects, and good ends of all that agents do.
func (c *chaos) successes() []Event {
	var events []Event
	for i := range c.effects {
		events = append(events, c.kindAnswer(&c.effects[i])...)
	}
	c.effects = nil
	for _, a := range c.s.Agents() {
		b := c.s.beads[a.Hook]
		if b == nil || a.Status != Working {
			continue
		}
		events = append(events, c.success(a, b), Event{Agent: a.ID, Run: a.Run, Payload: &AgentCompleted{Result: RunCompleted}})
	}
	return events
}

func (c *chaos) success(a *Agent, b *Bead) Event {
	e := Event{Agent: a.ID, Run: a.Run, Payload: &MergeTested{Commit: "f00d", Tip: "7171"}}
	switch {
	case b.Triage != nil:
		e.Payload = &TriageResolved{Resolution: ResolveNone}
	case b.Merge != nil && c.s.strategyOf(b) == StrategyPR:
		e.Payload = c.openPull(b)
	case b.Merge == nil:
		branch, _ := c.s.workBranch(b)
		e.Payload = &AgentDone{Branch: branch, Head: "beef"}
	}
	return e
}
