package town

import (
	"cmp"
	"slices"
)

// index finds entities by what the rules ask for. It is kept up by State.set alone; tests compare
// it with a brute-force count.
type index struct {
	hookedTo   map[BeadID][]AgentID
	agentsOf   map[RigID][]AgentID
	requestsOf map[BeadID][]BeadID // merge requests by source
	childrenOf map[BeadID][]BeadID // live beads by their parent
	aboutBead  map[BeadID][]BeadID // live escalations and triage requests by what they are about
	noticesOf  map[cause][]BeadID  // and by their cause
	needs      map[BeadID][]*Dependency
	neededBy   map[BeadID][]*Dependency
	requests   map[RigID][]BeadID  // live merge requests
	pushing    map[BeadID]struct{} // merge requests for which something is being published
	late       map[BeadID]struct{} // merge requests for which late commits are being looked for
	merging    map[RigID][]BeadID  // those of them that are being merged directly
	ready      map[RigID][]queued  // issues that could start if a place were free
	mergeable  map[RigID][]queued  // merge requests that could be merged if it were their turn
	open       map[RigID][]string  // open breakers; "" has the town's
	probing    map[BeadID][]string // breakers by what their probe works on
	nudgesOf   map[AgentID][]NudgeID
	mailOf     map[AgentID][]BeadID // live messages by recipient
	triage     map[BeadID]struct{}  // live triage requests
	askers     map[ref]struct{}     // what may want a triage request made
	people     map[BeadID]struct{}  // what may need a person
	busy       map[RigID]int        // polecats that hold a bead or are being stopped
	busyAll    int
	beads      map[BeadType]map[BeadStatus]int
	agents     map[Role]map[AgentStatus]int
}

// queued is a place in the dispatch order (priority first, then the oldest) or in the merge queue (by
// when it was made, with a head start by priority).
type queued struct {
	rank  int
	order int64
	id    BeadID
}

func compareQueued(a, b queued) int {
	switch {
	case a.rank != b.rank:
		return cmp.Compare(a.rank, b.rank)
	case a.order != b.order:
		return cmp.Compare(a.order, b.order)
	}
	return cmp.Compare(a.id, b.id)
}

func placeOf(b *Bead) queued {
	if b.Type == MergeRequest {
		return queued{int(b.Created.Add(-headStart[b.Priority.rank()])), b.Order, b.ID}
	}
	return queued{b.Priority.rank(), b.Order, b.ID}
}

func newIndex() index {
	return index{
		hookedTo: map[BeadID][]AgentID{}, agentsOf: map[RigID][]AgentID{}, requestsOf: map[BeadID][]BeadID{},
		childrenOf: map[BeadID][]BeadID{}, aboutBead: map[BeadID][]BeadID{}, noticesOf: map[cause][]BeadID{}, needs: map[BeadID][]*Dependency{}, neededBy: map[BeadID][]*Dependency{},
		open: map[RigID][]string{}, probing: map[BeadID][]string{}, requests: map[RigID][]BeadID{}, merging: map[RigID][]BeadID{}, pushing: map[BeadID]struct{}{}, late: map[BeadID]struct{}{},
		ready: map[RigID][]queued{}, mergeable: map[RigID][]queued{}, busy: map[RigID]int{},
		nudgesOf: map[AgentID][]NudgeID{}, mailOf: map[AgentID][]BeadID{}, triage: map[BeadID]struct{}{}, people: map[BeadID]struct{}{}, askers: map[ref]struct{}{},
		beads: map[BeadType]map[BeadStatus]int{}, agents: map[Role]map[AgentStatus]int{},
	}
}

