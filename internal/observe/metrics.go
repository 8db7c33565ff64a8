// Package observe has what a server tells about itself to those who watch it: metrics.
package observe

import (
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gastown/internal/town"
)

// DefaultLabelled is how many towns, and how many rigs of each, have series of their own unless the options say
// otherwise. A town has about 500 series.
const DefaultLabelled = 50

// Options are what metrics need.
type Options struct {
	Version string
	// Labelled is how many towns at most have series of their own. With more of them there are only totals,
	// with an empty label town; what was counted before is in them.
	Labelled int
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// Metrics are the server's own, in a registry of their own. They implement controller.Meter.
type Metrics struct {
	opts     Options
	registry *prometheus.Registry
	failures prometheus.Counter
	appends  prometheus.Counter // that failed
	commit   prometheus.Histogram
	last     prometheus.Gauge
	requests *prometheus.HistogramVec

	mu    sync.RWMutex
	towns map[town.TownID]*meter
}

// New returns metrics with Go's and the process's own beside them.
func New(opts Options) *Metrics {
	if opts.Labelled <= 0 {
		opts.Labelled = DefaultLabelled
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	m := &Metrics{
		opts: opts, registry: prometheus.NewRegistry(), towns: map[town.TownID]*meter{},
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gastown_journal_commit_failures_total", Help: "Ticks that could not be made durable. The loop tries again each second.",
		}),
		appends: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gastown_journal_append_failures_total",
			Help: "Events that the journal did not take, and the trials each second after that, until one goes well.",
		}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "gastown_journal_commit_duration_seconds", Help: "Time of making a tick durable.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gastown_journal_last_commit_duration_seconds", Help: "Time of making the last tick durable; 0 before the first.",
		}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gastown_http_request_duration_seconds", Help: "Time of requests to the API. A stream lasts as long as somebody listens.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route", "method", "code"}),
	}
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gastown_build_info", Help: "The program that runs; always 1."}, []string{"version", "go"})
	info.WithLabelValues(opts.Version, runtime.Version()).Set(1)
	m.requests.WithLabelValues("/metrics", http.MethodGet, "200") // the first that there is, which counts none before
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m, m.commit, m.last, m.requests, info)
	return m
}

// Handler serves the metrics, to those who ask for it in the OpenMetrics format, which has exemplars.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- duration
	ch <- gateTimes
	m.failures.Describe(ch)
	m.appends.Describe(ch)
	for _, f := range families {
		ch <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.failures.Collect(ch)
	m.appends.Collect(ch)
	now := m.opts.Now()
	m.mu.RLock()
	towns := slices.Collect(maps.Values(m.towns))
	m.mu.RUnlock()
	pictures := make([]picture, len(towns))
	for i, t := range towns {
		t.refresh()
		pictures[i] = t.at(now, m.opts.Labelled)
	}
	if len(pictures) > m.opts.Labelled {
		pictures = []picture{together(pictures)}
	}
	for i := range pictures {
		p := &pictures[i]
		ch <- p.took.metric(p.name)
		for gate, h := range p.gates {
			ch <- h.metric(p.name, gate)
		}
		for k, v := range p.numbers {
			ch <- prometheus.MustNewConstMetric(k.f.desc, k.f.kind, v, k.values(p.name)...)
		}
	}
}

// of returns the town's meter, which is made if it is not there.
func (m *Metrics) of(id town.TownID) *meter {
	m.mu.RLock()
	t := m.towns[id]
	m.mu.RUnlock()
	if t != nil {
		return t
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if t = m.towns[id]; t == nil {
		t = newMeter(string(id), m.opts.Now())
		m.towns[id] = t
	}
	return t
}

// Begin implements controller.Meter.
func (m *Metrics) Begin(id town.TownID, s *town.State, look func(func(*town.State)) bool) {
	m.of(id).begin(s, m.opts.Now(), look)
}

// Tick implements controller.Meter.
func (m *Metrics) Tick(id town.TownID, t *town.Tick, took time.Duration, s *town.State) {
	m.of(id).tick(t, took, s, m.opts.Now())
}

// Rest implements controller.Meter.
func (m *Metrics) Rest(id town.TownID, interval time.Duration) { m.of(id).rest(interval) }

// Pending implements controller.Meter.
func (m *Metrics) Pending(id town.TownID, n int) { m.of(id).wait(n) }

// Commit implements controller.Meter.
func (m *Metrics) Commit(took time.Duration, err error) {
	m.commit.Observe(took.Seconds())
	m.last.Set(took.Seconds())
	if err != nil {
		m.failures.Inc()
	}
}

// AppendFailed implements controller.Meter.
func (m *Metrics) AppendFailed() { m.appends.Inc() }

// Observed implements controller.Meter.
func (m *Metrics) Observed(id town.TownID, status town.Observed, event bool) {
	looks := []key{{observations, string(status), ""}}
	if event {
		looks = append(looks, key{statusEvents, string(status), ""})
	}
	m.of(id).add(looks...)
}

// Effect counts what became of an effect: attempted, succeeded or failed.
func (m *Metrics) Effect(id town.TownID, kind town.EffectKind, result string) {
	m.of(id).add(key{sideEffects, string(kind), result})
}

// methods are those that the API answers; others are counted as one, or a sender could make series at will.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete, http.MethodOptions}

// Served counts a request. Route is the pattern, so that its values are few.
func (m *Metrics) Served(route, method string, code int, took time.Duration) {
	if _, path, found := strings.Cut(route, " "); found {
		route = path
	}
	if route == "" {
		route = "none"
	}
	if !slices.Contains(methods, method) {
		method = "other"
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(code)).Observe(took.Seconds())
}
