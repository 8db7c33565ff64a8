package town

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// variant is a way to run a file that must come to the same end.
type variant struct{ twice, crash bool }

// failer is what a playground needs of a test, be it one of the testing package or of rapid.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// playground is a town in a scenario, with its history and everything that is checked of it.
type playground struct {
	variant
	t   failer
	s   *State
	now Time
	seq Seq
	// unchecked skips what costs time, for tests that look at something else.
	unchecked bool

	base    []byte   // snapshot of the given
	history [][]byte // the recorded ticks since
	sent    []Event  // what they took
	shadow  *State   // follows the history alone
	used    map[BeadID]bool
	told    map[int]int64 // violations on record, by invariant

	effects []Effect // not answered yet
	planned *Tick
	last    *Tick
	waits   map[string]string // what was printed last of each bead
	codes   *waitCodes        // kinds of waits that were seen; nil if nobody counts them
}

// run carries one command out and returns what it prints.
func (p *playground) run(t *testing.T, d *datadriven.TestData) string {
	p.t = t
	out, err := p.command(d)
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	if p.crash && p.s != nil {
		p.recover()
	}
	return out
}

func (p *playground) command(d *datadriven.TestData) (string, error) {
	switch {
	case d.Cmd == "given" && len(d.CmdArgs) == 0:
		return "ok", p.given(d.Input)
	case p.s == nil:
		return "", fmt.Errorf("the file must begin with given")
	case d.Input != "" && d.Cmd != "when":
		return "", fmt.Errorf("%s takes no lines", d.Cmd)
	}
	var args []string
	for _, a := range d.CmdArgs {
		args = append(args, a.String())
	}
	if p.planned != nil && d.Cmd != "tick" && d.Cmd != "advance" {
		return "", fmt.Errorf("a plan must be followed by a tick")
	}
	switch d.Cmd {
	case "why":
		return p.whyAll(args)
	case "happened":
		return p.happenedAll(args)
	case "show":
		return p.show(args)
	case "prompt":
		return p.prompt(args)
	case "advance":
		return p.advance(args)
	case "asleep":
		return p.asleep(args)
	case "outcomes":
		return p.outcomes(args)
	}
	if len(args) > 0 {
		return "", fmt.Errorf("%s takes no %s", d.Cmd, args[0])
	}
	switch d.Cmd {
	case "when":
		events, err := p.events(d.Input)
		if err != nil || len(events) == 0 {
			return "", fmt.Errorf("when needs events: %w", err)
		}
		return p.tick(events), nil
	case "tick":
		return p.tick(nil), nil
	case "plan":
		p.planned = p.s.Plan(Input{Now: p.now})
		if p.planned.Empty() {
			return quiet, nil
		}
		return p.print(nil, p.planned), nil
	case "crash":
		p.recover()
		p.effects = p.s.Outstanding()
		return lines(p.effects, func(e Effect) string { return "again " + e.ID }), nil
	}
	return "", fmt.Errorf("unknown word %q", d.Cmd)
}

// begin takes the state that was given as the beginning of the history.
func (p *playground) begin() {
	p.base, p.used, p.waits = p.s.Snapshot(), map[BeadID]bool{}, map[string]string{}
	p.shadow = p.restored(p.base)
	p.told = map[int]int64{}
	for i := range invariants {
		p.told[invariants[i].Number] = max(p.s.ViolationsFound(invariants[i].Number), 0)
	}
	for id := range p.s.beads {
		p.used[id] = true
	}
}

func (p *playground) restored(snapshot []byte) *State {
	s, err := Restore(snapshot)
	if err != nil {
		p.t.Fatalf("restore: %v", err)
	}
	return s
}

// recover forgets everything but the history.
func (p *playground) recover() {
	s := p.restored(p.base)
	for _, data := range p.history {
		rec, err := DecodeTick(data)
		if err == nil {
			err = s.Absorb(rec)
		}
		if err != nil {
			p.t.Fatalf("recovery: %v", err)
		}
	}
	p.s = s
}

// tick steps the town, checks it and prints what it did.
func (p *playground) tick(events []Event) string {
	if p.twice {
		events = doubled(events)
	}
	for i := range events {
		p.seq++
		events[i].Seq, events[i].ID = p.seq, fmt.Sprint("e", p.seq)
	}
	p.sent = append(p.sent, events...)
	in := Input{Now: p.now, Events: events}
	if p.unchecked {
		rec := p.s.Step(in)
		p.last = rec
		if !rec.Empty() {
			p.history = append(p.history, rec.Encode())
		}
		p.effects = append(p.effects, rec.Effects...)
		return ""
	}
	before := p.s.Snapshot()
	plan := p.s.Plan(in)
	if after := p.s.Snapshot(); string(after) != string(before) {
		p.t.Fatalf("a plan changed the town:\n%s", p.showAll())
	}
	if p.planned != nil && string(p.planned.Encode()) != string(plan.Encode()) {
		p.t.Fatalf("the tick is not as planned:\n%s", p.print(events, plan))
	}
	p.planned = nil
	rec := p.s.Step(in)
	if string(plan.Encode()) != string(rec.Encode()) || !reflect.DeepEqual(plan.Effects, rec.Effects) {
		p.t.Fatalf("plan and tick differ:\n%s\n%s", p.print(events, plan), p.print(events, rec))
	}
	p.last = rec
	p.record(rec)
	p.check(rec)
	p.effects = append(p.effects, rec.Effects...)
	out := p.print(events, rec) + p.newWaits()
	if out == "" {
		return quiet
	}
	return out
}

// asleep moves the time without a tick: the next command finds everything late at once.
func (p *playground) asleep(args []string) (string, error) {
	d, err := lengthOf("asleep", args)
	if err == nil {
		p.now = p.now.Add(d)
	}
	return "ok", err
}

