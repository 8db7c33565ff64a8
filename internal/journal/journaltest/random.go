package journaltest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gastown/internal/journal"
	"gastown/internal/journal/memory"
	"gastown/internal/town"
)

// How many sequences of calls are played, and how long they are.
const (
	randomSeeds  = 10
	randomLength = 90
)

// randomCalls plays random sequences of calls, good and bad ones, on the journal and on the one in memory,
// and compares every answer. A call that is refused leaves everything as it was, and so does reopening.
func randomCalls(t *testing.T, f *fixture) {
	store := memory.NewStore()
	model, err := store.Open()
	if err != nil {
		t.Fatal(err)
	}
	calls, leaving := map[string]int{}, leavingBeads(t)
	for seed := range uint64(randomSeeds) {
		p := &player{t: t, rng: rand.New(rand.NewPCG(seed, 1)), calls: calls, leaving: leaving}
		p.towns = []town.TownID{
			town.TownID(fmt.Sprint("made-", seed)), town.TownID(fmt.Sprint(odd, seed)),
			town.TownID(fmt.Sprint("lived-", seed)), "nowhere",
		}
		p.on(f.Journal, model)
		if seed%4 > 0 { // the others have to wait until a town is made by chance
			if err := p.create(ctx, p.towns[0], 1000); err != nil {
				t.Fatal(err)
			}
		}
		for n := range randomLength {
			if p.play(); t.Failed() {
				t.Fatalf("that was call %d of seed %d", n, seed)
			}
		}
		before := p.everything(p.towns)
		f.reopen(t)
		if err := model.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
		if model, err = store.Open(); err != nil {
			t.Fatalf("open: %v", err)
		}
		p.on(f.Journal, model)
		p.unchanged("reopening", before, p.towns)
	}
	for _, needed := range neededAnswers {
		if calls[needed] == 0 {
			t.Errorf("no %s was compared, so that this shows too little", needed)
		}
	}
}

// neededAnswers are those without which the sequences show too little.
var neededAnswers = []string{
	"CreateTown: no error", "CreateTown: " + journal.ErrTownExists.Error(), "CreateTown: " + journal.ErrInvalid.Error(),
	"Append: no error", "Append: " + journal.ErrInvalid.Error(), "Append: " + journal.ErrNotFound.Error(),
	"Append: context canceled",
	"CommitTick: no error", "CommitTick: " + journal.ErrConflict.Error(), "CommitTick: " + journal.ErrInvalid.Error(),
	"SaveSnapshot: no error", "SaveSnapshot: " + journal.ErrConflict.Error(),
	"SaveSnapshot: " + journal.ErrInvalid.Error(),
	"Retain: no error", "Retain: " + journal.ErrNotFound.Error(),
	"Snapshot: no error", "Snapshot: " + journal.ErrNotFound.Error(),
	"Ticks: no error", "TickHeads: no error", "Events: no error", "Pending: no error",
	"Oldest: no error", "Stats: no error",
	"TicksAbout: no error", "TicksAbout: " + journal.ErrInvalid.Error(),
	"ArchivedBead: no error", "ArchivedBeads: no error",
	"EventByID: no error", "EventByID: " + journal.ErrNotFound.Error(), "Towns: no error",
}

// player makes calls up. Its towns are: one with a history that it makes by hand, the same under a name that
// nobody gives, one that lives, and one that is never made.
type player struct {
	t     *testing.T
	rng   *rand.Rand
	w     *twin
	calls map[string]int
	towns []town.TownID
	life  *Life
	// leaving are changes of beads that go to the archive.
	leaving []town.Change
}

