package api

import (
	"context"
	"errors"

	"github.com/danielgtaylor/huma/v2"

	"gastown/internal/replay"
	"gastown/internal/town"
	"gastown/internal/wire"
)

func (s *server) replayEvents(ctx context.Context, in *struct {
	TownPath
	Body *wire.ReplayQuery
}) (*body[wire.Replay], error) {
	if err := s.read(in.Town, func(*town.State) {}); err != nil {
		return nil, err
	}
	out, err := replay.Document(ctx, s.Journal, in.Town, given(in.Body), s.Controller.Now())
	if err != nil {
		return nil, s.replayProblem("body", err)
	}
	return answer(out, nil)
}

// replayProblem names the field of a part that makes no sense; where says whether the body or the query had it.
func (s *server) replayProblem(where string, err error) error {
	var wrong *replay.RangeError
	if errors.As(err, &wrong) {
		return huma.Error422UnprocessableEntity(wrong.Error(), &huma.ErrorDetail{Location: where + "." + wrong.Field, Message: wrong.Reason})
	}
	return s.fromError(err)
}
