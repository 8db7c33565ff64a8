package web_test

import (
	"fmt"
	"testing"

	"gastown/internal/town"
	"gastown/internal/web"
)

// Lengths of time read the same whether the server or the pages' script wrote them, and go on with the
// clock of the server, whatever the reader's says.
func TestLengthsOfTime(t *testing.T) {
	t.Parallel()
	const day = 24 * town.Hour
	w := open(t, newStory(t))
	b := newTab(t)
	b.open(w.url + "/login")
	b.until(`typeof span === "function"`)
	for d, want := range map[town.Duration]string{
		0: "0 s", 999: "0 s", 59 * town.Second: "59 s", town.Minute: "1 min", town.Hour - 1: "59 min", town.Hour: "1 h",
		town.Hour + 61*town.Second: "1 h 1 min", day - 1: "23 h 59 min", day: "1 d", day + 2*town.Hour: "1 d 2 h", 7*day + 2*town.Hour: "7 d", 400 * day: "400 d",
	} {
		if got := web.Span(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
		if got := eval[string](b, fmt.Sprintf("span(%d)", d)); got != want {
			t.Errorf("%s is %q in script, want %q", d, got, want)
		}
	}
	if off := eval[float64](b, "Date.now() + ahead") - float64(w.clock().UnixMilli()); off < 0 || off > float64(patience.Milliseconds()) {
		t.Errorf("the script's clock is %f ms from the server's", off)
	}
}