// leavingBeads makes changes of beads that go to the archive, two of them closed at the same time.
func leavingBeads(t *testing.T) []town.Change {
	t.Helper()
	s := town.New("x", "", "testtownaaaaaaaaaaaaaaaaaa", 1000)
	made := s.Step(town.Input{Now: 1000, Events: []town.Event{
		rig(1), event(2, &town.BeadCreated{Beads: slices.Repeat([]town.NewBead{{Title: odd}}, 3)}),
	}}).Events[1].Made
	for i, m := range made {
		e := event(3+i, &town.BeadCancelled{})
		e.Bead = town.BeadID(m)
		s.Step(town.Input{Now: town.Time(1001 + i/2), Events: []town.Event{e}})
	}
	var out []town.Change
	for _, x := range s.Step(town.Input{Now: town.Time(2000).Add(168 * town.Hour)}).Changes {
		if x.Archived {
			out = append(out, x)
		}
	}
	if len(out) != len(made) {
		t.Fatalf("%d beads were archived, want %d", len(out), len(made))
	}
	return out
}

func (p *player) pick(n int) int { return p.rng.IntN(n) }

// on has the next calls go to these two.
func (p *player) on(one, model journal.Journal) {
	p.w = &twin{one: one, model: model, t: p.t, calls: p.calls}
}

func (p *player) town() town.TownID { return p.towns[p.pick(len(p.towns))] }

// made is a town whose history is made by hand.
func (p *player) made() town.TownID { return p.towns[[]int{0, 0, 0, 1, 3}[p.pick(5)]] }

// near is a number about as large as those that are in use.
func (p *player) near(n int) int { return p.pick(n+4) - 1 }

