package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"gastown/internal/verbs"
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

const inTown = verbs.InTown

// says is the row of a verb: all but its handler is in the table of those.
func says(id string, bind func(*server, huma.Operation)) route {
	v := verbs.Of(id)
	who := admin
	if v.Who == verbs.Agent {
		who = agent
	}
	return route{v.ID, v.Method, v.Path(), v.Doc, who, v.Command, bind}
}

var routes = []route{
	{"healthz", http.MethodGet, "/healthz", "The process lives.", anybody, "doctor", to((*server).healthz)},
	{"readyz", http.MethodGet, "/readyz", "Every town's loop is well.", anybody, "doctor", to((*server).readyz)},
	{"shutdown", http.MethodPost, "/api/shutdown", "Stop the server; agents go on.", admin, "down", to((*server).shutdown)},
	{"log-level", http.MethodGet, "/api/log-level", "How much the server's log says.", admin, "log-level", to((*server).logLevel)},
	{"set-log-level", http.MethodPatch, "/api/log-level", "Have the log say more or less, until the server ends.", admin, "log-level", to((*server).setLogLevel)},

	{"list-towns", http.MethodGet, "/api/towns", "List the towns.", admin, "town list", to((*server).listTowns)},
	{"create-town", http.MethodPost, "/api/towns", "Make a town.", admin, "town create", to((*server).createTown)},
	{"show-town", http.MethodGet, inTown, "Show a town with its settings and rigs.", admin, "town show", to((*server).showTown)},
	says("configure-town", to((*server).configureTown)),
	says("pause-town", to((*server).pauseTown)),
	says("resume-town", to((*server).resumeTown)),
	{"status", http.MethodGet, inTown + "/status", "How the town is.", admin, "status", to((*server).status)},
	{"stream", http.MethodGet, inTown + "/stream", "Every tick as it happens (server-sent events).", admin, "status --watch", to((*server).stream)},

	{"list-rigs", http.MethodGet, inTown + "/rigs", "List the rigs.", admin, "rig list", to((*server).listRigs)},
	says("create-rig", to((*server).createRig)),
	{"show-rig", http.MethodGet, inTown + "/rigs/{rig}", "Show a rig.", admin, "rig show", to((*server).showRig)},
	says("update-rig", to((*server).updateRig)),
	says("remove-rig", to((*server).removeRig)),

	{"list-beads", http.MethodGet, inTown + "/beads", "List beads, with filters and pages.", admin, "bead list", to((*server).listBeads)},
	says("create-bead", to((*server).createBead)),
	{"show-bead", http.MethodGet, inTown + "/beads/{bead}", "Show a bead, also from the archive.", admin, "bead show", to((*server).showBead)},
	says("update-bead", to((*server).updateBead)),
	says("hold-bead", to((*server).holdBead)),
	says("release-bead", to((*server).releaseBead)),
	says("cancel-bead", to((*server).cancelBead)),
	says("retry-bead", to((*server).retryBead)),
	says("add-dependency", to((*server).addDependency)),
	says("remove-dependency", to((*server).removeDependency)),
	says("acknowledge-escalation", to((*server).acknowledge)),

	{"list-convoys", http.MethodGet, inTown + "/convoys", "List the convoys.", admin, "convoy list", to((*server).listConvoys)},
	says("create-convoy", to((*server).createConvoy)),
	{"show-convoy", http.MethodGet, inTown + "/convoys/{bead}", "Show a convoy with its tasks.", admin, "convoy status", to((*server).showConvoy)},
	says("update-convoy", to((*server).updateConvoy)),
	says("start-convoy", to((*server).startConvoy)),
	says("close-convoy", to((*server).closeConvoy)),

	{"list-agents", http.MethodGet, inTown + "/agents", "List the agents.", admin, "agent list", to((*server).listAgents)},
	{"show-agent", http.MethodGet, inTown + "/agents/{agent}", "Show an agent.", admin, "agent show", to((*server).showAgent)},
	{"agent-logs", http.MethodGet, inTown + "/agents/{agent}/logs", "What an agent has written, as text.", admin, "logs", to((*server).agentLogs)},
	says("stop-agent", to((*server).stopAgent)),
	says("reset-agent", to((*server).resetAgent)),
	says("nudge-agent", to((*server).nudgeAgent)),
	{"list-nudges", http.MethodGet, inTown + "/agents/{agent}/nudges", "What an agent is being told, and was within the hour.", admin, "agent nudges", to((*server).listNudges)},

	{"list-messages", http.MethodGet, inTown + "/messages", "Messages that nobody has read yet.", admin, "mail list", to((*server).listMessages)},
	says("send-message", to((*server).sendMessage)),
	says("read-message", to((*server).readMessage)),
	says("resolve-triage", to((*server).resolveTriage)),

	{"list-events", http.MethodGet, inTown + "/events", "The events, with what became of them.", admin, "(for programs; history tells what happened to a bead or an agent)", to((*server).listEvents)},
	{"show-event", http.MethodGet, inTown + "/events/{event}", "One event by its id.", admin, "(for senders that lost an answer)", to((*server).showEvent)},
	{"list-ticks", http.MethodGet, inTown + "/ticks", "The recorded ticks.", admin, "(for programs)", to((*server).listTicks)},
	{"history", http.MethodGet, inTown + "/history/{id}", "What happened to a bead, agent or convoy.", admin, "history --limit", to((*server).history)},
	{"reconcile-dry-run", http.MethodPost, inTown + "/debug/reconcile-dry-run", "What the next tick would do; nothing is done.", admin, "plan", to((*server).dryRun)},
	{"apply-plan", http.MethodPost, inTown + "/debug/apply-plan", "Carry out a plan in a paused town, if it is still what would come next.", admin, "town apply", to((*server).apply)},
	{"replay-events", http.MethodPost, inTown + "/debug/replay-events", "Replay a part of the history in memory, compared with the record.", admin, "replay", to((*server).replayEvents)},
	{"bundle", http.MethodGet, inTown + "/debug/bundle", "A part of the history to be replayed elsewhere, without prompts and secrets.", admin, "bundle", to((*server).bundle)},
	{"why", http.MethodGet, inTown + "/debug/why/{id}", "Why a bead, agent or convoy is as it is.", admin, "why", to((*server).why)},

	says("prime", to((*server).prime)),
	says("done", verb[doneBody]()),
	says("request-changes", verb[changesBody]()),
	says("checkpoint", verb[checkpointBody]()),
	says("agent-status", verb[statusBody]()),
	says("usage", verb[usageBody]()),
	says("escalate", verb[escalateBody]()),
	says("agent-mail", to((*server).agentMail)),
	says("agent-mail-read", verb[readBody]()),
	says("agent-mail-send", verb[sendBody]()),
	says("agent-nudge", verb[nudgeBody]()),
	says("agent-triage-resolve", verb[resolveBody]()),
	says("heartbeat", to((*server).heartbeat)),
	says("merge-tested", verb[testedBody]()),
	says("merge-conflicted", verb[conflictedBody]()),
	says("gate-broken", verb[brokenBody]()),
	says("merge-rejected", verb[rejectedBody]()),
	says("merge-failed", verb[failedBody]()),
}
