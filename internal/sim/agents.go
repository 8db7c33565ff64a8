package sim

import "gastown/internal/town"

// way is how a process lives its life, if a chance so decides.
type way struct {
	fault fault
	live  func(l *life, p *process)
}

// polecatWays are the ways of polecats that are not simply to work and say done.
var polecatWays = []way{
	{agentCrashes, func(l *life, p *process) { l.on(p, l.partly(), func() { l.runtime.exit(p, 1, "") }) }},
	{agentHangs, func(l *life, p *process) { l.silence(p, l.partly(), forEver) }},
	{agentLoops, func(*life, *process) {}},
	{agentSilent, func(l *life, p *process) {
		l.silence(p, l.partly(), l.gap())
		l.work(p, 1, "")
	}},
	{agentNoDone, func(l *life, p *process) { l.on(p, l.partly(), func() { l.runtime.exit(p, 0, "") }) }},
	{agentEmptyBranch, func(l *life, p *process) { l.work(p, 0, "") }},
	{agentNoBranch, func(l *life, p *process) { l.work(p, -1, "") }},
	{agentNoChanges, func(l *life, p *process) { l.work(p, 0, "it works already") }},
	{agentDoneLate, func(l *life, p *process) {
		l.on(p, l.partly(), func() {
			done := l.done(p, 1, "")
			l.runtime.exit(p, 0, "")
			l.after(l.between(town.Second, 20*town.Minute), func() { l.server.post(nil, l.says(p, done)) })
		})
	}},
	{agentDoneTwice, func(l *life, p *process) {
		l.on(p, l.partly(), func() {
			done := l.done(p, 1, "")
			l.say(p, done)
			l.after(l.between(1, town.Minute), func() { l.say(p, done) })
		})
	}},
	{agentMute, func(l *life, p *process) { l.mute(p, l.gapOfWriting(), func() { l.work(p, 1, "") }) }},
	{agentMuteForEver, func(l *life, p *process) { l.mute(p, forEver, func() { l.work(p, 1, "") }) }},
	{agentEvicted, func(l *life, p *process) {
		l.on(p, l.partly(), func() {
			p.result = town.RunEvicted
			l.runtime.exit(p, 137, "evicted")
		})
	}},
}

// refineryWays are the ways of refineries that are not simply to merge and say so.
var refineryWays = []way{
	{mergeConflicts, reports(func(*life, *process) town.Payload { return &town.MergeConflicted{Files: []string{"main.go"}} })},
	{gateFails, reports(func(*life, *process) town.Payload { return &town.MergeRejected{Gate: "test", Log: "FAIL"} })},
	{gateIsBroken, reports(func(*life, *process) town.Payload {
		return &town.GateBroken{Gate: "test", End: town.GateCouldNotRun, Target: "f00d", Log: "test: not found"}
	})},
	{changesWanted, reports(func(*life, *process) town.Payload {
		return &town.ChangesRequested{Feedback: "more tests", Files: []string{"main_test.go"}}
	})},
	{mergeInfra, reports(func(*life, *process) town.Payload {
		return &town.MergeFailed{Class: "network", Reason: "the remote does not answer"}
	})},
	{refineryCrashes, func(l *life, p *process) { l.on(p, l.mergeTime(), func() { l.runtime.exit(p, 1, "") }) }},
	{refineryCrashesMerged, func(l *life, p *process) {
		l.on(p, l.mergeTime(), func() {
			l.bring(p)
			l.runtime.exit(p, 1, "")
		})
	}},
	{agentMute, func(l *life, p *process) { l.mute(p, l.gapOfWriting(), func() { l.sayAndEnd(p, l.bring(p)) }) }},
	{agentMuteForEver, func(l *life, p *process) { l.mute(p, forEver, func() { l.sayAndEnd(p, l.bring(p)) }) }},
	{refineryHangs, func(l *life, p *process) { l.silence(p, l.mergeTime(), forEver) }},
	{refinerySilent, func(l *life, p *process) {
		gap := l.gap()
		l.silence(p, 0, gap)
		l.on(p, gap+l.mergeTime(), func() { l.sayAndEnd(p, l.bring(p)) })
	}},
	{refineryLate, func(l *life, p *process) {
		l.on(p, l.mergeTime(), func() {
			out := l.bring(p)
			l.runtime.exit(p, 0, "")
			l.after(l.between(town.Second, 20*town.Minute), func() { l.server.post(nil, l.says(p, out)) })
		})
	}},
}

// reports is the way of a refinery that finds something after a while, unless there is nothing to merge.
func reports(finds func(*life, *process) town.Payload) func(*life, *process) {
	return func(l *life, p *process) {
		l.on(p, l.mergeTime(), func() {
			out := l.repos.tryMerge(p.rig, p.spec.Merge)
			if out == nil {
				out = finds(l, p)
			}
			if there, ok := out.(*town.MergeCompleted); ok {
				out = l.repos.seen(p.rig, p.spec.Merge, there)
			}
			l.sayAndEnd(p, out)
		})
	}
}

// forEver is longer than any town lives.
const forEver = 10000 * town.Hour

// live decides how a process that has just been started will go on.
func (l *life) live(p *process) {
	ways := polecatWays
	switch {
	case p.spec.Merge != nil:
		ways = refineryWays
	case p.spec.Role == town.Triage:
		ways = triageWays
	}
	for _, w := range ways {
		if l.chance(w.fault) {
			w.live(l, p)
			return
		}
	}
	switch {
	case p.spec.Merge != nil:
		l.on(p, l.mergeTime(), func() { l.sayAndEnd(p, l.bring(p)) })
		return
	case p.spec.Role == town.Triage:
		l.decide(p)
		return
	}
	l.chat(p)
	l.work(p, 1+l.rng.IntN(3), "")
}

