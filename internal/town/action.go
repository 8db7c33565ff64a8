package town

// ActionKind names a decision: verb, noun.
type ActionKind string

// The actions of the rules.
const (
	TransitionBead       ActionKind = "transition_bead"
	TransitionAgent      ActionKind = "transition_agent"
	ClearBeadAssignee    ActionKind = "clear_bead_assignee"
	UnhookAgent          ActionKind = "unhook_agent"
	CreateAgent          ActionKind = "create_agent"
	DeleteAgent          ActionKind = "delete_agent"
	DispatchAgent        ActionKind = "dispatch_agent"
	StopAgent            ActionKind = "stop_agent"
	VerifyBranch         ActionKind = "verify_branch"
	UpdateConvoyProgress ActionKind = "update_convoy_progress"
	SetConvoyReady       ActionKind = "set_convoy_ready_to_land"
	CreateLandingMR      ActionKind = "create_landing_mr"
	CloseConvoy          ActionKind = "close_convoy"
	FailConvoy           ActionKind = "fail_convoy"
	CreateEscalation     ActionKind = "create_escalation"
	CloseEscalation      ActionKind = "close_escalation"
	ReEscalate           ActionKind = "re_escalate"
	Notify               ActionKind = "notify"
	CreateTriageRequest  ActionKind = "create_triage_request"
	CreateNudge          ActionKind = "create_nudge"
	SendNudge            ActionKind = "send_nudge"
	ExpireNudge          ActionKind = "expire_nudge"
	DeleteNudge          ActionKind = "delete_nudge"
	ArchiveBead          ActionKind = "archive_bead"
	ResumeAttempt        ActionKind = "resume_attempt"
	RepairField          ActionKind = "repair_field"
	RemoveDependency     ActionKind = "remove_dependency"
	OpenBreaker          ActionKind = "open_breaker"
	CloseBreaker         ActionKind = "close_breaker"
	EndProbe             ActionKind = "end_probe"
	ClearDraining        ActionKind = "clear_draining"
	CreateBead           ActionKind = "create_bead"
	CloseSiblingMRs      ActionKind = "close_sibling_mrs"
	PollPR               ActionKind = "poll_pr"
	MergePR              ActionKind = "merge_pr"
	PushMerge            ActionKind = "push_merge"
	FindMerge            ActionKind = "find_merge"
	FindLate             ActionKind = "find_late_commits"
)

// Action is a decision of a rule. Which fields are set depends on the kind; From is the
// precondition: what the action expects to find.
type Action struct {
	Kind   ActionKind `json:"action"`
	Rule   string     `json:"rule" share:"keep"`
	Reason string     `json:"reason"`
	Bead   BeadID     `json:"bead,omitempty"`
	Agent  AgentID    `json:"agent,omitempty"`
	Rig    RigID      `json:"rig,omitempty"`
	Role   Role       `json:"role,omitempty"`
	Run    Run        `json:"run,omitempty"`
	From   string     `json:"from,omitempty" share:"keep"`
	To     string     `json:"to,omitempty" share:"keep"`
	// Ends closes the bead's attempt that goes on, with whose fault that was.
	Ends  string `json:"ends,omitempty" share:"keep"`
	Fault Fault  `json:"fault,omitempty"`
	// Code is the failure's code, the outcome of a closed bead, the labels of a new one, the field of a
	// repair or the kind of an edge.
	Code string `json:"code,omitempty" share:"keep"`
	// N is a count: the try of an effect, or members done.
	N     int `json:"n,omitempty"`
	Total int `json:"total,omitempty"`
	// Breaker names the breaker that opens, closes or has lost its probe.
	Breaker string `json:"breaker,omitempty" share:"keep"`
	// Title, Severity, Category, Cause and Standing describe an escalation or a request to be made,
	// and Made is the bead that was. Title is also what a nudge says, Category its tier or the kind of
	// a request.
	Title    string   `json:"title,omitempty"`
	Severity Severity `json:"severity,omitempty"`
	Category string   `json:"category,omitempty" share:"word"`
	Cause    string   `json:"cause,omitempty" share:"cause"`
	Standing bool     `json:"standing,omitempty"`
	Made     BeadID   `json:"made,omitempty"`
	Nudge    NudgeID  `json:"nudge,omitempty"`
	// Broken says that the precondition did not hold and nothing was done: a defect.
	Broken string `json:"broken,omitempty" share:"keep"`
}

