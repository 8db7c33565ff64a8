package replay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gastown/internal/journal"
	inmemory "gastown/internal/journal/memory"
	"gastown/internal/town"
)

const begin = town.Time(1_790_000_000_000)

// life is a town with a history in a journal.
type life struct {
	t   *testing.T
	j   journal.Journal
	s   *town.State
	now town.Time
	n   int
	// plans are the actions that a dry run after each tick has said.
	plans map[town.TickNo][]town.Action
}

func newLife(t *testing.T) *life {
	t.Helper()
	j, err := inmemory.NewStore().Open()
	if err != nil {
		t.Fatal(err)
	}
	return newLifeOn(t, j)
}

func newLifeOn(t *testing.T, j journal.Journal) *life {
	t.Helper()
	t.Cleanup(func() { _ = j.Close() })
	l := &life{t: t, j: j, s: town.New("main", "Main", "testtownaaaaaaaaaaaaaaaaaa", begin), now: begin, plans: map[town.TickNo][]town.Action{}}
	if err := j.CreateTown(context.Background(), "main", "Main", begin, l.s.Snapshot()); err != nil {
		t.Fatal(err)
	}
	return l
}

// step lets time go on and the town take events, as a loop would.
func (l *life) step(after town.Duration, events ...town.Event) {
	l.t.Helper()
	ctx := context.Background()
	l.now = l.now.Add(after)
	for i := range events {
		l.n++
		events[i].ID, events[i].Type, events[i].Created = fmt.Sprint("e", l.n), events[i].Payload.Type(), l.now
	}
	if len(events) > 0 {
		if _, err := l.j.Append(ctx, "main", events); err != nil {
			l.t.Fatal(err)
		}
	}
	pending, err := l.j.Pending(ctx, "main", 100)
	if err != nil {
		l.t.Fatal(err)
	}
	rec := l.s.Step(town.Input{Now: l.now, Events: pending})
	if rec.Empty() {
		return
	}
	if err := l.j.CommitTick(ctx, "main", rec); err != nil {
		l.t.Fatal(err)
	}
	l.plans[rec.No] = l.s.Plan(town.Input{Now: l.now.Add(town.Hour)}).Actions
}

// rest lets time go on for that long, with a tick at every moment at which something comes due.
func (l *life) rest(d town.Duration) {
	for end := l.now.Add(d); l.now < end; {
		due := l.s.NextDue()
		if due == 0 || due > end {
			due = end
		}
		l.step(max(due.Since(l.now), 0))
		if due == end {
			return
		}
	}
}

func (l *life) snapshot() {
	if err := l.j.SaveSnapshot(context.Background(), "main", l.s.Tick(), l.s.Snapshot()); err != nil {
		l.t.Fatal(err)
	}
}

// stuck is a window in which an agent falls silent while nobody knows whether it was started, its bead
// waits for the back-off, and the next starts are refused.
func stuck(t *testing.T) *life {
	t.Helper()
	return stuckOn(t, newLife(t))
}

func stuckOn(t *testing.T, l *life) *life {
	t.Helper()
	one := 1
	l.step(0,
		town.Event{Payload: &town.TownConfigured{Settings: town.Settings{
			Agents: map[town.Role]town.AgentCommand{town.Polecat: {Preset: "claude"}}, MaxPolecatsPerRig: &one,
		}}},
		town.Event{Payload: &town.RigAdded{Rig: "web", URL: "https://git.example/web", DefaultBranch: "main"}})
	l.step(town.Second, town.Event{By: "ann", Payload: &town.BeadCreated{Beads: []town.NewBead{{Title: "Greet"}, {Title: "Wave"}}}})
	l.step(town.Second, town.Event{Agent: "toast", Run: 1, Payload: &town.DispatchUnknown{}})
	l.step(town.Second, town.Event{Agent: "toast", Run: 1, Payload: &town.ContainerStatus{Status: town.Running}})
	l.snapshot()
	l.step(town.Minute, town.Event{Agent: "toast", Run: 1, Payload: &town.HeartbeatLost{}})
	l.step(town.Second, town.Event{Agent: "toast", Run: 1, Payload: &town.AgentStopConfirmed{}})
	l.rest(town.Minute)
	l.step(town.Second, town.Event{Agent: "toast", Run: 2, Payload: &town.DispatchRejected{Class: "git_network", Infra: true, Reason: "no route"}})
	l.step(town.Second, town.Event{Agent: "toast", Run: 1, Payload: &town.AgentDone{Branch: "gt/testtown/gt-2a", Head: "beef"}})
	l.rest(10 * town.Minute)
	return l
}

