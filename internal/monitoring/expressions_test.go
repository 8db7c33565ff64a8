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

// The labels that tell towns apart, and how their series begin. Two servers may have towns of one name.
const (
	byTown   = "instance, town"
	thatTown = "{{instance}} {{town}}"
)

// of are the series of a metric that the chosen servers have and that match the rest.
func of(name string, matchers ...string) string {
	return name + "{" + strings.Join(append([]string{chosen}, matchers...), ", ") + "}"
}

// answering keeps the series of servers that answer. A function over time has a value for as long as a sample is in its
// window, also when the server is gone; without that the panel would show the past as the present.
func answering(expr string) string {
	return expr + " and on (job, instance) " + of("up") + " == 1"
}

// rate is how often a second something is counted in the chosen towns.
func rate(name, by string, matchers ...string) string {
	series := of(name, append([]string{inTown}, matchers...)...)
	return fmt.Sprintf("sum by (%s) (%s)", by, answering("rate("+series+"[$__rate_interval])"))
}

// perMinute is the same for what is rare. How many there were exactly is not to be had of a rate.
func perMinute(name, by string, matchers ...string) string {
	return "60 * " + rate(name, by, matchers...)
}

// now is what a gauge shows.
func now(name, fold, by string, matchers ...string) string {
	return fmt.Sprintf("%s by (%s) (%s)", fold, by, of(name, append([]string{inTown}, matchers...)...))
}

// held is what a gauge shows, without the series that are zero all the time.
func held(name, fold, by string, matchers ...string) string {
	return shown(now(name, fold, by, matchers...), "max_over_time", name, by, matchers...)
}

// counted is what an expression makes of a counter, without the series that count nothing in the time shown.
func counted(expr func(name, by string, matchers ...string) string, name, by string, matchers ...string) string {
	return shown(expr(name, by, matchers...), "increase", name, by, matchers...)
}

func shown(expr, function, name, by string, matchers ...string) string {
	series := of(name, append([]string{inTown}, matchers...)...)
	return fmt.Sprintf("%s\n  and sum by (%s) (%s(%s[$__range] @ end())) > 0", expr, by, function, series)
}

// perTick is how many of something a tick has on average. Where no tick was in the window, it is none.
func perTick(name, by string, matchers ...string) string {
	increase := func(name, by string, matchers ...string) string {
		series := of(name, append([]string{inTown}, matchers...)...)
		return fmt.Sprintf("sum by (%s) (%s)", by, answering("increase("+series+"[$__rate_interval])"))
	}
	return increase(name, by, matchers...) + "\n  / on (" + byTown + ") group_left\nclamp_min(" +
		increase("gastown_reconciler_ticks_total", byTown) + ", 1)"
}

// quantiles are three lines of a histogram. Where nothing was counted in the window they have what newest, a gauge,
// still shows: nothing is drawn if that is empty.
func quantiles(name, by, legend, newest string, matchers ...string) []query {
	var out []query
	for _, q := range []string{"50", "95", "99"} {
		rates := answering("rate(" + of(name+"_bucket", matchers...) + "[$__rate_interval])")
		expr := fmt.Sprintf("histogram_quantile(0.%s, sum by (%s, le) (%s)) >= 0", q, by, rates)
		if newest != "" {
			expr += "\n  or\n" + newest
		}
		out = append(out, query{expr, legend + " p" + q})
	}
	return out
}

// requests are the ended ones of the API per second.
func requests(by string) string {
	count := of("gastown_http_request_duration_seconds_count")
	return fmt.Sprintf("sum by (%s) (%s)", by, answering("rate("+count+"[$__rate_interval])"))
}

// requestsBy tells them apart, without those of which there was none in the time shown.
func requestsBy(labels string) string {
	by, count := "instance, "+labels, of("gastown_http_request_duration_seconds_count")
	return fmt.Sprintf("%s\n  and sum by (%s) (increase(%s[$__range] @ end())) > 0", requests(by), by, count)
}

// counts are the commits per second, or whatever else a server counts for all towns.
func counts(name string) string {
	return "sum by (instance) (" + answering("rate("+of(name)+"[$__rate_interval])") + ")"
}

