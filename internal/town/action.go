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
	CloseEscalation      ActionKind = "close_escalation"
	ArchiveBead          ActionKind = "archive_bead"
)

// Action is a decision of a rule. Which fields are set depends on the kind; From is the
// precondition: what the action expects to find.
type Action struct {
	Kind   ActionKind `json:"action"`
	Rule   string     `json:"rule"`
	Reason string     `json:"reason"`
	Bead   BeadID     `json:"bead,omitempty"`
	Agent  AgentID    `json:"agent,omitempty"`
	Rig    RigID      `json:"rig,omitempty"`
	Role   Role       `json:"role,omitempty"`
	Run    Run        `json:"run,omitempty"`
	From   string     `json:"from,omitempty"`
	To     string     `json:"to,omitempty"`
	// Ends closes the bead's attempt that goes on, with whose fault that was.
	Ends  string `json:"ends,omitempty"`
	Fault Fault  `json:"fault,omitempty"`
	// Code is the failure's code or the outcome of a closed bead.
	Code string `json:"code,omitempty"`
	// N is a count: the try of an effect, or members done.
	N     int `json:"n,omitempty"`
	Total int `json:"total,omitempty"`
	// Broken says that the precondition did not hold and nothing was done: a defect.
	Broken string `json:"broken,omitempty"`
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
	codeString(c, &a.Broken)
}

// ActionSpec describes an action.
type ActionSpec struct {
	Kind   ActionKind
	Effect bool // something happens outside as well
	Doc    string
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
		{CloseEscalation, false, "What an escalation was about is over."},
		{ArchiveBead, false, "A bead moves to the archive."},
		{DispatchAgent, true, "An agent takes a bead, and the runtime starts it as a new run."},
		{StopAgent, true, "The runtime ends the process of a run."},
		{VerifyBranch, true, "The branch of a merge request is looked at."},
	}
}
