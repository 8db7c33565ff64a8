package town

import (
	"fmt"
	"slices"
	"strings"
)

// scenarioStart is when every scenario begins; its files only know times relative to it.
const scenarioStart Time = 1_790_000_000_000

// A given builds the state line by line:
//
//	config KEY=VALUE…                      the town's configuration (agents.polecat is preset)
//	paused REASON…                         the town is paused
//	rig NAME [KEY=VALUE…]                  keys are branch, url and configuration overrides
//	bead ID TYPE STATUS rig=… [KEY=VALUE…] keys are those of the bead and of its typed part
//	attempt BEAD AGENT run=N outcome=… …   one more ended attempt of the bead
//	agent NAME [ROLE] [STATUS] [KEY=VALUE] one that holds a bead (hook) has assigned it and begun an attempt
//	dep ID needs|tracks|parent ID          the first waits for, is a member of, is a part of the second
//
// Moments are relative ("-5m"); what is not said is as the town itself would have made it now.
type given struct {
	p   *playground
	now Time
}

func (p *playground) given(input string) error {
	if p.s != nil {
		return fmt.Errorf("given is said once, at the beginning")
	}
	p.now = scenarioStart
	p.s = New("t", "Town", p.now)
	p.s.begin()
	g := given{p, p.now}
	p.s.editTown(func(t *Town) { t.Settings.Agents = map[Role]AgentCommand{Polecat: {Preset: "claude"}} })
	for line := range strings.Lines(input) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		w, err := parseWords(line)
		if err == nil {
			err = g.line(w)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
	}
	if err := g.checkNames(); err != nil {
		return err
	}
	p.s.seal()
	p.s.undo = nil
	p.begin()
	return nil
}

func (g given) line(w words) error {
	switch w.plain[0] {
	case "config":
		return g.config(w)
	case "paused":
		g.p.s.editTown(func(t *Town) { t.Paused, t.PausedReason = g.now, strings.Join(w.plain[1:], " ") })
		return nil
	case "rig":
		return g.rig(w)
	case "bead":
		return g.bead(w)
	case "attempt":
		return g.attempt(w)
	case "agent":
		return g.agent(w)
	case "dep":
		return g.dep(w)
	}
	return fmt.Errorf("unknown word %q", w.plain[0])
}

func (g given) config(w words) error {
	if len(w.plain) > 1 {
		return fmt.Errorf("unknown word %q", w.plain[1])
	}
	set, err := settingsOf(w.pairs)
	if err == nil {
		err = set.Validate()
	}
	if err != nil {
		return err
	}
	g.p.s.editTown(func(t *Town) {
		if set.Agents != nil && len(set.Agents) == 0 {
			t.Settings.Agents = nil
		}
		t.Settings = t.Settings.merge(set)
	})
	return nil
}

func (g given) rig(w words) error {
	if len(w.plain) != 2 {
		return fmt.Errorf("a rig has one name")
	}
	r := &Rig{ID: RigID(w.plain[1]), URL: "https://git.example/" + w.plain[1], DefaultBranch: "main", Created: g.now}
	if url, ok := w.take("url"); ok {
		r.URL = url
	}
	if branch, ok := w.take("branch"); ok {
		r.DefaultBranch = branch
	}
	var err error
	if r.Settings, err = settingsOf(w.pairs); err != nil {
		return err
	}
	g.p.s.set(r.ref(), r)
	return nil
}

func (g given) bead(w words) error {
	if len(w.plain) != 4 {
		return fmt.Errorf("say bead ID TYPE STATUS")
	}
	b := &Bead{
		ID: BeadID(w.plain[1]), Type: BeadType(w.plain[2]), Status: BeadStatus(w.plain[3]),
		Priority: Medium, Created: g.now, Updated: g.now, Since: g.now,
	}
	if g.p.s.beads[b.ID] != nil {
		return fmt.Errorf("there is a bead %s already", b.ID)
	}
	b.Title = "Bead " + string(b.ID)
	targets := []any{b}
	switch b.Type {
	case MergeRequest:
		b.Merge = &MergePart{Target: "main", Head: "cafe"}
		targets = append(targets, b.Merge)
	case Convoy:
		b.Convoy = &ConvoyPart{Mode: ReviewAndMerge}
		targets = append(targets, b.Convoy)
	case Escalation:
		b.Escalation = &EscalationPart{Severity: SeverityMedium, Category: "help", Cause: string(b.ID)}
		targets = append(targets, b.Escalation)
	case Issue, Message, TriageRequest, Molecule:
	default:
		return fmt.Errorf("there is no type %q", b.Type)
	}
	switch b.Status {
	case Open, InProgress, InReview:
	case Closed, Failed:
		b.Closed = g.now
	default:
		return fmt.Errorf("there is no status %q", b.Status)
	}
	if code, ok := w.take("failure"); ok {
		b.Failure = &Failure{Code: code, Message: code}
	}
	for _, p := range w.pairs {
		if err := assign(p, g.now, targets...); err != nil {
			return err
		}
	}
	g.p.s.editCounters(func(n *Counters) {
		n.LastOrder++
		b.Order = n.LastOrder
	})
	g.p.s.set(b.ref(), b)
	return nil
}