// ctx has ended at times.
func (p *player) ctx() context.Context {
	if p.pick(15) > 0 {
		return ctx
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	return ended
}

// play makes one call that may change something, and a few that only read.
func (p *player) play() {
	defer func() {
		for range 4 {
			p.look()
		}
	}()
	switch p.pick(10) {
	case 0:
		p.refusable("CreateTown", func() error { return p.createTown() })
	case 1, 2, 3:
		p.refusable("Append", func() error { _, err := p.w.Append(p.ctx(), p.made(), p.events()); return err })
	case 4, 5:
		p.refusable("CommitTick", func() error { return p.commit(p.made()) })
	case 6:
		p.refusable("SaveSnapshot", func() error {
			id, data := p.made(), [][]byte{nil, []byte("x"), []byte(strings.Repeat("long ", 1000))}[p.pick(3)]
			tick := town.TickNo(p.near(5))
			if info, ok := p.info(id); ok && p.pick(2) == 0 {
				tick = info.Tick
			}
			return p.w.SaveSnapshot(p.ctx(), id, tick, data)
		})
	case 7:
		p.refusable("Retain", func() error { _, err := p.w.Retain(p.ctx(), p.made(), p.time()); return err })
	default:
		p.live()
	}
}

// refusable makes a write, and shows that nothing has changed if it was refused.
func (p *player) refusable(method string, call func() error) {
	if p.pick(6) > 0 { // to look at everything takes its time
		_ = call()
		return
	}
	made := p.towns[:2]
	before := p.everything(made)
	if err := call(); err != nil {
		p.unchanged(method+" with "+err.Error(), before, made)
	}
}

func (p *player) createTown() error {
	id := append(p.towns[:2:2], "")[p.pick(3)]
	if p.pick(4) == 0 {
		return p.w.CreateTown(p.ctx(), id, odd, 1000, nil)
	}
	return p.create(p.ctx(), id, town.Time(1000+p.pick(3)))
}

func (p *player) create(c context.Context, id town.TownID, at town.Time) error {
	return p.w.CreateTown(c, id, odd, at, town.New("x", "", "testtownaaaaaaaaaaaaaaaaaa", 1).Snapshot())
}

// events are up to four events, of few names, so that they repeat; some cannot be stored.
func (p *player) events() []town.Event {
	out := make([]town.Event, p.pick(5))
	for i := range out {
		payload := []town.Payload{&town.TownPaused{Reason: odd}, &town.BeadHeld{}, &town.TownResumed{}}[p.pick(3)]
		out[i] = town.Event{
			Seq: 77, ID: p.eventID(), Type: payload.Type(), Agent: town.AgentID(p.name()), Bead: town.BeadID(p.name()),
			Run: town.Run(p.pick(3) - 1), By: odd, Created: p.time(), Payload: payload,
		}
		switch p.pick(25) {
		case 0:
			out[i].ID = ""
		case 1:
			out[i].Type = "bead_created"
		case 2:
			out[i].Payload = nil
		}
	}
	return out
}

func (p *player) eventID() string { return fmt.Sprint("event-", p.pick(9)) }

func (p *player) name() string { return []string{"", "a", "A", odd}[p.pick(4)] }

func (p *player) time() town.Time { return town.Time(1000 + p.near(8)) }

// commit stores a tick that no rules would make: about anything, with some of the pending events in any order.
// Mostly it fits what is stored.
func (p *player) commit(id town.TownID) error {
	t := &town.Tick{No: town.TickNo(p.near(4)), At: p.time(), RuleSet: p.pick(3)}
	if info, ok := p.info(id); ok && p.pick(5) > 0 {
		t.No, t.At = info.Tick+1, info.At+town.Time(p.pick(6)/2)-town.Time(p.pick(6)/5)
	}
	pending, err := p.w.Pending(ctx, id, 0)
	if err != nil {
		pending = nil // of a town that is not there: the commit is refused as well
	}
	for range p.pick(4) {
		seq := town.Seq(p.near(6))
		if len(pending) > 0 && p.pick(8) > 0 {
			i := p.pick(len(pending))
			seq = pending[i].Seq
			if p.pick(8) > 0 {
				pending = slices.Delete(pending, i, i+1)
			}
		}
		t.Events = append(t.Events, town.EventOutcome{
			Seq: seq, Type: "bead_held", Verdict: town.Rejected, Reason: odd, Made: []string{p.name()},
		})
	}
	for range p.pick(3) {
		t.Actions = append(t.Actions, town.Action{
			Kind: town.StopAgent, Agent: town.AgentID(p.name()), Bead: town.BeadID(p.name()), Made: town.BeadID(p.name()),
		})
	}
	for range p.pick(2) {
		kind := []town.Kind{town.KindBead, town.KindAgent, town.KindRig}[p.pick(3)]
		t.Changes = append(t.Changes, town.Change{Kind: kind, ID: p.name(), Gone: true, Archived: p.pick(12) == 0})
	}
	for range p.pick(3) {
		t.Changes = append(t.Changes, p.leaving[p.pick(len(p.leaving))])
	}
	for range p.pick(2) {
		t.Violations = append(t.Violations, town.Violation{Invariant: p.pick(3), Kind: town.KindBead, ID: p.name()})
	}
	return p.w.CommitTick(p.ctx(), id, t)
}

// info is what the model knows of a town.
func (p *player) info(id town.TownID) (journal.TownInfo, bool) {
	all, err := p.w.model.Towns(ctx)
	if err != nil {
		p.t.Fatalf("towns: %v", err)
	}
	i := slices.IndexFunc(all, func(x journal.TownInfo) bool { return x.ID == id })
	if i < 0 {
		return journal.TownInfo{}, false
	}
	return all[i], true
}

// live lets the town that lives take a step.
func (p *player) live() {
	var err error
	switch {
	case p.life == nil:
		p.life, err = NewLife(ctx, p.w, p.towns[2], p.pick)
	case p.pick(5) == 0:
		err = p.life.Snapshot(ctx)
	default:
		_, _, err = p.life.Step(ctx)
	}
	if err != nil {
		p.t.Fatalf("life: %v", err)
	}
}

// unchanged shows that everything in towns is as it was before something.
func (p *player) unchanged(what string, before []string, towns []town.TownID) {
	if after := p.everything(towns); !slices.Equal(before, after) {
		p.t.Fatalf("%s changed something, -before +after:\n%s", what, cmp.Diff(before, after))
	}
}
