package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"gastown/internal/controller"
	"gastown/internal/town"
	"gastown/internal/wire"
)

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	var out T
	err := c.call(ctx, http.MethodGet, path, nil, &out)
	return out, err
}

func send[T any](ctx context.Context, c *Client, method, path string, in any) (T, error) {
	var out T
	err := c.call(ctx, method, path, in, &out)
	return out, err
}

func post[T any](ctx context.Context, c *Client, path string, in any) (T, error) {
	return send[T](ctx, c, http.MethodPost, path, in)
}

// Health returns nil if a server answers.
func (c *Client) Health(ctx context.Context) error {
	return c.call(ctx, http.MethodGet, "/healthz", nil, nil)
}

// Ready returns nil if the server's towns are well.
func (c *Client) Ready(ctx context.Context) error {
	return c.call(ctx, http.MethodGet, "/readyz", nil, nil)
}

// Shutdown has the server stop, soon.
func (c *Client) Shutdown(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/api/shutdown", nil, nil)
}

// LogLevel says how much the server's log says.
func (c *Client) LogLevel(ctx context.Context) (wire.LogLevel, error) {
	return get[wire.LogLevel](ctx, c, "/api/log-level")
}

// SetLogLevel has the server's log say more or less.
func (c *Client) SetLogLevel(ctx context.Context, level string) (wire.LogLevel, error) {
	return send[wire.LogLevel](ctx, c, http.MethodPatch, "/api/log-level", wire.LogLevel{Level: level})
}

// Towns lists the towns.
func (c *Client) Towns(ctx context.Context) ([]wire.Town, error) {
	l, err := get[wire.List[wire.Town]](ctx, c, "/api/towns")
	return l.Items, err
}

// CreateTown makes a town.
func (c *Client) CreateTown(ctx context.Context, n wire.NewTown) (wire.Town, error) {
	return post[wire.Town](ctx, c, "/api/towns", n)
}

// Town is a client for one town.
type Town struct {
	c    *Client
	base string
}

// Town returns a client for one town; it asks nothing yet.
func (c *Client) Town(id town.TownID) *Town {
	return &Town{c, "/api/towns/" + url.PathEscape(string(id))}
}

func (t *Town) at(parts ...string) string {
	p := t.base
	for _, x := range parts {
		p += "/" + url.PathEscape(x)
	}
	return p
}

// Show returns the town.
func (t *Town) Show(ctx context.Context) (wire.Town, error) { return get[wire.Town](ctx, t.c, t.base) }

// Configure sets configuration values.
func (t *Town) Configure(ctx context.Context, p wire.TownPatch) (wire.Town, error) {
	return send[wire.Town](ctx, t.c, http.MethodPatch, t.base, p)
}

// Pause keeps the town from starting anything.
func (t *Town) Pause(ctx context.Context, reason string) (wire.Town, error) {
	return post[wire.Town](ctx, t.c, t.at("pause"), wire.Reason{Reason: reason})
}

// Resume ends a pause.
func (t *Town) Resume(ctx context.Context) (wire.Town, error) {
	return post[wire.Town](ctx, t.c, t.at("resume"), nil)
}

// Status returns the status document.
func (t *Town) Status(ctx context.Context) (controller.Status, error) {
	return get[controller.Status](ctx, t.c, t.at("status"))
}

// Rigs lists the rigs.
func (t *Town) Rigs(ctx context.Context) ([]*town.Rig, error) {
	l, err := get[wire.List[*town.Rig]](ctx, t.c, t.at("rigs"))
	return l.Items, err
}

// AddRig takes a repository into the town.
func (t *Town) AddRig(ctx context.Context, n wire.NewRig) (*wire.TakenRig, error) {
	return post[*wire.TakenRig](ctx, t.c, t.at("rigs"), n)
}

// Rig shows a rig.
func (t *Town) Rig(ctx context.Context, id town.RigID) (*town.Rig, error) {
	return get[*town.Rig](ctx, t.c, t.at("rigs", string(id)))
}

// UpdateRig changes a rig.
func (t *Town) UpdateRig(ctx context.Context, id town.RigID, p wire.RigPatch) (*wire.TakenRig, error) {
	return send[*wire.TakenRig](ctx, t.c, http.MethodPatch, t.at("rigs", string(id)), p)
}

// RemoveRig takes a rig out of the town.
func (t *Town) RemoveRig(ctx context.Context, id town.RigID) error {
	return t.c.call(ctx, http.MethodDelete, t.at("rigs", string(id)), nil, nil)
}

// Sling makes a bead.
func (t *Town) Sling(ctx context.Context, n town.NewBead) (wire.Bead, error) {
	return post[wire.Bead](ctx, t.c, t.at("beads"), n)
}

// Beads returns a page of beads; query has the filters of the API.
func (t *Town) Beads(ctx context.Context, query url.Values) (wire.BeadPage, error) {
	return get[wire.BeadPage](ctx, t.c, t.at("beads")+"?"+query.Encode())
}

