//go:build !race

package lives

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gastown/internal/controller"
	"gastown/internal/effect"
	"gastown/internal/git"
	"gastown/internal/journal"
	"gastown/internal/journal/memory"
	"gastown/internal/observe"
	"gastown/internal/runtime"
	"gastown/internal/town"
)

const townID = town.TownID("main")

// world is a town with all that is around it.
type world struct {
	t      *testing.T
	seed   uint64
	dir    string
	decoy  string // a repository that nothing of the town's belongs in
	remote *remote
	store  *memory.Store
	git    *git.Store
	place  *place

	quiet atomic.Bool // from now on everybody does what was asked

	mu     sync.Mutex
	server *server              // nil while there is none
	leaked map[town.BeadID]bool // agents have put work of these on a target by themselves
}

// server is what a start makes and a kill takes away.
type server struct {
	journal  journal.Journal
	towns    *controller.Controller
	effects  *effect.Runner
	observer *controller.Observer
	ctx      context.Context
	cancel   context.CancelFunc
	work     sync.WaitGroup
}

func newWorld(t *testing.T, seed uint64) *world {
	dir := t.TempDir()
	w := &world{t: t, seed: seed, dir: dir, decoy: filepath.Join(dir, "decoy.git"), store: memory.NewStore(), leaked: map[town.BeadID]bool{}}
	run(t, dir, "git", "init", "--quiet", "--bare", "--initial-branch=main", w.decoy)
	w.remote = newRemote(t, dir)
	store, err := git.Open(filepath.Join(dir, "git"))
	if err != nil {
		t.Fatal(err)
	}
	w.git, w.place = store, newPlace(w)
	return w
}

// start starts a server on what is on record.
func (w *world) start() {
	j, err := w.store.Open()
	if err != nil {
		w.t.Fatal(err)
	}
	s := &server{journal: j}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	log := slog.New(slog.DiscardHandler)
	metrics := observe.New(observe.Options{Version: "test", Labelled: 1})
	w.place.opened()
	s.effects = effect.New(effect.Options{
		Git: w.git, Runtime: w.place, Report: w.report, Token: func(town.TownID, *town.Effect) string { return "gta_x" },
		URL: func() string { return "http://127.0.0.1:1" }, Home: filepath.Join(w.dir, "home"), BinDir: "/nowhere", Self: "/gastown",
		Count: metrics.Effect, Log: log,
	})
	s.towns = controller.New(controller.Options{Journal: j, Effects: s.effects, Meter: metrics, Log: log})
	s.observer = controller.NewObserver(s.towns, w.place)
	w.mu.Lock()
	w.server = s
	w.mu.Unlock()
	if err := s.towns.Start(s.ctx); err != nil {
		w.t.Fatal(err)
	}
	s.work.Go(func() { s.observer.Run(s.ctx) })
}

