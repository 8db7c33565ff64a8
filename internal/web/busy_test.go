package web_test

import (
	"fmt"
	"slices"
	"testing"

	"gastown/internal/town"
)

// busy is a town on a good day: a convoy half done, work under way, a merge in the queue, and two things
// that need somebody.
func busy(t *testing.T) *story {
	t.Helper()
	s := newStory(t)
	s.begins(3)
	merge := town.ReviewAndMerge
	s.step(town.Second, town.Event{By: "ann", Payload: &town.BeadCreated{
		Convoy: &town.NewConvoy{Title: "Open the shop", MergeMode: merge},
		Beads: []town.NewBead{
			{Key: "walls", Title: "Paint the walls"}, {Key: "sign", Title: "Write the sign"},
			{Key: "shelf", Title: "Put up the shelves", DependsOn: []string{"walls"}},
			{Key: "stock", Title: "Stock the shelves", DependsOn: []string{"shelf"}},
			{Key: "till", Title: "Set up the till", DependsOn: []string{"walls"}},
			{Key: "open", Title: "Open the doors", DependsOn: []string{"stock", "till", "sign"}},
		},
	}})
	s.play("Paint the walls", "Merge Paint the walls", "Write the sign")
	s.rest(4 * town.Minute)
	s.step(town.Second, town.Event{By: "ann", Payload: &town.BeadCreated{Beads: []town.NewBead{
		{Title: "Sweep the street", Priority: town.Low}, {Title: "Find the cat"}, {Title: "Mend the lamp", Priority: town.High},
	}}})
	s.play()
	s.step(town.Second, town.Event{Bead: s.titled("Find the cat"), By: "ann", Payload: &town.BeadCancelled{As: town.Failed, Reason: "there is no cat"}})
	s.rest(3 * town.Minute)
	for _, a := range s.s.Agents() {
		if a.Hook == s.titled("Set up the till") {
			s.step(town.Second, town.Event{Agent: a.ID, Run: a.Run, By: string(a.ID), Payload: &town.AgentEscalated{
				Severity: town.SeverityHigh, Category: "help",
				Message: "The till wants a key\nIt asks for a key that is nowhere in the repository. Where do I get one?",
			}})
		}
	}
	s.rest(2 * town.Minute)
	return s
}

// play answers the effects that have been decided, and those of what comes of it, as if all went well.
// Work with one of these titles gets done; what else is started goes on.
func (s *story) play(done ...string) {
	s.t.Helper()
	for len(s.effects) > 0 {
		e := s.effects[0]
		s.effects = s.effects[1:]
		for _, events := range s.answers(&e, done) {
			s.step(20*town.Second, events...)
		}
	}
}

// answers are the events that answer an effect, in the batches in which they come.
func (s *story) answers(e *town.Effect, done []string) [][]town.Event {
	switch e.Kind {
	case town.EffectVerify:
		return [][]town.Event{{{Bead: e.Bead, By: "effect", Payload: &town.BranchVerified{Head: "c0ffee", Ahead: 2}}}}
	case town.EffectPushMerge:
		return [][]town.Event{{{Bead: e.Bead, By: "effect", Payload: &town.MergeCompleted{Commit: e.Push.Commit}}}}
	case town.EffectDispatch:
	default:
		return nil
	}
	title := s.s.Bead(e.Bead).Title
	by := func(p town.Payload) town.Event {
		return town.Event{Agent: e.Agent, Run: e.Run, By: string(e.Agent), Payload: p}
	}
	out := [][]town.Event{{
		{Agent: e.Agent, Run: e.Run, By: "effect", Payload: &town.DispatchAccepted{}},
		{Agent: e.Agent, Run: e.Run, By: "observer", Payload: &town.ContainerStatus{Status: town.Running}},
		by(&town.AgentStatusLine{Line: fmt.Sprintf("looks at what it takes to %q", title)}),
	}}
	if !slices.Contains(done, title) {
		return out
	}
	var end town.Payload = &town.AgentDone{Branch: e.Dispatch.Branch, Head: "c0ffee", Summary: "did it"}
	if e.Dispatch.Merge != nil {
		end = &town.MergeTested{Commit: "decade", Tip: "7171"}
	}
	exit := town.Event{Agent: e.Agent, Run: e.Run, By: "observer", Payload: &town.ContainerStatus{Status: town.Exited}}
	return append(out, []town.Event{by(end), exit})
}

func (s *story) titled(title string) town.BeadID {
	s.t.Helper()
	for _, b := range s.s.Beads() {
		if b.Title == title && b.Type == town.Issue {
			return b.ID
		}
	}
	s.t.Fatalf("there is no issue %q", title)
	return ""
}

// The overview has every bead in the column of its status, what agents do, the merge queue, and the
// convoy as a graph in which each member stands to the right of what it waits for.
func TestOverview(t *testing.T) {
	t.Parallel()
	s := busy(t)
	w := open(t, s)
	w.login()
	if a := w.get("/"); a.head.Get("Location") != "/towns/main" {
		t.Errorf("the only town is not where / leads: %q", a.head.Get("Location"))
	}
	a := w.page("/towns/main")
	for _, status := range []town.BeadStatus{town.Open, town.InProgress, town.InReview, town.Closed, town.Failed} {
		n := 0
		for _, b := range s.s.Beads() {
			if b.Type == town.Issue && b.Status == status {
				n++
			}
		}
		word := map[town.BeadStatus]string{town.InProgress: "in progress", town.InReview: "in review"}[status]
		if word == "" {
			word = string(status)
		}
		cards := 0
		for _, c := range a.all(".column") {
			if attr(c, "data-column") == word {
				cards = len(below(c, ".card"))
			}
		}
		if cards != n || n == 0 {
			t.Errorf("%d beads are %s, %d of them on the board", n, status, cards)
		}
	}
	a.says("[data-agent=refinery-web]", "refinery of web", "working", "looks at what it takes")
	a.says("#queue", "Merge Write the sign", "into main")
	a.says("#convoys", "Open the shop", "1 of 6 done")
	a.says("#reconciler", fmt.Sprint("Tick ", s.s.Tick()))
	at := map[string]int{}
	for _, n := range a.all(".graph a") {
		var x int
		if _, err := fmt.Sscan(attr(below(n, "rect")[0], "x"), &x); err != nil {
			t.Fatal(err)
		}
		at[text(below(n, ".name")[0])] = x
	}
	for _, edge := range [][2]string{
		{"Paint the walls", "Put up the shelves"}, {"Put up the shelves", "Stock the shelves"}, {"Stock the shelves", "Open the doors"},
		{"Paint the walls", "Set up the till"}, {"Set up the till", "Open the doors"}, {"Write the sign", "Open the doors"},
	} {
		if len(at) != 6 || at[edge[0]] >= at[edge[1]] {
			t.Errorf("%s is not to the right of %s: %v", edge[1], edge[0], at)
		}
	}
	if n := len(a.all(".graph .edge")); n != 6 {
		t.Errorf("the graph has %d edges, want 6", n)
	}
	if n := len(a.all(".bars.ticks .fill")); n == 0 {
		t.Error("the charts of the last hour are empty")
	}
	w.page(attr(a.all(".bars.ticks a")[0], "href")).one("#moment")
}
