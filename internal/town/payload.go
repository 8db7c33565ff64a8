package town

// The payloads of the events, by sender. Field names in JSON are what the API takes and the
// journal keeps.

type (
	// TownConfigured sets configuration values; those that are not named stay as they are.
	TownConfigured struct {
		Name     string   `json:"name,omitempty" doc:"The name that people see." share:"keep"`
		Settings Settings `json:"settings" doc:"Values to set; those not named stay as they are."`
		Unset    []string `json:"unset,omitempty" doc:"Keys that get their default back, such as max_agents or env.NAME." share:"keep"`
	}
	// TownPaused keeps the town from starting anything; what runs goes on.
	TownPaused struct {
		Reason string `json:"reason,omitempty" doc:"Shown to whoever asks why nothing starts."`
	}
	// TownResumed ends a pause.
	TownResumed struct{}
	// HistoryRenewed gives a town that goes on from an older copy of itself a history of its own.
	HistoryRenewed struct {
		From   History `json:"from" doc:"The history that the copy is of."`
		To     History `json:"to" doc:"The history that begins with this event."`
		Reason string  `json:"reason" doc:"What was found that the copy does not know." share:"keep"`
	}
	// RigAdded brings a repository into the town. Its URL has been tried before.
	RigAdded struct {
		Rig           RigID    `json:"rig" doc:"Its name, unique in the town and never changed."`
		URL           string   `json:"url" doc:"Where the repository is." share:"url"`
		DefaultBranch string   `json:"defaultBranch" doc:"The branch that work is merged into." share:"keep"`
		Credential    string   `json:"credential,omitempty" doc:"What opens the repository: [USER@]env:NAME or [USER@]file:PATH." share:"credential"`
		Settings      Settings `json:"settings" doc:"Overrides of the town's configuration."`
	}
	// RigUpdated changes a rig's address, default branch, credential or overrides. Open merge requests into the former
	// default branch go into the new one. The address and branch have been tried before.
	RigUpdated struct {
		Rig           RigID    `json:"rig" doc:"The rig that changes."`
		URL           string   `json:"url,omitempty" doc:"Where the repository is from now on." share:"url"`
		DefaultBranch string   `json:"defaultBranch,omitempty" doc:"The branch that work is merged into from now on." share:"keep"`
		Credential    string   `json:"credential,omitempty" doc:"What opens the repository from now on; none for nothing of its own." share:"credential"`
		Settings      Settings `json:"settings" doc:"Overrides to set; those not named stay as they are."`
		Unset         []string `json:"unset,omitempty" doc:"Keys that the rig takes from the town again." share:"keep"`
	}
	// RigRemoved takes a rig without live beads out of the town.
	RigRemoved struct {
		Rig RigID `json:"rig" doc:"The rig that leaves."`
	}
	// NewBead describes a bead to be made. Key is its name within the batch.
	NewBead struct {
		Key       string            `json:"key,omitempty" doc:"Name of the bead within this batch, for dependsOn." share:"keep"`
		Title     string            `json:"title" doc:"One line."`
		Body      string            `json:"body,omitempty" doc:"What is to be done, in full."`
		Rig       RigID             `json:"rig,omitempty" doc:"May be left out where the town has just one."`
		Parent    BeadID            `json:"parent,omitempty" doc:"The bead that this one is a part of; for people."`
		Priority  Priority          `json:"priority,omitempty" doc:"critical, high, medium (default) or low."`
		Labels    []string          `json:"labels,omitempty" doc:"Whole words; those beginning with gt: are taken." share:"keep"`
		DependsOn []string          `json:"dependsOn,omitempty" doc:"Keys of this batch or ids of beads that must be closed first." share:"keep"`
		Held      bool              `json:"held,omitempty" doc:"Do not start it before it is released."`
		Timeout   Duration          `json:"timeout,omitempty" doc:"Longest time of one attempt, instead of bead_timeout."`
		Metadata  map[string]string `json:"metadata,omitempty" doc:"For users; no rule reads it."`
	}
	// NewConvoy makes the batch a convoy.
	NewConvoy struct {
		Title     string    `json:"title" doc:"One line; the convoy's branch is named after it."`
		Body      string    `json:"body,omitempty" doc:"What the beads are for together."`
		MergeMode MergeMode `json:"mergeMode,omitempty" doc:"review-then-land or review-and-merge; convoy_merge_mode if empty."`
		Staged    *bool     `json:"staged,omitempty" doc:"The beads wait until the convoy is started; staged_convoys if not set."`
	}
	// BeadCreated makes one bead, or a batch with dependencies, or a convoy: all or none.
	BeadCreated struct {
		Beads  []NewBead  `json:"beads" doc:"The beads to make, in this order."`
		Convoy *NewConvoy `json:"convoy,omitempty" doc:"Makes the beads the members of a new convoy."`
	}
	// BeadUpdated changes what is set.
	BeadUpdated struct {
		Title    *string           `json:"title,omitempty" doc:"New title."`
		Body     *string           `json:"body,omitempty" doc:"New text."`
		Priority *Priority         `json:"priority,omitempty" doc:"critical, high, medium or low."`
		Labels   *[]string         `json:"labels,omitempty" doc:"All labels the bead has from now on." share:"keep"`
		Timeout  *Duration         `json:"timeout,omitempty" doc:"Longest time of one attempt; zero takes bead_timeout."`
		Metadata map[string]string `json:"metadata,omitempty" doc:"Keys to set; others stay."`
	}
	// BeadHeld keeps a bead from being started.
	BeadHeld struct {
		Reason string `json:"reason,omitempty" doc:"Shown to whoever asks why it does not start."`
	}
	// BeadReleased ends a hold.
	BeadReleased struct{}
	// BeadCancelled ends a bead: closed, or failed as asked.
	BeadCancelled struct {
		As     BeadStatus `json:"as,omitempty" doc:"closed (default) or failed."`
		Reason string     `json:"reason,omitempty" doc:"Kept as what the bead came to."`
	}
	// BeadRetried opens a failed bead again; its attempts stay on record.
	BeadRetried struct {
		Fresh bool `json:"fresh,omitempty" doc:"Start over from the base. What was there is kept in the rig's mirror."`
	}
	// DependencyAdded makes the event's bead wait for another.
	DependencyAdded struct {
		On BeadID `json:"dependsOn" doc:"The bead that must be closed first."`
	}
	// DependencyRemoved ends that.
	DependencyRemoved struct {
		On BeadID `json:"dependsOn" doc:"The bead that is no longer waited for."`
	}
	// ConvoyStarted lets the members of a staged convoy start.
	ConvoyStarted struct{}
	// ConvoyUpdated changes what is set, and who belongs to the convoy.
	ConvoyUpdated struct {
		Title     *string    `json:"title,omitempty" doc:"One line, at most 200 bytes."`
		Body      *string    `json:"body,omitempty" doc:"At most 64 KiB."`
		MergeMode *MergeMode `json:"mergeMode,omitempty" doc:"review-then-land or review-and-merge; only before the first merge."`
		Add       []BeadID   `json:"add,omitempty" doc:"Issues that join the convoy."`
		Remove    []BeadID   `json:"remove,omitempty" doc:"Members that leave it."`
	}
	// ConvoyClosed ends a convoy; its members go on by themselves.
	ConvoyClosed struct {
		Reason string `json:"reason,omitempty" doc:"Kept for the record."`
	}
	// AgentReset puts an agent back to idle: stopped, unhooked, its checkpoint cleared.
	AgentReset struct{}
	// AgentStopped ends an agent's run; its bead is open again.
	AgentStopped struct {
		Reason string `json:"reason,omitempty" doc:"Kept as what the attempt came to."`
	}
	// EscalationAcknowledged says that a person has seen it.
	EscalationAcknowledged struct{}

	// AgentDone says that the work on the agent's bead is done on a branch.
	AgentDone struct {
		Branch    string `json:"branch" doc:"The branch with the work; must be the one the agent was given." share:"branch"`
		Head      string `json:"headSha" doc:"The commit that is done; what is merged must be it." share:"keep"`
		Summary   string `json:"summary,omitempty" doc:"What was done, for the merge and for people."`
		NoChanges string `json:"noChanges,omitempty" doc:"Why nothing had to change, if nothing did."`
		PRURL     string `json:"prUrl,omitempty" doc:"The pull request that a refinery has opened for its merge request." share:"url"`
	}
	// ChangesRequested says what must be changed on a merge request's branch.
	ChangesRequested struct {
		Feedback string   `json:"feedback" doc:"What must change; the text of the rework."`
		Files    []string `json:"files,omitempty" doc:"The files it is about."`
	}
	// AgentCheckpoint is what the next run of the agent's bead should know.
	AgentCheckpoint struct {
		Text string `json:"text" doc:"Goes into the prompt of the next run."`
	}
	// AgentStatusLine is what the agent says it does now.
	AgentStatusLine struct {
		Line  string   `json:"line" doc:"At most 280 characters."`
		Tools []string `json:"activeTools,omitempty" doc:"What it has running and will wait for, instead of what it said before."`
	}
	// AgentUsage is what a run has consumed since its last report.
	AgentUsage struct {
		TokensIn     int64   `json:"tokensIn" doc:"Tokens of prompts."`
		TokensOut    int64   `json:"tokensOut" doc:"Tokens of answers."`
		TokensCached int64   `json:"tokensCached,omitempty" doc:"Tokens from the cache of the provider; no budget counts them."`
		CostUSD      float64 `json:"costUsd" doc:"What that cost, in US dollars."`
	}
	// AgentEscalated tells people about something.
	AgentEscalated struct {
		Severity Severity `json:"severity" doc:"low, medium, high or critical."`
		Category string   `json:"category" doc:"Equal categories on one bead are one escalation." share:"word"`
		Message  string   `json:"message" doc:"The first line is the title."`
	}

	// ContainerStatus is a change of what is observed of an agent's process.
	ContainerStatus struct {
		Status   Observed `json:"status" doc:"starting, running, unresponsive, exited, not_found or unknown."`
		ExitCode *int     `json:"exitCode,omitempty" doc:"Exit status of a process that ended."`
		Reason   string   `json:"reason,omitempty" doc:"What the runtime says about it."`
		Instance string   `json:"instance,omitempty" doc:"Where the process runs, if the runtime has more than one place." share:"keep"`
	}
	// AgentCompleted says that the process of a run has ended.
	AgentCompleted struct {
		Result   CompletedResult `json:"result" doc:"completed, failed or evicted."`
		Reason   string          `json:"reason,omitempty" doc:"What the runtime says about the end."`
		ExitCode int             `json:"exitCode" doc:"Exit status of the process."`
	}
	// HeartbeatLost says that three heartbeats were missed.
	HeartbeatLost struct{}
	// HeartbeatResumed says that the agent is heard again.
	HeartbeatResumed struct {
		Instance string `json:"instance,omitempty" doc:"Where the process runs, if the runtime has more than one place." share:"keep"`
	}
	// ContainerEviction says that the place where agents run is going to be emptied.
	ContainerEviction struct {
		Nonce    string `json:"nonce" doc:"Names this drain." share:"keep"`
		Instance string `json:"instance,omitempty" doc:"What is being emptied." share:"keep"`
	}
	// ContainerReady says that the place which was emptied can be used again.
	ContainerReady struct {
		Nonce string `json:"nonce" doc:"The drain that this ends." share:"keep"`
	}

	// DispatchAccepted says that the process of a run has been started.
	DispatchAccepted struct{}
	// DispatchRejected says that it surely was not.
	DispatchRejected struct {
		Class  string `json:"class" doc:"What kind of obstacle, for example command_not_found." share:"keep"`
		Infra  bool   `json:"infra" doc:"The infrastructure's fault: does not count against max_dispatch_attempts."`
		Reason string `json:"reason" doc:"What went wrong, in full."`
	}
	// DispatchUnknown says that nobody knows: the heartbeat decides.
	DispatchUnknown struct {
		Reason string `json:"reason,omitempty" doc:"Why nobody knows."`
	}
	// AgentStopConfirmed says that no process of the run is left.
	AgentStopConfirmed struct{}
	// BranchVerified is what a look at the branch of a merge request found.
	BranchVerified struct {
		Head  string `json:"headSha,omitempty" doc:"Commit at the tip; empty: there is no such branch." share:"keep"`
		Ahead int    `json:"commitsAhead" doc:"Commits that the target does not have."`
		Error string `json:"error,omitempty" doc:"Why it could not be looked at; it is asked again."`
		Class string `json:"class,omitempty" doc:"What kind of failure that was." share:"keep"`
		// Astray sends the bead back to an agent, whatever is on the branch.
		Astray string `json:"astray,omitempty" doc:"What of the work is not on the branch, and what helps."`
		// Others keep the branch back as long as one of them is not merged.
		Others []string `json:"others,omitempty" doc:"Workspaces of other beads (tag and bead) whose commits are on the branch and not in its target." share:"keep"`
	}
	// MergeConflicted says that a merge request cannot be merged as it is.
	MergeConflicted struct {
		Files []string `json:"files" doc:"The files that conflict."`
	}
	// MergeRejected says that a gate failed on the merged tree.
	MergeRejected struct {
		Gate string  `json:"gate" doc:"Name of the gate." share:"keep"`
		End  GateEnd `json:"end,omitempty" doc:"failed (when empty), timed_out or could_not_run." share:"keep"`
		Log  string  `json:"logTail,omitempty" doc:"The end of its log."`
		// Changed are why it is red, if there are any.
		Changed []string  `json:"changed,omitempty" doc:"Tracked files that it changed, where that is why it counts as failed (gate_changes: refuse)."`
		Runs    []GateRun `json:"gates,omitempty" doc:"Every run of a gate, in order."`
	}
	// GateBroken says that a gate does not pass on the target alone either, so that no branch is to blame.
	GateBroken struct {
		Gate   string  `json:"gate" doc:"Name of the gate." share:"keep"`
		End    GateEnd `json:"end,omitempty" doc:"How it ended on the target: failed (when empty), timed_out or could_not_run." share:"keep"`
		Target string  `json:"targetSha" doc:"Commit of the target that it was run on." share:"keep"`
		Log    string  `json:"logTail,omitempty" doc:"The end of its log there."`
		// Changed are why it is red, if there are any.
		Changed []string  `json:"changed,omitempty" doc:"Tracked files that it changed there, where that is why it counts as failed (gate_changes: refuse)."`
		Runs    []GateRun `json:"gates,omitempty" doc:"Every run of a gate, in order."`
	}
	// MergeFailed says that nothing could be merged: by the infrastructure's fault, or because
	// there is nothing.
	MergeFailed struct {
		Class  string `json:"class" doc:"empty, missing, target_missing, target_rewritten, members_missing, or what kind of obstacle." share:"keep"`
		Reason string `json:"reason" doc:"What went wrong, in full."`
	}
)

