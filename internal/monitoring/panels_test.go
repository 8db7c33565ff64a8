package monitoring

// rows is the whole dashboard.
var rows = []row{overview, reconciler, townRow, observation, journalAndAPI, process}

// overview is what one looks at first: is it there, does it move, does it want something.
var overview = row{"Overview", 5, []panel{
	{title: "Server", kind: "stat", unit: "short", width: 4, noReplay: true, upDown: true,
		about:   "Whether Prometheus reaches the servers. While one is down, nothing else is shown of it.",
		queries: []query{{serverUp, "{{instance}}"}}},
	{title: "Towns that move", kind: "stat", unit: "short", width: 4, whole: true, noReplay: true,
		about: "Towns that tick and, where they have work, get on with it. One stands still that has not ticked for three " +
			"intervals, or has had work for 15 minutes and moved nothing.",
		colours: []colour{{" moving", "green"}},
		queries: []query{
			{countMoving(), "{{instance}} moving"},
			{countStanding(), "{{instance}} standing still"},
		},
		limits: map[string]float64{" standing still": 1}},
	{title: "Violations", kind: "stat", unit: "short", width: 4, redAbove: true, red: 1, whole: true, noReplay: true,
		about:   "Violations of invariants in the time shown, in all chosen towns.",
		queries: []query{{violations("instance", "$__range", "$__range_s"), "{{instance}}"}}},
	{title: "Pending", kind: "stat", unit: "short", width: 3, redAbove: true, red: above50, whole: true, noReplay: true,
		about:   "Events that no tick has taken yet, in all chosen towns. Red above 50.",
		queries: []query{{now("gastown_reconciler_pending_events", "sum", "instance"), "{{instance}}"}}},
	{title: "Needs a person", kind: "stat", unit: "short", width: 3, redAbove: true, red: 1, whole: true, noReplay: true,
		about:   "What only a person can bring on, in all chosen towns. A town's page lists it under Needs you.",
		queries: []query{{now("gastown_needs_person", "sum", "instance"), "{{instance}}"}}},
	{title: "Firing alerts", kind: "alertlist", width: 6, noReplay: true,
		about: "Alerts of the chosen servers that fire, in Prometheus or in Grafana."},
}}

// above50 is the least whole number above 50: Grafana's steps begin at their value.
const above50 = 51

