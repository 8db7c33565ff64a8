package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gastown/internal/town"
	"gastown/internal/wire"
)

// told is a town that keeps what its ticks tell about one bead.
type told struct {
	t    *testing.T
	s    *town.State
	now  town.Time
	seq  town.Seq
	list []town.Happening
	bead town.BeadID // the first that is made
}

// after lets time pass and the town take an event.
func (x *told) after(pause town.Duration, e town.Event) *town.Tick {
	x.t.Helper()
	x.now, x.seq = x.now.Add(pause), x.seq+1
	e.Seq, e.Type = x.seq, e.Payload.Type()
	tick := x.s.Step(town.Input{Now: x.now, Events: []town.Event{e}})
	if o := tick.Events[0]; o.Verdict != town.Applied {
		x.t.Fatalf("%s: %s", o.Type, o.Reason)
	}
	if made := tick.Events[0].Made; e.Type == "bead_created" {
		x.bead = town.BeadID(made[0])
	}
	list, err := town.Happened(town.About{Kind: town.KindBead, ID: string(x.bead)}, tick, []town.Event{e})
	if err != nil {
		x.t.Fatal(err)
	}
	x.list = append(x.list, list...)
	return tick
}

// TestDocumentedWhyIsTrue lets an agent change nothing, asks why its bead is open, and looks for
// just that answer where the documents show it.
func TestDocumentedWhyIsTrue(t *testing.T) {
	t.Parallel()
	born := town.Time(1_795_433_700_000)
	x := &told{t: t, s: town.New("main", "Main", "testtownaaaaaaaaaaaaaaaaaa", born), now: born}
	person, toast := town.Event{By: "admin"}, town.Event{By: "toast", Agent: "toast", Run: 1}
	does := func(e town.Event, p town.Payload) town.Event { e.Payload = p; return e }
	x.after(0, does(person, &town.RigAdded{Rig: "hello", URL: "/srv/hello", DefaultBranch: "main"}))
	x.after(town.Second, does(person, &town.TownConfigured{Settings: town.Settings{
		Agents: map[town.Role]town.AgentCommand{town.Polecat: {Preset: "claude"}},
	}}))
	x.after(town.Minute, does(person, &town.BeadCreated{Beads: []town.NewBead{{Title: "Write notes"}}}))
	toast.Bead = x.bead
	x.after(412, town.Event{By: "effect", Agent: "toast", Run: 1, Bead: x.bead, Payload: &town.DispatchAccepted{}})
	request := x.after(94*town.Second, does(toast, &town.AgentDone{Branch: x.s.Bead(x.bead).Branch, Summary: "I had a look around"}))
	x.after(65, town.Event{By: "effect", Bead: town.BeadID(request.Events[0].Made[0]), Payload: &town.BranchVerified{Head: "c0ffee"}})
	why, ok := x.s.Why(string(x.bead), x.now)
	if !ok || len(x.list) != 5 {
		t.Fatalf("five things should have happened to %s: %+v", x.bead, x.list)
	}
	var out strings.Builder
	printWhy(&out, &wire.Why{Why: why, Recent: x.list})
	for _, file := range []string{"README.md", "docs/operations.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "\n"+out.String()+"```") {
			t.Errorf("%s does not show this answer:\n%s", file, out.String())
		}
	}
}
