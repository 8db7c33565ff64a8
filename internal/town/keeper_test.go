package town

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// Of any agents on one bead the newest run that is heard keeps it, or the newest run where none is heard: it is neither
// stopped nor let go, and every other one is. What says who works on the bead says so.
func TestTheNewestHeardRunKeepsItsBead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		given := "rig web\nbead gt-a1 issue in_progress rig=web\n"
		n := rapid.IntRange(2, 5).Draw(t, "holders")
		runs := rapid.Permutation([]Run{1, 2, 3, 4, 5}).Draw(t, "runs")
		want, heardOne := Run(0), false
		for i := range n {
			run := runs[i]
			status := rapid.SampledFrom([]string{"working", "working", "stalled"}).Draw(t, "status")
			how := rapid.SampledFrom([]string{
				"dispatch=accepted observed=running", "dispatch=accepted observed=running", "dispatch=pending observed=",
				"dispatch=accepted observed=unknown", "dispatch=accepted observed=running stopping=now",
			}).Draw(t, "how")
			heard := how == "dispatch=accepted observed=running"
			if heard && (!heardOne || run > want) || !heard && !heardOne && run > want {
				want = run
			}
			heardOne = heardOne || heard
			given += fmt.Sprintf("agent %s %s rig=web hook=gt-a1 run=%d %s\n", polecatNames[i], status, run, how)
		}
		p := playground{t: t}
		if err := p.given(given); err != nil {
			t.Fatalf("%v\n%s", err, given)
		}
		p.tick(nil)
		for _, a := range p.s.Agents() {
			switch kept := a.Run == want; {
			case kept && a.Hook != "gt-a1":
				t.Fatalf("run %d should have kept it:\n%s\n%s", want, given, p.showAll())
			case !kept && (a.Hook != "" || a.Status != Idle || a.Process() && a.Stopping == 0):
				t.Fatalf("run %d goes on beside run %d:\n%s\n%s", a.Run, want, given, p.showAll())
			}
		}
		if b := p.s.Bead("gt-a1"); b.Status != InProgress || b.lastAttempt().Run != want {
			t.Fatalf("the bead is %s, by run %d and not %d:\n%s", b.Status, b.lastAttempt().Run, want, given)
		}
	})
}
