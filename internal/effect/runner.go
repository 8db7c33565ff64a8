package effect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"gastown/internal/git"
	"gastown/internal/observe/report"
	"gastown/internal/observe/tracing"
	"gastown/internal/runtime"
	"gastown/internal/town"
)

// Bounds on how many effects of a kind run at once, and how long one may take. A start may have to
// clone a repository; a stop has to wait for the agent's grace.
var limits = map[town.EffectKind]struct {
	atOnce  int
	timeout time.Duration
}{
	town.EffectDispatch: {4, 150 * time.Second},
	town.EffectStop:     {16, 45 * time.Second},
	town.EffectVerify:   {4, 50 * time.Second},
	town.EffectNudge:    {16, 10 * time.Second},
	town.EffectNotify:   {4, 40 * time.Second},
	town.EffectPollPR:   {4, 50 * time.Second},
	town.EffectMergePR:  {2, 50 * time.Second},

	town.EffectPushMerge: {4, 5 * time.Minute},
	town.EffectFindMerge: {4, 2 * time.Minute},
	town.EffectFindLate:  {4, time.Minute},
}

// errNoForge is what becomes of every question about a pull request: this server has no client of any
// forge, and the town is told so instead of being left to wait.
var errNoForge = errors.New("this server speaks to no forge")

// errDefect is a panic while an effect was carried out.
var errDefect = errors.New("defect")

// Results of an effect, as they are counted.
const (
	Attempted = "attempted"
	Succeeded = "succeeded"
	FailedRes = "failed"
)

// Options are what a Runner needs.
type Options struct {
	Git     *git.Store
	Runtime runtime.Runtime
	// Report makes outcomes durable. It returns an error only when the Runner is being stopped:
	// the effect is then outstanding still and will be carried out again.
	Report func(ctx context.Context, id town.TownID, events ...town.Event) error
	// Token makes the token of a dispatched agent.
	Token func(town.TownID, *town.Effect) string
	// URL is where agents reach the server.
	URL func() string
	// Home is the data folder, BinDir a folder whose gastown is this program, Self this program.
	Home, BinDir, Self string
	// Count is told what became of each effect.
	Count func(id town.TownID, kind town.EffectKind, result string)
	Log   *slog.Logger
	// Reports tells people outside of effects that fail again and again; nil tells nobody.
	Reports *report.Reporter
	// Traces has spans of effects; nil has none.
	Traces *tracing.Tracer
}

// Runner carries out effects.
type Runner struct {
	opts   Options
	ctx    context.Context
	cancel context.CancelFunc
	slots  map[town.EffectKind]chan struct{}
	hooks  *http.Transport // to webhooks

	mu     sync.Mutex
	lanes  map[lane][]job
	queued map[string]bool // effects that wait or run, by town and id
	closed bool
	work   sync.WaitGroup
}

// lane is what effects are carried out one after another for: an agent, or else a bead.
type lane struct {
	town town.TownID
	name string
}

type job struct {
	town   town.TownID
	effect town.Effect
}

// New returns a Runner that is ready.
func New(opts Options) *Runner {
	ctx, cancel := context.WithCancel(context.Background())
	r := &Runner{opts: opts, ctx: ctx, cancel: cancel, lanes: map[lane][]job{}, queued: map[string]bool{},
		slots: map[town.EffectKind]chan struct{}{}, hooks: webhookTransport()}
	for kind, l := range limits {
		r.slots[kind] = make(chan struct{}, l.atOnce)
	}
	return r
}

// Carry takes effects over and returns at once. An effect that is under way already is not carried
// out a second time.
func (r *Runner) Carry(id town.TownID, effects []town.Effect) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range effects {
		e := effects[i]
		key := string(id) + "/" + e.ID
		if r.closed || r.queued[key] {
			continue
		}
		r.queued[key] = true
		l := lane{id, "agent " + string(e.Agent)}
		if e.Agent == "" {
			l.name = "bead " + string(e.Bead)
		}
		waiting, running := r.lanes[l]
		r.lanes[l] = append(waiting, job{id, e})
		if !running {
			r.work.Add(1)
			go r.drive(l)
		}
	}
}

// Stop ends what is under way and waits for it. What has not been reported is outstanding in the
// town's state and will be carried out again. Stopping twice is fine.
func (r *Runner) Stop() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.work.Wait()
	r.hooks.CloseIdleConnections()
}

// drive carries out the jobs of one lane until there are none.
func (r *Runner) drive(l lane) {
	defer r.work.Done()
	for {
		r.mu.Lock()
		if len(r.lanes[l]) == 0 {
			delete(r.lanes, l)
			r.mu.Unlock()
			return
		}
		j := r.lanes[l][0]
		r.lanes[l] = r.lanes[l][1:]
		r.mu.Unlock()
		r.carryOut(j)
		r.mu.Lock()
		delete(r.queued, string(j.town)+"/"+j.effect.ID)
		r.mu.Unlock()
	}
}

