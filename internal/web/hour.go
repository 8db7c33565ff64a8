package web

import (
	"context"
	"fmt"
	"net/url"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// The charts of the last hour have a bar for each two minutes.
const (
	hourBars = 30
	hourSpan = 2 * town.Minute
	// maxHourTicks bounds the ticks that are read for the charts.
	maxHourTicks = 5000
)

// hour draws what the reconciler did in the last hour.
type hour struct {
	Rows   []barRow
	Width  int
	Height int
	Ticks  int
	// Cut says that there were more ticks than are read: the bars begin with the first that was.
	Cut bool
}

// hourOf reads the ticks of the last hour, in whole spans so that a chart does not crawl.
func (p *Pages) hourOf(ctx context.Context, id town.TownID, now town.Time) (hour, error) {
	end := now - now%town.Time(hourSpan) + town.Time(hourSpan)
	begin := end.Add(-hourBars * hourSpan)
	heads, err := p.Journal.TickHeads(ctx, id, journal.TickFilter{From: begin, Newest: true, Limit: maxHourTicks})
	if err != nil {
		return hour{}, err
	}
	h := hour{Width: barSpace, Height: barHeight, Ticks: len(heads), Cut: len(heads) == maxHourTicks}
	sums := make([]spell, hourBars)
	for i := range heads {
		slot := int(heads[i].At.Since(begin) / hourSpan)
		sums[min(slot, hourBars-1)].add(&heads[i])
	}
	for _, k := range []struct {
		name, class string
		of          func(*spell) int
	}{
		{"ticks", "ticks", func(s *spell) int { return s.read }},
		{"events", "events", func(s *spell) int { return s.events }},
		{"actions", "actions", func(s *spell) int { return s.actions }},
		{"violations", "violations", func(s *spell) int { return s.violations }},
	} {
		row := barRow{Name: k.name, Class: k.class}
		for i := range sums {
			row.Total += k.of(&sums[i])
			row.Most = max(row.Most, k.of(&sums[i]))
		}
		for i := range sums {
			n, from := k.of(&sums[i]), begin.Add(town.Duration(i)*hourSpan)
			b := bar{X: round(float64(i) * barSpace / hourBars), W: round(barSpace / hourBars)}
			if n > 0 {
				b.H = round(max(float64(n)/float64(row.Most)*(barHeight-4), 3))
				b.Href = replayAddress(id) + "?" + url.Values{"from": {from.String()}, "to": {from.Add(hourSpan).String()}}.Encode()
			}
			b.Y = barHeight - b.H
			b.Title = fmt.Sprintf("%d %s from %s", n, k.name, whenOf(from, now).Clock)
			row.Bars = append(row.Bars, b)
		}
		h.Rows = append(h.Rows, row)
	}
	return h, nil
}
