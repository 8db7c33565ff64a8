package web

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"gastown/internal/controller"
	"gastown/internal/journal"
	"gastown/internal/town"
)

// lifeLimit is how much of a bead's life is told at once.
const lifeLimit = 50

// happening is one thing that happened to a bead.
type happening struct {
	At      when
	Tick    town.TickNo
	Href    string
	What    string
	By      string
	From    string
	To      string
	Agent   town.AgentID
	Other   link // another bead that was named
	Reason  string
	Outcome badge // of an event; without a word if it is none
	Event   bool
}

// beforeForm is a place in a bead's life: a tick, and a part of it.
var beforeForm = regexp.MustCompile(`^([0-9]{1,18})\.([0-9]{1,9})$`)

// life tells what happened to the bead, the newest last, with links into the replay.
func (p *Pages) life(ctx context.Context, before string, id town.TownID, out *beadView) error {
	var m controller.Moment
	if before != "" {
		found := beforeForm.FindStringSubmatch(before)
		if found == nil {
			return unreadable("before", "must be TICK.PART")
		}
		tick, err := strconv.ParseInt(found[1], 10, 64)
		if err != nil {
			return unreadable("before", "must be TICK.PART")
		}
		m.Tick = town.TickNo(tick)
		if m.Part, err = strconv.Atoi(found[2]); err != nil {
			return unreadable("before", "must be TICK.PART")
		}
	}
	list, err := p.Controller.Happened(ctx, id, string(out.Bead.ID), m, lifeLimit)
	if err != nil && !errors.Is(err, journal.ErrNotFound) {
		return err
	}
	for i := range list {
		out.Happened = append(out.Happened, happeningOf(id, out.Bead.ID, &list[i], p.now()))
	}
	if len(list) == lifeLimit {
		out.Earlier = fmt.Sprintf("%s?before=%d.%d#life", beadAddress(id, out.Bead.ID), list[0].Tick, list[0].Part)
	}
	if len(list) > 0 {
		out.Replay = fmt.Sprintf("%s?fromTick=%d&toTick=%d", replayAddress(id), list[0].Tick, list[len(list)-1].Tick)
	}
	return nil
}

func happeningOf(id town.TownID, of town.BeadID, h *town.Happening, now town.Time) happening {
	out := happening{
		At: whenOf(h.At, now), Tick: h.Tick, Href: tickAddress(id, h.Tick), What: plain(h.What), By: h.By,
		From: plain(h.From), To: plain(h.To), Agent: h.Agent, Reason: clip(h.Reason, 400), Event: h.Outcome != "",
	}
	if h.Bead != "" && h.Bead != of {
		out.Other = about(id, town.KindBead, string(h.Bead))
	}
	if h.Outcome == town.Ignored || h.Outcome == town.Rejected {
		out.Outcome = badge{"failed", string(h.Outcome)}
	}
	return out
}