func (x *index) add(e entity) {
	switch e := e.(type) {
	case *Bead:
		count(x.beads, e.Type, e.Status, 1)
		if e.Merge != nil {
			insert(x.requestsOf, e.Merge.Source, e.ID)
			if e.Live() {
				insert(x.requests, e.Rig, e.ID)
			}
			if e.Merge.Push != nil {
				x.pushing[e.ID] = struct{}{}
			}
			if e.Merge.Late.awaited() {
				x.late[e.ID] = struct{}{}
			}
			if e.Status == InProgress && e.Merge.PR == nil {
				insert(x.merging, e.Rig, e.ID)
			}
		}
		if e.Parent != "" && e.Live() {
			insert(x.childrenOf, e.Parent, e.ID)
		}
		x.addCare(e)
		if c := e.cause(); c.typ != "" && e.Live() {
			insert(x.noticesOf, c, e.ID)
			if on := e.about(); on != "" {
				insert(x.aboutBead, on, e.ID)
			}
		}
	case *Agent:
		count(x.agents, e.Role, e.Status, 1)
		insert(x.agentsOf, e.Rig, e.ID)
		if e.Hook != "" {
			insert(x.hookedTo, e.Hook, e.ID)
		}
		if e.asks() {
			x.askers[e.ref()] = struct{}{}
		}
		if busy(e) {
			x.busy[e.Rig]++
			x.busyAll++
		}
	case *Breaker:
		if e.Opened != 0 {
			insert(x.open, e.Rig, e.ID())
		}
		if e.ProbeBead != "" {
			insert(x.probing, e.ProbeBead, e.ID())
		}
	case *Nudge:
		insert(x.nudgesOf, e.Agent, e.ID)
	case *Dependency:
		x.needs[e.Bead] = insertDep(x.needs[e.Bead], e)
		x.neededBy[e.On] = insertDep(x.neededBy[e.On], e)
	}
}

func (x *index) remove(e entity) {
	switch e := e.(type) {
	case *Bead:
		count(x.beads, e.Type, e.Status, -1)
		x.unready(e)
		if e.Merge != nil {
			drop(x.requestsOf, e.Merge.Source, e.ID)
			drop(x.requests, e.Rig, e.ID)
			drop(x.merging, e.Rig, e.ID)
			delete(x.pushing, e.ID)
			delete(x.late, e.ID)
		}
		drop(x.childrenOf, e.Parent, e.ID)
		x.removeCare(e)
		drop(x.noticesOf, e.cause(), e.ID)
		drop(x.aboutBead, e.about(), e.ID)
	case *Agent:
		count(x.agents, e.Role, e.Status, -1)
		drop(x.agentsOf, e.Rig, e.ID)
		drop(x.hookedTo, e.Hook, e.ID)
		delete(x.askers, e.ref())
		if busy(e) {
			x.busy[e.Rig]--
			x.busyAll--
		}
	case *Breaker:
		drop(x.open, e.Rig, e.ID())
		drop(x.probing, e.ProbeBead, e.ID())
	case *Nudge:
		drop(x.nudgesOf, e.Agent, e.ID)
	case *Dependency:
		dropDep(x.needs, e.Bead, e)
		dropDep(x.neededBy, e.On, e)
	}
}

// indexedAlike reports whether the index says the same of both, so that it need not be changed. Most
// changes of a busy town are of this kind: an agent that says what it does, a bead that is worked on.
func indexedAlike(old, e entity) bool {
	switch e := e.(type) {
	case *Agent:
		was, ok := old.(*Agent)
		return ok && was.Role == e.Role && was.Rig == e.Rig && was.Status == e.Status && was.Hook == e.Hook &&
			busy(was) == busy(e) && was.asks() == e.asks()
	case *Bead:
		// An open one is taken off the list of those that are ready until it has been looked at.
		was, ok := old.(*Bead)
		return ok && plainWork(was) && plainWork(e) && was.Rig == e.Rig && was.Parent == e.Parent && was.asks() == e.asks() && mayNeed(was) == mayNeed(e)
	case *Counters, *Usage:
		return true
	}
	return false
}

// plainWork reports whether the bead is an issue that is worked on, without a part of its own.
func plainWork(b *Bead) bool {
	return b.Type == Issue && b.Status == InProgress && b.Merge == nil && b.Convoy == nil && b.Escalation == nil && b.Triage == nil && b.Message == nil
}

// busy reports whether the agent takes one of the places for polecats.
func busy(a *Agent) bool { return a.Role == Polecat && (a.Hook != "" || a.Stopping != 0) }

// lists is where the bead is put when it waits for nothing but its turn.
func (x *index) lists(b *Bead) map[RigID][]queued {
	if b.Type == MergeRequest {
		return x.mergeable
	}
	return x.ready
}

// setReady notes that the bead waits for nothing but its turn.
func (x *index) setReady(b *Bead) {
	q, lists := placeOf(b), x.lists(b)
	list := lists[b.Rig]
	if i, found := slices.BinarySearchFunc(list, q, compareQueued); !found {
		lists[b.Rig] = slices.Insert(list, i, q)
	}
}

// unready takes the bead off the list.
func (x *index) unready(b *Bead) {
	lists := x.lists(b)
	list := lists[b.Rig]
	i, found := slices.BinarySearchFunc(list, placeOf(b), compareQueued)
	if !found {
		return
	}
	if len(list) == 1 {
		delete(lists, b.Rig)
		return
	}
	lists[b.Rig] = slices.Delete(list, i, i+1)
}

