package monitoring

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// pager is what Alertmanager tells: one call is one page.
type pager struct {
	mu    sync.Mutex
	pages []page
}

// page is a message that something is wrong, in the form of Alertmanager's webhooks.
type page struct {
	Status            string
	Receiver          string
	CommonLabels      map[string]string
	CommonAnnotations map[string]string
	Alerts            []struct{ Labels, Annotations map[string]string }
}

func (p *pager) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var x page
	if err := json.NewDecoder(r.Body).Decode(&x); err != nil {
		panic(err) // the test's own server: the test fails
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages = append(p.pages, x)
}

// of lists the pages about an instance that say that something is wrong.
func (p *pager) of(instance string) []page { return p.list("firing", instance) }

// over lists those that say that it is not any more.
func (p *pager) over(instance string) []page { return p.list("resolved", instance) }

func (p *pager) list(status, instance string) []page {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []page
	for _, x := range p.pages {
		if x.Status == status && len(x.Alerts) > 0 && x.Alerts[0].Labels["instance"] == instance {
			out = append(out, x)
		}
	}
	return out
}

// alertmanager runs the real program with the routes and inhibitions of deploy. Every receiver is the pager, and the
// times of the route are a fraction of what they are.
func alertmanager(t testing.TB, faster int) (string, *pager) {
	t.Helper()
	return alertmanagerTelling(t, faster, nil)
}

// alertmanagerTelling has receivers of some names at other addresses.
func alertmanagerTelling(t testing.TB, faster int, others map[string]string) (string, *pager) {
	t.Helper()
	p := &pager{}
	hook := httptest.NewServer(p)
	t.Cleanup(hook.Close)
	var config map[string]any
	if err := yaml.Unmarshal(read(t, "deploy/alertmanager/alertmanager.yml"), &config); err != nil {
		t.Fatal(err)
	}
	delete(config, "global") // the mail server
	for _, r := range config["receivers"].([]any) {
		receiver := r.(map[string]any)
		for kind := range receiver {
			if kind != "name" {
				delete(receiver, kind)
			}
		}
		receiver["webhook_configs"] = []any{map[string]any{"url": cmp.Or(others[receiver["name"].(string)], hook.URL)}}
	}
	route := config["route"].(map[string]any)
	for _, k := range []string{"group_wait", "group_interval"} {
		d, err := time.ParseDuration(route[k].(string))
		if err != nil {
			t.Fatal(err)
		}
		route[k] = (d / time.Duration(faster)).String()
	}
	text, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return program(t, "prometheus-alertmanager", "--config.file="+file, "--storage.path="+dir, "--cluster.listen-address="), p
}

// faster is how much faster the alerts of the played towns go to Alertmanager than they fired.
const faster = 60

// TestEachFaultGivesOnePage plays a town for each fault. The core, the rhythm of the loop and the metrics are the real
// ones and time is the test's; what a Prometheus would have scraped goes into a real one, which evaluates the real
// expressions at every 15 s; and the alerts go, in their order, to a real Alertmanager with the real routes and
// inhibitions. Each fault must give one page, of the right name, within five minutes of being one.
func TestEachFaultGivesOnePage(t *testing.T) {
	t.Parallel()
	var all []*samples
	for i := range faults {
		all = append(all, faults[i].run(t))
	}
	prometheus := backfilled(t, all...)
	am, pager := alertmanager(t, faster)
	var told []firing
	for i := range faults {
		f := &faults[i]
		began := dawn.Add(wellFor)
		var mine []firing
		for _, a := range alerts(t) {
			mine = append(mine, firings(t, prometheus, a, f.alert, dawn, began.Add(f.lasts), 15*time.Second)...)
		}
		if len(mine) == 0 {
			t.Errorf("%s: no alert fires", f.what)
			continue
		}
		slices.SortStableFunc(mine, func(a, b firing) int { return a.from.Compare(b.from) })
		first := mine[0].from
		if at := first.Sub(began); at < 0 || at > f.inherent+cmp.Or(f.within, 5*time.Minute) {
			t.Errorf("%s: %s fires after %s", f.what, mine[0].labels["alertname"], at)
		}
		for _, x := range mine {
			t.Logf("%s: %s fires after %s, for %s", f.what, x.labels["alertname"], x.from.Sub(began), x.to.Sub(x.from))
			x.from, x.to = dawn.Add(x.from.Sub(first)), dawn.Add(x.to.Sub(first))
			told = append(told, x)
		}
	}
	tell(t, am, told)
	for i := range faults {
		f := &faults[i]
		pages := pager.of(f.alert)
		if len(pages) != 1 || pages[0].CommonLabels["alertname"] != f.alert {
			t.Errorf("%s: %d pages, want one of %s: %+v", f.what, len(pages), f.alert, pages)
		}
	}
}

// watchedFor is for how long after its first alert a town's alerts are told, in its own time.
const watchedFor = 10 * time.Minute

// tell has Alertmanager hear of alerts in the order in which they fire and end.
func tell(t *testing.T, at string, all []firing) {
	t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	began := time.Now()
	heard := map[int]bool{}
	for now := range ticker.C {
		passed := now.Sub(began) * faster
		var batch []map[string]any
		for i, x := range all {
			starts, ends := x.from.Sub(dawn), x.to.Sub(dawn)
			switch {
			case starts > passed || starts > watchedFor:
			case ends < passed && heard[i]:
				batch = append(batch, map[string]any{"labels": x.labels, "endsAt": now.Format(time.RFC3339Nano)})
			default:
				heard[i] = true
				batch = append(batch, map[string]any{"labels": x.labels, "endsAt": now.Add(time.Minute).Format(time.RFC3339Nano)})
			}
		}
		body, err := json.Marshal(batch)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.Post("http://"+at+"/api/v2/alerts", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if r.Body.Close(); r.StatusCode != http.StatusOK {
			t.Fatalf("Alertmanager answers %s to %s", r.Status, body)
		}
		if passed > watchedFor+time.Minute {
			return
		}
	}
}

// backfilled runs a real Prometheus that has the series as if it had scraped them.
func backfilled(t testing.TB, all ...*samples) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "series.txt")
	openMetrics(t, file, all...)
	data := filepath.Join(dir, "data")
	tool(t, dir, "promtool", "tsdb", "create-blocks-from", "--quiet", "--max-block-duration=2000h", "openmetrics", file, data)
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte("global: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return program(t, "prometheus", "--config.file="+config, "--storage.tsdb.path="+data, "--storage.tsdb.retention.time=100y", "--query.max-samples=200000000")
}
