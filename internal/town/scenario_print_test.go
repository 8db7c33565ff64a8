package town

import (
	"fmt"
	"strings"
	"time"
)

// quiet is what a command prints that did nothing.
const quiet = "nothing\n"

func lines[E any](items []E, line func(E) string) string {
	var b strings.Builder
	for _, it := range items {
		b.WriteString(line(it) + "\n")
	}
	if b.Len() == 0 {
		return quiet
	}
	return b.String()
}

// since prints a moment relative to the beginning.
func since(t Time) string {
	d := t.Since(scenarioStart)
	if d < 0 {
		return d.String()
	}
	return "+" + d.String()
}

// withRule puts the rule into a column of its own.
func withRule(text, rule string) string { return fmt.Sprintf("%-58s %s\n", text, rule) }

// print tells what a tick did.
func (p *playground) print(events []Event, rec *Tick) string {
	var b strings.Builder
	for i := range rec.Events {
		o := &rec.Events[i]
		if i < len(events) {
			b.WriteString("> " + describe(&events[i]))
		} else {
			b.WriteString("> " + string(o.Type))
		}
		if o.Verdict != Applied {
			reason := o.Reason
			if o.Field != "" {
				reason = o.Field + " " + reason
			}
			fmt.Fprintf(&b, "   %s: %s", o.Verdict, relative(reason))
		}
		b.WriteByte('\n')
		for _, id := range o.Made {
			b.WriteString("made " + id + "\n")
		}
	}
	for i := range rec.Actions {
		a := &rec.Actions[i]
		b.WriteString(withRule("do   "+doing(a), a.Rule))
		if a.Broken != "" {
			b.WriteString("     broken: " + a.Broken + "\n")
		}
	}
	for _, v := range rec.Violations {
		fmt.Fprintf(&b, "! %d %s\n", v.Invariant, v.Message)
	}
	return b.String()
}

// relative puts times in texts as relative to the beginning.
func relative(text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		if t, err := time.Parse(time.RFC3339Nano, w); err == nil {
			words[i] = since(TimeOf(t))
		}
	}
	return strings.Join(words, " ")
}

// doing prints an action: what it is about and how it changes.
func doing(a *Action) string {
	words := []string{string(a.Kind)}
	for _, w := range []string{string(a.Agent), string(a.Bead)} {
		if w != "" {
			words = append(words, w)
		}
	}
	switch a.Kind {
	case TransitionBead, TransitionAgent:
		words = append(words, a.From+"->"+a.To)
	case DispatchAgent, StopAgent:
		words = append(words, fmt.Sprintf("run=%d", a.Run))
	case CreateAgent:
		words = append(words, string(a.Role))
	case UpdateConvoyProgress:
		words = append(words, fmt.Sprintf("%d/%d", a.N, a.Total))
	}
	if a.Code != "" {
		words = append(words, a.Code)
	}
	if a.Ends != "" {
		words = append(words, "ends="+a.Ends)
	}
	return strings.Join(words, " ")
}

// newWaits prints the first wait of each live bead where it is not the one printed last.
func (p *playground) newWaits() string {
	var b strings.Builder
	for _, bead := range p.s.Beads() {
		id := string(bead.ID)
		text := ""
		if w, _ := p.s.Why(id, p.now); bead.Live() && len(w.Waits) > 0 && len(w.Due) == 0 {
			text = withRule("wait "+id+" "+waiting(&w.Waits[0]), w.Waits[0].Rule)
		}
		if text != p.waits[id] {
			b.WriteString(text)
			p.waits[id] = text
		}
	}
	return b.String()
}

func waiting(w *Wait) string {
	if w.Until == 0 {
		return w.Reason
	}
	return w.Reason + " until " + since(w.Until)
}

