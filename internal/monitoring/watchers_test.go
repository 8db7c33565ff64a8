package monitoring

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTheWatchersAreWatched has a real Prometheus with two Alertmanagers, of which one is not there, and a real
// Alertmanager that one of its receivers refuses everything from. The Watchdog arrives where it is to be missed, and
// both failures are told by the ways that are left.
func TestTheWatchersAreWatched(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
	}))
	t.Cleanup(refusing.Close)
	am, pager := alertmanagerTelling(t, quicker, map[string]string{"chat": refusing.URL})
	files := filepath.Join(unpacked(t), "prometheus")
	config, at := filepath.Join(files, "prometheus.yml"), freePort(t)
	replace(t, config, "interval: 15s", "interval: 1s", "localhost:9090", at, "- targets: ['alertmanager:9093']\n\nscrape",
		"- targets: ['"+am+"', '"+freePort(t)+"']\n\nscrape", "alertmanager:9093", am)
	shorten(t, filepath.Join(files, "gastown.rules.yml"))
	programAt(t, at, "prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(t.TempDir(), "data"),
		"--rules.alert.resend-delay=1s")
	await(t, "two looks at Alertmanager", func() bool {
		looks := `count_over_time(alertmanager_notifications_failed_total{integration="webhook"}[1m]) >= 2`
		return len(ask(t, at, "/api/v1/query", looks, nil)) > 0
	})
	r, err := http.Post("http://"+am+"/api/v2/alerts", "application/json",
		strings.NewReader(`[{"labels":{"alertname":"Something","severity":"warning"}}]`))
	if err != nil {
		t.Fatal(err)
	}
	if r.Body.Close(); r.StatusCode != http.StatusOK {
		t.Fatal(r.Status)
	}
	told := func(alert, instance, receiver string) bool {
		return slices.ContainsFunc(pager.of(instance), func(p page) bool {
			return p.CommonLabels["alertname"] == alert && p.Receiver == receiver &&
				strings.HasSuffix(p.CommonAnnotations["runbook_url"], alert+".html")
		})
	}
	await(t, "the Watchdog to arrive", func() bool { return told("Watchdog", "", "watchdog") })
	await(t, "a page of what Prometheus cannot send", func() bool { return told("PrometheusNotifying", at, "page") })
	await(t, "a page of what Alertmanager cannot send", func() bool { return told("AlertmanagerNotifying", am, "page") })
}
