//go:build !race

package lives

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gastown/internal/town"
)

var seeds = flag.Int("lives", 25, "how many lives of towns are played, one for each seed from 1")

// TestMergedIsMerged plays a town for each seed: a day in which anything may happen, and a night in which everybody
// does what was asked.
func TestMergedIsMerged(t *testing.T) {
	t.Parallel()
	for seed := range *seeds {
		t.Run(fmt.Sprint("seed ", seed+1), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { play(t, uint64(seed+1)) })
		})
	}
}

func play(t *testing.T, seed uint64) {
	w := newWorld(t, seed)
	w.start()
	w.settle()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 24 {
		time.Sleep(time.Duration(1+rnd.IntN(180)) * time.Second)
		w.happen(rnd)
	}
	w.quiet.Store(true)
	w.allWell()
	for range 48 {
		if time.Sleep(10 * time.Minute); w.finished() {
			break
		}
	}
	w.check()
	w.place.end()
	w.kill()
}

// settle makes the town, its rig and its beads.
func (w *world) settle() {
	s := w.current()
	if err := s.towns.CreateTown(s.ctx, townID, "Main"); err != nil {
		w.t.Fatal(err)
	}
	w.command("", &town.TownConfigured{Settings: town.Settings{
		Agents: map[town.Role]town.AgentCommand{town.Polecat: {Command: []string{"agent"}}},
	}})
	w.command("", &town.RigAdded{Rig: "web", URL: w.remote.path, DefaultBranch: "main"})
	var single, members []town.NewBead
	for i := range 3 {
		single = append(single, town.NewBead{Title: fmt.Sprint("single ", i), Rig: "web"})
		members = append(members, town.NewBead{Title: fmt.Sprint("member ", i), Rig: "web"})
	}
	w.command("", &town.BeadCreated{Beads: single})
	w.command("", &town.BeadCreated{Beads: members[:2], Convoy: &town.NewConvoy{Title: "Both"}})
}

// finished tells whether no bead is going to change by itself.
func (w *world) finished() bool {
	done := true
	w.read(func(s *town.State) {
		done = !slices.ContainsFunc(s.Beads(), worked)
	})
	return done
}

// worked tells whether a bead is work that is not finished.
func worked(b *town.Bead) bool {
	return b.Live() && (b.Type == town.Issue || b.Type == town.MergeRequest || b.Type == town.Convoy)
}

// check compares what the town says with what the remote has.
func (w *world) check() {
	beads, whys := w.explanations()
	merged := map[town.BeadID]*town.Bead{} // merge requests, by what they are for
	for _, b := range beads {
		switch {
		case b.Type != town.MergeRequest:
		case b.Outcome == town.OutcomeMerged:
			merged[b.Merge.Source] = b
		case b.Merge.MergeCommit != "": // cancelled, but merged all the same
			w.leak(b.Merge.Source)
		}
	}
	for _, b := range beads {
		switch {
		case b.Type == town.Issue && b.Outcome == town.OutcomeMerged:
			if merged[b.ID] == nil {
				w.t.Errorf("%s is closed as merged, and nothing of it was", b.ID)
				continue
			}
			w.checkMerge(b, merged[b.ID].Merge, merged, beads)
		case b.Type == town.Issue && merged[b.ID] != nil && b.Live():
			w.t.Errorf("%s is %s, and %s of it is merged", b.ID, b.Status, merged[b.ID].ID)
		case b.Type == town.Convoy && b.Outcome == town.OutcomeLanded && b.Convoy.Mode == town.ReviewThenLand:
			w.checkLanded(b, merged, beads)
		}
		if worked(b) && !explained(whys, b.ID, 4) {
			w.t.Errorf("%s (%s, %s) is stuck without a person's word: %s\n%s", b.ID, b.Type, b.Status, whys[b.ID].Summary, lastAttempts(b))
		}
	}
	if out, _ := try(w.decoy, "git", "log", "--all", "--format=%cn"); strings.Contains(out, "gastown") {
		w.t.Errorf("the town has pushed to the decoy:\n%s", out)
	}
}

// explanations returns the beads, and why each is as it is: what holds at one of several moments, since a bead that
// is tried again each minute is at work in some of them.
func (w *world) explanations() (beads []*town.Bead, whys map[town.BeadID]town.Why) {
	whys = map[town.BeadID]town.Why{}
	for range 5 {
		w.read(func(s *town.State) {
			beads = s.Beads()
			for _, b := range beads {
				why, _ := s.Why(string(b.ID), town.TimeOf(time.Now()))
				why.Waits = append(whys[b.ID].Waits, why.Waits...)
				whys[b.ID] = why
			}
		})
		time.Sleep(17 * time.Second)
	}
	return beads, whys
}

