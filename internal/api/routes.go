package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// route is a row of the table: what there is, who may call it, and which command does.
type route struct {
	id, method, path, summary string
	who                       access
	command                   string // of the command line; or why there is none, in brackets
	bind                      func(s *server, op huma.Operation)
}

// tag groups the routes in the document.
func (r *route) tag() string {
	parts := strings.Split(strings.Trim(r.path, "/"), "/")
	if len(parts) > 3 && parts[0] == "api" {
		return parts[3]
	}
	return parts[len(parts)-1]
}

func to[I, O any](f func(*server, context.Context, *I) (*O, error)) func(*server, huma.Operation) {
	return func(s *server, op huma.Operation) {
		huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) { return f(s, ctx, in) })
	}
}

const inTown = "/api/towns/{townId}"

var routes = []route{
	{"healthz", http.MethodGet, "/healthz", "The process lives.", anybody, "doctor", to((*server).healthz)},
	{"readyz", http.MethodGet, "/readyz", "Every town's loop is well.", anybody, "doctor", to((*server).readyz)},
	{"shutdown", http.MethodPost, "/api/shutdown", "Stop the server; agents go on.", admin, "down", to((*server).shutdown)},
	{"log-level", http.MethodGet, "/api/log-level", "How much the server's log says.", admin, "log-level", to((*server).logLevel)},
	{"set-log-level", http.MethodPatch, "/api/log-level", "Have the log say more or less, until the server ends.", admin, "log-level", to((*server).setLogLevel)},

	{"list-towns", http.MethodGet, "/api/towns", "List the towns.", admin, "town list", to((*server).listTowns)},
	{"create-town", http.MethodPost, "/api/towns", "Make a town.", admin, "town create", to((*server).createTown)},
	{"show-town", http.MethodGet, inTown, "Show a town with its settings and rigs.", admin, "town show", to((*server).showTown)},
	{"configure-town", http.MethodPatch, inTown, "Set configuration values of a town.", admin, "town set", to((*server).configureTown)},
	{"pause-town", http.MethodPost, inTown + "/pause", "Start nothing new; what runs goes on.", admin, "town pause", to((*server).pauseTown)},
	{"resume-town", http.MethodPost, inTown + "/resume", "End a pause.", admin, "town resume", to((*server).resumeTown)},
	{"status", http.MethodGet, inTown + "/status", "How the town is.", admin, "status", to((*server).status)},
	{"stream", http.MethodGet, inTown + "/stream", "Every tick as it happens (server-sent events).", admin, "status --watch", to((*server).stream)},

	{"list-rigs", http.MethodGet, inTown + "/rigs", "List the rigs.", admin, "rig list", to((*server).listRigs)},
	{"create-rig", http.MethodPost, inTown + "/rigs", "Take a repository into the town.", admin, "rig add", to((*server).createRig)},
	{"show-rig", http.MethodGet, inTown + "/rigs/{rig}", "Show a rig.", admin, "rig show", to((*server).showRig)},
	{"update-rig", http.MethodPatch, inTown + "/rigs/{rig}", "Change a rig's default branch or settings.", admin, "rig set", to((*server).updateRig)},
	{"remove-rig", http.MethodDelete, inTown + "/rigs/{rig}", "Take a rig without live beads out of the town.", admin, "rig remove", to((*server).removeRig)},

	{"list-beads", http.MethodGet, inTown + "/beads", "List beads, with filters and pages.", admin, "bead list", to((*server).listBeads)},
	{"create-bead", http.MethodPost, inTown + "/beads", "Make a bead; it is dispatched as soon as it can be.", admin, "sling", to((*server).createBead)},
	{"show-bead", http.MethodGet, inTown + "/beads/{bead}", "Show a bead, also from the archive.", admin, "bead show", to((*server).showBead)},
	{"update-bead", http.MethodPatch, inTown + "/beads/{bead}", "Change a bead's text, priority, labels, timeout or metadata.", admin, "bead update", to((*server).updateBead)},
	{"hold-bead", http.MethodPost, inTown + "/beads/{bead}/hold", "Keep a bead from being started.", admin, "bead hold", to((*server).holdBead)},
	{"release-bead", http.MethodPost, inTown + "/beads/{bead}/release", "End a hold.", admin, "bead release", to((*server).releaseBead)},
	{"cancel-bead", http.MethodPost, inTown + "/beads/{bead}/cancel", "End a bead; its agent is stopped.", admin, "bead cancel", to((*server).cancelBead)},
	{"retry-bead", http.MethodPost, inTown + "/beads/{bead}/retry", "Open a failed bead again.", admin, "bead retry", to((*server).retryBead)},
	{"add-dependency", http.MethodPost, inTown + "/beads/{bead}/dependencies", "Make a bead wait for another.", admin, "bead depend", to((*server).addDependency)},
	{"remove-dependency", http.MethodDelete, inTown + "/beads/{bead}/dependencies/{on}", "End that.", admin, "bead undepend", to((*server).removeDependency)},
	{"acknowledge-escalation", http.MethodPost, inTown + "/escalations/{bead}/acknowledge", "Say that a person has seen it.", admin, "bead ack", to((*server).acknowledge)},

	{"list-convoys", http.MethodGet, inTown + "/convoys", "List the convoys.", admin, "convoy list", to((*server).listConvoys)},
	{"create-convoy", http.MethodPost, inTown + "/convoys", "Make a convoy of tasks with dependencies: all or none.", admin, "convoy create", to((*server).createConvoy)},
	{"show-convoy", http.MethodGet, inTown + "/convoys/{bead}", "Show a convoy with its tasks.", admin, "convoy status", to((*server).showConvoy)},
	{"update-convoy", http.MethodPatch, inTown + "/convoys/{bead}", "Change a convoy's text, way of merging or members.", admin, "convoy update", to((*server).updateConvoy)},
	{"start-convoy", http.MethodPost, inTown + "/convoys/{bead}/start", "Let the tasks of a staged convoy start.", admin, "convoy start", to((*server).startConvoy)},
	{"close-convoy", http.MethodPost, inTown + "/convoys/{bead}/close", "End a convoy; its tasks go on.", admin, "convoy close", to((*server).closeConvoy)},

	{"list-agents", http.MethodGet, inTown + "/agents", "List the agents.", admin, "agent list", to((*server).listAgents)},
	{"show-agent", http.MethodGet, inTown + "/agents/{agent}", "Show an agent.", admin, "agent show", to((*server).showAgent)},
	{"agent-logs", http.MethodGet, inTown + "/agents/{agent}/logs", "What an agent has written, as text.", admin, "logs", to((*server).agentLogs)},
	{"stop-agent", http.MethodPost, inTown + "/agents/{agent}/stop", "End an agent's run; its bead is open again.", admin, "agent stop", to((*server).stopAgent)},
	{"reset-agent", http.MethodPost, inTown + "/agents/{agent}/reset", "Put an agent back to idle.", admin, "agent reset", to((*server).resetAgent)},
	{"nudge-agent", http.MethodPost, inTown + "/agents/{agent}/nudge", "Have an agent told something while it runs.", admin, "nudge", to((*server).nudgeAgent)},
	{"list-nudges", http.MethodGet, inTown + "/agents/{agent}/nudges", "What an agent is being told, and was within the hour.", admin, "agent nudges", to((*server).listNudges)},

	{"list-messages", http.MethodGet, inTown + "/messages", "Messages that nobody has read yet.", admin, "mail list", to((*server).listMessages)},
	{"send-message", http.MethodPost, inTown + "/messages", "Write to an agent, or to people.", admin, "mail send", to((*server).sendMessage)},
	{"read-message", http.MethodPost, inTown + "/messages/{bead}/read", "Say that a message has been read.", admin, "mail read", to((*server).readMessage)},
	{"resolve-triage", http.MethodPost, inTown + "/triage/{bead}/resolve", "Decide a triage request.", admin, "triage resolve", to((*server).resolveTriage)},

	{"list-events", http.MethodGet, inTown + "/events", "The events, with what became of them.", admin, "(for programs; history tells what happened to a bead or an agent)", to((*server).listEvents)},
	{"show-event", http.MethodGet, inTown + "/events/{event}", "One event by its id.", admin, "(for senders that lost an answer)", to((*server).showEvent)},
	{"list-ticks", http.MethodGet, inTown + "/ticks", "The recorded ticks.", admin, "(for programs)", to((*server).listTicks)},
	{"history", http.MethodGet, inTown + "/history/{id}", "What happened to a bead, agent or convoy.", admin, "history --limit", to((*server).history)},
	{"reconcile-dry-run", http.MethodPost, inTown + "/debug/reconcile-dry-run", "What the next tick would do; nothing is done.", admin, "plan", to((*server).dryRun)},
	{"apply-plan", http.MethodPost, inTown + "/debug/apply-plan", "Carry out a plan in a paused town, if it is still what would come next.", admin, "town apply", to((*server).apply)},
	{"replay-events", http.MethodPost, inTown + "/debug/replay-events", "Replay a part of the history in memory, compared with the record.", admin, "replay", to((*server).replayEvents)},
	{"bundle", http.MethodGet, inTown + "/debug/bundle", "A part of the history to be replayed elsewhere, without prompts and secrets.", admin, "bundle", to((*server).bundle)},
	{"why", http.MethodGet, inTown + "/debug/why/{id}", "Why a bead, agent or convoy is as it is.", admin, "why", to((*server).why)},

	{"prime", http.MethodGet, inTown + "/agent/prime", "What the agent is to do.", agent, "prime", to((*server).prime)},
	{"done", http.MethodPost, inTown + "/agent/done", "The bead is done on its branch, or the pull request of a merge request is open.", agent, "done", verb[doneBody]()},
	{"request-changes", http.MethodPost, inTown + "/agent/request-changes", "Ask for changes on the merge request's branch.", agent, "request-changes", verb[changesBody]()},
	{"checkpoint", http.MethodPost, inTown + "/agent/checkpoint", "Leave a note for the next run.", agent, "checkpoint", verb[checkpointBody]()},
	{"agent-status", http.MethodPost, inTown + "/agent/status", "Say what the agent does now.", agent, "agent-status", verb[statusBody]()},
	{"usage", http.MethodPost, inTown + "/agent/usage", "Say what the agent has consumed since it said so last.", agent, "usage", verb[usageBody]()},
	{"escalate", http.MethodPost, inTown + "/agent/escalate", "Tell people about something.", agent, "escalate", verb[escalateBody]()},
	{"agent-mail", http.MethodGet, inTown + "/agent/mail", "What the agent has not read yet, and its nudges.", agent, "mail", to((*server).agentMail)},
	{"agent-mail-read", http.MethodPost, inTown + "/agent/mail-read", "Messages were read.", agent, "mail", verb[readBody]()},
	{"agent-mail-send", http.MethodPost, inTown + "/agent/mail-send", "Write to another agent, or to people.", agent, "mail send", verb[sendBody]()},
	{"agent-nudge", http.MethodPost, inTown + "/agent/nudge", "Have another agent told something while it runs.", agent, "nudge", verb[nudgeBody]()},
	{"agent-triage-resolve", http.MethodPost, inTown + "/agent/triage-resolve", "Decide the triage request; for the triage agent.", agent, "triage-resolve", verb[resolveBody]()},
	{"heartbeat", http.MethodPost, inTown + "/agent/heartbeat", "A sign of life; nothing is written.", agent, "(supervisors send it)", to((*server).heartbeat)},
	{"merge-completed", http.MethodPost, inTown + "/agent/merge-completed", "The merge request is in its target.", agent, "refinery", verb[mergedBody]()},
	{"merge-conflicted", http.MethodPost, inTown + "/agent/merge-conflicted", "The merge request conflicts with its target.", agent, "refinery", verb[conflictedBody]()},
	{"merge-rejected", http.MethodPost, inTown + "/agent/merge-rejected", "A gate failed on the merged tree.", agent, "refinery", verb[rejectedBody]()},
	{"merge-failed", http.MethodPost, inTown + "/agent/merge-failed", "The merge could not be tried.", agent, "refinery", verb[failedBody]()},
}
