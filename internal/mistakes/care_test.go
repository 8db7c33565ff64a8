package mistakes

// careMistakes are mistakes in silence, nudges, escalations and telling people.
var careMistakes = []mistake{
	{
		name: "warn-late-by-one", file: "rule_activity.go",
		old:   "a.Inactive.Add(ActivityWarn); now < end {",
		new:   "a.Inactive.Add(ActivityWarn); now <= end {",
		wrong: "A silent agent is not nudged when its time is over.",
	},
	{
		name: "silence-stop-late-by-one", file: "rule_activity.go",
		old: `if now < end {
		return wait(WaitInactive, end, string(a.ID), "silent; stopped`,
		new: `if now <= end {
		return wait(WaitInactive, end, string(a.ID), "silent; stopped`,
		wrong: "A silent agent is not stopped when its time is over.",
	},
	{
		name: "tools-ignored", file: "rule_activity.go",
		old:   "if len(a.ActiveTools) > 0 {",
		new:   "if len(a.ActiveTools) > maxTools {",
		wrong: "An agent that waits for a tool is nudged.",
	},
	{
		name: "nudged-twice-in-one-silence", file: "rule_activity.go",
		old:   "case last >= a.Inactive.Add(silence):",
		new:   "case last > now:",
		wrong: "An agent is nudged in the same tier every hour of its silence.",
	},
	{
		name: "nudged-twice-within-the-hour", file: "rule_activity.go",
		old:   "case last != 0 && now < last.Add(NudgeLife):",
		new:   "case last != 0 && now < last:",
		wrong: "An agent that is silent again and again is nudged each time.",
	},
	{
		name: "stopped-without-a-nudge", file: "rule_activity.go",
		old:   "max(a.Inactive.Add(ActivityStop), s.lastNudge(a.ID, TierEscalate).Add(ActivityStop-ActivityEscalate))",
		new:   "a.Inactive.Add(ActivityStop)",
		wrong: "After a sleep of the host an agent is stopped before it has been asked.",
	},
	{
		name: "nudge-after-its-delivery", file: "nudge.go",
		old:   "case n.Status == NudgeDelivered:",
		new:   "case n.Status == NudgeDelivered && n.Try > 1:",
		wrong: "A nudge that was delivered is sent again.",
	},
	{
		name: "one-nudge-too-many", file: "nudge.go",
		old:   ">= MaxNudges:",
		new:   "> MaxNudges:",
		wrong: "An agent can be nudged once more than it may.",
	},
	{
		name: "raised-a-fourth-time", file: "notify.go",
		old:   "case e.Raised >= MaxRaised:",
		new:   "case e.Raised > MaxRaised:",
		wrong: "People are told of an escalation a fourth time again.",
	},
	{
		name: "raised-after-its-bead-is-over", file: "rule_care.go",
		old:   "if about := s.beads[e.About]; about != nil && about.Live() {",
		new:   "if about := s.beads[e.About]; about != nil {",
		wrong: "People are told again of what is over.",
	},
	{
		name: "raised-although-acknowledged", file: "notify.go",
		old:   " || b.Escalation.Acknowledged != 0 {",
		new:   " {",
		wrong: "People are told again of what one of them has acknowledged.",
	},
	{
		name: "notified-again-after-success", file: "notify.go",
		old:   "e.Notice.Told > e.Raised ||",
		new:   "e.Notice.Told > e.Raised+1 ||",
		wrong: "A webhook that was told is told again and again.",
	},
	{
		name: "notified-for-ever", file: "notify.go",
		old:   "if n.Try >= MaxNotifyTries {",
		new:   "if n.Try < 0 {",
		wrong: "A webhook that does not answer is told for ever.",
	},
}
