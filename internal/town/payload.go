package town

// The payloads of the events, by sender. Field names in JSON are what the API takes and the
// journal keeps.

type (
	// TownConfigured sets configuration values; those that are not named stay as they are.
	TownConfigured struct {
		Name     string   `json:"name,omitempty"`
		Settings Settings `json:"settings"`
	}
	// TownPaused keeps the town from starting anything; what runs goes on.
	TownPaused struct {
		Reason string `json:"reason,omitempty"`
	}
	// TownResumed ends a pause.
	TownResumed struct{}
	// RigAdded brings a repository into the town. Its URL has been tried before.
	RigAdded struct {
		Rig           RigID    `json:"rig"`
		URL           string   `json:"url"`
		DefaultBranch string   `json:"defaultBranch"`
		Settings      Settings `json:"settings"`
	}
	// RigUpdated changes a rig's default branch or overrides.
	RigUpdated struct {
		Rig           RigID    `json:"rig"`
		DefaultBranch string   `json:"defaultBranch,omitempty"`
		Settings      Settings `json:"settings"`
	}
	// RigRemoved takes a rig without live beads out of the town.
	RigRemoved struct {
		Rig RigID `json:"rig"`
	}
	// NewBead describes a bead to be made. Key is its name within the batch.
	NewBead struct {
		Key       string            `json:"key,omitempty" doc:"Name of the bead within this batch, for dependsOn."`
		Title     string            `json:"title"`
		Body      string            `json:"body,omitempty"`
		Rig       RigID             `json:"rig,omitempty" doc:"May be left out where the town has just one."`
		Parent    BeadID            `json:"parent,omitempty"`
		Priority  Priority          `json:"priority,omitempty" doc:"critical, high, medium (default) or low."`
		Labels    []string          `json:"labels,omitempty"`
		DependsOn []string          `json:"dependsOn,omitempty" doc:"Keys of this batch or ids of beads that must be closed first."`
		Held      bool              `json:"held,omitempty" doc:"Do not start it before it is released."`
		Timeout   Duration          `json:"timeout,omitempty"`
		Metadata  map[string]string `json:"metadata,omitempty"`
	}
	// NewConvoy makes the batch a convoy.
	NewConvoy struct {
		Title     string    `json:"title"`
		Body      string    `json:"body,omitempty"`
		MergeMode MergeMode `json:"mergeMode,omitempty"`
		Staged    *bool     `json:"staged,omitempty"`
	}
	// BeadCreated makes one bead, or a batch with dependencies, or a convoy: all or none.
	BeadCreated struct {
		Beads  []NewBead  `json:"beads"`
		Convoy *NewConvoy `json:"convoy,omitempty"`
	}
	// BeadUpdated changes what is set.
	BeadUpdated struct {
		Title    *string           `json:"title,omitempty"`
		Body     *string           `json:"body,omitempty"`
		Priority *Priority         `json:"priority,omitempty"`
		Labels   *[]string         `json:"labels,omitempty"`
		Timeout  *Duration         `json:"timeout,omitempty"`
		Metadata map[string]string `json:"metadata,omitempty"`
	}
	// BeadHeld keeps a bead from being started.
	BeadHeld struct {
		Reason string `json:"reason,omitempty"`
	}
	// BeadReleased ends a hold.
	BeadReleased struct{}
	// BeadCancelled ends a bead: closed, or failed as asked.
	BeadCancelled struct {
		As     BeadStatus `json:"as,omitempty" doc:"closed (default) or failed."`
		Reason string     `json:"reason,omitempty"`
	}
	// BeadRetried opens a failed bead again; its attempts stay on record.
	BeadRetried struct{}
	// DependencyAdded makes the event's bead wait for another.
	DependencyAdded struct {
		On BeadID `json:"dependsOn"`
	}
	// DependencyRemoved ends that.
	DependencyRemoved struct {
		On BeadID `json:"dependsOn"`
	}
	// ConvoyStarted lets the members of a staged convoy start.
	ConvoyStarted struct{}
	// ConvoyClosed ends a convoy; its members go on by themselves.
	ConvoyClosed struct {
		Reason string `json:"reason,omitempty"`
	}
	// AgentReset puts an agent back to idle: stopped, unhooked, its checkpoint cleared.
	AgentReset struct{}
	// AgentStopped ends an agent's run; its bead is open again.
	AgentStopped struct {
		Reason string `json:"reason,omitempty"`
	}
	// EscalationAcknowledged says that a person has seen it.
	EscalationAcknowledged struct{}

	// AgentDone says that the work on the agent's bead is done on a branch.
	AgentDone struct {
		Branch    string `json:"branch"`
		Head      string `json:"headSha"`
		Summary   string `json:"summary,omitempty"`
		NoChanges string `json:"noChanges,omitempty" doc:"Why nothing had to change, if nothing did."`
	}
	// ChangesRequested says what must be changed on a merge request's branch.
	ChangesRequested struct {
		Feedback string   `json:"feedback"`
		Files    []string `json:"files,omitempty"`
	}
	// AgentCheckpoint is what the next run of the agent's bead should know.
	AgentCheckpoint struct {
		Text string `json:"text"`
	}
	// AgentStatusLine is what the agent says it does now.
	AgentStatusLine struct {
		Line string `json:"line"`
	}
	// AgentEscalated tells people about something.
	AgentEscalated struct {
		Severity Severity `json:"severity"`
		Category string   `json:"category"`
		Message  string   `json:"message"`
	}

	// ContainerStatus is a change of what is observed of an agent's process.
	ContainerStatus struct {
		Status   Observed `json:"status"`
		ExitCode *int     `json:"exitCode,omitempty"`
		Reason   string   `json:"reason,omitempty"`
	}
	// AgentCompleted says that the process of a run has ended.
	AgentCompleted struct {
		Result   CompletedResult `json:"result"`
		Reason   string          `json:"reason,omitempty"`
		ExitCode int             `json:"exitCode"`
	}
	// HeartbeatLost says that three heartbeats were missed.
	HeartbeatLost struct{}
	// HeartbeatResumed says that the agent is heard again.
	HeartbeatResumed struct{}

	// DispatchAccepted says that the process of a run has been started.
	DispatchAccepted struct{}
	// DispatchRejected says that it surely was not.
	DispatchRejected struct {
		Class  string `json:"class"`
		Infra  bool   `json:"infra"`
		Reason string `json:"reason"`
	}
	// DispatchUnknown says that nobody knows: the heartbeat decides.
	DispatchUnknown struct {
		Reason string `json:"reason,omitempty"`
	}
	// AgentStopConfirmed says that no process of the run is left.
	AgentStopConfirmed struct{}
	// BranchVerified is what a look at the branch of a merge request found.
	BranchVerified struct {
		Head  string `json:"headSha,omitempty"` // empty: there is no such branch
		Ahead int    `json:"commitsAhead"`
		Error string `json:"error,omitempty"` // it could not be looked at
	}
	// MergeCompleted says that a merge request is in its target.
	MergeCompleted struct {
		Commit string `json:"commit"`
	}
	// MergeConflicted says that a merge request cannot be merged as it is.
	MergeConflicted struct {
		Files []string `json:"files"`
	}
	// MergeRejected says that a gate failed on the merged tree.
	MergeRejected struct {
		Gate string `json:"gate"`
		Log  string `json:"logTail,omitempty"`
	}
	// MergeFailed says that nothing could be merged: by the infrastructure's fault, or because
	// there is nothing.
	MergeFailed struct {
		Class  string `json:"class"`
		Reason string `json:"reason"`
	}
)

