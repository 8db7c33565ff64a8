package town

import (
	"fmt"
	"maps"
	"slices"
)

// ref names an entity of any kind.
type ref struct {
	Kind Kind
	ID   string
}

// entity is something that the state holds, the digest covers and the journal keeps.
type entity interface {
	coded
	ref() ref
}

func (t *Town) ref() ref       { return ref{KindTown, "town"} }
func (n *Counters) ref() ref   { return ref{KindCounters, "counters"} }
func (r *Rig) ref() ref        { return ref{KindRig, string(r.ID)} }
func (b *Bead) ref() ref       { return ref{KindBead, string(b.ID)} }
func (a *Agent) ref() ref      { return ref{KindAgent, string(a.ID)} }
func (d *Dependency) ref() ref { return ref{KindDependency, d.key()} }

// State is a town in memory. Entities are never changed in place: whoever holds a pointer holds
// what the entity was. Every change goes through set, which keeps the indexes, the list of what
// must be looked at again and the undo record.
//
// A State is changed by one goroutine at a time, and read by many while none changes it.
type State struct {
	town     *Town
	counters *Counters
	rigs     map[RigID]*Rig
	beads    map[BeadID]*Bead
	agents   map[AgentID]*Agent
	deps     map[string]*Dependency
	breakers map[string]*Breaker
	usage    *Usage
	nudges   map[NudgeID]*Nudge
	totals   *ViolationTotals

	tick   TickNo // the newest recorded tick
	at     Time   // its time; now never goes behind it
	digest Digest
	hashes map[ref]Digest // of every entity, as in digest

	ix      index
	configs map[RigID]*Config // resolved configuration; "" is the town's
	agenda  agenda
	// violations are the breaches that have been reported and last. They are derived from the
	// entities: stale says that this is still to be done.
	violations map[breach]struct{}
	stale      bool

	undo   *undo  // of the Step in progress
	newest *Tick  // the one that can be reverted
	spare  *undo  // an undo record whose room can be used again
	room   []byte // that entities are written to, to be hashed
	work   workload
}

// undo is what it takes to put the state back to before a Step.
type undo struct {
	before map[ref]entity // nil for what did not exist
	hashes map[ref]Digest
	digest Digest
	tick   TickNo
	at     Time
	looked map[ref]struct{} // what the Step took off the agenda

	violations map[breach]struct{}
}

// New returns the state of a town that has just been made. Its history's name comes from outside, as everything
// does that is not decided here; a town without one cannot be.
func New(id TownID, name string, history History, at Time) *State {
	if !history.Valid() {
		panic(fmt.Sprintf("town: %q names no history", history))
	}
	s := empty()
	s.begin()
	s.set(ref{KindTown, "town"}, &Town{ID: id, Name: name, History: history, Created: at})
	s.set(ref{KindCounters, "counters"}, &Counters{})
	s.seal()
	s.undo = nil
	s.at = at
	return s
}

func empty() *State {
	return &State{
		rigs: map[RigID]*Rig{}, beads: map[BeadID]*Bead{}, agents: map[AgentID]*Agent{},
		deps: map[string]*Dependency{}, breakers: map[string]*Breaker{}, nudges: map[NudgeID]*Nudge{}, hashes: map[ref]Digest{}, configs: map[RigID]*Config{},
		work: workload{}, ix: newIndex(), agenda: newAgenda(),
	}
}

func (s *State) begin() {
	if s.newest != nil {
		s.recycle(s.newest.undo)
		s.newest.undo, s.newest = nil, nil
	}
	u := s.spare
	if u == nil {
		u = &undo{before: map[ref]entity{}, hashes: map[ref]Digest{}, looked: map[ref]struct{}{}}
	}
	u.digest, u.tick, u.at, u.violations = s.digest, s.tick, s.at, s.violations
	s.undo, s.spare = u, nil
}

// keptRoom bounds the maps that are emptied and used again: emptying takes as long as they are large.
const keptRoom = 2048

