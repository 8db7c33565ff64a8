package town

import (
	"strings"
	"testing"
	"time"
)

// A moment is read as it is written, whatever its zone; none is read as never, and what is no moment is told how one
// is written.
func TestMomentsAreRead(t *testing.T) {
	t.Parallel()
	at := TimeOf(time.Date(2026, 11, 23, 10, 0, 0, 250_000_000, time.UTC))
	for text, want := range map[string]Time{
		at.String(): at, "2026-11-23T11:00:00.25+01:00": at, "2026-11-23T10:00:00Z": at - 250,
		"1970-01-01T00:00:00Z": 1, "0001-01-01T00:00:00Z": 1, "1969-12-31T23:59:59.999Z": -1,
	} {
		got, err := ParseTime(text)
		var unmarshalled Time
		if other := unmarshalled.UnmarshalText([]byte(text)); err != nil || other != nil || got != want || unmarshalled != want {
			t.Errorf("%s is read as %d and %d, want %d (%v, %v)", text, got, unmarshalled, want, err, other)
		}
	}
	var never Time = 5
	if err := never.UnmarshalText(nil); err != nil || never != 0 {
		t.Errorf("no text is read as %d (%v)", never, err)
	}
	for _, text := range []string{"yesterday", "2026-11-23", "10:00", strings.Repeat("x", 1000)} {
		if _, err := ParseTime(text); err == nil || !strings.Contains(err.Error(), TimeForm) || len(err.Error()) > 150 {
			t.Errorf("%.50s: %v", text, err)
		}
	}
}
