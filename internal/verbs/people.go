package verbs

import (
	"net/http"

	"gastown/internal/town"
	"gastown/internal/wire"
)

// What commands say that people and agents share.
const (
	writing = "Write to an agent, or to people"
	nudging = "Have an agent told something while it runs"
)

// ofPeople are the verbs of whoever has the admin token.
func ofPeople() []Verb {
	const bead, convoy, rig, agent = "/beads/{bead}", "/convoys/{bead}", "/rigs/{rig}", "/agents/{agent}"
	const post, patch, remove = http.MethodPost, http.MethodPatch, http.MethodDelete
	v := func(id, method, below string, event town.EventType, fields any, doc, command, help string) Verb {
		return Verb{id, Person, method, below, event, fields, doc, command, help}
	}
	return []Verb{
		v("configure-town", patch, "", "town_configured", wire.TownPatch{},
			"Set configuration values of a town.", "town set",
			"Set configuration values, such as max_agents=4 or agents.polecat.preset=claude"),
		v("pause-town", post, "/pause", "town_paused", wire.Reason{},
			"Start nothing new; what runs goes on.", "town pause", ""),
		v("resume-town", post, "/resume", "town_resumed", nil, "End a pause.", "town resume", ""),

		v("create-rig", post, "/rigs", "rig_added", wire.NewRig{}, "Take a repository into the town.", "rig add", ""),
		v("update-rig", patch, rig, "rig_updated", wire.RigPatch{},
			"Change a rig's address, default branch, credential or settings.", "rig set",
			"Change a rig's address or branch, or override settings of the town for it"),
		v("remove-rig", remove, rig, "rig_removed", nil,
			"Take a rig without live beads out of the town.", "rig remove", ""),

		v("create-bead", post, "/beads", "bead_created", town.NewBead{},
			"Make a bead; it is dispatched as soon as it can be.", "sling",
			"Make a bead; an agent takes it as soon as one can"),
		v("update-bead", patch, bead, "bead_updated", town.BeadUpdated{},
			"Change a bead's text, priority, labels, timeout or metadata.", "bead update",
			"Change a bead's title, body, priority or labels"),
		v("hold-bead", post, bead+"/hold", "bead_held", wire.Reason{},
			"Keep a bead from being started.", "bead hold", ""),
		v("release-bead", post, bead+"/release", "bead_released", nil, "End a hold.", "bead release", ""),
		v("cancel-bead", post, bead+"/cancel", "bead_cancelled", wire.Cancel{},
			"End a bead; its agent is stopped.", "bead cancel", ""),
		v("retry-bead", post, bead+"/retry", "bead_retried", wire.Retry{}, "Open a failed bead again.", "bead retry", ""),
		v("add-dependency", post, bead+"/dependencies", "dependency_added", wire.DependsOn{},
			"Make a bead wait for another.", "bead depend", ""),
		v("remove-dependency", remove, bead+"/dependencies/{on}", "dependency_removed", nil,
			"Let a bead wait for another no longer.", "bead undepend", ""),
		v("acknowledge-escalation", post, "/escalations/{bead}/acknowledge", "escalation_acknowledged", nil,
			"Say that a person has seen an escalation.", "bead ack", "Say that you have seen an escalation"),

		v("create-convoy", post, "/convoys", "bead_created", wire.NewConvoy{},
			"Make a convoy of tasks with dependencies: all or none.", "convoy create",
			"Make a convoy of tasks with dependencies"),
		v("update-convoy", patch, convoy, "convoy_updated", town.ConvoyUpdated{},
			"Change a convoy's text, way of merging or members.", "convoy update", ""),
		v("start-convoy", post, convoy+"/start", "convoy_started", nil,
			"Let the tasks of a staged convoy start.", "convoy start", ""),
		v("close-convoy", post, convoy+"/close", "convoy_closed", wire.Reason{},
			"End a convoy; its tasks go on.", "convoy close", ""),

		v("stop-agent", post, agent+"/stop", "agent_stopped", wire.Reason{},
			"End an agent's run; its bead is open again.", "agent stop", ""),
		v("reset-agent", post, agent+"/reset", "agent_reset", nil, "Put an agent back to idle.", "agent reset", ""),
		v("nudge-agent", post, agent+"/nudge", "nudge_requested", wire.Nudge{}, nudging+".", "nudge", nudging),

		v("send-message", post, "/messages", "message_sent", town.MessageSent{}, writing+".", "mail send", writing),
		v("read-message", post, "/messages/{bead}/read", "message_read", nil,
			"Say that a message has been read.", "mail read",
			"Read a message; it is over then"),
		v("resolve-triage", post, "/triage/{bead}/resolve", "triage_resolved", town.TriageResolved{},
			"Decide a triage request.", "triage resolve", "Decide a request; bead show has its options"),
	}
}
