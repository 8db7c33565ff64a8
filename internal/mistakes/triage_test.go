package mistakes

// triageMistakes are mistakes in what triage is asked and who answers.
var triageMistakes = []mistake{
	{
		name: "sixth-triage-request", file: "rule_triage.go",
		old:   "n >= MaxTriageRequests",
		new:   "n > MaxTriageRequests",
		wrong: "A town in trouble asks triage once more than it may.",
	},
	{
		name: "fourth-triage-run", file: "rule_triage.go",
		old:   "MaxTriageRuns = 3",
		new:   "MaxTriageRuns = 4",
		wrong: "Triage is tried a fourth time before people are asked.",
	},
	{
		name: "triage-never-started-does-not-count", file: "rule_triage.go",
		old:   "b.FailedAttempts() + b.InfraAttempts() }",
		new:   "b.FailedAttempts() }",
		wrong: "A triage agent that cannot be started is tried for ever.",
	},
	{
		name: "triage-by-anybody", file: "triage.go",
		old:   `if e.Agent == "" {`,
		new:   `if e.Agent == "" || e.Bead != "" {`,
		wrong: "An agent decides what only triage may, about its own work too.",
	},
	{
		name: "triage-stops-the-next-run", file: "triage.go",
		old:   `case a == nil || a.Run != p.Run || a.Hook == "":`,
		new:   `case a == nil || a.Hook == "":`,
		wrong: "A decision about a run that is over hits the next one.",
	},
	{
		name: "loop-of-two", file: "rule_triage.go",
		old:   "LoopLength = 3",
		new:   "LoopLength = 2",
		wrong: "Triage is asked about work that has failed twice.",
	},
	{
		name: "same-loop-again", file: "rule_triage.go",
		old:   "max(b.Forgiven, b.Triaged, 0)",
		new:   "max(b.Forgiven, 0)",
		wrong: "Triage is asked again about the failures that it has seen.",
	},
	{
		name: "triage-about-finished-work", file: "rule_triage.go",
		old:   "case !about.Live() || about.Status == InReview && about.Type == Issue:",
		new:   "case !about.Live():",
		wrong: "Triage is still asked about an agent that has finished its work.",
	},
}
