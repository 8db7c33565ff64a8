package town

import (
	"fmt"
	"net/url"
	"strings"
)

// The numbers of telling people.
const (
	// ReEscalateStep is how long an escalation may wait for its acknowledgement before people are told
	// again: that long, then twice and three times as long.
	ReEscalateStep = 4 * Hour
	// MaxRaised bounds how often they are told again.
	MaxRaised = 3
	// NotifyAgain is how long a notice may stay unanswered or refused before it is sent again; it
	// doubles each time, and MaxNotifyTries bounds it.
	NotifyAgain    = Minute
	MaxNotifyTries = 5
	// maxWebhooks bounds whom a town tells.
	maxWebhooks = 10
)

// NotifySettings says who outside is told of escalations.
type NotifySettings struct {
	Webhooks []string `json:"webhooks,omitempty" doc:"URLs that get a POST of JSON; env:NAME or file:PATH where one has a secret in it." share:"webhook"`
}

func (n *NotifySettings) validate() error {
	if n == nil {
		return nil
	}
	if len(n.Webhooks) > maxWebhooks {
		return &FieldError{"notify.webhooks", fmt.Sprintf("are %d, at most %d", len(n.Webhooks), maxWebhooks)}
	}
	for i, w := range n.Webhooks {
		if why := BadWebhook(w); why != "" && !SecretReference(w) {
			return &FieldError{fmt.Sprintf("notify.webhooks[%d]", i), why}
		}
	}
	return nil
}

// BadWebhook says why a text is no URL of a webhook, or "".
func BadWebhook(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "":
		return "must be an http or https URL, or env:NAME or file:PATH"
	case u.User != nil:
		return "has a password in it: give a reference, env:NAME or file:PATH, instead"
	}
	return ""
}

// Notice says how far telling people of an escalation has come. There is one notice when it is made
// and one for each re-escalation.
type Notice struct {
	// Told is the newest notice that has arrived, from 1.
	Told int `json:"told,omitempty"`
	// Try is how often the next one was sent, Tried when last, and Error why that did not arrive.
	Try   int    `json:"try,omitempty"`
	Tried Time   `json:"tried,omitempty"`
	Error string `json:"error,omitempty"`
}

func (n *Notice) code(c *coder) {
	codeInt(c, &n.Told)
	codeInt(c, &n.Try)
	codeInt(c, &n.Tried)
	codeString(c, &n.Error)
}

// unseen returns what a live escalation has beyond a bead, if nobody has acknowledged it.
func (b *Bead) unseen() *EscalationPart {
	if b.Escalation == nil || !b.Live() || b.Escalation.Acknowledged != 0 {
		return nil
	}
	return b.Escalation
}

func reEscalate(_ *State, now Time, b *Bead) Look {
	e := b.unseen()
	switch {
	case e == nil:
		return Look{}
	case e.Raised >= MaxRaised:
		return wait(WaitNeedsPerson, 0, "", fmt.Sprintf("people were told %d times again, and nobody has acknowledged it", MaxRaised))
	}
	step := ReEscalateStep * Duration(e.Raised+1)
	end := max(b.Created, e.LastRaised).Add(step)
	if now < end {
		return wait(WaitNeedsPerson, end, "", fmt.Sprintf("people are told again (%d of %d)", e.Raised+1, MaxRaised))
	}
	return act(Action{Kind: ReEscalate, Bead: b.ID, N: e.Raised + 1, Severity: e.Severity, Reason: "nobody has acknowledged it for " + step.String()})
}

func (t *tick) reEscalate(a *Action, b *Bead) {
	t.s.editBead(b.ID, t.now, func(b *Bead) {
		e := b.Escalation
		e.Raised, e.LastRaised = a.N, t.now
		e.Notice.Try, e.Notice.Tried, e.Notice.Error = 0, 0, ""
	})
}

// mayor returns the town's mayor if it can be told something, or nil.
func (s *State) mayor() *Agent {
	for _, id := range s.ix.agentsOf[""] {
		if a := s.agents[id]; a.Role == Mayor && a.hears() {
			return a
		}
	}
	return nil
}

