package town

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// standing is the status of every bead and agent.
func standing(s *State) map[About]string {
	out := map[About]string{}
	for _, b := range s.Beads() {
		out[About{KindBead, string(b.ID)}] = string(b.Status)
	}
	for _, a := range s.Agents() {
		out[About{KindAgent, string(a.ID)}] = string(a.Status)
	}
	return out
}

// Whatever happens, no status changes without something that is told about it, in a tick that says
// that it is about it; and what is told of a tick is in order and only of that tick.
func TestNoStatusChangesSilently(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(t, pickFrom(t), true)
		for range rapid.IntRange(1, 40).Draw(t, "turns") {
			c.turn()
		}
		s := c.restored(c.base)
		for _, in := range c.inputs {
			before := standing(s)
			rec := s.Step(in)
			after := standing(s)
			about := rec.About()
			for x, status := range after {
				list, err := Happened(x, rec, in.Events)
				if err != nil {
					t.Fatal(err)
				}
				for i, h := range list {
					if h.Tick != rec.No || h.At != rec.At || h.Part != i+1 || h.What == "" {
						t.Fatalf("of tick %d is told: %+v", rec.No, h)
					}
				}
				if before[x] != status && (len(list) == 0 || !slices.Contains(about, x)) {
					t.Fatalf("%s went from %q to %s, and tick %d tells of %d things:\n%s",
						x.ID, before[x], status, rec.No, len(list), c.print(in.Events, rec))
				}
			}
		}
	})
}

// The record tells what it can where the events are not at hand.
func TestHappenedWithoutTheEvents(t *testing.T) {
	t.Parallel()
	rec := &Tick{No: 7, At: 1000,
		Events: []EventOutcome{
			{Seq: 1, Type: "bead_created", Verdict: Applied, Made: []string{"gt-7a"}},
			{Seq: 2, Type: "bead_held", Verdict: Rejected, Reason: "there is no bead gt-x in this town"},
		},
		Actions: []Action{
			{Kind: CreateEscalation, Rule: "care/x", Bead: "gt-1a", Made: "gt-7b", Reason: "look"},
			{Kind: TransitionBead, Rule: "beads/y", Bead: "gt-7a", From: "open", To: "failed", Reason: "why", Broken: "gt-7a is closed, not open"},
		},
		Violations: []Violation{
			{Invariant: 6, Message: "2 agents hold gt-7a", Kind: KindBead, ID: "gt-7a", State: ViolationAppeared},
			{Invariant: 10, Message: "gt-7a is held, and in progress", Kind: KindBead, ID: "gt-7a", State: ViolationAppeared, Recovered: true},
			{Invariant: 13, Message: "gt-7a is in order again", Kind: KindBead, ID: "gt-7a", State: ViolationResolved},
		},
	}
	got, err := Happened(About{KindBead, "gt-7a"}, rec, nil)
	want := []Happening{
		{Tick: 7, Part: 1, At: 1000, What: "bead_created", Bead: "gt-7a", Outcome: Applied},
		{Tick: 7, Part: 2, At: 1000, What: "transition_bead", By: "beads/y", Bead: "gt-7a", From: "open", To: "failed", Reason: "not done: gt-7a is closed, not open"},
		{Tick: 7, Part: 3, At: 1000, What: ViolationFound, By: "invariant 6", Reason: "2 agents hold gt-7a"},
		{Tick: 7, Part: 4, At: 1000, What: ViolationFound, By: "invariant 10", Reason: "gt-7a is held, and in progress; mended at once"},
		{Tick: 7, Part: 5, At: 1000, What: ViolationOver, By: "invariant 13", Reason: "gt-7a is in order again"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
	}
	if got, err := Happened(About{KindBead, "gt-7b"}, rec, nil); err != nil || len(got) != 1 || got[0].What != "create_escalation" {
		t.Errorf("of what an action made is told: %+v, %v", got, err)
	}
	if got, err := Happened(About{Kind: KindBead}, rec, nil); err != nil || len(got) != 0 {
		t.Errorf("of no name is told: %+v, %v", got, err)
	}
	if got := rec.About(); !slices.Equal(got, []About{{KindBead, "gt-1a"}, {KindBead, "gt-7a"}, {KindBead, "gt-7b"}}) {
		t.Errorf("the tick is about %v", got)
	}
}

// A damaged record is an error and not an empty history.
func TestHappenedOfADamagedRecord(t *testing.T) {
	t.Parallel()
	rec := &Tick{No: 3, Changes: []Change{{Kind: KindBead, ID: "gt-1a", Version: entityVersion, Data: []byte{0xff}}}}
	if _, err := Happened(About{KindBead, "gt-1a"}, rec, nil); err == nil || !strings.Contains(err.Error(), "gt-1a in tick 3") {
		t.Errorf("got %v", err)
	}
}

// The words of a sender are cut where they would fill a page, and a payload that nobody thought of
// here is shown as it is.
func TestWordsOfEvents(t *testing.T) {
	t.Parallel()
	text := "x"
	for _, c := range []struct {
		p    Payload
		want string
	}{
		{&BeadUpdated{Title: &text, Labels: &[]string{}}, "title, labels"},
		{&AgentDone{NoChanges: "it is there", Summary: "looked"}, "it is there: looked"},
		{&AgentDone{Branch: "b"}, ""},
		{&ContainerStatus{Status: Exited}, "exited"},
		{&AgentCompleted{Result: RunFailed, ExitCode: 3}, "failed: its process ended with exit status 3"},
		{&DispatchRejected{Class: "clone", Reason: "no network"}, "clone: no network"},
		{&BranchVerified{}, "there is no such branch"},
		{&BranchVerified{Head: "c", Ahead: 2}, "2 commits ahead of its target"},
		{&BranchVerified{Error: "no disk"}, "no disk"},
		{&BranchVerified{Head: "c", Ahead: 2, Astray: "2 commits are elsewhere"}, "2 commits are elsewhere"},
		{&BranchVerified{Head: "c", Ahead: 2, Others: []string{"gt-1a", "gt-2a"}}, "2 commits ahead of its target, some of them of gt-1a, gt-2a"},
		{&MergeConflicted{Files: []string{"a", "b"}}, "conflicts in a, b"},
		{&MergeRejected{Gate: "test", Log: "much"}, "the gate test failed"},
		{&LateCommits{}, "nothing came after done"},
		{&LateCommits{Count: 1, Head: "c"}, "1 commit came after done and is not merged: c"},
		{&HeartbeatLost{}, ""},
		{&RigRemoved{Rig: "web"}, `{"rig":"web"}`},
		{&ChangesRequested{Feedback: strings.Repeat("é", maxWords)}, strings.Repeat("é", maxWords/2)},
	} {
		e := &Event{Type: c.p.Type(), Payload: c.p}
		if got := ofEvent(e, &EventOutcome{Type: e.Type, Verdict: Applied}).Reason; got != c.want {
			t.Errorf("%s says %q, want %q", e.Type, got, c.want)
		}
	}
}
