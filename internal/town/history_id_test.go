package town

import (
	"strings"
	"testing"
)

// testHistory is the history of the towns in this package's tests; the towns' tag is testtown.
const testHistory History = "testtownaaaaaaaaaaaaaaaaaa"

func TestHistoryOf(t *testing.T) {
	t.Parallel()
	h := HistoryOf([16]byte{0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff})
	if len(h) != 26 || !h.Valid() || h.Tag() != string(h[:8]) || strings.Trim(string(h), "abcdefghijklmnopqrstuvwxyz234567") != "" {
		t.Errorf("%q, tag %q", h, h.Tag())
	}
	for _, bad := range []History{"", "testtown", h + "a", h[:25] + "9", History(strings.ToUpper(string(h))), h[:25] + "b"} {
		if bad.Valid() {
			t.Errorf("%q is taken for a history", bad)
		}
	}
}

func TestTownIsNotMadeWithoutHistory(t *testing.T) {
	t.Parallel()
	if s, err := Restore(New("t", "Town", testHistory, 1).Snapshot()); err != nil || s.Town().History != testHistory {
		t.Errorf("the history of a town is not restored: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a town is made without a history")
		}
	}()
	New("t", "Town", "", 1)
}
