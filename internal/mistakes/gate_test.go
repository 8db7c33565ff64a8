package mistakes

// gateMistakes are mistakes about gates that are broken for everyone.
var gateMistakes = []mistake{
	{
		name: "broken-gate-holds-nobody-else", file: "gate.go",
		old:   "if found == nil || found.Status != Open || found.ID != b.ID && s.ownWait(now, found) != nil {",
		new:   "if found == nil || found.Status != Open || found.ID != b.ID {",
		wrong: "While a gate is broken, each merge request of the rig is tried all the same.",
	},
	{
		name: "broken-gate-holds-for-one-that-waits", file: "gate.go",
		old:   "found.ID != b.ID && s.ownWait(now, found) != nil {",
		new:   "false {",
		wrong: "All merges wait for one that a person holds to find the gate repaired.",
	},
	{
		name: "broken-gate-tried-at-once", file: "gate.go",
		old:   "if end = end.Add(gateBackoffs[min(n, len(gateBackoffs))-1]); now >= end {",
		new:   "if end = end.Add(gateBackoffs[0]); now >= end {",
		wrong: "A gate that stays broken is tried every minute for ever.",
	},
	{
		name: "broken-gate-never-over", file: "apply_effects.go",
		old:   "	t.gatesPassed(b.Rig)\n	t.moveBead(b.ID, Closed",
		new:   "	t.moveBead(b.ID, Closed",
		wrong: "The escalation about a broken gate outlives a merge that passed it.",
	},
	{
		name: "changed-gates-wait", file: "gate.go",
		old:   "if !slices.Equal(before, t.s.config(rig).Gates) {",
		new:   "if rig == \"\" && !slices.Equal(before, t.s.config(rig).Gates) {",
		wrong: "Gates that a person has changed are not tried before the back-off of the old ones is over.",
	},
	{
		name: "broken-gate-wakes-nobody", file: "agenda.go",
		old:   "	s.touchGate(b)\n",
		new:   "",
		wrong: "Merge requests that wait for a broken gate are not looked at when it works again.",
	},
}
