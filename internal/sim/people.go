package sim

import (
	"fmt"
	"math/rand/v2"

	"gastown/internal/town"
)

// people are those who give work to a town and change their minds.
type people struct {
	l       *life
	rng     *rand.Rand
	known   []town.BeadID // what they remember, the newest last
	tasks   int
	quick   bool // they look in often
	founded bool // the town is set up
	home    bool // all is over
}

// memory is how many beads people remember.
const memory = 150

func newPeople(l *life, rng *rand.Rand) people {
	return people{l: l, rng: rng, quick: rng.IntN(2) == 0}
}

// command is something that people do; ok is false if there is nothing that they could do it to.
type command struct {
	weight int
	do     func(p *people) (e town.Event, ok bool)
}

// commands is everything that people do besides giving work, and how often one does it compared
// with the others.
func commands() []command {
	onBead := func(weight int, payload func(p *people) town.Payload) command {
		return command{weight, func(p *people) (town.Event, bool) {
			b, ok := p.some(nil)
			return town.Event{Bead: b, Payload: payload(p)}, ok
		}}
	}
	onKind := func(weight int, want func(*town.Bead) bool, payload town.Payload) command {
		return command{weight, func(p *people) (town.Event, bool) {
			b, ok := p.some(want)
			return town.Event{Bead: b, Payload: payload}, ok
		}}
	}
	onAgent := func(weight int, payload town.Payload) command {
		return command{weight, func(p *people) (town.Event, bool) {
			a, ok := p.someAgent()
			return town.Event{Agent: a, Payload: payload}, ok
		}}
	}
	onTown := func(weight int, payload func(p *people) town.Payload) command {
		return command{weight, func(p *people) (town.Event, bool) { return town.Event{Payload: payload(p)}, true }}
	}
	open := func(b *town.Bead) bool { return b.Status == town.Open }
	failed := func(b *town.Bead) bool { return b.Status == town.Failed }
	convoy := func(b *town.Bead) bool { return b.Convoy != nil && b.Live() }
	return append([]command{
		onKind(8, open, &town.BeadHeld{Reason: "not yet"}),
		onKind(14, func(b *town.Bead) bool { return b.Held != 0 }, &town.BeadReleased{}),
		onBead(4, func(p *people) town.Payload {
			return &town.BeadCancelled{As: []town.BeadStatus{"", town.Closed, town.Failed}[p.rng.IntN(3)]}
		}),
		onKind(14, failed, &town.BeadRetried{}),
		onBead(8, func(p *people) town.Payload {
			on, _ := p.some(nil)
			return &town.DependencyAdded{On: on}
		}),
		{8, removeDependency},
		onBead(8, (*people).update),
		onKind(10, func(b *town.Bead) bool { return convoy(b) && b.Convoy.Staged }, &town.ConvoyStarted{}),
		onKind(1, convoy, &town.ConvoyClosed{Reason: "not wanted any more"}),
		onKind(8, func(b *town.Bead) bool { return b.Escalation != nil && b.Live() }, &town.EscalationAcknowledged{}),
		onAgent(4, &town.AgentReset{}),
		onAgent(4, &town.AgentStopped{Reason: "it costs too much"}),
		onTown(2, func(*people) town.Payload { return &town.TownPaused{Reason: "lunch"} }),
		onTown(8, func(*people) town.Payload { return &town.TownResumed{} }),
		onTown(3, func(p *people) town.Payload { return &town.TownConfigured{Settings: p.settings(true)} }),
		onTown(3, func(p *people) town.Payload {
			return &town.RigUpdated{Rig: p.rig(), Settings: p.settings(false)}
		}),
		onTown(1, func(p *people) town.Payload {
			return &town.RigAdded{Rig: "spare", URL: "https://git.example/spare", DefaultBranch: "main"}
		}),
		onTown(1, func(*people) town.Payload { return &town.RigRemoved{Rig: "spare"} }),
	}, careCommands()...)
}