// Classes of a failed merge that are not the infrastructure's fault.
const (
	MergeEmpty   = "empty"   // the branch brings no change
	MergeMissing = "missing" // there is no such branch any more
)

// CompletedResult says how a process ended.
type CompletedResult string

// The results of a run.
const (
	RunCompleted CompletedResult = "completed"
	RunFailed    CompletedResult = "failed"
	RunEvicted   CompletedResult = "evicted"
)

// EventSpecs lists every event type, in the order of the reference.
func EventSpecs() []EventSpec {
	return []EventSpec{
		{"town_configured", FromPeople, "Configuration values of the town are set.", func() Payload { return new(TownConfigured) }},
		{"town_paused", FromPeople, "Nothing new is started from now on; what runs goes on.", func() Payload { return new(TownPaused) }},
		{"town_resumed", FromPeople, "The pause is over.", func() Payload { return new(TownResumed) }},
		{"rig_added", FromPeople, "A repository joins the town.", func() Payload { return new(RigAdded) }},
		{"rig_updated", FromPeople, "A rig's default branch or overrides change.", func() Payload { return new(RigUpdated) }},
		{"rig_removed", FromPeople, "A rig without live beads leaves the town.", func() Payload { return new(RigRemoved) }},
		{"bead_created", FromPeople, "One bead, a batch with dependencies, or a convoy is made.", func() Payload { return new(BeadCreated) }},
		{"bead_updated", FromPeople, "A bead's text, priority, labels, timeout or metadata change.", func() Payload { return new(BeadUpdated) }},
		{"bead_held", FromPeople, "A bead must not be started.", func() Payload { return new(BeadHeld) }},
		{"bead_released", FromPeople, "A held bead may be started.", func() Payload { return new(BeadReleased) }},
		{"bead_cancelled", FromPeople, "A bead is ended; its agent is stopped.", func() Payload { return new(BeadCancelled) }},
		{"bead_retried", FromPeople, "A failed bead is opened again.", func() Payload { return new(BeadRetried) }},
		{"dependency_added", FromPeople, "A bead waits for another.", func() Payload { return new(DependencyAdded) }},
		{"dependency_removed", FromPeople, "A bead no longer waits for another.", func() Payload { return new(DependencyRemoved) }},
		{"convoy_started", FromPeople, "The members of a staged convoy may start.", func() Payload { return new(ConvoyStarted) }},
		{"convoy_closed", FromPeople, "A convoy is ended; its members go on.", func() Payload { return new(ConvoyClosed) }},
		{"agent_reset", FromPeople, "An agent is stopped, unhooked and made idle.", func() Payload { return new(AgentReset) }},
		{"agent_stopped", FromPeople, "An agent's run is ended; its bead is open again.", func() Payload { return new(AgentStopped) }},
		{"escalation_acknowledged", FromPeople, "A person has seen an escalation.", func() Payload { return new(EscalationAcknowledged) }},
		{"agent_done", FromAgents, "An agent says that its bead is done on a branch.", func() Payload { return new(AgentDone) }},
		{"changes_requested", FromAgents, "A reviewer wants changes on a merge request's branch.", func() Payload { return new(ChangesRequested) }},
		{"agent_checkpoint", FromAgents, "What the next run should know.", func() Payload { return new(AgentCheckpoint) }},
		{"agent_status", FromAgents, "What the agent does now.", func() Payload { return new(AgentStatusLine) }},
		{"agent_escalated", FromAgents, "An agent tells people about something.", func() Payload { return new(AgentEscalated) }},
		{"container_status", FromRuntime, "What is observed of an agent's process has changed.", func() Payload { return new(ContainerStatus) }},
		{"agent_completed", FromRuntime, "The process of a run has ended.", func() Payload { return new(AgentCompleted) }},
		{"heartbeat_lost", FromRuntime, "Three heartbeats of an agent were missed.", func() Payload { return new(HeartbeatLost) }},
		{"heartbeat_resumed", FromRuntime, "An agent is heard again.", func() Payload { return new(HeartbeatResumed) }},
		{"dispatch_accepted", FromEffects, "The process of a run has been started.", func() Payload { return new(DispatchAccepted) }},
		{"dispatch_rejected", FromEffects, "The process of a run surely was not started.", func() Payload { return new(DispatchRejected) }},
		{"dispatch_unknown", FromEffects, "Whether the process was started is not known.", func() Payload { return new(DispatchUnknown) }},
		{"agent_stop_confirmed", FromEffects, "No process of the run is left.", func() Payload { return new(AgentStopConfirmed) }},
		{"branch_verified", FromEffects, "The branch of a merge request was looked at.", func() Payload { return new(BranchVerified) }},
		{"merge_completed", FromEffects, "A merge request is in its target.", func() Payload { return new(MergeCompleted) }},
		{"merge_conflicted", FromEffects, "A merge request conflicts with its target.", func() Payload { return new(MergeConflicted) }},
		{"merge_rejected", FromEffects, "A gate failed on the merged tree.", func() Payload { return new(MergeRejected) }},
		{"merge_failed", FromEffects, "The merge could not be tried.", func() Payload { return new(MergeFailed) }},
	}
}

