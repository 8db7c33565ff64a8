package sim

import (
	"fmt"
	"slices"
	"strings"

	"gastown/internal/town"
)

// reduce plays a failing town once more, writes its story down, and leaves out of it whatever the
// failure does not need. What remains becomes a scenario file.
func (o *Options) reduce(f *Finding) {
	l := newLife(o, f.Seed, true)
	again := l.play()
	if again == nil || again.Message != f.Failure.Message {
		f.Note = "the town did something else when it was played again: that is a second defect"
		return
	}
	items, left := l.trace.items, o.Shrink
	if again.Check == "liveness" {
		items = items[:l.trace.calm]
	}
	s := shrinker{x: telling{opts: o, found: again, left: &left, until: again.At}}
	if !s.begin(items) {
		f.Note = "it does not show without the world around the town: play it with the command above"
		return
	}
	if len(again.Beads) > 0 {
		s.relevant(root(l.trace.names.bead[again.Beads[0]]))
	}
	s.reduce()
	s.pairs()
	s.closer()
	if left <= 0 && len(s.items) > maxItems {
		f.Note = fmt.Sprintf("%d items were left when the steps for reducing it were used up; --shrink gives more", len(s.items))
		return
	}
	f.Scenario = scenario(fmt.Sprintf("Found by %s: %s. Say here why this must not be.", f.Command, s.best.check.failure.Message), s.lines())
	if left <= 0 {
		f.Note = "it could get shorter, but the steps for that were used up; --shrink gives more"
	}
}

// shrinker makes a story shorter that still shows a failure.
type shrinker struct {
	x     telling
	items []item
	best  *replay
}

// maxItems bounds the length of a scenario that is not fully reduced: nobody reads more.
const maxItems = 100

// quietItems bounds what a scenario shows of the time after a story that never ends.
const quietItems = 40

// lines is what the shortest telling did. A story that never ends goes on for a little.
func (s *shrinker) lines() []line {
	if len(s.best.quiet) == 0 {
		return s.best.lines
	}
	var quiet []item
	for _, it := range s.best.quiet[:min(len(s.best.quiet), quietItems)] {
		if it.kind == eventItem {
			quiet = append(quiet, it)
		}
	}
	all := telling{opts: s.x.opts, found: &Failure{}, left: new(int), exact: s.x.exact}
	*all.left = s.x.opts.Shrink
	return all.tell(slices.Concat(s.items, quiet)).lines
}

// shows tells a part of the story, and keeps it if it shows the failure.
func (s *shrinker) shows(items []item) bool {
	r := s.x.tell(items)
	if r.check.failure == nil || r.check.failure.Check != s.x.found.Check {
		return false
	}
	s.items, s.best, s.x.until = items, r, min(s.x.until, r.now)
	return true
}

// begin looks for a way to tell the whole story that shows the failure: with ticks as a scenario file
// has them, or else as they came.
func (s *shrinker) begin(items []item) bool {
	var noTicks []item
	for i := range items {
		if items[i].kind != tickItem {
			noTicks = append(noTicks, items[i])
		}
	}
	if s.shows(noTicks) {
		return true
	}
	s.x.exact = true
	return s.shows(items)
}

// relevant tries to leave out at once all that has nothing to do with the event that made a bead, nor
// with what that hangs together with by way of dependencies.
func (s *shrinker) relevant(event symbol) {
	roots := map[symbol]bool{event: true}
	for range maxKinship {
		var some []item
		for i := range s.items {
			it := &s.items[i]
			if ofTown(it) || slices.ContainsFunc(rootsOf(it), func(r symbol) bool { return roots[r] }) {
				some = append(some, *it)
			}
		}
		if s.shows(some) {
			return
		}
		for i := range s.items {
			if of := rootsOf(&s.items[i]); slices.ContainsFunc(of, func(r symbol) bool { return roots[r] }) {
				for _, r := range of {
					roots[r] = true
				}
			}
		}
	}
}

// ofTown reports whether an item is about the town or a rig as a whole.
func ofTown(it *item) bool {
	return it.kind == eventItem && it.bead == "" && it.run == "" && it.event.Type != "bead_created"
}

// maxKinship is how many steps of kinship are tried before everything counts as relevant.
const maxKinship = 4

// rootsOf lists the events that an item has to do with.
func rootsOf(it *item) []symbol {
	roots := []symbol{root(it.bead), root(it.run)}
	if it.kind != eventItem {
		return roots
	}
	roots = append(roots, symbol(fmt.Sprint("e", it.key)))
	rewrite(it.event.Payload, func(other town.BeadID) (town.BeadID, bool) {
		roots = append(roots, root(symbol(other)))
		return other, true
	})
	return slices.DeleteFunc(roots, func(r symbol) bool { return r == "" })
}

// root is the event that a symbol goes back to.
func root(sym symbol) symbol {
	if i := strings.IndexAny(string(sym), "./#"); i >= 0 {
		return sym[:i]
	}
	return sym
}

// reduce leaves out ever smaller parts, until no single item can be left out any more.
func (s *shrinker) reduce() {
	for size := len(s.items) / 2; size > 0 && *s.x.left > 0; {
		if !s.without(size) && size == 1 {
			return
		}
		size = max(size/2, 1)
	}
}

// without tries to leave out each part of that size, and reports whether any could be.
func (s *shrinker) without(size int) (cut bool) {
	for from := 0; from < len(s.items) && *s.x.left > 0; {
		to := min(from+size, len(s.items))
		if s.shows(slices.Concat(s.items[:from], s.items[to:])) {
			cut = true
		} else {
			from = to
		}
	}
	return cut
}

// maxPaired is how many items may be left for each two of them to be tried.
const maxPaired = 40

// pairs tries to leave out two items at once, such as a pause and its end: neither can go alone.
func (s *shrinker) pairs() {
	for i := 0; i < len(s.items) && len(s.items) <= maxPaired; i++ {
		for j := i + 1; j < len(s.items) && *s.x.left > 0; j++ {
			if s.shows(slices.Concat(s.items[:i], s.items[i+1:j], s.items[j+1:])) {
				j = i // the items behind have moved up
			}
		}
	}
}

// closer tries to leave out the time between things.
func (s *shrinker) closer() {
	before := Start
	for i := 0; i <= len(s.items) && *s.x.left > 0; i++ {
		at := s.x.until
		if i < len(s.items) {
			at = s.items[i].at
		}
		gap := at.Since(before)
		before = at
		if gap <= 0 {
			continue
		}
		items, until := slices.Clone(s.items), s.x.until
		for j := i; j < len(items); j++ {
			items[j].at = items[j].at.Add(-gap)
		}
		s.x.until = until.Add(-gap)
		if s.shows(items) {
			before = before.Add(-gap)
		} else {
			s.x.until = until
		}
	}
}
