package mistakes

// eventMistakes are mistakes in taking events in.
var eventMistakes = []mistake{
	{
		name: "old-run-accepted", file: "apply_agents.go",
		old:    "case e.Run != a.Run:",
		new:    "case e.Run > a.Run:",
		wrong:  "What a run says that is over is believed.",
		played: true,
	},
	{
		name: "duplicate-outcome-accepted", file: "apply_effects.go",
		old:   "case a.Dispatch != DispatchPending && a.Dispatch != DispatchUnclear:",
		new:   "case a.Dispatch == NotDispatched:",
		wrong: "An outcome that comes twice, or too late, is believed again.",
	},
	{
		name: "infra-failure-counted", file: "apply_effects.go",
		old:   "fault = InfraFault",
		new:   "fault = AgentFault",
		wrong: "A start that the infrastructure refused counts against the cap.",
	},
	{
		name: "empty-branch-merged", file: "apply_effects.go",
		old:   "if p.Ahead > 0 {",
		new:   "if p.Ahead >= 0 {",
		wrong: "A branch without commits is merged, and its bead counts as done.",
	},
	{
		name: "merge-without-commit", file: "apply_push.go",
		old: `	case p.Commit == "":
		return invalid("commit", "is empty")
	case p.Tip == "":
`,
		new:   "	case p.Tip == \"\":\n",
		wrong: "A merge is believed that names no commit.",
	},
	{
		name: "empty-merge-tried-again", file: "apply_effects.go",
		old:   "if p.Class == MergeEmpty || p.Class == MergeMissing {",
		new:   "if p.Class == MergeMissing {",
		wrong: "A merge that brings no change is tried again and again.",
	},
	{
		name: "eviction-counted", file: "apply_runtime.go",
		old:   "return AttemptEvicted, NoFault, reason",
		new:   "return AttemptEvicted, AgentFault, reason",
		wrong: "An agent that was evicted has failed an attempt.",
	},
	{
		name: "exit-ends-the-merge", file: "apply_runtime.go",
		old:   "if a.Role == Refinery {",
		new:   "if a.Role == Mayor {",
		wrong: "A refinery that exits before its report is in loses its merge.",
	},
	{
		name: "dead-run-seen-alive", file: "apply_runtime.go",
		old:   "case a.Observed == Exited && a.Dispatch == DispatchOver:",
		new:   "case a.Observed == Exited && a.Dispatch == DispatchPending:",
		wrong: "A late look at the runtime brings an ended run back to life.",
	},
	{
		name: "cancelled-work-merged", file: "pull_suspended.go",
		old:   "for mr := t.s.liveRequestOf(src.ID); mr != nil; mr",
		new:   "for mr := t.s.liveRequestOf(src.ID); mr != nil && mr.Status == Closed; mr",
		wrong: "The merge request of a bead that a person ends goes on.",
	},
	{
		name: "retry-forgets-attempts", file: "apply_people.go",
		old:   "b.Forgiven, b.Failure, b.Closed = len(b.Attempts), nil, 0",
		new:   "b.Attempts, b.Failure, b.Closed = nil, nil, 0",
		wrong: "A retry takes the attempts off the record.",
	},
}
