// Package tracing tells a collector of OpenTelemetry how long requests, ticks and effects take, and which
// of them caused which.
//
//	request ──link── tick ──child── effect ──link── tick that takes its outcome
//
// A tick is the root of a trace of its own, with links to what has sent the events that it took: traces
// stay small, however long a bead lives. Spans have ids, counts and names of rules, and no texts. Without
// an endpoint there is no Tracer: all methods may be called on nil, and do nothing.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"gastown/internal/town"
)

// maxOpen bounds how many events and effects are remembered that have not been taken or carried out. What
// is beyond it has no link.
const maxOpen = 10_000

// closeTimeout bounds how long an end waits for spans that are under way.
const closeTimeout = 3 * time.Second

// Options say where spans go.
type Options struct {
	// Endpoint is the collector's base address, such as http://127.0.0.1:4318. Without one nothing is sent.
	Endpoint string
	Version  string
	Log      *slog.Logger
}

// Tracer makes spans. A nil one is off.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer

	mu      sync.Mutex
	sent    map[key]trace.SpanContext // who sent an event that no tick has taken yet
	decided map[key]cause             // which tick has decided an effect that is not over yet
}

// key names an event or an effect.
type key struct {
	town town.TownID
	id   string
}

// cause is the tick that decided an effect, with what that was linked to.
type cause struct {
	tick  trace.SpanContext
	links []trace.Link
}

// New returns a Tracer, or nil if there is no endpoint.
func New(ctx context.Context, opts Options) (*Tracer, error) {
	if opts.Endpoint == "" {
		return nil, nil
	}
	u, err := url.Parse(opts.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, fmt.Errorf("the address of the OpenTelemetry collector must be such as http://127.0.0.1:4318, without a password")
	}
	exporter, err := otlptrace.New(ctx, &uploader{
		url: strings.TrimRight(opts.Endpoint, "/") + "/v1/traces", client: http.Client{Timeout: uploadTimeout}, log: opts.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot prepare traces: %w", err)
	}
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(exporter), sdk.WithSampler(sdk.ParentBased(sdk.AlwaysSample())),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "gastown"), attribute.String("service.version", opts.Version))),
	)
	return &Tracer{
		provider: provider, tracer: provider.Tracer("gastown"), sent: map[key]trace.SpanContext{}, decided: map[key]cause{},
	}, nil
}

// Close sends what is under way, within a bound.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // what could not be sent is in the log
}

// Request begins the span of a request, in the trace of whoever made it if they say so. Route is the
// pattern, not the path. The function ends it.
func (t *Tracer) Request(r *http.Request, route string) (*http.Request, func(code int)) {
	if t == nil {
		return r, func(int) {}
	}
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := t.tracer.Start(ctx, "request "+route, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("http.route", route)))
	return r.WithContext(ctx), func(code int) {
		span.SetAttributes(attribute.Int("http.response.status_code", code))
		if code >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Submitted notes who sends events: the request, or the effect, that ctx belongs to.
func (t *Tracer) Submitted(ctx context.Context, id town.TownID, events []town.Event) {
	if t == nil {
		return
	}
	from := trace.SpanContextFromContext(ctx)
	if !from.IsValid() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range events {
		if len(t.sent) < maxOpen {
			t.sent[key{id, events[i].ID}] = from
		}
	}
}

// Tick makes the span of a tick that did something, from Step to the end of the commit. It is called
// before the tick's effects begin.
func (t *Tracer) Tick(id town.TownID, rec *town.Tick, events []town.Event, began, ended time.Time) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var links []trace.Link
	seen := map[trace.SpanID]bool{}
	for i := range events {
		k := key{id, events[i].ID}
		if from, ok := t.sent[k]; ok && !seen[from.SpanID()] {
			seen[from.SpanID()] = true
			links = append(links, trace.Link{SpanContext: from})
		}
		delete(t.sent, k)
	}
	_, span := t.tracer.Start(context.Background(), "tick", trace.WithNewRoot(), trace.WithTimestamp(began), trace.WithLinks(links...),
		trace.WithAttributes(
			attribute.String("gastown.town", string(id)), attribute.Int64("gastown.tick", int64(rec.No)), attribute.Int("gastown.events", len(rec.Events)),
			attribute.StringSlice("gastown.rules", rulesOf(rec)), attribute.Int("gastown.actions", len(rec.Actions)),
			attribute.Int("gastown.violations", len(rec.Violations)),
		))
	span.End(trace.WithTimestamp(ended))
	for i := range rec.Effects {
		if len(t.decided) < maxOpen {
			t.decided[key{id, rec.Effects[i].ID}] = cause{span.SpanContext(), links}
		}
	}
}

// Effect begins the span of an effect. The function ends it, with the class of its failure or "".
func (t *Tracer) Effect(ctx context.Context, id town.TownID, e *town.Effect) (context.Context, func(class string)) {
	if t == nil {
		return ctx, func(string) {}
	}
	k := key{id, e.ID}
	t.mu.Lock()
	by, known := t.decided[k]
	delete(t.decided, k)
	t.mu.Unlock()
	if known {
		ctx = trace.ContextWithSpanContext(ctx, by.tick)
	}
	ctx, span := t.tracer.Start(ctx, "effect "+string(e.Kind), trace.WithLinks(by.links...), trace.WithAttributes(
		attribute.String("gastown.town", string(id)), attribute.String("gastown.effect", string(e.Kind)),
		attribute.String("gastown.agent", string(e.Agent)), attribute.String("gastown.bead", string(e.Bead)), attribute.Int64("gastown.run", int64(e.Run)),
	))
	return ctx, func(class string) {
		if class != "" {
			span.SetAttributes(attribute.String("gastown.class", class))
			span.SetStatus(codes.Error, class)
		}
		span.End()
	}
}

// rulesOf lists the rules that decided something, once each.
func rulesOf(rec *town.Tick) []string {
	var out []string
	seen := map[string]bool{}
	for i := range rec.Actions {
		if rule := rec.Actions[i].Rule; !seen[rule] {
			seen[rule] = true
			out = append(out, rule)
		}
	}
	return out
}
