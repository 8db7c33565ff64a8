package api

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"gastown/internal/controller"
	"gastown/internal/journal"
	"gastown/internal/replay"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// whyRecent is how many of the last things why tells: enough to see how it came, and not so many
// that the reason above is lost.
const whyRecent = 5

func (s *server) why(ctx context.Context, in *struct {
	TownPath
	ID string `path:"id"`
	At moment `query:"at" format:"date-time" doc:"A moment that is past; default: now."`
}) (*body[wire.Why], error) {
	var out wire.Why
	var ok bool
	var before controller.Moment
	var now town.Time
	explain := func(st *town.State, at town.Time) { out.Why, ok = st.Why(in.ID, at) }
	if err := s.read(in.Town, func(st *town.State) {
		now = max(s.Controller.Now(), st.At())
		explain(st, now)
	}); err != nil {
		return nil, err
	}
	if in.At.Time > now {
		return nil, s.replayProblem("query", &replay.RangeError{Field: "at", Reason: fmt.Sprintf(
			"is %s, which has not come yet: leave it out for now, %s; the dry run says what will happen until then",
			in.At, now)})
	}
	if in.At.Time != 0 {
		st, err := replay.At(ctx, s.Journal, in.Town, in.At.Time)
		if err != nil {
			return nil, s.replayProblem("query", atField(err))
		}
		explain(st, in.At.Time)
		before.Tick = st.Tick() + 1
	}
	if !ok {
		return nil, missing("bead or agent", in.ID)
	}
	var err error
	out.Recent, err = s.happened(ctx, in.Town, in.ID, before, whyRecent)
	return answer(out, err)
}

func (s *server) history(ctx context.Context, in *struct {
	TownPath
	ID     string `path:"id"`
	Before string `query:"before" pattern:"^[0-9]{1,18}([.][0-9]{1,9})?$" patternDescription:"TICK or TICK.PART" doc:"Only what happened before this tick, or before this part of a tick (TICK.PART): the next of the part after it."`
	Limit  int    `query:"limit" default:"20" minimum:"1" maximum:"100"`
}) (*body[wire.History], error) {
	before, err := momentOf(in.Before)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity("before: "+err.Error(), &huma.ErrorDetail{Location: "query.before", Message: err.Error()})
	}
	list, err := s.happened(ctx, in.Town, in.ID, before, in.Limit)
	if err != nil {
		return nil, err
	}
	page := wire.History{Happened: list}
	if len(list) == in.Limit {
		page.Next = fmt.Sprintf("%d.%d", list[0].Tick, list[0].Part)
	}
	return answer(page, nil)
}

// happened tells what the controller does, with an empty list instead of none.
func (s *server) happened(ctx context.Context, id town.TownID, entity string, before controller.Moment, limit int) ([]town.Happening, error) {
	list, err := s.Controller.Happened(ctx, id, entity, before, limit)
	switch {
	case errors.Is(err, journal.ErrNotFound):
		return nil, missing("bead or agent", entity)
	case err != nil:
		return nil, s.fromError(err)
	}
	return append([]town.Happening{}, list...), nil
}

// momentOf reads TICK or TICK.PART; nothing is after everything.
func momentOf(text string) (m controller.Moment, err error) {
	if text == "" {
		return m, nil
	}
	tick, part, parted := strings.Cut(text, ".")
	no, err := strconv.ParseInt(tick, 10, 64)
	if err != nil {
		return m, fmt.Errorf("is %q, must be TICK or TICK.PART", text)
	}
	m.Tick = town.TickNo(no)
	if !parted {
		return m, nil
	}
	if m.Part, err = strconv.Atoi(part); err != nil {
		return m, fmt.Errorf("is %q, must be TICK or TICK.PART", text)
	}
	return m, nil
}
