package effect

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gastown/internal/git"
	"gastown/internal/runtime"
	"gastown/internal/town"
)

func TestCommandLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cmd   town.AgentCommand
		args  []string
		stdin string
	}{
		"prompt on standard input": {town.AgentCommand{Command: []string{"my-agent", "--yes"}}, []string{"my-agent", "--yes"}, "do it"},
		"prompt as an argument":    {town.AgentCommand{Command: []string{"my-agent", "{prompt}", "-q"}}, []string{"my-agent", "do it", "-q"}, ""},
		"claude with a model": {town.AgentCommand{Preset: "claude", Args: []string{"--model", "opus"}},
			[]string{"claude", "--print", "--verbose", "--output-format", "stream-json", "--dangerously-skip-permissions", "--model", "opus"}, "do it"},
		"codex keeps its dash last": {town.AgentCommand{Preset: "codex", Args: []string{"-m", "x"}},
			[]string{"codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-m", "x", "-"}, "do it"},
		"opencode": {town.AgentCommand{Preset: "opencode", Args: []string{"-m", "x"}}, []string{"opencode", "run", "-m", "x", "do it"}, ""},
		"kilo":     {town.AgentCommand{Preset: "kilo"}, []string{"kilo", "run", "--auto", "do it"}, ""},
		"script":   {town.AgentCommand{Preset: "script", Args: []string{"/a.sh"}}, []string{"sh", "-eu", "/a.sh"}, "do it"},
	} {
		args, stdin, err := commandLine(c.cmd, "do it")
		if err != nil || cmp.Diff(c.args, args) != "" || stdin != c.stdin {
			t.Errorf("%s: %q, stdin %q, %v", name, args, stdin, err)
		}
	}
	if slices.Contains(presets["opencode"], "do it") {
		t.Error("a command line has changed its preset")
	}
	for _, bad := range []town.AgentCommand{{Preset: "gpt"}, {Preset: "script"}} {
		if _, _, err := commandLine(bad, ""); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

// heard collects outcomes.
type heard struct {
	mu     sync.Mutex
	events []town.Event
	got    chan town.Event
}

func (h *heard) report(_ context.Context, _ town.TownID, events ...town.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, events...)
	for _, e := range events {
		if h.got != nil {
			h.got <- e
		}
	}
	return nil
}

// place is a runtime that prepares workspaces and then does what a test tells it to.
type place struct {
	runtime.Runtime
	prepare runtime.Prepare // of the runner's store
	dir     string          // where the last run would work
	start   func(ctx context.Context, s runtime.Spec) error
	stop    func(ctx context.Context, k runtime.Key) error
	list    func() ([]runtime.Report, error) // nothing if nil
	tell    func(ctx context.Context, k runtime.Key, id, text string) error
}

func (p *place) Tell(ctx context.Context, k runtime.Key, id, text string) error {
	return p.tell(ctx, k, id, text)
}

func (p *place) Start(ctx context.Context, s runtime.Spec) error {
	ready, err := p.prepare(ctx, s)
	if err != nil {
		return err
	}
	p.dir = ready.Dir
	return p.start(ctx, s.With(ready))
}

func (p *place) List(context.Context) ([]runtime.Report, error) {
	if p.list == nil {
		return nil, nil
	}
	return p.list()
}

func (p *place) Stop(ctx context.Context, k runtime.Key) error { return p.stop(ctx, k) }

func newRunner(t testing.TB, p *place, h *heard) *Runner {
	t.Helper()
	store, err := git.Open(filepath.Join(t.TempDir(), "git"))
	if err != nil {
		t.Fatal(err)
	}
	p.prepare = Preparer(store)
	return New(Options{
		Git: store, Runtime: p, Report: h.report, Token: func(town.TownID, *town.Effect) string { return "gta_x" },
		URL: func() string { return "http://127.0.0.1:1" }, Home: "/home", BinDir: "/bin-of-gastown", Self: "/gastown",
		Count: func(town.TownID, town.EffectKind, string) {}, Log: slog.New(slog.DiscardHandler),
	})
}

// origin makes a repository with one commit.
func origin(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, args := range [][]string{
		{"init", "-q", "-b", "main", dir},
		{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "--allow-empty", "-m", "begin"},
	} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}

