package town

import (
	"cmp"
	"strings"
)

// DepKind says what a dependency means.
type DepKind string

// The kinds of dependencies.
const (
	Blocks DepKind = "blocks" // Bead cannot start before On is closed; acyclic
	Tracks DepKind = "tracks" // Bead is a member of the convoy On
	Parent DepKind = "parent" // Bead is a part of On; for people
)

// Dependency is an edge between two beads, unique per triple.
type Dependency struct {
	Bead    BeadID  `json:"bead"`
	On      BeadID  `json:"dependsOn"`
	Kind    DepKind `json:"kind"`
	Created Time    `json:"created"`
}

// key names the edge in the state and the journal.
func (d *Dependency) key() string {
	return string(d.Kind) + " " + string(d.Bead) + " " + string(d.On)
}

func (d *Dependency) code(c *coder) {
	codeString(c, &d.Bead)
	codeString(c, &d.On)
	codeString(c, &d.Kind)
	codeInt(c, &d.Created)
}

// cycle returns the path that an edge from → on would close ("gt-1a → gt-1b → gt-1a"), or "".
func (s *State) cycle(from, on BeadID) string {
	parent := map[BeadID]BeadID{on: ""}
	queue := []BeadID{on}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if at == from {
			path := []string{string(from)}
			for p := at; p != ""; p = parent[p] {
				path = append(path, string(p))
			}
			// The walk went from on to from; the edge itself leads from → on.
			for i, j := 1, len(path)-1; i < j; i, j = i+1, j-1 {
				path[i], path[j] = path[j], path[i]
			}
			return strings.Join(path, " → ")
		}
		for _, next := range s.waitsFor(at) {
			if _, seen := parent[next]; !seen {
				parent[next] = at
				queue = append(queue, next)
			}
		}
	}
	return ""
}

// waitsFor lists what a bead must wait for: its blockers, and, as long as it may still go on, the
// members of a convoy, what an escalation is about, and the merge requests made for it.
func (s *State) waitsFor(id BeadID) []BeadID {
	var out []BeadID
	for _, d := range s.needs(id, Blocks) {
		out = append(out, d.On)
	}
	b := s.beads[id]
	if b == nil || b.Status == Closed {
		return out
	}
	if b.Convoy != nil {
		for _, d := range s.neededBy(id, Tracks) {
			out = append(out, d.Bead)
		}
	}
	if b.Escalation != nil && b.Escalation.About != "" {
		out = append(out, b.Escalation.About)
	}
	return append(out, s.ix.requestsOf[id]...)
}

// compareAge orders edges by when they were made; those of one moment by their name.
func compareAge(a, b *Dependency) int {
	return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.key(), b.key()))
}