func (g given) attempt(w words) error {
	if len(w.plain) != 3 || g.p.s.beads[BeadID(w.plain[1])] == nil {
		return fmt.Errorf("say attempt BEAD AGENT, of a bead said before")
	}
	at := Attempt{Agent: AgentID(w.plain[2]), Started: g.now, Ended: g.now, Outcome: AttemptFailed, Fault: AgentFault}
	for _, p := range w.pairs {
		if err := assign(p, g.now, &at); err != nil {
			return err
		}
	}
	b := g.p.s.beads[BeadID(w.plain[1])].clone()
	b.Attempts = append(b.Attempts, at)
	g.p.s.set(b.ref(), b)
	g.ran(at.Run)
	return nil
}

func (g given) ran(run Run) {
	g.p.s.editCounters(func(n *Counters) { n.LastRun = max(n.LastRun, run) })
}

func (g given) agent(w words) error {
	if len(w.plain) < 2 {
		return fmt.Errorf("an agent has a name")
	}
	a := &Agent{ID: AgentID(w.plain[1]), Role: Polecat, Status: Idle, Since: g.now, Created: g.now, LastWork: g.now}
	for _, word := range w.plain[2:] {
		switch {
		case slices.Contains([]Role{Polecat, Refinery, Mayor, Triage}, Role(word)):
			a.Role = Role(word)
		case slices.Contains([]AgentStatus{Idle, Working, Stalled, Dead, Waiting}, AgentStatus(word)):
			a.Status = AgentStatus(word)
		default:
			return fmt.Errorf("unknown word %q", word)
		}
	}
	if a.Status == Working {
		a.Dispatched, a.Dispatch, a.Observed, a.ObservedSince = g.now, DispatchSure, Running, g.now
	}
	for _, p := range w.pairs {
		if err := assign(p, g.now, a); err != nil {
			return err
		}
	}
	g.p.s.set(a.ref(), a)
	g.ran(a.Run)
	if b := g.p.s.beads[a.Hook]; b != nil && b.Status == InProgress && b.Assignee == "" {
		b = b.clone()
		b.Assignee = a.ID
		if at := b.lastAttempt(); at == nil || at.Run != a.Run {
			b.Attempts = append(b.Attempts, Attempt{Run: a.Run, Agent: a.ID, Started: max(a.Dispatched, b.Since)})
		}
		g.p.s.set(b.ref(), b)
	}
	return nil
}

var depWords = map[string]DepKind{"needs": Blocks, "tracks": Tracks, "parent": Parent}

func (g given) dep(w words) error {
	if len(w.plain) != 4 || depWords[w.plain[2]] == "" || len(w.pairs) > 0 {
		return fmt.Errorf("say dep ID needs|tracks|parent ID")
	}
	d := &Dependency{Bead: BeadID(w.plain[1]), On: BeadID(w.plain[3]), Kind: depWords[w.plain[2]], Created: g.now}
	for _, id := range []BeadID{d.Bead, d.On} {
		if g.p.s.beads[id] == nil {
			return fmt.Errorf("there is no bead %s", id)
		}
	}
	g.p.s.set(d.ref(), d)
	return nil
}

// checkNames makes sure that every name in the given means something; !NAME is one that must not
// exist, and loses the mark.
func (g given) checkNames() error {
	s := g.p.s
	for _, id := range sortedKeys(s.beads) {
		b := s.beads[id].clone()
		err := knownName(&b.Assignee, s.agents)
		if err == nil && b.Rig != "" {
			err = knownName(&b.Rig, s.rigs)
		}
		if err == nil && b.Merge != nil {
			err = knownName(&b.Merge.Source, s.beads)
		}
		if err == nil && b.Escalation != nil {
			err = knownName(&b.Escalation.About, s.beads)
		}
		if err != nil {
			return fmt.Errorf("bead %s: %w", id, err)
		}
		s.set(b.ref(), b)
	}
	for _, id := range sortedKeys(s.agents) {
		a := s.agents[id].clone()
		err := knownName(&a.Hook, s.beads)
		if err == nil {
			err = knownName(&a.Rig, s.rigs)
		}
		if err != nil {
			return fmt.Errorf("agent %s: %w", id, err)
		}
		s.set(a.ref(), a)
	}
	return nil
}

func knownName[K ~string, E any](id *K, known map[K]*E) error {
	if *id == "" {
		return nil
	}
	name, unknown := strings.CutPrefix(string(*id), "!")
	if *id = K(name); (known[*id] == nil) != unknown {
		return fmt.Errorf("%q: a name must exist, or not exist if it is written with !", *id)
	}
	return nil
}
