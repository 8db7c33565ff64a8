package town

import (
	"fmt"
	"slices"
	"strings"
)

// About names what people ask the history of: a bead, which a convoy or a merge request is too, or
// an agent. Other kinds of entities are not asked for.
type About struct {
	Kind Kind   `json:"kind"`
	ID   string `json:"id"`
}

// About lists what the tick changed, decided about or found broken, once each and in order. What an
// event only names is not in the record: see Event.About.
func (t *Tick) About() []About {
	var out []About
	for i := range t.Changes {
		out = addAbout(out, t.Changes[i].Kind, t.Changes[i].ID)
	}
	for i := range t.Actions {
		a := &t.Actions[i]
		out = addAbout(out, KindBead, string(a.Bead))
		out = addAbout(out, KindBead, string(a.Made))
		out = addAbout(out, KindAgent, string(a.Agent))
	}
	for i := range t.Violations {
		out = addAbout(out, t.Violations[i].Kind, t.Violations[i].ID)
	}
	return SortAbout(out)
}

// About lists what the event names. What it made is a change of its tick.
func (e *Event) About() []About {
	out := addAbout(nil, KindAgent, string(e.Agent))
	return addAbout(out, KindBead, string(e.Bead))
}

func addAbout(list []About, kind Kind, id string) []About {
	if id == "" || (kind != KindBead && kind != KindAgent) {
		return list
	}
	return append(list, About{kind, id})
}

// SortAbout puts a list in order and leaves each once.
func SortAbout(list []About) []About {
	slices.SortFunc(list, func(a, b About) int { return compareRefs(ref(a), ref(b)) })
	return slices.Compact(list)
}

// What Happening.What says of an invariant that did not hold, and of one that holds again.
const (
	ViolationFound = "invariant_violated"
	ViolationOver  = "invariant_restored"
)

// maxWords bounds the words of an event in a Happening, in bytes: a list of a hundred must stay
// readable. The event itself has all of them.
const maxWords = 500

// Happening is one thing that happened to a bead or an agent: an event about it, a decision about
// it, or an invariant that did not hold for it.
type Happening struct {
	Tick TickNo `json:"tick"`
	// Part is its place among what happened to the same entity in its tick, from 1.
	Part int  `json:"part"`
	At   Time `json:"at"` // the time of the tick
	// What is the type of the event, the kind of the action, or what became of an invariant.
	What string `json:"what"`
	// By is the sender of the event, the rule of the action, or the invariant.
	By    string  `json:"by,omitempty"`
	From  string  `json:"from,omitempty"`
	To    string  `json:"to,omitempty"`
	Agent AgentID `json:"agent,omitempty"`
	Bead  BeadID  `json:"bead,omitempty"`
	Run   Run     `json:"run,omitempty"`
	// Reason is why: of a refused event why it was refused, of any other what its sender said.
	Reason string `json:"reason,omitempty"`
	// Outcome is what became of the event; empty for what is none.
	Outcome Verdict `json:"outcome,omitempty"`
}

// Happened turns the record of a tick, with the events that it took, into what happened to one bead
// or agent in it, in order: the events first, since the rules decide upon what those have changed.
//
// An event is about what it names and what it made. It names an agent or its run where it means the
// bead that is worked on, and a merge request or its source where the other changes too: so where
// the tick changed the bead itself, events about one of its runs, about a merge request for it that
// changed, about what it is to merge, or about a triage request that decides about it count as well. An event that is missing from events is told as far as the record goes.
func Happened(to About, t *Tick, events []Event) ([]Happening, error) {
	if to.ID == "" {
		return nil, nil // which what names nothing would be about
	}
	l, err := linksOf(to, t)
	if err != nil {
		return nil, fmt.Errorf("cannot tell what happened to %s in tick %d: %w", to.ID, t.No, err)
	}
	sent := make(map[Seq]*Event, len(events))
	for i := range events {
		sent[events[i].Seq] = &events[i]
	}
	var out []Happening
	add := func(h Happening) {
		h.Tick, h.At, h.Part = t.No, t.At, len(out)+1
		out = append(out, h)
	}
	for i := range t.Events {
		o := &t.Events[i]
		e := sent[o.Seq]
		if e == nil {
			e = &Event{Seq: o.Seq, Type: o.Type}
		}
		if !l.hasEvent(e, o) {
			continue
		}
		h := ofEvent(e, o)
		if h.Bead == "" && slices.Contains(o.Made, to.ID) {
			h.Bead = BeadID(to.ID)
		}
		add(h)
	}
	for i := range t.Actions {
		if a := &t.Actions[i]; l.hasAction(a) {
			add(ofAction(a))
		}
	}
	for i := range t.Violations {
		if v := &t.Violations[i]; v.Kind == to.Kind && v.ID == to.ID {
			add(ofViolation(v))
		}
	}
	return out, nil
}

