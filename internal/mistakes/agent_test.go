package mistakes

// agentMistakes are mistakes in the agents' rules.
var agentMistakes = []mistake{
	{
		name: "first-heartbeat-late-by-one", file: "rule_agents.go",
		old: `if now < grace {
		return wait(WaitStarting, grace, string(a.ID), "waits for the first`,
		new: `if now <= grace {
		return wait(WaitStarting, grace, string(a.ID), "waits for the first`,
		wrong: "The start grace of an agent that is never heard does not end when it is over.",
	},
	{
		name: "start-grace-late-by-one", file: "rule_agents.go",
		old: `if now < grace {
		return wait(WaitStarting, grace, string(a.ID), "its process`,
		new: `if now <= grace {
		return wait(WaitStarting, grace, string(a.ID), "its process`,
		wrong: "The start grace of an agent without a process does not end when it is over.",
	},
	{
		name: "unknown-kills", file: "rule_agents.go",
		old:   "if a.Observed != Exited && a.Observed != NotFound {",
		new:   "if a.Observed != Exited && a.Observed != NotFound && a.Observed != Unknown {",
		wrong: "A runtime that does not answer costs agents their beads.",
	},
	{
		name: "end-of-a-bead-leaves-its-process", file: "invariant_agents.go",
		old:   "actions := stopIfRunning(a, reason)",
		new:   "var actions []Action",
		wrong: "An agent whose bead has ended is let go and not stopped.",
	},
	{
		name: "refinery-loses-its-merge", file: "rule_agents.go",
		old:   "(a.Role == Refinery && b.Status == InProgress)",
		new:   "(a.Role == Mayor && b.Status == InProgress)",
		wrong: "A refinery that exits is taken off a merge whose report may be on its way.",
	},
	{
		name: "stalled-late-by-one", file: "rule_agents.go",
		old: `if now < end {
		return wait(WaitStalled, end, string(a.ID), "stalled;`,
		new: `if now <= end {
		return wait(WaitStalled, end, string(a.ID), "stalled;`,
		wrong: "A stalled agent is not given up when its time is over.",
	},
	{
		name: "stop-never-repeated", file: "rule_agents.go",
		old:   "if now < again {",
		new:   "if a.StopTry > 0 || now < again {",
		wrong: "A stop that was lost is never asked for again.",
	},
	{
		name: "collected-with-its-process", file: "rule_agents.go",
		old:    " || a.Stopping != 0 || a.Process() {",
		new:    " {",
		wrong:  "An agent leaves the books while its process goes on, and nobody stops that.",
		played: true,
	},
}
