package sim

import (
	"maps"
	"slices"

	"gastown/internal/town"
)

// shortQuiet is how long a reduced story is given to come to rest: a part of quietBound, since it is
// waited for at every try. A town that would need longer is not reduced so far.
const shortQuiet = 8 * town.Hour

// revive lets a town whose story was told go on in a world without faults, made up anew from what the
// town believes and from the processes that there really are. It ends when all is over, or has failed
// to be for too long. What happens then is returned as further items of the story.
func (x *telling) revive(r *replay) []item {
	l := newLife(x.opts, 1, false)
	l.calm, l.now, l.end, l.bound = true, r.now, r.now, shortQuiet
	l.check = r.check
	l.check.trace = &trace{names: r.names, step: 1 << 30, made: 1 << 30}
	l.server.st, l.server.base, l.server.ticks, l.server.seq = r.st, r.base, r.ticks, r.seq
	l.server.caughtUp = false
	l.repos.restore(r.st)
	l.forge.restore(r.st)
	for _, run := range slices.Sorted(maps.Keys(l.check.ledger.alive)) {
		l.adopt(run, l.check.ledger.alive[run])
	}
	l.server.wakeAt(l.now)
	l.runtime.poke()
	l.after(quietLook, l.lookForPeace)
	for l.check.failure == nil && !l.settled() && *r.left > 0 {
		before := l.check.cov.Steps
		l.step()
		*r.left -= l.check.cov.Steps - before
	}
	items := l.check.trace.items
	l.check.trace = nil
	return items
}

// adopt has a process that is there go on in this world.
func (l *life) adopt(run town.Run, f fact) {
	p := &process{agent: f.agent, run: run, bead: f.bead, began: l.now, spec: &town.DispatchSpec{Branch: "gone"}}
	a, b := l.server.st.Agent(f.agent), l.server.st.Bead(f.bead)
	if b != nil {
		p.rig = b.Rig
	}
	if a != nil && b != nil {
		p.spec.Branch, p.spec.Base, p.spec.Merge = l.server.st.Assignment(b)
	}
	l.runtime.runs[run] = p
	l.runtime.of[p.agent] = append(l.runtime.of[p.agent], p)
	l.runtime.alive = append(l.runtime.alive, p)
	l.live(p)
}

// restore makes the branches that a town counts on.
func (r *repos) restore(s *town.State) {
	for _, b := range s.Beads() {
		switch {
		case b.Merge != nil && b.Live():
			x := r.make(b.Rig, b.Merge.Branch)
			x.head, x.ahead = b.Merge.Head, 1
			x.add(b.Merge.Source)
		case b.Convoy != nil && b.Convoy.Branch != "" && b.Live():
			for _, d := range s.NeededBy(b.ID) {
				if m := s.Bead(d.Bead); d.Kind == town.Tracks && m != nil && m.Outcome == town.OutcomeMerged {
					x := r.make(b.Rig, b.Convoy.Branch)
					x.head, x.ahead = "c0", 1
					x.add(m.ID)
				}
			}
		}
	}
}

// restore makes the pull requests that a town waits for, open and with nothing wrong with them.
func (f *forge) restore(s *town.State) {
	for _, b := range s.Beads() {
		if b.Merge == nil || b.Merge.PR == nil || !b.Live() {
			continue
		}
		pr := b.Merge.PR
		for len(f.pulls) < pr.Number {
			f.pulls = append(f.pulls, nil) // over, or of nobody
		}
		_, _, m := s.Assignment(b)
		f.pulls[pr.Number-1] = &pull{number: pr.Number, rig: b.Rig, merge: *m, head: pr.Head, status: town.PROpen}
	}
}