// found sets the town up: its configuration and its rigs, all in the first tick.
func (p *people) found() {
	opts := p.l.opts
	perRig, all := (opts.Agents+opts.Rigs-1)/opts.Rigs, opts.Agents
	set := p.settings(true)
	p.setUp(&set)
	set.MaxPolecatsPerRig, set.MaxAgents = &perRig, &all
	if set.Retention == nil {
		set.Retention = durations(town.Hour, 2*town.Hour, 6*town.Hour)(p.rng)
	}
	events := []town.Event{{By: "ann", Payload: &town.TownConfigured{Settings: set}}}
	for i := range opts.Rigs {
		rig := rigName(i)
		events = append(events, town.Event{By: "ann", Payload: &town.RigAdded{
			Rig: rig, URL: "https://git.example/" + string(rig), DefaultBranch: "main",
		}})
	}
	p.founded = true
	p.l.server.submit(nil, events...)
}

func rigName(i int) town.RigID { return town.RigID(fmt.Sprintf("rig%d", i+1)) }

func (p *people) rig() town.RigID { return rigName(p.rng.IntN(p.l.opts.Rigs)) }

// begin has people come by from now on until the faults are over.
func (p *people) begin() {
	p.l.hourly(peopleMeddle, p.meddle)
	p.bring()
}

// bring has somebody look in now and then, who gives more work if little is left.
func (p *people) bring() {
	most := 25 * town.Minute
	if p.quick {
		most = 6 * town.Minute
	}
	p.l.after(p.l.between(20*town.Second, most), func() {
		if p.l.calm {
			return
		}
		if p.l.server.up {
			n := p.l.server.st.BeadCounts()[town.Issue]
			if left := n[town.Open] + n[town.InProgress]; left < p.l.opts.Agents+p.l.opts.Agents/2 {
				p.send(town.Event{Payload: p.batch()})
			}
		}
		p.bring()
	})
}

// meddle does one of the things that people do.
func (p *people) meddle() {
	if !p.l.server.up {
		return
	}
	all := commands()
	total := 0
	for _, c := range all {
		total += c.weight
	}
	at := p.rng.IntN(total)
	for _, c := range all {
		if at -= c.weight; at < 0 {
			if e, ok := c.do(p); ok {
				p.send(e)
			}
			return
		}
	}
}

func (p *people) send(e town.Event) {
	e.By = "ann"
	p.l.server.submit(func(o town.EventOutcome) { p.remember(o.Made) }, e)
}

func (p *people) remember(made []string) {
	for _, id := range made {
		p.known = append(p.known, town.BeadID(id))
	}
	if n := len(p.known) - memory; n > 0 {
		p.known = append(p.known[:0:0], p.known[n:]...)
	}
}

// learn has people hear of beads that they have not made themselves.
func (p *people) learn(made []string) {
	if p.rng.IntN(2) == 0 {
		p.remember(made)
	}
}

// some finds a bead that people remember, still exists and is wanted.
func (p *people) some(want func(*town.Bead) bool) (town.BeadID, bool) {
	if len(p.known) == 0 {
		return "", false
	}
	from := p.rng.IntN(len(p.known))
	for i := range p.known {
		id := p.known[(from+i)%len(p.known)]
		if b := p.l.server.st.Bead(id); b != nil && (want == nil || want(b)) {
			return id, true
		}
	}
	return "", false
}

func (p *people) someAgent() (town.AgentID, bool) {
	agents := p.l.server.st.Agents()
	if len(agents) == 0 {
		return "", false
	}
	return agents[p.rng.IntN(len(agents))].ID, true
}

func removeDependency(p *people) (town.Event, bool) {
	on := func(id town.BeadID) *town.Dependency {
		for _, d := range p.l.server.st.Needs(id) {
			if d.Kind == town.Blocks {
				return d
			}
		}
		return nil
	}
	b, ok := p.some(func(b *town.Bead) bool { return b.Live() && on(b.ID) != nil })
	if !ok {
		return town.Event{}, false
	}
	return town.Event{Bead: b, Payload: &town.DependencyRemoved{On: on(b).On}}, true
}

var everyPriority = []town.Priority{town.Critical, town.High, town.Medium, town.Low}

