package api

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"gastown/internal/replay"
	"gastown/internal/town"
)

// bundle takes a part of the history out. It is put together before the first byte is sent, so that an
// error is still an answer.
func (s *server) bundle(ctx context.Context, in *struct {
	TownPath
	From     moment      `query:"from" format:"date-time" doc:"The first moment, not one to come; default, and before the town was made: the beginning of what is kept."`
	To       moment      `query:"to" format:"date-time" doc:"The last moment, not one to come; default: now."`
	FromTick town.TickNo `query:"fromTick" minimum:"0" doc:"Instead of times: the first tick."`
	ToTick   town.TickNo `query:"toTick" minimum:"0" doc:"The last tick."`
}) (*huma.StreamResponse, error) {
	if err := s.read(in.Town, func(*town.State) {}); err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, s.fromError(fmt.Errorf("cannot make a key for the placeholders: %w", err))
	}
	r := replay.Range{From: in.From.Time, To: in.To.Time, FromTick: in.FromTick, ToTick: in.ToTick}
	r.End = s.Controller.Now()
	b, err := replay.Take(ctx, s.Journal, in.Town, r, key, s.Version)
	if err != nil {
		return nil, s.replayProblem("query", err)
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", "application/zstd")
		c.SetHeader("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%d-%d.tar.zst"`, in.Town, b.Manifest.First, b.Manifest.Last))
		if err := b.Write(c.BodyWriter()); err != nil {
			s.Log.Warn("a bundle was not sent to its end", "town", in.Town, "err", err)
		}
	}}, nil
}