// recycle keeps the maps of an undo record that nobody needs any more.
func (s *State) recycle(u *undo) {
	if u == nil || len(u.before) > keptRoom || len(u.looked) > keptRoom {
		return
	}
	clear(u.before)
	clear(u.hashes)
	clear(u.looked)
	u.violations = nil
	s.spare = u
}

// get returns the entity or nil.
func (s *State) get(r ref) entity {
	switch r.Kind {
	case KindTown:
		if s.town != nil {
			return s.town
		}
	case KindCounters:
		if s.counters != nil {
			return s.counters
		}
	case KindRig:
		if e := s.rigs[RigID(r.ID)]; e != nil {
			return e
		}
	case KindBead:
		if e := s.beads[BeadID(r.ID)]; e != nil {
			return e
		}
	case KindAgent:
		if e := s.agents[AgentID(r.ID)]; e != nil {
			return e
		}
	case KindDependency:
		if e := s.deps[r.ID]; e != nil {
			return e
		}
	case KindBreaker:
		if e := s.breakers[r.ID]; e != nil {
			return e
		}
	case KindUsage:
		if s.usage != nil {
			return s.usage
		}
	case KindNudge:
		if e := s.nudges[NudgeID(r.ID)]; e != nil {
			return e
		}
	case KindViolationTotals:
		if s.totals != nil {
			return s.totals
		}
	}
	return nil
}

// set puts an entity in place of what r names; nil removes it. Nothing else writes to the maps.
func (s *State) set(r ref, e entity) {
	old := s.get(r)
	if old == nil && e == nil {
		return
	}
	if s.undo != nil {
		if _, seen := s.undo.before[r]; !seen {
			s.undo.before[r] = old
		}
	}
	s.put(r, old, e)
	s.touch(r, old, e)
}

// put changes the maps and indexes alone.
func (s *State) put(r ref, old, e entity) {
	if indexedAlike(old, e) {
		s.store(r, e)
		return
	}
	if old != nil {
		s.ix.remove(old)
	}
	s.store(r, e)
	if e != nil {
		s.ix.add(e)
	}
}

func (s *State) store(r ref, e entity) {
	switch r.Kind {
	case KindTown:
		s.town, _ = e.(*Town)
		s.resolve("")
		for id := range s.rigs {
			s.resolve(id)
		}
	case KindCounters:
		s.counters, _ = e.(*Counters)
	case KindRig:
		storeIn(s.rigs, RigID(r.ID), e)
		s.resolve(RigID(r.ID))
	case KindBead:
		storeIn(s.beads, BeadID(r.ID), e)
	case KindAgent:
		storeIn(s.agents, AgentID(r.ID), e)
	case KindDependency:
		storeIn(s.deps, r.ID, e)
	case KindBreaker:
		storeIn(s.breakers, r.ID, e)
	case KindUsage:
		s.usage, _ = e.(*Usage)
	case KindNudge:
		storeIn(s.nudges, NudgeID(r.ID), e)
	case KindViolationTotals:
		s.totals, _ = e.(*ViolationTotals)
	default:
		panic(fmt.Sprintf("town: no kind %q", r.Kind))
	}
}

func storeIn[K comparable, E entity](m map[K]E, id K, e entity) {
	if e == nil {
		delete(m, id)
		return
	}
	m[id] = e.(E)
}

func (s *State) editTown(f func(*Town)) {
	t := s.town.clone()
	f(t)
	s.set(t.ref(), t)
}

func (s *State) editCounters(f func(*Counters)) {
	n := s.counters.clone()
	f(n)
	s.set(n.ref(), n)
}

func (s *State) editRig(id RigID, f func(*Rig)) {
	r := s.rigs[id].clone()
	f(r)
	s.set(r.ref(), r)
}

func (s *State) editBead(id BeadID, now Time, f func(*Bead)) {
	b := s.beads[id].clone()
	f(b)
	b.Updated = now
	s.set(b.ref(), b)
}

func (s *State) editAgent(id AgentID, f func(*Agent)) {
	a := s.agents[id].clone()
	f(a)
	s.set(a.ref(), a)
}