// Classes of a failed merge that are not the infrastructure's fault.
const (
	MergeEmpty   = "empty"      // the branch brings no change
	MergeMissing = "missing"    // there is no such branch any more
	MergeMoved   = "head_moved" // the branch is not where it was when it was looked at
	// MergeNoTarget: the branch that it is to be merged into is gone.
	MergeNoTarget = "target_missing"
	// MergeRewritten: the branch is built on commits that were taken out of its target by force.
	MergeRewritten = "target_rewritten"
	// MergeMembersMissing: the convoy's branch is without the merge of one of its members.
	MergeMembersMissing = "members_missing"
	// MergeNoForge: a pull request is wanted, and whoever merges cannot open one.
	MergeNoForge = "no_forge"
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
	return append([]EventSpec{
		{"town_configured", FromPeople, "Configuration values of the town are set.", func() Payload { return new(TownConfigured) }},
		{"town_paused", FromPeople, "Nothing new is started from now on; what runs goes on.", func() Payload { return new(TownPaused) }},
		{"town_resumed", FromPeople, "The pause is over.", func() Payload { return new(TownResumed) }},
		{"history_renewed", FromRuntime, "The town goes on from an older copy of itself, under another tag.", func() Payload { return new(HistoryRenewed) }},
		{"rig_added", FromPeople, "A repository joins the town.", func() Payload { return new(RigAdded) }},
		{"rig_updated", FromPeople, "A rig's address, default branch, credential or overrides change.", func() Payload { return new(RigUpdated) }},
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
		{"convoy_updated", FromPeople, "A convoy's text, way of merging or members change.", func() Payload { return new(ConvoyUpdated) }},
		{"convoy_closed", FromPeople, "A convoy is ended; its members go on.", func() Payload { return new(ConvoyClosed) }},
		{"agent_reset", FromPeople, "An agent is stopped, unhooked and made idle.", func() Payload { return new(AgentReset) }},
		{"agent_stopped", FromPeople, "An agent's run is ended; its bead is open again.", func() Payload { return new(AgentStopped) }},
		{"escalation_acknowledged", FromPeople, "A person has seen an escalation.", func() Payload { return new(EscalationAcknowledged) }},
		{"triage_resolved", FromPeople, "A person, or the triage agent's run, decides what a triage request asks.", func() Payload { return new(TriageResolved) }},
		{"nudge_requested", FromPeople, "A person or an agent wants a running agent to be told something.", func() Payload { return new(NudgeRequested) }},
		{"message_sent", FromPeople, "A person or an agent writes to an agent or to people.", func() Payload { return new(MessageSent) }},
		{"message_read", FromPeople, "Messages were read by whom they are for, and are over.", func() Payload { return new(MessageRead) }},
		{"agent_done", FromAgents, "An agent says that its bead is done on a branch.", func() Payload { return new(AgentDone) }},
		{"changes_requested", FromAgents, "A reviewer wants changes on a merge request's branch.", func() Payload { return new(ChangesRequested) }},
		{"agent_checkpoint", FromAgents, "What the next run should know.", func() Payload { return new(AgentCheckpoint) }},
		{"agent_status", FromAgents, "What the agent does now.", func() Payload { return new(AgentStatusLine) }},
		{"agent_escalated", FromAgents, "An agent tells people about something.", func() Payload { return new(AgentEscalated) }},
		{"agent_usage", FromAgents, "What a run has consumed since its last report.", func() Payload { return new(AgentUsage) }},
		{"container_status", FromRuntime, "What is observed of an agent's process has changed.", func() Payload { return new(ContainerStatus) }},
		{"agent_completed", FromRuntime, "The process of a run has ended.", func() Payload { return new(AgentCompleted) }},
		{"heartbeat_lost", FromRuntime, "Three heartbeats of an agent were missed.", func() Payload { return new(HeartbeatLost) }},
		{"heartbeat_resumed", FromRuntime, "An agent is heard again.", func() Payload { return new(HeartbeatResumed) }},
		{"container_eviction", FromRuntime, "The place where agents run is being emptied: nothing is started until it is ready again.", func() Payload { return new(ContainerEviction) }},
		{"container_ready", FromRuntime, "The place that was emptied can be used again.", func() Payload { return new(ContainerReady) }},
		{"activity_stopped", FromRuntime, "An agent's process has written nothing for a while.", func() Payload { return new(ActivityStopped) }},
		{"activity_resumed", FromRuntime, "It writes again.", func() Payload { return new(ActivityResumed) }},
		{"dispatch_accepted", FromEffects, "The process of a run has been started.", func() Payload { return new(DispatchAccepted) }},
		{"dispatch_rejected", FromEffects, "The process of a run surely was not started.", func() Payload { return new(DispatchRejected) }},
		{"dispatch_unknown", FromEffects, "Whether the process was started is not known.", func() Payload { return new(DispatchUnknown) }},
		{"agent_stop_confirmed", FromEffects, "No process of the run is left.", func() Payload { return new(AgentStopConfirmed) }},
		{"branch_verified", FromEffects, "The branch of a merge request was looked at.", func() Payload { return new(BranchVerified) }},
		{"merge_conflicted", FromEffects, "A merge request conflicts with its target.", func() Payload { return new(MergeConflicted) }},
		{"merge_rejected", FromEffects, "A gate failed on the merged tree.", func() Payload { return new(MergeRejected) }},
		{"gate_broken", FromEffects, "A gate does not pass on the target alone either.", func() Payload { return new(GateBroken) }},
		{"merge_failed", FromEffects, "The merge could not be tried.", func() Payload { return new(MergeFailed) }},
		{"nudge_delivered", FromEffects, "A nudge is where its agent can read it.", func() Payload { return new(NudgeArrived) }},
		{"nudge_failed", FromEffects, "A nudge could not be delivered.", func() Payload { return new(NudgeFailed) }},
		{"people_notified", FromEffects, "The webhooks were told of an escalation, or not.", func() Payload { return new(PeopleNotified) }},
	}, append(pushSpecs(), pullSpecs()...)...)
}

