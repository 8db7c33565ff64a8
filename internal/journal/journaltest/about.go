package journaltest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// odd is a name that nobody gives, and that none may stumble over.
const odd = "é\"'\x00;-- %_* Gt-1A \u2028"

// aboutTicks shows which ticks are about a bead or an agent, with records made by hand.
func aboutTicks(t *testing.T, f *fixture) {
	f.begin(t)
	if err := f.CreateTown(ctx, "another", "Another", 1000, town.New("another", "Another", "testtownaaaaaaaaaaaaaaaaaa", 1000).Snapshot()); err != nil {
		t.Fatal(err)
	}
	names := func(n int, agent town.AgentID, bead town.BeadID) town.Event {
		e := event(n, &town.BeadHeld{})
		e.Agent, e.Bead = agent, bead
		return e
	}
	f.append(t, names(1, "", "gt-no"), names(2, "twin", "gt-no"), names(3, "toast", odd), names(4, "pending", "gt-pending"))
	on := func(agent town.AgentID, bead town.BeadID) town.Action {
		return town.Action{Kind: town.TransitionAgent, Agent: agent, Bead: bead}
	}
	commit := func(id town.TownID, tick *town.Tick) {
		t.Helper()
		if err := f.CommitTick(ctx, id, tick); err != nil {
			t.Fatal(err)
		}
	}
	refused := town.EventOutcome{Seq: 1, Type: "bead_held", Verdict: town.Rejected}
	commit(id, &town.Tick{No: 1, At: 2000, Events: []town.EventOutcome{refused}, Actions: []town.Action{on("", "gt-1a"), on("twin", "gt-1a")}})
	commit(id, &town.Tick{No: 2, At: 2000, Events: []town.EventOutcome{{Seq: 2}, {Seq: 3}}})
	commit(id, &town.Tick{No: 3, At: 2000, Changes: []town.Change{
		{Kind: town.KindBead, ID: "twin"}, {Kind: town.KindBead, ID: "gt-1a", Gone: true}, {Kind: town.KindRig, ID: "gt-no"},
	}})
	commit(id, &town.Tick{No: 4, At: 2000, Violations: []town.Violation{{Invariant: 1, Kind: town.KindAgent, ID: "toast"}, {Invariant: 14}}})
	commit(id, &town.Tick{No: 5, At: 2000, Actions: []town.Action{{Kind: town.CreateEscalation, Bead: "gt-1a", Made: "gt-5a"}}})
	many := &town.Tick{No: 6, At: 2000, Actions: []town.Action{on("", "gt-1a")}}
	for i := range 40 {
		many.Actions = append(many.Actions, on("", town.BeadID(fmt.Sprint("gt-many", i))))
	}
	commit(id, many)
	commit("another", &town.Tick{No: 1, At: 2000, Actions: []town.Action{on("", "gt-1a"), on("far", odd)}})
	f.reopen(t)
	for _, c := range []struct {
		in    town.TownID
		about town.About
		want  []town.TickNo
	}{
		{id, town.About{Kind: town.KindBead, ID: "gt-1a"}, []town.TickNo{6, 5, 3, 1}},
		{id, town.About{Kind: town.KindBead, ID: "gt-5a"}, []town.TickNo{5}},
		{id, town.About{Kind: town.KindBead, ID: "gt-no"}, []town.TickNo{2, 1}},
		{id, town.About{Kind: town.KindBead, ID: "twin"}, []town.TickNo{3}},
		{id, town.About{Kind: town.KindAgent, ID: "twin"}, []town.TickNo{2, 1}},
		{id, town.About{Kind: town.KindAgent, ID: "toast"}, []town.TickNo{4, 2}},
		{id, town.About{Kind: town.KindBead, ID: odd}, []town.TickNo{2}},
		{id, town.About{Kind: town.KindBead, ID: "GT-1A"}, nil},
		{id, town.About{Kind: town.KindBead, ID: "gt-pending"}, nil},
		{id, town.About{Kind: town.KindAgent, ID: "far"}, nil},
		{id, town.About{Kind: town.KindAgent}, nil},
		{"another", town.About{Kind: town.KindBead, ID: "gt-1a"}, []town.TickNo{1}},
		{"another", town.About{Kind: town.KindBead, ID: odd}, []town.TickNo{1}},
		{"another", town.About{Kind: town.KindBead, ID: "gt-no"}, nil},
	} {
		f.checkAbout(t, c.in, c.about, c.want)
	}
	for i := range 40 {
		f.checkAbout(t, id, town.About{Kind: town.KindBead, ID: fmt.Sprint("gt-many", i)}, []town.TickNo{6})
	}
	for _, kind := range []town.Kind{"", town.KindTown, town.KindRig, town.KindCounters, town.KindDependency, "Bead"} {
		_, err := f.TicksAbout(ctx, id, town.About{Kind: kind, ID: "gt-1a"}, 0, 1)
		want(t, err, journal.ErrInvalid)
	}
}

