package monitoring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gastown/internal/auth"
	"gastown/internal/client"
	"gastown/internal/journal"
	"gastown/internal/runtime"
	"gastown/internal/server"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// injected are faults that are brought about in real servers, with the alert that must tell of each, those that
// are told soonest first.
var injected = []struct {
	alert string
	begin func(*victim)
}{
	{"ServerDown", func(v *victim) { v.srv.Stop(context.Background()) }},
	{"JournalNotWriting", func(v *victim) {
		v.journal.full.Store(true)
		began := time.Now()
		_, err := v.town().Configure(v.ctx, wire.TownPatch{Name: "Refused"})
		var refused *client.Problem
		if !errors.As(err, &refused) || refused.Status != http.StatusInsufficientStorage {
			v.t.Errorf("the writer's answer after %s is %v", time.Since(began), err)
		}
	}},
	{"PendingEvents", func(v *victim) {
		v.journal.slow.Store(int64(time.Minute))
		v.submitting(150)
	}},
	{"SideEffectsFailing", func(v *victim) {
		v.runtime.mute.Store(true)
		v.atWork()
		for i := range 9 {
			if _, err := v.town().Nudge(v.ctx, v.agent(), fmt.Sprint("Hurry ", i)); err != nil {
				v.t.Fatal(err)
			}
		}
	}},
	{"BreakerOpen", func(v *victim) {
		v.configure(30, "no-such-agent")
		for i := range 25 {
			v.sling(fmt.Sprint("Task ", i))
		}
	}},
	{"ReconcilerSlow", func(v *victim) {
		v.clock.step.Store(int64(700 * time.Millisecond))
		v.submitting(1)
	}},
	{"ReconcilerStopped", func(v *victim) {
		v.atWork()
		v.journal.hangs.Store(true)
		v.submitting(1)
	}},
	{"NoProgress", func(v *victim) {
		// The agent is not heard any more, its process cannot be stopped, and it has the only place.
		v.runtime.stuck.Store(true)
		bead := v.atWork()
		v.submitting(1)
		v.clock.ahead.Add(int64(3 * time.Minute))
		await(v.t, "the agent to be given up", func() bool { return v.bead(bead).Status == town.Open })
		v.clock.ahead.Add(int64(time.Minute)) // the back-off
	}},
	{"MergeQueueStarved", func(v *victim) {
		gates := []town.Gate{{Name: "never", Command: "read -r _ <" + v.fifo(), Timeout: town.Hour}}
		if _, err := v.town().UpdateRig(v.ctx, "web", wire.RigPatch{Settings: town.Settings{Gates: &gates}}); err != nil {
			v.t.Fatal(err)
		}
		v.configure(4, "sh", "-c", "echo x >x && git add x && git commit -qm x && gastown done")
		v.sling("Never merged")
	}},
}

// quicker is how much shorter than in deploy the times of the rules are in this test. What a server counts in
// seconds is not, but for the hour of the merge queue: that is a minute. Of what fails once a second, one is enough.
const quicker = 15

// TestFaultsOfRealServers brings each fault about in a server of its own, with a real journal, real processes and real
// time. One Prometheus watches them all by the rules of deploy, in which only the times are shorter, and an Alertmanager
// with the routes of deploy tells of each just once, and of nothing else.
func TestFaultsOfRealServers(t *testing.T) {
	t.Parallel()
	var victims []*victim
	var targets []string
	token := ""
	for range injected {
		v := newVictim(t, token)
		t.Cleanup(v.end)
		token = v.token
		victims, targets = append(victims, v), append(targets, v.address)
	}
	am, pager := alertmanager(t, quicker)
	runbooks := elsewhereServed(t)
	prometheus := watching(t, token, targets, am, runbooks)
	for _, v := range victims {
		await(t, "every server to be seen", func() bool {
			return len(ask(t, prometheus, "/api/v1/query", `gastown_reconciler_ticks_total{instance="`+v.address+`"}`, nil)) > 0
		})
	}
	for i := range injected {
		victims[i].began = time.Now()
		injected[i].begin(victims[i])
	}
	for i, v := range victims {
		alert := injected[i].alert
		names := func() []string {
			var out []string
			for _, p := range pager.of(v.address) {
				out = append(out, p.CommonLabels["alertname"])
			}
			return out
		}
		awaitFor(t, 2*patience, "a page of "+alert, func() bool { return len(names()) > 0 })
		t.Logf("%s is told after %s", alert, time.Since(v.began).Round(time.Second))
		// Ten evaluations later nothing else has been said.
		await(t, "ten evaluations of "+alert, func() bool {
			return len(ask(t, prometheus, "/api/v1/query", `count_over_time(ALERTS{alertname="`+alert+`",alertstate="firing",instance="`+v.address+`"}[5m]) >= 10`, nil)) > 0
		})
		if got := names(); !slices.Equal(got, []string{alert}) {
			t.Errorf("%s: the pages are %v", alert, got)
			continue
		}
		v.checkLinks(pager.of(v.address)[0], runbooks)
		if alert == "JournalNotWriting" { // it heals by itself, and that is told
			v.journal.recover()
			await(t, "the end of "+alert+" to be told", func() bool { return len(pager.over(v.address)) == 1 })
		}
	}
}

