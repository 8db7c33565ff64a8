package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// aroundTick is how many ticks a replay shows before and after a tick that is asked for alone.
const aroundTick = 250

// part is the part of a history that a replay shows: as it was asked for, and the ticks that it is.
type part struct {
	town               town.TownID
	from, to           town.Time
	fromTick, toTick   town.TickNo
	first, last        town.TickNo // last is before first if there is no tick in it
	tick               town.TickNo // the chosen one
	oldest, newest     town.TickNo // what is kept; newest is before oldest if nothing is
	oldestAt, newestAt town.Time
}

// partOf reads what is asked for. Several ways to say it at once, and what makes no sense, are refused
// with the field.
func (p *Pages) partOf(r *http.Request) (*part, error) {
	q := r.URL.Query()
	out := &part{town: town.TownID(r.PathValue("townId"))}
	for _, f := range []struct {
		name string
		to   *town.Time
	}{{"from", &out.from}, {"to", &out.to}} {
		if err := readTime(q, f.name, f.to); err != nil {
			return nil, err
		}
	}
	for _, f := range []struct {
		name string
		to   *town.TickNo
	}{{"fromTick", &out.fromTick}, {"toTick", &out.toTick}, {"tick", &out.tick}} {
		if err := readTick(q, f.name, f.to); err != nil {
			return nil, err
		}
	}
	switch {
	case (out.from != 0 || out.to != 0) && (out.fromTick != 0 || out.toTick != 0):
		return nil, unreadable("from", "say the part as times or as ticks, not as both")
	case out.to != 0 && out.to <= out.from:
		return nil, unreadable("to", "must be after from")
	case out.toTick != 0 && out.toTick < out.fromTick:
		return nil, unreadable("toTick", "must not be before fromTick")
	}
	return out, p.find(r.Context(), out)
}

func unreadable(field, why string) error {
	return &problem{http.StatusUnprocessableEntity, field + ": " + why}
}

// timeForms are how a moment may be written: in full, or as browsers' fields for times do, in UTC.
var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"}

func readTime(q url.Values, name string, to *town.Time) error {
	text := q.Get(name)
	if text == "" {
		return nil
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form, text); err == nil {
			*to = max(town.TimeOf(t), 1) // zero would be no moment at all
			return nil
		}
	}
	return unreadable(name, fmt.Sprintf("is %q, must be a time such as 2026-11-24T20:00:00Z", clip(text, 40)))
}

func readTick(q url.Values, name string, to *town.TickNo) error {
	text := q.Get(name)
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return unreadable(name, fmt.Sprintf("is %q, must be the number of a tick", clip(text, 40)))
	}
	*to = town.TickNo(n)
	return nil
}

// find turns what was asked for into ticks that are kept, and chooses one of them.
func (p *Pages) find(ctx context.Context, x *part) error {
	head := func(f journal.TickFilter) (journal.TickHead, error) {
		f.Limit = 1
		list, err := p.Journal.TickHeads(ctx, x.town, f)
		if err != nil || len(list) == 0 {
			return journal.TickHead{}, err
		}
		return list[0], nil
	}
	oldest, err := head(journal.TickFilter{})
	if err != nil {
		return err
	}
	newest, err := head(journal.TickFilter{Newest: true})
	if err != nil {
		return err
	}
	x.oldest, x.newest, x.oldestAt, x.newestAt = max(oldest.No, 1), newest.No, oldest.At, newest.At
	x.first, x.last = max(x.oldest, x.newest-2*aroundTick+1), x.newest
	switch {
	case x.from != 0 || x.to != 0:
		f := journal.TickFilter{Newest: true}
		if x.to != 0 {
			f.To = x.to + 1
		}
		from, err := head(journal.TickFilter{From: x.from})
		if err != nil {
			return err
		}
		to, err := head(f)
		if err != nil {
			return err
		}
		if x.first, x.last = from.No, to.No; from.No == 0 || to.No == 0 {
			x.first, x.last = 1, 0
		}
	case x.fromTick != 0 || x.toTick != 0:
		x.first, x.last = max(x.fromTick, x.oldest), x.newest
		if x.toTick != 0 {
			x.last = min(x.toTick, x.newest)
		}
	case x.tick != 0:
		x.first = max(x.oldest, min(x.tick-aroundTick, x.newest-2*aroundTick+1))
		x.last = min(x.newest, x.first+2*aroundTick-1)
	}
	if x.tick == 0 && (x.from != 0 || x.fromTick != 0) {
		x.tick = x.first // whoever says where to begin wants to
	} else if x.tick == 0 {
		x.tick = x.last
	}
	x.tick = min(max(x.tick, x.first), x.last)
	return nil
}

// values are the part as it was asked for, for addresses.
func (x *part) values() url.Values {
	q := url.Values{}
	set := func(name string, given bool, text fmt.Stringer) {
		if given {
			q.Set(name, text.String())
		}
	}
	set("from", x.from != 0, x.from)
	set("to", x.to != 0, x.to)
	if x.from == 0 && x.to == 0 {
		// In ticks, so that a link shows the same when the history has grown.
		q.Set("fromTick", strconv.FormatInt(int64(x.first), 10))
		q.Set("toTick", strconv.FormatInt(int64(x.last), 10))
	}
	return q
}

// at is the address of the same part with another tick chosen.
func (x *part) at(tick town.TickNo) string {
	q := x.values()
	q.Set("tick", strconv.FormatInt(int64(tick), 10))
	return replayAddress(x.town) + "?" + q.Encode()
}

// ticks is the address of a part from one tick to another.
func (x *part) ticks(from, to town.TickNo) string {
	q := url.Values{"fromTick": {strconv.FormatInt(int64(from), 10)}, "toTick": {strconv.FormatInt(int64(to), 10)}}
	if x.tick >= from && x.tick <= to {
		q.Set("tick", strconv.FormatInt(int64(x.tick), 10))
	}
	return replayAddress(x.town) + "?" + q.Encode()
}

func replayAddress(id town.TownID) string { return fmt.Sprintf("/towns/%s/replay", id) }

// tickAddress is the address of a replay around one tick.
func tickAddress(id town.TownID, tick town.TickNo) string {
	return fmt.Sprintf("%s?tick=%d", replayAddress(id), tick)
}
