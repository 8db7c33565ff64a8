package town

import (
	"fmt"
	"testing"
)

// bigTown has that many live beads and agents in fifty rigs: each agent works, one bead in fifty
// waits in a merge queue, and of the others half wait for a place and half for another bead.
func bigTown(b testing.TB, beads, agents int) (*State, Time) {
	b.Helper()
	const rigs = 50
	now := scenarioStart
	s := New("t", "Town", testHistory, now)
	s.begin()
	perRig, all := agents/rigs, agents
	s.editTown(func(t *Town) {
		t.Settings.Agents = map[Role]AgentCommand{Polecat: {Preset: "claude"}}
		t.Settings.MaxPolecatsPerRig, t.Settings.MaxAgents = &perRig, &all
	})
	for i := range rigs {
		r := &Rig{ID: RigID(fmt.Sprint("rig-", i)), URL: "https://git.example/r", DefaultBranch: "main", Created: now}
		s.set(r.ref(), r)
	}
	add := func(i int, typ BeadType, status BeadStatus) *Bead {
		x := &Bead{
			ID: BeadID(fmt.Sprint("gt-x", i)), Type: typ, Status: status, Title: "A bead", Rig: RigID(fmt.Sprint("rig-", i%rigs)),
			Priority: Medium, Created: now, Updated: now, Since: now, Order: int64(i + 1),
		}
		return x
	}
	for i := 0; i < beads; i++ {
		x := add(i, Issue, Open)
		switch {
		case i < agents:
			a := &Agent{
				ID: AgentID(fmt.Sprint("agent-", i)), Role: Polecat, Rig: x.Rig, Status: Working, Since: now, Hook: x.ID, Run: Run(i + 1),
				Dispatch: DispatchSure, Dispatched: now, Observed: Running, ObservedSince: now, Created: now, LastWork: now,
			}
			x.Status, x.Assignee = InProgress, a.ID
			x.Attempts = []Attempt{{Run: a.Run, Agent: a.ID, Started: now}}
			s.set(a.ref(), a)
		case i%50 < 2 && i+rigs < beads:
			// A source and, in the same rig, its merge request.
			x.Status = InReview
			mr := add(i+beads, MergeRequest, Open)
			mr.Rig = x.Rig
			mr.Merge = &MergePart{Source: x.ID, Branch: "b", Target: "main", Head: "cafe", Verify: Verified}
			s.set(mr.ref(), mr)
		case i%2 == 1:
			d := &Dependency{Bead: x.ID, On: BeadID(fmt.Sprint("gt-x", i%max(agents, 1))), Kind: Blocks, Created: now}
			s.set(d.ref(), d)
		}
		s.set(x.ref(), x)
	}
	s.editCounters(func(n *Counters) { n.LastRun, n.LastOrder = Run(agents), int64(2*beads) })
	s.seal()
	s.undo = nil
	for range 20 {
		if s.Step(Input{Now: now}).Empty() {
			return s, now
		}
		now = now.Add(Second)
	}
	b.Fatal("the town does not settle")
	return nil, 0
}

// changes are events that change that many beads, from all over the town.
func changes(s *State, beads, n, round int) []Event {
	var events []Event
	for i := range n {
		title := fmt.Sprint("Round ", round)
		id := BeadID(fmt.Sprint("gt-x", (i*7919+round)%beads))
		events = append(events, Event{Type: "bead_updated", Bead: id, Payload: &BeadUpdated{Title: &title}})
	}
	return events
}

// A town where nothing happens costs nothing, however large it is.
func BenchmarkStepNothingToDo(b *testing.B) {
	s, now := bigTown(b, 10_000, 1_000)
	b.ReportAllocs()
	for b.Loop() {
		if !s.Step(Input{Now: now}).Empty() {
			b.Fatal("something is to be done")
		}
	}
}

// The cost of a step follows what changed, not the size of the town.
func BenchmarkStepHundredChanges(b *testing.B) {
	for _, beads := range []int{1_000, 3_000, 10_000, 30_000, 100_000} {
		b.Run(fmt.Sprint(beads), func(b *testing.B) {
			s, now := bigTown(b, beads, 500)
			b.ReportAllocs()
			round := 0
			for b.Loop() {
				round++
				now++
				if rec := s.Step(Input{Now: now, Events: changes(s, beads, 100, round)}); len(rec.Changes) < 90 {
					b.Fatalf("%d entities changed", len(rec.Changes))
				}
			}
		})
	}
}

// A dry run costs what the step costs, and nothing stays of it.
func BenchmarkPlan(b *testing.B) {
	s, now := bigTown(b, 10_000, 500)
	b.ReportAllocs()
	for b.Loop() {
		s.Plan(Input{Now: now, Events: changes(s, 10_000, 1, 1)})
	}
}

// Every invariant is held against everything in the town, as after a restart. After any other tick that
// is done for what the tick has looked at; of the rest it is known.
func BenchmarkCheckEverything(b *testing.B) {
	s, now := bigTown(b, 10_000, 1_000)
	b.ReportAllocs()
	for b.Loop() {
		if found := (&checker{s: s, now: now}).all(); len(found) > 0 {
			b.Fatal(found)
		}
	}
}

// What lasts is known and not looked for.
func BenchmarkViolations(b *testing.B) {
	s, _ := bigTown(b, 10_000, 1_000)
	b.ReportAllocs()
	for b.Loop() {
		if len(s.Violations()) > 0 {
			b.Fatal("something is violated")
		}
	}
}

// After a tick, every invariant is held against what the tick has looked at.
func BenchmarkCheckHundredChanges(b *testing.B) {
	s, now := bigTown(b, 10_000, 1_000)
	var refs []ref
	for i := range 100 {
		refs = append(refs, ref{KindBead, fmt.Sprint("gt-x", i*97)}, ref{KindAgent, fmt.Sprint("agent-", i*9)})
	}
	b.ReportAllocs()
	for b.Loop() {
		c := &checker{s: s, now: now, settled: true}
		for _, r := range refs {
			c.look(r)
		}
		if len(c.sorted()) > 0 {
			b.Fatal(c.found)
		}
	}
}

// Everything waits for something and is looked at again after a while, should a wake-up have been
// lost. That is the most that can come due at once.
func BenchmarkLookAtEverything(b *testing.B) {
	for _, beads := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(beads), func(b *testing.B) {
			s, now := bigTown(b, beads, 500)
			b.ReportAllocs()
			for b.Loop() {
				s.touchAll()
				s.Step(Input{Now: now})
			}
		})
	}
}
