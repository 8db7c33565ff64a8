package web

import (
	"context"
	"strings"
	"testing"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// endless is a journal with more ticks than anybody reads, of which every thousandth has a violation.
type endless struct {
	journal.Journal
	read *int
}

func (e endless) TickHeads(_ context.Context, _ town.TownID, f journal.TickFilter) ([]journal.TickHead, error) {
	var out []journal.TickHead
	for no := f.After + 1; no < f.Before && len(out) < f.Limit; no++ {
		h := journal.TickHead{No: no, At: town.Time(no) * 1000, Events: 1, Actions: 2}
		if no%1000 == 0 {
			h.Violations = 1
		}
		out = append(out, h)
	}
	*e.read += len(out)
	return out, nil
}

// A time line reads a bounded number of ticks, however long the history is, and says what it did not.
func TestTimeLinesAreBounded(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		ticks   town.TickNo
		bars    int
		sampled bool
	}{{1, 1, false}, {2, 2, false}, {119, 119, false}, {121, 61, false}, {6000, 120, false}, {6001, 118, true}, {5_000_000, 120, true}} {
		read := 0
		p := &Pages{Config: Config{Journal: endless{read: &read}}}
		list, sampled, err := p.spells(t.Context(), "main", 1, x.ticks)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != x.bars || sampled != x.sampled || read > maxHeads || !sampled && read != int(x.ticks) {
			t.Errorf("%d ticks: %d bars, sampled %t, %d read", x.ticks, len(list), sampled, read)
		}
		for i := range list {
			if i > 0 && list[i].first != list[i-1].last+1 {
				t.Errorf("%d ticks: bar %d begins at tick %d, after %d", x.ticks, i, list[i].first, list[i-1].last)
			}
		}
		if list[0].first != 1 || list[len(list)-1].last != x.ticks {
			t.Errorf("%d ticks: the bars are from %d to %d", x.ticks, list[0].first, list[len(list)-1].last)
		}
		line := draw(list, sampled, func(*spell) string { return "/" }, 0)
		for _, row := range line.Rows {
			end := 0.0
			for _, b := range row.Bars {
				if b.X < end-0.2 || b.H < 0 || b.Y < 0 || b.Y+b.H > barHeight || b.X+b.W > barSpace+0.2 {
					t.Fatalf("%d ticks: a bar of %s at %+v", x.ticks, row.Name, b)
				}
				end = b.X + b.W
			}
			if b := row.Bars[0]; strings.Contains(b.Title, "in its first") != sampled {
				t.Errorf("%d ticks: a bar says %q", x.ticks, b.Title)
			}
		}
	}
}