// carryOut does one effect and reports its outcome.
func (r *Runner) carryOut(j job) {
	e := &j.effect
	slot := r.slots[e.Kind]
	select {
	case slot <- struct{}{}:
		defer func() { <-slot }()
	case <-r.ctx.Done():
		return
	}
	r.opts.Count(j.town, e.Kind, Attempted)
	span, ended := r.opts.Traces.Effect(r.ctx, j.town, e)
	ctx, cancel := context.WithTimeout(span, limits[e.Kind].timeout)
	out, err := r.do(ctx, j)
	cancel()
	class := classOf(out, err)
	ended(class)
	result := Succeeded
	if err != nil {
		result = FailedRes
		r.opts.Log.Warn("effect failed", "town", j.town, "effect", e.ID, "bead", e.Bead, "agent", e.Agent, "run", e.Run, "err", err)
	}
	r.opts.Count(j.town, e.Kind, result)
	if r.ctx.Err() == nil { // what is cut off at the end has not failed
		r.opts.Reports.Effect(j.town, e, class)
	}
	if out == nil || r.ctx.Err() != nil {
		return
	}
	ev := town.Event{Type: out.Type(), Agent: e.Agent, Run: e.Run, Bead: e.Bead, By: "effect", Payload: out}
	if err := r.opts.Report(span, j.town, ev); err != nil {
		r.opts.Log.Info("outcome not reported; the effect will be carried out again", "town", j.town, "effect", e.ID, "err", err)
	}
}

// do carries the effect out. Its payload is the outcome to report, nil for none; its error is for
// the log and the counter alone.
func (r *Runner) do(ctx context.Context, j job) (out town.Payload, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, fmt.Errorf("%w: %v\n%s", errDefect, p, debug.Stack())
			r.opts.Reports.Panicked("effect", j.town, p)
			if j.effect.Kind == town.EffectDispatch {
				out = &town.DispatchUnknown{Reason: "a defect while starting"}
			}
		}
	}()
	switch j.effect.Kind {
	case town.EffectDispatch:
		return r.dispatch(ctx, j.town, &j.effect)
	case town.EffectStop:
		key := keyOf(j.town, &j.effect)
		if err := r.opts.Runtime.Stop(ctx, key); err != nil {
			return nil, fmt.Errorf("cannot stop %s: %w", key, err) // agents/linger asks again
		}
		return &town.AgentStopConfirmed{}, nil
	case town.EffectNudge:
		return r.nudge(ctx, j.town, &j.effect)
	case town.EffectNotify:
		return r.notify(ctx, &j.effect)
	case town.EffectVerify:
		return r.verify(ctx, j.town, &j.effect)
	case town.EffectPollPR:
		return &town.PRPollFailed{Class: town.ForgeNone}, errNoForge
	case town.EffectPushMerge:
		return r.pushMerge(ctx, j.town, &j.effect)
	case town.EffectFindMerge:
		return r.findMerge(ctx, j.town, &j.effect)
	case town.EffectFindLate:
		return r.findLate(ctx, j.town, &j.effect)
	case town.EffectMergePR:
		return &town.PRMergeFailed{Class: town.ForgeNone, Head: j.effect.Pull.Head}, errNoForge
	}
	return nil, fmt.Errorf("no effect of kind %q is known", j.effect.Kind)
}

// classOf names the kind of an effect's failure in a word of the code, "" if it succeeded.
func classOf(out town.Payload, err error) string {
	if err == nil {
		return ""
	}
	switch out := out.(type) {
	case *town.DispatchRejected:
		return out.Class
	case *town.PushRefused:
		return "push_" + string(out.Class)
	case *town.PRPollFailed:
		return string(out.Class)
	case *town.PRMergeFailed:
		return string(out.Class)
	}
	class := git.ClassOf(err)
	switch {
	case class != "":
		return "git_" + string(class)
	case errors.Is(err, errDefect):
		return "defect"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return "other"
}

func (r *Runner) rig(id town.TownID, rig town.RigID, repo town.RepoSpec) *git.Rig {
	return rigOf(r.opts.Git, id, rig, repo)
}

func rigOf(store *git.Store, id town.TownID, rig town.RigID, repo town.RepoSpec) *git.Rig {
	return store.Rig(string(id), string(rig), repo.URL, repo.DefaultBranch).WithCredential(credentialOf(repo))
}

func (r *Runner) verify(ctx context.Context, id town.TownID, e *town.Effect) (town.Payload, error) {
	v, err := r.rig(id, e.Rig, e.Verify.Repo).VerifyBranch(ctx, git.VerifySpec{
		Bead: e.Verify.Workspace, Branch: e.Verify.Branch, Target: e.Verify.Target, Base: e.Verify.Base,
	})
	switch {
	case err != nil:
		return &town.BranchVerified{Error: err.Error(), Class: classOf(nil, err)}, err
	case v.MergedAs != "" && v.Astray == "":
		return &town.AlreadyOnTarget{Commit: v.MergedAs}, nil
	case !v.Exists:
		return &town.BranchVerified{Astray: v.Astray}, nil
	}
	return &town.BranchVerified{Head: v.Head, Ahead: v.Ahead, Astray: v.Astray, Others: v.Others}, nil
}
