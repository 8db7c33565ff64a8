package monitoring

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gastown/internal/town"
)

// colour is that of all series whose name ends so.
type colour struct{ ending, colour string }

// A status, a result and a percentile have the same colour in every panel.
var (
	beadColours = []colour{
		{" open", "blue"}, {" in_progress", "yellow"}, {" in_review", "purple"}, {" closed", "green"}, {" failed", "red"},
	}
	agentColours = []colour{
		{" working", "green"}, {" idle", "blue"}, {" waiting", "yellow"}, {" stalled", "orange"}, {" dead", "red"},
	}
	looksColours = []colour{
		{" starting", "blue"}, {" running", "green"}, {" unresponsive", "orange"}, {" exited", "purple"},
		{" not_found", "red"}, {" unknown", "yellow"},
	}
	resultColours  = []colour{{" attempted", "blue"}, {" succeeded", "green"}, {" failed", "red"}}
	outcomeColours = []colour{
		{" done", "green"}, {" failed", "red"}, {" exited_without_done", "orange"}, {" no_changes", "yellow"},
		{" agent_lost", "dark-red"}, {" dispatch_rejected", "dark-orange"}, {" timeout", "light-red"},
		{" evicted", "light-orange"}, {" cancelled", "light-blue"}, {" stopped", "blue"}, {" merge_failed", "dark-purple"},
		{" conflict", "purple"},
		{" gate_failed", "light-purple"}, {" gate_broken", "semi-dark-purple"}, {" changes_requested", "dark-yellow"},
		{" work_astray", "light-yellow"}, {" target_moved", "super-light-blue"}, {" push_refused", "semi-dark-orange"},
		{" references_missing", "super-light-orange"}, {" no_remote", "semi-dark-blue"}, {" other", "dark-blue"},
	}
	codeColours     = []colour{{" 2..", "green"}, {" 3..", "blue"}, {" 4..", "orange"}, {" 5..", "red"}}
	quantileColours = []colour{{" p50", "green"}, {" p95", "yellow"}, {" p99", "orange"}}
)

// overrides give the series of a panel their colours. A line of all, where a panel tells kinds apart and leaves out
// those of which there is none, is dark and lies above them.
func (p *panel) overrides() []object {
	out := []object{}
	add := func(ending string, properties ...object) {
		matcher := object{"id": "byRegexp", "options": "/" + ending + "$/"}
		out = append(out, object{"matcher": matcher, "properties": properties})
	}
	fixed := func(name string) object {
		return object{"id": "color", "value": object{"mode": "fixed", "fixedColor": name}}
	}
	for _, c := range p.colours {
		add(c.ending, fixed(c.colour))
	}
	for _, ending := range slices.Sorted(maps.Keys(p.limits)) {
		add(ending, object{"id": "thresholds", "value": limits("green", "red", p.limits[ending])})
	}
	for _, q := range p.queries {
		if strings.HasSuffix(q.legend, " all") {
			add(" all", fixed("text"), object{"id": "custom.fillOpacity", "value": 0},
				object{"id": "custom.drawStyle", "value": "line"},
				object{"id": "custom.stacking", "value": object{"mode": "none", "group": "A"}})
		}
	}
	return out
}

// Whatever has a status, a result or an outcome has a colour for each of them, of its own.
func TestStatusesHaveColours(t *testing.T) {
	t.Parallel()
	texts := func(of ...string) []string { return of }
	var beads, agents, looks []string
	for _, s := range town.BeadStatuses() {
		beads = append(beads, string(s))
	}
	for _, s := range town.AgentStatuses() {
		agents = append(agents, string(s))
	}
	for _, s := range town.ObservedStatuses() {
		looks = append(looks, string(s))
	}
	for title, values := range map[string][]string{
		"Issues by status": beads, "Longest in its status": beads, "Closed issues": texts("closed"),
		"Agents by status": agents, "Looks by what they found": looks,
		"Side effects":        texts("attempted", "succeeded", "failed"),
		"Attempts by outcome": append(town.AttemptOutcomes(), "other"),
		"Answers by code":     texts("200", "303", "404", "507"), "Reconciler wall clock": texts("p50", "p95", "p99"),
	} {
		given := map[string]string{}
		for _, v := range values {
			for _, c := range panelOfTitle(t, title).colours {
				if regexp.MustCompile(c.ending + "$").MatchString("gastown:7333 main " + v) {
					given[v] += c.colour
				}
			}
		}
		if len(given) != len(values) {
			t.Errorf("%s has colours for %v alone, not for each of %v", title, given, values)
		}
		if different := len(slices.Compact(slices.Sorted(maps.Values(given)))); different != len(given) {
			t.Errorf("%s has %d colours for %d values: %v", title, different, len(given), given)
		}
	}
}

func panelOfTitle(t testing.TB, title string) *panel {
	t.Helper()
	for _, r := range rows {
		for i := range r.panels {
			if r.panels[i].title == title {
				return &r.panels[i]
			}
		}
	}
	t.Fatalf("there is no panel %s", title)
	return nil
}
