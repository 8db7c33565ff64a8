package town

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// However many attempts a bead has, those that count against the cap stay on record, with the newest
// fifty of the others; what a retry has forgiven stays forgiven, and nothing changes its order.
func TestAttemptsAreBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := &Bead{}
		var all []Attempt // with Reason saying whether it was forgiven
		for i := range rapid.IntRange(0, 200).Draw(t, "attempts") {
			if rapid.IntRange(0, 29).Draw(t, "retried") == 0 {
				b.Forgiven = len(b.Attempts)
				for j := range all {
					all[j].Reason = "forgiven"
				}
			}
			fault := []Fault{NoFault, AgentFault, InfraFault}[rapid.IntRange(0, 2).Draw(t, "fault")]
			at := Attempt{Run: Run(i + 1), Ended: Time(i + 1), Fault: fault}
			b.begin(at)
			all = append(all, at)
		}
		var want []Run
		others, forgiven := 0, 0
		for i := len(all) - 1; i >= 0; i-- {
			counts := all[i].Fault == AgentFault && all[i].Reason == ""
			// The newest is kept in any case: when it begins nobody knows yet whether it will count.
			if !counts && others == keptAttempts {
				continue
			}
			if !counts {
				others++
			}
			if all[i].Reason != "" {
				forgiven++
			}
			want = append([]Run{all[i].Run}, want...)
		}
		var got []Run
		for _, at := range b.Attempts {
			got = append(got, at.Run)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || b.Forgiven != forgiven {
			t.Fatalf("runs %v with %d forgiven, want %v with %d", got, b.Forgiven, want, forgiven)
		}
	})
}

// What waits for nothing but an event is looked at again within 10 to 20 minutes, and a crowd that
// began to wait together does not come due together.
func TestRechecksAreSpread(t *testing.T) {
	t.Parallel()
	perMinute := map[Duration]int{}
	for i := range 10_000 {
		w := Wait{Reason: "an event"}
		at := w.lookAgain(scenarioStart, ref{KindBead, fmt.Sprint("gt-", i, "a")}).Since(scenarioStart)
		if at < recheckEvery || at >= recheckEvery+recheckSpread {
			t.Fatalf("looked at again after %s", at)
		}
		perMinute[at/Minute]++
	}
	for m, n := range perMinute {
		if n > 1_200 {
			t.Errorf("%d of 10000 come due in minute %d", n, m)
		}
	}
}
