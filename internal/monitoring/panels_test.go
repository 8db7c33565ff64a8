package monitoring

import (
	"fmt"
	"strings"
)

// Matchers of the chosen servers, towns and rigs.
const (
	chosen = `job=~"$job", instance=~"$instance"`
	inTown = `town=~"$town"`
	inRig  = `rig=~"$rig"`
)

// of are the series of a metric that the chosen servers have and that match the rest.
func of(name string, matchers ...string) string {
	return name + "{" + strings.Join(append([]string{chosen}, matchers...), ", ") + "}"
}

// rate, grown and now are the usual expressions over the chosen towns: how often a second, how many more than the
// point before, how many there are.
func rate(name, by string, matchers ...string) string {
	return fmt.Sprintf("sum by (%s) (rate(%s[$__rate_interval]))", by, of(name, append([]string{inTown}, matchers...)...))
}

func grown(name, by string) string {
	return fmt.Sprintf("sum by (%s) (increase(%s[$__rate_interval]))", by, of(name, inTown))
}

func now(name, fold, by string, matchers ...string) string {
	return fmt.Sprintf("%s by (%s) (%s)", fold, by, of(name, append([]string{inTown}, matchers...)...))
}

func perTick(name, by string) string {
	return fmt.Sprintf("%s\n  / on (town) group_left\n%s", rate(name, by), rate("gastown_reconciler_ticks_total", "town"))
}

// quantiles are three lines; by is what else than the bucket they are told apart by.
func quantiles(name, by string, matchers ...string) []query {
	var out []query
	for _, q := range []string{"50", "95", "99"} {
		legend := "p" + q
		if by != "" {
			legend = "{{" + by + "}} p" + q
		}
		labels := "le"
		if by != "" {
			labels = by + ", le"
		}
		out = append(out, query{fmt.Sprintf("histogram_quantile(0.%s, sum by (%s) (rate(%s[$__rate_interval])))", q, labels, of(name+"_bucket", matchers...)), legend})
	}
	return out
}

// requests are the ended ones of the API per second.
func requests(by string) string {
	return fmt.Sprintf("sum by (%s) (rate(%s[$__rate_interval]))", by, of("gastown_http_request_duration_seconds_count"))
}

// ours keeps what a gastown says of itself: other programs have metrics of the same names.
func ours(expr string) string {
	return expr + " and on (job, instance) " + of("gastown_build_info")
}