// links are the names under which a tick's events may mean one bead or agent.
type links struct {
	about About
	beads []BeadID // the bead, merge requests for it, what it is to merge, and triage requests about it
	runs  []Run    // of any of those
	// agents had the newest run of any of those: people stop or reset an agent without naming a run.
	agents []AgentID
}

// linksOf finds them in the entities as they stood after the tick.
func linksOf(to About, t *Tick) (links, error) {
	l := links{about: to}
	if to.Kind != KindBead {
		return l, nil
	}
	l.beads = []BeadID{BeadID(to.ID)}
	itself := func(x *Change) bool { return x.Kind == KindBead && x.ID == to.ID }
	if !slices.ContainsFunc(t.Changes, func(x Change) bool { return itself(&x) }) {
		return l, nil
	}
	for i := range t.Changes {
		x := &t.Changes[i]
		if x.Kind != KindBead {
			continue
		}
		e, err := x.Entity()
		if err != nil {
			return l, err
		}
		b, ok := e.(*Bead)
		if !ok {
			continue // it is gone
		}
		forIt := b.Merge != nil && b.Merge.Source == BeadID(to.ID)
		decides := b.Triage != nil && b.Triage.About == BeadID(to.ID)
		if !itself(x) && !forIt && !decides {
			continue
		}
		l.beads = append(l.beads, b.ID)
		if b.Merge != nil {
			l.beads = append(l.beads, b.Merge.Source) // whose end is the end of its merge requests
		}
		for _, at := range b.Attempts {
			l.runs = append(l.runs, at.Run)
		}
		if at := b.lastAttempt(); at != nil {
			l.agents = append(l.agents, at.Agent)
		}
	}
	return l, nil
}

func (l *links) hasEvent(e *Event, o *EventOutcome) bool {
	if l.about.Kind == KindAgent {
		return string(e.Agent) == l.about.ID
	}
	if e.Run == 0 && slices.Contains(l.agents, e.Agent) {
		return true
	}
	switch p := e.Payload.(type) {
	case *TriageResolved:
		if string(p.Bead) == l.about.ID {
			return true
		}
	case *MessageRead:
		if slices.Contains(p.Messages, BeadID(l.about.ID)) {
			return true
		}
	}
	return slices.Contains(o.Made, l.about.ID) || slices.Contains(l.beads, e.Bead) || slices.Contains(l.runs, e.Run)
}

func (l *links) hasAction(a *Action) bool {
	if l.about.Kind == KindAgent {
		return string(a.Agent) == l.about.ID
	}
	return string(a.Bead) == l.about.ID || string(a.Made) == l.about.ID
}

func ofEvent(e *Event, o *EventOutcome) Happening {
	h := Happening{What: string(o.Type), By: e.By, Agent: e.Agent, Bead: e.Bead, Run: e.Run, Reason: o.Reason, Outcome: o.Verdict}
	if h.Reason == "" && e.Payload != nil {
		h.Reason = clip(said(e.Payload), maxWords)
	}
	return h
}

func ofAction(a *Action) Happening {
	h := Happening{What: string(a.Kind), By: a.Rule, From: a.From, To: a.To, Agent: a.Agent, Bead: a.Bead, Run: a.Run, Reason: a.Reason}
	if a.Broken != "" {
		h.Reason = "not done: " + a.Broken
	}
	return h
}

func ofViolation(v *Violation) Happening {
	h := Happening{What: ViolationFound, By: fmt.Sprintf("invariant %d", v.Invariant), Reason: v.Message}
	switch {
	case v.State == ViolationResolved:
		h.What = ViolationOver
	case v.Recovered:
		h.Reason += "; mended at once"
	}
	return h
}

// joined puts what is not empty together.
func joined(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), sep)
}

// changes names what the update set.
func (p *BeadUpdated) changes() string {
	var set []string
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"title", p.Title != nil}, {"body", p.Body != nil}, {"priority", p.Priority != nil},
		{"labels", p.Labels != nil}, {"timeout", p.Timeout != nil}, {"metadata", p.Metadata != nil},
	} {
		if f.set {
			set = append(set, f.name)
		}
	}
	return strings.Join(set, ", ")
}

// found says what the look at a branch came to.
func (p *BranchVerified) found() string {
	switch {
	case p.Error != "":
		return p.Error
	case p.Astray != "":
		return p.Astray
	case len(p.Others) > 0:
		return fmt.Sprintf("%d commits ahead of its target, some of them of %s", p.Ahead, joined(", ", p.Others...))
	case p.Head == "":
		return "there is no such branch"
	}
	return fmt.Sprintf("%d commits ahead of its target", p.Ahead)
}
