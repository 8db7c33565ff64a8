package sim

import (
	"testing"

	"gastown/internal/town"
)

// What is beyond a bound of the core is found, and what is at the bound is not.
func TestBoundsAreChecked(t *testing.T) {
	t.Parallel()
	s := town.New("t", "Town", "testtownaaaaaaaaaaaaaaaaaa", Start)
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
		s, c := town.New("t", "Town", "testtownaaaaaaaaaaaaaaaaaa", Start), newChecker(stream(1, 1), nil, nil)
		rec := town.Tick{At: Start, Actions: []town.Action{{Kind: town.CreateNudge, Agent: "toast", Category: string(town.TierWarn)}}}
		c.ledger.care.recorded(s, &rec)
		rec.At = Start.Add(gap)
		if c.reminders(&rec); (c.failure != nil) != wrong {
			t.Errorf("after %s: %+v", gap, c.failure)
		}
	}
}

// What is begun before its blocker is over is found. A failed blocker holds unless the configuration says otherwise,
// and what goes on already need not wait.
func TestOrderIsChecked(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		what    string
		blocker town.BeadStatus
		policy  town.BlockerPolicy
		begun   bool
		wrong   bool
	}{
		{what: "an open blocker", blocker: town.Open, wrong: true},
		{what: "one in review", blocker: town.InReview, wrong: true},
		{what: "one that is closed", blocker: town.Closed},
		{what: "one that failed", blocker: town.Failed, wrong: true},
		{what: "one that failed and is not waited for", blocker: town.Failed, policy: town.BlockerContinue},
		{what: "one of a bead that goes on", blocker: town.Open, begun: true},
	} {
		s := town.New("t", "Town", "testtownaaaaaaaaaaaaaaaaaa", Start)
		events := []town.Event{
			{Payload: &town.RigAdded{Rig: "web", URL: "/srv/web", DefaultBranch: "main"}},
			{Payload: &town.BeadCreated{Beads: []town.NewBead{{Key: "a", Title: "First", Rig: "web"}, {Title: "Second", Rig: "web", DependsOn: []string{"a"}}}}},
		}
		if x.policy != "" {
			events = append(events, town.Event{Payload: &town.TownConfigured{Settings: town.Settings{OnBlockerFailed: &x.policy}}})
		}
		for i := range events {
			events[i].Seq, events[i].Type, events[i].By = town.Seq(i+1), events[i].Payload.Type(), "admin"
		}
		made := s.Step(town.Input{Now: Start, Events: events}).Events[1].Made
		first, second := town.BeadID(made[0]), town.BeadID(made[1])
		s, err := s.Rewritten(func(entity any) {
			if b, ok := entity.(*town.Bead); ok && b.ID == first {
				b.Status = x.blocker
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		c := newChecker(stream(1, 1), nil, nil)
		if x.begun {
			c.ledger.begins(second, &town.Bead{Status: town.InProgress})
		}
		c.order(s, &town.Tick{Actions: []town.Action{{Kind: town.DispatchAgent, Bead: second, Agent: "toast", Rule: "beads/dispatch"}}})
		if (c.failure != nil) != x.wrong {
			t.Errorf("%s: %+v", x.what, c.failure)
		}
	}
}