// Type implements Payload.
func (*TownConfigured) Type() EventType         { return "town_configured" }
func (*TownPaused) Type() EventType             { return "town_paused" }
func (*TownResumed) Type() EventType            { return "town_resumed" }
func (*RigAdded) Type() EventType               { return "rig_added" }
func (*RigUpdated) Type() EventType             { return "rig_updated" }
func (*RigRemoved) Type() EventType             { return "rig_removed" }
func (*BeadCreated) Type() EventType            { return "bead_created" }
func (*BeadUpdated) Type() EventType            { return "bead_updated" }
func (*BeadHeld) Type() EventType               { return "bead_held" }
func (*BeadReleased) Type() EventType           { return "bead_released" }
func (*BeadCancelled) Type() EventType          { return "bead_cancelled" }
func (*BeadRetried) Type() EventType            { return "bead_retried" }
func (*DependencyAdded) Type() EventType        { return "dependency_added" }
func (*DependencyRemoved) Type() EventType      { return "dependency_removed" }
func (*ConvoyStarted) Type() EventType          { return "convoy_started" }
func (*ConvoyClosed) Type() EventType           { return "convoy_closed" }
func (*AgentReset) Type() EventType             { return "agent_reset" }
func (*AgentStopped) Type() EventType           { return "agent_stopped" }
func (*EscalationAcknowledged) Type() EventType { return "escalation_acknowledged" }
func (*AgentDone) Type() EventType              { return "agent_done" }
func (*ChangesRequested) Type() EventType       { return "changes_requested" }
func (*AgentCheckpoint) Type() EventType        { return "agent_checkpoint" }
func (*AgentStatusLine) Type() EventType        { return "agent_status" }
func (*AgentEscalated) Type() EventType         { return "agent_escalated" }
func (*ContainerStatus) Type() EventType        { return "container_status" }
func (*AgentCompleted) Type() EventType         { return "agent_completed" }
func (*HeartbeatLost) Type() EventType          { return "heartbeat_lost" }
func (*HeartbeatResumed) Type() EventType       { return "heartbeat_resumed" }
func (*DispatchAccepted) Type() EventType       { return "dispatch_accepted" }
func (*DispatchRejected) Type() EventType       { return "dispatch_rejected" }
func (*DispatchUnknown) Type() EventType        { return "dispatch_unknown" }
func (*AgentStopConfirmed) Type() EventType     { return "agent_stop_confirmed" }
func (*BranchVerified) Type() EventType         { return "branch_verified" }
func (*MergeCompleted) Type() EventType         { return "merge_completed" }
func (*MergeConflicted) Type() EventType        { return "merge_conflicted" }
func (*MergeRejected) Type() EventType          { return "merge_rejected" }
func (*MergeFailed) Type() EventType            { return "merge_failed" }
