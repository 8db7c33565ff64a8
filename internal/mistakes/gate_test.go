package mistakes

// gateMistakes are mistakes about gates that are broken for everyone.
var gateMistakes = []mistake{
	{
		name: "broken-gate-holds-nobody-else", file: "gate.go",
		old:   "if found == nil || found.Status != Open || found.ID != b.ID && s.ownWait(now, found) != nil {",
		new:   "if found == nil || found.Status != Open || found.ID != b.ID {",
		wrong: "While a gate is broken, every merge request of the rig is tried.",
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
		name: "broken-gate-never-over", file: "apply_push.go",
		old:   "		if !b.Merge.Ungated {",
		new:   "		if false {",
		wrong: "The escalation about a broken gate stays open after a merge that passed the gate.",
	},
	{
		name: "changed-gates-wait", file: "gate.go",
		old:   "if !slices.Contains(t.s.config(rig).Gates, g) {",
		new:   "if rig == \"\" && !slices.Contains(t.s.config(rig).Gates, g) {",
		wrong: "Gates that a person has changed are not tried before the back-off of the old ones has ended.",
	},
	{
		name: "broken-gate-wakes-nobody", file: "agenda.go",
		old:   "	s.touchGate(b)\n",
		new:   "",
		wrong: "Merge requests that wait for a broken gate are not looked at when it works again.",
	},
	{
		name: "another-gate-ends-it", file: "apply_effects.go",
		old:   "t.gatePassed(b.Rig, p.Gate) // on",
		new:   "t.gatePassed(b.Rig, t.s.config(b.Rig).Gates[len(t.s.config(b.Rig).Gates)-1].Name) // on",
		wrong: "A branch that another gate refuses closes the escalation about the one that is broken.",
	},
}
