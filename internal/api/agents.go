package api

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"gastown/internal/town"
	"gastown/internal/wire"
)

func (s *server) listAgents(_ context.Context, in *TownPath) (*body[wire.List[*town.Agent]], error) {
	out := wire.List[*town.Agent]{}
	err := s.read(in.Town, func(st *town.State) { out.Items = st.Agents() })
	return answer(out, err)
}

func (s *server) agent(id town.TownID, agent town.AgentID) (*body[*town.Agent], error) {
	var a *town.Agent
	if err := s.read(id, func(st *town.State) { a = st.Agent(agent) }); err != nil {
		return nil, err
	}
	if a == nil {
		return nil, missing("agent", agent)
	}
	return answer(a, nil)
}

type OnAgent struct {
	Change
	AgentPath
}

func (s *server) showAgent(_ context.Context, in *struct {
	TownPath
	AgentPath
}) (*body[*town.Agent], error) {
	return s.agent(in.Town, in.Agent)
}

func (s *server) stopAgent(ctx context.Context, in *struct {
	OnAgent
	Body *wire.Reason
}) (*body[*town.Agent], error) {
	if _, err := s.command(ctx, in.Change, town.Event{Agent: in.Agent, Payload: &town.AgentStopped{Reason: given(in.Body).Reason}}); err != nil {
		return nil, err
	}
	return s.agent(in.Town, in.Agent)
}

func (s *server) resetAgent(ctx context.Context, in *OnAgent) (*body[*town.Agent], error) {
	if _, err := s.command(ctx, in.Change, town.Event{Agent: in.Agent, Payload: &town.AgentReset{}}); err != nil {
		return nil, err
	}
	return s.agent(in.Town, in.Agent)
}

func (s *server) agentLogs(ctx context.Context, in *struct {
	TownPath
	AgentPath
	Run    town.Run `query:"run" minimum:"1" doc:"Default: the agent's newest run."`
	Tail   int      `query:"tail" minimum:"0" maximum:"100000" doc:"Only the last lines; 0 is all."`
	Follow bool     `query:"follow" doc:"Go on until the run has ended."`
}) (*huma.StreamResponse, error) {
	run := in.Run
	if run == 0 {
		a, err := s.agent(in.Town, in.Agent)
		if err != nil {
			return nil, err
		}
		run = a.Body.Run
	}
	ctx, cancel := context.WithCancel(ctx)
	log, err := s.Logs(ctx, in.Town, in.Agent, run, in.Tail, in.Follow)
	if err != nil {
		cancel()
		return nil, huma.NewError(http.StatusNotFound, err.Error())
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		defer func() { _ = log.Close() }()
		defer cancel()
		go func() {
			select {
			case <-ctx.Done():
			case <-s.Done: // a server that stops does not wait for readers
				cancel()
			}
		}()
		c.SetHeader("Content-Type", "text/plain; charset=utf-8")
		w := c.BodyWriter()
		if !in.Follow {
			_, _ = io.Copy(w, log) // the reader may have gone
			return
		}
		flush(w)
		buf := make([]byte, 32<<10)
		for {
			n, err := log.Read(buf)
			if n > 0 {
				if _, werr := w.Write(buf[:n]); werr != nil {
					return
				}
				flush(w)
			}
			if err != nil {
				return
			}
		}
	}}, nil
}

func flush(w io.Writer) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}