// checkLinks follows the links of a page: the server's lead to that server, of which there are several, and that to what
// to do is read where it answers although this server may not.
func (v *victim) checkLinks(p page, runbooks string) {
	v.t.Helper()
	alert, notes := p.CommonLabels["alertname"], p.CommonAnnotations
	if want := runbooks + "/" + alert + ".html"; notes["runbook_url"] != want {
		v.t.Errorf("%s: the runbook is at %q, want %q", alert, notes["runbook_url"], want)
	}
	if text, err := get(v.ctx, notes["runbook_url"], ""); err != nil || !strings.Contains(text, ">"+alert+"</h1>") {
		v.t.Errorf("%s: the runbook cannot be read: %v", alert, err)
	}
	want := "http://" + v.address + "/towns/main/replay?"
	if !slices.Contains(ofNoTown, alert) && !strings.HasPrefix(notes["replay_url"], want) {
		v.t.Errorf("%s: the replay is at %q, want %q", alert, notes["replay_url"], want)
	}
	if !strings.Contains(notes["summary"], v.address) {
		v.t.Errorf("%s does not say which server: %q", alert, notes["summary"])
	}
}

// elsewhereServed writes the pages as gastown dash export does and serves them, and returns where the runbooks are.
func elsewhereServed(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	tool(t, dir, os.Args[0], "dash", "export", dir)
	files := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(files.Close)
	return files.URL + "/docs/runbooks"
}

