package web

import (
	"fmt"
	"net/http"

	"gastown/internal/replay"
	"gastown/internal/town"
)

// momentView is one tick: what came in, what was decided, what changed, and how the town stood then.
type momentView struct {
	Tick        town.TickNo
	At          when
	Summary     string
	Agree       bool
	RuleSet     int
	RuleSetNow  int
	First, Prev link // without an address where there is none
	Next, Last  link
	Share       string
	Marker      float64
	Events      rows[eventRow]
	Actions     rows[actionRow]
	Violations  rows[violationRow]
	Changed     rows[changedRow]
	Differences rows[fieldRow]
	Columns     []column
	Agents      []agentRow
	MoreAgents  int
}

// maxRows bounds each list of a tick: one may take hundreds of events and change thousands of beads.
const maxRows = 100

// rows are the first of a list, and how many there are.
type rows[T any] struct {
	List  []T
	Count int
	More  int
}

func rowsOf[T any](n int, row func(i int) T) rows[T] {
	r := rows[T]{Count: n, More: max(n-maxRows, 0)}
	for i := range n - r.More {
		r.List = append(r.List, row(i))
	}
	return r
}

type eventRow struct {
	Seq     town.Seq
	Type    string
	From    string
	About   link
	Outcome badge
	Reason  string
	Payload string
}

type actionRow struct {
	Kind     string
	About    link
	Agent    town.AgentID
	From, To string
	Rule     string
	Reason   string
	Broken   string
}

type violationRow struct {
	Invariant int
	About     string
	Message   string
	State     string
}

type changedRow struct {
	Kind   string
	About  link
	How    string // made, gone or empty
	Fields []fieldRow
}

type fieldRow struct{ Path, Before, After string }

// moment answers the script of a replay with one tick.
func (p *Pages) moment(v *visit) error {
	if _, err := p.place(v); err != nil {
		return err
	}
	x, err := p.partOf(v.r)
	if err != nil {
		return err
	}
	if why := x.empty(); why != "" {
		return &problem{http.StatusNotFound, why}
	}
	m, err := p.momentOf(v, x)
	if err != nil {
		return err
	}
	p.write(v, http.StatusOK, "replay", "moment", m)
	return nil
}

func (p *Pages) momentOf(v *visit, x *part) (*momentView, error) {
	m, err := replay.DetailOf(v.r.Context(), p.Journal, x.town, x.tick)
	if err != nil {
		return nil, err
	}
	rec := m.Recorded
	out := &momentView{
		Tick: rec.No, At: whenOf(rec.At, p.now()), Agree: m.Agree, RuleSet: rec.RuleSet, RuleSetNow: town.RuleSet,
		Share: x.at(x.tick), Marker: x.marker(),
	}
	out.steps(x)
	out.Events = rowsOf(len(m.Events), func(i int) eventRow { return eventOf(x.town, &m.Events[i], &rec.Events[i]) })
	out.Actions = rowsOf(len(rec.Actions), func(i int) actionRow { return actionOf(x.town, &rec.Actions[i]) })
	out.Violations = rowsOf(len(rec.Violations), func(i int) violationRow { return violationOf(&rec.Violations[i]) })
	out.Changed = rowsOf(len(m.Changed), func(i int) changedRow { return changedOf(x.town, &m.Changed[i]) })
	diffs, err := m.Differences()
	if err != nil {
		return nil, err
	}
	out.Differences = rowsOf(len(diffs), func(i int) fieldRow {
		d := &diffs[i]
		return fieldRow{d.Path, value(d.Path, d.Recorded), value(d.Path, d.Recomputed)}
	})
	beads, agents := freshOf(m.Changed)
	out.Columns = boardOf(m.State, m.State.Beads(), rec.At, func(b *town.Bead) bool { return b.Type != town.Message }, beads)
	out.Agents, out.MoreAgents = agentsOf(m.State, rec.At, agents)
	out.Summary = fmt.Sprintf("Tick %d, %s: %s, %s, %s.", rec.No, out.At.Clock, count(len(rec.Events), "event", "events"),
		count(len(rec.Actions), "action", "actions"), count(len(rec.Violations), "violation", "violations"))
	return out, nil
}

// freshOf says which beads and agents a tick has changed.
func freshOf(changed []replay.Changed) (map[town.BeadID]bool, map[town.AgentID]bool) {
	beads, agents := map[town.BeadID]bool{}, map[town.AgentID]bool{}
	for i := range changed {
		switch c := &changed[i]; c.Kind {
		case town.KindBead:
			beads[town.BeadID(c.ID)] = true
		case town.KindAgent:
			agents[town.AgentID(c.ID)] = true
		}
	}
	return beads, agents
}

// steps makes the links to the ticks around.
func (out *momentView) steps(x *part) {
	out.First, out.Prev, out.Next, out.Last = link{Label: "first"}, link{Label: "previous"}, link{Label: "next"}, link{Label: "last"}
	if x.tick > x.first {
		out.First.Href, out.Prev.Href = x.at(x.first), x.at(x.tick-1)
	}
	if x.tick < x.last {
		out.Next.Href, out.Last.Href = x.at(x.tick+1), x.at(x.last)
	}
}

// about names a bead with a link to it, or another entity without one.
func about(id town.TownID, kind town.Kind, name string) link {
	if name == "" {
		return link{}
	}
	l := link{Label: name}
	if kind == town.KindBead {
		l.Href = beadAddress(id, town.BeadID(name))
	}
	return l
}

func eventOf(id town.TownID, e *town.Event, o *town.EventOutcome) eventRow {
	r := eventRow{
		Seq: e.Seq, Type: string(e.Type), From: e.By, About: about(id, town.KindBead, string(e.Bead)),
		Reason: clip(o.Reason, 300), Payload: payload(e.Payload),
	}
	if e.Agent != "" {
		who := string(e.Agent)
		if e.Run != 0 {
			who = fmt.Sprintf("%s, run %d", e.Agent, e.Run)
		}
		switch {
		case r.From == "" || r.From == string(e.Agent):
			r.From = who
		default:
			r.From += " about " + who
		}
	}
	r.Outcome = badge{map[town.Verdict]string{town.Applied: "closed", town.Ignored: "open", town.Rejected: "failed"}[o.Verdict], string(o.Verdict)}
	return r
}

func actionOf(id town.TownID, a *town.Action) actionRow {
	r := actionRow{
		Kind: string(a.Kind), About: about(id, town.KindBead, string(a.Bead)), Agent: a.Agent,
		From: plain(a.From), To: plain(a.To), Rule: a.Rule, Reason: clip(a.Reason, 300), Broken: clip(a.Broken, 300),
	}
	if a.Bead == "" && a.Made != "" {
		r.About = about(id, town.KindBead, string(a.Made))
	}
	return r
}

func violationOf(v *town.Violation) violationRow {
	r := violationRow{v.Invariant, v.ID, v.Message, string(v.State)}
	if v.Recovered {
		r.State = "recovered at once"
	}
	return r
}

func changedOf(id town.TownID, c *replay.Changed) changedRow {
	r := changedRow{Kind: plain(c.Kind), About: about(id, c.Kind, c.ID)}
	switch {
	case c.Gone:
		r.How = "gone"
	case c.Made:
		r.How = "made"
	}
	for _, f := range c.Fields {
		r.Fields = append(r.Fields, fieldRow{f.Path, value(f.Path, f.Before), value(f.Path, f.After)})
	}
	return r
}
