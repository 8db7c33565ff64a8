package town

import "slices"

// Role says what an agent is for.
type Role string

// The roles.
const (
	Polecat  Role = "polecat"  // works on issues
	Refinery Role = "refinery" // merges; one per rig
	Mayor    Role = "mayor"    // plans; one per town
	Triage   Role = "triage"   // decides what got stuck
)

// AgentStatus is what the town believes an agent to be doing.
type AgentStatus string

// The statuses of an agent; only a mayor may be waiting.
const (
	Idle    AgentStatus = "idle"
	Working AgentStatus = "working"
	Stalled AgentStatus = "stalled"
	Dead    AgentStatus = "dead"
	Waiting AgentStatus = "waiting"
)

// Observed is what the runtime and the heartbeats together say about an agent's process.
type Observed string

// The observed statuses. Unknown means that the runtime did not answer: it never kills.
const (
	NotObserved  Observed = ""
	Starting     Observed = "starting"
	Running      Observed = "running"
	Unresponsive Observed = "unresponsive"
	Exited       Observed = "exited"
	NotFound     Observed = "not_found"
	Unknown      Observed = "unknown"
)

var observedStatuses = [...]Observed{Starting, Running, Unresponsive, Exited, NotFound, Unknown}

// DispatchState says how far the start of an agent's current run is.
type DispatchState string

// The states of a dispatch.
const (
	NotDispatched   DispatchState = ""
	DispatchPending DispatchState = "pending" // the effect has not answered yet
	DispatchSure    DispatchState = "accepted"
	DispatchUnclear DispatchState = "unknown" // timed out: the heartbeat decides
	DispatchOver    DispatchState = "over"    // the run has ended
)

// Agent is a worker of the town. It exists in the town's books; the process that does its work
// is the runtime's, and is named by (agent, run).
type Agent struct {
	ID     AgentID     `json:"id"`
	Role   Role        `json:"role"`
	Rig    RigID       `json:"rig,omitempty"`
	Status AgentStatus `json:"status"`
	Since  Time        `json:"since"` // since when it has its status
	Hook   BeadID      `json:"hook,omitempty"`
	Had    BeadID      `json:"had,omitempty"` // what its run has reported on, while its process is still there

	Run        Run           `json:"run,omitempty"`
	Dispatch   DispatchState `json:"dispatch,omitempty"`
	Dispatched Time          `json:"dispatched,omitempty"`

	Observed      Observed `json:"observed,omitempty"`
	ObservedSince Time     `json:"observedSince,omitempty"`
	HeartbeatLost Time     `json:"heartbeatLost,omitempty"`

	// Stopping is since when a stop of the current run has been asked for and not confirmed. A
	// reason without it is a stop that a person wants and the rules have still to ask for.
	Stopping   Time   `json:"stopping,omitempty"`
	StopReason string `json:"stopReason,omitempty"`
	StopTry    int    `json:"stopTry,omitempty"`

	StatusLine string `json:"statusLine,omitempty"`

	// Inactive is since when its process has written nothing; zero while it writes. Asked is when
	// triage was asked about that silence, and ActiveTools are what it says it has running.
	Inactive    Time     `json:"inactiveSince,omitempty"`
	Asked       Time     `json:"asked,omitempty"`
	ActiveTools []string `json:"activeTools,omitempty"`

	Created  Time `json:"created"`
	LastWork Time `json:"lastWork"` // when it last held a bead; its creation before that
}

// MaxStatusLine is the longest status line of an agent, in characters: it must fit a list.
const MaxStatusLine = 280

// polecatNames are given to polecats in this order; further ones are numbered.
var polecatNames = [...]string{
	"toast", "nux", "slit", "rictus", "capable", "dag", "furiosa", "angharad", "cheedo", "morsov",
	"ace", "valkyrie", "keeper", "corpus", "organic", "doof", "miss", "glory", "maadi", "feral",
}

// Process reports whether the runtime may still have a process of the agent's current run.
func (a *Agent) Process() bool {
	return a.Run != 0 && a.Observed != Exited && a.Observed != NotFound && a.Dispatch != NotDispatched
}

func (a *Agent) clone() *Agent {
	c := *a
	c.ActiveTools = slices.Clone(a.ActiveTools)
	return &c
}

func (a *Agent) code(c *coder) {
	codeString(c, &a.ID)
	codeString(c, &a.Role)
	codeString(c, &a.Rig)
	codeString(c, &a.Status)
	codeInt(c, &a.Since)
	codeString(c, &a.Hook)
	codeString(c, &a.Had)
	codeInt(c, &a.Run)
	codeString(c, &a.Dispatch)
	codeInt(c, &a.Dispatched)
	codeString(c, &a.Observed)
	codeInt(c, &a.ObservedSince)
	codeInt(c, &a.HeartbeatLost)
	codeInt(c, &a.Stopping)
	codeString(c, &a.StopReason)
	codeInt(c, &a.StopTry)
	codeString(c, &a.StatusLine)
	codeInt(c, &a.Created)
	codeInt(c, &a.LastWork)
	codeInt(c, &a.Inactive)
	codeInt(c, &a.Asked)
	codeSlice(c, &a.ActiveTools, codeString)
}
