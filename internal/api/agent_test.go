package api_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gastown/internal/api"
	"gastown/internal/auth"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// busy is a world where a run of an agent on a bead goes on until the test is over.
func busy(t *testing.T) (*world, auth.Claims) {
	t.Helper()
	w := withRig(t)
	script := filepath.Join(t.TempDir(), "agent.sh")
	// Nobody writes to its FIFO: the agent waits until it is stopped.
	if err := os.WriteFile(script, []byte("fifo=$PWD.$GASTOWN_RUN\nmkfifo \"$fifo\"\necho waiting\nread -r _ <\"$fifo\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.quiet)
	set := town.Settings{Agents: map[town.Role]town.AgentCommand{town.Polecat: {Preset: "script", Args: []string{script}}}}
	w.must(http.StatusOK, http.MethodPatch, at, wire.TownPatch{Settings: set})
	return w, w.working(w.sling("work").ID, 1)
}

// working waits until a run on the bead, of this number or later, is seen to go on.
func (w *world) working(bead town.BeadID, run town.Run) auth.Claims {
	w.t.Helper()
	var its wire.Town
	w.must(http.StatusOK, http.MethodGet, at, nil).into(&its)
	c := auth.Claims{History: its.History, Town: "main", Role: town.Polecat, Bead: bead}
	eventually(w.t, "a run on "+string(bead), func() bool {
		for _, a := range w.agents() {
			if a.Hook == bead && a.Run >= run && a.Dispatch == town.DispatchSure && a.Observed == town.Running {
				c.Agent, c.Run = a.ID, a.Run
			}
		}
		return c.Run != 0
	})
	return c
}

func (w *world) agents() []*town.Agent {
	w.t.Helper()
	var l wire.List[*town.Agent]
	w.must(http.StatusOK, http.MethodGet, at+"/agents", nil).into(&l)
	return l.Items
}

// quiet ends every agent and waits until the last process is gone.
func (w *world) quiet() {
	w.must(http.StatusOK, http.MethodPost, at+"/pause", nil)
	for _, a := range w.agents() {
		w.must(http.StatusOK, http.MethodPost, at+"/agents/"+string(a.ID)+"/stop", nil)
	}
	eventually(w.t, "all agents have ended", func() bool {
		for _, a := range w.agents() {
			if a.Process() {
				return false
			}
		}
		return true
	})
}

// spoken has a body that is right in form for every verb of agents.
var spoken = map[string]string{
	"done": `{"branch":"x","headSha":"y"}`, "request-changes": `{"feedback":"x"}`, "checkpoint": `{"text":"x"}`, "status": `{"line":"x"}`,
	"usage": `{"tokensIn":1,"tokensOut":2,"costUsd":0.1}`, "escalate": `{"severity":"low","category":"help","message":"x"}`, "merge-tested": `{"commit":"x","tip":"y"}`,
	"merge-conflicted": `{"files":["x"]}`, "merge-rejected": `{"gate":"x"}`, "gate-broken": `{"gate":"x","targetSha":"y"}`, "merge-failed": `{"class":"x","reason":"y"}`, "heartbeat": "",
	"mail-read": `{"messages":["gt-1"]}`, "mail-send": `{"to":"people","subject":"x"}`, "nudge": `{"to":"toast","message":"x"}`,
	"triage-resolve": `{"resolution":"none","bead":"gt-1"}`,
}

// An agent's token is good for its own town, bead and run, and says so when it is not.
func TestAgentTokens(t *testing.T) {
	t.Parallel()
	w, c := busy(t)
	w.must(http.StatusCreated, http.MethodPost, "/api/towns", wire.NewTown{ID: "other"})
	with := func(f func(*auth.Claims)) string {
		x := c
		f(&x)
		return w.keys.AgentToken(x)
	}
	own := with(func(*auth.Claims) {})
	before := w.now()
	for verb, body := range spoken {
		var in any
		if body != "" {
			in = body
		}
		path := "/agent/" + verb
		w.do(own, http.MethodPost, "/api/towns/other"+path, in).problem(http.StatusForbidden, "good for town main")
		w.do(with(func(c *auth.Claims) { c.Town = "other" }), http.MethodPost, at+path, in).problem(http.StatusForbidden, "good for town other")
		for _, token := range []string{
			with(func(c *auth.Claims) { c.Run-- }), with(func(c *auth.Claims) { c.Run++ }), with(func(c *auth.Claims) { c.Bead = "gt-999" }),
			with(func(c *auth.Claims) { c.Agent = "nobody" }),
		} {
			w.do(token, http.MethodPost, at+path, in).problem(http.StatusForbidden, "is over")
		}
		if body != "" {
			about := `{"beadId":"gt-999",` + strings.TrimPrefix(body, "{")
			w.do(own, http.MethodPost, at+path, about).problem(http.StatusForbidden, "good for bead "+string(c.Bead), "not for gt-999")
		}
	}
	w.do(with(func(c *auth.Claims) { c.Run-- }), http.MethodGet, at+"/agent/prime", nil).problem(http.StatusForbidden, "is over")
	if now := w.now(); now != before {
		t.Errorf("something came in: %+v, was %+v", now, before)
	}
}

// What an agent may do, it can; what would approve its own work, it cannot.
func TestAgentVerbs(t *testing.T) {
	t.Parallel()
	w, c := busy(t)
	own := w.keys.AgentToken(c)
	ok := func(code int, method, path string, in any) *reply {
		t.Helper()
		r := w.do(own, method, at+"/agent/"+path, in)
		if r.code != code {
			t.Fatalf("%s: got %d: %s", r.what, r.code, r.body)
		}
		return r
	}
	var p wire.Prime
	ok(http.StatusOK, http.MethodGet, "prime", nil).into(&p)
	if p.Bead == nil || p.Bead.ID != c.Bead || !strings.Contains(p.Prompt, "work") || p.Branch == "" {
		t.Errorf("prime says %+v", p)
	}
	before := w.now()
	ok(http.StatusNoContent, http.MethodPost, "heartbeat", nil)
	for _, verb := range []string{"merge-tested", "merge-conflicted", "merge-rejected", "gate-broken", "merge-failed", "request-changes", "triage-resolve"} {
		r := w.do(own, http.MethodPost, at+"/agent/"+verb, spoken[verb])
		if r.code < 400 || r.code > 499 {
			t.Errorf("%s of a polecat on its own bead: got %d: %s", verb, r.code, r.body)
		}
	}
	w.do(own, http.MethodPost, at+"/agent/status", `{"line":"x","run":9}`).problem(http.StatusUnprocessableEntity, "run")
	w.do(own, http.MethodPost, at+"/agent/done", `{"branch":"x","headSha":"y","prUrl":"https://git.example/ann/web/pull/7"}`).
		problem(http.StatusUnprocessableEntity, "prUrl", "for merge requests")
	w.untouched(before)

	ok(http.StatusOK, http.MethodPost, "status", `{"line":"reading"}`)
	ok(http.StatusOK, http.MethodPost, "checkpoint", `{"text":"half way"}`)
	ok(http.StatusOK, http.MethodPost, "usage", `{"tokensIn":100,"tokensOut":20,"costUsd":0.25}`)
	var worked wire.Bead
	w.must(http.StatusOK, http.MethodGet, at+"/beads/"+string(c.Bead), nil).into(&worked)
	if n := len(worked.Bead.Attempts); n != 1 || worked.Bead.Attempts[0].Tokens != 120 || worked.Bead.Attempts[0].Micros != 250_000 {
		t.Errorf("the attempts are %+v", worked.Bead.Attempts)
	}
	var a town.Agent
	w.must(http.StatusOK, http.MethodGet, at+"/agents/"+string(c.Agent), nil).into(&a)
	if a.StatusLine != "reading" {
		t.Errorf("the status line is %q", a.StatusLine)
	}
	var r wire.Receipt
	ok(http.StatusOK, http.MethodPost, "escalate", `{"severity":"high","category":"help","message":"which one?"}`).into(&r)
	if len(r.Made) != 1 {
		t.Fatalf("the escalation made %v", r.Made)
	}
	w.must(http.StatusOK, http.MethodPost, at+"/escalations/"+r.Made[0]+"/acknowledge", nil)
	eventually(t, "the log has what the agent wrote", func() bool {
		return string(w.must(http.StatusOK, http.MethodGet, at+"/agents/"+string(c.Agent)+"/logs", nil).body) == "waiting\n"
	})
}

// A token dies with its run; what the run has said before may still be repeated with its key.
func TestTokenDiesWithItsRun(t *testing.T) {
	t.Parallel()
	w, c := busy(t)
	old := w.keys.AgentToken(c)
	const key = "0190a6ff-3c44-7e1a-9d0b-6c2f4e1d7a55"
	note := func() *reply {
		return w.do(old, http.MethodPost, at+"/agent/status", `{"line":"first"}`, "Idempotency-Key", key)
	}
	if r := note(); r.code != http.StatusOK {
		t.Fatalf("%s: got %d: %s", r.what, r.code, r.body)
	}
	w.must(http.StatusOK, http.MethodPost, at+"/agents/"+string(c.Agent)+"/stop", nil)
	next := w.working(c.Bead, c.Run+1)
	before := w.now()
	w.do(old, http.MethodPost, at+"/agent/done", spoken["done"]).problem(http.StatusForbidden, "is over")
	w.do(old, http.MethodPost, at+"/agent/heartbeat", nil).problem(http.StatusForbidden, "is over")
	var r wire.Receipt
	if again := note(); again.code != http.StatusOK {
		t.Errorf("the repeated request: got %d: %s", again.code, again.body)
	} else if again.into(&r); !r.Again {
		t.Errorf("the repeated request was taken as a new one: %+v", r)
	}
	if now := w.now(); now != before {
		t.Errorf("something came in: %+v, was %+v", now, before)
	}
	if r := w.do(w.keys.AgentToken(next), http.MethodPost, at+"/agent/heartbeat", nil); r.code != http.StatusNoContent {
		t.Errorf("the new run's token: got %d: %s", r.code, r.body)
	}
}

// The token of a run of another history of the town is refused for everything, with words that say so: the run,
// the agent and the bead may have the same names here and be something else.
func TestForeignTokenIsRefused(t *testing.T) {
	t.Parallel()
	w, c := busy(t)
	c.History = "foreignnaaaaaaaaaaaaaaaaaa"
	for _, r := range api.Rows() {
		if r.Who == "agent" {
			w.do(w.keys.AgentToken(c), r.Method, concrete(r.Path, "main"), nil).problem(http.StatusForbidden, "another history")
		}
	}
}