// Suppose has configuration values of the town hold from now on that nobody has set: for what-if
// questions, on a state of their own. No tick records it, so that ids go on as they would.
func (s *State) Suppose(set Settings) {
	s.begin()
	s.editTown(func(t *Town) { t.Settings = t.Settings.merge(set) })
	s.seal()
	s.undo = nil
}

// config returns what holds for a rig; "" asks for the town's own. It is resolved before, so that asking for it
// changes nothing: many may read a state at once.
func (s *State) config(rig RigID) *Config {
	if c := s.configs[rig]; c != nil {
		return c
	}
	return s.configs[""]
}

// resolve finds out anew what holds for a rig, or for the town.
func (s *State) resolve(rig RigID) {
	r := s.rigs[rig]
	if s.town == nil || rig != "" && r == nil {
		delete(s.configs, rig)
		return
	}
	c := DefaultConfig()
	c.override(s.town.Settings)
	if r != nil {
		c.override(r.Settings)
	}
	s.configs[rig] = &c
}

// seal ends a Step's changes: it brings hashes and digest up to date and lists what is different
// from before, in a fixed order. An entity that was changed and changed back is not listed.
func (s *State) seal() []Change {
	refs := sortedRefs(s.undo.before)
	out := make([]Change, 0, len(refs))
	c := coder{buf: s.room[:0]}
	for _, r := range refs {
		e := s.get(r)
		if e == nil && s.undo.before[r] == nil {
			continue
		}
		from := len(c.buf)
		var h Digest
		if e != nil {
			e.code(&c)
			h = hashEntity(r, c.buf[from:])
		}
		old := s.hashes[r]
		if h == old {
			c.buf = c.buf[:from]
			continue
		}
		s.undo.hashes[r] = old
		s.rehash(r, h)
		out = append(out, Change{Kind: r.Kind, ID: r.ID, Gone: e == nil, Version: entityVersion, Data: c.buf[from:]})
	}
	if s.room = c.buf; cap(s.room) > keptBytes {
		s.room = nil
	}
	return ownData(out, len(c.buf))
}

// keptBytes bounds the memory that is kept for the next Step to write entities to.
const keptBytes = 1 << 20

// ownData gives the changes memory of their own for their data, of that size in all.
func ownData(changes []Change, size int) []Change {
	if len(changes) == 0 {
		return nil
	}
	all := make([]byte, 0, size)
	for i := range changes {
		x := &changes[i]
		from := len(all)
		if all = append(all, x.Data...); x.Gone {
			x.Data = nil
			continue
		}
		x.Data = all[from:len(all):len(all)]
	}
	return changes
}

// rehash replaces the hash of r in the digest; the zero hash removes it.
func (s *State) rehash(r ref, h Digest) {
	if old, ok := s.hashes[r]; ok {
		s.digest.sub(old)
		delete(s.hashes, r)
	}
	if h != (Digest{}) {
		s.digest.add(h)
		s.hashes[r] = h
	}
}

// Revert puts the state back to before the Step that made t, which must be the newest one. What
// that Step looked at will be looked at again.
func (s *State) Revert(t *Tick) {
	u := t.undo
	if u == nil {
		panic("town: this tick cannot be reverted")
	}
	t.undo, s.newest = nil, nil
	for _, r := range sortedRefs(u.before) {
		s.set(r, u.before[r])
	}
	for r, h := range u.hashes {
		s.rehash(r, h)
	}
	s.digest, s.tick, s.at, s.violations = u.digest, u.tick, u.at, u.violations
	for r := range u.looked {
		s.agenda.mark(r)
		if b := s.beads[BeadID(r.ID)]; r.Kind == KindBead && b != nil {
			s.sortOut(s.at, b)
		}
	}
	s.recycle(u)
}

func sortedRefs[V any](m map[ref]V) []ref {
	return slices.SortedFunc(maps.Keys(m), compareRefs)
}

func compareRefs(a, b ref) int {
	if a.Kind != b.Kind {
		if a.Kind < b.Kind {
			return -1
		}
		return 1
	}
	if a.ID != b.ID {
		if a.ID < b.ID {
			return -1
		}
		return 1
	}
	return 0
}

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
