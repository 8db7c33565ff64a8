package monitoring

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"gastown/internal/town"
)

// The quarter of an hour: when the servers are restarted, for how long they are away then, and when they are stopped
// for good.
const (
	quarter    = 15 * time.Minute
	restartAt  = 6*time.Minute + 5*time.Second
	awayFor    = 50 * time.Second
	stopAt     = 12 * time.Minute
	scrapeStep = 15 * time.Second
)

// playedQuarter is a server whose town is quiet, or has more to do than it can, over a quarter of an hour.
func playedQuarter(t testing.TB, name string, busy bool) *recording {
	p := newPlay(t, name, 4, scrapeStep)
	r := record(p)
	p.working = func() time.Duration { return 3 * time.Minute }
	p.merging = func() time.Duration { return 40 * time.Second }
	if busy {
		p.people(40)
		p.often(11*time.Second, func() {
			if !p.down {
				p.m.Observed(townName, town.Running, false)
			}
		})
		p.often(100*time.Second, func() {
			p.submit(town.Event{Bead: "gt-none", By: "admin", Payload: &town.BeadHeld{}})
		})
	}
	p.after(restartAt, func() { p.down = true })
	p.after(restartAt+awayFor, func() {
		p.start()
		p.m.Pending(townName, len(p.pending))
	})
	p.after(stopAt, func() { p.down = true })
	p.until(dawn.Add(quarter))
	return r
}

// tally counts the points at which something has a value and those at which it has none.
type tally struct{ with, without int }

func (c *tally) count(has bool) {
	if has {
		c.with++
	} else {
		c.without++
	}
}

func (c tally) String() string { return fmt.Sprintf("%d / %d", c.with, c.without) }

// polled is an expression, asked at every point.
type polled struct {
	from    string
	expr    string
	instant bool
	// answers have the values of each instance at each point; NaN is none.
	answers map[string]map[int64][]float64
}

// after is when the points are asked for: a little after each scrape.
const after = 5 * time.Second

func (q *polled) ask(t testing.TB, at string) {
	t.Helper()
	q.answers = map[string]map[int64][]float64{}
	take := func(f found, v [2]any) {
		instance := f.Metric["instance"]
		if q.answers[instance] == nil {
			q.answers[instance] = map[int64][]float64{}
		}
		when := int64(number(t, v[0]))
		q.answers[instance][when] = append(q.answers[instance][when], number(t, v[1]))
	}
	first, last := dawn.Add(scrapeStep+after), dawn.Add(quarter+after)
	if !q.instant {
		for _, f := range ask(t, at, "/api/v1/query_range", q.expr, url.Values{
			"start": {fmt.Sprint(first.Unix())}, "end": {fmt.Sprint(last.Unix())}, "step": {fmt.Sprint(scrapeStep.Seconds())},
		}) {
			for _, v := range f.Values {
				take(f, v)
			}
		}
		return
	}
	for now := first; !now.After(last); now = now.Add(scrapeStep) {
		for _, f := range ask(t, at, "/api/v1/query", q.expr, url.Values{"time": {fmt.Sprint(now.Unix())}}) {
			take(f, f.Value)
		}
	}
}

// has reports whether an instance has a value at a point, and whether it has one that is no number.
func (q *polled) has(instance string, at time.Time) (value, nan bool) {
	for _, v := range q.answers[instance][at.Add(after).Unix()] {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			nan = true
		} else {
			value = true
		}
	}
	return value, nan
}

// panelsAt are the queries of all panels as Grafana would put them, to a data source that names 15 s as the time
// between scrapes; scrape is what it takes for that where a panel names no other.
func panelsAt(t testing.TB, honoured bool) map[string][]*polled {
	t.Helper()
	out := map[string][]*polled{}
	for _, p := range dashboard(t).Panels {
		for _, q := range p.Targets {
			scrape := scrapeStep
			if q.Interval != "" && honoured {
				d, err := time.ParseDuration(q.Interval)
				if err != nil {
					t.Fatal(err)
				}
				scrape = d
			}
			rates := max(scrapeStep+scrape, 4*scrape)
			out[p.Title] = append(out[p.Title], &polled{
				from: p.Title, expr: filled(q.Expr, rates, scrapeStep, quarter), instant: q.Instant,
			})
		}
	}
	return out
}

