package sim

import (
	"gastown/internal/runtime"
	"gastown/internal/town"
)

// carrier carries out effects of one kind.
type carrier struct {
	// least and most bound how long it takes.
	least, most town.Duration
	// do carries the effect out and returns the outcome, in one or more events; none means that
	// nobody answers.
	do func(l *life, e *town.Effect) []town.Payload
}

// carriers says how effects of a kind are carried out; ok is false for one that the world does not
// know, which fails loudly.
func carriers(kind town.EffectKind) (c carrier, ok bool) {
	switch kind {
	case town.EffectDispatch:
		return carrier{200, 20 * town.Second, start}, true
	case town.EffectStop:
		return carrier{50, 12 * town.Second, stop}, true
	case town.EffectVerify:
		return carrier{100, 5 * town.Second, func(l *life, e *town.Effect) []town.Payload { return one(l.repos.verify(e)) }}, true
	case town.EffectNudge:
		return carrier{50, 5 * town.Second, nudge}, true
	case town.EffectNotify:
		return carrier{100, 30 * town.Second, notify}, true
	case town.EffectPollPR:
		return carrier{200, 10 * town.Second, func(l *life, e *town.Effect) []town.Payload { return l.forge.look(e) }}, true
	case town.EffectPushMerge:
		return carrier{200, 30 * town.Second, func(l *life, e *town.Effect) []town.Payload { return one(l.repos.pushMerge(e)) }}, true
	case town.EffectFindMerge:
		return carrier{100, 10 * town.Second, func(l *life, e *town.Effect) []town.Payload { return one(l.repos.find(e)) }}, true
	case town.EffectFindLate:
		return carrier{100, 5 * town.Second, func(*life, *town.Effect) []town.Payload { return one(&town.LateCommits{}) }}, true
	case town.EffectMergePR:
		return carrier{300, 20 * town.Second, func(l *life, e *town.Effect) []town.Payload { return l.forge.mergePull(e) }}, true
	}
	return carrier{}, false
}

// runner carries effects out as the real one does: those of one agent (or bead) one after another, an
// effect that is under way not a second time, and every outcome as an event.
type runner struct {
	l      *life
	lanes  map[string][]town.Effect // the first of each is under way
	order  []string                 // the lanes that are busy, the oldest first
	queued map[string]bool
}

func newRunner(l *life) runner {
	return runner{l: l, lanes: map[string][]town.Effect{}, queued: map[string]bool{}}
}

func laneOf(e *town.Effect) string {
	if e.Agent != "" {
		return "agent " + string(e.Agent)
	}
	return "bead " + string(e.Bead)
}

// carry takes effects over.
func (r *runner) carry(effects []town.Effect) {
	for i := range effects {
		e := effects[i]
		if _, known := carriers(e.Kind); !known {
			r.l.fail("effect", "the world does not know how to carry out %q: enter it in carriers", e.Kind)
			return
		}
		if r.queued[e.ID] {
			continue
		}
		r.queued[e.ID] = true
		lane := laneOf(&e)
		r.lanes[lane] = append(r.lanes[lane], e)
		if len(r.lanes[lane]) == 1 {
			r.order = append(r.order, lane)
			r.drive(lane)
		}
	}
}

// drive has the first effect of a lane done after the time that it takes.
func (r *runner) drive(lane string) {
	e := r.lanes[lane][0]
	c, _ := carriers(e.Kind)
	took := r.l.between(c.least, c.most)
	if e.Kind == town.EffectDispatch && r.l.chance(startSlow) {
		took = r.l.between(c.most, town.StartGrace+town.Minute)
	}
	r.l.later(took, func() {
		out := c.do(r.l, &e)
		if r.l.chance(diesBeforeAnswer) {
			r.lanes[lane] = r.lanes[lane][1:] // it was carried out
			r.l.server.die()
			return
		}
		r.report(&e, out)
		r.advance(lane)
	})
}

