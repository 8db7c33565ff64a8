package api

import (
	"context"

	"gastown/internal/town"
	"gastown/internal/wire"
)

// Mail, nudges and decisions of triage: what people do. What agents do of it is among the verbs.

func (s *server) nudgeAgent(ctx context.Context, in *struct {
	OnAgent
	Body wire.Nudge
}) (*body[*town.Nudge], error) {
	res, err := s.command(ctx, in.Change, town.Event{Payload: &town.NudgeRequested{To: in.Agent, Message: in.Body.Message}})
	if err != nil {
		return nil, err
	}
	var n *town.Nudge
	id := town.NudgeID(res.Outcome.Made[0])
	if err := s.read(in.Town, func(st *town.State) { n = st.Nudge(id) }); err != nil {
		return nil, err
	}
	if n == nil {
		return nil, missing("nudge", id) // a repeated request, long after
	}
	return answer(n, nil)
}

func (s *server) listNudges(_ context.Context, in *struct {
	TownPath
	AgentPath
}) (*body[wire.List[*town.Nudge]], error) {
	if _, err := s.agent(in.Town, in.Agent); err != nil {
		return nil, err
	}
	out := wire.List[*town.Nudge]{Items: []*town.Nudge{}}
	err := s.read(in.Town, func(st *town.State) { out.Items = append(out.Items, st.NudgesOf(in.Agent)...) })
	return answer(out, err)
}

func (s *server) listMessages(_ context.Context, in *struct {
	TownPath
	To string `query:"to" default:"people" doc:"An agent, or people."`
}) (*body[wire.List[*town.Bead]], error) {
	out := wire.List[*town.Bead]{Items: []*town.Bead{}}
	err := s.read(in.Town, func(st *town.State) { out.Items = append(out.Items, st.MailOf(in.To)...) })
	return answer(out, err)
}

func (s *server) sendMessage(ctx context.Context, in *struct {
	Change
	Body town.MessageSent
}) (*body[wire.Bead], error) {
	res, err := s.command(ctx, in.Change, town.Event{Payload: &in.Body})
	if err != nil {
		return nil, err
	}
	return s.bead(ctx, in.Town, town.BeadID(res.Outcome.Made[0]), "")
}

func (s *server) readMessage(ctx context.Context, in *OnBead) (*body[wire.Bead], error) {
	res, err := s.command(ctx, in.Change, town.Event{Payload: &town.MessageRead{Messages: []town.BeadID{in.Bead}}})
	if err != nil {
		return nil, err
	}
	return s.bead(ctx, in.Town, in.Bead, ignoredReason(res))
}

func (s *server) resolveTriage(ctx context.Context, in *struct {
	OnBead
	Body town.TriageResolved
}) (*body[wire.Bead], error) {
	return s.beadCommand(ctx, in.Change, in.Bead, &in.Body)
}

// agentMail is what an agent has not read yet, and what it was nudged about.
func (s *server) agentMail(ctx context.Context, in *TownPath) (*body[wire.Mail], error) {
	c := identity(ctx).Agent
	if err := s.alive(ctx, c, ""); err != nil {
		return nil, err
	}
	out := wire.Mail{Messages: []*town.Bead{}, Nudges: []*town.Nudge{}}
	err := s.read(in.Town, func(st *town.State) {
		out.Messages = append(out.Messages, st.MailOf(string(c.Agent))...)
		out.Nudges = append(out.Nudges, st.NudgesOf(c.Agent)...)
	})
	return answer(out, err)
}

// nudgesOf lists what an agent was nudged about, for every answer that it gets: it may look nowhere
// else.
func (s *server) nudgesOf(id town.TownID, agent town.AgentID) []string {
	var out []string
	_ = s.read(id, func(st *town.State) { // the answer is worth having without
		for _, n := range st.NudgesOf(agent) {
			out = append(out, n.Source+": "+n.Message)
		}
	})
	return out
}