var reconciler = row{"Reconciler", 8, []panel{
	{title: "Events drained per tick", kind: "timeseries", unit: "short", width: 8, perTick: true,
		about:   "How many events a tick takes on average. A tick takes 500 at most; near that, the town is behind.",
		queries: []query{{perTick("gastown_reconciler_events_drained_total", byTown), thatTown}}},
	{title: "Actions emitted per tick by type", kind: "timeseries", unit: "short", width: 16, perTick: true, stacked: true,
		about: "What the rules decide in a tick on average. docs/reference/actions.md says what each means.",
		queries: []query{
			{counted(perTick, "gastown_reconciler_actions_total", byTown+", action"), thatTown + " {{action}}"},
			{perTick("gastown_reconciler_actions_total", byTown), thatTown + " all"},
		}},
	{title: "Side effects", kind: "timeseries", unit: "ops", width: 8, perTick: true, colours: resultColours,
		about:   "Effects that were begun, went well and failed. What fails is tried again, or its attempt ends.",
		queries: []query{{rate("gastown_reconciler_side_effects_total", byTown+", result"), thatTown + " {{result}}"}}},
	{title: "Reconciler wall clock", kind: "timeseries", unit: "s", width: 8, perTick: true, redAbove: true, red: 0.5,
		colours: quantileColours,
		about: "How long a Step takes, without making it durable; where no tick was in the window, the last one. The line " +
			"is where ReconcilerSlow begins. Points are single ticks, with their numbers.",
		queries: quantiles("gastown_reconciler_tick_duration_seconds", byTown, thatTown,
			now("gastown_reconciler_last_tick_duration_seconds", "max", byTown), inTown)},
	{title: "Invariant violations", kind: "stat", unit: "short", width: 4, redAbove: true, red: 1, whole: true,
		about: "Violations that were found in the time shown, and those that lasted when it began. Anything but zero is a " +
			"defect or a damaged record.",
		queries: []query{{violations(byTown, "$__range", "$__range_s"), thatTown}}},
	{title: "Pending events", kind: "gauge", unit: "short", width: 4, redAbove: true, red: above50, whole: true, max: 100,
		about:   "Events that are durable and that no tick has taken. Red above 50, where PendingEvents begins.",
		queries: []query{{now("gastown_reconciler_pending_events", "sum", byTown), thatTown}}},

	{title: "Failed side effects by kind", kind: "timeseries", unit: "ops", width: 8, perTick: true,
		about: "Which effects fail: starts and stops of agents, looks at branches, nudges, webhooks or pull requests.",
		queries: []query{
			{counted(rate, "gastown_reconciler_side_effects_total", byTown+", kind", failed), thatTown + " {{kind}}"},
			{rate("gastown_reconciler_side_effects_total", byTown, failed), thatTown + " all"},
		}},
	{title: "Violations by invariant", kind: "timeseries", unit: "short", width: 8, redAbove: true, red: 1, whole: true,
		about: "Which invariants did not hold, and when: found since the point before, or lasting. " +
			"docs/reference/invariants.md has the sentence of each number.",
		queries: []query{
			{violationsDrawn(), thatTown + " invariant {{invariant}}"},
			{violations(byTown, "$__interval", sinceThePoint), thatTown + " all"},
		}},
	{title: "Violations that last", kind: "stat", unit: "short", width: 4, redAbove: true, red: 1, whole: true,
		about:   "Violations that are there now although the town has done what it can. A person is needed.",
		queries: []query{{now("gastown_invariant_violations_active", "sum", byTown), thatTown}}},
	{title: "Last tick", kind: "stat", unit: "dateTimeFromNow", width: 4,
		about:   "When the town was last looked at.",
		queries: []query{{"1000 * " + now("gastown_reconciler_last_tick_timestamp_seconds", "max", byTown), thatTown}}},
	{title: "Recoveries by invariant", kind: "timeseries", unit: "cpm", width: 8, perTick: true,
		about: "Violations that the town mended by itself in the tick that found them.",
		queries: []query{
			{counted(perMinute, "gastown_invariant_recoveries_total", byTown+", invariant"),
				thatTown + " invariant {{invariant}}"},
			{perMinute("gastown_invariant_recoveries_total", byTown), thatTown + " all"},
		}},
	{title: "Ticks", kind: "timeseries", unit: "ops", width: 8, perTick: true,
		about:   "Steps per second. A quiet town makes one each minute, one with active work at least one in five seconds.",
		queries: []query{{rate("gastown_reconciler_ticks_total", byTown), thatTown}}},
	{title: "Since the last tick, in intervals", kind: "timeseries", unit: "short", width: 8, redAbove: true, red: 3,
		about: "How long ago the last tick was, by the longest time that the loop sleeps. At three, ReconcilerStopped " +
			"begins.",
		queries: []query{{"max by (" + byTown + ") (" + of("gastown_reconciler_tick_age_seconds", inTown) + " / " +
			of("gastown_reconciler_interval_seconds", inTown) + ")", thatTown}}},
}}

const (
	failed   = `result="failed"`
	issues   = `type="issue"`
	unclosed = `status!="closed"`
	live     = `status!~"closed|failed"`
)

