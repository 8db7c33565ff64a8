package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gastown/internal/journal"
	"gastown/internal/town"
	"gastown/internal/wire"
)

func (s *server) listEvents(ctx context.Context, in *struct {
	TownPath
	After  town.Seq         `query:"after" minimum:"0" doc:"Only later ones; with newest, only earlier ones."`
	From   moment           `query:"from" format:"date-time" doc:"Only from this moment on."`
	To     moment           `query:"to" format:"date-time" doc:"Only before this moment."`
	Type   []town.EventType `query:"type"`
	Agent  town.AgentID     `query:"agent"`
	Bead   town.BeadID      `query:"bead"`
	Newest bool             `query:"newest" doc:"The newest first."`
	Limit  int              `query:"limit" default:"100" minimum:"1" maximum:"1000"`
}) (*body[wire.EventPage], error) {
	if err := s.read(in.Town, func(*town.State) {}); err != nil {
		return nil, err
	}
	if err := inOrder(in.From, in.To); err != nil {
		return nil, err
	}
	for _, typ := range in.Type {
		if !slices.ContainsFunc(town.EventSpecs(), func(s town.EventSpec) bool { return s.Type == typ }) {
			why := fmt.Sprintf("there is no event type %q", typ)
			return nil, huma.Error422UnprocessableEntity("type: "+why, &huma.ErrorDetail{Location: "query.type", Message: why})
		}
	}
	f := journal.EventFilter{
		From: in.From.Time, To: in.To.Time, Types: in.Type, Agent: in.Agent, Bead: in.Bead, Newest: in.Newest, Limit: in.Limit,
	}
	if in.Newest {
		f.Before = in.After
	} else {
		f.After = in.After
	}
	events, err := s.Journal.Events(ctx, in.Town, f)
	if err != nil {
		return nil, s.fromError(err)
	}
	page := wire.EventPage{Events: []wire.Event{}}
	for i := range events {
		page.Events = append(page.Events, wireEvent(&events[i]))
	}
	if len(events) == in.Limit {
		page.Next = events[len(events)-1].Seq
	}
	return answer(page, nil)
}

func (s *server) showEvent(ctx context.Context, in *struct {
	TownPath
	Event string `path:"event"`
}) (*body[wire.Event], error) {
	if err := s.read(in.Town, func(*town.State) {}); err != nil {
		return nil, err
	}
	rec, err := s.Journal.EventByID(ctx, in.Town, in.Event)
	if err != nil {
		return nil, s.fromError(err)
	}
	return answer(wireEvent(&rec), nil)
}

func wireEvent(r *journal.EventRecord) wire.Event {
	return wire.Event{Event: r.Event, Tick: r.Processed.Tick, Outcome: r.Processed.Outcome}
}

func (s *server) listTicks(ctx context.Context, in *struct {
	TownPath
	After  town.TickNo `query:"after" minimum:"0" doc:"Only later ones; with newest, only earlier ones."`
	From   moment      `query:"from" format:"date-time" doc:"Only from this moment on."`
	To     moment      `query:"to" format:"date-time" doc:"Only before this moment."`
	Newest bool        `query:"newest" doc:"The newest first."`
	Limit  int         `query:"limit" default:"100" minimum:"1" maximum:"1000"`
}) (*body[wire.TickPage], error) {
	if err := s.read(in.Town, func(*town.State) {}); err != nil {
		return nil, err
	}
	if err := inOrder(in.From, in.To); err != nil {
		return nil, err
	}
	f := journal.TickFilter{From: in.From.Time, To: in.To.Time, Newest: in.Newest, Limit: in.Limit}
	if in.Newest {
		f.Before = in.After
	} else {
		f.After = in.After
	}
	ticks, err := s.Journal.Ticks(ctx, in.Town, f)
	if err != nil {
		return nil, s.fromError(err)
	}
	page := wire.TickPage{Ticks: []wire.Tick{}}
	for _, t := range ticks {
		w, err := wireTick(t)
		if err != nil {
			return nil, s.fromError(err)
		}
		page.Ticks = append(page.Ticks, w)
	}
	if len(ticks) == in.Limit {
		page.Next = ticks[len(ticks)-1].No
	}
	return answer(page, nil)
}

func wireTick(t *town.Tick) (wire.Tick, error) {
	out := wire.Tick{Tick: t, Entities: []wire.Entity{}}
	for i := range t.Changes {
		x := &t.Changes[i]
		e, err := x.Entity()
		if err != nil {
			return out, fmt.Errorf("tick %d: %w", t.No, err)
		}
		out.Entities = append(out.Entities, wire.Entity{Kind: x.Kind, ID: x.ID, Gone: x.Gone, Archived: x.Archived, State: e})
	}
	return out, nil
}

// streamIdle is how often a silent stream gets a comment, so that both ends know that it lives.
const streamIdle = 15 * time.Second

func (s *server) stream(_ context.Context, in *TownPath) (*huma.StreamResponse, error) {
	ticks, end, err := s.Controller.Subscribe(in.Town)
	if err != nil {
		return nil, s.fromError(err)
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		defer end()
		c.SetHeader("Content-Type", "text/event-stream")
		w := c.BodyWriter()
		var last town.TickNo
		_ = s.Controller.Read(in.Town, func(st *town.State) { last = st.Tick() })
		send(w, "hello", map[string]any{"town": in.Town, "lastTick": last, "version": s.Version})
		idle := time.NewTicker(streamIdle)
		defer idle.Stop()
		for {
			select {
			case <-c.Context().Done():
				return
			case <-s.Done:
				return
			case <-idle.C:
				if _, err := io.WriteString(w, ": alive\n\n"); err != nil {
					return
				}
				flush(w)
			case t, ok := <-ticks:
				if !ok || !send(w, "tick", t) {
					return
				}
			}
		}
	}}, nil
}

// send writes one server-sent event and reports whether the reader is still there.
func send(w io.Writer, event string, v any) bool {
	data, err := wire.Marshal(v)
	if err != nil {
		return false
	}
	_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, data)
	flush(w)
	return err == nil
}

var _ http.Flusher = (*recorder)(nil)
