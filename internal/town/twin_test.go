package town

import (
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sameIndex compares the index with one that is made anew from the entities: the twin that is too
// slow and too simple to be wrong.
func sameIndex(s *State) error {
	want := newIndex()
	for _, b := range s.beads {
		want.beads[b.Type] = plus(want.beads[b.Type], b.Status)
		if b.Merge != nil {
			want.requestsOf[b.Merge.Source] = append(want.requestsOf[b.Merge.Source], b.ID)
			if b.Live() {
				want.requests[b.Rig] = append(want.requests[b.Rig], b.ID)
			}
			if b.Status == InProgress {
				want.merging[b.Rig] = append(want.merging[b.Rig], b.ID)
			}
		}
		if b.Escalation != nil && b.Escalation.About != "" && b.Live() {
			want.aboutBead[b.Escalation.About] = append(want.aboutBead[b.Escalation.About], b.ID)
		}
	}
	for _, a := range s.agents {
		want.agents[a.Role] = plus(want.agents[a.Role], a.Status)
		want.agentsOf[a.Rig] = append(want.agentsOf[a.Rig], a.ID)
		if a.Hook != "" {
			want.hookedTo[a.Hook] = append(want.hookedTo[a.Hook], a.ID)
		}
		if a.Role == Polecat && (a.Hook != "" || a.Stopping != 0) {
			want.busy[a.Rig]++
			want.busyAll++
		}
	}
	for _, d := range s.deps {
		want.needs[d.Bead] = append(want.needs[d.Bead], d)
		want.neededBy[d.On] = append(want.neededBy[d.On], d)
	}
	sortAll(want.requestsOf)
	sortAll(want.requests)
	sortAll(want.merging)
	sortAll(want.aboutBead)
	sortAll(want.agentsOf)
	sortAll(want.hookedTo)
	for _, m := range []map[BeadID][]*Dependency{want.needs, want.neededBy} {
		for _, list := range m {
			slices.SortFunc(list, compareDeps)
		}
	}
	for _, pair := range []struct {
		name      string
		got, want any
	}{
		{"hookedTo", s.ix.hookedTo, want.hookedTo}, {"agentsOf", s.ix.agentsOf, want.agentsOf},
		{"requestsOf", s.ix.requestsOf, want.requestsOf}, {"requests", s.ix.requests, want.requests}, {"merging", s.ix.merging, want.merging},
		{"aboutBead", s.ix.aboutBead, want.aboutBead}, {"needs", s.ix.needs, want.needs},
		{"neededBy", s.ix.neededBy, want.neededBy}, {"busyAll", s.ix.busyAll, want.busyAll},
		{"busy", nonzero(s.ix.busy), nonzero(want.busy)},
		{"beads", copyCounts(s.ix.beads), copyCounts(want.beads)}, {"agents", copyCounts(s.ix.agents), copyCounts(want.agents)},
	} {
		if diff := cmp.Diff(pair.want, pair.got, cmpopts.EquateEmpty(), dropEmptyCounts); diff != "" {
			return fmt.Errorf("index %s is not as counted (-counted +kept):\n%s", pair.name, diff)
		}
	}
	return nil
}

// sameLists compares the lists of what waits for nothing but its turn with what every bead itself
// says at that time.
func sameLists(s *State, now Time) error {
	want := newIndex()
	for _, b := range s.beads {
		open := b.Status == Open
		if open && b.Type == Issue && s.beadWait(now, b) == nil || open && b.Type == MergeRequest && s.requestWait(now, b) == nil {
			want.setReady(b)
		}
	}
	if diff := cmp.Diff(want.ready, s.ix.ready, cmp.AllowUnexported(queued{})); diff != "" {
		return fmt.Errorf("the list of ready issues is not as counted (-counted +kept):\n%s", diff)
	}
	if diff := cmp.Diff(want.mergeable, s.ix.mergeable, cmp.AllowUnexported(queued{})); diff != "" {
		return fmt.Errorf("the merge queue is not as counted (-counted +kept):\n%s", diff)
	}
	return nil
}

var dropEmptyCounts = cmpopts.IgnoreMapEntries(func(_ any, v any) bool {
	m, ok := v.(map[BeadStatus]int)
	n, ok2 := v.(map[AgentStatus]int)
	return ok && len(m) == 0 || ok2 && len(n) == 0
})

func plus[S comparable](m map[S]int, st S) map[S]int {
	if m == nil {
		m = map[S]int{}
	}
	m[st]++
	return m
}

func sortAll[K comparable, V ~string](m map[K][]V) {
	for _, list := range m {
		slices.Sort(list)
	}
}

func nonzero(m map[RigID]int) map[RigID]int {
	out := map[RigID]int{}
	for k, n := range m {
		if n != 0 {
			out[k] = n
		}
	}
	return out
}

// digestOf computes the digest of a state from nothing but its entities.
func digestOf(s *State) Digest {
	var d Digest
	add := func(e entity) { d.add(hashEntity(e.ref(), encode(e))) }
	add(s.town)
	add(s.counters)
	for _, e := range s.rigs {
		add(e)
	}
	for _, e := range s.beads {
		add(e)
	}
	for _, e := range s.agents {
		add(e)
	}
	for _, e := range s.deps {
		add(e)
	}
	return d
}
