package sim

import (
	"fmt"

	"gastown/internal/town"
)

// symbol names a bead or a run by how it came about: the first bead of the 12th event, the second
// dispatch of that. Ids are counted and change when a part of a story is left out; symbols stay.
type symbol string

// names translates between the symbols of a story and the ids of one telling of it.
type names struct {
	beads  map[symbol]town.BeadID
	runs   map[symbol]runName
	nudges map[symbol]town.NudgeID
	bead   map[town.BeadID]symbol
	nudge  map[town.NudgeID]symbol
	run    map[town.Run]symbol
	count  map[symbol]int // of what rules have made, by parent
}

type runName struct {
	agent town.AgentID
	run   town.Run
}

func newNames() *names {
	return &names{
		beads: map[symbol]town.BeadID{}, runs: map[symbol]runName{}, bead: map[town.BeadID]symbol{}, run: map[town.Run]symbol{},
		count: map[symbol]int{}, nudges: map[symbol]town.NudgeID{}, nudge: map[town.NudgeID]symbol{},
	}
}

// learn names what a tick has made. Keys are those of the events that it took.
func (n *names) learn(s *town.State, rec *town.Tick, keys []int) {
	for i := range rec.Events {
		for j, id := range rec.Events[i].Made {
			n.call(symbol(fmt.Sprintf("e%d.%d", keys[i], j)), town.BeadID(id))
		}
	}
	for i := range rec.Changes {
		x := &rec.Changes[i]
		b := s.Bead(town.BeadID(x.ID))
		if x.Kind != town.KindBead || b == nil || n.bead[b.ID] != "" {
			continue
		}
		n.call(n.next(n.bead[b.Parent]+"/"+symbol(b.Type)), b.ID)
	}
	for i := range rec.Actions {
		a := &rec.Actions[i]
		if a.Kind != town.DispatchAgent || a.Broken != "" {
			continue
		}
		sym := n.next(n.bead[a.Bead] + "#")
		n.runs[sym], n.run[a.Run] = runName{a.Agent, a.Run}, sym
	}
	for i := range rec.Changes {
		id := town.NudgeID(rec.Changes[i].ID)
		g := s.Nudge(id)
		if rec.Changes[i].Kind != town.KindNudge || g == nil || n.nudge[id] != "" {
			continue
		}
		sym := n.next(n.run[runOf(s, g)] + "~")
		n.nudges[sym], n.nudge[id] = id, sym
	}
}

// runOf is the run that a nudge is for, or the agent's of now.
func runOf(s *town.State, g *town.Nudge) town.Run {
	if a := s.Agent(g.Agent); g.Run == 0 && a != nil {
		return a.Run
	}
	return g.Run
}

func (n *names) call(sym symbol, id town.BeadID) { n.beads[sym], n.bead[id] = id, sym }

func (n *names) next(parent symbol) symbol {
	n.count[parent]++
	return symbol(fmt.Sprint(parent, n.count[parent]))
}

// rewrite returns the payload with other names for the beads in it. A payload that names beads has to
// be entered here; keep is false if one of them has no name.
func rewrite(p town.Payload, name func(town.BeadID) (town.BeadID, bool)) (out town.Payload, keep bool) {
	switch p := p.(type) {
	case *town.DependencyAdded:
		on, ok := name(p.On)
		return &town.DependencyAdded{On: on}, ok
	case *town.DependencyRemoved:
		on, ok := name(p.On)
		return &town.DependencyRemoved{On: on}, ok
	case *town.TriageResolved:
		if p.Bead == "" {
			return p, true
		}
		c := *p
		c.Bead, keep = name(p.Bead)
		return &c, keep
	case *town.MessageRead:
		all := renamed(p.Messages, name)
		return &town.MessageRead{Messages: all}, len(all) > 0
	case *town.ConvoyUpdated:
		c := *p
		c.Add, c.Remove = renamed(p.Add, name), renamed(p.Remove, name)
		return &c, len(c.Add) == len(p.Add) && len(c.Remove) == len(p.Remove)
	case *town.BeadCreated:
		c := *p
		c.Beads = append([]town.NewBead(nil), p.Beads...)
		keys := map[string]bool{}
		for i := range c.Beads {
			keys[c.Beads[i].Key] = true
		}
		for i := range c.Beads {
			b := &c.Beads[i]
			var needs []string
			for _, on := range b.DependsOn {
				if keys[on] {
					needs = append(needs, on)
				} else if other, ok := name(town.BeadID(on)); ok {
					needs = append(needs, string(other))
				}
			}
			b.DependsOn = needs
		}
		return &c, true
	}
	return p, true
}

