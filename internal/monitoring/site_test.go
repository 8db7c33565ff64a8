package monitoring

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gastown/internal/client"
	"gastown/internal/demo"
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
	began      time.Time // the work
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
	s.began = time.Now()
	done := make(chan error, 1)
	go func() { done <- demo.Follow(s.ctx, s.proc.Client(), convoy, io.Discard) }()
	return done
}

// concrete puts into an expression of the dashboard what Grafana would for servers that are scraped each second.
func concrete(expr string) string {
	return filled(expr, 10*time.Second, 5*time.Second, 5*time.Minute)
}

// filled puts in everything that is chosen and the windows of rates, between points and of all that is shown.
func filled(expr string, rates, points, shown time.Duration) string {
	seconds := func(d time.Duration) string { return fmt.Sprint(int(d.Seconds())) }
	return strings.NewReplacer("$job", ".+", "$instance", ".+", "$town", ".*", "$rig", ".*",
		"$__rate_interval", seconds(rates)+"s", "$__interval_ms", seconds(points)+"000", "$__interval", seconds(points)+"s",
		"$__range_s", seconds(shown), "$__range", seconds(shown)+"s").Replace(expr)
}

// questions are the expressions of all panels, and whatever a rule looks at, by where they are from. Of a panel with
// several one must have an answer: what there is nothing of is left out beside a line of all. A rule as a whole must
// have no answer while all is well.
func questions(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, p := range dashboard(t).Panels {
		var all []string
		for _, q := range p.Targets {
			all = append(all, "("+concrete(q.Expr)+")")
		}
		if len(all) > 0 {
			out["panel "+p.Title] = strings.Join(all, " or ")
		}
	}
	selector := regexp.MustCompile(`\b(?:gastown_[a-z0-9_]+|up)(?:\{[^}]*\})?`)
	for _, a := range alerts(t) {
		for i, q := range selector.FindAllString(asked(a.Expr), -1) {
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

// servers is what the panel Server shows. Prometheus scrapes others too, which are none of ours.
func (s *site) servers() string {
	var out []string
	for _, f := range ask(s.t, s.prometheus, "/api/v1/query", concrete(serverUp), nil) {
		out = append(out, fmt.Sprint(f.Metric["instance"], "=", f.Value[1]))
	}
	return strings.Join(out, " ")
}

// series are those of the server, apart from those that requests make, with the newest value of each.
func (s *site) series() map[string]float64 {
	out := map[string]float64{}
	for _, f := range ask(s.t, s.prometheus, "/api/v1/query", `{__name__=~"gastown_.*",__name__!~"gastown_http_.*"}`, nil) {
		out[fmt.Sprint(f.Metric)] = number(s.t, f.Value[1])
	}
	return out
}
