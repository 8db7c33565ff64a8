package town

import "slices"

// What others may read of a state. Everything returned is as it was at the call and never changes.

// Town returns the town itself.
func (s *State) Town() *Town { return s.town }

// Tick is the newest recorded tick.
func (s *State) Tick() TickNo { return s.tick }

// At is the time of the newest recorded tick.
func (s *State) At() Time { return s.at }

// LastRun is the newest run that was given out.
func (s *State) LastRun() Run { return s.counters.LastRun }

// Digest is the fingerprint of the whole state.
func (s *State) Digest() Digest { return s.digest }

// Rig returns the rig or nil.
func (s *State) Rig(id RigID) *Rig { return s.rigs[id] }

// Bead returns the bead or nil.
func (s *State) Bead(id BeadID) *Bead { return s.beads[id] }

// Agent returns the agent or nil.
func (s *State) Agent(id AgentID) *Agent { return s.agents[id] }

// Entity returns what is stored of that kind and id, or nil.
func (s *State) Entity(kind Kind, id string) any {
	if e := s.get(ref{kind, id}); e != nil {
		return e
	}
	return nil
}

// Rigs lists the rigs by name.
func (s *State) Rigs() []*Rig { return listed(s.rigs) }

// Agents lists the agents by name.
func (s *State) Agents() []*Agent { return listed(s.agents) }

// Beads lists all beads that are not in the archive, oldest first.
func (s *State) Beads() []*Bead {
	out := make([]*Bead, 0, len(s.beads))
	for _, b := range s.beads {
		out = append(out, b)
	}
	slices.SortFunc(out, oldestFirst)
	return out
}

// Breakers lists the breakers that have counted a failure, by id; those that keep starts back have a
// time in Opened.
func (s *State) Breakers() []*Breaker { return listed(s.breakers) }

// Usage is what the agents have consumed on the newest day that something was reported for.
func (s *State) Usage() Usage {
	if s.usage == nil {
		return Usage{}
	}
	return *s.usage
}

func listed[K ~string, E any](m map[K]E) []E {
	out := make([]E, 0, len(m))
	for _, id := range sortedKeys(m) {
		out = append(out, m[id])
	}
	return out
}

// Needs lists what a bead depends on.
func (s *State) Needs(id BeadID) []*Dependency { return slices.Clone(s.ix.needs[id]) }

// NeededBy lists what depends on a bead; of a convoy that is its members.
func (s *State) NeededBy(id BeadID) []*Dependency { return slices.Clone(s.ix.neededBy[id]) }

// RequestsOf lists the merge requests made for a bead or convoy, by id.
func (s *State) RequestsOf(id BeadID) []*Bead {
	var out []*Bead
	for _, mr := range s.ix.requestsOf[id] {
		out = append(out, s.beads[mr])
	}
	return out
}

// Config returns what holds for a rig, or for the town if rig is empty. It must not be changed.
func (s *State) Config(rig RigID) Config { return *s.config(rig) }

// BeadCounts says how many beads there are by type and status.
func (s *State) BeadCounts() map[BeadType]map[BeadStatus]int { return copyCounts(s.ix.beads) }

// AgentCounts says how many agents there are by role and status.
func (s *State) AgentCounts() map[Role]map[AgentStatus]int { return copyCounts(s.ix.agents) }

func copyCounts[K, S comparable](m map[K]map[S]int) map[K]map[S]int {
	out := make(map[K]map[S]int, len(m))
	for k, counts := range m {
		out[k] = make(map[S]int, len(counts))
		for st, n := range counts {
			if n != 0 {
				out[k][st] = n
			}
		}
	}
	return out
}

// Active reports whether the town has work that should be looked at often: somebody works, a bead
// is held, a merge request or a triage request lives, or an issue could be started.
func (s *State) Active() bool {
	return len(s.ix.hookedTo) > 0 || len(s.ix.requests) > 0 || len(s.ix.ready) > 0 || len(s.ix.triage) > 0
}

// NextDue is when something comes due by itself; at or before now if something must be looked at
// at once, zero if nothing will.
func (s *State) NextDue() Time {
	if len(s.agenda.marked) > 0 {
		return s.at
	}
	return s.agenda.next()
}

// QueueDepth says how many live merge requests each rig has.
func (s *State) QueueDepth() map[RigID]int {
	out := make(map[RigID]int, len(s.ix.requests))
	for rig, list := range s.ix.requests {
		out[rig] = len(list)
	}
	return out
}