// TestNoPanelHasAGap plays a quarter of an hour of a quiet and of a busy town, whose servers are restarted in it and
// stopped towards its end, and asks a real Prometheus that has seen that for every panel at every point. Wherever a
// server is there and has been scraped twice each panel has a value of it; wherever it is not, none has but the one
// that says so. That holds with the windows that Grafana makes of the panels' own least step and with those of a
// Grafana that takes no notice of it.
func TestNoPanelHasAGap(t *testing.T) {
	t.Parallel()
	servers := []*recording{playedQuarter(t, "quiet", false), playedQuarter(t, "busy", true)}
	at := recorded(t, servers...)
	for name, honoured := range map[string]bool{"windows of three minutes": true, "windows of one minute": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			panels := panelsAt(t, honoured)
			for _, queries := range panels {
				for _, q := range queries {
					q.ask(t, at)
				}
			}
			t.Log(table(t, servers, panels))
		})
	}
	t.Run("zeroes", func(t *testing.T) {
		t.Parallel()
		zeroesAreLeftOut(t, at, servers)
	})
	t.Run("rules", func(t *testing.T) {
		t.Parallel()
		rulesOverAQuarter(t, at, servers)
	})
}

// table counts the points of each panel, and complains of those that are not as they should be.
func table(t *testing.T, servers []*recording, panels map[string][]*polled) string {
	t.Helper()
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	heading := []string{"points with / without a value"}
	for _, s := range servers {
		heading = append(heading, s.instance+" up", s.instance+" new", s.instance+" down")
	}
	_, _ = fmt.Fprintln(w, strings.Join(heading, "\t")) // into memory
	for _, title := range slices.Sorted(maps.Keys(panels)) {
		cells := []string{title}
		for _, s := range servers {
			up, fresh, down := countPoints(t, title, s, panels[title])
			cells = append(cells, up.String(), fresh.String(), down.String())
			switch {
			case up.with < 30 || up.without > 0:
				t.Errorf("%s: %s has no value at %d of %d points at which it is up", title, s.instance, up.without,
					up.with+up.without)
			case title == "Server" && (down.with == 0 || down.without > 0):
				t.Errorf("nothing says at %d points that %s is down", down.without, s.instance)
			case title != "Server" && (down.with > 0 || down.without == 0):
				t.Errorf("%s: %s has a value at %d points at which it is down", title, s.instance, down.with)
			}
		}
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush()
	return "\n" + out.String()
}

// countPoints looks at the points at which a server is up and has been scraped twice, those at its first scrape, and
// those at which it is down.
func countPoints(t *testing.T, title string, s *recording, queries []*polled) (up, fresh, down tally) {
	t.Helper()
	for i := range s.scrapes {
		scrape, has := &s.scrapes[i], false
		for _, q := range queries {
			value, nan := q.has(s.instance, scrape.at)
			has = has || value
			if nan {
				t.Errorf("%s: %s has no number at %s: %s", title, s.instance, scrape.at, q.expr)
			}
			if title == "Server" && value && (q.answers[s.instance][scrape.at.Add(after).Unix()][0] == 1) != scrape.up {
				t.Errorf("%s is shown otherwise than it is at %s", s.instance, scrape.at)
			}
		}
		switch {
		case !scrape.up:
			down.count(has)
		case scrape.ofLife == 1:
			fresh.count(has)
		default:
			up.count(has)
		}
	}
	return up, fresh, down
}

// rulesOverAQuarter wants whatever a rule looks at to be there while the server is, and no rule to hold for a server
// that is up; ServerDown holds while it is not.
func rulesOverAQuarter(t *testing.T, at string, servers []*recording) {
	var all []*polled
	for from, q := range questions(t) {
		others := strings.Contains(q, "job=") && !strings.Contains(q, `job="gastown"`) // who watch, and are not played
		if strings.HasPrefix(from, "rule ") && !others {
			all = append(all, &polled{from: from, expr: q})
		}
	}
	slices.SortFunc(all, func(a, b *polled) int { return strings.Compare(a.from, b.from) })
	for _, q := range all {
		q.ask(t, at)
		for _, s := range servers {
			up, _, _ := countPoints(t, q.from, s, []*polled{q})
			t.Logf("%s: %s of %s with / without a value", q.from, up, s.instance)
			if up.with < 30 || up.without > 0 {
				t.Errorf("%s: %s has no value at %d points at which the server is up: %s", q.from, s.instance, up.without, q.expr)
			}
		}
	}
	for _, a := range alerts(t) {
		q := &polled{from: a.Name, expr: a.Expr}
		q.ask(t, at)
		for _, s := range servers {
			up, fresh, down := countPoints(t, a.Name, s, []*polled{q})
			holds := up.with + fresh.with
			t.Logf("%s holds at %d points at which %s is up, at %d at which it is down", a.Name, holds, s.instance, down.with)
			if holds > 0 || (a.Name == "ServerDown") != (down.with > 0) {
				t.Errorf("%s holds at %d points at which %s is up and at %d of %d at which it is down", a.Name, holds,
					s.instance, down.with, down.with+down.without)
			}
		}
	}
}

// Series that tell kinds apart are not drawn for kinds of which there was nothing.
func zeroesAreLeftOut(t *testing.T, at string, servers []*recording) {
	kinds := regexp.MustCompile(`\{\{(action|kind|invariant|status|type|outcome|event_type|code|route)\}\}`)
	left, drawn := 0, 0
	for _, p := range dashboard(t).Panels {
		for _, q := range p.Targets {
			if q.Instant || !kinds.MatchString(q.LegendFormat) {
				continue
			}
			series := ask(t, at, "/api/v1/query_range", filled(q.Expr, 3*time.Minute, scrapeStep, quarter), url.Values{
				"start": {fmt.Sprint(dawn.Unix())}, "end": {fmt.Sprint(dawn.Add(quarter).Unix())}, "step": {"15"},
			})
			drawn += len(series)
			for _, f := range series {
				if !slices.ContainsFunc(f.Values, func(v [2]any) bool { return number(t, v[1]) != 0 }) {
					t.Errorf("%s draws a line of zeroes: %v", p.Title, f.Metric)
				}
			}
			left++
		}
	}
	if left < 12 || drawn < 15 {
		t.Errorf("%d queries tell kinds apart and draw %d series of %d servers", left, drawn, len(servers))
	}
}

// A town stands still in the overview when its loop hangs and when its work does not get on.
func TestTownsThatStandStillAreSeen(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		if f.alert != "ReconcilerStopped" && f.alert != "NoProgress" {
			continue
		}
		t.Run(f.alert, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t, f.alert, 1, scrapeStep)
			r := record(p)
			p.people(6)
			p.after(wellFor, func() { f.begin(p) })
			p.until(dawn.Add(wellFor + f.lasts))
			at := recorded(t, r)
			for when, want := range map[time.Duration]string{wellFor: "1 0", wellFor + f.lasts: "0 1"} {
				got := ""
				for _, q := range panelOfTitle(t, "Towns that move").queries {
					for _, x := range ask(t, at, "/api/v1/query", filled(q.expr, time.Minute, scrapeStep, quarter),
						url.Values{"time": {fmt.Sprint(dawn.Add(when).Unix())}}) {
						got += fmt.Sprint(" ", x.Value[1])
					}
				}
				if got != " "+want {
					t.Errorf("after %s, so many move and stand still:%s, want %s", when, got, want)
				}
			}
		})
	}
}
