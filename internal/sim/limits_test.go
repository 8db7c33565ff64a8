package sim

import (
	"testing"

	"gastown/internal/town"
)

// What is beyond a bound of the core is found, and what is at the bound is not.
func TestBoundsAreChecked(t *testing.T) {
	t.Parallel()
	s := town.New("t", "Town", Start)
	failed := func(n int) *town.Bead {
		b := &town.Bead{ID: "gt-1a", Type: town.TriageRequest, Status: town.InProgress, Triage: &town.TriagePart{}}
		for range n {
			b.Attempts = append(b.Attempts, town.Attempt{Ended: Start, Fault: town.InfraFault})
		}
		return b
	}
	raised := func(n int) *town.Bead {
		return &town.Bead{ID: "gt-1a", Type: town.Escalation, Escalation: &town.EscalationPart{Raised: n}}
	}
	told := func(n int) *town.Bead {
		return &town.Bead{ID: "gt-1a", Type: town.Escalation, Escalation: &town.EscalationPart{Notice: town.Notice{Try: n}}}
	}
	reworked := func(n int) *town.Bead {
		return &town.Bead{ID: "gt-1a", Type: town.MergeRequest, Merge: &town.MergePart{Reworks: n}}
	}
	for _, x := range []struct {
		what  string
		bead  func(int) *town.Bead
		bound int
	}{
		{"failed triage runs", failed, town.MaxTriageRuns - 1}, {"re-escalations", raised, town.MaxRaised}, {"notices", told, town.MaxNotifyTries},
		{"reworks", reworked, town.DefaultConfig().MaxDispatchAttempts},
	} {
		for n, wrong := range map[int]bool{x.bound: false, x.bound + 1: true} {
			c := newChecker(stream(1, 1), nil, nil)
			c.st = s
			c.bounds(s, &town.Tick{}, x.bead(n))
			if (c.failure != nil) != wrong {
				t.Errorf("%d %s: %+v", n, x.what, c.failure)
			}
		}
	}
}

// A tier's nudge within the life of the one before is found.
func TestRemindersAreChecked(t *testing.T) {
	t.Parallel()
	for gap, wrong := range map[town.Duration]bool{town.NudgeLife - 1: true, town.NudgeLife: false} {
		s, c := town.New("t", "Town", Start), newChecker(stream(1, 1), nil, nil)
		rec := town.Tick{At: Start, Actions: []town.Action{{Kind: town.CreateNudge, Agent: "toast", Category: string(town.TierWarn)}}}
		c.ledger.care.recorded(s, &rec)
		rec.At = Start.Add(gap)
		if c.reminders(&rec); (c.failure != nil) != wrong {
			t.Errorf("after %s: %+v", gap, c.failure)
		}
	}
}
