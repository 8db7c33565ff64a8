package observe

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gastown/internal/town"
)

// tickBounds are the buckets of tick durations, in seconds. ReconcilerSlow goes by the one of 0.5.
var tickBounds = [...]float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}

// histogram counts tick durations, and keeps of each bucket which tick fell into it last.
type histogram struct {
	count   uint64
	seconds float64
	buckets [len(tickBounds) + 1]bucket
}

type bucket struct {
	count uint64
	last  exemplar
}

type exemplar struct {
	town    string
	tick    town.TickNo
	seconds float64
	at      time.Time
}

func (h *histogram) observe(x exemplar) {
	i := 0
	for i < len(tickBounds) && x.seconds > tickBounds[i] {
		i++
	}
	h.count++
	h.seconds += x.seconds
	h.buckets[i].count++
	h.buckets[i].last = x
}

// add takes another town's durations in.
func (h *histogram) add(o *histogram) {
	h.count += o.count
	h.seconds += o.seconds
	for i := range h.buckets {
		b, c := &h.buckets[i], &o.buckets[i]
		b.count += c.count
		if c.last.at.After(b.last.at) {
			b.last = c.last
		}
	}
}

// metric is what is exposed. A town's name that is too long for an exemplar is left out of it.
func (h *histogram) metric(name string) prometheus.Metric {
	below, upTo := make(map[float64]uint64, len(tickBounds)), uint64(0)
	for i, bound := range tickBounds {
		upTo += h.buckets[i].count
		below[bound] = upTo
	}
	m := prometheus.MustNewConstHistogram(duration, h.count, h.seconds, below, name)
	var seen []prometheus.Exemplar
	for i := range h.buckets {
		x := h.buckets[i].last
		if x.at.IsZero() {
			continue
		}
		labels := prometheus.Labels{"tick": strconv.FormatInt(int64(x.tick), 10)}
		if len(x.town) <= longestExemplar {
			labels["town"] = x.town
		}
		seen = append(seen, prometheus.Exemplar{Value: x.seconds, Labels: labels, Timestamp: x.at})
	}
	if len(seen) == 0 {
		return m
	}
	return prometheus.MustNewMetricWithExemplars(m, seen...)
}

// longestExemplar bounds the name of a town in an exemplar, all of whose labels may have 128 characters.
const longestExemplar = 64