// watching runs a Prometheus with the rules of deploy and shorter times.
func watching(t *testing.T, token string, targets []string, am, runbooks string) string {
	t.Helper()
	files := filepath.Join(unpacked(t), "prometheus")
	file := filepath.Join(t.TempDir(), "admin.token")
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	config, rules := filepath.Join(files, "prometheus.yml"), filepath.Join(files, "gastown.rules.yml")
	var servers []string
	for _, at := range targets {
		servers = append(servers, "- targets: ['"+at+"']\n        labels:\n          gastown_url: http://"+at)
	}
	replace(t, config, "interval: 15s", "interval: 1s", "/run/gastown/admin.token", file, "alertmanager:9093", am,
		"gastown_runbooks_url: "+defaultURL+"/docs/runbooks", "gastown_runbooks_url: "+runbooks,
		"- targets: ['gastown:7333']\n        labels:\n          gastown_url: "+defaultURL, strings.Join(servers, "\n      "))
	shorten(t, rules)
	return program(t, "prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(t.TempDir(), "data"), "--rules.alert.resend-delay=1s")
}

// shorten makes the times of the rules shorter.
func shorten(t *testing.T, rules string) {
	t.Helper()
	replace(t, rules, "> 3600", "> 60", "commit_failures_total[1m]) > 5", "commit_failures_total[1m]) > 0",
		"process_start_time_seconds < 300", "process_start_time_seconds < 20")
	text, err := os.ReadFile(rules)
	if err != nil {
		t.Fatal(err)
	}
	short := regexp.MustCompile(`(\[|for: )(\d+[smh])\b`).ReplaceAllStringFunc(string(text), func(m string) string {
		i := strings.IndexAny(m, "0123456789")
		d, err := time.ParseDuration(m[i:])
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s%dms", m[:i], (d / quicker).Milliseconds())
	})
	if err := os.WriteFile(rules, []byte(short), 0o600); err != nil {
		t.Fatal(err)
	}
}

// victim is a server with a town that something is going to happen to.
type victim struct {
	t       *testing.T
	ctx     context.Context
	srv     *server.Server
	address string
	token   string
	clock   oddClock
	journal *oddJournal
	runtime *oddRuntime
	over    context.CancelFunc
	began   time.Time // the fault
	people  sync.WaitGroup
}

func newVictim(t *testing.T, token string) *victim {
	t.Helper()
	home := t.TempDir()
	v := &victim{t: t, journal: &oddJournal{free: make(chan struct{})}, runtime: &oddRuntime{}}
	v.ctx, v.over = context.WithTimeout(context.WithoutCancel(t.Context()), testTime)
	if token != "" { // one that Prometheus has for all
		if err := os.WriteFile(filepath.Join(home, auth.AdminFile), []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	v.srv, err = server.Start(v.ctx, server.Options{
		Home: home, Listen: "127.0.0.1:0", Version: "test", Log: slog.New(slog.DiscardHandler), Now: v.clock.now,
		Journal: func(j journal.Journal) journal.Journal { v.journal.Journal = j; return v.journal },
		Runtime: func(r runtime.Runtime) runtime.Runtime { v.runtime.Runtime = r; return v.runtime },
	})
	if err != nil {
		t.Fatal(err)
	}
	v.address = v.at()
	data, err := os.ReadFile(filepath.Join(home, auth.AdminFile))
	if err != nil {
		t.Fatal(err)
	}
	v.token = string(data)
	if _, err := v.client().CreateTown(v.ctx, wire.NewTown{ID: "main"}); err != nil {
		t.Fatal(err)
	}
	if _, err := v.town().AddRig(v.ctx, wire.NewRig{Name: "web", URL: emptyRepository(t)}); err != nil {
		t.Fatal(err)
	}
	return v
}

// emptyRepository is one with a commit and no files.
func emptyRepository(t *testing.T) string {
	t.Helper()
	repo := t.TempDir()
	for _, argv := range [][]string{
		{"init", "-q", "-b", "main"}, {"-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-q", "--allow-empty", "-m", "Begin"},
	} {
		if out, err := exec.Command("git", append([]string{"-C", repo}, argv...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", argv, err, out)
		}
	}
	return repo
}

func (v *victim) at() string { return strings.TrimPrefix(v.srv.URL(), "http://") }

func (v *victim) client() *client.Client {
	return client.New(client.Config{Find: func() (string, string, error) { return v.srv.URL(), strings.TrimSpace(v.token), nil }})
}

func (v *victim) town() *client.Town { return v.client().Town("main") }

// end has everything go well again and ends it.
func (v *victim) end() {
	v.journal.recover()
	v.runtime.stuck.Store(false)
	v.clock.step.Store(0)
	if reports, err := v.runtime.List(context.Background()); err == nil { // a server that is down has ended already
		for _, r := range reports {
			if err := v.runtime.Stop(context.Background(), r.Key); err != nil {
				v.t.Error(err)
			}
		}
	}
	v.over()
	v.people.Wait()
	v.srv.Stop(context.Background())
}

func (v *victim) configure(places int, command ...string) {
	v.t.Helper()
	if _, err := v.town().Configure(v.ctx, wire.TownPatch{Settings: town.Settings{
		Agents:            map[town.Role]town.AgentCommand{town.Polecat: {Command: command}},
		MaxPolecatsPerRig: &places, MaxAgents: &places, MaxStartsPerTick: &places,
	}}); err != nil {
		v.t.Fatal(err)
	}
}

func (v *victim) sling(title string) town.BeadID {
	v.t.Helper()
	b, err := v.town().Sling(v.ctx, town.NewBead{Title: title})
	if err != nil {
		v.t.Fatal(err)
	}
	return b.ID
}

func (v *victim) bead(id town.BeadID) *town.Bead {
	v.t.Helper()
	b, err := v.town().Bead(v.ctx, id)
	if err != nil {
		v.t.Fatal(err)
	}
	return b.Bead
}

// atWork has an agent at work that goes on until it is stopped, on the bead that is returned.
func (v *victim) atWork() town.BeadID {
	v.t.Helper()
	v.configure(1, "sh", "-c", "read -r _ <"+v.fifo())
	id := v.sling("Goes on")
	await(v.t, "an agent at work", func() bool {
		agents, err := v.town().Agents(v.ctx)
		return err == nil && len(agents) == 1 && agents[0].Observed == town.Running && agents[0].Dispatch == town.DispatchSure
	})
	return id
}

func (v *victim) agent() town.AgentID {
	v.t.Helper()
	agents, err := v.town().Agents(v.ctx)
	if err != nil || len(agents) == 0 {
		v.t.Fatalf("no agent: %v", err)
	}
	return agents[0].ID
}

// fifo is one that nobody ever writes to.
func (v *victim) fifo() string {
	v.t.Helper()
	path := filepath.Join(v.t.TempDir(), "fifo")
	if err := exec.Command("mkfifo", path).Run(); err != nil {
		v.t.Fatal(err)
	}
	return path
}

// submitting has as many people rename the town, one name after the other, until the end.
func (v *victim) submitting(people int) {
	for p := range people {
		v.people.Go(func() {
			for i := 0; v.ctx.Err() == nil; i++ {
				_, err := v.town().Configure(v.ctx, wire.TownPatch{Name: fmt.Sprint("Town ", p, " ", i)})
				var refused *client.Problem
				if errors.As(err, &refused) && refused.Status < http.StatusInternalServerError {
					v.t.Errorf("renaming: %v", err)
					return
				}
			}
		})
	}
}
