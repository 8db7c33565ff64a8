package journaltest

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// Birth is when the towns of the tests are made.
const Birth = town.Time(1_790_000_000_000)

// Pick chooses a number from 0 to n-1. With the same choices a Life takes the same course.
type Pick func(n int) int

// Life lets a town live on a journal: events are stored, a Step takes them, its tick is stored.
type Life struct {
	Journal journal.Journal
	ID      town.TownID
	State   *town.State
	Now     town.Time
	pick    Pick
}

// NewLife makes a town and enters it in the journal.
func NewLife(ctx context.Context, j journal.Journal, id town.TownID, pick Pick) (*Life, error) {
	s := town.New(id, "Town "+string(id), "testtownaaaaaaaaaaaaaaaaaa", Birth)
	if err := j.CreateTown(ctx, id, s.Town().Name, Birth, s.Snapshot()); err != nil {
		return nil, err
	}
	return &Life{Journal: j, ID: id, State: s, Now: Birth, pick: pick}, nil
}

// Step stores a few events, lets time pass and takes the next tick, with everything that is
// pending. It returns the receipts and the stored tick, which is nil if nothing happened. On an
// error the state is as it was before.
func (l *Life) Step(ctx context.Context) ([]journal.Receipt, *town.Tick, error) {
	receipts, err := l.Journal.Append(ctx, l.ID, l.Events())
	if err != nil {
		return nil, nil, err
	}
	l.Now = l.Now.Add(l.pause())
	t, err := l.Tick(ctx)
	return receipts, t, err
}

// Tick takes the next tick, with everything that is pending, and stores it.
func (l *Life) Tick(ctx context.Context) (*town.Tick, error) {
	pending, err := l.Journal.Pending(ctx, l.ID, 0)
	if err != nil {
		return nil, err
	}
	t := l.State.Step(town.Input{Now: l.Now, Events: pending})
	if t.Empty() {
		return nil, nil
	}
	if err := l.Journal.CommitTick(ctx, l.ID, t); err != nil {
		l.State.Revert(t)
		return nil, err
	}
	return t, nil
}

// Snapshot stores the state.
func (l *Life) Snapshot(ctx context.Context) error {
	return l.Journal.SaveSnapshot(ctx, l.ID, l.State.Tick(), l.State.Snapshot())
}

// pause is how long nothing happens: mostly not long, at times so long that beads are archived.
func (l *Life) pause() town.Duration {
	return []town.Duration{0, 20, town.Second, 40 * town.Second, 5 * town.Minute, 2 * town.Hour}[l.pick(6)]
}

// Events makes the events of a few people, agents and effects up, most of which fit the state.
func (l *Life) Events() []town.Event {
	if len(l.State.Rigs()) == 0 {
		hour := town.Hour
		return []town.Event{
			l.Event(&town.TownConfigured{Settings: town.Settings{Retention: &hour}}),
			l.Event(&town.RigAdded{Rig: "web", URL: "https://git.example.com/web.git", DefaultBranch: "main"}),
		}
	}
	var out []town.Event
	for range l.pick(4) {
		out = append(out, l.one())
	}
	return out
}

// Event makes an event with a new id, of now.
func (l *Life) Event(p town.Payload) town.Event {
	return town.Event{ID: uuid.Must(uuid.NewV7()).String(), Type: p.Type(), By: "tester", Created: l.Now, Payload: p}
}

func (l *Life) one() town.Event {
	switch l.pick(8) {
	case 0, 1:
		return l.Event(l.newBeads())
	case 2:
		return l.aboutBead()
	case 3:
		return l.Event(&town.TownConfigured{Name: fmt.Sprintf("Town of tick %d", l.State.Tick())})
	case 4:
		return l.aboutRequest()
	default:
		return l.aboutAgent()
	}
}

func (l *Life) newBeads() town.Payload {
	p := &town.BeadCreated{}
	for i := range 1 + l.pick(3) {
		b := town.NewBead{
			Key: fmt.Sprintf("k%d", i), Title: fmt.Sprintf("Bead %d of tick %d – \"ünïcode\"", i, l.State.Tick()),
			Body: "line\nline", Priority: []town.Priority{"", town.High, town.Low}[l.pick(3)], Metadata: map[string]string{"a": "b", "c": ""},
		}
		if i > 0 {
			b.DependsOn = []string{"k0"}
		}
		p.Beads = append(p.Beads, b)
	}
	if l.pick(4) == 0 {
		p.Convoy = &town.NewConvoy{Title: "Together", MergeMode: town.ReviewAndMerge}
	}
	return p
}

// aboutBead ends, holds or changes a bead, or one that does not exist.
func (l *Life) aboutBead() town.Event {
	e := l.Event([]town.Payload{&town.BeadCancelled{Reason: "not needed"}, &town.BeadHeld{}, &town.BeadReleased{}, &town.BeadRetried{}}[l.pick(4)])
	e.Bead = "gt-0none"
	if beads := l.State.Beads(); len(beads) > 0 && l.pick(5) > 0 {
		e.Bead = beads[l.pick(len(beads))].ID
	}
	return e
}

// aboutRequest reports on the branch of a merge request.
func (l *Life) aboutRequest() town.Event {
	e := l.Event(&town.BranchVerified{Head: "c0ffee", Ahead: l.pick(3)})
	for _, b := range l.State.Beads() {
		if b.Merge != nil && b.Live() {
			e.Bead = b.ID
			if b.Merge.Push != nil {
				e.Payload = &town.MergeCompleted{Commit: b.Merge.Push.Commit}
			}
		}
	}
	return e
}

// aboutAgent reports what an agent or its process does, mostly of its current run.
func (l *Life) aboutAgent() town.Event {
	agents := l.State.Agents()
	if len(agents) == 0 {
		return l.Event(l.newBeads())
	}
	a := agents[l.pick(len(agents))]
	branch := ""
	if b := l.State.Bead(a.Hook); b != nil {
		branch = b.Branch
	}
	done := town.Payload(&town.AgentDone{Branch: branch, Head: "c0ffee", Summary: "done"})
	if a.Role == town.Refinery {
		done = &town.MergeTested{Commit: "deadbeef", Tip: "7171"}
	}
	e := l.Event([]town.Payload{
		done, done, &town.DispatchAccepted{}, &town.ContainerStatus{Status: town.Running},
		&town.DispatchRejected{Class: "infra", Infra: true, Reason: "no room"}, &town.AgentCheckpoint{Text: "half way"},
		&town.AgentCompleted{Result: town.RunFailed, Reason: "crashed", ExitCode: 3}, &town.AgentStopConfirmed{},
	}[l.pick(8)])
	e.Agent, e.Run = a.ID, a.Run
	if l.pick(10) == 0 {
		e.Run--
	}
	return e
}