// kill ends the server in the middle of what it does.
func (w *world) kill() {
	w.mu.Lock()
	s := w.server
	w.server = nil
	w.mu.Unlock()
	s.cancel()
	s.effects.Stop()
	s.towns.Stop()
	s.work.Wait()
	if err := s.journal.Close(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) current() *server {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.server
}

// submit brings events into the town, whatever servers come and go.
func (w *world) submit(ctx context.Context, events ...town.Event) ([]controller.Result, error) {
	for {
		if s := w.current(); s != nil {
			results, err := s.towns.Submit(ctx, townID, events...)
			if err == nil || ctx.Err() != nil {
				return results, err
			}
			if !errors.Is(err, controller.ErrStopping) && !errors.Is(err, controller.ErrNoTown) {
				return results, err
			}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// report takes the outcomes of effects. Those of a server that was killed are lost.
func (w *world) report(ctx context.Context, _ town.TownID, events ...town.Event) error {
	_, err := w.submit(ctx, events...)
	if s := w.current(); err == nil && s != nil {
		s.observer.Poke()
	}
	return err
}

// say brings in what an agent says.
func (w *world) say(agent town.AgentID, of town.Run, bead town.BeadID, p town.Payload) {
	_, _ = w.submit(context.Background(), town.Event{Type: p.Type(), Payload: p, Agent: agent, Run: of, Bead: bead, By: string(agent)})
}

// command brings in what a person wants; a refusal is an answer.
func (w *world) command(bead town.BeadID, p town.Payload) {
	_, _ = w.submit(context.Background(), town.Event{Type: p.Type(), Payload: p, Bead: bead, By: "a person"})
}

// read looks at the town, if there is a server.
func (w *world) read(f func(*town.State)) {
	if s := w.current(); s != nil {
		_ = s.towns.Read(townID, f)
	}
}

// leak notes that work of a bead may be on a target without the town's doing.
func (w *world) leak(bead town.BeadID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leaked[bead] = true
}

func (w *world) calm() bool { return w.quiet.Load() }

func (w *world) attempts(bead town.BeadID) (n int) {
	w.read(func(s *town.State) {
		if b := s.Bead(bead); b != nil {
			n = len(b.Attempts)
		}
	})
	return n
}

func (w *world) tip() string {
	out, _ := w.remote.git("rev-parse", "main")
	return out
}

// body is what a run does: the work of an agent on a bead, or a merge.
func (w *world) body(ctx context.Context, spec runtime.Spec) (func(context.Context, *rand.Rand) int, error) {
	env := map[string]string{}
	for _, e := range spec.Env {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}
	ready, err := effect.Preparer(w.git)(ctx, spec)
	if err != nil {
		return nil, err
	}
	agent, bead := town.AgentID(spec.Agent), town.BeadID(env["GASTOWN_BEAD"])
	if slices.Contains(spec.Command, "refinery") {
		var m town.MergeSpec
		if err := json.Unmarshal(spec.Stdin, &m); err != nil {
			return nil, fmt.Errorf("what to merge: %w", err)
		}
		return func(ctx context.Context, _ *rand.Rand) int {
			w.merge(ctx, env["GASTOWN_RIG"], agent, town.Run(spec.Run), bead, &m)
			return 0
		}, nil
	}
	l := &life{w: w, dir: ready.Dir, agent: agent, bead: bead, run: town.Run(spec.Run), branch: env["GASTOWN_BRANCH"], base: env["GASTOWN_BASE"]}
	return func(ctx context.Context, rnd *rand.Rand) int {
		l.ctx, l.rnd = ctx, rnd
		return l.live()
	}, nil
}

// merge is the run of a refinery: it tests the merge and pushes nothing.
func (w *world) merge(ctx context.Context, rig string, agent town.AgentID, of town.Run, bead town.BeadID, m *town.MergeSpec) {
	r := w.git.Rig(string(townID), rig, m.Repo.URL, m.Repo.DefaultBranch)
	var must []string
	for _, member := range m.Members {
		must = append(must, member.Commit)
	}
	result, err := r.TestMerge(ctx, git.MergeRequest{
		Branch: m.Branch, ExpectedHead: m.Head, Target: m.Target, Create: m.Create, Base: m.Base, Title: m.Title, Must: must,
	})
	if ctx.Err() != nil {
		return
	}
	var moved *git.HeadMovedError
	var rewritten *git.RewrittenError
	var without *git.MissingCommitsError
	var p town.Payload
	switch {
	case errors.As(err, &without):
		p = &town.MergeFailed{Class: town.MergeMembersMissing, Reason: err.Error()}
	case errors.As(err, &rewritten):
		p = &town.MergeFailed{Class: town.MergeRewritten, Reason: err.Error()}
	case errors.As(err, &moved):
		p = &town.MergeFailed{Class: town.MergeMoved, Reason: err.Error()}
	case err != nil:
		p = &town.MergeFailed{Class: string(git.ClassOf(err)), Reason: err.Error()}
	case result.Outcome == git.OutcomeTested, result.Outcome == git.OutcomeMerged:
		p = &town.MergeTested{Commit: result.Commit, Tip: result.Target}
	case result.Outcome == git.OutcomeConflicted:
		p = &town.MergeConflicted{Files: result.Files}
	default:
		p = &town.MergeFailed{Class: string(result.Outcome), Reason: "it is " + string(result.Outcome)}
	}
	w.say(agent, of, bead, p)
}
