package town

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// TownID names a town. It is part of URLs and file names.
type TownID string

// RigID is a rig's name: unique in its town and never changed.
type RigID string

// BeadID names a bead, unique in its town for ever: "gt-<tick><letters>", derived from the tick
// that created it, so that a replay makes the same ids.
type BeadID string

// AgentID names an agent, unique among the living agents of its town.
type AgentID string

// Run is the generation of a dispatch and the fencing token of everything an agent says. It is
// counted per town, so two dispatches never share one, not even of two agents with the same name.
type Run int64

// Seq is an event's place in its town's history, from 1, strictly increasing.
type Seq int64

// TickNo numbers the recorded ticks of a town, from 1, without gaps.
type TickNo int64

// Time is a moment in milliseconds since the Unix epoch, UTC; zero means never. The core has its
// own type so that no zone, no monotonic reading and no clock can get in.
type Time int64

// Duration is a length of time in milliseconds.
type Duration int64

// Lengths of time that the core's numbers are written in.
const (
	Second Duration = 1000
	Minute          = 60 * Second
	Hour            = 60 * Minute
)

// TimeOf converts a wall-clock time.
func TimeOf(t time.Time) Time {
	if t.IsZero() {
		return 0
	}
	return Time(t.UnixMilli())
}

// Std converts to the standard library's type, in UTC; never is the zero time.
func (t Time) Std() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(t)).UTC()
}

// Add returns the moment d later.
func (t Time) Add(d Duration) Time { return t + Time(d) }

// Since returns how long before t the moment u was.
func (t Time) Since(u Time) Duration { return Duration(t - u) }

// String prints t as RFC 3339 with milliseconds, in UTC.
func (t Time) String() string {
	if t == 0 {
		return "never"
	}
	return t.Std().Format("2006-01-02T15:04:05.000Z07:00")
}

// MarshalText implements encoding.TextMarshaler; never is the empty string.
func (t Time) MarshalText() ([]byte, error) {
	if t == 0 {
		return nil, nil
	}
	return []byte(t.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler for what ParseTime reads; never is the empty text.
func (t *Time) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*t = 0
		return nil
	}
	*t, err = ParseTime(string(b))
	return err
}

// TimeForm says how a moment is written.
const TimeForm = "a moment in RFC 3339, such as 2026-11-23T10:00:00Z"

// ParseTime reads a moment. The error names the form that it must have. The moment that zero stands for is read as the
// millisecond after it: who names one does not mean never.
func ParseTime(text string) (Time, error) {
	v, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, fmt.Errorf("is %.40q, must be %s", text, TimeForm)
	}
	if t := TimeOf(v); t != 0 {
		return t, nil
	}
	return 1, nil
}

// Std converts to the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) * time.Millisecond }

// String prints d as people write it: "1h30m", "45s".
func (d Duration) String() string { return shortDuration(d.Std()) }

// shortDuration drops the zero minutes and seconds that time.Duration prints ("10m0s").
func shortDuration(d time.Duration) string {
	s := d.String()
	if len(s) > 2 && s[len(s)-2:] == "0s" && s[len(s)-3] == 'm' {
		s = s[:len(s)-2]
	}
	if len(s) > 2 && s[len(s)-2:] == "0m" && s[len(s)-3] == 'h' {
		s = s[:len(s)-2]
	}
	return s
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler for durations such as "90s" or "4h".
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return err
	}
	*d = Duration(v.Milliseconds())
	return nil
}

// derivedID makes the n-th id of a tick (from 0): the tick in digits, the counter in letters, so
// that no two (tick, n) read the same.
func derivedID(tick TickNo, n int) string {
	var letters []byte
	for n++; n > 0; n = (n - 1) / 26 {
		letters = append([]byte{byte('a' + (n-1)%26)}, letters...)
	}
	return strconv.FormatInt(int64(tick), 10) + string(letters)
}

// TickOf is the tick in which a bead was made, as its id says; false if the id is none that ticks derive.
func TickOf(id BeadID) (TickNo, bool) {
	no, found := strings.CutPrefix(string(id), "gt-")
	no = strings.TrimRight(no, "abcdefghijklmnopqrstuvwxyz")
	n, err := strconv.ParseInt(no, 10, 64)
	return TickNo(n), found && err == nil && n > 0
}
