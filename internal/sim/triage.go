package sim

import "gastown/internal/town"

// triageWays are the ways of triage agents that are not simply to decide.
var triageWays = []way{
	{triageCrashes, func(l *life, p *process) { l.on(p, l.mergeTime(), func() { l.runtime.exit(p, 1, "") }) }},
	{triageIdle, func(l *life, p *process) { l.on(p, l.mergeTime(), func() { l.runtime.exit(p, 0, "") }) }},
	{triageHangs, func(*life, *process) {}},
	{triageOdd, func(l *life, p *process) {
		// Often refused; then it says that nothing need be done, by its done.
		odd := []town.Resolution{town.ResolveReopen, town.ResolveRetry, town.ResolveNudge, town.ResolveStop, "dance"}[l.rng.IntN(5)]
		l.on(p, l.mergeTime(), func() { l.say(p, &town.TriageResolved{Resolution: odd, Bead: p.bead}) })
		l.on(p, town.Minute+l.mergeTime(), func() { l.sayAndEnd(p, &town.AgentDone{Summary: "I do not know"}) })
	}},
}

// decide is how a triage agent lives that knows what to do: one of the options, and nothing if that
// is refused.
func (l *life) decide(p *process) {
	l.on(p, l.mergeTime(), func() {
		if !l.server.up {
			l.decide(p)
			return
		}
		pick := town.ResolveNone
		if b := l.server.st.Bead(p.bead); b != nil && b.Triage != nil {
			pick = b.Triage.Options[l.rng.IntN(len(b.Triage.Options))]
		}
		l.server.post(func(o town.EventOutcome) {
			if o.Verdict == town.Applied {
				l.on(p, l.between(100, 20*town.Second), func() { l.runtime.exit(p, 0, "") })
				return
			}
			l.on(p, 100, func() { l.sayAndEnd(p, &town.TriageResolved{Resolution: town.ResolveNone}) })
		}, l.says(p, &town.TriageResolved{Resolution: pick, Note: "seen it"}))
	})
}
