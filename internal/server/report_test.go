package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gastown/internal/auth"
	"gastown/internal/journal/journaltest"
	"gastown/internal/journal/sqlite"
	"gastown/internal/observe/logging"
	"gastown/internal/observe/report"
	"gastown/internal/observe/sentrytest"
	"gastown/internal/runtime/process"
	"gastown/internal/server"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// TestMain lets the servers of these tests start this program as the supervisor of agents.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "supervise" {
		os.Exit(process.Supervise(os.Args[2]))
	}
	os.Exit(m.Run())
}

// patience bounds every wait; a test that needs it has failed.
const patience = 30 * time.Second

// place is a data folder in which servers are started one after another.
type place struct {
	t     *testing.T
	home  string
	in    *sentrytest.Receiver
	dsn   string
	admin string
	keys  *auth.Keys
	log   bytes.Buffer // of the servers, which write one after another
	srv   *server.Server
	repo  string
	now   func() time.Time // the clock of the servers; the machine's if nil
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{t: t, home: t.TempDir(), in: sentrytest.New()}
	p.dsn = p.in.Serve(t.Cleanup)
	t.Cleanup(p.stop)
	return p
}

// start runs a server that reports to the DSN, if there is one.
func (p *place) start(dsn string) {
	p.t.Helper()
	level := new(slog.LevelVar)
	level.Set(slog.LevelDebug)
	s, err := server.Start(p.t.Context(), server.Options{
		Home: p.home, Listen: "127.0.0.1:0", Version: "1.2.3", Log: logging.New(&p.log, logging.JSON, level), Level: level, Now: p.now,
		Reports: report.Options{DSN: dsn, Environment: "staging", Monitor: report.DefaultMonitor, PublicURL: "https://town.example"},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.srv = s
	if p.keys, err = auth.Open(p.home); err != nil {
		p.t.Fatal(err)
	}
	p.admin = p.keys.Admin()
}

func (p *place) stop() {
	if p.srv != nil {
		p.srv.Stop(context.Background())
		p.srv = nil
	}
}

// call makes a request and reads its answer; any code below 500 is one.
func (p *place) call(token, method, path string, in, out any) int {
	p.t.Helper()
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			p.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.srv.URL()+path, &body)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 500 {
		p.t.Fatalf("%s %s: %d, %v: %s", method, path, resp.StatusCode, err, data)
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			p.t.Fatalf("%s %s: %s", method, path, data)
		}
	}
	return resp.StatusCode
}

// bead makes a held bead in the town "main", which it makes too, with a rig.
func (p *place) bead() town.BeadID {
	p.t.Helper()
	p.call(p.admin, http.MethodPost, "/api/towns", wire.NewTown{ID: "main"}, nil)
	p.repo = repository(p.t)
	p.call(p.admin, http.MethodPost, "/api/towns/main/rigs", wire.NewRig{Name: "web", URL: p.repo}, nil)
	var made town.Bead
	if code := p.call(p.admin, http.MethodPost, "/api/towns/main/beads", town.NewBead{Title: "Write notes", Held: true}, &made); code != http.StatusCreated {
		p.t.Fatalf("no bead was made: %d", code)
	}
	return made.ID
}