func dispatchOf(url string, cmd town.AgentCommand) town.Effect {
	return town.Effect{ID: "dispatch_agent/toast/gt-1a/7", Kind: town.EffectDispatch, Agent: "toast", Bead: "gt-1a", Rig: "web", Run: 7,
		Dispatch: &town.DispatchSpec{Role: town.Polecat, Repo: town.RepoSpec{URL: url, DefaultBranch: "main"}, Command: cmd,
			Branch: "gt/toast/gt-1a", Base: "main", Workspace: "gt-1a", Prompt: "do it", Env: map[string]string{"COLOUR": "red"}}}
}

func TestDispatchGivesAnAgentWhatItNeeds(t *testing.T) {
	t.Parallel()
	var got runtime.Spec
	h := &heard{got: make(chan town.Event, 1)}
	p := &place{start: func(_ context.Context, s runtime.Spec) error { got = s; return nil }}
	r := newRunner(t, p, h)
	defer r.Stop()
	r.Carry("main", []town.Effect{dispatchOf(origin(t), town.AgentCommand{Command: []string{"agent"}})})
	e := <-h.got
	if e.Type != "dispatch_accepted" || e.Agent != "toast" || e.Run != 7 || e.Bead != "gt-1a" {
		t.Fatalf("outcome %+v", e)
	}
	if got.Key != (runtime.Key{Town: "main", Agent: "toast", Run: 7}) || string(got.Stdin) != "do it" {
		t.Errorf("spec %+v", got)
	}
	for _, want := range []string{
		"GASTOWN_URL=http://127.0.0.1:1", "GASTOWN_TOKEN=gta_x", "GASTOWN_TOWN=main", "GASTOWN_RIG=web", "GASTOWN_AGENT=toast",
		"GASTOWN_BEAD=gt-1a", "GASTOWN_RUN=7", "GASTOWN_BRANCH=gt/toast/gt-1a", "GASTOWN_BASE=main", "COLOUR=red",
	} {
		if !slices.Contains(got.Env, want) {
			t.Errorf("the environment lacks %s", want)
		}
	}
	i := slices.IndexFunc(got.Env, func(v string) bool { return strings.HasPrefix(v, "PATH=/bin-of-gastown:") })
	if i < 0 {
		t.Error("the agent's own gastown is not first in its PATH")
	}
	if branch, err := exec.Command("git", "-C", p.dir, "branch", "--show-current").Output(); err != nil || strings.TrimSpace(string(branch)) != "gt/toast/gt-1a" {
		t.Errorf("workspace %s is on %q (%v)", p.dir, branch, err)
	}
}

// What gives the operator access to repositories is nowhere in an agent's process: not by a variable, and not by the
// configuration of git, which is otherwise the operator's.
func TestAgentsGetNothingOfTheOperatorsAccess(t *testing.T) {
	home := t.TempDir()
	config := "[credential]\n\thelper = \"!f() { echo username=bot; echo password=s3cret; }; f\"\n[user]\n\tname = Op\n\temail = op@example.com\n"
	if err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"HOME": home, "SSH_AUTH_SOCK": "/s", "GIT_ASKPASS": "/a", "GIT_SSH_COMMAND": "ssh", "GITHUB_TOKEN": "t"} {
		t.Setenv(name, value)
	}
	var got runtime.Spec
	h := &heard{got: make(chan town.Event, 1)}
	p := &place{start: func(_ context.Context, s runtime.Spec) error { got = s; return nil }}
	r := newRunner(t, p, h)
	defer r.Stop()
	r.Carry("main", []town.Effect{dispatchOf(origin(t), town.AgentCommand{Command: []string{"agent"}})})
	if e := <-h.got; e.Type != "dispatch_accepted" {
		t.Fatalf("outcome %+v", e)
	}
	for _, v := range got.Env {
		name, _, _ := strings.Cut(v, "=")
		if slices.Contains([]string{"SSH_AUTH_SOCK", "GIT_ASKPASS", "GIT_SSH_COMMAND", "GITHUB_TOKEN"}, name) {
			t.Errorf("the agent gets %s", v)
		}
	}
	ask := exec.Command("git", "credential", "fill")
	ask.Dir, ask.Env, ask.Stdin = p.dir, append(got.Env, "GIT_TERMINAL_PROMPT=0"), strings.NewReader("protocol=https\nhost=code.example\n\n")
	if out, err := ask.CombinedOutput(); err == nil || strings.Contains(string(out), "s3cret") {
		t.Errorf("the agent's git is told %s", out)
	}
	who := exec.Command("git", "var", "GIT_COMMITTER_IDENT")
	who.Dir, who.Env = p.dir, got.Env
	if out, err := who.Output(); err != nil || !strings.HasPrefix(string(out), "Op <op@example.com>") {
		t.Errorf("the agent commits as %s, %v", out, err)
	}
}