// bring is what a refinery does with what it has read and tested: it says so, or opens its pull request.
func (l *life) bring(p *process) town.Payload {
	if p.spec.Merge.Strategy == town.StrategyPR {
		return l.forge.open(p)
	}
	return l.repos.test(p.rig, p.spec.Merge)
}

// chat has some agents say things on the way.
func (l *life) chat(p *process) {
	if l.calm {
		return
	}
	l.readMail(p)
	if l.rng.IntN(2) == 0 {
		l.on(p, l.partly()/2, func() {
			n := 1000 + l.rng.Int64N(300_000)
			l.say(p, &town.AgentUsage{TokensIn: n, TokensOut: n / 10, TokensCached: 5 * n, CostUSD: float64(n) / 1e5})
		})
	}
	if l.chance(agentAsks) {
		category := []string{town.CategoryHelp, "credentials"}[l.rng.IntN(2)]
		l.on(p, l.partly()/2, func() {
			l.say(p, &town.AgentEscalated{Severity: town.SeverityHigh, Category: category, Message: "a credential is missing"})
		})
	}
	switch l.rng.IntN(16) {
	case 2:
		l.on(p, l.partly()/2, func() { l.say(p, &town.AgentStatusLine{Line: "building", Tools: []string{"make"}}) })
	case 3:
		l.on(p, l.partly()/2, func() {
			to := []string{town.ToPeople, "toast", "nux", "triage"}[l.rng.IntN(4)]
			l.say(p, &town.MessageSent{To: to, Subject: "Look at this"})
		})
	case 4:
		l.on(p, l.partly()/2, func() { l.say(p, &town.NudgeRequested{To: "toast", Message: "are you there?"}) })
	case 0:
		l.on(p, l.partly()/2, func() { l.say(p, &town.AgentCheckpoint{Text: "half of it is done"}) })
	case 1:
		l.on(p, l.partly()/2, func() { l.say(p, &town.AgentStatusLine{Line: "running the tests"}) })
	}
}

// readMail has an agent read what there is for it.
func (l *life) readMail(p *process) {
	l.on(p, l.between(town.Second, town.Minute), func() {
		if !l.server.up {
			return
		}
		var all []town.BeadID
		for _, m := range l.server.st.MailOf(string(p.agent)) {
			all = append(all, m.ID)
		}
		if len(all) > 0 {
			l.say(p, &town.MessageRead{Messages: all})
		}
	})
}

// mute has a process write nothing from some moment on, for so long or until a nudge wakes it; then it
// goes on.
func (l *life) mute(p *process, d town.Duration, then func()) {
	l.on(p, l.partly(), func() {
		p.mute = append(p.mute, span{l.now, l.now.Add(d)})
		p.wake = func() {
			p.mute[len(p.mute)-1].to, p.wake = l.now, nil
			then()
		}
		l.on(p, d, func() {
			if p.wake != nil {
				p.wake()
			}
		})
	})
}

// gapOfWriting is how long somebody who comes back writes nothing.
func (l *life) gapOfWriting() town.Duration { return l.between(10*town.Minute, 4*town.Hour) }

// partly is how long until something happens to a process at work; mergeTime until a refinery is done.
func (l *life) partly() town.Duration {
	if l.calm {
		return l.between(20*town.Second, 2*town.Minute)
	}
	return l.between(l.prof.pace/5, 3*l.prof.pace)
}

func (l *life) mergeTime() town.Duration { return l.between(2*town.Second, town.Minute) }

// gap is how long somebody who comes back is not heard. Half of them are just late enough to be missed.
func (l *life) gap() town.Duration {
	if l.rng.IntN(2) == 0 {
		return town.HeartbeatMissing + l.between(town.Second, 40*town.Second)
	}
	return l.between(30*town.Second, 15*town.Minute)
}

// on plans something that a process does if it is still there then.
func (l *life) on(p *process, d town.Duration, do func()) {
	l.after(d, func() {
		if !p.ended {
			do()
		}
	})
}

// silence has a process not be heard for a while.
func (l *life) silence(p *process, in, d town.Duration) {
	from := l.now.Add(in)
	p.quiet = append(p.quiet, span{from, from.Add(d)})
}

// work ends with done after a while, on a branch with that many commits; -1 leaves no branch at all.
func (l *life) work(p *process, commits int, noChanges string) {
	l.on(p, l.partly(), func() { l.sayAndEnd(p, l.done(p, commits, noChanges)) })
}

// done leaves the commits and makes the report. Work on a branch that there is cannot leave none.
func (l *life) done(p *process, commits int, noChanges string) town.Payload {
	head := ""
	if commits >= 0 {
		head = l.repos.push(p, commits)
	}
	return &town.AgentDone{Branch: p.spec.Branch, Head: head, Summary: "did it", NoChanges: noChanges}
}

// says makes an event of what a process reports.
func (l *life) says(p *process, what town.Payload) town.Event {
	return town.Event{Agent: p.agent, Run: p.run, Bead: p.bead, By: string(p.agent), Payload: what}
}

func (l *life) say(p *process, what town.Payload) {
	l.server.post(func(o town.EventOutcome) { l.people.learn(o.Made) }, l.says(p, what))
}

// sayAndEnd reports, and the process ends once it has its answer: badly if it was refused.
func (l *life) sayAndEnd(p *process, what town.Payload) {
	l.server.post(func(o town.EventOutcome) {
		l.people.learn(o.Made)
		if l.chance(agentLingers) {
			return
		}
		code := 0
		if o.Verdict != town.Applied {
			code = 1
		}
		l.on(p, l.between(100, 20*town.Second), func() { l.runtime.exit(p, code, "") })
	}, l.says(p, what))
}
