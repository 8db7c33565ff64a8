package replay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"gastown/internal/journal/sqlite"
	"gastown/internal/town"
)

// A busy town, for benchmarks: its agents work through an endless supply of beads, and say what they do
// all the time. Every tick is a real Step, every effect is answered in the tick after it.
const (
	busyRigs   = 10
	busyAgents = 100
	// busyTalk is about how many events an agent sends for one bead.
	busyTalk = 200
	// busySnapshot is how many ticks there are between snapshots, as in the live loop.
	busySnapshot = 1000
)

// busy is such a town with its history in a real journal.
type busy struct {
	path    string
	j       *sqlite.Journal
	s       *town.State
	now     town.Time
	rng     *rand.Rand
	answers []town.Event // outcomes that the next tick takes
	seen    map[town.AgentID]town.Observed
	events  int
}

// newBusy lets a town take that many events; size draws how many there are in the next tick.
func newBusy(b *testing.B, events int, size func(*rand.Rand) int) *busy {
	b.Helper()
	ctx := context.Background()
	path := filepath.Join(b.TempDir(), "town.db")
	j, err := sqlite.Open(ctx, path)
	if err != nil {
		b.Fatal(err)
	}
	y := &busy{
		path: path, j: j, s: town.New("main", "Main", "testtownaaaaaaaaaaaaaaaaaa", begin), now: begin, rng: rand.New(rand.NewPCG(4, 2)),
		seen: map[town.AgentID]town.Observed{},
	}
	b.Cleanup(func() { _ = y.j.Close() })
	if err := j.CreateTown(ctx, "main", "Main", begin, y.s.Snapshot()); err != nil {
		b.Fatal(err)
	}
	y.found()
	for y.events < events {
		if err := y.tick(ctx, size(y.rng)); err != nil {
			b.Fatal(err)
		}
	}
	return y
}

// found settles the town: rigs, and as many places for agents in each.
func (y *busy) found() {
	perRig, all, hour := busyAgents/busyRigs, busyAgents, town.Hour
	y.answer(town.Event{Payload: &town.TownConfigured{Settings: town.Settings{
		Agents: map[town.Role]town.AgentCommand{town.Polecat: {Preset: "claude"}}, MaxPolecatsPerRig: &perRig, MaxAgents: &all, Retention: &hour,
	}}})
	for i := range busyRigs {
		y.answer(town.Event{Payload: &town.RigAdded{Rig: rigOf(i), URL: "https://git.example/r", DefaultBranch: "main"}})
	}
}

func rigOf(i int) town.RigID { return town.RigID(fmt.Sprint("rig-", i)) }

func (y *busy) answer(e town.Event) { y.answers = append(y.answers, e) }

// tick takes the answers, new beads when few are left, and what agents say, up to that many events.
func (y *busy) tick(ctx context.Context, size int) error {
	y.now = y.now.Add(town.Second)
	events := y.answers
	y.answers = nil
	if open := y.s.BeadCounts()[town.Issue][town.Open]; open < busyAgents {
		events = append(events, y.newBeads())
	}
	for workers := y.workers(); len(events) < size && len(workers) > 0; {
		i := y.rng.IntN(len(workers))
		e := y.say(workers[i])
		if e.Type == "agent_done" {
			workers = slices.Delete(workers, i, i+1)
		}
		events = append(events, e)
	}
	for i := range events {
		e := &events[i]
		e.ID, e.Type, e.Created = y.id(), e.Payload.Type(), y.now
	}
	receipts, err := y.j.Append(ctx, "main", events)
	if err != nil {
		return err
	}
	for i, r := range receipts {
		events[i].Seq = r.Seq
	}
	rec := y.s.Step(town.Input{Now: y.now, Events: events})
	if rec.Empty() {
		return nil
	}
	y.events += len(events)
	for i := range rec.Effects {
		y.carry(&rec.Effects[i])
	}
	if err := y.j.CommitTick(ctx, "main", rec); err != nil {
		return err
	}
	if rec.No%busySnapshot != 0 {
		return nil
	}
	return y.j.SaveSnapshot(ctx, "main", rec.No, y.s.Snapshot())
}

