package web

import (
	"context"
	"fmt"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// The size of a time line. A bar stands for one tick, or for several where there are many.
const (
	maxBars = 120
	// maxHeads bounds the ticks that are read for one time line; of more than that each bar shows
	// what its first barSample ticks have.
	maxHeads  = 6000
	barSample = maxHeads / maxBars
	// barSpace is the width of a time line in the units of its drawing, and barHeight that of a row.
	barSpace  = 1200
	barHeight = 48
)

// timeline draws what ticks had in them.
type timeline struct {
	Rows    []barRow
	Count   int64   // ticks
	PerBar  int64   // ticks of one bar
	Sampled bool    // bars show a part of their ticks
	Marker  float64 // where the chosen tick is
	Width   int
	Height  int
	First   when
	Last    when
}

// barRow is a row of bars of one kind.
type barRow struct {
	Name  string // events, actions or violations
	Class string
	Most  int // in one bar
	Total int
	Bars  []bar
}

// barsView is what it takes to draw one row.
type barsView struct {
	Width, Height int
	Marker        float64 // zero for none
	Row           barRow
}

func barsOf(width, height int, marker float64, row barRow) barsView {
	return barsView{width, height, marker, row}
}

// bar is one bar, with where it leads.
type bar struct {
	X, Y, W, H float64
	Title      string
	Href       string
}

// spell is what a bar stands for.
type spell struct {
	first, last                 town.TickNo
	read                        int // of its ticks
	at                          town.Time
	events, actions, violations int
}

func (s *spell) add(h *journal.TickHead) {
	if s.read == 0 {
		s.at = h.At
	}
	s.read++
	s.events += h.Events
	s.actions += h.Actions
	s.violations += h.Violations
}

// spells reads what the bars of ticks first to last stand for.
func (p *Pages) spells(ctx context.Context, id town.TownID, first, last town.TickNo) (list []spell, sampled bool, err error) {
	n := int64(last - first + 1)
	per := (n + maxBars - 1) / maxBars
	sampled = n > maxHeads
	for from := first; from <= last; from += town.TickNo(per) {
		list = append(list, spell{first: from, last: min(from+town.TickNo(per)-1, last)})
	}
	read := func(after, before town.TickNo, limit int) error {
		heads, err := p.Journal.TickHeads(ctx, id, journal.TickFilter{After: after, Before: before, Limit: limit})
		for i := range heads {
			list[int64(heads[i].No-first)/per].add(&heads[i])
		}
		return err
	}
	if !sampled {
		return list, false, read(first-1, last+1, maxHeads)
	}
	for i := range list {
		if err := read(list[i].first-1, list[i].last+1, barSample); err != nil {
			return nil, true, err
		}
	}
	return list, true, nil
}

// draw makes the time line of spells. Href says where the bar of a spell leads.
func draw(list []spell, sampled bool, href func(*spell) string, now town.Time) timeline {
	first, last := list[0].first, list[len(list)-1].last
	t := timeline{Count: int64(last - first + 1), PerBar: int64(list[0].last - list[0].first + 1), Sampled: sampled, Width: barSpace, Height: barHeight}
	t.First, t.Last = whenOf(list[0].at, now), whenOf(list[len(list)-1].at, now)
	for _, k := range []struct {
		name, class string
		of          func(*spell) int
	}{
		{"events", "events", func(s *spell) int { return s.events }},
		{"actions", "actions", func(s *spell) int { return s.actions }},
		{"violations", "violations", func(s *spell) int { return s.violations }},
	} {
		row := barRow{Name: k.name, Class: k.class}
		for i := range list {
			row.Total += k.of(&list[i])
			row.Most = max(row.Most, k.of(&list[i]))
		}
		for i := range list {
			row.Bars = append(row.Bars, barOf(&list[i], t.Count, first, k.of(&list[i]), row.Most, href(&list[i])))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// barOf places the bar of a spell; one without anything in it still has its place, to be clicked.
func barOf(s *spell, ticks int64, first town.TickNo, n, most int, href string) bar {
	unit := barSpace / float64(ticks)
	b := bar{X: round(float64(s.first-first) * unit), W: round(float64(s.last-s.first+1) * unit), Href: href}
	if n > 0 {
		b.H = round(max(float64(n)/float64(most)*(barHeight-4), 3))
	}
	b.Y = barHeight - b.H
	b.Title = fmt.Sprintf("tick %d, %s: ", s.first, whenOf(s.at, s.at).Full)
	if s.last > s.first {
		b.Title = fmt.Sprintf("ticks %d to %d, from %s: ", s.first, s.last, whenOf(s.at, s.at).Full)
	}
	b.Title += count(s.events, "event", "events") + ", " + count(s.actions, "action", "actions") + ", " + count(s.violations, "violation", "violations")
	if int64(s.read) < int64(s.last-s.first+1) {
		b.Title += fmt.Sprintf(" in its first %d ticks", s.read)
	}
	return b
}

// round keeps the drawing short: a tenth of a unit is less than anybody sees.
func round(x float64) float64 { return float64(int(x*10+0.5)) / 10 }
