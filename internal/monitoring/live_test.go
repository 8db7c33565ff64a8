package monitoring

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gastown/internal/auth"
	"gastown/internal/client"
	"gastown/internal/demo"
	"gastown/internal/journal"
	"gastown/internal/journal/sqlite"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// site is a real server in a process of its own, with a real workload, watched by a real Prometheus with the
// configuration of deploy and a real Alertmanager.
type site struct {
	t          *testing.T
	ctx        context.Context
	home, at   string
	proc       *demo.Process
	prometheus string
	pager      *pager
}

// testTime bounds everything on a slow machine.
const testTime = 4 * time.Minute

func newSite(t *testing.T) *site {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTime)
	t.Cleanup(cancel)
	dir := t.TempDir()
	s := &site{t: t, ctx: ctx, home: filepath.Join(dir, "home"), at: freePort(t)}
	s.serve()
	t.Cleanup(func() {
		end, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := demo.Clean(end, s.proc, s.home); err != nil {
			t.Errorf("cleaning up: %v", err)
		}
	})
	// A scrape each second instead of each fifteen.
	am, pager := alertmanager(t, 15)
	files := filepath.Join(unpacked(t), "prometheus")
	config := filepath.Join(files, "prometheus.yml")
	replace(t, config, "interval: 15s", "interval: 1s", "/run/gastown/admin.token", filepath.Join(s.home, "admin.token"),
		"gastown:7333", s.at, "alertmanager:9093", am, "http://localhost:7333", "http://"+s.at)
	s.pager = pager
	s.prometheus = program(t, "prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--enable-feature=exemplar-storage", "--rules.alert.resend-delay=1s")
	return s
}

// serve starts the server, again at the same address.
func (s *site) serve() {
	s.t.Helper()
	p, err := demo.Serve(s.ctx, os.Args[0], s.home, s.at)
	if err != nil {
		s.t.Fatal(err)
	}
	s.proc = p
}

func (s *site) town() *client.Town { return s.proc.Client().Town(demo.TownID) }

// work begins the demo and returns what is closed when everything has landed.
func (s *site) work() <-chan error {
	s.t.Helper()
	w, err := demo.NewWorld(s.ctx, s.t.TempDir())
	if err != nil {
		s.t.Fatal(err)
	}
	convoy, err := demo.Begin(s.ctx, s.proc.Client(), w)
	if err != nil {
		s.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- demo.Follow(s.ctx, s.proc.Client(), convoy, io.Discard) }()
	return done
}

// concrete puts into an expression of the dashboard what Grafana would.
func concrete(expr string) string {
	return strings.NewReplacer("$town", ".*", "$rig", ".*", "$__rate_interval", "10s", "$__range", "5m").Replace(expr)
}

// questions are the expressions of all panels, and whatever a rule looks at, by where they are from. A rule as a
// whole must have no answer while all is well.
func questions(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, p := range dashboard(t).Panels {
		for _, q := range p.Targets {
			out["panel "+p.Title+" "+q.RefID] = concrete(q.Expr)
		}
	}
	selector := regexp.MustCompile(`\b(?:gastown_[a-z0-9_]+|up)(?:\{[^}]*\})?`)
	for _, a := range alerts(t) {
		for i, q := range selector.FindAllString(a.Expr, -1) {
			out[fmt.Sprint("rule ", a.Name, " ", i)] = q
		}
	}
	return out
}

// answered reports whether the Prometheus has a number for the question.
func (s *site) answered(question string) bool {
	for _, f := range ask(s.t, s.prometheus, "/api/v1/query", question, nil) {
		if v := fmt.Sprint(f.Value[1]); v != "NaN" && !strings.HasSuffix(v, "Inf") {
			return true
		}
	}
	return false
}

// allAnswered waits until every question has had an answer.
func (s *site) allAnswered(open map[string]string) {
	s.t.Helper()
	open = maps.Clone(open)
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for len(open) > 0 {
		for from, q := range open {
			if s.answered(q) {
				delete(open, from)
			}
		}
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			s.t.Fatalf("no data for %v", open)
		}
	}
}

