package verbs

import (
	"net/http"

	"gastown/internal/town"
)

// merging is what the hidden command does that makes the facts about a merge.
const merging = "Test one merge (started by the town)"

// reading is what the mail command does for whoever calls it.
const reading = "Read and write messages; for an agent, also what it is being told"

// ofAgents are the verbs of a run. What they are about comes from its token.
func ofAgents() []Verb {
	said := func(id, last string, event town.EventType, fields any, doc, command, help string) Verb {
		return Verb{id, Agent, http.MethodPost, "/agent/" + last, event, fields, doc, command, help}
	}
	return []Verb{
		{"prime", Agent, http.MethodGet, "/agent/prime", "", nil,
			"What the agent is to do.", "prime", "Print what this agent is to do"},
		said("done", "done", "agent_done", town.AgentDone{},
			"The bead is done on its branch, or the pull request of a merge request is open.", "done",
			"Say that the work is done and committed on its branch"),
		said("request-changes", "request-changes", "changes_requested", town.ChangesRequested{},
			"Ask for changes on the merge request's branch.", "request-changes", ""),
		said("checkpoint", "checkpoint", "agent_checkpoint", town.AgentCheckpoint{},
			"Leave a note for the next run.", "checkpoint", "Leave a note for the next run; - reads standard input"),
		said("agent-status", "status", "agent_status", town.AgentStatusLine{},
			"Say what the agent does now.", "agent-status", "Say what this agent does now"),
		said("usage", "usage", "agent_usage", town.AgentUsage{},
			"Say what the agent has consumed since it said so last.", "usage",
			"Say what this agent has consumed since it said so last"),
		said("escalate", "escalate", "agent_escalated", town.AgentEscalated{},
			"Tell people about something.", "escalate", ""),
		{"agent-mail", Agent, http.MethodGet, "/agent/mail", "", nil,
			"What the agent has not read yet, and its nudges.", "mail", reading},
		said("agent-mail-read", "mail-read", "message_read", town.MessageRead{}, "Messages were read.", "mail", reading),
		said("agent-mail-send", "mail-send", "message_sent", town.MessageSent{},
			"Write to another agent, or to people.", "mail send", writing),
		said("agent-nudge", "nudge", "nudge_requested", town.NudgeRequested{},
			"Have another agent told something while it runs.", "nudge", nudging),
		said("agent-triage-resolve", "triage-resolve", "triage_resolved", town.TriageResolved{},
			"Decide the triage request; for the triage agent.", "triage-resolve",
			"Decide the triage request (for the triage agent)"),
		said("heartbeat", "heartbeat", "", nil, "A sign of life; nothing is written.", "(supervisors send it)", ""),
		said("merge-tested", "merge-tested", "merge_tested", town.MergeTested{},
			"The merge passed its gates; the server pushes it.", "merge-tested",
			"Say which merge was tested (for an agent that merges); the server pushes it"),
		said("merge-conflicted", "merge-conflicted", "merge_conflicted", town.MergeConflicted{},
			"The merge request conflicts with its target.", "refinery", merging),
		said("merge-rejected", "merge-rejected", "merge_rejected", town.MergeRejected{},
			"A gate failed on the merged tree.", "refinery", merging),
		said("gate-broken", "gate-broken", "gate_broken", town.GateBroken{},
			"A gate does not pass on the target alone either.", "refinery", merging),
		said("merge-failed", "merge-failed", "merge_failed", town.MergeFailed{},
			"The merge could not be tried.", "refinery", merging),
	}
}
