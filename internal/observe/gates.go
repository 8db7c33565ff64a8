package observe

import (
	"maps"

	"github.com/prometheus/client_golang/prometheus"

	"gastown/internal/town"
)

// gateBounds are the buckets of the times of gates, in seconds.
var gateBounds = [...]float64{1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600}

// maxGates is how many gates of a town have series of their own; further ones are counted together as otherGates.
const (
	maxGates   = 20
	otherGates = "other"
)

var (
	gateRuns = counter("gastown_gate_runs_total", "Runs of gates, by how they ended: passed, failed, timed_out, could_not_run, "+
		"or flaky: passed after it had failed on the same commit.", "gate", "result")
	gateTimes = prometheus.NewDesc("gastown_gate_duration_seconds", "Time of a run of a gate.", []string{"town", "gate"}, nil)
)

// gateResults are the values of the label result.
var gateResults = []string{
	string(town.GatePassed), string(town.GateFailed), string(town.GateTimedOut), string(town.GateCouldNotRun), flakyGate,
}

const flakyGate = "flaky"

// gateTime counts the times of runs of one gate.
type gateTime struct {
	count   uint64
	seconds float64
	buckets [len(gateBounds) + 1]uint64
}

func (h *gateTime) observe(seconds float64) {
	i := 0
	for i < len(gateBounds) && seconds > gateBounds[i] {
		i++
	}
	h.count++
	h.seconds += seconds
	h.buckets[i]++
}

func (h *gateTime) add(o *gateTime) {
	h.count += o.count
	h.seconds += o.seconds
	for i := range h.buckets {
		h.buckets[i] += o.buckets[i]
	}
}

func (h *gateTime) metric(name, gate string) prometheus.Metric {
	below, upTo := make(map[float64]uint64, len(gateBounds)), uint64(0)
	for i, bound := range gateBounds {
		upTo += h.buckets[i]
		below[bound] = upTo
	}
	return prometheus.MustNewConstHistogram(gateTimes, h.count, h.seconds, below, name, gate)
}

// gateLabel is what a gate is counted as; its series exist from then on, so that no first count is missed.
func (m *meter) gateLabel(gate string) string {
	if m.gates[gate] == nil && len(m.gates) > maxGates { // The others are one more.
		gate = otherGates
	}
	if m.gates[gate] == nil {
		m.gates[gate] = &gateTime{}
		for _, result := range gateResults {
			m.counted[key{gateRuns, gate, result}] = 0
		}
	}
	return gate
}

// knowGates has the gates of all rigs among the series.
func (m *meter) knowGates(s *town.State) {
	m.gateLabel(otherGates)
	for _, r := range s.Rigs() {
		for _, g := range s.Config(r.ID).Gates {
			m.gateLabel(g.Name)
		}
	}
}

// Gates implements controller.Meter.
func (m *Metrics) Gates(id town.TownID, runs []town.GateRun) {
	t := m.of(id)
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range runs {
		label, result := t.gateLabel(runs[i].Gate), string(runs[i].End)
		if runs[i].Flaky {
			result = flakyGate
		}
		t.counted[key{gateRuns, label, result}]++
		t.gates[label].observe(runs[i].Took.Std().Seconds())
	}
}

// copyGates returns the times as they are now.
func copyGates(gates map[string]*gateTime) map[string]*gateTime {
	out := maps.Clone(gates)
	for gate, h := range out {
		c := *h
		out[gate] = &c
	}
	return out
}

// addGate adds times to those of a label.
func addGate(to map[string]*gateTime, label string, h *gateTime) {
	if to[label] == nil {
		to[label] = &gateTime{}
	}
	to[label].add(h)
}
