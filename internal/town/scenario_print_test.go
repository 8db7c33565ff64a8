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
		text := relative(v.Message)
		switch {
		case v.State == ViolationResolved:
			text = v.ID + " over"
		case v.Recovered:
			text += " (recovered)"
		}
		fmt.Fprintf(&b, "! %d %s\n", v.Invariant, text)
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
	for _, w := range []string{string(a.Agent), string(a.Bead), a.Breaker} {
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
	case CreateEscalation:
		words = append(words, string(a.Made), string(a.Severity), fmt.Sprintf("%q", a.Title))
	case RepairField:
		if a.Nudge != "" {
			words = append(words, string(a.Nudge))
		}
		words = append(words, a.Code)
		if a.From+a.To != "" {
			words = append(words, relative(a.From)+"->"+relative(a.To))
		}
		return strings.Join(words, " ")
	case RemoveDependency:
		return strings.Join(append(words, a.Code, a.To), " ")
	case CreateTriageRequest:
		words = append(words, string(a.Made), a.Category, fmt.Sprintf("%q", a.Title))
	case CreateNudge:
		words = append(words, string(a.Nudge), a.Category)
	case SendNudge, ExpireNudge, DeleteNudge:
		words = append(words, string(a.Nudge))
		if a.N > 1 {
			words = append(words, fmt.Sprintf("try=%d", a.N))
		}
	case ReEscalate:
		words = append(words, fmt.Sprint(a.N))
	case Notify:
		words = append(words, fmt.Sprintf("notice=%d try=%d", a.Total, a.N))
	case CreateBead:
		words = append(words, string(a.Made))
	case PollPR, MergePR:
		words = append(words, fmt.Sprintf("try=%d", a.N))
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
		case p.s.breakers[id] != nil:
			b.WriteString(showBreaker(p.s.breakers[id]))
		case id == "usage" && p.s.usage != nil:
			b.WriteString(showUsage(p.s.usage))
		case p.s.nudges[NudgeID(id)] != nil:
			b.WriteString(showNudge(p.s.nudges[NudgeID(id)]))
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
	for _, k := range p.s.Breakers() {
		if k.Opened != 0 {
			b.WriteString(showBreaker(k))
		}
	}
	if u := p.s.usage; u != nil {
		b.WriteString(showUsage(u))
	}
	for _, id := range sortedKeys(p.s.nudges) {
		b.WriteString(showNudge(p.s.nudges[id]))
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
	s.add("branch", b.Branch)
	s.add("forgiven", b.Forgiven)
	s.add("checkpoint", b.Checkpoint)
	s.parts(b)
	out := s.line()
	for _, at := range b.Attempts {
		a := shown{[]string{"  attempt", string(at.Agent)}}
		a.add("run", at.Run)
		a.add("outcome", at.Outcome)
		a.add("fault", at.Fault)
		a.add("reason", at.Reason)
		a.add("tokens", at.Tokens)
		out += a.line()
	}
	return out
}

// parts prints what a bead has by its type.
func (s *shown) parts(b *Bead) {
	if m := b.Merge; m != nil {
		s.add("source", m.Source)
		s.add("branch", m.Branch)
		s.add("target", m.Target)
		s.add("head", m.Head)
		s.add("verify", m.Verify)
		s.add("reworks", m.Reworks)
		s.add("commit", m.MergeCommit)
		s.add("before", m.Before)
		s.add("moved", m.Moved)
		if p := m.Push; p != nil {
			s.add("push", p.Commit)
			s.add("pushed", p.Pushed)
			s.add("looks", p.Looks)
			s.add("lost", p.Lost)
		}
		if o := m.Obstacle; o != nil {
			s.add("obstacle", fmt.Sprintf("%s*%d", o.Code, o.Times))
		}
		if m.PR != nil {
			showPull(s, m.PR)
		}
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
		if e.Acknowledged != 0 {
			s.add("acknowledged", since(e.Acknowledged))
		}
		s.add("raised", e.Raised)
		s.add("told", e.Notice.Told)
		s.add("request", e.Request)
	}
	if x := b.Triage; x != nil {
		s.add("kind", x.Kind)
		s.add("about", x.About)
		s.add("resolution", x.Resolution)
		s.add("by", x.ResolvedBy)
		s.add("note", x.Note)
	}
	if m := b.Message; m != nil {
		s.add("from", m.From)
		s.add("to", m.To)
	}
}

func showBreaker(k *Breaker) string {
	s := shown{[]string{"breaker", k.ID()}}
	s.add("failures", len(k.Failures))
	if k.Opened != 0 {
		s.add("opened", since(k.Opened))
	}
	s.add("probe", k.Probe)
	return s.line()
}

func showUsage(u *Usage) string {
	s := shown{[]string{"usage"}}
	s.add("tokens", u.Tokens)
	s.add("cached", u.Cached)
	s.add("cost", usd(u.Micros))
	return s.line()
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
	if a.Inactive != 0 {
		s.add("inactive", since(a.Inactive))
	}
	s.add("tools", strings.Join(a.ActiveTools, ","))
	return s.line()
}

func showNudge(n *Nudge) string {
	s := shown{[]string{string(n.ID), "nudge", string(n.Status), string(n.Agent)}}
	s.add("run", n.Run)
	s.add("tier", n.Tier)
	s.add("source", n.Source)
	s.add("try", n.Try)
	s.add("error", n.Error)
	s.add("message", fmt.Sprintf("%q", n.Message))
	return s.line()
}

func (p *playground) prompt(ids []string) (string, error) {
	if len(ids) == 0 {
		return "", fmt.Errorf("say the prompt of which agent")
	}
	var b strings.Builder
	for _, id := range ids {
		a := p.s.agents[AgentID(id)]
		if a == nil || p.s.beads[a.Hook] == nil {
			return "", fmt.Errorf("%s matches no agent that holds a bead", id)
		}
		// A blank line would end what a command prints.
		text := strings.Split(strings.TrimSpace(p.s.Prompt(a, p.s.beads[a.Hook])), "\n")
		for _, line := range text {
			b.WriteString(strings.TrimRight("| "+line, " ") + "\n")
		}
	}
	return b.String(), nil
}