// id is drawn like all else, and looks like those of real events.
func (y *busy) id() string {
	a, b := y.rng.Uint64(), y.rng.Uint64()
	return fmt.Sprintf("%08x-%04x-7%03x-8%03x-%012x", y.now>>16&0xffffffff, y.now&0xffff, a&0xfff, a>>12&0xfff, b&0xffffffffffff)
}

func (y *busy) newBeads() town.Event {
	p := &town.BeadCreated{}
	for i := range busyAgents / 2 {
		p.Beads = append(p.Beads, town.NewBead{
			Title: fmt.Sprintf("Task %d of tick %d", i, y.s.Tick()), Rig: rigOf(i % busyRigs),
			Body: "Say what is to be done in two sentences.\nAnd how one can see that it is done.",
		})
	}
	return town.Event{By: "ann", Payload: p}
}

// workers are the polecats that have something to say.
func (y *busy) workers() []*town.Agent {
	var out []*town.Agent
	for _, a := range y.s.Agents() {
		if a.Role == town.Polecat && a.Status == town.Working && a.Dispatch == town.DispatchSure {
			out = append(out, a)
			y.seen[a.ID] = a.Observed
		}
	}
	return out
}

// say is the next thing that an agent reports, or that is seen of its process.
func (y *busy) say(a *town.Agent) town.Event {
	e := town.Event{Agent: a.ID, Run: a.Run, By: string(a.ID)}
	switch n := y.rng.IntN(busyTalk); {
	case n == 0:
		e.Payload = &town.AgentDone{Branch: "gt/testtown/" + string(a.Hook), Head: y.commit(), Summary: "Done & tested:\nall is well"}
		end := town.Event{Agent: a.ID, Run: a.Run, By: "observer", Payload: &town.AgentCompleted{Result: town.RunCompleted}}
		y.answer(end)
	case n < busyTalk/2:
		e.Payload = &town.AgentStatusLine{Line: fmt.Sprintf("editing file %d of %d", n, busyTalk), Tools: []string{"bash"}}
	case n < busyTalk*8/10:
		e.Payload = &town.AgentUsage{TokensIn: 12345 + int64(n), TokensOut: 678, TokensCached: 9000, CostUSD: 0.0125}
	case n < busyTalk*9/10:
		e.Payload = &town.AgentCheckpoint{Text: fmt.Sprintf("Step %d is over. Next: write the test, then run the linter.", n)}
	default:
		now := town.Running
		if y.seen[a.ID] == now {
			now = town.Unresponsive
		}
		y.seen[a.ID] = now
		e.By, e.Payload = "observer", &town.ContainerStatus{Status: now}
	}
	e.Type = e.Payload.Type()
	return e
}

func (y *busy) commit() string {
	return fmt.Sprintf("%016x%016x%08x", y.rng.Uint64(), y.rng.Uint64(), y.rng.Uint32())
}

// carry answers an effect.
func (y *busy) carry(e *town.Effect) {
	out := town.Event{Agent: e.Agent, Run: e.Run, By: "effect"}
	switch e.Kind {
	case town.EffectDispatch:
		out.Payload = &town.DispatchAccepted{}
		seen := town.Event{Agent: e.Agent, Run: e.Run, By: "observer", Payload: &town.ContainerStatus{Status: town.Running}}
		y.answer(out)
		y.answer(seen)
		if e.Dispatch.Merge == nil {
			return
		}
		out.By, out.Payload = string(e.Agent), &town.MergeTested{Commit: y.commit(), Tip: y.commit()}
		y.answer(out)
		out.By, out.Payload = "observer", &town.AgentCompleted{Result: town.RunCompleted}
	case town.EffectStop:
		out.Payload = &town.AgentStopConfirmed{}
	case town.EffectVerify:
		out.Bead, out.Payload = e.Bead, &town.BranchVerified{Head: y.commit(), Ahead: 2}
	case town.EffectPushMerge, town.EffectFindMerge:
		out.Bead, out.Payload = e.Bead, &town.MergeCompleted{Commit: e.Push.Commit}
	case town.EffectFindLate:
		out.Bead, out.Payload = e.Bead, &town.LateCommits{}
	case town.EffectNudge:
		out.Payload = &town.NudgeArrived{Nudge: e.Nudge.Nudge}
	case town.EffectNotify:
		out.Bead, out.Payload = e.Bead, &town.PeopleNotified{Notice: 1}
	}
	y.answer(out)
}
