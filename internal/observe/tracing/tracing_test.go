package tracing

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"gastown/internal/observe/otlptest"
	"gastown/internal/town"
)

func tracer(t *testing.T) (*Tracer, *otlptest.Collector, *bytes.Buffer) {
	t.Helper()
	c := &otlptest.Collector{}
	srv := httptest.NewServer(c)
	t.Cleanup(srv.Close)
	var log bytes.Buffer
	x, err := New(t.Context(), Options{Endpoint: srv.URL + "/", Version: "1.2.3", Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return x, c, &log
}

func named(t *testing.T, c *otlptest.Collector, name string) otlptest.Span {
	t.Helper()
	all := c.Spans()
	i := slices.IndexFunc(all, func(s otlptest.Span) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("there is no span %q: %+v", name, all)
	}
	return all[i]
}

// A request sends two events, a tick takes them and decides an effect, which fails; the next tick takes its
// outcome. Each span leads to what has caused it.
func TestSpansLeadToTheirCauses(t *testing.T) {
	t.Parallel()
	x, c, _ := tracer(t)
	req := httptest.NewRequest(http.MethodPost, "/api/towns/main/beads/gt-hunter2?q=hunter2", nil)
	req.Header.Set("Traceparent", "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
	req, done := x.Request(req, "POST /api/towns/{townId}/beads/{bead}")
	events := []town.Event{{ID: "1"}, {ID: "2"}, {ID: "of somebody else"}}
	x.Submitted(req.Context(), "main", events[:2])
	done(http.StatusCreated)
	start := town.Effect{ID: "e", Kind: town.EffectDispatch, Agent: "toast", Bead: "gt-1", Run: 4}
	rec := &town.Tick{No: 7, Effects: []town.Effect{start}, Actions: []town.Action{{Rule: "beads/dispatch"}, {Rule: "beads/dispatch"}}, Events: make([]town.EventOutcome, 3)}
	began := time.Now()
	x.Tick("main", rec, events, began, began.Add(20*time.Millisecond))
	ctx, over := x.Effect(context.Background(), "main", &start)
	over("git_network")
	answer := []town.Event{{ID: "3"}}
	x.Submitted(ctx, "main", answer)
	x.Tick("main", &town.Tick{No: 8}, answer, began, began)
	if len(x.sent)+len(x.decided) != 0 {
		t.Errorf("left over: %v, %v", x.sent, x.decided)
	}
	x.Close()
	if f := c.Faults(); len(f) > 0 {
		t.Fatal(f)
	}
	request, tick, effect := named(t, c, "request POST /api/towns/{townId}/beads/{bead}"), named(t, c, "tick"), named(t, c, "effect dispatch_agent")
	next := c.Spans()[3]
	if request.Trace != "0123456789abcdef0123456789abcdef" || request.Parent != "0123456789abcdef" || request.Attributes["http.response.status_code"] != "201" {
		t.Errorf("request: %+v", request)
	}
	if tick.Parent != "" || tick.Trace == request.Trace || !slices.Equal(tick.Links, []string{request.ID}) || tick.Ended.Sub(tick.Began) != 20*time.Millisecond ||
		tick.Attributes["gastown.tick"] != "7" || tick.Attributes["gastown.town"] != "main" || tick.Attributes["gastown.rules"] != "beads/dispatch" {
		t.Errorf("tick: %+v", tick)
	}
	if effect.Parent != tick.ID || effect.Trace != tick.Trace || !slices.Equal(effect.Links, []string{request.ID}) || !effect.Failed ||
		effect.Attributes["gastown.class"] != "git_network" || effect.Attributes["gastown.bead"] != "gt-1" {
		t.Errorf("effect: %+v", effect)
	}
	if next.Attributes["gastown.tick"] != "8" || !slices.Equal(next.Links, []string{effect.ID}) || next.Parent != "" {
		t.Errorf("next tick: %+v", next)
	}
	if tick.Resource["service.name"] != "gastown" || tick.Resource["service.version"] != "1.2.3" || len(tick.Resource) != 2 {
		t.Errorf("resource: %v", tick.Resource)
	}
	if strings.Contains(c.Raw(), "hunter2") {
		t.Error("a path or a query was sent")
	}
}

// A collector that is out of order costs a line of the log, and one when it is back.
func TestACollectorThatIsOutOfOrder(t *testing.T) {
	t.Parallel()
	x, c, log := tracer(t)
	c.Refuse(true)
	tick := func() {
		x.Tick("main", &town.Tick{No: 1}, nil, time.Now(), time.Now())
		if err := x.provider.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
	}
	tick()
	tick()
	c.Refuse(false)
	tick()
	x.Close()
	if c.Refused() != 2 || len(c.Spans()) != 1 {
		t.Errorf("refused %d, taken %d", c.Refused(), len(c.Spans()))
	}
	if s := log.String(); strings.Count(s, "traces are not sent") != 1 || strings.Count(s, "traces are sent again") != 1 || !strings.Contains(s, "status 503") {
		t.Errorf("log: %s", s)
	}
}

// Without an endpoint there is no Tracer, and what it would do costs nothing.
func TestWithoutAnEndpoint(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	x, err := New(t.Context(), Options{})
	if err != nil || x != nil {
		t.Fatalf("%v, %v", x, err)
	}
	ctx, req := t.Context(), httptest.NewRequest(http.MethodGet, "/", nil)
	tick, events, effect, now := &town.Tick{}, []town.Event{{ID: "1"}}, &town.Effect{}, time.Now()
	allocs := testing.AllocsPerRun(100, func() {
		x.Submitted(ctx, "main", events)
		x.Tick("main", tick, events, now, now)
		_, done := x.Effect(ctx, "main", effect)
		done("")
		_, ended := x.Request(req, "GET /")
		ended(200)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	x.Close()
}

func TestBadEndpoints(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"127.0.0.1:4318", "localhost", "http://me:hunter2@collector.example", "grpc://x:4317"} {
		if _, err := New(t.Context(), Options{Endpoint: bad}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// What is never taken or carried out does not grow without bound.
func TestWhatIsRememberedIsBounded(t *testing.T) {
	t.Parallel()
	x, _, _ := tracer(t)
	defer x.Close()
	req, done := x.Request(httptest.NewRequest(http.MethodGet, "/", nil), "GET /")
	done(200)
	for i := range maxOpen + 10 {
		x.Submitted(req.Context(), "main", []town.Event{{ID: strings.Repeat("x", i%7) + time.Duration(i).String()}})
	}
	if len(x.sent) != maxOpen {
		t.Errorf("%d are remembered", len(x.sent))
	}
}
