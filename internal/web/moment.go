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
	Events      []eventRow
	Actions     []actionRow
	Violations  []violationRow
	Changed     []changedRow
	Differences []fieldRow
	Columns     []column
	Agents      []agentRow
	MoreAgents  int
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
	for i := range m.Events {
		out.Events = append(out.Events, eventOf(x.town, &m.Events[i], &rec.Events[i]))
	}
	for i := range rec.Actions {
		out.Actions = append(out.Actions, actionOf(x.town, &rec.Actions[i]))
	}
	for _, v := range rec.Violations {
		state := string(v.State)
		if v.Recovered {
			state = "recovered at once"
		}
		out.Violations = append(out.Violations, violationRow{v.Invariant, v.ID, v.Message, state})
	}
	beads, agents := map[town.BeadID]bool{}, map[town.AgentID]bool{}
	for i := range m.Changed {
		c := &m.Changed[i]
		switch c.Kind {
		case town.KindBead:
			beads[town.BeadID(c.ID)] = true
		case town.KindAgent:
			agents[town.AgentID(c.ID)] = true
		}
		out.Changed = append(out.Changed, changedOf(x.town, c))
	}
	diffs, err := m.Differences()
	if err != nil {
		return nil, err
	}
	for _, d := range diffs {
		out.Differences = append(out.Differences, fieldRow{d.Path, value(d.Path, d.Recorded), value(d.Path, d.Recomputed)})
	}
	out.Columns = boardOf(m.State, m.State.Beads(), rec.At, func(b *town.Bead) bool { return b.Type != town.Message }, beads)
	out.Agents, out.MoreAgents = agentsOf(m.State, rec.At, agents)
	out.Summary = fmt.Sprintf("Tick %d, %s: %s, %s, %s.", rec.No, out.At.Clock, count(len(rec.Events), "event", "events"),
		count(len(rec.Actions), "action", "actions"), count(len(rec.Violations), "violation", "violations"))
	return out, nil
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
