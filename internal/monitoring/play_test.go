package monitoring

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"gastown/internal/controller"
	"gastown/internal/observe"
	"gastown/internal/town"
)

// play is a town on a time of its own: the real core, the real rhythm of the loop and the real metrics, with a world
// around them that behaves as the test says. It is scraped as a Prometheus would.
type play struct {
	t    testing.TB
	rng  *rand.Rand
	now  time.Time
	s    *town.State
	m    *observe.Metrics
	seen *samples
	// every is the time between scrapes.
	every time.Duration
	// watch is told of each scrape, besides; nil is a server that does not answer.
	watch func(*observe.Metrics)
	// started is when the server was.
	started time.Time

	seq     town.Seq
	pending []town.Event
	alarm   time.Time
	jobs    jobs
	made    int
	known   map[string]bool // effects that are under way

	// What the world is like. Nil functions do what a healthy one does.
	took     func() time.Duration // of a Step
	gap      time.Duration        // that a commit takes at least, before the next tick
	hung     bool                 // the loop does not turn any more
	down     bool                 // the server does not answer
	working  func() time.Duration
	merging  func() time.Duration
	carry    func(*town.Effect) (out town.Payload, answered bool)
	silent   map[town.Run]bool // runs that do and end nothing any more
	lastTick time.Time
}

// job is something that happens in the world at a time.
type job struct {
	at time.Time
	no int
	do func()
}

type jobs []job

func (j jobs) Len() int { return len(j) }
func (j jobs) Less(a, b int) bool {
	return j[a].at.Before(j[b].at) || j[a].at.Equal(j[b].at) && j[a].no < j[b].no
}
func (j jobs) Swap(a, b int) { j[a], j[b] = j[b], j[a] }
func (j *jobs) Push(x any)   { *j = append(*j, x.(job)) }
func (j *jobs) Pop() any {
	old := *j
	x := old[len(old)-1]
	*j = old[:len(old)-1]
	return x
}

// maxBatch is how many events a tick of the live loop takes.
const maxBatch = 500

// townName is that of every play; they differ by the instance.
const townName = "main"

var dawn = time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC)

// newPlay makes a town with one rig and so many places.
func newPlay(t testing.TB, name string, places int, every time.Duration) *play {
	p := &play{
		t: t, rng: rand.New(rand.NewPCG(1, uint64(len(name)))), now: dawn, every: every, seen: newSamples(t, name), known: map[string]bool{}, silent: map[town.Run]bool{},
		s: town.New(townName, "Main", "testtownaaaaaaaaaaaaaaaaaa", town.TimeOf(dawn)), took: func() time.Duration { return 2 * time.Millisecond },
		working: func() time.Duration { return 20 * time.Minute }, merging: func() time.Duration { return 3 * time.Minute },
	}
	p.start()
	p.submit(
		town.Event{By: "admin", Payload: &town.TownConfigured{Settings: town.Settings{
			Agents: map[town.Role]town.AgentCommand{town.Polecat: {Preset: "claude"}}, MaxPolecatsPerRig: &places, MaxAgents: &places,
		}}},
		town.Event{By: "admin", Payload: &town.RigAdded{Rig: "web", URL: "/srv/web", DefaultBranch: "main"}})
	return p
}

// start begins a server's life, with counters at zero.
func (p *play) start() {
	p.down, p.started = false, p.now
	p.m = observe.New(observe.Options{Version: "play", Now: func() time.Time { return p.now }})
	p.m.Begin(townName, p.s, func(look func(*town.State)) bool { look(p.s); return true })
	p.alarm = p.now
}

// after has something happen later.
func (p *play) after(d time.Duration, do func()) {
	p.made++
	heap.Push(&p.jobs, job{p.now.Add(d), p.made, do})
}

// submit makes events durable and wakes the loop.
func (p *play) submit(events ...town.Event) {
	for i := range events {
		p.seq++
		events[i].Seq, events[i].ID, events[i].Type = p.seq, fmt.Sprint("e", p.seq), events[i].Payload.Type()
	}
	p.pending = append(p.pending, events...)
	p.m.Pending(townName, len(p.pending))
	p.alarm = p.now
	if next := p.lastTick.Add(p.gap); next.After(p.now) {
		p.alarm = next
	}
}

// people make issues.
func (p *play) people(n int) {
	made := &town.BeadCreated{}
	for range n {
		made.Beads = append(made.Beads, town.NewBead{Title: "A task", Rig: "web"})
	}
	p.submit(town.Event{By: "admin", Payload: made})
}

// until lets time pass.
func (p *play) until(end time.Time) {
	scrape := p.now.Truncate(p.every).Add(p.every)
	for p.now.Before(end) {
		next := scrape
		if len(p.jobs) > 0 && p.jobs[0].at.Before(next) {
			next = p.jobs[0].at
		}
		if !p.hung && !p.down && p.alarm.Before(next) {
			next = p.alarm
		}
		if next.After(p.now) {
			p.now = next
		}
		switch {
		case len(p.jobs) > 0 && !p.jobs[0].at.After(p.now):
			heap.Pop(&p.jobs).(job).do()
		case !p.hung && !p.down && !p.alarm.After(p.now):
			p.tick()
		default:
			m := p.m
			if p.down {
				m = nil
			}
			p.seen.scrape(p.t, m, p.now)
			if p.watch != nil {
				p.watch(m)
			}
			scrape = scrape.Add(p.every)
		}
	}
}

