package process

import "testing"

func TestParseStat(t *testing.T) {
	t.Parallel()
	const tail = " 7 8 9 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 4711 1 1"
	for line, zombie := range map[string]bool{
		"42 (sh) S" + tail:          false,
		"42 (a) Z 1 (2 3) S" + tail: false,
		"42 (new\nline) Z" + tail:   true,
		"42 (((x) y)) (z) R" + tail: false,
	} {
		got, err := parseStat(42, line)
		want := processInfo{identity: identity{42, 4711}, parent: 7, group: 8, session: 9, zombie: zombie}
		if err != nil || got != want {
			t.Errorf("%q gave %+v (%v), want %+v", line, got, err, want)
		}
	}
	for _, line := range []string{"", "42 (sh) S 1 2", "42 (sh) S x 8 9 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 4711"} {
		if got, err := parseStat(42, line); err == nil {
			t.Errorf("%q gave %+v and no error", line, got)
		}
	}
}
