package monitoring

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gastown/internal/auth"
	"gastown/internal/demo"
	"gastown/internal/journal"
	"gastown/internal/journal/sqlite"
	"gastown/internal/town"
	"gastown/internal/wire"
)

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
	t.Run("choices", s.checkChoices)
	t.Run("exemplars", s.checkExemplars)
	t.Run("links", s.checkLinks)
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
	check := exec.CommandContext(s.ctx, "promtool", "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool says of the metrics: %s (%v)", out, err)
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
		for _, name := range metricName.FindAllString(asked(q), -1) {
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

// Every variable of the dashboard that asks Prometheus has something to offer.
func (s *site) checkChoices(t *testing.T) {
	definition := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
	offered := map[string]bool{}
	for _, v := range dashboard(t).Templating.List {
		if v.Type != "query" {
			continue
		}
		parts := definition.FindStringSubmatch(v.Definition)
		if parts == nil {
			t.Fatalf("%s asks for no label's values: %q", v.Name, v.Definition)
		}
		for _, f := range ask(t, s.prometheus, "/api/v1/query", concrete(parts[1]), nil) {
			if value := f.Metric[parts[2]]; value != "" {
				offered[v.Name+" "+value] = true
			}
		}
	}
	for _, want := range []string{"job gastown", "instance " + s.at, "town demo", "rig greet"} {
		if !offered[want] {
			t.Errorf("%s cannot be chosen, only %v", want, slices.Sorted(maps.Keys(offered)))
		}
	}
	if len(offered) != 4 {
		t.Errorf("the choices are %v", slices.Sorted(maps.Keys(offered)))
	}
}

// Every link of a panel opens the page that it means, with the times that Grafana puts in.
func (s *site) checkLinks(t *testing.T) {
	token, err := auth.ReadAdmin(s.home)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	person := &http.Client{Jar: jar}
	if r, err := person.PostForm("http://"+s.at+"/login", url.Values{"token": {token}}); err != nil || r.Body.Close() != nil {
		t.Fatal(err)
	}
	began, now := s.began.UTC(), time.Now().UTC()
	kinds := map[string]bool{}
	for _, p := range dashboard(t).Panels {
		for _, link := range p.FieldConfig.Defaults.Links {
			kinds[p.Type] = true
			clicked := "NaN" // a number of now has no time
			if p.Type == "timeseries" {
				clicked = began.Format(iso)
			}
			address := strings.NewReplacer("${gastown_url}", "http://"+s.at, "${__field.labels.town}", string(demo.TownID),
				"${__value.time:date:iso}", clicked, "${__from:date:iso}", now.Add(-3*time.Hour).Format(iso), "${__to:date:iso}", now.Format(iso)).
				Replace(link.URL)
			r, err := person.Get(address)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(r.Body)
			_ = r.Body.Close() // it was read
			if err != nil || r.StatusCode != http.StatusOK || !strings.Contains(string(text), "<title>Replay of ") {
				t.Errorf("%s: %s leads to %s (%v)", p.Title, address, r.Status, err)
			}
		}
	}
	if len(kinds) != 4 {
		t.Errorf("only %v have links", kinds)
	}
}

// iso is how Grafana writes a time as it is asked to.
const iso = "2006-01-02T15:04:05.000Z"

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
	if got := s.servers(); got != s.at+"=1" {
		t.Errorf("the servers are %s", got)
	}
	before, stopped := s.series(), time.Now()
	if err := s.proc.Stop(s.ctx); err != nil {
		t.Fatal(err)
	}
	await(t, "the server to be away", func() bool { return !s.answered(`up{job="gastown"} == 1`) })
	if got := s.servers(); got != s.at+"=0" {
		t.Errorf("while the server is away the servers are %s", got)
	}
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
	there := values(`up{job="gastown"} == 1`)
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
	total := func() float64 {
		return number(t, ask(t, s.prometheus, "/api/v1/query", "sum(gastown_invariant_violations_total)", nil)[0].Value[1])
	}
	before := total()
	s.damage(t)
	s.awaitPage(t, "InvariantViolation")
	// It was found before the first scrape of the new server, and is as many as it is.
	shown := ask(t, s.prometheus, "/api/v1/query", concrete(violations("instance", "$__range", "$__range_s")), nil)
	if got, want := number(t, shown[0].Value[1]), total()-before; len(shown) != 1 || got != want || want < 1 {
		t.Errorf("the dashboard shows %v violations, there were %v", shown, want)
	}
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
	if text, err := get(s.ctx, notes["runbook_url"], ""); err != nil || !strings.Contains(text, ">"+alert+"</h1>") {
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
	if want := "Town demo on " + s.at; !strings.HasPrefix(notes["summary"], want) || !strings.Contains(notes["description"], " ") {
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
