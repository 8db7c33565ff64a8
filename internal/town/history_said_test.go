package town

import "testing"

// A renewal is told in words, and ids tell the tick that made them.
func TestRenewalInWords(t *testing.T) {
	t.Parallel()
	p := &HistoryRenewed{From: HistoryOf([16]byte{1}), To: HistoryOf([16]byte{2}), Reason: "An older copy."}
	if got, want := said(p), "tag "+p.To.Tag()+", formerly "+p.From.Tag()+": An older copy."; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	for id, want := range map[BeadID]TickNo{"gt-3a": 3, "gt-120ab": 120, "gt-": 0, "gt-a": 0, "release-9": 0, "gt-0a": 0, "gt--3a": 0, "gt-3a4": 0} {
		if got, ok := TickOf(id); ok != (want > 0) || ok && got != want {
			t.Errorf("%s is of tick %d, %t", id, got, ok)
		}
	}
	for n := range 30 {
		if got, ok := TickOf(BeadID("gt-" + derivedID(41, n))); !ok || got != 41 {
			t.Errorf("id %d of tick 41 is of tick %d, %t", n, got, ok)
		}
	}
}
