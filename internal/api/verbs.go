package api

import (
	"context"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"gastown/internal/auth"
	"gastown/internal/journal"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// The verbs of agents. What they are about comes from the token, never from the request; a request
// that names another bead is refused.

type AboutBead struct {
	// It must not be called like a field of a verb: the document, and the check of a body against it, would have neither.
	TokensBead town.BeadID `json:"beadId,omitempty" doc:"May be left out; must be the token's bead."`
}

func (a AboutBead) about() town.BeadID { return a.TokensBead }

type (
	doneBody struct {
		AboutBead
		town.AgentDone
	}
	changesBody struct {
		AboutBead
		town.ChangesRequested
	}
	checkpointBody struct {
		AboutBead
		town.AgentCheckpoint
	}
	statusBody struct {
		AboutBead
		town.AgentStatusLine
	}
	usageBody struct {
		AboutBead
		town.AgentUsage
	}
	escalateBody struct {
		AboutBead
		town.AgentEscalated
	}
	readBody struct {
		AboutBead
		town.MessageRead
	}
	sendBody struct {
		AboutBead
		town.MessageSent
	}
	nudgeBody struct {
		AboutBead
		town.NudgeRequested
	}
	resolveBody struct {
		AboutBead
		town.TriageResolved
	}
	testedBody struct {
		AboutBead
		town.MergeTested
	}
	conflictedBody struct {
		AboutBead
		town.MergeConflicted
	}
	rejectedBody struct {
		AboutBead
		town.MergeRejected
	}
	brokenBody struct {
		AboutBead
		town.GateBroken
	}
	failedBody struct {
		AboutBead
		town.MergeFailed
	}
)

func (b doneBody) payload() town.Payload       { return &b.AgentDone }
func (b changesBody) payload() town.Payload    { return &b.ChangesRequested }
func (b checkpointBody) payload() town.Payload { return &b.AgentCheckpoint }
func (b statusBody) payload() town.Payload     { return &b.AgentStatusLine }
func (b usageBody) payload() town.Payload      { return &b.AgentUsage }
func (b escalateBody) payload() town.Payload   { return &b.AgentEscalated }
func (b readBody) payload() town.Payload       { return &b.MessageRead }
func (b sendBody) payload() town.Payload       { return &b.MessageSent }
func (b nudgeBody) payload() town.Payload      { return &b.NudgeRequested }
func (b resolveBody) payload() town.Payload    { return &b.TriageResolved }
func (b testedBody) payload() town.Payload     { return &b.MergeTested }
func (b conflictedBody) payload() town.Payload { return &b.MergeConflicted }
func (b rejectedBody) payload() town.Payload   { return &b.MergeRejected }
func (b brokenBody) payload() town.Payload     { return &b.GateBroken }
func (b failedBody) payload() town.Payload     { return &b.MergeFailed }

// verb binds a route whose body is an agent's event.
func verb[B interface {
	about() town.BeadID
	payload() town.Payload
}]() func(*server, huma.Operation) {
	return to(func(s *server, ctx context.Context, in *struct {
		Change
		Body B
	}) (*body[wire.Receipt], error) {
		return s.verb(ctx, in.Change, in.Body.about(), in.Body.payload())
	})
}

func (s *server) verb(ctx context.Context, in Change, about town.BeadID, p town.Payload) (*body[wire.Receipt], error) {
	c := identity(ctx).Agent
	if about != "" && about != c.Bead {
		return nil, huma.Error403Forbidden(fmt.Sprintf("this token is good for bead %s, not for %s", c.Bead, about))
	}
	if err := s.alive(ctx, c, in.Key); err != nil {
		return nil, err
	}
	e := town.Event{ID: in.Key, Type: p.Type(), Agent: c.Agent, Run: c.Run, Bead: c.Bead, By: string(c.Agent), Payload: p}
	res, err := s.Controller.Submit(ctx, in.Town, e)
	if err != nil {
		return nil, s.fromError(err)
	}
	if res[0].Duplicate {
		if err := s.sameRequest(ctx, in, &e); err != nil {
			return nil, err
		}
	}
	o := res[0].Outcome
	switch o.Verdict {
	case town.Rejected:
		return nil, refused(o)
	case town.Ignored:
		return nil, huma.Error409Conflict(o.Reason)
	}
	return answer(wire.Receipt{Seq: res[0].Seq, Tick: res[0].Tick, Made: o.Made, Again: res[0].Duplicate, Nudges: s.nudgesOf(in.Town, c.Agent)}, nil)
}

// alive makes sure that the run of the token goes on. An event that is known already is let
// through: its sender may have missed the answer.
func (s *server) alive(ctx context.Context, c *auth.Claims, key string) error {
	var now town.Run
	var hook town.BeadID
	if err := s.read(c.Town, func(st *town.State) {
		if a := st.Agent(c.Agent); a != nil {
			now, hook = a.Run, a.Hook
		}
	}); err != nil {
		return err
	}
	if now == c.Run && hook == c.Bead {
		return nil
	}
	if key != "" {
		_, err := s.Journal.EventByID(ctx, c.Town, key)
		if err == nil {
			return nil
		}
		if !errors.Is(err, journal.ErrNotFound) {
			return s.fromError(err)
		}
	}
	return huma.Error403Forbidden(fmt.Sprintf("run %d of %s is over: its token is good for nothing any more", c.Run, c.Agent))
}

func (s *server) prime(ctx context.Context, in *TownPath) (*body[wire.Prime], error) {
	c := identity(ctx).Agent
	if err := s.alive(ctx, c, ""); err != nil {
		return nil, err
	}
	var out wire.Prime
	err := s.read(in.Town, func(st *town.State) {
		a, b := st.Agent(c.Agent), st.Bead(c.Bead)
		if a == nil || b == nil {
			return
		}
		out.Bead, out.Prompt = b, st.Prompt(a, b)
		out.Branch, out.Base, out.Merge = st.Assignment(b)
	})
	out.Nudges = s.nudgesOf(in.Town, c.Agent)
	return answer(out, err)
}

func (s *server) heartbeat(ctx context.Context, in *TownPath) (*struct{}, error) {
	c := identity(ctx).Agent
	if err := s.alive(ctx, c, ""); err != nil {
		return nil, err
	}
	s.Heartbeat(c.Town, c.Agent, c.Run)
	return nil, nil
}