func (a *Action) code(c *coder) {
	codeString(c, &a.Kind)
	codeString(c, &a.Rule)
	codeString(c, &a.Reason)
	codeString(c, &a.Bead)
	codeString(c, &a.Agent)
	codeString(c, &a.Rig)
	codeString(c, &a.Role)
	codeInt(c, &a.Run)
	codeString(c, &a.From)
	codeString(c, &a.To)
	codeString(c, &a.Ends)
	codeString(c, &a.Fault)
	codeString(c, &a.Code)
	codeInt(c, &a.N)
	codeInt(c, &a.Total)
	codeString(c, &a.Breaker)
	codeString(c, &a.Title)
	codeString(c, &a.Severity)
	codeString(c, &a.Category)
	codeString(c, &a.Cause)
	codeBool(c, &a.Standing)
	codeString(c, &a.Made)
	codeString(c, &a.Nudge)
	codeString(c, &a.Broken)
}

// ActionSpec describes an action.
type ActionSpec struct {
	Kind   ActionKind
	Effect bool // something happens outside as well
	Doc    string
}

// ActionSpecOf finds the description of an action.
func ActionSpecOf(kind ActionKind) (ActionSpec, bool) {
	for _, s := range ActionSpecs() {
		if s.Kind == kind {
			return s, true
		}
	}
	return ActionSpec{}, false
}

// ActionSpecs lists every action, in the order of the reference.
func ActionSpecs() []ActionSpec {
	return []ActionSpec{
		{TransitionBead, false, "A bead's status changes."},
		{ClearBeadAssignee, false, "A bead forgets an agent that does not work on it."},
		{TransitionAgent, false, "An agent's status changes."},
		{UnhookAgent, false, "An agent lets go of its bead."},
		{CreateAgent, false, "An agent is entered in the town's books."},
		{DeleteAgent, false, "An agent without work leaves the books."},
		{UpdateConvoyProgress, false, "A convoy's count of members and done members changes."},
		{SetConvoyReady, false, "Every member of a convoy is in; it can land."},
		{CreateLandingMR, false, "The merge request that lands a convoy's branch is made."},
		{CloseConvoy, false, "A convoy is over."},
		{FailConvoy, false, "A convoy cannot land."},
		{CreateEscalation, false, "People are told about something, once per cause."},
		{CloseEscalation, false, "What an escalation was about is over."},
		{ReEscalate, false, "People are told about an escalation again."},
		{CreateTriageRequest, false, "Triage is asked to decide, once per cause."},
		{CreateNudge, false, "Something is to be said to an agent that runs."},
		{ExpireNudge, false, "A nudge is not worth hearing any more."},
		{DeleteNudge, false, "A nudge that has expired leaves the books."},
		{ArchiveBead, false, "A bead moves to the archive."},
		{ResumeAttempt, false, "A bead is given back to the agent that holds it."},
		{RepairField, false, "A field with a value that it may not have gets one that it may have."},
		{RemoveDependency, false, "An edge between two beads is removed."},
		{OpenBreaker, false, "Starts that fail alike are kept back from now on."},
		{CloseBreaker, false, "Starts are let through again."},
		{EndProbe, false, "The start that a breaker let through proved nothing."},
		{ClearDraining, false, "The drain of the town is over."},
		{DispatchAgent, true, "An agent takes a bead, and the runtime starts it as a new run."},
		{StopAgent, true, "The runtime ends the process of a run."},
		{SendNudge, true, "A nudge is put where its agent can read it."},
		{Notify, true, "The mayor and the webhooks are told of an escalation."},
		{VerifyBranch, true, "The branch of a merge request is looked at."},
		{CreateBead, false, "Work is made of what is wanted on a pull request."},
		{CloseSiblingMRs, false, "The other merge requests of something that is merged are closed."},
		{PollPR, true, "The forge is asked how a pull request stands."},
		{MergePR, true, "The forge is asked to merge a pull request."},
		{PushMerge, true, "A merge that passed its gates is pushed to its target and read back."},
		{FindMerge, true, "The target is fetched and a merge that was pushed looked for in it."},
		{FindLate, true, "The workspace of a merged bead is looked at for commits that came after done."},
	}
}
