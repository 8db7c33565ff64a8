package observe

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"gastown/internal/town"
)

// total says what the figures of several towns are together, where they are not labelled by town.
type total int

const (
	sum         total = iota
	greatest          // the worst town's
	earliest          // of the town that has it from longest ago
	mostOverdue       // of the town whose tick is most overdue
	leastMoved        // of the town with runnable work where nothing has moved for longest, else the newest
)

// family is a metric of towns. Every one has the label town first.
type family struct {
	name, help string
	kind       prometheus.ValueType
	together   total
	labels     []string
	desc       *prometheus.Desc
}

func newFamily(kind prometheus.ValueType, together total, name, help string, labels ...string) *family {
	return &family{
		name: name, help: help, kind: kind, together: together, labels: labels,
		desc: prometheus.NewDesc(name, help, append([]string{"town"}, labels...), nil),
	}
}

func counter(name, help string, labels ...string) *family {
	return newFamily(prometheus.CounterValue, sum, name, help, labels...)
}

func gauge(together total, name, help string, labels ...string) *family {
	return newFamily(prometheus.GaugeValue, together, name, help, labels...)
}

// The metrics of towns. The names say the unit where there is one; everything else counts things.
var (
	ticks        = counter("gastown_reconciler_ticks_total", "Steps of the reconciler, also those that changed nothing.")
	drained      = counter("gastown_reconciler_events_drained_total", "Events taken by ticks.", "event_type")
	rejected     = counter("gastown_events_rejected_total", "Events that could not be applied. What came too late or twice is ignored and not among them.", "event_type")
	actions      = counter("gastown_reconciler_actions_total", "Actions decided by the rules.", "action")
	sideEffects  = counter("gastown_reconciler_side_effects_total", "Effects carried out outside, and what became of them: attempted, succeeded or failed.", "kind", "result")
	violations   = counter("gastown_invariant_violations_total", "Violations found since the town's history began, counted when they appear. Kept with the town: a restart does not reset it.", "invariant")
	recoveries   = counter("gastown_invariant_recoveries_total", "Violations that were mended in the tick that found them.", "invariant")
	attempts     = counter("gastown_dispatch_attempts_total", "Ended attempts at beads, by how they ended.", "outcome")
	observations = counter("gastown_container_status_observations_total", "Looks at agents' processes, and reported ends of them.", "status")
	statusEvents = counter("gastown_container_status_events_total", "Looks that found a difference, and reported ends, that became an event in the journal.", "status")

	broken   = gauge(sum, "gastown_invariant_violations_active", "Violations that last although the town has done all it can.", "invariant")
	atLoad   = gauge(sum, "gastown_invariant_violations_at_load", "The total as it stood when this server loaded the town, before its first tick.", "invariant")
	pending  = gauge(sum, "gastown_reconciler_pending_events", "Events that are durable and that no tick has taken yet.")
	lastTick = gauge(mostOverdue, "gastown_reconciler_last_tick_timestamp_seconds", "When the last Step was that is on record or changed nothing.")
	lastTook = gauge(greatest, "gastown_reconciler_last_tick_duration_seconds", "Time of the last Step, without making it durable; 0 before the first.")
	loaded   = gauge(earliest, "gastown_town_loaded_timestamp_seconds", "When this server loaded the town, or made it.")
	tickAge  = gauge(mostOverdue, "gastown_reconciler_tick_age_seconds", "How long ago that was, by the server's clock at the scrape.")
	interval = gauge(mostOverdue, "gastown_reconciler_interval_seconds", "How long the loop sleeps at most: 5 with active work, 60 without.")
	runnable = gauge(sum, "gastown_runnable_work", "Issues and merge requests that wait for nothing but their start, where no agent at work takes the place they need.")
	progress = gauge(leastMoved, "gastown_progress_last_timestamp_seconds", "When an issue, merge request or convoy was last started, finished, merged or closed.")
	agents   = gauge(sum, "gastown_agents", "Agents.", "role", "status")
	beads    = gauge(sum, "gastown_beads", "Beads that are not in the archive.", "type", "status")
	stateAge = gauge(greatest, "gastown_bead_state_age_seconds_max", "How long the issue or merge request has had its status that has had it for longest, at the scrape.", "status")
	depth    = gauge(sum, "gastown_merge_queue_depth", "Live merge requests.", "rig")
	oldest   = gauge(greatest, "gastown_merge_queue_oldest_seconds", "How long the merge request has waited for its turn alone, or has been merged, that has for longest, at the scrape.", "rig")
	needs    = gauge(sum, "gastown_needs_person", "What waits for a person: escalations not acknowledged, decisions, failed beads, what is held or not started, messages.", "kind")
	breaker  = gauge(sum, "gastown_breaker_open", "1 while starts that fail in this way are kept back.", "scope", "class")
)

// duration is the one histogram of towns.
var duration = prometheus.NewDesc("gastown_reconciler_tick_duration_seconds", "Time of a Step, without making it durable.", []string{"town"}, nil)

// families is all of them.
var families = []*family{
	ticks, drained, rejected, actions, sideEffects, violations, recoveries, attempts, observations, statusEvents, gateRuns,
	broken, atLoad, pending, lastTick, lastTook, loaded, tickAge, interval, runnable, progress, agents, beads, stateAge, depth,
	oldest, needs, breaker,
}

// key is one series of a town: a family and the values of its labels.
type key struct {
	f    *family
	a, b string
}

func (k key) values(name string) []string {
	return append([]string{name}, []string{k.a, k.b}[:len(k.f.labels)]...)
}

// The results of effects, as they are counted.
var results = []string{"attempted", "succeeded", "failed"}

// zeros has every counter whose labels are known before anything is counted: a series that appears with its
// first count looks to Prometheus as if it had always been there, and the count is not seen.
func zeros() map[key]float64 {
	out := map[key]float64{{f: ticks}: 0}
	for _, e := range town.EventSpecs() {
		out[key{drained, string(e.Type), ""}], out[key{rejected, string(e.Type), ""}] = 0, 0
	}
	for _, a := range town.ActionSpecs() {
		out[key{actions, string(a.Kind), ""}] = 0
	}
	for _, kind := range town.EffectKinds() {
		for _, r := range results {
			out[key{sideEffects, string(kind), r}] = 0
		}
	}
	for _, inv := range town.Invariants() {
		n := strconv.Itoa(inv.Number)
		out[key{violations, n, ""}], out[key{recoveries, n, ""}] = 0, 0
	}
	for _, outcome := range town.AttemptOutcomes() {
		out[key{attempts, outcome, ""}] = 0
	}
	for _, status := range town.ObservedStatuses() {
		out[key{observations, string(status), ""}], out[key{statusEvents, string(status), ""}] = 0, 0
	}
	return out
}
