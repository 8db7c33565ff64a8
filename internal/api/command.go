package api

import (
	"bytes"
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

// given is what an optional body says, which may have been left out.
func given[T any](body *T) T {
	if body == nil {
		return *new(T)
	}
	return *body
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
	if res[0].Duplicate {
		if err := s.sameRequest(ctx, in, &e); err != nil {
			return res[0], err
		}
	}
	if res[0].Outcome.Verdict == town.Rejected {
		return res[0], refused(res[0].Outcome)
	}
	return res[0], nil
}

// sameRequest makes sure that a key that is known was used for the same before: the outcome of
// another request is no answer to this one.
func (s *server) sameRequest(ctx context.Context, in Change, e *town.Event) error {
	first, err := s.Journal.EventByID(ctx, in.Town, in.Key)
	if err != nil {
		return s.fromError(err)
	}
	then, err := town.EncodePayload(first.Payload)
	if err != nil {
		return s.fromError(err)
	}
	now, err := town.EncodePayload(e.Payload)
	if err != nil {
		return s.fromError(err)
	}
	if first.Type == e.Type && first.Bead == e.Bead && first.Agent == e.Agent && bytes.Equal(then, now) {
		return nil
	}
	return huma.Error422UnprocessableEntity(fmt.Sprintf("this Idempotency-Key was used for another request (%s) before: a new request needs a new key", first.Type),
		&huma.ErrorDetail{Location: "header.Idempotency-Key", Message: "was used for another request", Value: in.Key})
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
