package town

import "container/heap"

// agenda is what must be looked at: what changed (or has a neighbour that did), and what comes
// due. It is derived from the state, never stored: after a restart everything is on it, and
// looking once too often changes nothing.
type agenda struct {
	marked map[ref]struct{}
	fresh  []ref // marked since they were last drained, for the rules still to come in a pass
	due    map[ref]*dueEntry
	queue  dueHeap // the same entries, the earliest first

	// What is used again instead of being made anew.
	taken   map[ref]struct{}
	drained []ref
	unused  []*dueEntry
}

func newAgenda() agenda {
	return agenda{marked: map[ref]struct{}{}, taken: map[ref]struct{}{}, due: map[ref]*dueEntry{}}
}

func (g *agenda) mark(r ref) {
	if _, known := g.marked[r]; !known {
		g.marked[r] = struct{}{}
		g.fresh = append(g.fresh, r)
	}
}

// drain returns what has been marked since the last time, until the next. It stays marked.
func (g *agenda) drain() []ref {
	g.fresh, g.drained = g.drained[:0], g.fresh
	return g.drained
}

// take empties the list of marked entities and returns it, until the next time.
func (g *agenda) take() map[ref]struct{} {
	if len(g.taken) > keptRoom {
		g.taken = map[ref]struct{}{}
	}
	clear(g.taken)
	g.marked, g.taken = g.taken, g.marked
	g.fresh = g.fresh[:0]
	return g.taken
}

// forget drops the due time of r; whoever looks at r sets it anew.
func (g *agenda) forget(r ref) {
	if e := g.due[r]; e != nil {
		heap.Remove(&g.queue, e.place)
		delete(g.due, r)
		if len(g.unused) < keptRoom {
			g.unused = append(g.unused, e)
		}
	}
}

// schedule has r looked at again at t, or earlier if that was said before.
func (g *agenda) schedule(r ref, t Time) {
	switch e := g.due[r]; {
	case e == nil:
		e = g.entry()
		e.at, e.ref = t, r
		g.due[r] = e
		heap.Push(&g.queue, e)
	case t < e.at:
		e.at = t
		heap.Fix(&g.queue, e.place)
	}
}

func (g *agenda) entry() *dueEntry {
	n := len(g.unused)
	if n == 0 {
		return new(dueEntry)
	}
	e := g.unused[n-1]
	g.unused = g.unused[:n-1]
	return e
}

// ripen marks everything that is due at now.
func (g *agenda) ripen(now Time) {
	for len(g.queue) > 0 && g.queue[0].at <= now {
		r := g.queue[0].ref
		g.forget(r)
		g.mark(r)
	}
}

// next is when something comes due, or zero if nothing will.
func (g *agenda) next() Time {
	if len(g.queue) == 0 {
		return 0
	}
	return g.queue[0].at
}

// dueEntry is when an entity comes due, and its place in the heap.
type dueEntry struct {
	at    Time
	ref   ref
	place int
}

type dueHeap []*dueEntry

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *dueHeap) Push(x any) {
	e := x.(*dueEntry)
	e.place = len(*h)
	*h = append(*h, e)
}

func (h *dueHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}

// touch puts on the agenda whatever a change of an entity may concern. Too much is harmless;
// too little is a lost wake-up, which the brute-force twin in the tests would show.
func (s *State) touch(r ref, old, e entity) {
	if r.Kind == KindViolationTotals {
		return // a tick changes them when it has looked at everything; only a record that was loaded can be wrong
	}
	s.agenda.mark(r)
	switch r.Kind {
	case KindTown:
		s.touchAll()
	case KindRig:
		s.touchAll()
	case KindBead:
		before, _ := old.(*Bead)
		after, _ := e.(*Bead)
		s.touchBead(before, after)
	case KindAgent:
		before, _ := old.(*Agent)
		after, _ := e.(*Agent)
		if before == nil || after == nil || before.Rig != after.Rig || before.Hook != after.Hook {
			s.touchAgent(before)
		}
		s.touchAgent(after)
		if after == nil {
			s.touchAssigned(before.ID)
		}
		s.touchHearer(before, after)
	case KindBreaker:
		s.touchBreaker(old, e)
	case KindNudge:
		for _, x := range []entity{old, e} {
			if n, _ := x.(*Nudge); n != nil {
				s.markAgent(n.Agent)
			}
		}
	case KindDependency:
		for _, x := range []entity{old, e} {
			if d, _ := x.(*Dependency); d != nil {
				s.markBead(d.Bead)
				s.markBead(d.On)
			}
		}
	}
}