// lengthOf reads the one argument of a command that moves the time.
func lengthOf(word string, args []string) (Duration, error) {
	if len(args) != 1 {
		return 0, fmt.Errorf("say by how much: %s 6m", word)
	}
	d, err := time.ParseDuration(args[0])
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%s is no time to advance by", args[0])
	}
	return Duration(d.Milliseconds()), nil
}

// advance moves the time, with a tick whenever something comes due.
func (p *playground) advance(args []string) (string, error) {
	d, err := lengthOf("advance", args)
	if err != nil {
		return "", err
	}
	end := p.now.Add(d)
	var out strings.Builder
	tick := func() {
		printed := p.now
		if text := p.tick(nil); text != quiet {
			fmt.Fprintf(&out, "at %s\n%s", since(printed), text)
		}
	}
	if p.planned != nil {
		tick()
	}
	for range 100_000 {
		due := p.s.NextDue()
		if due == 0 || due >= end {
			p.now = end
			tick()
			if out.Len() == 0 {
				return quiet, nil
			}
			return out.String(), nil
		}
		if due > p.now {
			p.now = due
		}
		tick()
	}
	return "", fmt.Errorf("something is due again and again: %s", since(p.now))
}

// outcomes answers effects as the outside would.
func (p *playground) outcomes(args []string) (string, error) {
	if len(p.effects) == 0 {
		return "", fmt.Errorf("no effect waits for an answer")
	}
	how, err := answersFrom(args)
	if err != nil {
		return "", err
	}
	effects := p.effects
	p.effects = nil
	var events []Event
	for i := range effects {
		events = append(events, how.to(p.s, &effects[i])...)
	}
	if !how.used {
		return "", fmt.Errorf("%s has no effect here", strings.Join(args, " "))
	}
	switch {
	case how.lose:
		return lines(effects, func(e Effect) string { return "lost " + e.ID }), nil
	case how.twice:
		events = doubled(events)
	}
	return p.tick(events), nil
}

// answers says how the outside answers effects.
type answers struct {
	lose, twice, unknown, infra, empty, missing bool
	reject, astray, others                      string
	pull                                        pullAnswers
	push                                        pushAnswers
	used                                        bool
}

func answersFrom(args []string) (*answers, error) {
	a := &answers{used: true}
	for _, arg := range args {
		switch key, value, _ := strings.Cut(arg, "="); key {
		case "lose":
			a.lose = true
		case "twice":
			a.twice = true
		case "unknown":
			a.unknown, a.used = true, false
		case "reject":
			a.reject, a.used = value, false
		case "infra":
			a.infra = true
		case "empty":
			a.empty, a.used = true, false
		case "missing":
			a.missing, a.used = true, false
		case "astray":
			a.astray, a.used = value, false
		case "others":
			a.others, a.used = value, false
		default:
			known, err := a.push.word(key, value)
			if !known && err == nil {
				known, err = a.pull.word(key, value)
			}
			if !known || err != nil {
				return nil, fmt.Errorf("unknown word %q", arg)
			}
			a.used = false
		}
	}
	if a.infra && a.reject == "" {
		return nil, fmt.Errorf("infra has no effect without reject")
	}
	return a, nil
}

func (a *answers) to(s *State, e *Effect) []Event {
	answer := func(p Payload) Event {
		return Event{Type: p.Type(), Agent: e.Agent, Run: e.Run, Payload: p, By: "effects"}
	}
	switch e.Kind {
	case EffectDispatch:
		switch {
		case a.reject != "":
			a.used = true
			return []Event{answer(&DispatchRejected{Class: a.reject, Infra: a.infra, Reason: "refused"})}
		case a.unknown:
			a.used = true
			return []Event{answer(&DispatchUnknown{})}
		}
		return []Event{answer(&DispatchAccepted{}), answer(&ContainerStatus{Status: Running})}
	case EffectStop:
		return []Event{answer(&AgentStopConfirmed{})}
	case EffectNudge:
		if a.reject != "" {
			a.used = true
			return []Event{answer(&NudgeFailed{Nudge: e.Nudge.Nudge, Reason: a.reject})}
		}
		return []Event{answer(&NudgeArrived{Nudge: e.Nudge.Nudge})}
	case EffectNotify:
		told := &PeopleNotified{Notice: e.Notify.Notice}
		if a.reject != "" {
			told.Error, a.used = a.reject, true
		}
		return []Event{{Type: told.Type(), Bead: e.Bead, Payload: told, By: "effects"}}
	case EffectPushMerge, EffectFindMerge:
		p := a.ofPush(e)
		return []Event{{Type: p.Type(), Bead: e.Bead, Payload: p, By: "effects"}}
	case EffectFindLate:
		return []Event{{Type: "late_commits", Bead: e.Bead, Payload: &LateCommits{}, By: "effects"}}
	case EffectPollPR, EffectMergePR:
		events, used := a.pull.to(s, e)
		a.used = a.used || used
		return events
	}
	seen := &BranchVerified{Head: "cafe", Ahead: 1}
	if mr := s.beads[e.Bead]; mr != nil && mr.Merge != nil && mr.Merge.Head != "" {
		seen.Head = mr.Merge.Head
	}
	switch {
	case a.empty:
		seen.Ahead, a.used = 0, true
	case a.missing:
		*seen, a.used = BranchVerified{}, true
	case a.astray != "":
		seen.Astray, a.used = a.astray, true
	case a.others != "":
		seen.Others, a.used = []string{a.others}, true
	}
	return []Event{{Type: seen.Type(), Bead: e.Bead, Payload: seen, By: "effects"}}
}
