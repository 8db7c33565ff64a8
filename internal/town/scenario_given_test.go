package town

import (
	"errors"
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
//	bead ID TYPE STATUS rig=… [KEY=VALUE…] keys are those of the bead and of its typed part;
//	                                       pr=N gives a merge request a pull request (scenario_pull_test.go)
//	attempt BEAD AGENT run=N outcome=… …   one more ended attempt of the bead
//	agent NAME [ROLE] [STATUS] [KEY=VALUE] one that holds a bead (hook) has assigned it and begun an attempt
//	breaker ID failures=N [KEY=VALUE…]     N starts failed, at=… (now); ID is town/CLASS or rig:NAME/CLASS
//	nudge ID agent=… [KEY=VALUE…]          a queued one, if it is not said to be delivered or expired
//	dep ID needs|tracks|parent ID [created=…]  the first waits for, is a member of, is a part of the second
//	town KEY=VALUE…                        since when it is paused or draining, and so on
//	usage KEY=VALUE…                       what was used on a day
//	counters KEY=VALUE…                    what the town counts; said last, it may be wrong
//
// Anything may be damaged: status=, type=, role= take any word, part=lost takes the typed part off a
// bead and part=TYPE adds that of another type, and !NAME names what does not exist.
//
// Moments are relative ("-5m") or never; what is not said is as the town itself would have made it now.
type given struct {
	p   *playground
	now Time
}

func (p *playground) given(input string) error {
	if p.s != nil {
		return fmt.Errorf("given is said once, at the beginning")
	}
	p.now = scenarioStart
	p.s = New("t", "Town", testHistory, p.now)
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
	for _, b := range p.s.Beads() {
		if t := p.s.tally(b.ID); b.Convoy != nil && b.Convoy.Members == 0 && b.Convoy.Done == 0 && t.all > 0 {
			c := b.clone()
			c.Convoy.Members, c.Convoy.Done = t.all, t.closed
			p.s.set(c.ref(), c)
		}
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
	case "breaker":
		return g.breaker(w)
	case "dep":
		return g.dep(w)
	case "nudge":
		return g.nudge(w)
	case "counters":
		return g.counters(w)
	case "town", "usage":
		return g.books(w)
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
		targets = append(targets, b.Escalation, &b.Escalation.Notice)
	case TriageRequest:
		b.Triage, b.Timeout = &TriagePart{Kind: TriageHelp, Cause: string(b.ID)}, TriageTimeout
		targets = append(targets, b.Triage)
	case Message:
		b.Message = &MessagePart{From: "admin", To: ToPeople}
		targets = append(targets, b.Message)
	case Issue, Molecule:
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
	part, _ := w.take("part")
	pull := w.takePull()
	slices.Reverse(targets) // the branch of a request or convoy is that of its part
	for _, p := range w.pairs {
		if err := assign(p, g.now, targets...); err != nil {
			return err
		}
	}
	if b.Triage != nil {
		b.Triage.Options = optionsOf(b.Triage.Kind)
	}
	if err := damagePart(b, part); err != nil {
		return err
	}
	if err := g.pull(b, pull); err != nil {
		return err
	}
	g.p.s.editCounters(func(n *Counters) {
		n.LastOrder++
		b.Order = n.LastOrder
	})
	g.p.s.set(b.ref(), b)
	return nil
}

// damagePart takes the typed part off a bead, or adds one that is not of its type.
func damagePart(b *Bead, part string) error {
	switch BeadType(part) {
	case "":
	case "lost":
		b.Merge, b.Convoy, b.Escalation, b.Triage = nil, nil, nil, nil
	case MergeRequest:
		b.Merge = &MergePart{}
	case Convoy:
		b.Convoy = &ConvoyPart{}
	case Escalation:
		b.Escalation = &EscalationPart{}
	case TriageRequest:
		b.Triage = &TriagePart{}
	default:
		return fmt.Errorf("there is no part %q", part)
	}
	return nil
}

func (g given) counters(w words) error {
	n := g.p.s.counters.clone()
	for _, p := range w.pairs {
		if err := assign(p, g.now, n); err != nil {
			return err
		}
	}
	g.p.s.set(n.ref(), n)
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

func (g given) breaker(w words) error {
	if len(w.plain) != 2 {
		return fmt.Errorf("say breaker ID")
	}
	scope, class, ok := strings.Cut(w.plain[1], "/")
	rig, isRig := strings.CutPrefix(scope, "rig:")
	if !ok || (scope != "town" && (!isRig || g.p.s.rigs[RigID(rig)] == nil && !strings.HasPrefix(rig, "!"))) {
		return fmt.Errorf("a breaker is town/CLASS or rig:NAME/CLASS, of a rig said before")
	}
	k := &Breaker{Rig: RigID(strings.TrimPrefix(rig, "!")), Class: class}
	if !isRig {
		k.Rig = ""
	}
	at, n := g.now, 0
	if text, ok := w.take("failures"); ok {
		if _, err := fmt.Sscan(text, &n); err != nil {
			return fmt.Errorf("failures=%s: %w", text, err)
		}
	}
	if text, ok := w.take("at"); ok {
		var err error
		if at, err = parseTime(text, g.now); err != nil {
			return err
		}
	}
	for range n {
		k.Failures = append(k.Failures, at)
	}
	for _, p := range w.pairs {
		if err := assign(p, g.now, k); err != nil {
			return err
		}
	}
	g.p.s.set(k.ref(), k)
	return nil
}

var depWords = map[string]DepKind{"needs": Blocks, "tracks": Tracks, "parent": Parent}

func (g given) dep(w words) error {
	if len(w.plain) != 4 || depWords[w.plain[2]] == "" {
		return fmt.Errorf("say dep ID needs|tracks|parent ID")
	}
	d := &Dependency{Bead: BeadID(w.plain[1]), On: BeadID(w.plain[3]), Kind: depWords[w.plain[2]], Created: g.now}
	for _, p := range w.pairs {
		if err := assign(p, g.now, d); err != nil {
			return err
		}
	}
	for _, id := range []*BeadID{&d.Bead, &d.On} {
		if err := knownName(id, g.p.s.beads); err != nil {
			return fmt.Errorf("there is no bead %s: %w", *id, err)
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
		for _, id := range madeNames(b) {
			err = errors.Join(err, knownName(id, s.beads))
		}
		if err == nil {
			err = knownName(&b.Parent, s.beads)
		}
		if err == nil && b.Convoy != nil {
			err = knownName(&b.Convoy.LandingRequest, s.beads)
		}
		if err == nil && b.Escalation != nil {
			err = knownName(&b.Escalation.About, s.beads)
		}
		if err == nil && b.Triage != nil {
			err = errors.Join(knownName(&b.Triage.About, s.beads), knownName(&b.Triage.Agent, s.agents))
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
	for _, id := range sortedKeys(s.breakers) {
		k := s.breakers[id].clone()
		if err := knownName(&k.ProbeBead, s.beads); err != nil {
			return fmt.Errorf("breaker %s: %w", id, err)
		}
		s.set(k.ref(), k)
	}
	for _, id := range sortedKeys(s.nudges) {
		n := s.nudges[id].clone()
		if err := knownName(&n.Agent, s.agents); err != nil {
			return fmt.Errorf("nudge %s: %w", id, err)
		}
		s.set(n.ref(), n)
	}
	return nil
}

func (g given) nudge(w words) error {
	if len(w.plain) != 2 || g.p.s.nudges[NudgeID(w.plain[1])] != nil {
		return fmt.Errorf("say nudge ID, a new one")
	}
	n := &Nudge{ID: NudgeID(w.plain[1]), Status: NudgeQueued, Message: "Go on.", Source: "admin", Created: g.now}
	for _, p := range w.pairs {
		if err := assign(p, g.now, n); err != nil {
			return err
		}
	}
	if n.Expires == 0 {
		n.Expires = n.Created.Add(NudgeLife)
	}
	g.p.s.set(n.ref(), n)
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
