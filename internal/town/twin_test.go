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
			if b.Status == InProgress && b.Merge.PR == nil {
				want.merging[b.Rig] = append(want.merging[b.Rig], b.ID)
			}
		}
		if b.Live() && b.Parent != "" {
			want.childrenOf[b.Parent] = append(want.childrenOf[b.Parent], b.ID)
		}
		if b.asks() {
			want.askers[b.ref()] = struct{}{}
		}
		if mayNeed(b) {
			want.people[b.ID] = struct{}{}
		}
		if b.Live() && b.Triage != nil {
			want.triage[b.ID] = struct{}{}
		}
		if b.Live() && b.Message != nil {
			to := AgentID(b.Message.To)
			want.mailOf[to] = append(want.mailOf[to], b.ID)
		}
		if b.Live() && (b.Escalation != nil || b.Triage != nil) {
			want.noticesOf[b.cause()] = append(want.noticesOf[b.cause()], b.ID)
			if b.about() != "" {
				want.aboutBead[b.about()] = append(want.aboutBead[b.about()], b.ID)
			}
		}
	}
	for _, n := range s.nudges {
		want.nudgesOf[n.Agent] = append(want.nudgesOf[n.Agent], n.ID)
	}
	for _, a := range s.agents {
		if a.asks() {
			want.askers[a.ref()] = struct{}{}
		}
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
	for id, k := range s.breakers {
		if k.Opened != 0 {
			want.open[k.Rig] = append(want.open[k.Rig], id)
		}
		if k.ProbeBead != "" {
			want.probing[k.ProbeBead] = append(want.probing[k.ProbeBead], id)
		}
	}
	for _, d := range s.deps {
		want.needs[d.Bead] = append(want.needs[d.Bead], d)
		want.neededBy[d.On] = append(want.neededBy[d.On], d)
	}
	sortAll(want.requestsOf)
	sortAll(want.requests)
	sortAll(want.merging)
	sortAll(want.open)
	sortAll(want.probing)
	sortAll(want.aboutBead)
	sortAll(want.childrenOf)
	sortAll(want.noticesOf)
	sortAll(want.agentsOf)
	sortAll(want.hookedTo)
	sortAll(want.nudgesOf)
	sortAll(want.mailOf)
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
		{"childrenOf", s.ix.childrenOf, want.childrenOf},
		{"aboutBead", s.ix.aboutBead, want.aboutBead}, {"noticesOf", s.ix.noticesOf, want.noticesOf}, {"needs", s.ix.needs, want.needs},
		{"neededBy", s.ix.neededBy, want.neededBy}, {"open", s.ix.open, want.open}, {"probing", s.ix.probing, want.probing}, {"busyAll", s.ix.busyAll, want.busyAll},
		{"nudgesOf", s.ix.nudgesOf, want.nudgesOf}, {"mailOf", s.ix.mailOf, want.mailOf},
		{"triage", s.ix.triage, want.triage}, {"askers", s.ix.askers, want.askers}, {"people", s.ix.people, want.people},
		{"busy", nonzero(s.ix.busy), nonzero(want.busy)},
		{"beads", copyCounts(s.ix.beads), copyCounts(want.beads)}, {"agents", copyCounts(s.ix.agents), copyCounts(want.agents)},
	} {
		if diff := cmp.Diff(pair.want, pair.got, cmpopts.EquateEmpty(), dropEmptyCounts, cmp.AllowUnexported(cause{})); diff != "" {
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

// sameViolations holds every invariant against everything: what does not hold must be known to last,
// also to a town that has nothing but the entities.
func sameViolations(s *State, now Time) error {
	found := map[breach]struct{}{}
	for _, f := range (&checker{s: s, now: now}).all() {
		found[f] = struct{}{}
	}
	for name, kept := range map[string]map[breach]struct{}{"kept": s.violations, "derived": s.lasting()} {
		if diff := cmp.Diff(found, kept, cmpopts.EquateEmpty(), cmp.AllowUnexported(breach{}), cmp.AllowUnexported(ref{})); diff != "" {
			return fmt.Errorf("the violations are not as found by looking at everything (-found +%s):\n%s", name, diff)
		}
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
	for _, e := range s.breakers {
		add(e)
	}
	if s.usage != nil {
		add(s.usage)
	}
	if s.totals != nil {
		add(s.totals)
	}
	for _, e := range s.nudges {
		add(e)
	}
	return d
}