var townRow = row{"Town", 8, []panel{
	{title: "Issues by status", kind: "timeseries", unit: "short", width: 8, whole: true, colours: beadColours,
		about: "Issues that are not closed.",
		queries: []query{
			{held("gastown_beads", "sum", byTown+", status", issues, unclosed), thatTown + " {{status}}"},
			{now("gastown_beads", "sum", byTown, issues, unclosed), thatTown + " all"},
		}},
	{title: "Closed issues", kind: "timeseries", unit: "short", width: 8, whole: true, colours: beadColours,
		about:   "Issues that are closed and not in the archive yet, where they go after the retention.",
		queries: []query{{now("gastown_beads", "sum", byTown, issues, `status="closed"`), thatTown + " closed"}}},
	{title: "Other live beads by type", kind: "timeseries", unit: "short", width: 8, whole: true,
		about: "Merge requests, convoys, escalations, messages and triage requests that are neither closed nor failed.",
		queries: []query{
			{held("gastown_beads", "sum", byTown+", type", `type!="issue"`, live), thatTown + " {{type}}"},
			{now("gastown_beads", "sum", byTown, `type!="issue"`, live), thatTown + " all"},
		}},
	{title: "Agents by status", kind: "timeseries", unit: "short", width: 8, whole: true, colours: agentColours,
		about: "Agents of the town. A stalled one has been inactive for two hours.",
		queries: []query{
			{held("gastown_agents", "sum", byTown+", role, status"), thatTown + " {{role}} {{status}}"},
			{now("gastown_agents", "sum", byTown), thatTown + " all"},
		}},
	{title: "What needs a person", kind: "timeseries", unit: "short", width: 8, whole: true,
		about: "What only a person can bring on, by what has to be done.",
		queries: []query{
			{held("gastown_needs_person", "sum", byTown+", kind"), thatTown + " {{kind}}"},
			{now("gastown_needs_person", "sum", byTown), thatTown + " all"},
		}},
	{title: "Time without progress", kind: "timeseries", unit: "s", width: 8, redAbove: true, red: 900,
		about:   "How long ago a bead was last started, finished, merged or closed. It matters where there is runnable work.",
		queries: []query{{"time() - " + now("gastown_progress_last_timestamp_seconds", "max", byTown), thatTown}}},
	{title: "Runnable work", kind: "timeseries", unit: "short", width: 8, whole: true,
		about: "What waits for nothing but its start although there is a place. More than zero for long, without progress, " +
			"is NoProgress.",
		queries: []query{{now("gastown_runnable_work", "sum", byTown), thatTown}}},
	{title: "Longest in its status", kind: "timeseries", unit: "s", width: 8, colours: beadColours,
		about: "How long the issue or merge request has been open, in progress or in review that has been for longest. " +
			"gastown status and why say which.",
		queries: []query{
			{held("gastown_bead_state_age_seconds_max", "max", byTown+", status"), thatTown + " {{status}}"},
			{now("gastown_bead_state_age_seconds_max", "max", byTown), thatTown + " all"},
		}},
	{title: "Attempts by outcome", kind: "timeseries", unit: "cpm", width: 8, stacked: true, perTick: true,
		colours: outcomeColours,
		about:   "How attempts at beads ended. Anything but done is followed by another attempt or a failed bead.",
		queries: []query{
			{counted(perMinute, "gastown_dispatch_attempts_total", byTown+", outcome"), thatTown + " {{outcome}}"},
			{perMinute("gastown_dispatch_attempts_total", byTown), thatTown + " all"},
		}},
	{title: "Merge queue", kind: "timeseries", unit: "short", width: 8, whole: true,
		about:   "Live merge requests of each rig, those that wait for rework or a pull request included.",
		queries: []query{{now("gastown_merge_queue_depth", "sum", byTown+", rig", inRig), thatTown + " {{rig}}"}}},
	{title: "Longest wait for a merge", kind: "timeseries", unit: "s", width: 8, redAbove: true, red: 3600,
		about: "How long a merge request has waited for its turn alone, or has been merged. At an hour, MergeQueueStarved " +
			"begins.",
		queries: []query{{now("gastown_merge_queue_oldest_seconds", "max", byTown+", rig", inRig), thatTown + " {{rig}}"}}},
	{title: "Runs of gates", kind: "timeseries", unit: "short", width: 8,
		about: "How runs of gates ended, per minute. Flaky is one that passed after it had failed on the same commit.",
		queries: []query{
			{counted(perMinute, "gastown_gate_runs_total", byTown+", gate, result"), thatTown + " {{gate}} {{result}}"},
			{perMinute("gastown_gate_runs_total", byTown), thatTown + " all"},
		}},
	{title: "Time of gates", kind: "timeseries", unit: "s", width: 8,
		about: "How long the runs of a gate took on average.",
		queries: []query{{rate("gastown_gate_duration_seconds_sum", byTown+", gate") + "\n  / clamp_min(" +
			rate("gastown_gate_duration_seconds_count", byTown+", gate") + ", 0.000001)", thatTown + " {{gate}}"}}},
	{title: "Open breakers", kind: "bargauge", unit: "short", width: 8, redAbove: true, red: 1, whole: true, max: 1,
		about: "Scopes and classes of failures for which starts are kept back.",
		queries: []query{{now("gastown_breaker_open", "max", byTown+", scope, class") + " > 0\n  or\n" +
			now("gastown_breaker_open", "max", byTown) + " == 0", thatTown + " {{scope}} {{class}}"}}},
}}
