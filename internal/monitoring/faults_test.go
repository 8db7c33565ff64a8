package monitoring

import (
	"cmp"
	"fmt"
	"regexp"
	"testing"
	"time"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// fault is something that goes wrong in a town that was well, and the one alert that must tell of it.
type fault struct {
	alert string
	what  string
	// inherent is how long the thing must have gone on to be one: an hour in a queue, for example. The page
	// must come within five minutes after that.
	inherent time.Duration
	// lasts is how long the town is watched with it.
	lasts time.Duration
	// within is how soon the page must come; five minutes if zero.
	within time.Duration
	// places is how many agents may work; 4 if zero.
	places int
	// beads is how many there are to do; six for each place if zero.
	beads int
	// working is how long an attempt takes; 20 minutes if zero.
	working time.Duration
	begin   func(*play)
}

// wellFor is how long each town is well before its fault.
const wellFor = 15 * time.Minute

var faults = []fault{
	{alert: "ServerDown", what: "the server is killed and stays away", inherent: 2 * time.Minute, lasts: 10 * time.Minute,
		begin: func(p *play) { p.down = true }},
	{alert: "JournalNotWriting", what: "the disk is full while agents work and events come in",
		lasts: 10 * time.Minute, within: 2 * time.Minute,
		begin: func(p *play) {
			p.hung = true // as far as the outside sees: no tick can be recorded
			p.often(time.Second, func() {
				p.m.Commit(time.Millisecond, journal.ErrFull)
				p.m.AppendFailed()
			})
		}},
	{alert: "ReconcilerStopped", what: "the loop hangs while agents work and events come in", lasts: 20 * time.Minute,
		begin: func(p *play) {
			p.hung = true
			p.often(2*time.Second, func() { p.people(1) })
		}},
	{alert: "InvariantViolation", what: "the record of an agent at work is lost", lasts: 10 * time.Minute,
		begin: func(p *play) {
			if err := p.s.Absorb(lost(p.t, p.s, town.TimeOf(p.now), town.KindAgent, string(p.holder().ID))); err != nil {
				p.t.Fatal(err)
			}
			p.alarm = p.now
		}},
	{alert: "NoProgress", what: "a silent agent's process cannot be ended and keeps the only place", inherent: 17 * time.Minute, lasts: 40 * time.Minute, places: 1,
		begin: func(p *play) {
			p.carry = func(e *town.Effect) (town.Payload, bool) { return nil, e.Kind != town.EffectStop }
			a := p.holder()
			p.silent[a.Run] = true
			p.submit(town.Event{Agent: a.ID, Run: a.Run, By: "observer", Payload: &town.HeartbeatLost{}})
		}},
	{alert: "ReconcilerSlow", what: "every decision takes 800 ms", lasts: 20 * time.Minute,
		begin: func(p *play) { p.took = func() time.Duration { return 800 * time.Millisecond } }},
	{alert: "PendingEvents", what: "commits take six seconds and more events come in than that lets through", lasts: 8 * time.Minute,
		begin: func(p *play) {
			p.gap = 6 * time.Second
			title := "Another title"
			bead := p.holder().Hook
			p.often(time.Second, func() {
				for range 100 {
					p.submit(town.Event{Bead: bead, By: "admin", Payload: &town.BeadUpdated{Title: &title}})
				}
			})
		}},
	{alert: "SideEffectsFailing", what: "the git host is away", lasts: 15 * time.Minute, places: 8, working: 4 * time.Minute,
		begin: func(p *play) {
			p.carry = func(e *town.Effect) (town.Payload, bool) {
				if e.Kind == town.EffectVerify {
					return &town.BranchVerified{Error: "the host does not answer"}, true
				}
				return nil, true
			}
		}},
	{alert: "StartsFailing", what: "the program of the agents is gone, and there is little work", inherent: 30 * time.Minute, lasts: 70 * time.Minute, places: 1, beads: 2,
		begin: func(p *play) { p.refuse("infra", "command_not_found") }},
	{alert: "BreakerOpen", what: "the provider's quota is used up", lasts: 20 * time.Minute, places: 8,
		begin: func(p *play) { p.refuse("quota", "quota") }},
	{alert: "EventsRejected", what: "a program holds a bead that does not exist, again and again", lasts: 15 * time.Minute,
		begin: func(p *play) {
			p.often(10*time.Second, func() {
				p.submit(town.Event{Bead: "gt-none", By: "admin", Payload: &town.BeadHeld{}})
			})
		}},
	{alert: "MergeQueueStarved", what: "the refinery is at work on a merge that never ends", inherent: time.Hour, lasts: 90 * time.Minute, working: 4 * time.Minute,
		begin: func(p *play) { p.merging = func() time.Duration { return 0 } }},
}

// often does something again and again until the play is over.
func (p *play) often(every time.Duration, do func()) {
	p.after(every, func() {
		do()
		p.often(every, do)
	})
}

// holder is a polecat at work.
func (p *play) holder() *town.Agent {
	for _, a := range p.s.Agents() {
		if a.Role == town.Polecat && a.Status == town.Working {
			return a
		}
	}
	p.t.Fatal("nobody is at work")
	return nil
}

// refuse has every start rejected from now on, with the agents that are at work stopped by a person.
func (p *play) refuse(class, reason string) {
	p.carry = func(e *town.Effect) (town.Payload, bool) {
		if e.Kind == town.EffectDispatch {
			return &town.DispatchRejected{Class: class, Infra: true, Reason: reason}, true
		}
		return nil, true
	}
	for _, a := range p.s.Agents() {
		if a.Status == town.Working {
			p.submit(town.Event{Agent: a.ID, By: "admin", Payload: &town.AgentStopped{Reason: "the fault begins"}})
		}
	}
}

// lost is a tick that takes an entity out of the books, as a damaged record would be without it.
func lost(t testing.TB, s *town.State, at town.Time, kind town.Kind, id string) *town.Tick {
	t.Helper()
	tick := &town.Tick{No: s.Tick() + 1, At: at, RuleSet: town.RuleSet, Changes: []town.Change{{Kind: kind, ID: id, Gone: true, Version: 1}}}
	twin, err := town.Restore(s.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	// The twin says what the digest would be by refusing another one.
	found := regexp.MustCompile(`digest is ([0-9a-f]+)`).FindStringSubmatch(fmt.Sprint(twin.Absorb(tick)))
	if found == nil || tick.Digest.UnmarshalText([]byte(found[1])) != nil {
		t.Fatal("the digest without the entity cannot be found out")
	}
	return tick
}

// run lets a town be well for a while and then goes wrong.
func (f *fault) run(t *testing.T) *samples {
	places := cmp.Or(f.places, 4)
	p := newPlay(t, f.alert, places, 15*time.Second)
	if f.working != 0 {
		p.working = func() time.Duration { return f.working }
	}
	p.people(cmp.Or(f.beads, 6*places))
	p.until(dawn.Add(wellFor))
	f.begin(p)
	p.until(dawn.Add(wellFor + f.lasts))
	return p.seen
}
