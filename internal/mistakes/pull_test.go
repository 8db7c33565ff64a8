package mistakes

// pullMistakes are mistakes in waiting for pull requests.
var pullMistakes = []mistake{
	{
		name: "polled-too-often", file: "rule_pull.go",
		old:   "q.Last.Add(PollEvery)",
		new:   "q.Last.Add(PollEvery - 1)",
		wrong: "The forge is asked before the minute is over.",
	},
	{
		name: "green-clock-goes-on", file: "pull.go",
		old:   "p.Green, p.Merge.Asked, p.Merge.Unanswered = 0, 0, 0",
		new:   "p.Merge.Asked, p.Merge.Unanswered = 0, 0",
		wrong: "A pull request that was not green in between counts as green all the time.",
	},
	{
		name: "merge-not-taken-back", file: "pull.go",
		old:   "p.Green, p.Merge.Asked, p.Merge.Unanswered = 0, 0, 0",
		new:   "p.Green = 0",
		wrong: "A merge that was asked for is asked for again although the pull request is not green any more.",
	},
	{
		name: "merged-without-green", file: "rule_pull.go",
		old: `case pr.Green == 0:
		return &Wait{Code: WaitPullChecks, On: pr.URL, Reason: "its pull request is not green`,
		new: `case pr.Green < 0:
		return &Wait{Code: WaitPullChecks, On: pr.URL, Reason: "its pull request is not green`,
		wrong: "A pull request with failing checks is merged.",
	},
	{
		name: "merged-with-unchecked-checks", file: "apply_pull.go",
		old:   "case p.Unchecked != 0 || pr.Conflict != 0:",
		new:   "case pr.Conflict != 0:",
		wrong: "A pull request is merged although not all of its checks were read.",
	},
	{
		name: "merged-without-approval", file: "rule_pull.go",
		old:   "case pr.Counts.AwaitingApproval:",
		new:   "case pr.Counts.AwaitingApproval && !s.config(b.Rig).AutoMerge:",
		wrong: "A pull request is merged that nobody has approved.",
	},
	{
		name: "merged-unseen", file: "rule_pull.go",
		old: `	case unseen != "":
`,
		new: `	case unseen != "" && s.town.Paused != 0:
`,
		wrong: "A pull request is merged that could not be looked at just before.",
	},
	{
		name: "merged-at-once", file: "rule_pull.go",
		old:   "max(pr.Green.Add(cfg.AutoMergeDelay), q.After)",
		new:   "max(pr.Green, q.After)",
		wrong: "A pull request is merged as soon as it is green.",
	},
	{
		name: "fact-about-another-head", file: "apply_pull.go",
		old:   "now != head {",
		new:   "now == head && len(head) == 0 {",
		wrong: "What was said of an older commit is believed of the newest.",
	},
	{
		name: "same-feedback-again", file: "apply_pull.go",
		old:   `if text != "" && (pr.Feedback == nil || pr.Feedback.Print != f.Print) {`,
		new:   `if text != "" {`,
		wrong: "The same comment makes work again and again.",
	},
	{
		name: "feedback-after-the-merge", file: "rule_beads.go",
		old: `		if mr == nil || !mr.Live() {
			continue`,
		new: `		if mr == nil {
			continue`,
		wrong: "What was wanted on a pull request is done after it was merged.",
	},
	{
		name: "failures-never-forgotten", file: "pull.go",
		old:   "*q = Asking{Last: q.Last, Try: q.Try}",
		new:   `q.Asked, q.Unanswered, q.Class, q.Reason, q.After, q.Refused = 0, 0, "", "", 0, 0`,
		wrong: "Failures of the forge count although it answered in between.",
	},
	{
		name: "missing-token-tried-again", file: "pull.go",
		old:   "case f.Limit == 1, q.Invalid",
		new:   "case q.Invalid",
		wrong: "A forge that does not accept the token is asked for ever.",
	},
	{
		name: "ninth-failure-is-the-last", file: "pull.go",
		old:   "q.Transient >= maxTransient:",
		new:   "q.Transient >= maxTransient-1:",
		wrong: "A merge request fails at the ninth outage of the forge in a row.",
	},
	{
		name: "eleventh-failure-is-the-last", file: "pull.go",
		old:   "q.Transient >= maxTransient:",
		new:   "q.Transient > maxTransient:",
		wrong: "A merge request does not fail at the tenth outage of the forge in a row.",
	},
	{
		name: "invalid-answers-late-by-one", file: "pull.go",
		old:   "q.Invalid >= maxInvalid,",
		new:   "q.Invalid > maxInvalid,",
		wrong: "A merge request does not fail at the third answer that makes no sense.",
	},
	{
		name: "reset-time-ignored", file: "pull.go",
		old:   "max(rest, min(notBefore, now.Add(MaxForgeRest)))",
		new:   "max(rest, min(notBefore, 0))",
		wrong: "A forge that wants to be left alone is asked all the same.",
	},
	{
		name: "pull-request-holds-the-queue", file: "index.go",
		old:   "if e.Status == InProgress && e.Merge.PR == nil {",
		new:   "if e.Status == InProgress {",
		wrong: "Nothing of the rig is merged while a pull request waits for its checks.",
	},
	{
		name: "awaited-for-ever", file: "pull.go",
		old:   "p.Missed++; p.Missed < maxMissed",
		new:   "p.Missed++; p.Missed < maxMissed*1000",
		wrong: "A merge request waits for ever for a commit that is not on its branch any more.",
	},
}