// Type implements Payload.
func (*TownConfigured) Type() EventType         { return "town_configured" }
func (*TownPaused) Type() EventType             { return "town_paused" }
func (*TownResumed) Type() EventType            { return "town_resumed" }
func (*HistoryRenewed) Type() EventType         { return "history_renewed" }
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
func (*ConvoyUpdated) Type() EventType          { return "convoy_updated" }
func (*ConvoyClosed) Type() EventType           { return "convoy_closed" }
func (*AgentReset) Type() EventType             { return "agent_reset" }
func (*AgentStopped) Type() EventType           { return "agent_stopped" }
func (*EscalationAcknowledged) Type() EventType { return "escalation_acknowledged" }
func (*AgentDone) Type() EventType              { return "agent_done" }
func (*ChangesRequested) Type() EventType       { return "changes_requested" }
func (*AgentCheckpoint) Type() EventType        { return "agent_checkpoint" }
func (*AgentStatusLine) Type() EventType        { return "agent_status" }
func (*AgentEscalated) Type() EventType         { return "agent_escalated" }
func (*AgentUsage) Type() EventType             { return "agent_usage" }
func (*ContainerStatus) Type() EventType        { return "container_status" }
func (*AgentCompleted) Type() EventType         { return "agent_completed" }
func (*HeartbeatLost) Type() EventType          { return "heartbeat_lost" }
func (*HeartbeatResumed) Type() EventType       { return "heartbeat_resumed" }
func (*ContainerEviction) Type() EventType      { return "container_eviction" }
func (*ContainerReady) Type() EventType         { return "container_ready" }
func (*DispatchAccepted) Type() EventType       { return "dispatch_accepted" }
func (*DispatchRejected) Type() EventType       { return "dispatch_rejected" }
func (*DispatchUnknown) Type() EventType        { return "dispatch_unknown" }
func (*AgentStopConfirmed) Type() EventType     { return "agent_stop_confirmed" }
func (*BranchVerified) Type() EventType         { return "branch_verified" }
func (*MergeConflicted) Type() EventType        { return "merge_conflicted" }
func (*MergeRejected) Type() EventType          { return "merge_rejected" }
func (*GateBroken) Type() EventType             { return "gate_broken" }
func (*MergeFailed) Type() EventType            { return "merge_failed" }
