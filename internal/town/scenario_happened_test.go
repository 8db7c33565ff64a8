package town

import (
	"fmt"
	"strings"
)

// happenedAll tells what happened to beads and agents, from the recorded ticks and their events.
func (p *playground) happenedAll(ids []string) (string, error) {
	if len(ids) == 0 {
		return "", fmt.Errorf("say what happened to what")
	}
	var b strings.Builder
	for _, id := range ids {
		told, err := p.happenedTo(id)
		if err != nil {
			return "", err
		}
		if told == "" {
			return "", fmt.Errorf("nothing has happened to %s", id)
		}
		b.WriteString(told)
	}
	return b.String(), nil
}

func (p *playground) happenedTo(id string) (string, error) {
	kind := KindBead
	if !strings.HasPrefix(id, "gt-") {
		kind = KindAgent
	}
	var b strings.Builder
	for _, data := range p.history {
		rec, err := DecodeTick(data)
		if err != nil {
			return "", err
		}
		list, err := Happened(About{kind, id}, rec, p.sent)
		if err != nil {
			return "", err
		}
		for i := range list {
			b.WriteString(showHappening(&list[i]))
		}
	}
	return b.String(), nil
}

// showHappening prints one thing on a line: its tick and place there, what, whose, and why.
func showHappening(h *Happening) string {
	text := fmt.Sprintf("%d.%d %s", h.Tick, h.Part, h.What)
	for _, word := range []string{string(h.Agent), string(h.Bead)} {
		if word != "" {
			text += " " + word
		}
	}
	if h.Run != 0 {
		text += fmt.Sprintf(" run=%d", h.Run)
	}
	if h.To != "" {
		text += fmt.Sprintf(" %s->%s", h.From, h.To)
	}
	if h.Outcome != "" && h.Outcome != Applied {
		text += " (" + string(h.Outcome) + ")"
	}
	if h.Reason != "" {
		text += ": " + h.Reason
	}
	return withRule(text, h.By)
}