// rows is the whole dashboard.
var rows = []row{
	{"Reconciler", []panel{
		{title: "Events drained per tick", kind: "timeseries", unit: "short", width: 8,
			about:   "How many events a tick takes on average. A tick takes 500 at most; near that, the town is behind.",
			queries: []query{{perTick("gastown_reconciler_events_drained_total", "town"), "{{town}}"}}},
		{title: "Actions emitted per tick by type", kind: "timeseries", unit: "short", width: 16, stacked: true,
			about:   "What the rules decide in a tick on average. docs/reference/actions.md says what each means.",
			queries: []query{{perTick("gastown_reconciler_actions_total", "town, action"), "{{town}} {{action}}"}}},
		{title: "Side effects", kind: "timeseries", unit: "ops", width: 8,
			about:   "Effects that were begun, went well and failed. What fails is tried again, or its attempt ends.",
			queries: []query{{rate("gastown_reconciler_side_effects_total", "town, result"), "{{town}} {{result}}"}}},
		{title: "Failed side effects by kind", kind: "timeseries", unit: "ops", width: 8,
			about:   "Which effects fail: starts and stops of agents, looks at branches, nudges, webhooks or pull requests.",
			queries: []query{{rate("gastown_reconciler_side_effects_total", "town, kind", `result="failed"`), "{{town}} {{kind}}"}}},
		{title: "Reconciler wall clock", kind: "timeseries", unit: "s", width: 8, redAbove: true, red: 0.5,
			about:   "How long a Step takes, without making it durable. The line is where ReconcilerSlow begins. Points are single ticks, with their numbers.",
			queries: quantiles("gastown_reconciler_tick_duration_seconds", "town", inTown)},
		{title: "Invariant violations", kind: "stat", unit: "short", width: 4, redAbove: true, red: 1, whole: true,
			about:   "Violations that appeared in the time shown. Anything but zero is a defect or a damaged record.",
			queries: []query{{"sum by (town) (ceil(increase(" + of("gastown_invariant_violations_total", inTown) + "[$__range])))", "{{town}}"}}},
		{title: "Violations that last", kind: "stat", unit: "short", width: 4, redAbove: true, red: 1, whole: true,
			about:   "Violations that are there now although the town has done what it can. A person is needed.",
			queries: []query{{now("gastown_invariant_violations_active", "sum", "town"), "{{town}}"}}},
		{title: "Violations by invariant", kind: "timeseries", unit: "short", width: 8, redAbove: true, red: 0,
			about:   "Which invariants did not hold, and when. docs/reference/invariants.md has the sentence of each number.",
			queries: []query{{grown("gastown_invariant_violations_total", "town, invariant"), "{{town}} invariant {{invariant}}"}}},
		{title: "Recoveries by invariant", kind: "timeseries", unit: "short", width: 8,
			about:   "Violations that the town mended by itself in the tick that found them.",
			queries: []query{{grown("gastown_invariant_recoveries_total", "town, invariant"), "{{town}} invariant {{invariant}}"}}},
		{title: "Pending events", kind: "gauge", unit: "short", width: 6, redAbove: true, red: 50, whole: true, max: 100,
			about:   "Events that are durable and that no tick has taken. Red is where PendingEvents begins.",
			queries: []query{{now("gastown_reconciler_pending_events", "sum", "town"), "{{town}}"}}},
		{title: "Ticks", kind: "timeseries", unit: "ops", width: 6,
			about:   "Steps per second. A quiet town makes one each minute, one with active work at least one in five seconds.",
			queries: []query{{rate("gastown_reconciler_ticks_total", "town"), "{{town}}"}}},
		{title: "Since the last tick, in intervals", kind: "timeseries", unit: "short", width: 6, redAbove: true, red: 3,
			about: "How long ago the last tick was, by the longest time that the loop sleeps. At three, ReconcilerStopped begins.",
			queries: []query{{"max by (town) (" + of("gastown_reconciler_tick_age_seconds", inTown) + " / " + of("gastown_reconciler_interval_seconds", inTown) + ")",
				"{{town}}"}}},
		{title: "Last tick", kind: "stat", unit: "dateTimeFromNow", width: 6,
			about:   "When the town was last looked at.",
			queries: []query{{"1000 * " + now("gastown_reconciler_last_tick_timestamp_seconds", "max", "town"), "{{town}}"}}},
	}},
	{"Town", []panel{
		{title: "Issues by status", kind: "timeseries", unit: "short", width: 8, whole: true,
			about:   "Issues that are not in the archive. Closed ones stay for the retention.",
			queries: []query{{now("gastown_beads", "sum", "town, status", `type="issue"`), "{{town}} {{status}}"}}},
		{title: "Other live beads by type", kind: "timeseries", unit: "short", width: 8, whole: true,
			about:   "Merge requests, convoys, escalations, messages and triage requests that are not over.",
			queries: []query{{now("gastown_beads", "sum", "town, type", `type!="issue"`, `status!~"closed|failed"`), "{{town}} {{type}}"}}},
		{title: "Agents by status", kind: "timeseries", unit: "short", width: 8, whole: true,
			about:   "Agents in the town's books. A stalled one has been silent for two hours.",
			queries: []query{{now("gastown_agents", "sum", "town, role, status") + " > 0", "{{town}} {{role}} {{status}}"}}},
		{title: "Time without progress", kind: "timeseries", unit: "s", width: 8, redAbove: true, red: 900,
			about:   "How long ago a bead was last started, finished, merged or closed. It matters where there is runnable work.",
			queries: []query{{"time() - " + now("gastown_progress_last_timestamp_seconds", "max", "town"), "{{town}}"}}},
		{title: "Runnable work", kind: "timeseries", unit: "short", width: 8, whole: true,
			about:   "What waits for nothing but its start although there is a place. More than zero for long, without progress, is NoProgress.",
			queries: []query{{now("gastown_runnable_work", "sum", "town"), "{{town}}"}}},
		{title: "Longest in its status", kind: "timeseries", unit: "s", width: 8,
			about:   "How long the issue or merge request has been open, in progress or in review that has been for longest. gastown status and why say which.",
			queries: []query{{now("gastown_bead_state_age_seconds_max", "max", "town, status"), "{{town}} {{status}}"}}},
		{title: "Merge queue", kind: "timeseries", unit: "short", width: 8, whole: true,
			about:   "Live merge requests of each rig, those that wait for rework or a pull request included.",
			queries: []query{{now("gastown_merge_queue_depth", "sum", "town, rig", inRig), "{{town}} {{rig}}"}}},
		{title: "Longest wait for a merge", kind: "timeseries", unit: "s", width: 8, redAbove: true, red: 3600,
			about:   "How long a merge request has waited for its turn alone, or has been merged. At an hour, MergeQueueStarved begins.",
			queries: []query{{now("gastown_merge_queue_oldest_seconds", "max", "town, rig", inRig), "{{town}} {{rig}}"}}},
		{title: "Attempts by outcome", kind: "timeseries", unit: "short", width: 8, stacked: true,
			about:   "How attempts at beads ended. Anything but done is followed by another attempt or a failed bead.",
			queries: []query{{grown("gastown_dispatch_attempts_total", "town, outcome"), "{{town}} {{outcome}}"}}},
		{title: "Open breakers", kind: "bargauge", unit: "short", width: 8, redAbove: true, red: 1, whole: true, max: 1,
			about:   "Scopes and classes of failures for which starts are kept back.",
			queries: []query{{now("gastown_breaker_open", "max", "town, scope, class"), "{{town}} {{scope}} {{class}}"}}},
	}},
	{"Observation", []panel{
		{title: "Looks and events", kind: "timeseries", unit: "ops", width: 8,
			about: "Looks at agents' processes, and how many became an event because something was different.",
			queries: []query{
				{rate("gastown_container_status_observations_total", "town"), "{{town}} looks"},
				{rate("gastown_container_status_events_total", "town"), "{{town}} events"},
			}},
		{title: "Noise filtered", kind: "stat", unit: "percentunit", width: 8, max: 1,
			about: "The share of looks in the time shown that found nothing new and wrote nothing.",
			queries: []query{{"1 - sum by (town) (increase(" + of("gastown_container_status_events_total", inTown) + "[$__range]))\n" +
				"  / clamp_min(sum by (town) (increase(" + of("gastown_container_status_observations_total", inTown) + "[$__range])), 1)", "{{town}}"}}},
		{title: "Looks by what they found", kind: "timeseries", unit: "ops", width: 8,
			about:   "What the runtime and the heartbeats said. Unknown is a runtime that does not answer.",
			queries: []query{{rate("gastown_container_status_observations_total", "town, status"), "{{town}} {{status}}"}}},
	}},
	{"Journal and API", []panel{
		{title: "Time of a commit", kind: "timeseries", unit: "s", width: 8, noReplay: true,
			about:   "How long making a tick durable takes, of all towns. Slow disks show here.",
			queries: quantiles("gastown_journal_commit_duration_seconds", "")},
		{title: "Commits", kind: "timeseries", unit: "ops", width: 8, noReplay: true,
			about: "Ticks made durable per second, and those that could not be: a full disk, most often.",
			queries: []query{
				{"sum(rate(" + of("gastown_journal_commit_duration_seconds_count") + "[$__rate_interval]))", "commits"},
				{"sum(rate(" + of("gastown_journal_commit_failures_total") + "[$__rate_interval]))", "failed"},
			}},
		{title: "Rejected events by type", kind: "timeseries", unit: "short", width: 8,
			about:   "Events that could not be applied. A few are people's mistypes; many are a program that is wrong.",
			queries: []query{{grown("gastown_events_rejected_total", "town, event_type"), "{{town}} {{event_type}}"}}},
		{title: "Requests by route", kind: "timeseries", unit: "reqps", width: 8, noReplay: true,
			about:   "Requests to the API that have ended.",
			queries: []query{{requests("method, route"), "{{method}} {{route}}"}}},
		{title: "Answers by code", kind: "timeseries", unit: "reqps", width: 8, noReplay: true,
			about:   "What requests were answered with. 4xx are refusals, 5xx the server's own fault.",
			queries: []query{{requests("code"), "{{code}}"}}},
		{title: "Time of requests", kind: "timeseries", unit: "s", width: 8, noReplay: true,
			about:   "How long requests take, without streams and logs, which last as long as somebody listens.",
			queries: quantiles("gastown_http_request_duration_seconds", "", `route!~".*(stream|logs)"`)},
	}},
	{"Process", []panel{
		{title: "Server", kind: "stat", unit: "short", width: 4, noReplay: true,
			about:   "Whether Prometheus reaches gastown, and which program it is.",
			queries: []query{{of("gastown_build_info") + " * on (job, instance) group_left " + of("up"), "{{version}} {{go}}"}}},
		{title: "Up since", kind: "stat", unit: "dateTimeFromNow", width: 4, noReplay: true,
			about:   "When the server was started.",
			queries: []query{{ours("1000 * " + of("process_start_time_seconds")), "{{instance}}"}}},
		{title: "CPU", kind: "timeseries", unit: "short", width: 8, noReplay: true,
			about:   "Processors used by the server, without its agents.",
			queries: []query{{ours("rate(" + of("process_cpu_seconds_total") + "[$__rate_interval])"), "{{instance}}"}}},
		{title: "Memory", kind: "timeseries", unit: "bytes", width: 8, noReplay: true,
			about: "Memory of the server, and how much of that is live on Go's heap.",
			queries: []query{
				{ours(of("process_resident_memory_bytes")), "{{instance}} resident"},
				{ours(of("go_memstats_heap_inuse_bytes")), "{{instance}} heap"},
			}},
		{title: "Goroutines", kind: "timeseries", unit: "short", width: 8, noReplay: true, whole: true,
			about:   "Goroutines of the server. A number that only ever grows is a leak.",
			queries: []query{{ours(of("go_goroutines")), "{{instance}}"}}},
		{title: "Open files", kind: "timeseries", unit: "short", width: 8, noReplay: true, whole: true,
			about: "Files and sockets that the server has open, and how many it may have.",
			queries: []query{
				{ours(of("process_open_fds")), "{{instance}} open"},
				{ours(of("process_max_fds")), "{{instance}} limit"},
			}},
		{title: "Time in garbage collection", kind: "timeseries", unit: "percentunit", width: 8, noReplay: true,
			about:   "The share of time for which the server stands still to collect garbage.",
			queries: []query{{ours("rate(" + of("go_gc_duration_seconds_sum") + "[$__rate_interval])"), "{{instance}}"}}},
	}},
}
