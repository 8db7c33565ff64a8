package mistakes

// stopMistakes are mistakes in what keeps starts back: breakers, drains and budgets, and of the pauses after evictions.
var stopMistakes = []mistake{
	{
		name: "breaker-counts-healthy-runs", file: "apply_agents.go",
		old: `	t.release(a)
	t.moveBead(b.ID, InReview,`,
		new: `	t.release(a)
	t.failed(b, AttemptDone, false)
	t.moveBead(b.ID, InReview,`,
		wrong: "Runs that went well open the breaker.",
	},
	{
		name: "breaker-opens-early-by-one", file: "rule_breaker.go",
		old:   "if n < breakerOpens {",
		new:   "if n < breakerOpens-1 {",
		wrong: "The breaker opens at 19 failures.",
	},
	{
		name: "breaker-opens-late-by-one", file: "rule_breaker.go",
		old:   "if n < breakerOpens {",
		new:   "if n <= breakerOpens {",
		wrong: "The breaker does not open at 20 failures.",
	},
	{
		name: "breaker-counts-old-failures", file: "breaker.go",
		old:   "if now < at.Add(breakerWindow) {",
		new:   "if now >= at {",
		wrong: "Failures of yesterday keep the breaker open.",
	},
	{
		name: "breaker-never-closes-by-age", file: "rule_breaker.go",
		old:    "if n < breakerCloses {",
		new:    "if n < 0 {",
		wrong:  "Failures age out, and the breaker stays open.",
		played: true,
	},
	{
		name: "two-probes-at-once", file: "rule_breaker.go",
		old: `if k.Probe != 0 {
			return &Wait{Code: WaitBreaker, On`,
		new: `if k.Probe < 0 {
			return &Wait{Code: WaitBreaker, On`,
		wrong: "A second probe starts while the first is under way.",
	},
	{
		name: "probe-after-probe", file: "rule_breaker.go",
		old:   "max(k.Opened, k.Probed).Add(ProbeEvery)",
		new:   "k.Opened.Add(ProbeEvery)",
		wrong: "After a probe that failed the next one starts at once.",
	},
	{
		name: "breaker-stops-other-rigs", file: "breaker.go",
		old: `		out = append(out, s.ix.open[rig]...)
`,
		new: `		for _, r := range sortedKeys(s.ix.open) {
			out = append(out, s.ix.open[r]...)
		}
`,
		wrong: "The breaker of a rig keeps starts back in all of them.",
	},
	{
		name: "outage-taken-for-a-rig's", file: "breaker.go",
		old:   "if slices.Contains(townClasses, class) {",
		new:   `if rig == "" && slices.Contains(townClasses, class) {`,
		wrong: "An outage of the runtime opens a breaker in one rig, and the others go on failing.",
	},
	{
		name: "drain-ignored", file: "stops.go",
		old:   "case s.draining():",
		new:   "case s.town.Draining < 0:",
		wrong: "Agents are started where everything is about to be stopped.",
	},
	{
		name: "drain-ignored-by-redispatch", file: "rule_review.go",
		old: `	if w := s.startWait(now, b.Rig); w != nil {
		return Look{Wait: w}
	}
	return act(Action{Kind: DispatchAgent`,
		new: `	if w := s.startWait(now, b.Rig); w != nil && !s.draining() {
		return Look{Wait: w}
	}
	return act(Action{Kind: DispatchAgent`,
		wrong: "A merge is tried again while the town is drained.",
	},
	{
		name: "drain-ended-by-another", file: "drain.go",
		old:   "case t.s.town.DrainNonce != p.Nonce:",
		new:   `case p.Nonce == "":`,
		wrong: "A late word about an old drain ends the new one.",
	},
	{
		name: "drain-late-by-one", file: "drain.go",
		old:   "case now < end:",
		new:   "case now <= end:",
		wrong: "A drain does not end when its time is over.",
	},
	{
		name: "lost-while-draining", file: "rule_agents.go",
		old:   "a.Role == Mayor || s.draining() {",
		new:   "a.Role == Mayor {",
		wrong: "An agent that is moved with its container is taken for lost.",
	},
	{
		name: "budget-late-by-one", file: "usage.go",
		old:   "u.Micros >= microsOf(b.USDPerDay)",
		new:   "u.Micros > microsOf(b.USDPerDay)",
		wrong: "A budget that is spent to the cent lets one more start through.",
	},
	{
		name: "budget-of-yesterday", file: "usage.go",
		old:   "case u == nil || u.Day != dayOf(now):",
		new:   "case u == nil:",
		wrong: "What was spent yesterday keeps today's starts back.",
	},
	{
		name: "usage-of-an-old-run", file: "usage.go",
		old:   "a, r := t.atRun(e)",
		new:   "a, r := t.agent(e)",
		wrong: "What a run says that is over is counted for the one that goes on.",
	},
	{
		name: "eviction-without-back-off", file: "rule_beads.go",
		old: `if n < 2 {
		return 0, n`,
		new: `if n < 1000 {
		return 0, n`,
		wrong: "A host that evicts whatever it starts is asked to again and again at once.",
	},
}