// sortOut puts the bead on the list of those that wait for nothing but their turn, or takes it off,
// and reports whether it is on it.
func (s *State) sortOut(now Time, b *Bead) bool {
	ready := false
	switch {
	case b.Status != Open:
	case b.Type == Issue:
		ready = s.beadWait(now, b) == nil
	case b.Type == MergeRequest && b.Merge != nil:
		ready = s.requestWait(now, b) == nil
	}
	if ready {
		s.ix.setReady(b)
	} else {
		s.ix.unready(b)
	}
	return ready
}

func count[K, S comparable](m map[K]map[S]int, k K, s S, n int) {
	if m[k] == nil {
		m[k] = map[S]int{}
	}
	m[k][s] += n
}

func insert[K comparable, V ~string](m map[K][]V, k K, v V) {
	i, found := slices.BinarySearch(m[k], v)
	if !found {
		m[k] = slices.Insert(m[k], i, v)
	}
}

func drop[K comparable, V ~string](m map[K][]V, k K, v V) {
	i, found := slices.BinarySearch(m[k], v)
	switch {
	case !found:
	case len(m[k]) == 1:
		delete(m, k)
	default:
		m[k] = slices.Delete(m[k], i, i+1)
	}
}

func compareDeps(a, b *Dependency) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Bead, b.Bead), cmp.Compare(a.On, b.On))
}

func insertDep(list []*Dependency, d *Dependency) []*Dependency {
	i, found := slices.BinarySearchFunc(list, d, compareDeps)
	if found {
		list[i] = d
		return list
	}
	return slices.Insert(list, i, d)
}

func dropDep(m map[BeadID][]*Dependency, k BeadID, d *Dependency) {
	list := m[k]
	i, found := slices.BinarySearchFunc(list, d, compareDeps)
	switch {
	case !found:
	case len(list) == 1:
		delete(m, k)
	default:
		m[k] = slices.Delete(list, i, i+1)
	}
}

// The questions that rules ask.

// needs lists what a bead depends on, by one kind of edge.
func (s *State) needs(id BeadID, kind DepKind) []*Dependency { return ofKind(s.ix.needs[id], kind) }

// neededBy lists what depends on a bead, by one kind of edge.
func (s *State) neededBy(id BeadID, kind DepKind) []*Dependency {
	return ofKind(s.ix.neededBy[id], kind)
}

func ofKind(list []*Dependency, kind DepKind) []*Dependency {
	from := slices.IndexFunc(list, func(d *Dependency) bool { return d.Kind == kind })
	if from < 0 {
		return nil
	}
	to := from
	for to < len(list) && list[to].Kind == kind {
		to++
	}
	return list[from:to]
}

// convoyOf returns the convoy that an issue is a member of, or nil.
func (s *State) convoyOf(id BeadID) *Bead {
	for _, d := range s.needs(id, Tracks) {
		if c := s.beads[d.On]; c != nil && c.Convoy != nil {
			return c
		}
	}
	return nil
}

// membersOf lists the issues of a convoy.
func (s *State) membersOf(convoy BeadID) []*Bead {
	var out []*Bead
	for _, d := range s.neededBy(convoy, Tracks) {
		if b := s.beads[d.Bead]; b != nil {
			out = append(out, b)
		}
	}
	return out
}

// holders lists the agents hooked to a bead.
func (s *State) holders(id BeadID) []*Agent {
	out := make([]*Agent, 0, len(s.ix.hookedTo[id]))
	for _, a := range s.ix.hookedTo[id] {
		out = append(out, s.agents[a])
	}
	return out
}

// liveRequestOf returns the live merge request for a source, or nil.
func (s *State) liveRequestOf(source BeadID) *Bead {
	for _, id := range s.ix.requestsOf[source] {
		if b := s.beads[id]; b.Live() {
			return b
		}
	}
	return nil
}

// mergedRequestOf returns a merge request of the source that is merged, or nil.
func (s *State) mergedRequestOf(source BeadID) *Bead {
	for _, id := range s.ix.requestsOf[source] {
		if b := s.beads[id]; b.Status == Closed && b.Merge.MergeCommit != "" {
			return b
		}
	}
	return nil
}

// liveMergeRequests lists those of all rigs, by rig and id.
func (s *State) liveMergeRequests() []BeadID {
	var out []BeadID
	for _, rig := range sortedKeys(s.ix.requests) {
		out = append(out, s.ix.requests[rig]...)
	}
	return out
}
