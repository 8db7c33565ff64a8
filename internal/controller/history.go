package controller

import (
	"context"
	"fmt"
	"slices"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// MaxHappened is how much of a history is told at once.
const MaxHappened = 100

// Moment is a place in the history of one bead or agent: before the part of the tick with that
// number, or before the whole tick if part is zero. The zero Moment is after everything.
type Moment struct {
	Tick town.TickNo
	Part int
}

// Happened tells the last things, at most limit of MaxHappened, that happened to a bead, a convoy
// or an agent before a moment, the newest last. It knows those that have left the town for as long
// as the journal has ticks about them. A name that only refused events have used is nothing:
// journal.ErrNotFound.
func (c *Controller) Happened(ctx context.Context, id town.TownID, entity string, before Moment, limit int) ([]town.Happening, error) {
	if limit <= 0 || limit > MaxHappened {
		limit = MaxHappened
	}
	kinds, err := c.kindsOf(id, entity)
	if err != nil {
		return nil, err
	}
	for _, kind := range kinds {
		w := walk{c.opts.Journal, id, town.About{Kind: kind, ID: entity}, nil}
		if err := w.back(ctx, before, limit); err != nil {
			return nil, fmt.Errorf("cannot tell what happened to %s: %w", entity, err)
		}
		if len(kinds) == 1 || slices.ContainsFunc(w.told, func(h town.Happening) bool { return h.Outcome != town.Rejected }) {
			slices.Reverse(w.told)
			return w.told, nil
		}
	}
	if before != (Moment{}) {
		return nil, nil // whoever asks for an earlier page has been told of it
	}
	// Its ticks may be gone and the bead still be in the archive.
	_, err = c.opts.Journal.ArchivedBead(ctx, id, town.BeadID(entity))
	return nil, err
}

// kindsOf says what the entity is, or can have been if it is not in the town.
func (c *Controller) kindsOf(id town.TownID, entity string) (kinds []town.Kind, err error) {
	err = c.Read(id, func(s *town.State) {
		switch {
		case s.Bead(town.BeadID(entity)) != nil:
			kinds = []town.Kind{town.KindBead}
		case s.Agent(town.AgentID(entity)) != nil:
			kinds = []town.Kind{town.KindAgent}
		default:
			kinds = []town.Kind{town.KindBead, town.KindAgent}
		}
	})
	return kinds, err
}

// walk goes back through the ticks about one bead or agent.
type walk struct {
	journal journal.Journal
	town    town.TownID
	about   town.About
	told    []town.Happening // newest first
}

// back walks until it can tell limit things, or there are no more. Nearly every tick has something
// to tell, so as many ticks are read at once as things are missing.
func (w *walk) back(ctx context.Context, before Moment, limit int) error {
	next := before.Tick
	if before.Part > 0 {
		next++ // some of that tick is still to be told
	}
	for missing := limit; missing > 0; missing = limit - len(w.told) {
		ticks, err := w.journal.TicksAbout(ctx, w.town, w.about, next, missing)
		if err != nil {
			return err
		}
		for _, t := range ticks {
			list, err := w.happened(ctx, t)
			if err != nil {
				return err
			}
			if t.No == before.Tick && len(list) >= before.Part {
				list = list[:before.Part-1]
			}
			slices.Reverse(list)
			w.told = append(w.told, list[:min(len(list), limit-len(w.told))]...)
			next = t.No
		}
		if len(ticks) < missing {
			return nil
		}
	}
	return nil
}

// happened adds the words of those who sent the tick's events to its record.
func (w *walk) happened(ctx context.Context, t *town.Tick) ([]town.Happening, error) {
	var events []town.Event
	if len(t.Events) > 0 {
		records, err := w.journal.Events(ctx, w.town, journal.EventFilter{FromTick: t.No, ToTick: t.No, Limit: len(t.Events)})
		if err != nil {
			return nil, err
		}
		for i := range records {
			events = append(events, records[i].Event)
		}
	}
	return town.Happened(w.about, t, events)
}