// renamed leaves out the beads that have no name.
func renamed(ids []town.BeadID, name func(town.BeadID) (town.BeadID, bool)) []town.BeadID {
	var out []town.BeadID
	for _, id := range ids {
		if other, ok := name(id); ok {
			out = append(out, other)
		}
	}
	return out
}

// renudged returns the payload with another name for the nudge that it answers, if it answers one.
func renudged(p town.Payload, name func(town.NudgeID) town.NudgeID) (out town.Payload, keep bool) {
	switch p := p.(type) {
	case *town.NudgeArrived:
		id := name(p.Nudge)
		return &town.NudgeArrived{Nudge: id}, id != ""
	case *town.NudgeFailed:
		id := name(p.Nudge)
		return &town.NudgeFailed{Nudge: id, Reason: p.Reason}, id != ""
	}
	return p, true
}

// moved returns the payload with the moments in it moved: a story that is told again at another time has
// them as far from its events as they were.
func moved(p town.Payload, by town.Duration) town.Payload {
	switch p := p.(type) {
	case *town.ActivityStopped:
		return &town.ActivityStopped{Since: p.Since.Add(by)}
	case *town.PRPollFailed:
		c := *p
		if c.ResetAt != 0 {
			c.ResetAt = c.ResetAt.Add(by)
		}
		return &c
	case *town.PRMergeFailed:
		c := *p
		if c.ResetAt != 0 {
			c.ResetAt = c.ResetAt.Add(by)
		}
		return &c
	}
	return p
}

// toSymbols makes an event tell of symbols instead of ids.
func (n *names) toSymbols(s *town.State, e town.Event) item {
	it := item{kind: eventItem, event: e, bead: n.bead[e.Bead]}
	if e.Bead != "" && it.bead == "" {
		it.bead = "?" // nobody knows it
	}
	switch a := s.Agent(e.Agent); {
	case e.Run != 0:
		it.run = n.run[e.Run]
	case a != nil:
		it.run = n.run[a.Run] // a person means whoever works now
	}
	it.event.Payload, _ = rewrite(e.Payload, func(id town.BeadID) (town.BeadID, bool) { return town.BeadID(n.bead[id]), n.bead[id] != "" })
	it.event.Payload, _ = renudged(it.event.Payload, func(id town.NudgeID) town.NudgeID { return town.NudgeID(n.nudge[id]) })
	return it
}

// toEvent makes an event of this telling; ok is false if what it is about does not exist here.
func (n *names) toEvent(s *town.State, it *item) (e town.Event, ok bool) {
	e = it.event
	if it.bead != "" {
		if e.Bead = n.beads[it.bead]; e.Bead == "" {
			return e, false
		}
	}
	if e.Agent != "" || it.run != "" {
		r, known := n.runs[it.run]
		if !known {
			return e, false
		}
		e.Agent = r.agent
		if e.Run != 0 {
			e.Run = r.run
		}
	}
	e.Payload, ok = rewrite(e.Payload, func(sym town.BeadID) (town.BeadID, bool) {
		id := n.beads[symbol(sym)]
		return id, id != ""
	})
	if ok {
		e.Payload, ok = renudged(e.Payload, func(sym town.NudgeID) town.NudgeID { return n.nudges[symbol(sym)] })
	}
	if done, is := e.Payload.(*town.AgentDone); is && done.Branch != "" {
		a, b := s.Agent(e.Agent), s.Bead(e.Bead)
		if a == nil || b == nil {
			return e, false
		}
		d := *done
		d.Branch, _, _ = s.Assignment(b)
		e.Payload = &d
	}
	return e, ok
}
