package sim

import (
	"math/rand/v2"

	"gastown/internal/town"
)

// careCommands is what people do about what agents and the town want of them.
func careCommands() []command {
	decides := func(b *town.Bead) bool { return b.Triage != nil && b.Live() }
	return []command{
		{12, func(p *people) (town.Event, bool) {
			b := p.any(decides)
			if b == nil {
				return town.Event{}, false
			}
			options := append([]town.Resolution{"dance"}, b.Triage.Options...)
			out := &town.TriageResolved{Resolution: options[p.rng.IntN(len(options))], Note: "so be it"}
			if about := p.l.server.st.Bead(b.Triage.About); about != nil && about.Merge != nil && p.rng.IntN(3) == 0 {
				out.Bead = about.Merge.Source
			}
			return town.Event{Bead: b.ID, Payload: out}, true
		}},
		{6, func(p *people) (town.Event, bool) {
			b := p.any(func(b *town.Bead) bool { return b.Escalation != nil && b.Live() })
			if b == nil {
				return town.Event{}, false
			}
			return town.Event{Bead: b.ID, Payload: &town.EscalationAcknowledged{}}, true
		}},
		{5, func(p *people) (town.Event, bool) {
			a, ok := p.someAgent()
			return town.Event{Payload: &town.NudgeRequested{To: a, Message: "how far are you?"}}, ok
		}},
		{5, func(p *people) (town.Event, bool) {
			a, ok := p.someAgent()
			return town.Event{Payload: &town.MessageSent{To: string(a), Subject: "Mind the tests", Body: "All of them."}}, ok
		}},
		{4, (*people).readMail},
		{8, (*people).changeConvoy},
		{3, func(p *people) (town.Event, bool) {
			return town.Event{Payload: &town.TownConfigured{Unset: []string{unsettable[p.rng.IntN(len(unsettable))], "budget"}}}, true
		}},
		{2, func(p *people) (town.Event, bool) {
			return town.Event{Payload: &town.RigUpdated{Rig: p.rig(), Unset: unsettable}}, true
		}},
	}
}

// unsettable are configuration keys that towns and rigs have and people take back.
var unsettable = []string{"merge_strategy", "auto_merge", "auto_merge_delay", "max_dispatch_attempts", "bead_timeout", "on_blocker_failed", "code_review"}

// any finds a bead of the town that is wanted, also one that people have not made or heard of: it is on
// the page that they look at.
func (p *people) any(want func(*town.Bead) bool) *town.Bead {
	var all []*town.Bead
	for _, b := range p.l.server.st.Beads() {
		if want(b) {
			all = append(all, b)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[p.rng.IntN(len(all))]
}

func (p *people) readMail() (town.Event, bool) {
	var all []town.BeadID
	for _, m := range p.l.server.st.MailOf(town.ToPeople) {
		all = append(all, m.ID)
	}
	return town.Event{Payload: &town.MessageRead{Messages: all}}, len(all) > 0
}

// changeConvoy has members come or go, or changes how a convoy is merged.
func (p *people) changeConvoy() (town.Event, bool) {
	id, ok := p.some(func(b *town.Bead) bool { return b.Convoy != nil && b.Live() })
	if !ok {
		return town.Event{}, false
	}
	out := &town.ConvoyUpdated{}
	switch p.rng.IntN(4) {
	case 0:
		out.MergeMode = &[]town.MergeMode{town.ReviewThenLand, town.ReviewAndMerge}[p.rng.IntN(2)]
	case 1:
		for _, d := range p.l.server.st.NeededBy(id) {
			if d.Kind == town.Tracks && p.rng.IntN(2) == 0 {
				out.Remove = append(out.Remove, d.Bead)
			}
		}
	default:
		on, known := p.some(func(b *town.Bead) bool { return b.Type == town.Issue && b.Live() })
		if !known {
			return town.Event{}, false
		}
		out.Add = []town.BeadID{on}
	}
	return town.Event{Bead: id, Payload: out}, true
}

// pullSettings draws a value for what pull requests go by.
func pullSettings(s *town.Settings, r *rand.Rand) {
	yes := func(n int) *bool {
		v := r.IntN(n) > 0
		return &v
	}
	switch r.IntN(6) {
	case 0:
		s.MergeStrategy = &[]town.MergeStrategy{town.StrategyDirect, town.StrategyPR}[r.IntN(2)]
	case 1:
		s.AutoMerge = yes(4)
	case 2:
		s.AutoMergeDelay = durations(0, town.Minute, 20*town.Minute)(r)
	case 3:
		s.AutoResolvePRFeedback = yes(4)
	case 4:
		s.AutoResolveMergeConflicts = yes(4)
	case 5:
		s.CodeReview = yes(2)
		s.Agents = map[town.Role]town.AgentCommand{town.Refinery: {Preset: "claude"}}
	}
}

// budgets are what people allow; the empty one is no limit.
var budgets = []town.Budget{{}, {USDPerDay: 40}, {TokensPerDay: 5_000_000}, {USDPerDay: 5, TokensPerDay: 2_000_000}}

// gates are those that rigs have; the one called test is what fails here.
var gates = [][]town.Gate{
	{{Name: "test", Command: "make test"}}, {{Name: "lint", Command: "make lint"}, {Name: "test", Command: "make test"}},
	{{Name: "test", Command: "make check"}}, {{Name: "lint", Command: "make lint"}},
}

// setUp configures what the profile of the town has.
func (p *people) setUp(set *town.Settings) {
	set.Agents = map[town.Role]town.AgentCommand{town.Polecat: {Preset: "claude"}}
	set.Gates = &gates[0]
	if p.l.prof.triage {
		set.Agents[town.Triage] = town.AgentCommand{Preset: "claude"}
	}
	if p.l.prof.pulls {
		pr := town.StrategyPR
		set.MergeStrategy = &pr
	}
	if p.l.prof.hooks {
		set.Notify = &town.NotifySettings{Webhooks: []string{"https://hooks.example/town"}}
	}
	if p.l.prof.budget {
		set.Budget = &budgets[1+p.rng.IntN(len(budgets)-1)]
	}
}