func (p *people) update() town.Payload {
	if p.rng.IntN(4) == 0 {
		return &town.BeadUpdated{Timeout: durations(20*town.Minute, town.Hour)(p.rng)}
	}
	return &town.BeadUpdated{Priority: &everyPriority[p.rng.IntN(len(everyPriority))]}
}

// batch is new work: one bead or several with dependencies, a convoy or not.
func (p *people) batch() town.Payload {
	r := p.rng
	out := &town.BeadCreated{}
	rig := p.rig()
	for i := range 1 + r.IntN(6) {
		p.tasks++
		n := town.NewBead{Key: fmt.Sprint("k", i), Title: fmt.Sprint("Task ", p.tasks), Rig: rig, Priority: everyPriority[r.IntN(4)]}
		if i > 0 && r.IntN(2) == 0 {
			n.DependsOn = append(n.DependsOn, fmt.Sprint("k", r.IntN(i)))
		}
		if r.IntN(12) == 0 {
			if on, ok := p.some(nil); ok {
				n.DependsOn = append(n.DependsOn, string(on))
			}
		}
		n.Held = r.IntN(25) == 0
		if r.IntN(10) == 0 {
			n.Timeout = *durations(10*town.Minute, town.Hour)(r)
		}
		out.Beads = append(out.Beads, n)
	}
	if r.IntN(3) == 0 {
		staged := r.IntN(5) == 0
		mode := []town.MergeMode{"", town.ReviewThenLand, town.ReviewAndMerge}[r.IntN(3)]
		out.Convoy = &town.NewConvoy{Title: fmt.Sprint("Convoy ", p.tasks), MergeMode: mode, Staged: &staged}
	}
	return out
}

func durations(d ...town.Duration) func(*rand.Rand) *town.Duration {
	return func(r *rand.Rand) *town.Duration { return &d[r.IntN(len(d))] }
}

// settings draws a value or two for the configuration of the town or, without those that only a
// town has, of a rig.
func (p *people) settings(ofTown bool) town.Settings {
	r := p.rng
	var s town.Settings
	number := func(choices ...int) *int { return &choices[r.IntN(len(choices))] }
	for range 1 + r.IntN(2) {
		switch r.IntN(13) {
		case 0:
			s.MaxDispatchAttempts = number(1, 2, 3, 5, 8)
		case 1:
			s.OnBlockerFailed = &[]town.BlockerPolicy{town.BlockerHold, town.BlockerContinue, town.BlockerFail}[r.IntN(3)]
		case 2:
			s.OnMemberFailed = &[]town.MemberPolicy{town.MemberHold, town.MemberLandWithout}[r.IntN(2)]
		case 3:
			s.BeadTimeout = durations(30*town.Minute, 2*town.Hour, 4*town.Hour)(r)
		case 4:
			s.ConvoyMergeMode = &[]town.MergeMode{town.ReviewThenLand, town.ReviewAndMerge}[r.IntN(2)]
		case 5:
			s.MaxPolecatsPerRig = number(1, 3, p.l.opts.Agents)
		case 6:
			if ofTown {
				s.MaxStartsPerTick = number(1, 2, 5, 20)
			}
		case 7:
			if ofTown {
				s.MaxAgents = number(2, p.l.opts.Agents, 2*p.l.opts.Agents)
			}
		case 8:
			if ofTown {
				s.Retention = durations(town.Hour, 3*town.Hour, 24*town.Hour)(r)
			}
		case 9:
			if ofTown && p.l.prof.budget {
				s.Budget = &budgets[r.IntN(len(budgets))]
			}
		case 10:
			s.Gates = &gates[r.IntN(len(gates))]
		default:
			if p.founded {
				pullSettings(&s, r)
			}
		}
	}
	return s
}

// tidy is the last thing that people do before they leave the town alone: most resume it and lift its
// budget.
func (p *people) tidy() {
	if p.l.server.up && p.rng.IntN(10) > 0 {
		p.send(town.Event{Payload: &town.TownResumed{}})
		p.send(town.Event{Payload: &town.TownConfigured{Unset: []string{"budget"}}})
	}
}
