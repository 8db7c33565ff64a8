package sim

import (
	"gastown/internal/runtime"
	"gastown/internal/town"
)

// lookEvery is how often the observer looks at running agents, as the real one does.
const lookEvery = 5 * town.Second

// fakeRuntime is where processes run, and the observer that looks at them. Like a real runtime it
// starts nothing twice for one run, and ends older runs of an agent before a new one starts.
type fakeRuntime struct {
	l       *life
	runs    map[town.Run]*process
	of      map[town.AgentID][]*process // not forgotten, the oldest first
	alive   []*process                  // in the order of their starts
	over    []*process                  // ended, and the server does not know for sure
	away    bool
	looking bool
	sleeps  []span // of the host
}

// span is a stretch of true time.
type span struct{ from, to town.Time }

// process is one run of an agent.
type process struct {
	agent  town.AgentID
	run    town.Run
	bead   town.BeadID
	rig    town.RigID
	spec   *town.DispatchSpec
	began  town.Time
	ready  town.Time // until then it is starting
	ended  bool
	gone   bool // forgotten by the runtime
	code   int
	reason string
	result town.CompletedResult
	quiet  []span // when it is not heard
	mute   []span // when it writes nothing
	wake   func() // ends the silence that it is in; nil if it is in none
}

// start starts a process; a class says why it surely did not.
func (r *fakeRuntime) start(e *town.Effect) (class runtime.Class, reason string) {
	if r.runs[e.Run] != nil {
		return "", ""
	}
	for _, p := range r.of[e.Agent] {
		if p.run > e.Run {
			return runtime.ClassStaleRun, "a newer run of the agent exists"
		}
	}
	for _, p := range r.of[e.Agent] {
		r.exit(p, 143, runtime.ReasonStopped)
	}
	p := &process{agent: e.Agent, run: e.Run, bead: e.Bead, rig: e.Rig, spec: e.Dispatch, began: r.l.now}
	p.ready = r.l.now.Add(r.l.between(10, 20*town.Second))
	r.runs[e.Run] = p
	r.of[e.Agent] = append(r.of[e.Agent], p)
	r.alive = append(r.alive, p)
	r.l.check.note(fact{kind: processBegan, run: p.run, agent: p.agent, bead: p.bead})
	r.l.live(p)
	return "", ""
}

// stop ends a run; one that is unknown or over is stopped already.
func (r *fakeRuntime) stop(run town.Run) {
	r.l.check.note(fact{kind: processStopped, run: run})
	if p := r.runs[run]; p != nil {
		r.exit(p, 143, runtime.ReasonStopped)
	}
}

// exit ends a process. The server hears of it at once, or when it is back.
func (r *fakeRuntime) exit(p *process, code int, reason string) {
	if p.ended {
		return
	}
	p.ended, p.code, p.reason, p.wake = true, code, reason, nil
	for i, o := range r.alive {
		if o == p {
			r.alive = append(r.alive[:i:i], r.alive[i+1:]...)
			break
		}
	}
	r.over = append(r.over, p)
	r.l.check.note(fact{kind: processEnded, run: p.run})
	if r.l.server.up {
		r.l.later(10, func() { r.announce(p) })
	}
}

// announce tells the server how a run ended, and forgets the run once that is durable.
func (r *fakeRuntime) announce(p *process) {
	code := p.code
	done := &town.AgentCompleted{Result: town.RunCompleted, ExitCode: code}
	if code != 0 || p.reason != "" {
		done.Result, done.Reason = town.RunFailed, p.reason
	}
	if p.result != "" {
		done.Result = p.result
	}
	ev := town.Event{Agent: p.agent, Run: p.run, By: "observer"}
	status, completed := ev, ev
	status.Payload = &town.ContainerStatus{Status: town.Exited, ExitCode: &code, Reason: p.reason}
	completed.Payload = done
	r.l.server.submit(func(town.EventOutcome) { r.forget(p) }, status, completed)
}

func (r *fakeRuntime) forget(p *process) {
	p.gone = true
	r.over = without(r.over, p)
	if r.of[p.agent] = without(r.of[p.agent], p); len(r.of[p.agent]) == 0 {
		delete(r.of, p.agent)
	}
}

