package mistakes

// reviewMistakes are mistakes on the way from review to merged.
var reviewMistakes = []mistake{
	{
		name: "two-merges-at-once", file: "rule_review.go",
		old: `	for _, id := range s.ix.merging[b.Rig] {
		return wait(WaitInQueue, 0, string(id), "behind "+string(id)+", which is being merged")
	}
`,
		new:    "",
		wrong:  "A merge is started while another of the same rig is in progress.",
		played: true,
	},
	{
		name: "pause-ignored-by-redispatch", file: "rule_review.go",
		old: `	if w := s.startWait(now, b.Rig); w != nil {
		return Look{Wait: w}
	}
	return act(Action{Kind: DispatchAgent`,
		new: `	if w := s.startWait(now, b.Rig); w != nil && s.town.Paused == 0 {
		return Look{Wait: w}
	}
	return act(Action{Kind: DispatchAgent`,
		wrong: "A merge is tried again in a paused town.",
	},
	{
		name: "unverified-branch-merged", file: "rule_review.go",
		old:   "if b.Merge.Verify != Verified {",
		new:   "if b.Merge.Verify == NotVerified {",
		wrong: "A branch is merged while it is still being looked at.",
	},
	{
		name: "look-never-repeated", file: "rule_review.go",
		old:    "if now < again {",
		new:    "if m.VerifyTry > 0 || now < again {",
		wrong:  "A look at a branch that was lost is never asked for again.",
		played: true,
	},
	{
		name: "rework-not-waited-for", file: "rule_review.go",
		old:   "on != nil && on.Status != Closed {",
		new:   "on != nil && on.Status == Failed {",
		wrong: "A merge request is merged while its rework goes on.",
	},
	{
		name: "two-refineries-at-once", file: "rule_review.go",
		old:   "case a.Process():",
		new:   "case a.Process() && a.Run < 0:",
		wrong: "A silent refinery is not stopped before its merge is tried again.",
	},
	{
		name: "merge-tried-again-at-once", file: "rule_review.go",
		old:   "case now < end:",
		new:   "case now < 0:",
		wrong: "A merge that was not finished is tried again without a back-off.",
	},
	{
		name: "merge-cap-late-by-one", file: "rule_review.go",
		old:   "b.FailedAttempts()+1 >= s.config",
		new:   "b.FailedAttempts()+1 > s.config",
		wrong: "A refinery that falls silent gets one attempt more than the cap.",
	},
	{
		name: "conflict-retried-for-ever", file: "apply_agents.go",
		old:   "if mr.Merge.Reworks >= limit {",
		new:   "if mr.Merge.Reworks < 0 {",
		wrong: "A merge request that always conflicts or fails its gate is reworked for ever.",
	},
}