func (s *State) touchAll() {
	for id := range s.beads {
		s.markBead(id)
	}
	for id := range s.agents {
		s.markAgent(id)
	}
	if s.usage != nil {
		s.agenda.mark(s.usage.ref())
	}
	for id := range s.nudges {
		s.agenda.mark(ref{KindNudge, string(id)})
	}
	for id := range s.rigs {
		s.agenda.mark(ref{KindRig, string(id)})
	}
}

// touchBreaker marks the agents that a breaker keeps back on the bead that they hold, and triage requests,
// which the town's keep back; other beads that wait for their turn are looked at anyway.
func (s *State) touchBreaker(old, e entity) {
	was, _ := old.(*Breaker)
	k, _ := e.(*Breaker)
	switch {
	case k == nil:
		k = was
	case was != nil && k.Opened == was.Opened && k.Probe == was.Probe:
		return
	}
	if k.Rig == "" {
		for id := range s.ix.triage {
			s.markBead(id)
		}
	}
	for _, rig := range sortedKeys(s.ix.agentsOf) {
		if k.Rig != "" && k.Rig != rig {
			continue
		}
		for _, id := range s.ix.agentsOf[rig] {
			if s.agents[id].Hook != "" {
				s.markAgent(id)
			}
		}
	}
}

func (s *State) touchBead(before, after *Bead) {
	b := after
	if b == nil {
		b = before
	}
	s.agenda.mark(ref{KindRig, string(b.Rig)})
	s.markProbed(b.ID)
	s.touchGate(b)
	for _, x := range []*Bead{before, after} {
		if x == nil {
			continue
		}
		if x.Assignee != "" {
			s.markAgent(x.Assignee)
		}
		for _, id := range x.madeOfPull() {
			s.markBead(id) // kept as long as the merge request may name it
		}
	}
	if !matters(before, after) {
		return
	}
	if b.Triage != nil {
		s.touchTriage()
	}
	for _, id := range s.ix.hookedTo[b.ID] {
		s.markAgent(id)
	}
	for _, d := range s.ix.neededBy[b.ID] {
		s.markBead(d.Bead)
	}
	for _, d := range s.ix.needs[b.ID] {
		s.markBead(d.On)
		if c := s.beads[d.On]; d.Kind == Tracks && c != nil && c.Convoy != nil {
			s.markBead(c.Convoy.LandingRequest)
		}
	}
	if b.Merge != nil {
		s.markBead(b.Merge.Source)
		for _, d := range s.ix.needs[b.Merge.Source] {
			if d.Kind == Tracks {
				s.markBead(d.On)
			}
		}
	}
	for _, id := range s.ix.requestsOf[b.ID] {
		s.markBead(id)
	}
	for _, id := range s.ix.aboutBead[b.ID] {
		s.markBead(id)
	}
	s.markBead(b.about())
	s.markBead(b.Parent)
}

// matters reports whether a change of a bead can concern others than itself.
func matters(before, after *Bead) bool {
	if before == nil || after == nil || before.Status != after.Status {
		return true
	}
	if before.Convoy != nil && after.Convoy != nil {
		return before.Convoy.Staged != after.Convoy.Staged
	}
	return before.Merge != nil
}

func (s *State) touchAgent(a *Agent) {
	if a == nil {
		return
	}
	s.agenda.mark(ref{KindRig, string(a.Rig)})
	if a.Hook != "" {
		s.markBead(a.Hook)
		s.markProbed(a.Hook)
	}
	for _, id := range s.ix.hookedTo[a.Hook] {
		s.markAgent(id)
	}
}

// markProbed marks the breakers whose probe works on the bead.
func (s *State) markProbed(id BeadID) {
	for _, k := range s.ix.probing[id] {
		s.agenda.mark(ref{KindBreaker, k})
	}
}

// touchAssigned marks the beads of an agent that leaves the books. There should be none, and agents
// leave seldom, so they are looked for and not indexed.
func (s *State) touchAssigned(id AgentID) {
	for _, b := range s.beads {
		if b.Assignee == id {
			s.markBead(b.ID)
		}
	}
}

func (s *State) markBead(id BeadID) {
	if s.beads[id] != nil {
		s.agenda.mark(ref{KindBead, string(id)})
	}
}

func (s *State) markAgent(id AgentID) {
	if s.agents[id] != nil {
		s.agenda.mark(ref{KindAgent, string(id)})
	}
}