// A start that is repeated after a crash must not be called rejected for what the configuration says by now: nobody
// would look after its process any more.
func TestDispatchKnowsWhatItHasStartedBefore(t *testing.T) {
	t.Parallel()
	run := runtime.Report{Key: runtime.Key{Town: "main", Agent: "toast", Run: 7}, State: runtime.StateRunning}
	older := run
	older.Run = 6
	for _, c := range []struct {
		name    string
		reports []runtime.Report
		err     error
		want    town.EventType
	}{
		{"it runs", []runtime.Report{older, run}, nil, "dispatch_accepted"},
		{"an older run runs", []runtime.Report{older}, nil, "dispatch_rejected"},
		{"the runtime does not say", nil, errors.New("away"), "dispatch_unknown"},
	} {
		h := &heard{got: make(chan town.Event, 1)}
		r := newRunner(t, &place{list: func() ([]runtime.Report, error) { return c.reports, c.err }}, h)
		r.Carry("main", []town.Effect{dispatchOf("/nowhere", town.AgentCommand{Preset: "none"})})
		if e := <-h.got; e.Type != c.want {
			t.Errorf("%s: %s, want %s", c.name, e.Type, c.want)
		}
		r.Stop()
	}
}

// The next attempt on a bead, whoever has it, goes on in the same folder and is told what is there.
func TestTheNextAttemptIsToldWhatIsThere(t *testing.T) {
	t.Parallel()
	var specs []runtime.Spec
	h := &heard{got: make(chan town.Event, 1)}
	p := &place{start: func(_ context.Context, s runtime.Spec) error { specs = append(specs, s); return nil }}
	r := newRunner(t, p, h)
	defer r.Stop()
	first := dispatchOf(origin(t), town.AgentCommand{Command: []string{"agent"}})
	r.Carry("main", []town.Effect{first})
	<-h.got
	work := "cd \"$1\" && echo half >half && git add half && git -c user.name=t -c user.email=t@t commit -qm half && echo rest >rest"
	if out, err := exec.Command("sh", "-euc", work, "sh", p.dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	d, dir := *first.Dispatch, p.dir
	next := town.Effect{ID: "dispatch_agent/nux/gt-1a/8", Kind: town.EffectDispatch, Agent: "nux", Bead: "gt-1a", Rig: "web", Run: 8, Dispatch: &d, History: "h"}
	d.BeforeAgent, d.BeforeRun = "toast", 7
	r.Carry("main", []town.Effect{next})
	<-h.got
	if got := string(specs[1].Stdin); p.dir != dir || !strings.Contains(got, "do it") || !strings.Contains(got, "has 1 commit and uncommitted changes by toast, run 7") {
		t.Errorf("in %s it is told %q", p.dir, got)
	}
	again := d
	again.Fresh, again.BeforeAgent, again.BeforeRun = true, "nux", 8
	next.ID, next.Run, next.Dispatch = "dispatch_agent/nux/gt-1a/9", 9, &again
	r.Carry("main", []town.Effect{next})
	<-h.got
	if got := string(specs[2].Stdin); !strings.Contains(got, "Kept besides: the branch as it was, commit ") || strings.Contains(got, "Go on from there") {
		t.Errorf("a fresh start is told %q", got)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "rest")); err == nil {
		t.Error("a fresh start has files of before")
	}
}

