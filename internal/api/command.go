package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"gastown/internal/controller"
	"gastown/internal/town"
)

// body wraps an answer.
type body[T any] struct{ Body T }

func answer[T any](v T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{v}, nil
}

// TownPath is the town in the path; pattern keeps nonsense out of messages.
type TownPath struct {
	Town town.TownID `path:"townId"`
}

// Change is what every changing request has: its key makes repeating it safe.
type Change struct {
	TownPath
	Key string `header:"Idempotency-Key" format:"uuid" doc:"A UUID of the caller's; a repeated request gets the first answer."`
}

type BeadPath struct {
	Bead town.BeadID `path:"bead"`
}

type AgentPath struct {
	Agent town.AgentID `path:"agent"`
}

type RigPath struct {
	Rig town.RigID `path:"rig"`
}

// command submits a person's event. A refusal is an error; what was ignored is not, and says why.
func (s *server) command(ctx context.Context, in Change, e town.Event) (controller.Result, error) {
	e.ID, e.By, e.Type = in.Key, "admin", e.Payload.Type()
	res, err := s.Controller.Submit(ctx, in.Town, e)
	if err != nil {
		return controller.Result{}, s.fromError(err)
	}
	if res[0].Outcome.Verdict == town.Rejected {
		return res[0], refused(res[0].Outcome)
	}
	return res[0], nil
}

// read calls f with the town's state.
func (s *server) read(id town.TownID, f func(*town.State)) error {
	if err := s.Controller.Read(id, f); err != nil {
		return s.fromError(err)
	}
	return nil
}

func missing(what string, id any) error {
	return huma.Error404NotFound(fmt.Sprintf("there is no %s %v in this town", what, id))
}

type empty struct{}

func (s *server) healthz(context.Context, *empty) (*body[map[string]string], error) {
	return answer(map[string]string{"status": "ok", "version": s.Version}, nil)
}

func (s *server) readyz(context.Context, *empty) (*body[map[string]string], error) {
	if err := s.Controller.Ready(); err != nil {
		return nil, huma.NewError(http.StatusServiceUnavailable, err.Error())
	}
	return answer(map[string]string{"status": "ready"}, nil)
}

func (s *server) shutdown(context.Context, *empty) (*body[map[string]string], error) {
	s.Shutdown()
	return answer(map[string]string{"status": "stopping"}, nil)
}