// ours keeps what a gastown says of itself: other programs have metrics of the same names.
func ours(expr string) string {
	return expr + " and on (job, instance) " + of("gastown_build_info")
}

// serverUp is whether each server answers. A server is what the job of the rules scrapes, and whatever has been a
// gastown in the time shown; where there is none at all, that is down too.
const serverUp = `max by (instance) (
  up{` + chosen + `}
    and on (job, instance)
  (up{` + chosen + `, job="gastown"} or last_over_time(gastown_build_info{` + chosen + `}[$__range]))
)
  or on ()
label_replace(vector(0), "instance", "no server", "", "")`

// standing are the towns that do not tick, or that have had work for a quarter of an hour and not moved.
func standing() string {
	age, interval := of("gastown_reconciler_tick_age_seconds", inTown), of("gastown_reconciler_interval_seconds", inTown)
	return age + " > 3 * " + interval +
		"\n  or\nmin_over_time(" + of("gastown_runnable_work", inTown) + "[15m]) > 0\n    and\ntime() - " +
		of("gastown_progress_last_timestamp_seconds", inTown) + " > 900"
}

// countStanding is how many those are, by server, and countMoving how many the others.
func countStanding() string {
	return "count by (instance) (\n" + standing() + "\n)\n  or\n0 * " + countTowns()
}

func countMoving() string { return countTowns() + "\n  - on (instance)\n(" + countStanding() + ")" }

func countTowns() string {
	return "count by (instance) (" + of("gastown_reconciler_interval_seconds", inTown) + ")"
}

// violated is how many violations there were in a span of time: those that were there at its start and those that
// were found since. The totals are kept with the town, so that nothing has to be extrapolated. What was found since is
// the total now without the one before the span; where nobody saw that, without the one that the server loaded, if it
// did so in the span, and else without the first one seen. At least there were as many as lasted at any time. Newest
// is the total as it is now; seconds says the span as a number.
func violated(newest, span, seconds string, matchers ...string) string {
	series := func(name string) string {
		if len(matchers) == 0 {
			return name
		}
		return name + "{" + strings.Join(matchers, ", ") + "}"
	}
	return strings.NewReplacer(
		"NEWEST", newest, "SPAN", span, "SECONDS", seconds,
		"TOTAL", series("gastown_invariant_violations_total"), "AT_LOAD", series("gastown_invariant_violations_at_load"),
		"ACTIVE", series("gastown_invariant_violations_active"), "LOADED", series("gastown_town_loaded_timestamp_seconds"),
	).Replace(`(
  clamp_min(
    NEWEST
      - (
        last_over_time(TOTAL[1h] offset SPAN) <= NEWEST
          or
        min_over_time(AT_LOAD[SPAN])
          and on (job, instance, town)
        min_over_time(LOADED[SPAN]) > time() - SECONDS
          or
        min_over_time(TOTAL[SPAN])
      ),
    0
  )
    + (last_over_time(ACTIVE[1h] offset SPAN) or 0 * NEWEST)
    > max_over_time(ACTIVE[SPAN])
    or
  max_over_time(ACTIVE[SPAN])
)`)
}

// violations are those of the chosen towns in a span, while their server answers.
func violations(by, span, seconds string) string {
	total := of("gastown_invariant_violations_total", inTown)
	return "sum by (" + by + ") (\n" + violated(total, span, seconds, chosen, inTown) + "\n  and " + total + "\n)"
}

// sinceThePoint is the time since the point before, in seconds, and as much more as there may be between the start of a
// server and the first point at which it has been scraped.
const sinceThePoint = "($__interval_ms / 1000 + 60)"

// violationsDrawn are those since the point before, by invariant. Of a server that has gone since that point they are
// drawn too, or some would be on no point.
func violationsDrawn() string {
	newest := "last_over_time(" + of("gastown_invariant_violations_total", inTown) + "[$__interval])"
	grown := violated(newest, "$__interval", sinceThePoint, chosen, inTown)
	return "sum by (" + byTown + ", invariant) (\n" + grown + "\n) > 0"
}
