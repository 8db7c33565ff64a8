package town

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// The numbers of nudges.
const (
	// NudgeLife is how long a nudge is worth hearing. One nudge per tier goes out in that time.
	NudgeLife = Hour
	// NudgeKept is how long one that has expired stays in the books, for people to see what an agent
	// was told. It is no shorter than NudgeLife, so that the limit per tier can be told from the books.
	NudgeKept = Hour
	// NudgeAgain is how long a nudge may go undelivered before it is sent again; it doubles each time.
	NudgeAgain = 30 * Second
	// MaxNudges bounds what one agent may be told within NudgeLife by people and other agents.
	MaxNudges = 20
	// maxNudge is the longest text of a nudge, in bytes: it is a word in the ear, not a letter.
	maxNudge = 2000
)

// NudgeID names a nudge, unique in its town for ever.
type NudgeID string

// NudgeStatus is how far a nudge has come.
type NudgeStatus string

// The statuses of a nudge: it is queued, then delivered, and expires from either.
const (
	NudgeQueued    NudgeStatus = "queued"
	NudgeDelivered NudgeStatus = "delivered"
	NudgeExpired   NudgeStatus = "expired"
)

// Tier says which rule about silence a nudge comes from; the others have none.
type Tier string

// The tiers.
const (
	NoTier       Tier = ""
	TierWarn     Tier = "warn"
	TierEscalate Tier = "escalate"
)

// Nudge is a short text for an agent that runs.
type Nudge struct {
	ID      NudgeID `json:"id"`
	Agent   AgentID `json:"agent"`
	Run     Run     `json:"run,omitempty"` // the only run it is for; zero if any may hear it
	Message string  `json:"message"`
	Tier    Tier    `json:"tier,omitempty"`
	Source  string  `json:"source" share:"keep"` // the rule, person or agent that it comes from

	Status    NudgeStatus `json:"status"`
	Created   Time        `json:"created"`
	Expires   Time        `json:"expires"` // when it is not worth hearing any more
	Delivered Time        `json:"delivered,omitempty"`
	Expired   Time        `json:"expired,omitempty"`

	// Try is how often it was sent, Tried when last, and Error why that did not arrive.
	Try   int    `json:"try,omitempty"`
	Tried Time   `json:"tried,omitempty"`
	Error string `json:"error,omitempty"`
}

func (n *Nudge) ref() ref { return ref{KindNudge, string(n.ID)} }

func (n *Nudge) clone() *Nudge {
	c := *n
	return &c
}

func (n *Nudge) code(c *coder) {
	codeString(c, &n.ID)
	codeString(c, &n.Agent)
	codeInt(c, &n.Run)
	codeString(c, &n.Message)
	codeString(c, &n.Tier)
	codeString(c, &n.Source)
	codeString(c, &n.Status)
	codeInt(c, &n.Created)
	codeInt(c, &n.Expires)
	codeInt(c, &n.Delivered)
	codeInt(c, &n.Expired)
	codeInt(c, &n.Try)
	codeInt(c, &n.Tried)
	codeString(c, &n.Error)
}

func (s *State) editNudge(id NudgeID, f func(*Nudge)) {
	n := s.nudges[id].clone()
	f(n)
	s.set(n.ref(), n)
}

// moveNudge is the one place where a nudge's status changes, with the time at which it did.
func (t *tick) moveNudge(id NudgeID, to NudgeStatus) {
	t.s.editNudge(id, func(n *Nudge) {
		n.Status, n.Error = to, ""
		if to == NudgeDelivered {
			n.Delivered = t.now
			return
		}
		n.Expired = t.now
	})
}

// addNudge enters a nudge in the books; care/nudges sends it.
func (t *tick) addNudge(n Nudge) *Nudge {
	n.ID = NudgeID("ng-" + derivedID(t.no, t.made))
	t.made++
	n.Status, n.Created, n.Expires = NudgeQueued, t.now, t.now.Add(NudgeLife)
	n.Message = clip(n.Message, maxNudge)
	t.s.set(n.ref(), &n)
	return &n
}

// hears reports whether an agent has a process that can be told something.
func (a *Agent) hears() bool {
	return (a.Hook != "" || a.Role == Mayor) && a.Process() && a.Dispatch == DispatchSure && a.Stopping == 0
}

// lastNudge is when the agent was last nudged in a tier, or zero.
func (s *State) lastNudge(agent AgentID, tier Tier) Time {
	var last Time
	for _, id := range s.ix.nudgesOf[agent] {
		if n := s.nudges[id]; n.Tier == tier {
			last = max(last, n.Created)
		}
	}
	return last
}