func (p *playground) whyAll(ids []string) (string, error) {
	if len(ids) == 0 {
		return "", fmt.Errorf("say why of what")
	}
	var b strings.Builder
	for _, id := range ids {
		w, ok := p.s.Why(id, p.now)
		if !ok {
			return "", fmt.Errorf("%s matches nothing", id)
		}
		b.WriteString(w.Summary + "\n")
		for i := range w.Due {
			b.WriteString(withRule("due  "+doing(&w.Due[i]), w.Due[i].Rule))
		}
		for i := range w.Waits {
			b.WriteString(withRule("wait "+waiting(&w.Waits[i]), w.Waits[i].Rule))
		}
	}
	return b.String(), nil
}

func (p *playground) show(ids []string) (string, error) {
	if len(ids) == 0 {
		return p.showAll(), nil
	}
	var b strings.Builder
	for _, id := range ids {
		switch {
		case p.s.beads[BeadID(id)] != nil:
			b.WriteString(showBead(p.s.beads[BeadID(id)]))
		case p.s.agents[AgentID(id)] != nil:
			b.WriteString(showAgent(p.s.agents[AgentID(id)]))
		default:
			return "", fmt.Errorf("%s matches nothing", id)
		}
	}
	return b.String(), nil
}

func (p *playground) showAll() string {
	var b strings.Builder
	for _, bead := range p.s.Beads() {
		b.WriteString(showBead(bead))
	}
	for _, a := range p.s.Agents() {
		b.WriteString(showAgent(a))
	}
	for _, key := range sortedKeys(p.s.deps) {
		b.WriteString("dep " + key + "\n")
	}
	return b.String()
}

// shown collects what is worth printing of an entity.
type shown struct{ words []string }

func (s *shown) add(key string, value any) {
	if text := fmt.Sprint(value); text != "" && text != "0" && text != "false" && text != "never" {
		s.words = append(s.words, key+"="+text)
	}
}

func (s *shown) line() string { return strings.Join(s.words, " ") + "\n" }

func showBead(b *Bead) string {
	s := shown{[]string{string(b.ID), string(b.Type), string(b.Status)}}
	s.add("assignee", b.Assignee)
	if b.Priority != Medium {
		s.add("priority", b.Priority)
	}
	s.add("labels", strings.Join(b.Labels, ","))
	if b.Held != 0 {
		s.add("held", since(b.Held))
	}
	s.add("outcome", b.Outcome)
	if b.Failure != nil {
		s.add("failure", fmt.Sprintf("%s %q", b.Failure.Code, b.Failure.Message))
	}
	s.add("forgiven", b.Forgiven)
	s.add("checkpoint", b.Checkpoint)
	if m := b.Merge; m != nil {
		s.add("source", m.Source)
		s.add("branch", m.Branch)
		s.add("target", m.Target)
		s.add("head", m.Head)
		s.add("verify", m.Verify)
		s.add("reworks", m.Reworks)
		s.add("commit", m.MergeCommit)
	}
	if c := b.Convoy; c != nil {
		s.add("mode", c.Mode)
		s.add("branch", c.Branch)
		s.add("done", fmt.Sprintf("%d/%d", c.Done, c.Members))
		s.add("staged", c.Staged)
		s.add("ready", c.Ready)
		s.add("landings", c.Landings)
	}
	if e := b.Escalation; e != nil {
		s.add("severity", e.Severity)
		s.add("about", e.About)
	}
	out := s.line()
	for _, at := range b.Attempts {
		a := shown{[]string{"  attempt", string(at.Agent)}}
		a.add("run", at.Run)
		a.add("outcome", at.Outcome)
		a.add("fault", at.Fault)
		a.add("reason", at.Reason)
		out += a.line()
	}
	return out
}

func showAgent(a *Agent) string {
	s := shown{[]string{string(a.ID), string(a.Role), string(a.Status)}}
	s.add("hook", a.Hook)
	s.add("run", a.Run)
	s.add("dispatch", a.Dispatch)
	s.add("observed", a.Observed)
	if a.Stopping != 0 {
		s.add("stopping", since(a.Stopping))
	}
	s.add("status", a.StatusLine)
	return s.line()
}
