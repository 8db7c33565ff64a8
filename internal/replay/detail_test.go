package replay

import (
	"context"
	"errors"
	"testing"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// One tick comes out as in a replay of the whole history, with the state as it was recorded, and what
// it changed is what the states before and after it differ in.
func TestDetails(t *testing.T) {
	t.Parallel()
	l := stuck(t)
	all, _ := replayed(t, l, Query{})
	for _, x := range all {
		m, err := DetailOf(context.Background(), l.j, "main", x.Recorded.No)
		if err != nil {
			t.Fatal(err)
		}
		if !m.Agree || len(m.Events) != len(x.Events) || m.State.Tick() != x.Recorded.No || m.State.Digest() != x.Recorded.Digest {
			t.Errorf("tick %d: agrees %t, %d events, state after tick %d", x.Recorded.No, m.Agree, len(m.Events), m.State.Tick())
		}
		if len(m.Changed) != len(x.Recorded.Changes) {
			t.Errorf("tick %d changed %d entities, says %d", x.Recorded.No, len(x.Recorded.Changes), len(m.Changed))
		}
	}
}

func TestWhatATickChanged(t *testing.T) {
	t.Parallel()
	l := stuck(t)
	m, err := DetailOf(context.Background(), l.j, "main", 2)
	if err != nil {
		t.Fatal(err)
	}
	made := map[town.Kind]int{}
	for _, c := range m.Changed {
		if c.Made {
			made[c.Kind]++
		}
	}
	if made[town.KindBead] != 2 || made[town.KindAgent] != 1 {
		t.Errorf("tick 2 made %v, want two beads and an agent", made)
	}
	// Tick 5 takes the lost heartbeat: the agent lets its bead go.
	m, err = DetailOf(context.Background(), l.j, "main", 5)
	if err != nil {
		t.Fatal(err)
	}
	want := Field{Path: "hook", Before: "gt-2a"}
	for _, c := range m.Changed {
		if c.Kind != town.KindAgent || c.ID != "toast" {
			continue
		}
		for _, f := range c.Fields {
			if f == want {
				return
			}
		}
	}
	t.Errorf("tick 5 does not say that toast let gt-2a go: %+v", m.Changed)
}

// Where the record was changed, it shows what was recorded and not what comes out.
func TestADetailThatDiffers(t *testing.T) {
	t.Parallel()
	l := stuck(t)
	j := edited{l.j, func(x *town.Tick) {
		if x.No == 5 {
			x.Actions[0].Reason = "because"
		}
	}}
	m, err := DetailOf(context.Background(), j, "main", 5)
	if err != nil {
		t.Fatal(err)
	}
	diffs, err := m.Differences()
	if err != nil || m.Agree || len(diffs) != 1 || diffs[0].Path != "actions[0].reason" || m.State.Tick() != 5 {
		t.Errorf("agrees %t, differs in %+v (%v)", m.Agree, diffs, err)
	}
}

func TestDetailsThatAreNot(t *testing.T) {
	t.Parallel()
	l := stuck(t)
	for _, no := range []town.TickNo{-1, 0, l.s.Tick() + 1} {
		if _, err := DetailOf(context.Background(), l.j, "main", no); !errors.Is(err, journal.ErrNotFound) {
			t.Errorf("tick %d: %v", no, err)
		}
	}
}
