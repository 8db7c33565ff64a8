package web

import (
	"net/http"
	"strings"

	"gastown/internal/town"
)

// replayView is the page of a replay.
type replayView struct {
	Town     town.TownID
	Empty    string // why there is nothing to show
	Timeline timeline
	First    town.TickNo
	Last     town.TickNo
	From, To string // for the fields that choose a part
	Hidden   map[string]string
	Zooms    []link
	Base     string // address of a moment without its tick, for the script
	Moment   *momentView
	KeptFrom when
	Kept     town.TickNo
}

// link leads somewhere.
type link struct {
	Label, Href string
	Here        bool
}

// place finds the town of a request.
func (p *Pages) place(v *visit) (*place, error) {
	id := town.TownID(v.r.PathValue("townId"))
	out := &place{ID: id}
	err := p.Controller.Read(id, func(st *town.State) { out.Name = st.Town().Name })
	return out, err
}

func (p *Pages) replay(v *visit) error {
	at, err := p.place(v)
	if err != nil {
		return err
	}
	x, err := p.partOf(v.r)
	if err != nil {
		return err
	}
	out := replayView{Town: at.ID, First: x.first, Last: x.last, Zooms: x.zooms(), From: field(x.from), To: field(x.to), Kept: x.oldest}
	out.KeptFrom = whenOf(x.oldestAt, p.now())
	if out.Empty = x.empty(); out.Empty == "" {
		if err := p.fillReplay(v, x, &out); err != nil {
			return err
		}
	}
	p.render(v, http.StatusOK, view{Page: "replay", Title: "Replay of " + at.Name, Town: at, Tab: "replay", Body: out})
	return nil
}

// empty says why a part has nothing to show.
func (x *part) empty() string {
	switch {
	case x.newest == 0:
		return "Nothing has happened in this town yet."
	case x.last < x.first && x.to != 0 && x.to < x.oldestAt:
		return "That is older than what is kept. The history begins at " + x.oldestAt.String() + "."
	case x.last < x.first && x.fromTick > x.newest:
		return "There is no such tick yet."
	case x.last < x.first && x.toTick != 0 && x.toTick < x.oldest:
		return "These ticks are not kept any more."
	case x.last < x.first:
		return "Nothing happened in that time: no tick is recorded."
	}
	return ""
}

func (p *Pages) fillReplay(v *visit, x *part, out *replayView) error {
	list, sampled, err := p.spells(v.r.Context(), x.town, x.first, x.last)
	if err != nil {
		return err
	}
	out.Timeline = draw(list, sampled, func(s *spell) string {
		if s.first == s.last {
			return x.at(s.first)
		}
		return x.ticks(s.first, s.last)
	}, p.now())
	out.Timeline.Marker = x.marker()
	out.Hidden = map[string]string{}
	for name, list := range x.values() {
		out.Hidden[name] = list[0]
	}
	out.Base = strings.Replace(x.at(x.tick), replayAddress(x.town), replayAddress(x.town)+"/moment", 1)
	out.Moment, err = p.momentOf(v, x)
	return err
}

// marker is where on the time line the chosen tick is.
func (x *part) marker() float64 {
	return round((float64(x.tick-x.first) + 0.5) * barSpace / float64(x.last-x.first+1))
}

// zooms lead to other parts of the history.
func (x *part) zooms() []link {
	n := x.last - x.first + 1
	if x.newest == 0 || n <= 0 {
		return []link{{Label: "newest ticks", Href: replayAddress(x.town)}}
	}
	around := func(n town.TickNo) string {
		from := max(x.oldest, min(x.tick-n/2, x.newest-n+1))
		return x.ticks(from, min(x.newest, from+n-1))
	}
	out := []link{}
	for _, z := range []struct {
		label string
		n     town.TickNo
	}{{"20 ticks", 20}, {"100", 100}, {"500", 500}} {
		if z.n < x.newest-x.oldest+1 {
			out = append(out, link{Label: z.label, Href: around(z.n), Here: n == z.n})
		}
	}
	out = append(out, link{Label: "all that is kept", Href: x.ticks(x.oldest, x.newest), Here: x.first == x.oldest && x.last == x.newest})
	if x.first > x.oldest {
		from := max(x.oldest, x.first-n)
		out = append(out, link{Label: "earlier", Href: x.ticks(from, x.first-1)})
	}
	if x.last < x.newest {
		out = append(out, link{Label: "later", Href: x.ticks(x.last+1, min(x.newest, x.last+n))})
	}
	return out
}

// field writes a moment as a browser's field for times wants it.
func field(t town.Time) string {
	if t == 0 {
		return ""
	}
	return t.Std().Format("2006-01-02T15:04:05")
}

// now is the clock's time as the core counts it.
func (p *Pages) now() town.Time { return town.TimeOf(p.Now()) }