func notify(s *State, now Time, b *Bead) Look {
	e := b.unseen()
	if e == nil || e.Notice.Told > e.Raised || (len(s.config("").Notify.Webhooks) == 0 && s.mayor() == nil) {
		return Look{}
	}
	n := &e.Notice
	if n.Try > 0 {
		if again := n.Tried.Add(NotifyAgain << min(n.Try-1, 10)); now < again {
			return wait(WaitNotifying, again, "", "people are being told"+because(n.Error))
		}
	}
	if n.Try >= MaxNotifyTries {
		return wait(WaitNotNotified, 0, "", fmt.Sprintf("the webhooks could not be told in %d tries", n.Try)+because(n.Error))
	}
	return act(Action{Kind: Notify, Bead: b.ID, N: n.Try + 1, Total: e.Raised + 1, Severity: e.Severity, Reason: "people have not been told yet"})
}

// notify tells the mayor, once a notice, and leaves the webhooks to the effect. Where there is none
// the notice has arrived.
func (t *tick) notify(a *Action, b *Bead) {
	if m := t.s.mayor(); m != nil && a.N == 1 {
		t.addNudge(Nudge{Agent: m.ID, Run: m.Run, Source: a.Rule, Message: fmt.Sprintf("Escalation %s (%s): %s", b.ID, b.Escalation.Severity, b.Title)})
	}
	hooks := len(t.s.config("").Notify.Webhooks)
	t.s.editBead(b.ID, t.now, func(b *Bead) {
		n := &b.Escalation.Notice
		if hooks == 0 {
			*n = Notice{Told: a.Total}
			return
		}
		n.Try, n.Tried, n.Error = a.N, t.now, ""
	})
}

func (p *PeopleNotified) apply(t *tick, e *Event) *Refusal {
	b, r := t.bead(e)
	switch {
	case r != nil:
		return r
	case b.Escalation == nil:
		return conflict("%s is no escalation: its type is %s", b.ID, b.Type)
	case b.Escalation.Notice.Try == 0 || p.Notice != b.Escalation.Raised+1:
		return ignore("nobody waits for notice %d of %s", p.Notice, b.ID)
	}
	t.s.editBead(b.ID, t.now, func(b *Bead) {
		n := &b.Escalation.Notice
		if p.Error != "" {
			n.Error = p.Error // care/notify tries again by itself
			return
		}
		*n = Notice{Told: p.Notice}
	})
	return nil
}

// NotifySpec is what webhooks are told. It is what they get as JSON, apart from the webhooks.
type NotifySpec struct {
	// Key is the same for every try of one notice, so that a receiver can tell a repeat.
	Key        string   `json:"key"`
	Webhooks   []string `json:"-"`
	Town       TownID   `json:"townId"`
	Escalation BeadID   `json:"escalation"`
	Notice     int      `json:"notice"`
	Severity   Severity `json:"severity"`
	Category   string   `json:"category"`
	Title      string   `json:"title"`
	Body       string   `json:"body,omitempty"`
	About      BeadID   `json:"about,omitempty"`
	Created    Time     `json:"createdAt"`
}

func (s *State) notifyEffect(b *Bead) *Effect {
	e := b.unseen()
	hooks := s.config("").Notify.Webhooks
	if e == nil || e.Notice.Try == 0 || e.Notice.Error != "" || len(hooks) == 0 {
		return nil
	}
	return &Effect{
		ID:   fmt.Sprintf("%s/%s/%d/%d", EffectNotify, b.ID, e.Raised+1, e.Notice.Try),
		Kind: EffectNotify, Bead: b.ID, Rig: b.Rig,
		Notify: &NotifySpec{
			Key:      strings.Join([]string{string(s.town.ID), string(b.ID), fmt.Sprint(e.Raised + 1)}, "/"),
			Webhooks: hooks, Town: s.town.ID, Escalation: b.ID, Notice: e.Raised + 1,
			Severity: e.Severity, Category: e.Category, Title: b.Title, Body: b.Body, About: e.About, Created: b.Created,
		},
	}
}
