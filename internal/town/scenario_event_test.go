package town

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// events reads the lines of a when: an event type, the agent or bead that it is about, run=N, by=…
// and the fields of its payload. A bead_created may go on with lines "bead …" and "convoy …" for a
// batch.
func (p *playground) events(input string) ([]Event, error) {
	var out []Event
	for line := range strings.Lines(input) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		w, err := parseWords(line)
		if err != nil {
			return nil, err
		}
		if err := p.eventLine(&out, w); err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
	}
	return out, nil
}

func (p *playground) eventLine(out *[]Event, w words) error {
	if word := w.plain[0]; word == "bead" || word == "convoy" {
		if len(*out) == 0 {
			return fmt.Errorf("a batch begins with bead_created")
		}
		batch, ok := (*out)[len(*out)-1].Payload.(*BeadCreated)
		if !ok {
			return fmt.Errorf("a batch begins with bead_created")
		}
		return p.batchLine(batch, w)
	}
	spec, ok := eventSpec(EventType(w.plain[0]))
	if !ok {
		return fmt.Errorf("unknown word %q", w.plain[0])
	}
	e := Event{Type: spec.Type, Payload: spec.New(), Created: p.now, By: "admin"}
	for _, id := range w.plain[1:] {
		if err := p.subject(&e, id); err != nil {
			return err
		}
	}
	if err := p.fields(&e, spec.EventSpec, w.pairs); err != nil {
		return err
	}
	if e.Agent != "" && e.Run == 0 && spec.From != FromPeople {
		return fmt.Errorf("say of which run it is: run=N")
	}
	*out = append(*out, e)
	return nil
}

// subject finds what an id names. A person may name what does not exist, marked with !.
func (p *playground) subject(e *Event, id string) error {
	name, unknown := strings.CutPrefix(id, "!")
	isBead, isAgent := p.s.beads[BeadID(name)] != nil, p.s.agents[AgentID(name)] != nil
	switch {
	case unknown && (isBead || isAgent):
		return fmt.Errorf("%s exists", name)
	case unknown && strings.HasPrefix(name, "gt-"), isBead && e.Bead == "":
		e.Bead = BeadID(name)
	case unknown, isAgent && e.Agent == "":
		e.Agent = AgentID(name)
	default:
		return fmt.Errorf("%s matches nothing", name)
	}
	return nil
}

func (p *playground) fields(e *Event, spec EventSpec, pairs []pair) error {
	targets := []any{e.Payload}
	var settings []pair
	for _, f := range pairs {
		switch {
		case f.key == "run":
			if err := assign(f, p.now, e); err != nil {
				return err
			}
			continue
		case f.key == "by":
			e.By = f.value
			continue
		case spec.Type == "bead_created":
			batch := e.Payload.(*BeadCreated)
			if len(batch.Beads) == 0 {
				batch.Beads = make([]NewBead, 1)
			}
			targets = []any{&batch.Beads[0]}
		}
		if err := assign(f, p.now, targets...); err != nil {
			settings = append(settings, f)
		}
	}
	if len(settings) == 0 {
		return nil
	}
	// What is no field of the payload is a configuration key, or wrong.
	var to *Settings
	switch x := e.Payload.(type) {
	case *TownConfigured:
		to = &x.Settings
	case *RigAdded:
		to = &x.Settings
	case *RigUpdated:
		to = &x.Settings
	default:
		return fmt.Errorf("%s has no %s", spec.Type, settings[0].key)
	}
	var err error
	*to, err = settingsOf(settings)
	return err
}

func (p *playground) batchLine(batch *BeadCreated, w words) error {
	if len(w.plain) > 1 {
		return fmt.Errorf("unknown word %q", w.plain[1])
	}
	var target any
	if w.plain[0] == "convoy" {
		batch.Convoy = new(NewConvoy)
		target = batch.Convoy
	} else {
		batch.Beads = append(batch.Beads, NewBead{})
		target = &batch.Beads[len(batch.Beads)-1]
	}
	for _, f := range w.pairs {
		if err := assign(f, p.now, target); err != nil {
			return err
		}
	}
	return nil
}

// doubled has every event delivered twice. What makes something new each time is left alone: that the
// same one does not come in twice is seen to by its event id, before the town.
func doubled(events []Event) []Event {
	var out []Event
	for _, e := range events {
		out = append(out, e)
		if !slices.Contains([]EventType{"bead_created", "agent_usage", "nudge_requested", "message_sent"}, e.Type) {
			out = append(out, e)
		}
	}
	return out
}

// describe prints an event as the files write it.
func describe(e *Event) string {
	var b strings.Builder
	b.WriteString(string(e.Type))
	for _, id := range []string{string(e.Agent), string(e.Bead)} {
		if id != "" {
			b.WriteString(" " + id)
		}
	}
	if e.Run != 0 {
		fmt.Fprintf(&b, " run=%d", e.Run)
	}
	if text := payloadWords(e.Payload); text != "" {
		b.WriteString(" " + text)
	}
	return b.String()
}

// payloadWords prints the strings of a payload that tell one event from another.
func payloadWords(payload Payload) string {
	if batch, ok := payload.(*BeadCreated); ok {
		var titles []string
		for _, n := range batch.Beads {
			titles = append(titles, n.Title)
		}
		return fmt.Sprintf("%q", titles)
	}
	data, err := json.Marshal(payload)
	if err != nil {
		return err.Error()
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		return err.Error()
	}
	var out []string
	for _, key := range []string{"title", "status", "result", "class", "gate", "branch", "commit", "commitsAhead", "error", "rig", "dependsOn", "resolution", "to", "nudge", "notice", "messages",
		"prUrl", "running", "failing", "unchecked", "awaitingApproval"} {
		if v, ok := fields[key]; ok && v != "" {
			out = append(out, fmt.Sprintf("%s=%v", key, v))
		}
	}
	return strings.Join(out, " ")
}
