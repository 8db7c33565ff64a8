package effect

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"gastown/internal/runtime"
	"gastown/internal/town"
)

func noticeTo(hooks ...string) *town.Effect {
	return &town.Effect{ID: "notify/gt-1a/2/1", Kind: town.EffectNotify, Bead: "gt-1a", Notify: &town.NotifySpec{
		Key: "main/gt-1a/2", Webhooks: hooks, Town: "main", Escalation: "gt-1a", Notice: 2, Severity: town.SeverityHigh, Title: "Help",
	}}
}

// Every webhook gets the notice with its key; one that fails is named without its address, and none
// keeps the others from being told.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	var keys []string
	var got map[string]any
	good := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		keys = append(keys, req.Method+" "+req.Header.Get("Idempotency-Key"))
		data, _ := io.ReadAll(req.Body)
		if err := json.Unmarshal(data, &got); err != nil {
			t.Error(err)
		}
	}))
	defer good.Close()
	followed := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	defer elsewhere.Close()
	bad := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer bad.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()

	h := &heard{}
	r := newRunner(t, &place{}, h)
	defer r.Stop()
	out, err := r.notify(t.Context(), noticeTo(bad.URL+"/secret-path", closed.URL+"/secret-path", good.URL+"/hook"))
	told, ok := out.(*town.PeopleNotified)
	if err == nil || !ok || told.Notice != 2 || !strings.Contains(told.Error, "webhook 1: 127.0.0.1 answered with status 307") || !strings.Contains(told.Error, "webhook 2") {
		t.Fatalf("outcome %+v, %v", out, err)
	}
	if strings.Contains(told.Error, "secret-path") {
		t.Errorf("the address is told: %s", told.Error)
	}
	if followed {
		t.Error("a redirect was followed")
	}
	out, err = r.notify(t.Context(), noticeTo(good.URL+"/hook"))
	if told, ok := out.(*town.PeopleNotified); err != nil || !ok || told.Error != "" {
		t.Fatalf("outcome %+v, %v", out, err)
	}
	if len(keys) != 2 || keys[0] != "POST main/gt-1a/2" || keys[1] != keys[0] {
		t.Errorf("keys %q", keys)
	}
	if got["escalation"] != "gt-1a" || got["severity"] != "high" || got["title"] != "Help" || got["webhooks"] != nil {
		t.Errorf("told %v", got)
	}
}

func TestWebhookAddressesAreReferences(t *testing.T) {
	hits := 0
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
	defer srv.Close()
	t.Setenv("GASTOWN_TEST_HOOK", srv.URL)
	t.Setenv("GASTOWN_TEST_BAD_HOOK", "ftp://x/secret")
	r := newRunner(t, &place{}, &heard{})
	defer r.Stop()
	if _, err := r.notify(t.Context(), noticeTo("env:GASTOWN_TEST_HOOK")); err != nil || hits != 1 {
		t.Errorf("%d hits, %v", hits, err)
	}
	for _, hook := range []string{"env:GASTOWN_TEST_NOT_SET", "env:GASTOWN_TEST_BAD_HOOK"} {
		if _, err := r.notify(t.Context(), noticeTo(hook)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", hook, err)
		}
	}
}

// A name must not lead inside; an address that was written down may.
func TestWebhooksDoNotLeadInside(t *testing.T) {
	t.Parallel()
	addr := netip.MustParseAddr
	for _, in := range []string{"127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "fe80::1", "fd00::1", "0.0.0.0", "::", "224.0.0.1", "100.64.0.1", "::ffff:127.0.0.1"} {
		if got, err := allowed("hook.example", []netip.Addr{addr(in)}); err == nil {
			t.Errorf("a name leads to %v", got)
		}
		if got, err := reachable(t.Context(), in); err != nil || len(got) != 1 {
			t.Errorf("the address %s itself: %v, %v", in, got, err)
		}
	}
	if got, err := allowed("hook.example", []netip.Addr{addr("10.1.2.3"), addr("93.184.216.34")}); err != nil || len(got) != 1 || got[0] != addr("93.184.216.34") {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := allowed("localhost", []netip.Addr{addr("127.0.0.1")}); err != nil {
		t.Error(err)
	}
}

func TestNudges(t *testing.T) {
	t.Parallel()
	var where runtime.Key
	var name, text string
	p := &place{tell: func(_ context.Context, k runtime.Key, id, said string) error {
		if where, name, text = k, id, said; k.Run == 2 {
			return errors.New("it is over")
		}
		return nil
	}}
	r := newRunner(t, p, &heard{})
	defer r.Stop()
	e := &town.Effect{Kind: town.EffectNudge, Agent: "toast", Run: 1, Nudge: &town.NudgeSpec{Nudge: "ng-1a", Message: "Mind the gap", Source: "ann"}}
	out, err := r.nudge(t.Context(), "main", e)
	if got, ok := out.(*town.NudgeArrived); err != nil || !ok || got.Nudge != "ng-1a" {
		t.Errorf("outcome %+v, %v", out, err)
	}
	if where != (runtime.Key{Town: "main", Agent: "toast", Run: 1}) || name != "ng-1a" || !strings.Contains(text, "From ann") || !strings.Contains(text, "Mind the gap") {
		t.Errorf("told %v %q %q", where, name, text)
	}
	e.Run = 2
	out, err = r.nudge(t.Context(), "main", e)
	if got, ok := out.(*town.NudgeFailed); err == nil || !ok || got.Reason != "it is over" {
		t.Errorf("outcome %+v, %v", out, err)
	}
}

// The triage agent changes no code and has no repository.
func TestTriageHasNoRepository(t *testing.T) {
	t.Parallel()
	r := newRunner(t, &place{}, &heard{})
	defer r.Stop()
	e := &town.Effect{Kind: town.EffectDispatch, Agent: town.TriageAgent, Bead: "gt-1a", Run: 3,
		Dispatch: &town.DispatchSpec{Role: town.Triage, Command: town.AgentCommand{Command: []string{"agent"}}, Prompt: "decide"}}
	spec, err := r.spec("main", e)
	if err != nil || spec.Workspace != (runtime.Workspace{}) || string(spec.Stdin) != "decide" {
		t.Errorf("%+v, %v", spec, err)
	}
}