func TestDispatchTellsThreeOutcomesApart(t *testing.T) {
	t.Parallel()
	url := origin(t)
	ok := town.AgentCommand{Command: []string{"agent"}}
	secret := dispatchOf(url, ok)
	secret.Dispatch.Env = map[string]string{"API_KEY": "env:GASTOWN_TEST_NOT_SET"}
	for name, c := range map[string]struct {
		effect town.Effect
		start  error
		want   town.Payload
	}{
		"rejected by the runtime": {dispatchOf(url, ok), &runtime.StartError{Class: runtime.ClassCommandNotFound, Reason: "no agent"},
			&town.DispatchRejected{Class: "command_not_found", Infra: true, Reason: "no agent"}},
		"a stale run is nobody's outage": {dispatchOf(url, ok), &runtime.StartError{Class: runtime.ClassStaleRun, Reason: "newer"},
			&town.DispatchRejected{Class: "stale_run", Infra: false, Reason: "newer"}},
		"no answer":        {dispatchOf(url, ok), context.DeadlineExceeded, &town.DispatchUnknown{Reason: "context deadline exceeded"}},
		"no repository":    {dispatchOf("/nowhere", ok), nil, &town.DispatchRejected{Class: "git_not_a_repository", Infra: true}},
		"a missing secret": {secret, nil, &town.DispatchRejected{Class: "configuration", Infra: true}},
		"a wrong preset":   {dispatchOf(url, town.AgentCommand{Preset: "none"}), nil, &town.DispatchRejected{Class: "configuration", Infra: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &heard{got: make(chan town.Event, 1)}
			r := newRunner(t, &place{start: func(context.Context, runtime.Spec) error { return c.start }}, h)
			defer r.Stop()
			r.Carry("main", []town.Effect{c.effect})
			got := (<-h.got).Payload
			if w, ok := c.want.(*town.DispatchRejected); ok && w.Reason == "" {
				g, ok := got.(*town.DispatchRejected)
				if !ok || g.Reason == "" {
					t.Fatalf("outcome %+v, without a reason", got)
				}
				w.Reason = g.Reason
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestOneAgentsEffectsKeepTheirOrder holds a start up: the stop that was decided after it must wait,
// another agent's must not, and a repeat of what is under way is dropped.
func TestOneAgentsEffectsKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		note := func(s string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, s)
		}
		hold := make(chan struct{})
		p := &place{stop: func(_ context.Context, k runtime.Key) error {
			if k.Run == 1 {
				<-hold
			}
			note(k.String())
			return nil
		}}
		h := &heard{}
		r := newRunner(t, p, h)
		stop := func(agent town.AgentID, run town.Run) town.Effect {
			return town.Effect{ID: "stop/" + string(agent) + "/" + string(rune('0'+run)), Kind: town.EffectStop, Agent: agent, Run: run}
		}
		r.Carry("main", []town.Effect{stop("toast", 1), stop("toast", 2), stop("nux", 3)})
		r.Carry("main", []town.Effect{stop("toast", 1)})
		synctest.Wait()
		if diff := cmp.Diff([]string{"main/nux run 3"}, order); diff != "" {
			t.Errorf("while the first is held up:\n%s", diff)
		}
		close(hold)
		synctest.Wait()
		if diff := cmp.Diff([]string{"main/nux run 3", "main/toast run 1", "main/toast run 2"}, order); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if len(h.events) != 3 {
			t.Errorf("%d outcomes", len(h.events))
		}
		r.Stop()
		r.Stop()
	})
}

// TestFailedStopIsNotConfirmed leaves it to the town to ask again.
func TestFailedStopIsNotConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &place{stop: func(ctx context.Context, _ runtime.Key) error {
			<-ctx.Done()
			return errors.Join(errors.New("it does not die"), ctx.Err())
		}}
		h := &heard{}
		r := newRunner(t, p, h)
		r.Carry("main", []town.Effect{{ID: "s", Kind: town.EffectStop, Agent: "toast", Run: 1}})
		time.Sleep(limits[town.EffectStop].timeout + time.Second)
		synctest.Wait()
		if len(h.events) != 0 {
			t.Errorf("outcomes %+v", h.events)
		}
		r.Stop()
	})
}

func TestSecretsAreRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GASTOWN_TEST_SECRET", "hush")
	for in, want := range map[string]string{"plain": "plain", "env:GASTOWN_TEST_SECRET": "hush", "file:" + path: "s3cret"} {
		if got, err := readSecret(in); err != nil || got != want {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
	if _, err := readSecret("file:" + path + ".none"); err == nil {
		t.Error("a missing file was taken")
	}
}

// TestQuestionsAboutPullRequestsAreAnswered: a server without a forge says so at once, in words that the
// town ends the merge request with, and leaves nobody waiting.
func TestQuestionsAboutPullRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	for kind, want := range map[town.EffectKind]town.Payload{
		town.EffectPollPR:  &town.PRPollFailed{Class: town.ForgeNone},
		town.EffectMergePR: &town.PRMergeFailed{Class: town.ForgeNone, Head: "cafe"},
	} {
		h := &heard{got: make(chan town.Event, 1)}
		r := newRunner(t, &place{}, h)
		r.Carry("main", []town.Effect{{ID: "p", Kind: kind, Bead: "gt-1a", Pull: &town.PullSpec{Head: "cafe"}}})
		got := <-h.got
		if diff := cmp.Diff(want, got.Payload); diff != "" || got.Bead != "gt-1a" {
			t.Errorf("%s of %s is answered (-want +got):\n%s", kind, got.Bead, diff)
		}
		r.Stop()
	}
}
