package mistakes

// beadMistakes are mistakes in the beads' rules.
var beadMistakes = []mistake{
	{
		name: "cap-late-by-one", file: "rule_beads.go",
		old:    "return b.FailedAttempts() >= s.config",
		new:    "return b.FailedAttempts() > s.config",
		wrong:  "A bead gets one attempt more than max_dispatch_attempts.",
		played: true,
	},
	{
		name: "cap-ignores-the-rig", file: "rule_beads.go",
		old:   "return b.FailedAttempts() >= s.config(b.Rig)",
		new:   `return b.FailedAttempts() >= s.config("")`,
		wrong: "A rig's own max_dispatch_attempts has no effect.",
	},
	{
		name: "back-off-forgotten", file: "rule_beads.go",
		old:   "if end, n := backoffEnd(b); now < end {",
		new:   "if end, n := backoffEnd(b); n < 0 && now < end {",
		wrong: "A bead is tried again at once after a failure.",
	},
	{
		name: "back-off-of-the-next-attempt", file: "rule_beads.go",
		old:   "backoffs[min(n, len(backoffs))-1]), n",
		new:   "backoffs[min(n, len(backoffs)-1)]), n",
		wrong: "Each back-off is the one that is due a failure later.",
	},
	{
		name: "back-off-of-forgiven-attempts", file: "rule_beads.go",
		old:   "for _, a := range b.sinceRetry() {",
		new:   "for _, a := range b.Attempts {",
		wrong: "A bead that a person retries waits for the back-off of its old attempts.",
	},
	{
		name: "pause-ignored", file: "stops.go",
		old:   "case s.town.Paused != 0:",
		new:   "case s.town.Paused < 0:",
		wrong: "Agents are started in a paused town.",
	},
	{
		name: "held-bead-started", file: "rule_beads.go",
		old:   "case b.Held != 0:",
		new:   "case b.Held < 0:",
		wrong: "A bead that a person holds is started.",
	},
	{
		name: "staged-member-started", file: "rule_beads.go",
		old:   "if c := s.stagedBy(b.ID); c != nil {",
		new:   "if c := s.stagedBy(b.ID); c != nil && c.Convoy.Ready {",
		wrong: "Members of a staged convoy are started.",
	},
	{
		name: "blocker-in-review-counts", file: "rule_beads.go",
		old:    "if on == nil || on.Status == Closed {",
		new:    "if on == nil || on.Status == Closed || on.Status == InReview {",
		wrong:  "A bead is started when its blocker is in review and not merged yet.",
		played: true,
	},
	{
		name: "stale-assignee-kept", file: "invariant_agents.go",
		old:   "a == nil || a.Hook != b.ID {",
		new:   "a == nil {",
		wrong: "An open bead stays assigned to an agent that does other things.",
	},
	{
		name: "no-time-to-retry-a-merge", file: "rule_beads.go",
		old:   "UntouchedGrace = 5 * Minute",
		new:   "UntouchedGrace = 0 * Minute",
		wrong: "A person who has ended a merge request cannot retry it: its source is open again at once.",
	},
	{
		name: "orphaned-review-late-by-one", file: "rule_beads.go",
		old: `if now < end {
		return wait(WaitInReview, end, "", "in review without`,
		new: `if now <= end {
		return wait(WaitInReview, end, "", "in review without`,
		wrong: "A bead in review without a merge request is not opened when its grace is over.",
	},
	{
		name: "merged-work-done-again", file: "invariant_beads.go",
		old:   "if mr := c.s.mergedRequestOf(b.ID); mr != nil {",
		new:   "if mr := c.s.mergedRequestOf(b.ID); mr != nil && mr.Live() {",
		wrong: "A bead in review whose merge request was merged is opened and done a second time.",
	},
	{
		name: "timeout-late-by-one", file: "rule_beads.go",
		old: `if now < end {
		who, does, code := s.worker(b)`,
		new: `if now <= end {
		who, does, code := s.worker(b)`,
		wrong: "An attempt is not ended when its time is over.",
	},
	{
		name: "timeout-leaves-its-process", file: "rule_beads.go",
		old: `		actions = append(actions, stopIfRunning(a, reason)...)
`,
		new:   "",
		wrong: "An agent that took too long loses its bead and is not stopped.",
	},
	{
		name: "one-polecat-too-many", file: "rule_beads.go",
		old:   "n >= cfg.MaxPolecatsPerRig",
		new:   "n > cfg.MaxPolecatsPerRig",
		wrong: "One polecat more than max_polecats_per_rig works in a rig.",
	},
	{
		name: "one-agent-too-many", file: "rule_beads.go",
		old:   "s.ix.busyAll >= limit",
		new:   "s.ix.busyAll > limit",
		wrong: "One polecat more than max_agents works in the town.",
	},
	{
		name: "start-window-ignored", file: "rule_beads.go",
		old:   "now < end && s.counters.Starts >= limit",
		new:   "now > end && s.counters.Starts >= limit",
		wrong: "A woken host starts everything at once.",
	},
	{
		name: "same-polecat-again", file: "rule_beads.go",
		old:   "case id == lastFailed:",
		new:   `case id == lastFailed && id == "":`,
		wrong: "A bead goes back to the polecat that has just failed on it, though another is free.",
	},
	{
		name: "lingering-polecat-reused", file: "rule_beads.go",
		old:   `case a.Status != Idle || a.Hook != "" || a.Process():`,
		new:   `case a.Status != Idle || a.Hook != "":`,
		wrong: "A polecat gets a bead while the process of its last run goes on.",
	},
	{
		name: "label-compared-by-its-end", file: "bead.go",
		old:   "return slices.Contains(b.Labels, label)",
		new:   "return slices.ContainsFunc(b.Labels, func(l string) bool { return len(l) >= len(label) && l[len(l)-len(label):] == label })",
		wrong: "A label that ends like one of ours is taken for it.",
	},
	{
		name: "pending-start-goes-on", file: "perform.go",
		old:   "if a.Dispatch == DispatchPending {",
		new:   "if a.Dispatch == DispatchSure {",
		wrong: "A start that was decided and is not wanted any more is carried out after a crash.",
	},
	{
		name: "wait-for-its-own-escalation", file: "dependency.go",
		old:   `b.Escalation != nil && b.Escalation.About != ""`,
		new:   `b.Escalation != nil && b.Escalation.About == ""`,
		wrong: "Work waits for an escalation that ends with that work.",
	},
}
