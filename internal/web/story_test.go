package web_test

import (
	"fmt"
	"testing"

	"gastown/internal/journal/memory"
	"gastown/internal/town"
)

// begin is when every story begins.
const begin = town.Time(1_790_000_000_000)

// story is a town with a history, made on a time of its own.
type story struct {
	t   *testing.T
	j   *memory.Journal
	s   *town.State
	now town.Time
	n   int
	// effects are those that nobody has answered yet.
	effects []town.Effect
}

func newStory(t *testing.T) *story {
	t.Helper()
	j, err := memory.NewStore().Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	s := &story{t: t, j: j, s: town.New("main", "Main Street", "testtownaaaaaaaaaaaaaaaaaa", begin), now: begin}
	if err := j.CreateTown(t.Context(), "main", "Main Street", begin, s.s.Snapshot()); err != nil {
		t.Fatal(err)
	}
	return s
}

// step lets time go on and the town take events, as a loop would.
func (s *story) step(after town.Duration, events ...town.Event) *town.Tick {
	s.t.Helper()
	s.now = s.now.Add(after)
	for i := range events {
		s.n++
		events[i].ID, events[i].Type, events[i].Created = fmt.Sprint("e", s.n), events[i].Payload.Type(), s.now
	}
	if len(events) > 0 {
		if _, err := s.j.Append(s.t.Context(), "main", events); err != nil {
			s.t.Fatal(err)
		}
	}
	pending, err := s.j.Pending(s.t.Context(), "main", 100)
	if err != nil {
		s.t.Fatal(err)
	}
	rec := s.s.Step(town.Input{Now: s.now, Events: pending})
	if rec.Empty() {
		return rec
	}
	if err := s.j.CommitTick(s.t.Context(), "main", rec); err != nil {
		s.t.Fatal(err)
	}
	s.effects = append(s.effects, rec.Effects...)
	return rec
}

// rest lets time go on for that long, with a tick at every moment at which something comes due.
func (s *story) rest(d town.Duration) {
	s.t.Helper()
	for end := s.now.Add(d); s.now < end; {
		due := s.s.NextDue()
		if due == 0 || due > end {
			due = end
		}
		s.step(max(due.Since(s.now), 0))
	}
}

// begins sets the town up, with one rig.
func (s *story) begins(polecats int) {
	s.t.Helper()
	s.step(0,
		town.Event{By: "ann", Payload: &town.TownConfigured{Settings: town.Settings{
			Agents: map[town.Role]town.AgentCommand{town.Polecat: {Preset: "claude"}}, MaxPolecatsPerRig: &polecats,
			Env: map[string]string{"DSN": "postgres://ann:hunter2@db.example/x"},
		}}},
		town.Event{By: "ann", Payload: &town.RigAdded{Rig: "web", URL: "https://git.example/web", DefaultBranch: "main"}})
}

// stuck is a window in which an agent falls silent while nobody knows whether it was started, its bead
// waits for the back-off, and the starts of the others fail alike until the breaker opens. It returns
// the tick in which the bead got stuck.
func stuck(t *testing.T) (s *story, at town.TickNo) {
	t.Helper()
	s = newStory(t)
	s.begins(6)
	beads := []town.NewBead{{Title: "Greet the world", Priority: town.High}}
	for _, name := range []string{"Wave", "Nod", "Bow", "Smile", "Wink"} {
		beads = append(beads, town.NewBead{Title: name + " at the world", Body: "As it is done <b>there</b>."})
	}
	s.step(town.Second, town.Event{By: "ann", Payload: &town.BeadCreated{Beads: beads}})
	s.step(town.Second, town.Event{Agent: "toast", Run: 1, By: "effect", Payload: &town.DispatchUnknown{}})
	s.step(town.Second, town.Event{Agent: "toast", Run: 1, By: "observer", Payload: &town.ContainerStatus{Status: town.Running}})
	s.refuseStarts("toast")
	at = s.step(town.Second, town.Event{Agent: "toast", Run: 1, By: "observer", Payload: &town.HeartbeatLost{}}).No
	s.step(town.Second, town.Event{Agent: "toast", Run: 1, By: "effect", Payload: &town.AgentStopConfirmed{}})
	for range 500 {
		if broken(s.s) {
			break
		}
		if !s.refuseStarts("") {
			s.rest(30 * town.Second)
		}
	}
	if !broken(s.s) {
		t.Fatal("the breaker does not open")
	}
	s.rest(town.Minute)
	return s, at
}

// refuseStarts has every start that is under way fail for want of a network, but one agent's. It
// reports whether there was any.
func (s *story) refuseStarts(but town.AgentID) bool {
	var events []town.Event
	for _, a := range s.s.Agents() {
		if a.Dispatch == town.DispatchPending && a.ID != but {
			events = append(events, town.Event{Agent: a.ID, Run: a.Run, By: "effect",
				Payload: &town.DispatchRejected{Class: "git_network", Infra: true, Reason: "no route to git.example"}})
		}
	}
	if len(events) > 0 {
		s.step(town.Second, events...)
	}
	return len(events) > 0
}

func broken(s *town.State) bool {
	for _, k := range s.Breakers() {
		if k.Opened != 0 {
			return true
		}
	}
	return false
}

func tickAddress(at town.TickNo) string { return fmt.Sprintf("/towns/main/replay?tick=%d", at) }
