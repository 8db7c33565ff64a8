package mistakes

// convoyMistakes are mistakes in the convoys' rules and in the archive.
var convoyMistakes = []mistake{
	{
		name: "landing-tried-for-ever", file: "rule_convoys.go",
		old:   "if c.Landings >= MaxLandings {",
		new:   "if c.Landings < 0 {",
		wrong: "A convoy whose branch cannot be landed is tried for ever.",
	},
	{
		name: "landed-without-merge", file: "rule_convoys.go",
		old:    `mr.Status == Closed && mr.Merge != nil && mr.Merge.MergeCommit != "" && (mr.Created`,
		new:    "mr.Merge != nil && (mr.Created",
		wrong:  "A convoy counts as landed when its landing is over, whatever came of it.",
		played: true,
	},
	{
		name: "landed-without-the-last-member", file: "rule_convoys.go",
		old:   "(mr.Created >= t.lastIn || ",
		new:   "(mr.Created <= now || ",
		wrong: "A landing counts for a member that was merged after it.",
	},
	{
		name: "cool-down-forgotten", file: "rule_convoys.go",
		old:   "if c.Landings > 0 {",
		new:   "if c.Landings > MaxLandings {",
		wrong: "A landing that failed is tried again at once.",
	},
	{
		name: "failed-member-left-behind", file: "rule_convoys.go",
		old:   "if s.config(b.Rig).OnMemberFailed == MemberHold {",
		new:   "if s.config(b.Rig).OnMemberFailed == MemberLandWithout {",
		wrong: "A convoy lands without its failed member, though it should wait.",
	},
	{
		name: "convoy-closed-in-mid-merge", file: "apply_convoys.go",
		old:   "case mr.Status == InProgress:",
		new:   "case mr.Status == Closed:",
		wrong: "A convoy is closed while a member is being merged into its branch, and that work never lands.",
	},
	{
		name: "archived-by-birthday", file: "rule_care.go",
		old:   "end := b.Closed.Add(",
		new:   "end := b.Created.Add(",
		wrong: "A bead goes to the archive by its age, as soon as it is closed.",
	},
	{
		name: "archived-while-needed", file: "rule_care.go",
		old:   "o != nil && o.Live() {",
		new:   "o != nil && !o.Live() {",
		wrong: "A bead goes to the archive while another depends on it.",
	},
	{
		name: "landing-archived-before-its-convoy", file: "rule_care.go",
		old:   "src.Convoy.LandingRequest == b.ID",
		new:   "src.Convoy.LandingRequest != b.ID",
		wrong: "A convoy that is retried names a landing that has left for the archive.",
	},
}
