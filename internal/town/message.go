package town

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// ToPeople is the recipient of messages that are for people.
const ToPeople = "people"

// maxMail bounds the unread messages of one recipient.
const maxMail = 200

// MessagePart is what a message has beyond a bead.
type MessagePart struct {
	From string `json:"from" share:"keep"`
	To   string `json:"to" share:"keep"` // an agent, or ToPeople
	Read Time   `json:"read,omitempty"`
}

func codeMessagePart(c *coder, m *MessagePart) {
	codeString(c, &m.From)
	codeString(c, &m.To)
	codeInt(c, &m.Read)
}

// MailOf lists the unread messages of a recipient, the oldest first.
func (s *State) MailOf(to string) []*Bead {
	var out []*Bead
	for _, id := range s.ix.mailOf[AgentID(to)] {
		out = append(out, s.beads[id])
	}
	slices.SortFunc(out, func(a, b *Bead) int { return cmp.Compare(a.Order, b.Order) })
	return out
}

func (p *MessageSent) apply(t *tick, e *Event) *Refusal {
	if e.Agent != "" {
		if _, _, r := t.atWork(e); r != nil {
			return r
		}
	}
	to := t.s.agents[AgentID(p.To)]
	if p.To != ToPeople && to == nil {
		return notFound("to", "there is no agent %s in this town; for people write to %s", p.To, ToPeople)
	}
	if r := checkText(p.Subject, p.Body); r != nil {
		if r.Field == "title" {
			r.Field = "subject"
		}
		return r
	}
	if n := len(t.s.ix.mailOf[AgentID(p.To)]); n >= maxMail {
		return conflict("%s has %d unread messages", p.To, n)
	}
	made := t.addBead(Bead{
		Type: Message, Title: p.Subject, Body: p.Body, CreatedBy: e.By, Message: &MessagePart{From: e.By, To: p.To},
	})
	t.maker(string(made.ID))
	if to != nil && to.hears() && len(t.s.NudgesOf(to.ID)) < MaxNudges {
		t.addNudge(Nudge{
			Agent: to.ID, Run: to.Run, Source: e.By, Message: fmt.Sprintf("Message from %s: %s. Read it with `gastown mail`.", e.By, p.Subject),
		})
	}
	return nil
}

func (p *MessageRead) apply(t *tick, e *Event) *Refusal {
	if e.Agent != "" {
		if _, _, r := t.atWork(e); r != nil {
			return r
		}
	}
	if len(p.Messages) == 0 {
		return invalid("messages", "is empty")
	}
	for _, id := range p.Messages {
		b := t.s.beads[id]
		switch {
		case b == nil:
			return notFound("messages", "there is no message %s in this town", id)
		case b.Message == nil:
			return conflict("%s is no message: its type is %s", id, b.Type)
		case e.Agent != "" && b.Message.To != string(e.Agent):
			return &Refusal{Verdict: Rejected, Code: CodeForbidden, Field: "messages", Reason: fmt.Sprintf("%s is for %s", id, b.Message.To)}
		}
	}
	read := 0
	for _, id := range p.Messages {
		if !t.s.beads[id].Live() {
			continue
		}
		read++
		t.moveBead(id, Closed, func(b *Bead) {
			b.Message.Read = t.now
			finish(b, string(OutcomeDone), "read by "+e.By)
		})
	}
	if read == 0 {
		return ignore("read before: %s", strings.Join(idStrings(p.Messages), ", "))
	}
	return nil
}

func idStrings(ids []BeadID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return out
}

// mail says whom a message waits for, and closes what nobody is left to read.
func mail(s *State, _ Time, b *Bead) Look {
	to := ToPeople
	if b.Message != nil {
		to = b.Message.To
	}
	switch {
	case to == ToPeople:
		return wait(WaitNeedsPerson, 0, "", "waits for a person to read it")
	case s.agents[AgentID(to)] == nil:
		return act(closeBead(b, OutcomeDone, "its recipient "+to+" has left the books"))
	}
	return wait(WaitUnread, 0, to, "waits for "+to+" to read it")
}

// molecule closes a workflow whose parts are over.
func molecule(s *State, _ Time, b *Bead) Look {
	parts := s.neededBy(b.ID, Parent)
	for _, d := range parts {
		if p := s.beads[d.Bead]; p != nil && p.Live() {
			return wait(WaitBlocked, 0, string(p.ID), "its part "+string(p.ID)+" is "+string(p.Status))
		}
	}
	if len(parts) == 0 {
		return wait(WaitNeedsPerson, 0, "", "it has no parts: give it some, or cancel it")
	}
	return act(closeBead(b, OutcomeDone, "all its parts are over"))
}
