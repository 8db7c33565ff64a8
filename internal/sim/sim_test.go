package sim

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"gastown/internal/town"
)

func run(t *testing.T, o Options) *Report {
	t.Helper()
	if o.Agents == 0 {
		o.Agents = 20
	}
	if o.Rigs == 0 {
		o.Rigs = 2
	}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sound fails the test with everything that was found.
func sound(t *testing.T, r *Report) {
	t.Helper()
	for i := range r.Findings {
		var b strings.Builder
		r.Findings[i].print(&b)
		t.Error(b.String())
	}
}

// The first of the hundred towns that TestAHundredTowns plays, with the race detector.
func TestFixedSeeds(t *testing.T) {
	t.Parallel()
	r := run(t, Options{Seed: 1, Seeds: 8, Time: town.Hour, Shrink: 100_000, plans: true})
	sound(t, r)
	if r.Coverage.Plans < 8_000 {
		t.Errorf("only %d steps were planned", r.Coverage.Plans)
	}
}

// A few towns that nobody has seen before, others every day.
func TestSeedsOfTheDay(t *testing.T) {
	t.Parallel()
	base := uint64(time.Now().UTC().YearDay()) * 1_000_000
	t.Logf("seeds from %d", base)
	sound(t, run(t, Options{Seed: base, Seeds: 5, Time: 4 * town.Hour, Shrink: 100_000}))
}

// A seed is a whole story: told twice, or by more workers, it is the same to the last digit.
func TestSameSeedSameStory(t *testing.T) {
	t.Parallel()
	o := Options{Seed: 77, Seeds: 5, Time: town.Hour, Workers: 1}
	first := run(t, o)
	o.Workers = 4
	second := run(t, o)
	if first.Digest != second.Digest || !reflect.DeepEqual(first, second) {
		t.Errorf("the same seeds give two reports:\n%+v\n%+v", first, second)
	}
	o.Seed++
	if other := run(t, o); other.Digest == first.Digest {
		t.Error("other seeds give the same end")
	}
}

// The names of the faults are those of the documentation, which lists every one.
func TestFaultsAreDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/simulator.md")
	if err != nil {
		t.Fatal(err)
	}
	for f := range faults {
		unit := "chance"
		if faults[f].hourly {
			unit = "per hour"
		}
		if row := fmt.Sprintf("| `%s` | %s | %s |", faults[f].name, unit, faults[f].doc); !strings.Contains(string(doc), row+"\n") {
			t.Errorf("docs/simulator.md has no row\n%s", row)
		}
	}
}

// An effect that the world does not know is a failure, not a silence.
func TestUnknownEffectsFailLoudly(t *testing.T) {
	t.Parallel()
	l := newLife(&Options{Time: town.Hour, Agents: 1, Rigs: 1}, 1, false)
	l.runner.carry([]town.Effect{{ID: "x", Kind: "paint_agent", Agent: "toast"}})
	if f := l.check.failure; f == nil || f.Check != "effect" {
		t.Errorf("the failure is %+v", f)
	}
}

// A finding names where and how to see it again, and a planted one becomes a short scenario: here
// that a refinery has to try a merge again, which needs a bead, its done, a look at its branch and
// a refinery that fails.
func TestFindingsAreReduced(t *testing.T) {
	t.Parallel()
	r := run(t, Options{Seed: 2, Seeds: 5, Time: 2 * town.Hour, Shrink: 200_000, plant: func(_ *town.State, rec *town.Tick) (town.BeadID, string) {
		for i := range rec.Actions {
			if a := &rec.Actions[i]; a.Rule == "review/redispatch" && a.Kind == town.DispatchAgent {
				return a.Bead, string(a.Bead) + " was tried again"
			}
		}
		return "", ""
	}})
	if len(r.Findings) == 0 {
		t.Fatal("no town tries a merge again")
	}
	f := r.Findings[0]
	if want := fmt.Sprintf("gastown sim --seed %d --seeds 1 --hours 2 --agents 20 --rigs 2", f.Seed); f.Command != want || f.Failure.Check != "planted" {
		t.Errorf("the finding is %+v", f)
	}
	var events []string
	for line := range strings.Lines(f.Scenario) {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.Contains(word, "_") {
			events = append(events, word)
		}
	}
	if n := len(events); n < 5 || n > 9 || !strings.HasPrefix(f.Scenario, "# Found by ") || !strings.Contains(f.Scenario, "\ngiven\n") {
		t.Errorf("the scenario has the events %v; %s\n%s", events, f.Note, f.Scenario)
	}
}