// advance goes on with the next effect of a lane.
func (r *runner) advance(lane string) {
	delete(r.queued, r.lanes[lane][0].ID)
	r.lanes[lane] = r.lanes[lane][1:]
	if len(r.lanes[lane]) > 0 {
		r.drive(lane)
		return
	}
	delete(r.lanes, lane)
	for i, name := range r.order {
		if name == lane {
			r.order = append(r.order[:i:i], r.order[i+1:]...)
			break
		}
	}
}

// report brings an outcome in, as the post is.
func (r *runner) report(e *town.Effect, out []town.Payload) {
	if len(out) == 0 || r.l.chance(outcomeLost) {
		return
	}
	var events []town.Event
	for _, p := range out {
		events = append(events, town.Event{Agent: e.Agent, Run: e.Run, Bead: e.Bead, By: "effect", Payload: p})
	}
	send := func() { r.l.server.submit(nil, events...) }
	if r.l.chance(outcomeLate) {
		r.l.later(r.l.between(10*town.Second, 20*town.Minute), send)
		return
	}
	send()
	r.l.runtime.poke()
	if r.l.chance(outcomeTwice) {
		r.l.later(r.l.between(1, 5*town.Minute), send)
	}
}

// cut ends everything that is under way, as the server's death does: some of it was carried out.
func (r *runner) cut() {
	for _, lane := range r.order {
		if jobs := r.lanes[lane]; len(jobs) > 0 && r.l.rng.IntN(2) == 0 {
			c, _ := carriers(jobs[0].Kind)
			c.do(r.l, &jobs[0])
		}
	}
	*r = newRunner(r.l)
}

// start has the fake runtime start a process.
func start(l *life, e *town.Effect) []town.Payload {
	infra := func(class runtime.Class, reason string) []town.Payload {
		return one(&town.DispatchRejected{Class: string(class), Infra: class.Infra(), Reason: reason})
	}
	unknown := one(&town.DispatchUnknown{Reason: "the runtime did not answer in time"})
	switch {
	case l.runtime.runs[e.Run] != nil:
		// It was started before a crash, and starting it again does nothing.
	case l.runtime.away && l.rng.IntN(2) == 0:
		return unknown
	case l.runtime.away, l.chance(startRefusedInfra):
		return infra(runtime.ClassResources, "the host has no memory left")
	case l.hosts.refuses(e.Rig) != "":
		return infra(l.hosts.refuses(e.Rig), "nothing can be started here")
	case l.chance(startRefused):
		return infra(runtime.ClassInvalid, "the command makes no sense")
	case l.chance(startUnknownFailed):
		return unknown
	}
	if class, reason := l.runtime.start(e); class != "" {
		return infra(class, reason)
	}
	if l.chance(startUnknownWorked) {
		return unknown
	}
	return one(&town.DispatchAccepted{})
}

// stop has the fake runtime end a process.
func stop(l *life, e *town.Effect) []town.Payload {
	if l.runtime.away || l.chance(stopUnconfirmed) {
		return nil
	}
	l.runtime.stop(e.Run)
	if l.chance(stopDoneUnconfirmed) {
		return nil
	}
	return one(&town.AgentStopConfirmed{})
}

// nudge tells a process something, which may wake it.
func nudge(l *life, e *town.Effect) []town.Payload {
	p := l.runtime.runs[e.Run]
	if p == nil || p.ended || l.runtime.away || l.chance(nudgeFails) {
		return one(&town.NudgeFailed{Nudge: e.Nudge.Nudge, Reason: "there is no such process"})
	}
	if p.wake != nil && l.rng.IntN(2) == 0 {
		p.wake()
	}
	if l.chance(nudgeLost) {
		return nil
	}
	return one(&town.NudgeArrived{Nudge: e.Nudge.Nudge})
}

// notify tells the webhooks.
func notify(l *life, e *town.Effect) []town.Payload {
	switch {
	case l.chance(webhookLost):
		return nil
	case l.chance(webhookFails):
		return one(&town.PeopleNotified{Notice: e.Notify.Notice, Error: "the webhook answers 500"})
	}
	return one(&town.PeopleNotified{Notice: e.Notify.Notice})
}
