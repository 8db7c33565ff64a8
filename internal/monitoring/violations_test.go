package monitoring

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"gastown/internal/observe"
	"gastown/internal/town"
)

// The alert asks the same as the panels, of five minutes.
func TestTheAlertAsksWhatThePanelsAsk(t *testing.T) {
	t.Parallel()
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	for _, a := range alerts(t) {
		if a.Name != "InvariantViolation" {
			continue
		}
		want := violated("last_over_time(gastown_invariant_violations_total[5m])", "5m", "300") + " > 0"
		if words(a.Expr) != words(want) {
			t.Errorf("the alert asks\n%s\nthe panels ask\n%s", a.Expr, want)
		}
		return
	}
	t.Error("there is no such alert")
}

// spoil takes the record of an agent at work out of the town: the next tick finds a violation.
func (p *play) spoil() {
	if err := p.s.Absorb(lost(p.t, p.s, town.TimeOf(p.now), town.KindAgent, string(p.holder().ID))); err != nil {
		p.t.Fatal(err)
	}
	p.alarm = p.now
}

// found is how many violations the town has had.
func (p *play) found() float64 {
	n := int64(0)
	for _, inv := range town.Invariants() {
		n += p.s.ViolationsFound(inv.Number)
	}
	return float64(n)
}

// When what happens in the town of violations: one is found at work, the server is restarted soon after, and long after
// that another one is found by the first tick of a start. A Prometheus is made new at that start, and one an hour's
// quarter later.
const (
	foundAt   = 10*time.Minute + 4*time.Second
	againAt   = 12 * time.Minute
	startedAt = 30*time.Minute + 4*time.Second
	lateAt    = 45 * time.Minute
	overAt    = 55 * time.Minute
)

// violationsPlayed is that, as three Prometheus see it.
func violationsPlayed(t testing.TB) (known, fresh, late *recording, first, second float64) {
	p := newPlay(t, "known", 4, scrapeStep)
	known, fresh, late = &recording{instance: "known"}, &recording{instance: "fresh"}, &recording{instance: "late"}
	p.watch = func(m *observe.Metrics) {
		known.take(p, m)
		if p.now.After(dawn.Add(startedAt)) {
			fresh.take(p, m)
		}
		if p.now.After(dawn.Add(lateAt)) {
			late.take(p, m)
		}
	}
	p.working = func() time.Duration { return 4 * time.Hour }
	p.people(8)
	p.after(foundAt, p.spoil)
	p.after(againAt, func() { first, p.down = p.found(), true })
	p.after(againAt+40*time.Second, p.start)
	p.after(startedAt-3*time.Minute, func() { p.down = true })
	p.after(startedAt, func() {
		p.spoil()
		p.start()
	})
	p.until(dawn.Add(overAt))
	return known, fresh, late, first, p.found() - first
}

// TestViolationsAreCountedExactly asks a real Prometheus for the panel and the alert at every point of an hour in which
// violations are found: they say how many, no matter whether a server had been scraped before, was restarted, or was
// seen by nobody before.
func TestViolationsAreCountedExactly(t *testing.T) {
	t.Parallel()
	known, fresh, late, first, second := violationsPlayed(t)
	if first == 0 || second == 0 {
		t.Fatalf("there were %v and %v violations", first, second)
	}
	at := recorded(t, known, fresh, late)
	const span = 5 * time.Minute
	for _, c := range []struct {
		what     string
		instance string
		from, to time.Duration
		want     float64
	}{
		{"nothing before", "known", time.Minute, foundAt, 0},
		{"found at work", "known", foundAt, againAt, first},
		{"a restart in the span", "known", againAt + time.Minute, foundAt + span, first},
		{"longer ago than the span", "known", foundAt + span, startedAt - 3*time.Minute, 0},
		{"found at a start, by a Prometheus that knew the town", "known", startedAt, startedAt + span, second},
		{"found at a start, by a new Prometheus", "fresh", startedAt, startedAt + span, second},
		{"longer ago than the span, by a new Prometheus", "fresh", startedAt + span, overAt, 0},
		{"longer ago than the span and before the first scrape", "late", lateAt, overAt, 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			panel := filled(violations("instance", "$__range", "$__range_s"), span, scrapeStep, span)
			var rule string
			for _, a := range alerts(t) {
				if a.Name == "InvariantViolation" {
					rule = "sum by (instance) (" + a.Expr + ")"
				}
			}
			// Between a moment and the scrape that sees it, and as long after the span, nothing is promised.
			begin, end := dawn.Add(c.from).Truncate(scrapeStep).Add(scrapeStep+after), dawn.Add(c.to).Add(-scrapeStep)
			asked := 0
			for now := begin; now.Before(end); now = now.Add(scrapeStep) {
				asked++
				value := func(q string) float64 {
					for _, f := range ask(t, at, "/api/v1/query", q, url.Values{"time": {fmt.Sprint(now.Unix())}}) {
						if f.Metric["instance"] == c.instance {
							return number(t, f.Value[1])
						}
					}
					return -1
				}
				if got := value(panel); got != c.want {
					t.Errorf("at %s the panel says %v, want %v", now, got, c.want)
				}
				if got := max(value(rule), 0); got != c.want {
					t.Errorf("at %s the alert says %v, want %v", now, got, c.want)
				}
			}
			if asked < 5 {
				t.Errorf("only %d points were asked for", asked)
			}
		})
	}
	t.Run("each is drawn once", func(t *testing.T) {
		t.Parallel()
		for _, step := range []time.Duration{scrapeStep, time.Minute, 3 * time.Minute} {
			for instance, want := range map[string]float64{"known": first + second, "fresh": second, "late": 0} {
				if got := drawn(t, at, instance, step); got != want {
					t.Errorf("with points each %s, %v violations of %s are drawn, want %v", step, got, instance, want)
				}
			}
		}
	})
}

// drawn is the sum of all points of Violations by invariant, in which nothing lasts from one to the next.
func drawn(t *testing.T, at, instance string, step time.Duration) float64 {
	t.Helper()
	sum := 0.0
	query := filled(panelOfTitle(t, "Violations by invariant").queries[0].expr, step, step, overAt)
	for _, f := range ask(t, at, "/api/v1/query_range", query, url.Values{
		"start": {fmt.Sprint(dawn.Add(after).Unix())}, "end": {fmt.Sprint(dawn.Add(overAt).Unix())},
		"step": {fmt.Sprint(step.Seconds())},
	}) {
		for _, v := range f.Values {
			if f.Metric["instance"] == instance {
				sum += number(t, v[1])
			}
		}
	}
	return sum
}
