package mistakes

// healMistakes are mistakes in recovering what an invariant finds.
var healMistakes = []mistake{
	{
		name: "newest-merge-kept", file: "invariant_beads.go",
		old:   "range merging[1:] {",
		new:   "range merging[:len(merging)-1] {",
		wrong: "Of two merges in a rig the one goes on that began last.",
	},
	{
		name: "damaged-bead-counts-as-done", file: "invariant_shape.go",
		old:   `failBead(b, "damaged", `,
		new:   "closeBead(b, OutcomeDone, ",
		wrong: "A merge request whose record is lost counts as done.",
	},
	{
		name: "oldest-run-keeps-the-bead", file: "invariant_agents.go",
		old:   "cmp.Compare(a.Run, keeper.Run)) > 0",
		new:   "-cmp.Compare(a.Run, keeper.Run)) > 0",
		wrong: "Of two agents on a bead the one goes on whose run is over.",
	},
	{
		name: "unheard-run-keeps-the-bead", file: "invariant_agents.go",
		old: `		if a.heard() {
			n++`,
		new: `		if a.heard() {
			n += 0`,
		wrong: "Of two agents on a bead the one is stopped whose process is seen, for one that nobody has heard of.",
	},
	{
		name: "strayed-agent-stopped", file: "invariant_agents.go",
		old:   "if own := c.ownBead(a); own != nil {",
		new:   "if own := c.ownBead(a); own != nil && own.Live() == false {",
		wrong: "An agent that is at work on a bead is stopped because its own record names another one.",
	},
	{
		name: "why-goes-by-the-attempt", file: "rule_beads.go",
		old:   `return "", "nobody works on it", WaitNoAgent`,
		new:   `return "", string(b.lastAttempt().Agent) + " works on it", WaitNoAgent`,
		wrong: "Why says that an agent works on a bead which it does not hold.",
	},
	{
		name: "stalled-agent-works", file: "rule_beads.go",
		old:   "case a.Status == Working && a.Stopping == 0:",
		new:   "case a.Stopping == 0:",
		wrong: "Why says that an agent works which is stalled.",
	},
	{
		name: "wrong-and-not-told", file: "step.go",
		old:   "	t.validate()\n",
		new:   "	t.repairMarked()\n	t.breaches = nil\n",
		wrong: "What is wrong in a town that was loaded is repaired and nobody is told.",
	},
	{
		name: "passing-counts-as-wrong", file: "invariant.go",
		old:   "if c.settled || inv.passing == nil || !inv.passing(c, r) {",
		new:   "if c.settled || inv.passing == nil || inv.Number != invReview || !inv.passing(c, r) {",
		wrong: "An agent whose bead a person has just cancelled counts as a violation.",
	},
	{
		name: "violation-not-counted", file: "violation_totals.go",
		old:   "if v.State != ViolationAppeared {",
		new:   "if v.State != ViolationAppeared || v.Recovered {",
		wrong: "Violations that were repaired at once are not in the town's totals.",
	},
	{
		name: "assignee-wins", file: "invariant_agents.go",
		old:   "if b.Status == InProgress || b.Status == Open && c.mayGoOn(a, b) {",
		new:   "if b.Status == Open && c.mayGoOn(a, b) {",
		wrong: "An agent that works on a bead loses it when the record says that it is another's.",
	},
	{
		name: "held-bead-resumed", file: "invariant_agents.go",
		old:   " || b.Held != 0 || ",
		new:   " || ",
		wrong: "An agent may go on with a bead that a person holds.",
	},
	{
		name: "ended-run-resumed", file: "invariant_agents.go",
		old:   "at.Run == a.Run && at.Ended != 0 })",
		new:   "at.Run == a.Run && at.Ended < 0 })",
		wrong: "An agent gets a bead back from which its run was taken.",
	},
	{
		name: "oldest-edge-removed", file: "invariant_beads.go",
		old:   "compareAge(o, d) < 0",
		new:   "compareAge(o, d) > 0",
		wrong: "Of beads that wait for each other the oldest edge is removed.",
	},
	{
		name: "held-work-goes-on", file: "invariant_beads.go",
		old: `		actions = append(actions, letGo(a, reason)...)
`,
		new: `		actions = append(actions, letGo(a, reason)[:0]...)
`,
		wrong: "The agent on a bead that is held is not stopped.",
	},
	{
		name: "merge-of-nothing-counts-as-done", file: "invariant_shape.go",
		old:   `failBead(e, "source_missing", `,
		new:   "closeBead(e, OutcomeDone, ",
		wrong: "A merge request whose source is gone counts as done.",
	},
	{
		name: "time-to-come-forgotten", file: "repair.go",
		old:   "b.eachTime(func(at *Time) { *at = min(*at, t.now) })",
		new:   "b.eachTime(func(at *Time) { *at = 0 })",
		wrong: "What a wrong clock has written takes all times of a bead with it.",
	},
	{
		name: "lagging-counter-kept", file: "invariant_books.go",
		old:   "c.LastOrder = max(c.LastOrder, n)",
		new:   "c.LastOrder = min(c.LastOrder, n)",
		wrong: "Two beads get the same place in the order.",
	},
	{
		name: "misfit-keeps-its-bead", file: "invariant_agents.go",
		old: `	if b.Status == InProgress && len(c.s.ix.hookedTo[b.ID]) == 1 {
		actions = append(actions, reopen(b, reason, AttemptStopped, NoFault))
	}
	return actions
}

// resume makes`,
		new: `	return actions
}

// resume makes`,
		wrong: "A bead from which the wrong agent was taken stays in progress.",
	},
	{
		name: "agent-of-another-rig", file: "invariant_agents.go",
		old:   "case bound && a.Rig != b.Rig:",
		new:   `case bound && a.Rig != b.Rig && a.Rig == "":`,
		wrong: "A polecat works in a repository that is not its rig's.",
	},
	{
		name: "oldest-request-kept", file: "invariant_beads.go",
		old:   "keep := requests[len(requests)-1]",
		new:   "keep := requests[0]",
		wrong: "Of two merge requests of a source the one is kept that is out of date.",
	},
	{
		name: "request-dropped-in-mid-merge", file: "invariant_beads.go",
		old:   "return mr.Status == InProgress }); i >= 0",
		new:   "return mr.Status == Failed }); i >= 0",
		wrong: "Of two merge requests of a source the one is dropped that is being merged.",
	},
	{
		name: "decided-on-damaged-ground", file: "heal.go",
		old:   "if inv := invariantOf(f.number); inv.early {",
		new:   "if inv := invariantOf(f.number); inv.early && inv.late {",
		wrong: "Events are taken in before a damaged record is repaired.",
	},
	{
		name: "recovery-without-the-rules", file: "heal.go",
		old:   "const maxRounds = 6",
		new:   "const maxRounds = 1",
		wrong: "The rules do not see in the same tick what was mended.",
	},
	{
		name: "reported-every-tick", file: "heal.go",
		old: `		case lasted:
			continue
`,
		new: `		case lasted && f.number == 0:
			continue
`,
		wrong: "A violation that lasts is reported anew with every tick.",
	},
}
