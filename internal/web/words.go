package web

import (
	"fmt"
	"strings"
	"time"

	"gastown/internal/town"
)

// when is a moment as pages show it: how long ago, with the exact time at hand.
type when struct {
	ISO   string // for machines; empty for never
	Ms    int64
	Clock string // time of day, in UTC
	Full  string
	Ago   string // how long before now
	Ahead bool   // it is still to come: Ago is how long until then
}

// whenOf describes a moment as seen from now.
func whenOf(at, now town.Time) when {
	if at == 0 {
		return when{}
	}
	t := at.Std()
	w := when{ISO: t.Format(time.RFC3339Nano), Ms: int64(at), Clock: t.Format("15:04:05"), Full: t.Format("2006-01-02 15:04:05.000") + " UTC"}
	if w.Ahead = at > now; w.Ahead {
		w.Ago = span(at.Since(now))
	} else {
		w.Ago = span(now.Since(at))
	}
	return w
}

// span puts a length of time into few words: its two largest units. The pages' script knows the same
// words.
func span(d town.Duration) string {
	s := int64(d / town.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min", s/60)
	case s < 24*3600:
		if m := s % 3600 / 60; m != 0 {
			return fmt.Sprintf("%d h %d min", s/3600, m)
		}
		return fmt.Sprintf("%d h", s/3600)
	}
	if h := s % (24 * 3600) / 3600; h != 0 && s < 7*24*3600 {
		return fmt.Sprintf("%d d %d h", s/(24*3600), h)
	}
	return fmt.Sprintf("%d d", s/(24*3600))
}

// plain is a status or a type as people say it.
func plain[T ~string](s T) string { return strings.ReplaceAll(string(s), "_", " ") }

// count puts a number and a noun together.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// clip shortens a text to n characters, and takes line breaks for spaces.
func clip(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > n {
		return strings.TrimSpace(string(r[:n-1])) + "…"
	}
	return s
}

// badge is a status as a page shows it: a word, and a mark by its class.
type badge struct {
	Class string // of the style sheet
	Word  string
}

// badges knows the style of every status of beads and agents; others look neutral.
var badges = map[string]string{
	string(town.Open): "open", string(town.InProgress): "progress", string(town.InReview): "review",
	string(town.Closed): "closed", string(town.Failed): "failed",
	string(town.Working): "progress", string(town.Idle): "open", string(town.Waiting): "review",
	string(town.Stalled): "warn", string(town.Dead): "failed",
}

func badgeOf[T ~string](status T) badge {
	class := badges[string(status)]
	if class == "" {
		class = "open"
	}
	return badge{class, plain(status)}
}
