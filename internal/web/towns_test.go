package web_test

import (
	"fmt"
	"net/http"
	"testing"

	"gastown/internal/town"
)

// With several towns the first page lists them, with what each needs.
func TestSeveralTowns(t *testing.T) {
	t.Parallel()
	s, _ := needy(t)
	w := open(t, s)
	if err := w.towns.CreateTown(t.Context(), "quiet", "Quiet <Place>"); err != nil {
		t.Fatal(err)
	}
	w.login()
	a := w.page("/")
	a.says("[data-town=main]", "Main Street", "1 failed", "need you")
	a.says("[data-town=quiet]", "Quiet <Place>")
	quiet := w.page("/towns/quiet")
	quiet.says("#needs", "Nothing needs you.")
	quiet.says("#agents", "No agent has been made yet.")
	w.page("/towns/quiet/replay").says("#main", "Nothing has happened in this town yet.")
	if a := w.get("/towns/quiet/replay/moment?tick=1"); a.code != http.StatusNotFound {
		t.Errorf("a moment of a town without any: %d", a.code)
	}
}

// A convoy with a failed member is held until somebody decides: the page says so and asks for both.
func TestAHeldConvoy(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.begins(1)
	rec := s.step(town.Second, town.Event{By: "ann", Payload: &town.BeadCreated{Convoy: &town.NewConvoy{Title: "Move"}, Beads: []town.NewBead{{Title: "Pack"}, {Title: "Drive"}}}})
	ids := rec.Events[0].Made
	s.step(town.Second, town.Event{Bead: town.BeadID(ids[1]), By: "ann", Payload: &town.BeadCancelled{As: town.Failed}})
	w := open(t, s)
	w.login()
	a := w.page("/towns/main")
	a.says(fmt.Sprintf("[data-need=%s]", ids[0]), "convoy held", "Move", "Close convoy")
	a.says(fmt.Sprintf("[data-need=%s]", ids[1]), "failed", "Retry")
}

// Where there are many ticks a bar stands for several, all of which are counted, and leads to them.
func TestALongHistory(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.begins(1)
	s.step(town.Second, town.Event{Payload: &town.TownPaused{}})
	s.step(town.Second, town.Event{Payload: &town.BeadCreated{Beads: []town.NewBead{{Title: "Long"}}}})
	const ticks = 240
	for i := s.s.Tick(); i < ticks; i++ {
		title := fmt.Sprint("Title ", i)
		s.step(town.Second, town.Event{Bead: "gt-3a", Payload: &town.BeadUpdated{Title: &title}})
	}
	w := open(t, s)
	w.login()
	a := w.page("/towns/main/replay?fromTick=1&toTick=240&tick=100")
	a.says("#moment-h", "Tick 100")
	a.says("#replay", "Each bar stands for 2 ticks.", "events 241")
	bars := a.all(".bars.events a")
	if len(bars) != 120 {
		t.Fatalf("%d bars", len(bars))
	}
	part := w.page(attr(bars[60], "href"))
	if n := len(part.all(".bars.events a")); n != 2 {
		t.Errorf("a bar leads to %d ticks", n)
	}
	part.says("#moment-h", "Tick 121")
	for _, z := range a.all(".zooms a") {
		w.page(attr(z, "href")).one("#moment")
	}
	if n := len(a.all(".zooms a")); n != 3 {
		t.Errorf("%d ways to other parts", n)
	}
}

// A tick may change more than anybody reads: its page shows the first of it and how much there is.
func TestABigTick(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.begins(1)
	var beads []town.NewBead
	for i := range 150 {
		beads = append(beads, town.NewBead{Title: fmt.Sprint("Bead ", i)})
	}
	made := s.step(town.Second, town.Event{By: "ann", Payload: &town.BeadCreated{Beads: beads}})
	w := open(t, s)
	w.login()
	a := w.page(tickAddress(made.No))
	a.says("#changed h3", fmt.Sprint(len(made.Changes)))
	a.says("#changed .more", fmt.Sprintf("and %d more", len(made.Changes)-100))
	if n := len(a.all(".entity")); n != 100 {
		t.Errorf("%d entities are shown", n)
	}
	a.says("#board", "and 124 more")
}

// An open breaker is on the overview, with what it keeps back and since when.
func TestAnOpenBreaker(t *testing.T) {
	t.Parallel()
	s, _ := stuck(t)
	w := open(t, s)
	w.login()
	w.page("/towns/main").says("#breakers", "git network", "rig:web", "20 starts failed alike", "1 min")
}