// series are those of the server, apart from those that requests make, with the newest value of each.
func (s *site) series() map[string]float64 {
	out := map[string]float64{}
	for _, f := range ask(s.t, s.prometheus, "/api/v1/query", `{__name__=~"gastown_.*",__name__!~"gastown_http_.*"}`, nil) {
		out[fmt.Sprint(f.Metric)] = number(s.t, f.Value[1])
	}
	return out
}

// TestARealServerIsWatched has the demo done by a real server, with everything around it real too.
func TestARealServerIsWatched(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	landed := s.work()
	s.allAnswered(questions(t))
	if err := <-landed; err != nil {
		t.Fatal(err)
	}
	t.Run("names", s.checkNames)
	t.Run("exemplars", s.checkExemplars)
	t.Run("restart", s.checkRestart)
	t.Run("pages", s.checkPages)
}

// unused are metrics that neither a panel nor a rule asks for, with the reason.
var unused = map[string]string{}

// Every metric that a panel or rule names is there, and every one of gastown's is looked at or left out on purpose.
func (s *site) checkNames(t *testing.T) {
	token, err := auth.ReadAdmin(s.home)
	if err != nil {
		t.Fatal(err)
	}
	text, err := get(s.ctx, "http://"+s.at+"/metrics", token)
	if err != nil {
		t.Fatal(err)
	}
	exported := map[string]bool{"up": true} // by Prometheus itself
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) `).FindAllStringSubmatch(text, -1) {
		exported[m[1]] = true
		if !strings.Contains(text, "# HELP "+m[1]+" ") {
			t.Errorf("%s has no help", m[1])
		}
	}
	used := map[string]bool{}
	for from, q := range questions(t) {
		for _, name := range metricName.FindAllString(q, -1) {
			for _, ending := range []string{"_bucket", "_count", "_sum"} {
				if base := strings.TrimSuffix(name, ending); base != name && exported[base] {
					name = base
				}
			}
			used[name] = true
			if !exported[name] {
				t.Errorf("%s asks for %s, which is not exported", from, name)
			}
		}
	}
	for name := range exported {
		if strings.HasPrefix(name, "gastown_") && used[name] == (unused[name] != "") {
			t.Errorf("%s: used is %v, and unused on purpose because %q", name, used[name], unused[name])
		}
	}
}

// A point of the histogram says which tick it is.
func (s *site) checkExemplars(t *testing.T) {
	r, err := http.PostForm("http://"+s.prometheus+"/api/v1/query_exemplars", url.Values{
		"query": {"gastown_reconciler_tick_duration_seconds_bucket"},
		"start": {fmt.Sprint(time.Now().Add(-time.Hour).Unix())}, "end": {fmt.Sprint(time.Now().Unix())},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || !regexp.MustCompile(`"labels":\{"tick":"\d+","town":"demo"\}`).Match(text) {
		t.Errorf("no exemplar names a tick: %s (%v)", text, err)
	}
}

// A restart leaves no hole: whatever was there is there again at the first scrape, counters that nothing has counted
// yet included, and what the state says is as it was.
func (s *site) checkRestart(t *testing.T) {
	await(t, "the end of the work to be seen", func() bool { return s.answered(`gastown_beads{type="convoy",status="closed"} > 0`) })
	before, stopped := s.series(), time.Now()
	if err := s.proc.Stop(s.ctx); err != nil {
		t.Fatal(err)
	}
	await(t, "the server to be away", func() bool { return !s.answered("up == 1") })
	s.serve()
	await(t, "the server to be back", func() bool { return s.answered("gastown_reconciler_ticks_total > 0") })
	after := s.series()
	for name, v := range before {
		now, there := after[name]
		if !there {
			t.Errorf("after the restart there is no %s", name)
		}
		if strings.Contains(name, "__name__:gastown_beads ") && now != v {
			t.Errorf("after the restart %s is %v, before it was %v", name, now, v)
		}
	}
	if len(before) < 200 {
		t.Errorf("there were %d series", len(before))
	}
	s.checkNoGap(t, stopped)
}

// checkNoGap wants every question answered over both of the server's lives, without a hole but for the seconds in
// which it was away.
func (s *site) checkNoGap(t *testing.T, stopped time.Time) {
	t.Helper()
	span := url.Values{"start": {fmt.Sprint(stopped.Add(-3 * time.Second).Unix())}, "end": {fmt.Sprint(time.Now().Unix())}, "step": {"1"}}
	values := func(q string) int {
		seconds := map[string]bool{}
		for _, f := range ask(t, s.prometheus, "/api/v1/query_range", q, span) {
			for _, v := range f.Values {
				seconds[fmt.Sprint(v[0])] = true
			}
		}
		return len(seconds)
	}
	there := values("up == 1")
	for from, q := range questions(t) {
		// A second more, because a scrape may lie on either side of one.
		if n := values(q); n < there-1 {
			t.Errorf("%s has values for %d seconds, the server was there for %d: %s", from, n, there, q)
		}
	}
}

// checkPages brings two faults about in the real server; each is told once.
func (s *site) checkPages(t *testing.T) {
	for range 15 {
		_, err := s.town().BeadVerb(s.ctx, "gt-none", "hold", wire.Reason{Reason: "a program is wrong"})
		if err == nil {
			t.Fatal("a bead that does not exist was held")
		}
	}
	s.awaitPage(t, "EventsRejected")
	s.damage(t)
	s.awaitPage(t, "InvariantViolation")
	// Ten evaluations later nothing else has been said.
	await(t, "ten evaluations", func() bool {
		return s.answered(`count_over_time(ALERTS{alertname="InvariantViolation",alertstate="firing"}[1m]) >= 10`)
	})
	var told []string
	for _, p := range s.pager.of(s.at) {
		told = append(told, p.CommonLabels["alertname"])
	}
	slices.Sort(told)
	if got := strings.Join(told, " "); got != "EventsRejected InvariantViolation" {
		t.Errorf("the pages are %s", got)
	}
}

// awaitPage waits for a page and looks at its links.
func (s *site) awaitPage(t *testing.T, alert string) {
	t.Helper()
	var page page
	await(t, "a page of "+alert, func() bool {
		for _, p := range s.pager.of(s.at) {
			if p.CommonLabels["alertname"] == alert {
				page = p
				return true
			}
		}
		return false
	})
	notes := page.CommonAnnotations
	if text, err := get(s.ctx, notes["runbook_url"], ""); err != nil || !strings.HasPrefix(text, "# "+alert) {
		t.Errorf("%s: the runbook cannot be read: %v", alert, err)
	}
	link, err := url.Parse(notes["replay_url"])
	if err != nil || link.Path != "/towns/demo/replay" {
		t.Errorf("%s: the replay is at %q (%v)", alert, notes["replay_url"], err)
	}
	from, err1 := time.Parse(time.RFC3339, link.Query().Get("from"))
	to, err2 := time.Parse(time.RFC3339, link.Query().Get("to"))
	if err1 != nil || err2 != nil || to.Sub(from) != 15*time.Minute || time.Since(to) > time.Minute {
		t.Errorf("%s: the replay is from %s to %s", alert, from, to)
	}
	if want := "Town demo"; !strings.HasPrefix(notes["summary"], want) || !strings.Contains(notes["description"], " ") {
		t.Errorf("%s: it says %q: %q", alert, notes["summary"], notes["description"])
	}
}

// damage stops the server, takes the record of a bead that another one waits for out of its journal, and starts it
// again: the edge between the two then leads to nothing.
func (s *site) damage(t *testing.T) {
	t.Helper()
	var made [2]wire.Bead
	for i := range made {
		var err error
		if made[i], err = s.town().Sling(s.ctx, town.NewBead{Title: "Held", Rig: "greet", Held: true}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.town().Depend(s.ctx, made[1].ID, made[0].ID); err != nil {
		t.Fatal(err)
	}
	if err := s.proc.Stop(s.ctx); err != nil {
		t.Fatal(err)
	}
	j, err := sqlite.Open(s.ctx, filepath.Join(s.home, "gastown.db"))
	if err != nil {
		t.Fatal(err)
	}
	state, err := journal.Recover(s.ctx, j, demo.TownID)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.CommitTick(s.ctx, demo.TownID, lost(t, state, state.At().Add(1), town.KindBead, string(made[0].ID))); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	s.serve()
}