// damage puts a held bead in progress, which no rule does, while no server runs.
func (p *place) damage(id town.BeadID) {
	p.t.Helper()
	j, err := sqlite.Open(p.t.Context(), filepath.Join(p.home, "gastown.db"))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := journaltest.Damage(p.t.Context(), j, "main", id, "open", "in_progress"); err != nil {
		p.t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) wellFormed() {
	p.t.Helper()
	if f := p.in.Faults(); len(f) > 0 {
		p.t.Errorf("malformed: %v", f)
	}
}

func byClass(class string) func(*sentrytest.Event) bool {
	return func(e *sentrytest.Event) bool { return e.Class() == class }
}

// A record that was damaged while no server ran is healed by the next one, and Sentry hears of it. What
// looks at that tick again afterwards, a replay, and what looks ahead, a dry run, tell nobody.
func TestAViolationReachesSentry(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.start("")
	id := p.bead()
	p.stop()
	p.damage(id)
	p.start(p.dsn)
	e := p.in.Await(patience, byClass("gastown/invariant/10"))
	if e == nil {
		t.Fatalf("nothing arrived: %v, %s", p.in.Events(), p.log.String())
	}
	at := e.Contexts["gastown"]["tick"]
	want := map[string]any{
		"invariant": 10.0, "message": string(id) + " is held, and in progress", "townId": "main", "entityKind": "bead", "entityId": string(id),
		"tick": at, "ruleSet": float64(town.RuleSet), "recovered": true, "replay": fmt.Sprintf("https://town.example/towns/main/replay?fromTick=%v&toTick=%v", at, at),
	}
	if fmt.Sprint(e.Contexts) != fmt.Sprint(map[string]map[string]any{"gastown": want}) {
		t.Errorf("contexts are\n%v, want\n%v", e.Contexts, want)
	}
	tags := map[string]string{"invariant": "10", "town_id": "main", "rule_set": fmt.Sprint(town.RuleSet), "state": "appeared"}
	if e.Level != "error" || e.Release != "gastown@1.2.3" || e.Environment != "staging" || fmt.Sprint(e.Tags) != fmt.Sprint(tags) || e.ServerName != "" {
		t.Errorf("%+v", e)
	}
	var plan wire.Plan
	var again wire.Replay
	if code := p.call(p.admin, http.MethodPost, "/api/towns/main/debug/reconcile-dry-run", nil, &plan); code != http.StatusOK {
		t.Errorf("dry run: %d", code)
	}
	from := town.TickNo(at.(float64))
	if code := p.call(p.admin, http.MethodPost, "/api/towns/main/debug/replay-events", wire.ReplayQuery{FromTick: from, ToTick: from}, &again); code != http.StatusOK {
		t.Errorf("replay: %d", code)
	}
	if len(again.Violations) != 1 {
		t.Errorf("the replay has found %v", again.Violations)
	}
	var why wire.Why
	p.call(p.admin, http.MethodGet, "/api/towns/main/debug/why/"+string(id), nil, &why)
	told := ""
	for _, h := range why.Recent {
		told += fmt.Sprintln(h.What, h.By, h.From, h.To, h.Reason)
	}
	for _, line := range []string{"transition_bead recovery/10 in_progress open ", "invariant_violated invariant 10   " + string(id) + " is held, and in progress; mended at once"} {
		if !strings.Contains(told, line) {
			t.Errorf("why does not tell %q:\n%s", line, told)
		}
	}
	p.stop()
	p.wellFormed()
	if got := p.in.Events(); len(got) != 1 {
		t.Errorf("%d events arrived: %+v", len(got), got)
	}
}

// A server that cannot start for a damaged journal says so before it ends.
func TestADamagedJournalReachesSentry(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if err := server.MarkFormat(p.home); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.home, "gastown.db"), []byte("no database at all, and long enough to look like one to whoever reads only its name"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := server.Start(t.Context(), server.Options{
		Home: p.home, Listen: "127.0.0.1:0", Version: "1.2.3", Log: slog.New(slog.DiscardHandler), Reports: report.Options{DSN: p.dsn},
	})
	if err == nil {
		t.Fatal("it has started")
	}
	p.wellFormed()
	if got := p.in.Events(); len(got) != 1 || got[0].Class() != "gastown/journal/damaged" || strings.Contains(p.in.Raw(), p.home) {
		t.Errorf("%v: %+v", err, got)
	}
}

// Without a DSN nothing is sent, whatever happens.
func TestNothingIsSentWithoutADSN(t *testing.T) {
	p := newPlace(t)
	t.Setenv("SENTRY_DSN", p.dsn) // which the SDK would take
	p.start("")
	id := p.bead()
	p.stop()
	p.damage(id)
	p.start("")
	p.call(p.admin, http.MethodGet, "/api/towns/main/status", nil, nil)
	p.stop()
	if !strings.Contains(p.log.String(), "invariant violated") {
		t.Errorf("there was nothing to send:\n%s", p.log.String())
	}
	if raw := p.in.Raw(); raw != "" {
		t.Errorf("sent: %s", raw)
	}
}

// Secrets are planted wherever texts come in, and then everything that is reported happens to them. None
// is in a byte that arrived, nor in the log.
func TestPlantedSecretsAreNotSent(t *testing.T) {
	t.Setenv("PLANTED_API_KEY", "planted-in-the-environment")
	p := newPlace(t)
	p.start(p.dsn)
	id := p.bead()
	do := func(method, path string, in any) int { return p.call(p.admin, method, "/api/towns/main"+path, in, nil) }
	many := 100
	settings := town.Settings{
		Agents:           map[town.Role]town.AgentCommand{town.Polecat: {Command: []string{"/nowhere/agent", "--planted-in-the-command"}}},
		Env:              map[string]string{"MY_API_KEY": "env:PLANTED_API_KEY", "PLAIN": "planted-in-env"},
		Instructions:     map[town.Role]string{town.Polecat: "planted-in-the-instructions"},
		Notify:           &town.NotifySettings{Webhooks: []string{"http://127.0.0.1:1/services/planted0in0the0webhook0address"}},
		MaxStartsPerTick: &many, MaxAgents: &many, MaxPolecatsPerRig: &many,
	}
	if code := do(http.MethodPatch, "", wire.TownPatch{Settings: settings}); code != http.StatusOK {
		t.Fatalf("the settings were refused: %d", code)
	}
	for i := range 6 { // each start fails: the agent is not there
		if code := do(http.MethodPost, "/beads", town.NewBead{
			Title: fmt.Sprint("planted-in-the-title ", i), Body: "planted-in-the-body", Labels: []string{"planted-in-a-label"},
			Metadata: map[string]string{"k": "planted-in-the-metadata"},
		}); code != http.StatusCreated {
			t.Fatalf("no bead: %d", code)
		}
	}
	agent := p.keys.AgentToken(auth.Claims{Town: "main", Agent: "toast", Role: town.Polecat, Bead: id, Run: 99})
	p.call(agent, http.MethodPost, "/api/towns/main/agent/status", map[string]string{"status": "planted-by-an-agent"}, nil)
	do(http.MethodPost, "/beads/planted-as-an-id/hold", nil) // rejected
	do(http.MethodPost, "/messages", town.MessageSent{To: "planted-as-a-recipient", Subject: "planted-in-a-subject"})
	if e := p.in.Await(patience, func(e *sentrytest.Event) bool { return e.Fingerprint[1] == "effect" }); e == nil {
		t.Errorf("the starts that fail were not reported: %+v\n%s", p.in.Events(), p.log.String())
	}
	p.stop()
	p.damage(id)
	p.start(p.dsn)
	if e := p.in.Await(patience, byClass("gastown/invariant/10")); e == nil {
		t.Errorf("the violation was not reported: %+v", p.in.Events())
	}
	p.stop()
	p.wellFormed()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	raw := p.in.Raw()
	for _, word := range []string{"planted", p.admin, agent, p.home, p.repo, host} {
		if i := strings.Index(raw, word); i >= 0 {
			t.Errorf("%q was sent: …%s…", word, raw[max(0, i-200):min(len(raw), i+200)])
		}
	}
	for _, word := range []string{"planted-in-the-environment", "planted0in0the0webhook0address", "planted-in-the-body", "planted-in-the-instructions", p.admin, agent} {
		if strings.Contains(p.log.String(), word) {
			t.Errorf("%q is in the log", word)
		}
	}
}

// repository makes a git repository with one commit.
func repository(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "web")
	for _, args := range [][]string{
		{"init", "-q", "-b", "main", dir},
		{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-q", "--allow-empty", "-m", "First"},
	} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}
