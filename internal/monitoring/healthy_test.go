//go:build !race

// A month has so many scrapes that the race detector, which finds nothing in them, would make minutes of it. "make test"
// runs this file without it.

package monitoring

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"gastown/internal/town"
)

// The healthy month is scraped and evaluated every two minutes: often enough that every rate sees two scrapes, and
// seldom enough for a test.
const (
	healthyDays = 30
	healthyStep = 2 * time.Minute
)

// TestAHealthyMonthWakesNobody plays a town for thirty days in which nothing is wrong that would not be in any: people
// come and go, mistype and pause the town for lunch, attempts fail, the git host hesitates, a tick takes long once in
// a while, and the server is upgraded every other night. No alert may fire.
func TestAHealthyMonthWakesNobody(t *testing.T) {
	t.Parallel()
	p := newPlay(t, "healthy", 6, healthyStep)
	p.live()
	p.until(dawn.Add(healthyDays * 24 * time.Hour))
	closed := 0
	for _, b := range p.s.Beads() {
		if b.Type == town.Issue && b.Outcome == town.OutcomeMerged {
			closed++
		}
	}
	if closed < 100 {
		t.Fatalf("a healthy town merges more than %d issues in the week that it keeps them", closed)
	}
	at := backfilled(t, p.seen)
	// The month is there to be asked about, with its small troubles.
	for query, least := range map[string]float64{
		"count_over_time(up[30d])":                                                        healthyDays*24*30 - 10,
		"sum_over_time((up == bool 0)[30d:2m])":                                           5,
		"sum(max_over_time(gastown_events_rejected_total[30d]))":                          2,
		`sum(max_over_time(gastown_reconciler_side_effects_total{result="failed"}[30d]))`: 5,
	} {
		got := ask(t, at, "/api/v1/query", query, map[string][]string{"time": {fmt.Sprint(p.now.Unix())}})
		if len(got) != 1 || number(t, got[0].Value[1]) < least {
			t.Errorf("%s is %v, want at least %v", query, got, least)
		}
	}
	for _, a := range alerts(t) {
		if fired := firings(t, at, a, "healthy", dawn.Add(healthyStep), p.now, healthyStep); len(fired) > 0 {
			t.Errorf("somebody is woken:\n%s", names(fired))
		}
	}
}

// live has the world of a healthy town go on by itself.
func (p *play) live() {
	between := func(least, most time.Duration) time.Duration {
		return least + time.Duration(p.rng.Int64N(int64(most-least)))
	}
	p.working = func() time.Duration { return between(8*time.Minute, 50*time.Minute) }
	p.merging = func() time.Duration { return between(time.Minute, 8*time.Minute) }
	p.took = func() time.Duration {
		if p.rng.IntN(500) == 0 {
			return 700 * time.Millisecond
		}
		return between(time.Millisecond, 20*time.Millisecond)
	}
	p.carry = func(e *town.Effect) (town.Payload, bool) {
		switch {
		case e.Kind == town.EffectVerify && p.rng.IntN(40) == 0:
			return &town.BranchVerified{Error: "the host hesitates"}, true
		case e.Kind == town.EffectDispatch && p.rng.IntN(60) == 0:
			return &town.DispatchRejected{Class: "resources", Infra: true, Reason: "no memory"}, true
		case e.Kind == town.EffectDispatch && e.Dispatch.Merge == nil && p.rng.IntN(12) == 0:
			run, agent := e.Run, e.Agent
			p.silent[run] = true
			p.after(between(time.Minute, 20*time.Minute), func() { p.exit(agent, run, town.RunFailed) })
		}
		return nil, true
	}
	p.often(7*time.Minute, func() { p.person(p.rng) })
	p.often(48*time.Hour, p.upgrade)
}

// person is at work on weekdays.
func (p *play) person(rng *rand.Rand) {
	hour, day := p.now.Hour(), p.now.Weekday()
	if hour < 8 || hour > 17 || day == time.Saturday || day == time.Sunday {
		return
	}
	switch n := rng.IntN(100); {
	case n < 25:
		p.people(1 + rng.IntN(3))
	case n < 27:
		p.submit(town.Event{Bead: "gt-mistyped", By: "admin", Payload: &town.BeadHeld{}})
	case n < 28 && hour == 12:
		p.submit(town.Event{By: "admin", Payload: &town.TownPaused{Reason: "lunch"}})
		p.after(45*time.Minute, func() { p.submit(town.Event{By: "admin", Payload: &town.TownResumed{}}) })
	case n < 29:
		title := "A better title"
		for _, b := range p.s.Beads() {
			if b.Type == town.Issue && b.Status == town.Open {
				p.submit(town.Event{Bead: b.ID, By: "admin", Payload: &town.BeadUpdated{Title: &title}})
				return
			}
		}
	}
}

// upgrade takes the server away for a moment; its counters begin at zero after that.
func (p *play) upgrade() {
	p.down = true
	p.after(40*time.Second, func() {
		p.start()
		p.m.Pending(townName, len(p.pending))
	})
}

// names lists the alerts of firings, for messages.
func names(all []firing) string {
	var out []string
	for _, x := range all {
		out = append(out, fmt.Sprintf("%s %v from %s to %s", x.labels["alertname"], x.labels, x.from, x.to))
	}
	return strings.Join(out, "\n")
}