// Bead shows a bead.
func (t *Town) Bead(ctx context.Context, id town.BeadID) (wire.Bead, error) {
	return get[wire.Bead](ctx, t.c, t.at("beads", string(id)))
}

// UpdateBead changes what is set.
func (t *Town) UpdateBead(ctx context.Context, id town.BeadID, p town.BeadUpdated) (wire.Bead, error) {
	return send[wire.Bead](ctx, t.c, http.MethodPatch, t.at("beads", string(id)), p)
}

// BeadVerb does something to a bead: hold, release, cancel or retry, with the document it takes.
func (t *Town) BeadVerb(ctx context.Context, id town.BeadID, verb string, in any) (wire.Bead, error) {
	return post[wire.Bead](ctx, t.c, t.at("beads", string(id), verb), in)
}

// Depend makes a bead wait for another.
func (t *Town) Depend(ctx context.Context, id, on town.BeadID) (wire.Bead, error) {
	return post[wire.Bead](ctx, t.c, t.at("beads", string(id), "dependencies"), wire.DependsOn{On: on})
}

// Undepend ends that.
func (t *Town) Undepend(ctx context.Context, id, on town.BeadID) (wire.Bead, error) {
	return send[wire.Bead](ctx, t.c, http.MethodDelete, t.at("beads", string(id), "dependencies", string(on)), nil)
}

// Acknowledge says that a person has seen an escalation.
func (t *Town) Acknowledge(ctx context.Context, id town.BeadID) (wire.Bead, error) {
	return post[wire.Bead](ctx, t.c, t.at("escalations", string(id), "acknowledge"), nil)
}

// Convoys lists the convoys.
func (t *Town) Convoys(ctx context.Context) ([]*town.Bead, error) {
	l, err := get[wire.List[*town.Bead]](ctx, t.c, t.at("convoys"))
	return l.Items, err
}

// CreateConvoy makes a convoy.
func (t *Town) CreateConvoy(ctx context.Context, n wire.NewConvoy) (wire.Convoy, error) {
	return post[wire.Convoy](ctx, t.c, t.at("convoys"), n)
}

// Convoy shows a convoy.
func (t *Town) Convoy(ctx context.Context, id town.BeadID) (wire.Convoy, error) {
	return get[wire.Convoy](ctx, t.c, t.at("convoys", string(id)))
}

// Plan says what the next tick would do.
func (t *Town) Plan(ctx context.Context, q wire.PlanQuery) (wire.Plan, error) {
	return post[wire.Plan](ctx, t.c, t.at("debug", "reconcile-dry-run"), q)
}

// Apply carries out the plan of a fingerprint, if the town is paused and it is still what would come next.
func (t *Town) Apply(ctx context.Context, fingerprint string) (wire.Applied, error) {
	return post[wire.Applied](ctx, t.c, t.at("debug", "apply-plan"), wire.Apply{Plan: fingerprint})
}

// Replay replays a part of the history in the server's memory.
func (t *Town) Replay(ctx context.Context, q wire.ReplayQuery) (wire.Replay, error) {
	return post[wire.Replay](ctx, t.c, t.at("debug", "replay-events"), q)
}

// UpdateConvoy changes what is set in p.
func (t *Town) UpdateConvoy(ctx context.Context, id town.BeadID, p town.ConvoyUpdated) (wire.Convoy, error) {
	return send[wire.Convoy](ctx, t.c, http.MethodPatch, t.at("convoys", string(id)), p)
}

// ConvoyVerb starts or closes a convoy.
func (t *Town) ConvoyVerb(ctx context.Context, id town.BeadID, verb string, in any) (wire.Convoy, error) {
	return post[wire.Convoy](ctx, t.c, t.at("convoys", string(id), verb), in)
}

// Agents lists the agents.
func (t *Town) Agents(ctx context.Context) ([]*town.Agent, error) {
	l, err := get[wire.List[*town.Agent]](ctx, t.c, t.at("agents"))
	return l.Items, err
}

// Agent shows an agent.
func (t *Town) Agent(ctx context.Context, id town.AgentID) (*town.Agent, error) {
	return get[*town.Agent](ctx, t.c, t.at("agents", string(id)))
}

// AgentVerb stops or resets an agent.
func (t *Town) AgentVerb(ctx context.Context, id town.AgentID, verb string, in any) (*town.Agent, error) {
	return post[*town.Agent](ctx, t.c, t.at("agents", string(id), verb), in)
}

// Nudge has an agent told something while it runs.
func (t *Town) Nudge(ctx context.Context, id town.AgentID, message string) (*town.Nudge, error) {
	return post[*town.Nudge](ctx, t.c, t.at("agents", string(id), "nudge"), wire.Nudge{Message: message})
}

