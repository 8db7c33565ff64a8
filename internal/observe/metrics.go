// Package observe has the metrics of a server.
package observe

import (
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gastown/internal/town"
)

// Metrics are the server's own, in a registry of their own.
type Metrics struct {
	registry     *prometheus.Registry
	ticks        *prometheus.CounterVec
	events       *prometheus.CounterVec
	rejected     *prometheus.CounterVec
	actions      *prometheus.CounterVec
	sideEffects  *prometheus.CounterVec
	violations   *prometheus.CounterVec
	attempts     *prometheus.CounterVec
	duration     *prometheus.HistogramVec
	pending      *prometheus.GaugeVec
	lastTick     *prometheus.GaugeVec
	progress     *prometheus.GaugeVec
	observations *prometheus.CounterVec
	statusEvents *prometheus.CounterVec
	agents       *prometheus.GaugeVec
	beads        *prometheus.GaugeVec
	queue        *prometheus.GaugeVec
	commit       prometheus.Histogram
	requests     *prometheus.HistogramVec
}

// New returns metrics with Go's and the process's own beside them.
func New(version string) *Metrics {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		r.MustRegister(c)
		return c
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		r.MustRegister(g)
		return g
	}
	m := &Metrics{
		registry:     r,
		ticks:        counter("gastown_reconciler_ticks_total", "Steps of the reconciler, also those that changed nothing.", "town"),
		events:       counter("gastown_reconciler_events_drained_total", "Events taken by ticks.", "town", "event_type"),
		rejected:     counter("gastown_events_rejected_total", "Events that could not be applied.", "town", "event_type"),
		actions:      counter("gastown_reconciler_actions_total", "Actions decided by the rules.", "town", "action"),
		sideEffects:  counter("gastown_reconciler_side_effects_total", "Effects carried out outside.", "town", "kind", "result"),
		violations:   counter("gastown_invariant_violations_total", "Invariants that did not hold after a tick.", "town", "invariant"),
		attempts:     counter("gastown_dispatch_attempts_total", "Ended attempts at beads.", "town", "outcome"),
		pending:      gauge("gastown_reconciler_pending_events", "Events that waited when the last tick began, counted up to what one tick takes (500).", "town"),
		lastTick:     gauge("gastown_reconciler_last_tick_timestamp_seconds", "When the last Step was.", "town"),
		progress:     gauge("gastown_progress_last_timestamp_seconds", "When a bead last changed its status.", "town"),
		observations: counter("gastown_container_status_observations_total", "Looks at agents' processes.", "town", "status"),
		statusEvents: counter("gastown_container_status_events_total", "Looks that found a difference and became an event.", "town", "status"),
		agents:       gauge("gastown_agents", "Agents.", "town", "role", "status"),
		beads:        gauge("gastown_beads", "Beads that are not in the archive.", "town", "type", "status"),
		queue:        gauge("gastown_merge_queue_depth", "Live merge requests.", "town", "rig"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gastown_reconciler_tick_duration_seconds", Help: "Time of a Step, without making it durable.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"town"}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "gastown_journal_commit_duration_seconds", Help: "Time of making a tick durable.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gastown_http_request_duration_seconds", Help: "Time of requests to the API.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route", "method", "code"}),
	}
	info := gauge("gastown_build_info", "The program that runs; always 1.", "version", "go")
	info.WithLabelValues(version, runtime.Version()).Set(1)
	r.MustRegister(m.duration, m.commit, m.requests)
	return m
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// Tick implements controller.Meter. The caller holds the state still.
func (m *Metrics) Tick(id town.TownID, t *town.Tick, took time.Duration, pending int, s *town.State) {
	name := string(id)
	m.ticks.WithLabelValues(name).Inc()
	m.duration.WithLabelValues(name).Observe(took.Seconds())
	m.pending.WithLabelValues(name).Set(float64(pending))
	m.lastTick.WithLabelValues(name).Set(float64(t.At) / 1000)
	if t.Empty() {
		return
	}
	for i := range t.Events {
		o := &t.Events[i]
		m.events.WithLabelValues(name, string(o.Type)).Inc()
		if o.Verdict == town.Rejected {
			m.rejected.WithLabelValues(name, string(o.Type)).Inc()
		}
	}
	for i := range t.Actions {
		m.actions.WithLabelValues(name, string(t.Actions[i].Kind)).Inc()
	}
	for i := range t.Violations {
		if t.Violations[i].State == town.ViolationResolved {
			continue
		}
		m.violations.WithLabelValues(name, strconv.Itoa(t.Violations[i].Invariant)).Inc()
	}
	m.changes(name, t, s)
	m.population(name, s)
}

// changes counts what the beads that changed tell.
func (m *Metrics) changes(name string, t *town.Tick, s *town.State) {
	for i := range t.Changes {
		if t.Changes[i].Kind != town.KindBead {
			continue
		}
		b := s.Bead(town.BeadID(t.Changes[i].ID))
		if b == nil {
			continue
		}
		if b.Since == t.At {
			m.progress.WithLabelValues(name).Set(float64(t.At) / 1000)
		}
		for _, a := range b.Attempts {
			if a.Ended == t.At {
				m.attempts.WithLabelValues(name, a.Outcome).Inc()
			}
		}
	}
}

// population sets the gauges; those that became zero are set too.
func (m *Metrics) population(name string, s *town.State) {
	in := prometheus.Labels{"town": name}
	m.beads.DeletePartialMatch(in)
	for typ, counts := range s.BeadCounts() {
		for status, n := range counts {
			m.beads.WithLabelValues(name, string(typ), string(status)).Set(float64(n))
		}
	}
	m.agents.DeletePartialMatch(in)
	for role, counts := range s.AgentCounts() {
		for status, n := range counts {
			m.agents.WithLabelValues(name, string(role), string(status)).Set(float64(n))
		}
	}
	depth := s.QueueDepth()
	for _, r := range s.Rigs() {
		m.queue.WithLabelValues(name, string(r.ID)).Set(float64(depth[r.ID]))
	}
}

// Commit implements controller.Meter.
func (m *Metrics) Commit(took time.Duration) { m.commit.Observe(took.Seconds()) }

// Observed implements controller.Meter.
func (m *Metrics) Observed(id town.TownID, status town.Observed, event bool) {
	m.observations.WithLabelValues(string(id), string(status)).Inc()
	if event {
		m.statusEvents.WithLabelValues(string(id), string(status)).Inc()
	}
}

// Effect counts what became of an effect: attempted, succeeded or failed.
func (m *Metrics) Effect(id town.TownID, kind town.EffectKind, result string) {
	m.sideEffects.WithLabelValues(string(id), string(kind), result).Inc()
}

// Served counts a request. Route is the pattern, so that its values are few.
func (m *Metrics) Served(route, method string, code int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(code)).Observe(took.Seconds())
}
