// Package otlptest has a collector of OpenTelemetry traces for tests: it takes OTLP over HTTP apart and
// keeps the spans.
package otlptest

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is a span as it arrived. Ids are in hexadecimal.
type Span struct {
	Name              string
	Trace, ID, Parent string
	Links             []string // ids of spans
	Attributes        map[string]string
	Resource          map[string]string
	Failed            bool
	Began, Ended      time.Time
}

// Collector is an HTTP handler that takes spans.
type Collector struct {
	mu      sync.Mutex
	spans   []Span
	raw     strings.Builder
	faults  []string
	refuse  bool
	refused int
}

// Refuse makes the collector answer that it is out of order, or no longer.
func (c *Collector) Refuse(refuse bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = refuse
}

// ServeHTTP implements http.Handler.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse {
		c.refused++
		http.Error(w, "out of order", http.StatusServiceUnavailable)
		return
	}
	if err := c.take(r); err != nil {
		c.faults = append(c.faults, err.Error())
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (c *Collector) take(r *http.Request) error {
	if r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		return fmt.Errorf("%s %s of %s", r.Method, r.URL.Path, r.Header.Get("Content-Type"))
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	c.raw.Write(data)
	var msg tracepb.TracesData // on the wire the same as the request of the protocol
	if err := proto.Unmarshal(data, &msg); err != nil {
		return err
	}
	for _, rs := range msg.ResourceSpans {
		resource := textsOf(rs.GetResource().GetAttributes())
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				c.spans = append(c.spans, spanOf(s, resource))
			}
		}
	}
	return nil
}

func spanOf(s *tracepb.Span, resource map[string]string) Span {
	out := Span{
		Name: s.Name, Trace: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId), Parent: hex.EncodeToString(s.ParentSpanId),
		Attributes: textsOf(s.Attributes), Resource: resource, Failed: s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR,
		Began: time.Unix(0, int64(s.StartTimeUnixNano)), Ended: time.Unix(0, int64(s.EndTimeUnixNano)),
	}
	for _, l := range s.Links {
		out.Links = append(out.Links, hex.EncodeToString(l.SpanId))
	}
	return out
}

// textsOf prints the values of attributes.
func textsOf(list []*commonpb.KeyValue) map[string]string {
	out := map[string]string{}
	for _, a := range list {
		out[a.Key] = textOf(a.Value)
	}
	return out
}

func textOf(v *commonpb.AnyValue) string {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_IntValue:
		return fmt.Sprint(v.IntValue)
	case *commonpb.AnyValue_ArrayValue:
		var parts []string
		for _, x := range v.ArrayValue.Values {
			parts = append(parts, textOf(x))
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(v)
}

// Spans returns what arrived, in order.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Raw is every byte that arrived.
func (c *Collector) Raw() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.raw.String()
}

// Faults lists what was malformed.
func (c *Collector) Faults() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.faults)
}

// Refused is how often the collector was out of order.
func (c *Collector) Refused() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}