// Nudges lists what an agent is being told.
func (t *Town) Nudges(ctx context.Context, id town.AgentID) ([]*town.Nudge, error) {
	l, err := get[wire.List[*town.Nudge]](ctx, t.c, t.at("agents", string(id), "nudges"))
	return l.Items, err
}

// Messages lists the unread messages of an agent, or of people.
func (t *Town) Messages(ctx context.Context, to string) ([]*town.Bead, error) {
	l, err := get[wire.List[*town.Bead]](ctx, t.c, t.at("messages")+"?"+url.Values{"to": {to}}.Encode())
	return l.Items, err
}

// SendMessage writes to an agent, or to people.
func (t *Town) SendMessage(ctx context.Context, m town.MessageSent) (wire.Bead, error) {
	return post[wire.Bead](ctx, t.c, t.at("messages"), m)
}

// ReadMessage says that a message has been read.
func (t *Town) ReadMessage(ctx context.Context, id town.BeadID) (wire.Bead, error) {
	return post[wire.Bead](ctx, t.c, t.at("messages", string(id), "read"), nil)
}

// ResolveTriage decides a triage request.
func (t *Town) ResolveTriage(ctx context.Context, id town.BeadID, r town.TriageResolved) (wire.Bead, error) {
	return post[wire.Bead](ctx, t.c, t.at("triage", string(id), "resolve"), r)
}

// Logs returns what a run has written; the caller closes it. Run 0 is the newest, tail 0 is all.
func (t *Town) Logs(ctx context.Context, id town.AgentID, run town.Run, tail int, follow bool) (io.ReadCloser, error) {
	q := url.Values{}
	if run > 0 {
		q.Set("run", strconv.FormatInt(int64(run), 10))
	}
	if tail > 0 {
		q.Set("tail", strconv.Itoa(tail))
	}
	if follow {
		q.Set("follow", "true")
	}
	resp, err := t.c.open(ctx, http.MethodGet, t.at("agents", string(id), "logs")+"?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// Bundle takes a part of the history out, to be replayed elsewhere; query has the filters of the API.
func (t *Town) Bundle(ctx context.Context, query url.Values) (io.ReadCloser, error) {
	resp, err := t.c.open(ctx, http.MethodGet, t.at("debug", "bundle")+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// Why explains a bead, agent or convoy, with the last things that happened to it.
// At a moment that is past if at is not zero.
func (t *Town) Why(ctx context.Context, id string, at town.Time) (wire.Why, error) {
	path := t.at("debug", "why", id)
	if at != 0 {
		path += "?" + url.Values{"at": {at.String()}}.Encode()
	}
	return get[wire.Why](ctx, t.c, path)
}

// History tells what happened to a bead, agent or convoy: at most limit things, or as many as the
// server likes if that is zero, before what an earlier answer gave as Next, or the last ones.
func (t *Town) History(ctx context.Context, id, before string, limit int) (wire.History, error) {
	q := url.Values{}
	if before != "" {
		q.Set("before", before)
	}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return get[wire.History](ctx, t.c, t.at("history", id)+"?"+q.Encode())
}

// Until asks there as soon as the town's ticks are listened to, and again after each, until it says that it is so or
// returns an error: what changes between two looks is not missed. It returns the error of there, of the connection or
// of ctx.
func (t *Town) Until(ctx context.Context, there func() (bool, error)) error {
	for {
		done, failed := false, error(nil)
		err := t.Watch(ctx, func(*town.Tick) bool {
			done, failed = there()
			return !done && failed == nil
		})
		switch {
		case failed != nil:
			return failed
		case done:
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
		// The stream was closed: the server stops, or we were too slow for it.
	}
}

// Watch calls f with an empty tick once it listens, and then for every tick until ctx ends, the server does or f
// returns false.
func (t *Town) Watch(ctx context.Context, f func(*town.Tick) bool) error {
	resp, err := t.c.open(ctx, http.MethodGet, t.at("stream"), nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 16<<20)
	event := ""
	for lines.Scan() {
		line := lines.Text()
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			event = name
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		tick := new(town.Tick)
		if event == "tick" {
			if err := json.Unmarshal([]byte(data), tick); err != nil {
				return fmt.Errorf("cannot read the stream: %w", err)
			}
		}
		if !f(tick) {
			return nil
		}
	}
	return lines.Err()
}

// Prime returns what the agent is to do.
func (t *Town) Prime(ctx context.Context) (wire.Prime, error) {
	return get[wire.Prime](ctx, t.c, t.at("agent", "prime"))
}

// Mail returns what the agent of the token has not read yet, and its nudges.
func (t *Town) Mail(ctx context.Context) (wire.Mail, error) {
	return get[wire.Mail](ctx, t.c, t.at("agent", "mail"))
}

// Verb says something as the agent of the token; the payload is the event's.
func (t *Town) Verb(ctx context.Context, verb string, p town.Payload) (wire.Receipt, error) {
	return post[wire.Receipt](ctx, t.c, t.at("agent", verb), p)
}
