package web

import (
	"cmp"
	"slices"

	"gastown/internal/town"
)

// The size of a drawn graph, in the units of its drawing.
const (
	nodeWide, nodeHigh = 176, 44
	nodeGapX, nodeGapY = 40, 14
	graphPad           = 4
	// maxNodes bounds the members of a convoy that are drawn.
	maxNodes = 60
	// nodeTitle is how much of a title fits into a node.
	nodeTitle = 25
)

// convoyView is a convoy with the graph of its members.
type convoyView struct {
	Card  card
	Done  int
	Of    int
	Graph graph
}

// graph draws beads in layers: each stands to the right of all that it waits for.
type graph struct {
	Width, Height int
	Nodes         []node
	Edges         []edge
	More          int // members that are not drawn
}

type node struct {
	X, Y         int
	Wide, High   int
	TextX        int
	TitleY, SubY int
	Card         card
	Title        string
}

// edge is a line from what is waited for to what waits.
type edge struct{ X1, Y1, X2, Y2, Bend1, Bend2 int }

// convoysOf draws the convoys that live, the newest first.
func convoysOf(st *town.State, beads []*town.Bead, now town.Time) []convoyView {
	var live []*town.Bead
	for _, b := range beads {
		if b.Convoy != nil && b.Live() {
			live = append(live, b)
		}
	}
	slices.Reverse(live)
	var out []convoyView
	for _, b := range live[:min(len(live), maxConvoys)] {
		var members []*town.Bead
		for _, d := range st.NeededBy(b.ID) {
			if m := st.Bead(d.Bead); m != nil && d.Kind == town.Tracks {
				members = append(members, m)
			}
		}
		out = append(out, convoyView{Card: cardOf(st, b, now), Done: b.Convoy.Done, Of: b.Convoy.Members, Graph: graphOf(st, members, now)})
	}
	return out
}

func graphOf(st *town.State, members []*town.Bead, now town.Time) graph {
	slices.SortFunc(members, func(a, b *town.Bead) int { return cmp.Compare(a.Order, b.Order) })
	g := graph{More: max(len(members)-maxNodes, 0)}
	members = members[:len(members)-g.More]
	after := map[town.BeadID][]town.BeadID{}
	for _, m := range members {
		for _, d := range st.Needs(m.ID) {
			if d.Kind == town.Blocks && slices.ContainsFunc(members, func(x *town.Bead) bool { return x.ID == d.On }) {
				after[m.ID] = append(after[m.ID], d.On)
			}
		}
	}
	layer := layersOf(members, after)
	at, filled := map[town.BeadID]node{}, map[int]int{}
	for _, m := range members {
		l := layer[m.ID]
		n := node{
			X: graphPad + l*(nodeWide+nodeGapX), Y: graphPad + filled[l]*(nodeHigh+nodeGapY), Wide: nodeWide, High: nodeHigh,
			Card: cardOf(st, m, now), Title: clip(m.Title, nodeTitle),
		}
		n.TextX, n.TitleY, n.SubY = n.X+12, n.Y+18, n.Y+34
		filled[l]++
		at[m.ID] = n
		g.Nodes = append(g.Nodes, n)
		g.Width, g.Height = max(g.Width, n.X+nodeWide+graphPad), max(g.Height, n.Y+nodeHigh+graphPad)
	}
	for _, m := range members {
		for _, on := range after[m.ID] {
			from, to := at[on], at[m.ID]
			e := edge{X1: from.X + nodeWide, Y1: from.Y + nodeHigh/2, X2: to.X - 5, Y2: to.Y + nodeHigh/2}
			e.Bend1, e.Bend2 = e.X1+nodeGapX/2, e.X2-nodeGapX/2
			g.Edges = append(g.Edges, e)
		}
	}
	return g
}

// layersOf gives each bead the length of the longest way that leads to it. Edges have no cycle; were
// there one, the count of rounds ends it.
func layersOf(members []*town.Bead, after map[town.BeadID][]town.BeadID) map[town.BeadID]int {
	layer := map[town.BeadID]int{}
	for range members {
		moved := false
		for _, m := range members {
			for _, on := range after[m.ID] {
				if layer[m.ID] <= layer[on] {
					layer[m.ID], moved = layer[on]+1, true
				}
			}
		}
		if !moved {
			break
		}
	}
	return layer
}
