//go:build !race

package lives

import (
	"fmt"
	"math/rand/v2"
	"time"

	"gastown/internal/town"
)

// happen lets something happen that is none of the agents' doing.
func (w *world) happen(rnd *rand.Rand) {
	happenings := []func(){
		func() { w.remote.commit("main", fmt.Sprint("person-", rnd.IntN(5)), fmt.Sprint(rnd.IntN(100), "\n")) },
		func() { w.remote.commit("main", "shared.txt", fmt.Sprint("a person, ", rnd.IntN(100), "\n")) },
		func() { w.remote.git("update-ref", "refs/heads/main", "main~1") },
		func() { w.remote.git("branch", "-m", "main", "trunk") },
		func() { w.remote.git("branch", "-m", "trunk", "main") },
		func() { w.remote.leave() },
		func() { w.remote.comeBack() },
		func() { w.remote.refuse(true) },
		func() { w.remote.refuse(false) },
		func() {
			w.someConvoyBranch(func(branch string) { w.remote.git("update-ref", "-d", "refs/heads/"+branch) })
		},
		func() {
			w.someBead(rnd, func(b *town.Bead) { w.command(b.ID, &town.BeadCancelled{Reason: "no longer wanted"}) })
		},
		func() { w.someBead(rnd, func(b *town.Bead) { w.command(b.ID, &town.BeadRetried{}) }) },
		func() { w.someBead(rnd, func(b *town.Bead) { w.command(b.ID, &town.BeadHeld{Reason: "not now"}) }) },
		func() { w.someBead(rnd, func(b *town.Bead) { w.command(b.ID, &town.BeadReleased{}) }) },
		func() { w.kill(); w.start() },
		func() { w.kill(); time.Sleep(time.Duration(rnd.IntN(300)) * time.Second); w.start() },
	}
	happenings[rnd.IntN(len(happenings))]()
}

// allWell ends every trouble that people can end.
func (w *world) allWell() {
	w.remote.comeBack()
	w.remote.refuse(false)
	if _, ok := w.remote.git("rev-parse", "--verify", "--quiet", "refs/heads/main"); !ok {
		w.remote.git("branch", "-m", "trunk", "main")
	}
	var beads []*town.Bead
	w.read(func(s *town.State) { beads = s.Beads() })
	for _, b := range beads {
		if b.Held != 0 {
			w.command(b.ID, &town.BeadReleased{})
		}
		if b.Status == town.Failed {
			w.command(b.ID, &town.BeadRetried{})
		}
	}
}

func (w *world) someBead(rnd *rand.Rand, do func(*town.Bead)) {
	var beads []*town.Bead
	w.read(func(s *town.State) { beads = s.Beads() })
	if len(beads) > 0 {
		do(beads[rnd.IntN(len(beads))])
	}
}

func (w *world) someConvoyBranch(do func(string)) {
	branch := ""
	w.read(func(s *town.State) {
		for _, b := range s.Beads() {
			if b.Convoy != nil {
				branch = b.Convoy.Branch
			}
		}
	})
	if branch != "" {
		do(branch)
	}
}