// tick is a turn of the loop.
func (p *play) tick() {
	n := min(len(p.pending), maxBatch)
	at := town.TimeOf(p.now)
	rec := p.s.Step(town.Input{Now: at, Events: p.pending[:n:n]})
	p.pending = append([]town.Event(nil), p.pending[n:]...)
	p.lastTick = p.now
	if !rec.Empty() {
		p.m.Commit(max(p.gap, 3*time.Millisecond), nil)
	}
	p.m.Tick(townName, rec, p.took(), p.s)
	p.m.Pending(townName, len(p.pending))
	for i := range rec.Effects {
		p.begin(rec.Effects[i])
	}
	sleep, interval := controller.Rest(p.s, p.now, false)
	p.m.Rest(townName, interval)
	p.alarm = p.now.Add(max(sleep, time.Millisecond))
	if n == maxBatch || len(p.pending) > 0 {
		p.alarm = p.now
	}
	if next := p.now.Add(p.gap); next.After(p.alarm) {
		p.alarm = next
	}
}

// begin carries an effect out, unless it is under way already.
func (p *play) begin(e town.Effect) {
	if p.known[e.ID] {
		return
	}
	p.known[e.ID] = true
	p.m.Effect(townName, e.Kind, "attempted")
	p.after(time.Second, func() {
		delete(p.known, e.ID)
		if p.down {
			p.after(time.Minute, func() { p.begin(e) })
			return
		}
		out, answered := p.outcome(&e)
		ev := town.Event{Agent: e.Agent, Run: e.Run, Bead: e.Bead, By: "effect", Payload: out}
		result := "succeeded"
		if !answered || town.ResultOf(&ev) == town.EffectFailed {
			result = "failed"
		}
		p.m.Effect(townName, e.Kind, result)
		if answered {
			p.submit(ev)
		}
		if _, accepted := out.(*town.DispatchAccepted); accepted {
			p.work(e)
		}
	})
}

// outcome is what becomes of an effect: what the test says, or what a healthy world does.
func (p *play) outcome(e *town.Effect) (out town.Payload, answered bool) {
	if p.carry != nil {
		if out, answered = p.carry(e); out != nil || !answered {
			return out, answered
		}
	}
	switch e.Kind {
	case town.EffectDispatch:
		return &town.DispatchAccepted{}, true
	case town.EffectStop:
		p.after(time.Second, func() { p.exit(e.Agent, e.Run, town.RunEvicted) })
		return &town.AgentStopConfirmed{}, true
	case town.EffectVerify:
		return &town.BranchVerified{Head: "c0ffee", Ahead: 1}, true
	case town.EffectPushMerge, town.EffectFindMerge:
		return &town.MergeCompleted{Commit: e.Push.Commit}, true
	case town.EffectFindLate:
		return &town.LateCommits{}, true
	case town.EffectNudge:
		return &town.NudgeArrived{Nudge: e.Nudge.Nudge}, true
	case town.EffectNotify:
		return &town.PeopleNotified{Notice: e.Notify.Notice}, true
	}
	p.t.Fatalf("nobody carries out %s", e.Kind)
	return nil, false
}

// work is what an agent does with its bead, if the world lets it.
func (p *play) work(e town.Effect) {
	from := town.Event{Agent: e.Agent, Run: e.Run, Bead: e.Bead, By: string(e.Agent)}
	p.after(2*time.Second, func() {
		running := from
		running.By, running.Payload = "observer", &town.ContainerStatus{Status: town.Running}
		p.m.Observed(townName, town.Running, true)
		p.submit(running)
	})
	var takes time.Duration
	if e.Dispatch.Merge != nil {
		takes, from.Payload = p.merging(), &town.MergeTested{Commit: "deadbeef", Tip: "7171"}
	} else {
		takes, from.Payload = p.working(), &town.AgentDone{Branch: e.Dispatch.Branch, Head: "c0ffee"}
	}
	if takes == 0 {
		return // it never comes to an end
	}
	p.after(takes, func() {
		if p.silent[e.Run] {
			return
		}
		p.submit(from)
		p.after(3*time.Second, func() { p.exit(e.Agent, e.Run, town.RunCompleted) })
	})
}

// exit is the end of a process, as the observer sees it.
func (p *play) exit(agent town.AgentID, run town.Run, how town.CompletedResult) {
	p.submit(town.Event{Agent: agent, Run: run, By: "observer", Payload: &town.ContainerStatus{Status: town.Exited}},
		town.Event{Agent: agent, Run: run, By: "observer", Payload: &town.AgentCompleted{Result: how}})
}
