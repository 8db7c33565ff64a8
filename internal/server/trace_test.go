package server_test

import (
	"bufio"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"gastown/internal/auth"
	"gastown/internal/observe/otlptest"
	"gastown/internal/server"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// A bead is slung at a real server. The collector gets the request, the tick that was caused by it, the
// effect that this decided, and the tick that took in what came of that.
func TestTracesOfASling(t *testing.T) {
	t.Parallel()
	collector := &otlptest.Collector{}
	srv := httptest.NewServer(collector)
	defer srv.Close()
	p := newPlace(t)
	s, err := server.Start(t.Context(), server.Options{
		Home: p.home, Listen: "127.0.0.1:0", Version: "1.2.3", Log: slog.New(slog.DiscardHandler), Collector: srv.URL,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.srv = s
	if p.keys, err = auth.Open(p.home); err != nil {
		t.Fatal(err)
	}
	p.admin = p.keys.Admin()
	p.bead()
	p.call(p.admin, http.MethodPatch, "/api/towns/main", wire.TownPatch{Settings: town.Settings{
		Agents: map[town.Role]town.AgentCommand{town.Polecat: {Command: []string{"/nowhere/agent"}}},
	}}, nil)
	ticks, end := p.stream()
	p.call(p.admin, http.MethodPost, "/api/towns/main/beads", town.NewBead{Title: "Write notes"}, nil)
	for range 2 { // the sling, and what came of the start
		ticks()
	}
	end()
	s.Stop(context.Background())
	if f := collector.Faults(); len(f) > 0 {
		t.Fatal(f)
	}
	spans := collector.Spans()
	pick := func(what string, f func(*otlptest.Span) bool) *otlptest.Span {
		for i := range slices.Backward(spans) {
			if f(&spans[i]) {
				return &spans[i]
			}
		}
		t.Fatalf("there is no span of %s: %+v", what, spans)
		return nil
	}
	effect := pick("the start", func(s *otlptest.Span) bool { return s.Name == "effect dispatch_agent" })
	tick := pick("its tick", func(s *otlptest.Span) bool { return s.ID == effect.Parent })
	request := pick("the request", func(s *otlptest.Span) bool { return slices.Contains(tick.Links, s.ID) })
	pick("the tick that took the outcome", func(s *otlptest.Span) bool { return s.Name == "tick" && slices.Contains(s.Links, effect.ID) })
	if request.Name != "request POST /api/towns/{townId}/beads" || !effect.Failed || effect.Attributes["gastown.class"] != "command_not_found" ||
		tick.Attributes["gastown.rules"] != "beads/dispatch" {
		t.Errorf("request %+v\ntick %+v\neffect %+v", request, tick, effect)
	}
}

// stream subscribes to the ticks of the town "main". The first function waits for the next one, the other
// ends the subscription.
func (p *place) stream() (next, end func()) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.srv.URL()+"/api/towns/main/stream", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.admin)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	wait := func(event string) {
		p.t.Helper()
		for lines.Scan() {
			if lines.Text() == "event: "+event {
				return
			}
		}
		p.t.Fatalf("no %s in time: %v", event, lines.Err())
	}
	wait("hello")
	return func() { wait("tick") }, func() {
		cancel()
		_ = resp.Body.Close()
	}
}