// A failure that needs ticks to come late, as after a host's sleep, is told with the ticks as they came.
func TestLateTicksAreTold(t *testing.T) {
	t.Parallel()
	p := only(hostSleeps)
	p.rates[agentLingers] = 1
	r := run(t, Options{Seed: 1, Seeds: 4, Time: 10 * town.Hour, Agents: 3, Rigs: 1, profile: &p, Shrink: 200_000,
		plant: func(s *town.State, rec *town.Tick) (town.BeadID, string) {
			for i := range rec.Actions {
				a := &rec.Actions[i]
				if ag := s.Agent(a.Agent); a.Rule == "agents/linger" && a.N == 1 && ag != nil && rec.At.Since(ag.Since) > town.LingerGrace+town.Minute {
					return "", string(a.Agent) + " was stopped late"
				}
			}
			return "", ""
		}})
	if len(r.Findings) == 0 || !strings.Contains(r.Findings[0].Scenario, "\nasleep ") {
		t.Errorf("findings: %+v", r.Findings)
	}
}

// A story that is told again can go on in a world without faults that is made up anew: there work is
// done and merged, and what a person holds stays. So what never ends can be reduced, too.
func TestToldStoriesComeToRest(t *testing.T) {
	t.Parallel()
	x := telling{opts: &Options{Agents: 3, Rigs: 1, Time: town.Hour, Shrink: 1000}, found: &Failure{Check: "liveness"}, left: new(int)}
	*x.left = 100_000
	events := []town.Payload{
		&town.TownConfigured{Settings: town.Settings{Agents: map[town.Role]town.AgentCommand{town.Polecat: {Preset: "claude"}}}},
		&town.RigAdded{Rig: "rig1", URL: "u", DefaultBranch: "main"},
		&town.BeadCreated{Beads: []town.NewBead{{Title: "One", Rig: "rig1"}}},
		&town.BeadCreated{Beads: []town.NewBead{{Title: "Two", Rig: "rig1", Held: true}}},
	}
	var items []item
	for i, p := range events {
		items = append(items, item{at: Start.Add(town.Second), step: i, key: i, event: town.Event{Type: p.Type(), Payload: p}})
	}
	r := x.tell(items)
	if f := r.check.failure; f != nil {
		t.Fatalf("the town does not come to rest: %+v", f)
	}
	one, two := r.st.Bead(r.names.beads["e2.0"]), r.st.Bead(r.names.beads["e3.0"])
	if one.Outcome != town.OutcomeMerged || two.Status != town.Open || len(r.quiet) < 8 {
		t.Errorf("in the quiet %s is %s and %s is %s, after %d items", one.ID, one.Status, two.ID, two.Status, len(r.quiet))
	}
}

// A budget of no steps reduces nothing, and says so by leaving the scenario out.
func TestNothingIsReducedWithoutSteps(t *testing.T) {
	t.Parallel()
	r := run(t, Options{Seed: 2, Seeds: 1, Time: town.Hour, plant: func(*town.State, *town.Tick) (town.BeadID, string) { return "", "always" }})
	if len(r.Findings) != 1 || r.Findings[0].Scenario != "" {
		t.Errorf("findings: %+v", r.Findings)
	}
}