func replayed(t *testing.T, l *life, q Query) ([]Tick, *Result) {
	t.Helper()
	var ticks []Tick
	res, err := Run(context.Background(), l.j, "main", q, func(x *Tick, _ *town.State) error {
		ticks = append(ticks, *x)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ticks, res
}

// Every part of a history comes out as it was recorded, and what would come next is what a dry run said
// at that moment.
func TestEveryPartOfAHistoryIsReplayedExactly(t *testing.T) {
	t.Parallel()
	l := stuck(t)
	last := l.s.Tick()
	if last < 10 {
		t.Fatalf("the history has only %d ticks", last)
	}
	before, err := l.j.Stats(context.Background(), "main")
	if err != nil {
		t.Fatal(err)
	}
	for first := town.TickNo(1); first <= last; first++ {
		for to := first; to <= last; to++ {
			ticks, res := replayed(t, l, Query{Range: Range{FromTick: first, ToTick: to}})
			if !res.Exact || res.Ticks != int(to-first+1) || len(ticks) != res.Ticks {
				t.Fatalf("ticks %d to %d: %d replayed, exact %t", first, to, res.Ticks, res.Exact)
			}
			next := res.State.Plan(town.Input{Now: res.At.Add(town.Hour)}).Actions
			if fmt.Sprint(next) != fmt.Sprint(l.plans[to]) {
				t.Fatalf("after tick %d the dry run says\n%v\nand said then\n%v", to, next, l.plans[to])
			}
		}
	}
	after, err := l.j.Stats(context.Background(), "main")
	if err != nil || before != after {
		t.Errorf("a replay has changed the journal: %+v, before %+v (%v)", after, before, err)
	}
}

// A range in times and one in events name the same ticks as one in ticks.
func TestRanges(t *testing.T) {
	t.Parallel()
	l := stuck(t)
	all, res := replayed(t, l, Query{})
	if !res.Exact || res.Ticks != int(l.s.Tick()) {
		t.Fatalf("of all %d ticks %d were replayed, exact %t", l.s.Tick(), res.Ticks, res.Exact)
	}
	third := all[2].Recorded
	for name, r := range map[string]Range{
		"times":  {From: third.At, To: third.At + 1},
		"events": {FromSeq: third.Events[0].Seq, ToSeq: third.LastSeq()},
		"ticks":  {FromTick: third.No, ToTick: third.No},
	} {
		ticks, res := replayed(t, l, Query{Range: r})
		if len(ticks) != 1 || ticks[0].Recorded.No != third.No || !res.Exact || res.Events != len(third.Events) {
			t.Errorf("by %s: %d ticks, exact %t", name, len(ticks), res.Exact)
		}
	}
	ticks, res := replayed(t, l, Query{Range: Range{From: third.At + 1, To: third.At + 2}})
	if len(ticks) != 0 || res.Events != 0 || !res.Exact || res.State.Tick() != third.No {
		t.Errorf("a moment in which nothing happened has %d ticks, and its state is after tick %d", len(ticks), res.State.Tick())
	}
}

func TestRangesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	l := stuck(t)
	late := l.now.Add(town.Minute)
	for _, x := range []struct {
		r     Range
		field string
		says  string
	}{
		{Range{From: begin + 5, To: begin + 5}, "to", "must be after from"},
		{Range{From: begin + 5, To: begin + 4}, "to", "must be after from"},
		{Range{To: begin - 1}, "to", "before the beginning of the town: the oldest moment that can be replayed is " + begin.String()},
		{Range{From: late + 1, End: late}, "from", "after the end of the history, " + late.String()},
		{Range{From: begin, To: late + 1, End: late}, "to", "after the end of the history, " + late.String()},
		{Range{FromTick: 3, ToTick: 2}, "toTick", "must not be before"},
		{Range{FromTick: 1, ToTick: 1000}, "toTick", "the newest is"},
		{Range{FromTick: 1000}, "fromTick", "the newest is"},
		{Range{FromSeq: 3, ToSeq: 2}, "toSeq", "must not be before"},
		{Range{FromSeq: 1000}, "fromSeq", "there is no event 1000"},
		{Range{ToSeq: 1000}, "toSeq", "the newest is"},
		{Range{FromTick: -1}, "fromTick", "is negative"},
		{Range{ToTick: -1}, "toTick", "is negative"},
		{Range{FromSeq: -1}, "fromSeq", "is negative"},
		{Range{ToSeq: -1}, "toSeq", "is negative"},
		{Range{From: begin, FromTick: 1}, "from", "not as several"},
	} {
		_, err := Run(context.Background(), l.j, "main", Query{Range: x.r}, func(*Tick, *town.State) error { return nil })
		var wrong *RangeError
		if !errors.As(err, &wrong) || wrong.Field != x.field || !strings.Contains(wrong.Reason, x.says) {
			t.Errorf("%+v: %v, want %s: …%s…", x.r, err, x.field, x.says)
		}
	}
}

// A part that begins before a town whose whole history is kept is from its beginning. One that ends where the history
// does is a part of it, and one in which nothing has happened ends not before it begins.
func TestPartsAtTheEndsOfTheHistory(t *testing.T) {
	t.Parallel()
	l := stuck(t)
	all, res := replayed(t, l, Query{})
	last := all[len(all)-1].Recorded.At
	for _, r := range []Range{
		{From: 1}, {From: begin - 1}, {From: -5}, {From: begin, To: l.now, End: l.now}, {End: l.now},
		{From: begin, To: last, End: last - 1}, // the clock was put back
	} {
		ticks, part := replayed(t, l, Query{Range: r})
		if len(ticks) != len(all) || !part.Exact || part.State.Digest() != res.State.Digest() {
			t.Errorf("%+v: %d ticks, exact %t; all are %d", r, len(ticks), part.Exact, len(all))
		}
	}
	late := l.now.Add(town.Minute)
	if ticks, part := replayed(t, l, Query{Range: Range{From: late, End: late}}); len(ticks) != 0 || part.At != late {
		t.Errorf("from %s, when nothing more had happened: %d ticks, its end is %s", late, len(ticks), part.At)
	}
}

// What was not, and what could have been set otherwise, shows in the ticks that it would have changed.
func TestWhatIf(t *testing.T) {
	t.Parallel()
	l := stuck(t)
	all, _ := replayed(t, l, Query{})
	var lost town.TickNo
	for _, x := range all {
		for _, o := range x.Recorded.Events {
			if o.Type == "heartbeat_lost" {
				lost = x.Recorded.No
			}
		}
	}
	ticks, res := replayed(t, l, Query{Without: []string{"e6"}})
	if res.Exact || ticks[lost-2].Agree == false || ticks[lost-1].Agree {
		t.Fatalf("without the lost heartbeat of tick %d: exact %t", lost, res.Exact)
	}
	diffs, err := ticks[lost-1].Differences()
	if err != nil {
		t.Fatal(err)
	}
	if diffs[0].Path != "events[0]" || diffs[0].Recomputed != nil {
		t.Errorf("the first difference is %+v", diffs[0])
	}

	two := 2
	ticks, res = replayed(t, l, Query{Config: &town.Settings{MaxPolecatsPerRig: &two}, Range: Range{FromTick: 2}})
	diffs, err = ticks[0].Differences()
	if err != nil || res.Exact || len(diffs) == 0 || !strings.HasPrefix(diffs[0].Path, "actions[") {
		t.Errorf("with a second place the first tick differs in %+v (%v)", diffs, err)
	}
	none := 0
	_, err = Run(context.Background(), l.j, "main", Query{Config: &town.Settings{MaxAgents: &none}}, func(*Tick, *town.State) error { return nil })
	var wrong *RangeError
	if !errors.As(err, &wrong) || wrong.Field != "config.max_agents" {
		t.Errorf("a setting out of range: %v", err)
	}
}

// edited is a journal in which somebody has changed a tick.
type edited struct {
	journal.Journal
	edit func(*town.Tick)
}

func (e edited) Ticks(ctx context.Context, id town.TownID, f journal.TickFilter) ([]*town.Tick, error) {
	ticks, err := e.Journal.Ticks(ctx, id, f)
	for _, t := range ticks {
		e.edit(t)
	}
	return ticks, err
}

// A record that was changed is seen at the first tick that does not come out, with the field.
func TestEditedHistoriesAreSeen(t *testing.T) {
	t.Parallel()
	l := stuck(t)
	const bad = 6
	for name, x := range map[string]struct {
		edit func(*town.Tick)
		path string
	}{
		"a reason":   {func(t *town.Tick) { t.Actions[0].Reason = "because" }, "actions[0].reason"},
		"a time":     {func(t *town.Tick) { t.Actions = t.Actions[1:] }, "actions[0]"},
		"a verdict":  {func(t *town.Tick) { t.Events[0].Verdict = town.Ignored }, "events[0].outcome"},
		"a rule set": {func(t *town.Tick) { t.RuleSet++ }, "ruleSet"},
		"a digest":   {func(t *town.Tick) { t.Digest[0]++ }, "digest"},
	} {
		l := *l
		l.j = edited{l.j, func(t *town.Tick) {
			if t.No == bad {
				x.edit(t)
			}
		}}
		ticks, res := replayed(t, &l, Query{})
		if res.Exact {
			t.Errorf("%s: the replay is exact", name)
		}
		for _, tick := range ticks {
			if tick.Agree == (tick.Recorded.No == bad) {
				t.Errorf("%s: tick %d agrees: %t", name, tick.Recorded.No, tick.Agree)
			}
		}
		diffs, err := ticks[bad-1].Differences()
		if err != nil || len(diffs) == 0 || diffs[0].Path != x.path {
			t.Errorf("%s: differs in %+v (%v), want %s", name, diffs, err, x.path)
		}
	}
}