// checkMerge checks one issue that is closed as merged: its commit was in its target, with its agent's work and no
// other bead's that is not merged.
func (w *world) checkMerge(b *town.Bead, m *town.MergePart, merged map[town.BeadID]*town.Bead, beads []*town.Bead) {
	commit := m.MergeCommit
	if !w.remote.everHad(commit, m.Target) {
		w.t.Errorf("%s is closed as merged with %s, which %s never had", b.ID, commit, m.Target)
		return
	}
	if !w.hasWork(commit, b, beads) {
		history, _ := w.remote.git("log", "--oneline", "--stat", m.Head, "--not", commit+"~1")
		w.t.Errorf("%s is closed as merged with %s, and its work is not in that:\n%s", b.ID, commit, history)
	}
	if _, ok := w.remote.git("merge-base", "--is-ancestor", m.Head, commit); !ok {
		w.t.Errorf("%s is closed as merged with %s, which is without the verified %s", b.ID, commit, m.Head)
	}
	for _, other := range beads {
		if other.Type != town.Issue || other.Rework() || other.ID == b.ID || w.mayBeThere(other.ID, merged) {
			continue
		}
		if _, there := w.remote.git("cat-file", "-e", commit+":"+fileOf(other.ID)); there {
			w.t.Errorf("%s is closed as merged with %s, and that has work of %s, which is not merged", b.ID, commit, other.ID)
		}
	}
}

// hasWork tells whether a commit has what the agent of a bead has made, or of a rework: that may replace it.
func (w *world) hasWork(commit string, b *town.Bead, beads []*town.Bead) bool {
	return slices.ContainsFunc(beads, func(of *town.Bead) bool {
		if of.ID != b.ID && !of.Rework() {
			return false
		}
		_, there := w.remote.git("cat-file", "-e", commit+":"+fileOf(of.ID))
		return there
	})
}

// mayBeThere tells whether work of a bead may be found in a merge of another: it was merged too, or its agent, or a
// person, has put it on a target without the town.
func (w *world) mayBeThere(bead town.BeadID, merged map[town.BeadID]*town.Bead) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return merged[bead] != nil || w.leaked[bead]
}

// checkLanded checks that a landed convoy has the work of each member that is merged.
func (w *world) checkLanded(convoy *town.Bead, merged map[town.BeadID]*town.Bead, beads []*town.Bead) {
	landing := merged[convoy.ID]
	if landing == nil {
		w.t.Errorf("convoy %s is closed as landed, and was not", convoy.ID)
		return
	}
	if !w.remote.everHad(landing.Merge.MergeCommit, landing.Merge.Target) {
		w.t.Errorf("convoy %s is closed as landed with %s, which %s never had", convoy.ID, landing.Merge.MergeCommit, landing.Merge.Target)
		return
	}
	for _, b := range beads {
		m := merged[b.ID]
		if b.Outcome != town.OutcomeMerged || b.Type != town.Issue || m == nil || m.Merge.Target != convoy.Convoy.Branch {
			continue
		}
		if _, ok := w.remote.git("merge-base", "--is-ancestor", m.Merge.MergeCommit, landing.Merge.MergeCommit); !ok {
			w.t.Errorf("convoy %s is closed as landed with %s, without %s of its member %s",
				convoy.ID, landing.Merge.MergeCommit, m.Merge.MergeCommit, b.ID)
		}
	}
}

// lastAttempts says how the last attempts on a bead went.
func lastAttempts(b *town.Bead) string {
	var out strings.Builder
	for _, a := range b.Attempts[max(0, len(b.Attempts)-4):] {
		fmt.Fprintf(&out, "  run %d from %s to %s: %s, %s\n", a.Run, a.Started, a.Ended, a.Outcome, a.Reason)
	}
	return out.String()
}

// explained tells whether a bead that is not finished waits for a person, or for another that does.
func explained(whys map[town.BeadID]town.Why, id town.BeadID, depth int) bool {
	return slices.ContainsFunc(whys[id].Waits, func(wait town.Wait) bool {
		spec, _ := wait.Code.Spec()
		return spec.Ender == town.EndedByPerson || depth > 0 && wait.On != "" && explained(whys, town.BeadID(wait.On), depth-1)
	})
}
