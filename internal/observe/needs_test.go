package observe

import (
	"testing"
	"time"

	"gastown/internal/town"
)

// What waits for a person is counted by what it waits for, and no longer once a person has done it.
func TestWhatNeedsAPersonIsCounted(t *testing.T) {
	t.Parallel()
	m, c := fresh(0)
	w := newTown(t, m, c, "a")
	w.furnish(1, 1, 1)
	toast, staged := w.working()[0], true
	title := func(s string) []town.NewBead { return []town.NewBead{{Title: s, Rig: "rig-0"}} }
	made := w.step(
		town.Event{By: "ann", Payload: &town.BeadCreated{Beads: title("Fail")}},
		town.Event{By: "ann", Payload: &town.BeadCreated{Beads: title("Wait")}},
		town.Event{By: "ann", Payload: &town.BeadCreated{
			Convoy: &town.NewConvoy{Title: "Later", Staged: &staged}, Beads: title("Member")}},
		from(toast, &town.AgentEscalated{Severity: town.SeverityHigh, Category: "help", Message: "Where is the key?"}),
		from(toast, &town.MessageSent{To: town.ToPeople, Subject: "I am here", Body: "Yes."}),
	).Events
	fails, waits := town.BeadID(made[0].Made[0]), town.BeadID(made[1].Made[0])
	w.step(
		town.Event{Bead: fails, By: "ann", Payload: &town.BeadCancelled{As: town.Failed, Reason: "no use"}},
		town.Event{Bead: waits, By: "ann", Payload: &town.BeadHeld{Reason: "not before Monday"}},
	)
	expect(t, scrape(t, m), map[string]float64{
		`gastown_needs_person{kind="bead_failed",town="a"}`:   1,
		`gastown_needs_person{kind="held",town="a"}`:          1,
		`gastown_needs_person{kind="convoy_staged",town="a"}`: 1,
		`gastown_needs_person{kind="convoy_held",town="a"}`:   0,
		`gastown_needs_person{kind="escalation",town="a"}`:    1,
		`gastown_needs_person{kind="message",town="a"}`:       1,
		`gastown_needs_person{kind="triage",town="a"}`:        0,
	})
	c.at = c.at.Add(time.Minute)
	w.step(
		town.Event{Bead: fails, By: "ann", Payload: &town.BeadRetried{}},
		town.Event{Bead: waits, By: "ann", Payload: &town.BeadReleased{}},
	)
	expect(t, scrape(t, m), map[string]float64{
		`gastown_needs_person{kind="bead_failed",town="a"}`: 0,
		`gastown_needs_person{kind="held",town="a"}`:        0,
		`gastown_needs_person{kind="escalation",town="a"}`:  1,
	})
}