// NudgesOf lists the nudges that an agent may still read, the oldest first.
func (s *State) NudgesOf(agent AgentID) []*Nudge {
	var out []*Nudge
	for _, id := range s.ix.nudgesOf[agent] {
		if n := s.nudges[id]; n.Status != NudgeExpired {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b *Nudge) int {
		return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Nudge returns the nudge or nil.
func (s *State) Nudge(id NudgeID) *Nudge { return s.nudges[id] }

func (p *NudgeRequested) apply(t *tick, e *Event) *Refusal {
	if e.Agent != "" {
		if _, _, r := t.atWork(e); r != nil {
			return r
		}
	}
	a := t.s.agents[p.To]
	switch {
	case a == nil:
		return notFound("to", "there is no agent %s in this town", p.To)
	case strings.TrimSpace(p.Message) == "":
		return invalid("message", "is empty")
	case len(p.Message) > maxNudge:
		return invalid("message", "is longer than %d bytes: send a message instead", maxNudge)
	case len(t.s.NudgesOf(a.ID)) >= MaxNudges:
		return conflict("%s was nudged %d times within %s: send a message instead", a.ID, MaxNudges, NudgeLife)
	}
	t.maker(string(t.addNudge(Nudge{Agent: a.ID, Message: p.Message, Source: e.By}).ID))
	return nil
}

// sent finds the nudge that an outcome is about, if it still waits for one. What another run was told
// the present one has not heard.
func (t *tick) sent(e *Event, id NudgeID) (*Nudge, *Refusal) {
	n := t.s.nudges[id]
	if e.Agent != "" {
		if _, r := t.atRun(e); r != nil {
			return nil, r
		}
	}
	switch {
	case n == nil:
		return nil, ignore("there is no nudge %s any more", id)
	case n.Status != NudgeQueued:
		return nil, ignore("%s is %s", id, n.Status)
	}
	return n, nil
}

func (p *NudgeArrived) apply(t *tick, e *Event) *Refusal {
	n, r := t.sent(e, p.Nudge)
	if r == nil {
		t.moveNudge(n.ID, NudgeDelivered)
	}
	return r
}

func (p *NudgeFailed) apply(t *tick, e *Event) *Refusal {
	n, r := t.sent(e, p.Nudge)
	if r == nil {
		// The rule sends it again by itself.
		t.s.editNudge(n.ID, func(n *Nudge) { n.Error = p.Reason })
	}
	return r
}

func onNudge(look func(*State, Time, *Nudge) Look) func(*State, Time, string) Look {
	return func(s *State, now Time, id string) Look {
		if n := s.nudges[NudgeID(id)]; n != nil {
			return look(s, now, n)
		}
		return Look{}
	}
}

// nudges sends what is queued, lets what is not worth hearing any more expire, and forgets what
// has been over for a while.
func nudges(s *State, now Time, n *Nudge) Look {
	a := s.agents[n.Agent]
	over := func(reason string) Look {
		return act(Action{Kind: ExpireNudge, Agent: n.Agent, Nudge: n.ID, From: string(n.Status), Reason: reason})
	}
	switch {
	case n.Status == NudgeExpired:
		if end := n.Expired.Add(NudgeKept); now < end {
			return wait(WaitRetention, end, "", "expired; leaves the books "+NudgeKept.String()+" later")
		}
		return act(Action{Kind: DeleteNudge, Agent: n.Agent, Nudge: n.ID, Reason: "expired for " + NudgeKept.String()})
	case a == nil:
		return over("its agent is gone")
	case n.Run != 0 && (a.Run != n.Run || a.Hook == "" && a.Role != Mayor):
		return over(fmt.Sprintf("run %d of %s is over", n.Run, n.Agent))
	case now >= n.Expires:
		return over("older than " + NudgeLife.String())
	case n.Status == NudgeDelivered:
		return wait(WaitRetention, n.Expires, string(a.ID), "delivered; expires")
	case !a.hears():
		return wait(WaitDelivering, n.Expires, string(a.ID), string(a.ID)+" has no process that hears it")
	}
	if n.Try > 0 {
		if again := n.Tried.Add(NudgeAgain << min(n.Try-1, 10)); now < again {
			return wait(WaitDelivering, min(again, n.Expires), string(a.ID), "sent and not delivered yet"+because(n.Error))
		}
	}
	return act(Action{Kind: SendNudge, Agent: a.ID, Nudge: n.ID, Run: a.Run, From: string(NudgeQueued), N: n.Try + 1, Reason: "not delivered yet"})
}

// performOnNudge carries out what a rule decided about a nudge; it returns why its precondition
// does not hold, or "".
func (t *tick) performOnNudge(a *Action) string {
	n := t.s.nudges[a.Nudge]
	switch {
	case n == nil:
		return fmt.Sprintf("there is no nudge %s", a.Nudge)
	case a.Kind != DeleteNudge && string(n.Status) != a.From:
		return fmt.Sprintf("%s is %s, not %s", n.ID, n.Status, a.From)
	}
	switch a.Kind {
	case SendNudge:
		t.s.editNudge(n.ID, func(n *Nudge) { n.Try, n.Tried, n.Error = a.N, t.now, "" })
	case ExpireNudge:
		t.moveNudge(n.ID, NudgeExpired)
	case DeleteNudge:
		t.s.set(n.ref(), nil)
	}
	return ""
}

// createNudge enters the nudge of a rule in the books.
func (t *tick) createNudge(a *Action) string {
	if t.s.agents[a.Agent] == nil {
		return fmt.Sprintf("there is no agent %s", a.Agent)
	}
	a.Nudge = t.addNudge(Nudge{Agent: a.Agent, Run: a.Run, Message: a.Title, Tier: Tier(a.Category), Source: a.Rule}).ID
	return ""
}

// NudgeSpec says what an agent is to be told.
type NudgeSpec struct {
	Nudge   NudgeID `json:"nudge"`
	Message string  `json:"message"`
	Source  string  `json:"source"`
}

func (s *State) nudgeEffect(n *Nudge) *Effect {
	a := s.agents[n.Agent]
	if a == nil || n.Status != NudgeQueued || n.Try == 0 || n.Error != "" {
		return nil
	}
	return &Effect{
		ID:   fmt.Sprintf("%s/%s/%d", EffectNudge, n.ID, n.Try),
		Kind: EffectNudge, Agent: a.ID, Rig: a.Rig, Run: a.Run,
		Nudge: &NudgeSpec{Nudge: n.ID, Message: n.Message, Source: n.Source},
	}
}
