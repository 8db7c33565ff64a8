package monitoring

import (
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gastown/internal/observe"
	"gastown/internal/town"
)

// The table of docs/monitoring.md has every metric with its labels, and no other.
func TestThePageHasEveryMetric(t *testing.T) {
	t.Parallel()
	p := newPlay(t, "page", 1, time.Minute)
	p.until(dawn.Add(time.Minute))
	p.m.Served("GET /api/towns", "GET", 200, time.Millisecond)
	w := httptest.NewRecorder()
	p.m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	have := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(gastown_[a-z_]+?)(?:_bucket|_count|_sum)?(?:\{(.*)\})? \S+$`).FindAllStringSubmatch(w.Body.String(), -1) {
		var labels []string
		for _, l := range regexp.MustCompile(`([a-z_]+)="`).FindAllStringSubmatch(m[2], -1) {
			if l[1] != "le" {
				labels = append(labels, l[1])
			}
		}
		have[m[1]] = strings.Join(slices.Sorted(slices.Values(labels)), ", ")
	}
	told := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(gastown_[a-z_]+)` \\| ([a-z_, ]*?) *\\| .+ \\|$").FindAllStringSubmatch(string(read(t, "docs/monitoring.md")), -1) {
		told[m[1]] = strings.Join(slices.Sorted(strings.SplitSeq(m[2], ", ")), ", ")
	}
	for name, labels := range have {
		if got, ok := told[name]; !ok || got != labels {
			t.Errorf("%s{%s} is told as {%s} (in the table: %v)", name, labels, got, ok)
		}
	}
	if len(told) != len(have) {
		t.Errorf("the table has %d metrics, there are %d", len(told), len(have))
	}
}

// It also has every alert, by its severity.
func TestThePageHasEveryAlert(t *testing.T) {
	t.Parallel()
	text := string(read(t, "docs/monitoring.md"))
	for _, a := range alerts(t) {
		if want := "| [" + a.Name + "](runbooks/" + a.Name + ".md) | " + a.Labels["severity"] + " | "; !strings.Contains(text, want) {
			t.Errorf("docs/monitoring.md has no %q", want)
		}
	}
}

// Above the limit a panel still has data, and an alert still its labels.
func TestTotalsFitTheAlerts(t *testing.T) {
	t.Parallel()
	m := observe.New(observe.Options{Labelled: 1, Now: func() time.Time { return dawn }})
	for _, id := range []town.TownID{"a", "b"} {
		s := town.New(id, "Town", "testtownaaaaaaaaaaaaaaaaaa", town.TimeOf(dawn))
		m.Begin(id, s, func(look func(*town.State)) bool { look(s); return true })
		m.Pending(id, 40)
	}
	s := newSamples(t, "totals")
	s.scrape(t, m, dawn)
	if got := s.series[`gastown_reconciler_pending_events{job="gastown",instance="totals",town=""}`]; len(got) != 1 || got[0].value != 80 {
		t.Errorf("80 events wait in two towns, not %v", got)
	}
	if got := s.series[`gastown_reconciler_tick_age_seconds{job="gastown",instance="totals",town=""}`]; len(got) != 1 {
		t.Error("nothing says how old the last tick is")
	}
}
