package monitoring

var observation = row{"Observation", 8, []panel{
	{title: "Looks and events", kind: "timeseries", unit: "ops", width: 8,
		about: "Looks at agents' processes, and how many became an event because something was different.",
		queries: []query{
			{rate("gastown_container_status_observations_total", byTown), thatTown + " looks"},
			{rate("gastown_container_status_events_total", byTown), thatTown + " events"},
		}},
	{title: "Noise filtered", kind: "stat", unit: "percentunit", width: 8, max: 1,
		about: "The share of looks in the time shown that found nothing new and wrote nothing.",
		queries: []query{{"1 - " + inRange("gastown_container_status_events_total") + "\n  / clamp_min(" +
			inRange("gastown_container_status_observations_total") + ", 1)", thatTown}}},
	{title: "Looks by what they found", kind: "timeseries", unit: "ops", width: 8, colours: looksColours,
		about: "What the runtime and the heartbeats said. Unknown is a runtime that does not answer.",
		queries: []query{
			{counted(rate, "gastown_container_status_observations_total", byTown+", status"), thatTown + " {{status}}"},
			{rate("gastown_container_status_observations_total", byTown), thatTown + " all"},
		}},
}}

// inRange is how many were counted in the time shown. It is good for shares alone, since it is extrapolated.
func inRange(name string) string {
	return "sum by (" + byTown + ") (" + answering("increase("+of(name, inTown)+"[$__range])") + ")"
}

var journalAndAPI = row{"Journal and API", 8, []panel{
	{title: "Time of a commit", kind: "timeseries", unit: "s", width: 8, noReplay: true, perTick: true,
		colours: quantileColours,
		about: "How long making a tick durable takes, of all towns; where none was in the window, the last one. Slow " +
			"disks show here.",
		queries: quantiles("gastown_journal_commit_duration_seconds", "instance", "{{instance}}",
			"max by (instance) ("+of("gastown_journal_last_commit_duration_seconds")+")")},
	{title: "Commits", kind: "timeseries", unit: "ops", width: 8, noReplay: true, perTick: true,
		colours: []colour{{" commits", "green"}, {" failed", "red"}, {" refused", "orange"}},
		about: "Ticks made durable per second, those that could not be, and events that the journal refused: a full disk, " +
			"most often.",
		queries: []query{
			{counts("gastown_journal_commit_duration_seconds_count"), "{{instance}} commits"},
			{counts("gastown_journal_commit_failures_total"), "{{instance}} failed"},
			{counts("gastown_journal_append_failures_total"), "{{instance}} refused"},
		}},
	{title: "Rejected events by type", kind: "timeseries", unit: "cpm", width: 8, perTick: true,
		about: "Events that could not be applied. A few are people's mistypes; many are a program that is wrong.",
		queries: []query{
			{counted(perMinute, "gastown_events_rejected_total", byTown+", event_type"), thatTown + " {{event_type}}"},
			{perMinute("gastown_events_rejected_total", byTown), thatTown + " all"},
		}},
	{title: "Requests by route", kind: "timeseries", unit: "reqps", width: 8, noReplay: true,
		about: "Requests to the API that have ended.",
		queries: []query{
			{requestsBy("method, route"), "{{instance}} {{method}} {{route}}"},
			{requests("instance"), "{{instance}} all"},
		}},
	{title: "Answers by code", kind: "timeseries", unit: "reqps", width: 8, noReplay: true, colours: codeColours,
		about: "What requests were answered with. 4xx are refusals, 5xx the server's own fault.",
		queries: []query{
			{requestsBy("code"), "{{instance}} {{code}}"},
			{requests("instance"), "{{instance}} all"},
		}},
	{title: "Time of requests", kind: "timeseries", unit: "s", width: 8, noReplay: true, colours: quantileColours,
		about: "How long requests take, without streams and logs, which last as long as somebody listens.",
		queries: quantiles("gastown_http_request_duration_seconds", "instance", "{{instance}}", "",
			`route!~".*(stream|logs)"`)},
}}

var process = row{"Process", 8, []panel{
	{title: "Version", kind: "stat", unit: "short", width: 4, noReplay: true, names: true,
		about:   "Which program runs.",
		queries: []query{{of("gastown_build_info"), "{{instance}} {{version}} {{go}}"}}},
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
}}