func without(list []*process, p *process) []*process {
	var out []*process
	for _, o := range list {
		if o != p {
			out = append(out, o)
		}
	}
	return out
}

// opened is called when a server comes back: it is told once more of every end that it may have missed.
func (r *fakeRuntime) opened() {
	for _, p := range r.over {
		r.l.later(100, func() { r.announce(p) })
	}
	r.looking = false
	r.poke()
}

// poke has the observer look soon, and from then on as long as there is anything to look at.
func (r *fakeRuntime) poke() {
	if r.looking {
		return
	}
	r.looking = true
	r.l.later(20, r.look)
}

// look compares what the town believes with what the runtime says, and submits what differs.
func (r *fakeRuntime) look() {
	watched := false
	for _, a := range r.l.server.st.Agents() {
		if a.Process() && a.Dispatch != town.DispatchPending {
			watched = true
			r.compare(a)
		}
	}
	if r.looking = watched; watched {
		r.l.later(lookEvery, r.look)
	}
}

func (r *fakeRuntime) compare(a *town.Agent) {
	p := r.runs[a.Run]
	status, silent := town.Running, false
	switch {
	case r.away:
		status = town.Unknown
	case p == nil || p.gone:
		status = town.NotFound
	case p.ended:
		return
	case r.l.now < p.ready:
		status = town.Starting
	default:
		heard := r.l.clockAt(r.last(p, town.HeartbeatEvery, p.quiet))
		if silent = r.l.clock().Since(heard) >= town.HeartbeatMissing; silent {
			status = town.Unresponsive
		}
	}
	var events []town.Event
	ev := town.Event{Agent: a.ID, Run: a.Run, By: "observer"}
	if status != a.Observed {
		e := ev
		e.Payload = &town.ContainerStatus{Status: status, Instance: r.l.hosts.instance()}
		events = append(events, e)
	}
	switch {
	case status == town.Unresponsive && a.HeartbeatLost == 0:
		ev.Payload = &town.HeartbeatLost{}
		events = append(events, ev)
	case status == town.Running && a.HeartbeatLost != 0:
		ev.Payload = &town.HeartbeatResumed{Instance: r.l.hosts.instance()}
		events = append(events, ev)
	}
	if status == town.Running && a.Hook != "" {
		if ev.Payload = r.activity(a, p); ev.Payload != nil {
			events = append(events, ev)
		}
	}
	if len(events) > 0 {
		r.l.server.submit(nil, events...)
	}
}

// activity says whether an agent at work has begun to write nothing, or writes again, as the real
// observer does.
func (r *fakeRuntime) activity(a *town.Agent, p *process) town.Payload {
	last := r.l.clockAt(r.last(p, writeEvery, p.mute))
	switch {
	case a.Inactive != 0 && last > a.Inactive:
		return &town.ActivityResumed{}
	case a.Inactive == 0 && r.l.clock().Since(last) >= town.ActivityWarn:
		return &town.ActivityStopped{Since: last}
	}
	return nil
}

// writeEvery is how often a process that works writes something.
const writeEvery = town.Minute

// last is when a process gave its last sign of a kind: regularly since it began, except while it is
// silent or its host sleeps.
func (r *fakeRuntime) last(p *process, every town.Duration, silent []span) town.Time {
	beat := p.began.Add(r.l.now.Since(p.began) / every * every)
	for again := true; again; {
		again = false
		for _, list := range [2][]span{silent, r.sleeps} {
			for _, q := range list {
				if beat > q.from && beat <= q.to {
					beat = q.from.Add(-(q.from.Since(p.began) % every))
					again = true
				}
			}
		}
		if beat <= p.began {
			return p.began
		}
	}
	return beat
}

// slept notes that the host has slept: no process was heard, nor is it until its next beat.
func (r *fakeRuntime) slept(from, to town.Time) {
	r.sleeps = append(r.sleeps, span{from, to})
}

// goAway has the runtime not answer for a while.
func (r *fakeRuntime) goAway() {
	if r.away {
		return
	}
	r.away = true
	r.l.after(r.l.between(20*town.Second, 40*town.Minute), func() { r.away = false })
}