// checkAbout compares whole lists and pages of them, and the records with those of Ticks.
func (f *fixture) checkAbout(t fatal, id town.TownID, about town.About, expected []town.TickNo) {
	all, err := f.TicksAbout(ctx, id, about, 0, 0)
	if err != nil {
		t.Fatalf("ticks about %v: %v", about, err)
	}
	if got := numbers(all); !slices.Equal(got, expected) {
		t.Fatalf("ticks of %s about %v: %v, want %v", id, about, got, expected)
	}
	for _, tick := range all {
		same, err := f.Ticks(ctx, id, journal.TickFilter{After: tick.No - 1, Limit: 1})
		if err != nil || string(same[0].Encode()) != string(tick.Encode()) {
			t.Fatalf("tick %d about %v is not the one that is stored (%v)", tick.No, about, err)
		}
	}
	for _, limit := range []int{1, 2, 7} {
		var got []town.TickNo
		before := town.TickNo(0)
		for {
			page, err := f.TicksAbout(ctx, id, about, before, limit)
			if err != nil || len(page) > limit {
				t.Fatalf("a page of %d before tick %d has %d: %v", limit, before, len(page), err)
			}
			if len(page) == 0 {
				break
			}
			got = append(got, numbers(page)...)
			before = page[len(page)-1].No
		}
		if !slices.Equal(got, expected) {
			t.Fatalf("pages of %d about %v: %v, want %v", limit, about, got, expected)
		}
	}
}

func numbers(ticks []*town.Tick) []town.TickNo {
	var out []town.TickNo
	for _, t := range ticks {
		out = append(out, t.No)
	}
	return out
}

// aboutLives compares the ticks about everything that ever was in two towns, the archive included,
// with a search by hand; at first of the whole history, and then of what retention has left.
func aboutLives(t *testing.T, f *fixture) {
	var lives []*Life
	for i := range 2 {
		l, err := NewLife(ctx, f, town.TownID(fmt.Sprintf("town-%d", i)), rand.New(rand.NewPCG(uint64(i), 7)).IntN)
		if err != nil {
			t.Fatal(err)
		}
		grow(t, l, 80, 10)
		lives = append(lives, l)
	}
	f.reopen(t)
	archived := 0
	for _, l := range lives {
		f.checkAllAbout(t, l.ID)
		beads, err := f.ArchivedBeads(ctx, l.ID, journal.ArchivePage{})
		if err != nil {
			t.Fatal(err)
		}
		archived += len(beads)
		half, err := f.TickHeads(ctx, l.ID, journal.TickFilter{After: l.State.Tick() / 2, Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		removed, err := f.Retain(ctx, l.ID, half[0].At)
		if err != nil || removed.Ticks == 0 {
			t.Fatalf("removed %+v (%v), so that this shows nothing", removed, err)
		}
	}
	if archived == 0 {
		t.Fatal("nothing was archived, so that this shows nothing")
	}
	for _, l := range lives {
		f.checkAllAbout(t, l.ID)
		if _, _, err := l.Step(ctx); err != nil { // and it goes on
			t.Fatal(err)
		}
		f.checkAllAbout(t, l.ID)
	}
}

// checkAllAbout searches all ticks and events of a town for whom they are about.
func (f *fixture) checkAllAbout(t fatal, id town.TownID) {
	ticks, err := f.Ticks(ctx, id, journal.TickFilter{Newest: true})
	if err != nil {
		t.Fatalf("ticks: %v", err)
	}
	events, err := f.Events(ctx, id, journal.EventFilter{})
	if err != nil {
		t.Fatalf("events: %v", err)
	}
	found := map[town.About][]town.TickNo{}
	for _, tick := range ticks {
		about := tick.About()
		for i := range events {
			if events[i].Processed.Tick == tick.No {
				about = append(about, events[i].About()...)
			}
		}
		for _, a := range town.SortAbout(about) {
			found[a] = append(found[a], tick.No)
		}
	}
	if len(found) < 5 {
		t.Fatalf("the town's ticks are about %d beads and agents, so that this shows nothing", len(found))
	}
	for about, expected := range found {
		f.checkAbout(t, id, about, expected)
	}
}
