package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"gastown/internal/observe/logging"
	"gastown/internal/wire"
)

func (s *server) logLevel(context.Context, *empty) (*body[wire.LogLevel], error) {
	return answer(wire.LogLevel{Level: logging.NameOf(s.Level.Level())}, nil)
}

func (s *server) setLogLevel(_ context.Context, in *struct{ Body wire.LogLevel }) (*body[wire.LogLevel], error) {
	level, err := logging.LevelOf(in.Body.Level)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error(), &huma.ErrorDetail{Location: "body.level", Message: err.Error()})
	}
	s.Level.Set(level)
	s.Log.Info("the log's level was changed", "to", in.Body.Level)
	return answer(in.Body, nil)
}
