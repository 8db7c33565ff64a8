package sim

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"

	"gastown/internal/town"
)

// Coverage counts what happened, and what of the core it exercised.
type Coverage struct {
	Steps      int                         `json:"steps"` // also those that changed nothing
	Plans      int                         `json:"plans"` // steps that were planned before
	Ticks      int                         `json:"ticks"` // recorded
	Events     int                         `json:"events"`
	Actions    int                         `json:"actions"`
	Rules      map[string]int              `json:"rules"`      // actions by rule
	ByAction   map[string]int              `json:"byAction"`   // actions by kind
	EventTypes map[town.EventType]Verdicts `json:"eventTypes"` // events by type
	Waits      map[string]int              `json:"waits"`      // by rule and reason
	Faults     map[string]int              `json:"faults"`
	Profiles   map[string]int              `json:"profiles"` // towns by profile
}

// Verdicts counts what became of events.
type Verdicts struct {
	Applied  int `json:"applied"`
	Ignored  int `json:"ignored"`
	Rejected int `json:"rejected"`
}

func newCoverage() Coverage {
	return Coverage{
		Rules: map[string]int{}, ByAction: map[string]int{}, EventTypes: map[town.EventType]Verdicts{}, Waits: map[string]int{},
		Faults: map[string]int{}, Profiles: map[string]int{},
	}
}

func (c *Coverage) tick(rec *town.Tick) {
	c.Ticks++
	c.Events += len(rec.Events)
	c.Actions += len(rec.Actions)
	for i := range rec.Actions {
		c.Rules[rec.Actions[i].Rule]++
		c.ByAction[string(rec.Actions[i].Kind)]++
	}
	for i := range rec.Events {
		o := &rec.Events[i]
		v := c.EventTypes[o.Type]
		switch o.Verdict {
		case town.Applied:
			v.Applied++
		case town.Ignored:
			v.Ignored++
		default:
			v.Rejected++
		}
		c.EventTypes[o.Type] = v
	}
}

func (c *Coverage) waits(w *town.Why) {
	for i := range w.Waits {
		x := &w.Waits[i]
		reason := x.Reason
		if x.On != "" {
			reason = strings.ReplaceAll(reason, x.On, "#")
		}
		c.Waits[x.Rule+": "+plain(reason)]++
	}
}

// plain takes names and numbers out of a reason, so that equal reasons count as one.
func plain(reason string) string {
	words := strings.Fields(reason)
	for i, word := range words {
		if strings.ContainsFunc(word, unicode.IsDigit) {
			words[i] = "#"
		}
	}
	return strings.Join(words, " ")
}

func (c *Coverage) add(o *Coverage) {
	c.Steps += o.Steps
	c.Plans += o.Plans
	c.Ticks += o.Ticks
	c.Events += o.Events
	c.Actions += o.Actions
	for k, n := range o.Rules {
		c.Rules[k] += n
	}
	for k, n := range o.ByAction {
		c.ByAction[k] += n
	}
	for k, v := range o.EventTypes {
		sum := c.EventTypes[k]
		c.EventTypes[k] = Verdicts{sum.Applied + v.Applied, sum.Ignored + v.Ignored, sum.Rejected + v.Rejected}
	}
	for k, n := range o.Waits {
		c.Waits[k] += n
	}
	for k, n := range o.Faults {
		c.Faults[k] += n
	}
	for k, n := range o.Profiles {
		c.Profiles[k] += n
	}
}

// Report is what a number of towns came to. It depends on the options alone, and on no clock.
type Report struct {
	FirstSeed uint64    `json:"firstSeed"`
	Towns     int       `json:"towns"`
	Hours     float64   `json:"hours"` // simulated, all towns together
	Coverage  Coverage  `json:"coverage"`
	Missing   Missing   `json:"missing"`
	Findings  []Finding `json:"findings"`
	// Digest sums up the final states of all towns: equal runs have equal ones.
	Digest string `json:"digest"`
}

// Missing lists what no town exercised.
type Missing struct {
	Rules   []string `json:"rules"`
	Actions []string `json:"actions"`
	Events  []string `json:"events"`
	Faults  []string `json:"faults"`
}

// Finding is a town in which something was wrong.
type Finding struct {
	Seed    uint64  `json:"seed"`
	Profile string  `json:"profile"`
	Failure Failure `json:"failure"`
	// Command shows it again.
	Command string `json:"command"`
	// Scenario is a file for internal/town/testdata that shows it in few words; empty if it could not
	// be reduced, and Note says why.
	Scenario string `json:"scenario,omitempty"`
	Note     string `json:"note,omitempty"`
}

func missing(c *Coverage) Missing {
	var m Missing
	for _, r := range town.Rules() {
		if c.Rules[r.Name] == 0 {
			m.Rules = append(m.Rules, r.Name)
		}
	}
	for _, a := range town.ActionSpecs() {
		if c.ByAction[string(a.Kind)] == 0 {
			m.Actions = append(m.Actions, string(a.Kind))
		}
	}
	for _, e := range town.EventSpecs() {
		if c.EventTypes[e.Type].Applied == 0 {
			m.Events = append(m.Events, string(e.Type))
		}
	}
	for f := range faults {
		if c.Faults[faults[f].name] == 0 {
			m.Faults = append(m.Faults, faults[f].name)
		}
	}
	return m
}

// Print writes the report for people.
func (r *Report) Print(w io.Writer) {
	c := &r.Coverage
	fmt.Fprintf(w, "%d towns, %.0f simulated hours: %d steps, %d ticks, %d events, %d actions\n", r.Towns, r.Hours, c.Steps, c.Ticks, c.Events, c.Actions)
	list(w, "rules, by what they did", c.Rules)
	events := map[string]int{}
	for typ, v := range c.EventTypes {
		events[fmt.Sprintf("%-24s %8d ignored %8d rejected", typ, v.Ignored, v.Rejected)] = v.Applied
	}
	list(w, "events applied", events)
	list(w, "waits seen", c.Waits)
	list(w, "faults", c.Faults)
	list(w, "towns by profile", c.Profiles)
	for _, m := range []struct {
		what  string
		names []string
	}{{"rules", r.Missing.Rules}, {"actions", r.Missing.Actions}, {"events", r.Missing.Events}, {"faults", r.Missing.Faults}} {
		if len(m.names) > 0 {
			fmt.Fprintf(w, "\n%s never exercised: %s\n", m.what, strings.Join(m.names, ", "))
		}
	}
	for i := range r.Findings {
		r.Findings[i].print(w)
	}
	if len(r.Findings) == 0 {
		fmt.Fprintf(w, "\nnothing wrong was found; digest %s\n", r.Digest)
		return
	}
	fmt.Fprintf(w, "\n%d of %d towns show a defect\n", len(r.Findings), r.Towns)
}

func list(w io.Writer, title string, counts map[string]int) {
	fmt.Fprintf(w, "\n%s\n", title)
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(w, "%10d  %s\n", counts[k], k)
	}
}

func (f *Finding) print(w io.Writer) {
	x := &f.Failure
	fmt.Fprintf(w, "\nDEFECT %s in seed %d (%s), tick %d, %s after the beginning\n  %s\n  again: %s\n",
		x.Check, f.Seed, f.Profile, x.Tick, x.At.Since(Start), x.Message, f.Command)
	if f.Note != "" {
		fmt.Fprintf(w, "  %s\n", f.Note)
	}
	if f.Scenario != "" {
		fmt.Fprintf(w, "  a scenario for internal/town/testdata:\n\n%s\n", f.Scenario)
	}
}
