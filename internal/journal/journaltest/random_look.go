package journaltest

import (
	"fmt"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// look makes a call that only reads, with any arguments. What it answers is for the twin to compare.
func (p *player) look() {
	c, id := p.ctx(), p.made()
	if p.pick(3) == 0 {
		id = p.town()
	}
	switch p.pick(9) {
	case 0:
		_, _ = p.w.Pending(c, id, p.near(4))
	case 1:
		_, _, _ = p.w.Snapshot(c, id, town.TickNo(p.near(6)))
	case 2:
		_, _ = p.w.Ticks(c, id, p.tickFilter())
	case 3:
		_, _ = p.w.TickHeads(c, id, p.tickFilter())
	case 4:
		_, _ = p.w.Events(c, id, p.eventFilter())
	case 5:
		_, _ = p.w.EventByID(c, p.made(), p.eventID())
	case 6:
		about := town.About{Kind: []town.Kind{town.KindBead, town.KindAgent, town.KindRig}[p.pick(3)], ID: p.name()}
		_, _ = p.w.TicksAbout(c, id, about, town.TickNo(p.near(6)), p.near(3))
	case 7:
		p.lookAtArchive(id)
	default:
		_, _ = p.w.Oldest(c, id)
		_, _ = p.w.Stats(c, id)
		_, _ = p.w.Towns(c)
	}
}

func (p *player) tickFilter() journal.TickFilter {
	f := journal.TickFilter{Newest: p.pick(2) == 0, Limit: p.near(4), Taken: p.pick(2) == 0}
	for range p.pick(3) {
		switch p.pick(4) {
		case 0:
			f.After = town.TickNo(p.near(5))
		case 1:
			f.Before = town.TickNo(p.near(5))
		case 2:
			f.From, f.To = p.bound(), p.bound()
		default:
			f.Room = p.near(8)
		}
	}
	return f
}

// bound is a time, or none.
func (p *player) bound() town.Time {
	switch p.pick(4) {
	case 0:
		return p.time()
	case 1:
		return Birth.Add(town.Duration(p.pick(10)) * town.Minute)
	default:
		return 0
	}
}

// eventFilter restricts a few things at a time, so that some events are left.
func (p *player) eventFilter() journal.EventFilter {
	f := journal.EventFilter{Newest: p.pick(2) == 0, Limit: p.near(4)}
	for range p.pick(4) {
		switch p.pick(7) {
		case 0:
			f.After = town.Seq(p.near(6))
		case 1:
			f.Before = town.Seq(p.near(10))
		case 2:
			f.From, f.To = p.bound(), p.bound()
		case 3:
			f.FromTick = town.TickNo(p.near(4))
		case 4:
			f.ToTick = town.TickNo(p.near(4))
		case 5:
			f.Types = []town.EventType{"bead_held", "bead_created", "no such type"}[:1+p.pick(3)]
		default:
			f.Agent, f.Bead = town.AgentID(p.name()), town.BeadID(p.name())
		}
	}
	return f
}

// lookAtArchive goes through the archive from anywhere.
func (p *player) lookAtArchive(id town.TownID) {
	all, err := p.w.ArchivedBeads(ctx, id, journal.ArchivePage{})
	if err != nil {
		return
	}
	page := journal.ArchivePage{Limit: p.near(3), AfterClosed: Birth, AfterID: town.BeadID(p.name())}
	_, _ = p.w.ArchivedBead(ctx, id, page.AfterID)
	if len(all) > 0 {
		from := all[p.pick(len(all))]
		page.AfterClosed, page.AfterID = from.Closed+town.Time(p.pick(3)-1), from.ID
		_, _ = p.w.ArchivedBead(ctx, id, from.ID)
	}
	_, _ = p.w.ArchivedBeads(ctx, id, page)
}

// everything reads all that the journal has of towns, but for what is in snapshots.
func (p *player) everything(towns []town.TownID) []string {
	var out []string
	note := func(answer any, err error) {
		if err != nil {
			p.t.Fatalf("cannot read everything: %v", err)
		}
		out = append(out, fmt.Sprintf("%+v", answer))
	}
	for _, id := range towns {
		info, ok := p.info(id)
		if !ok {
			out = append(out, string(id)+" is not there")
			continue
		}
		note(info, nil)
		stats, err := p.w.Stats(ctx, id)
		note(kept(stats), err)
		pending, err := p.w.Pending(ctx, id, 0)
		note(len(pending), err)
		events, err := p.w.Events(ctx, id, journal.EventFilter{})
		note(len(events), err)
		for _, e := range events {
			note(textOf(e.Event)+fmt.Sprintf("%d %d %+v", e.Processed.Tick, e.Processed.At, e.Processed.Outcome), nil)
		}
		ticks, err := p.w.Ticks(ctx, id, journal.TickFilter{Taken: true})
		note(len(ticks), err)
		for _, t := range ticks {
			note(fmt.Sprintf("%x", t.Encode()), nil)
			for _, e := range t.Taken {
				note(textOf(e), nil)
			}
		}
		p.noteSubjects(id, ticks, events, note)
		archive, err := p.w.ArchivedBeads(ctx, id, journal.ArchivePage{})
		note(archive, err)
	}
	return out
}

// textOf is all of an event as text.
func textOf(e town.Event) string {
	payload, err := town.EncodePayload(e.Payload)
	e.Payload = nil
	return fmt.Sprintf("%+v %s %v ", e, payload, err)
}

// noteSubjects reads which ticks are about what.
func (p *player) noteSubjects(id town.TownID, ticks []*town.Tick, events []journal.EventRecord, note func(any, error)) {
	var about []town.About
	for _, t := range ticks {
		about = append(about, t.About()...)
	}
	for i := range events {
		about = append(about, events[i].About()...)
	}
	for _, a := range town.SortAbout(about) {
		found, err := p.w.TicksAbout(ctx, id, a, 0, 0)
		note(numbers(found), err)
	}
}
