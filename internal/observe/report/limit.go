package report

import (
	"slices"
	"sync"
	"time"

	"github.com/getsentry/sentry-go"
)

// The bounds of what is sent. The SDK has none of its own: what it cannot send it drops, whether it is
// the thousandth report of a kind or the first.
const (
	// window is the time in which reports are counted.
	window = time.Hour
	// perKey bounds the reports of one kind within it.
	perKey = 5
	// inTotal bounds those of all kinds. The first of a kind passes all the same: the kinds come from
	// the code, so there are few.
	inTotal = 60
	// summaryEvery is the least time between two summaries of what was held back.
	summaryEvery = 10 * time.Minute
)

// limiter decides which reports are sent.
type limiter struct {
	mu      sync.Mutex
	keys    map[string]*counted
	all     counted
	held    int
	summary time.Time // of the last one
}

// counted counts within a window.
type counted struct {
	since time.Time
	sent  int
	held  int // since the last summary
}

func newLimiter() *limiter { return &limiter{keys: map[string]*counted{}} }

// begin starts a new window if the last one is over.
func (c *counted) begin(now time.Time) {
	if now.Sub(c.since) >= window {
		c.since, c.sent = now, 0
	}
}

// allow reports whether one of this kind may be sent, and counts it.
func (l *limiter) allow(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.keys[key]
	first := c == nil
	if first {
		c = &counted{since: now}
		l.keys[key] = c
	}
	c.begin(now)
	l.all.begin(now)
	if !first && (c.sent >= perKey || l.all.sent >= inTotal) {
		c.held++
		l.held++
		return false
	}
	c.sent++
	l.all.sent++
	return true
}

// heldBack is how many reports of a kind were not sent.
type heldBack struct {
	key   string
	count int
}

// take returns what was held back since it was asked last, most first, if there is something and it is
// time to say so.
func (l *limiter) take(now time.Time, atOnce bool) (total int, list []heldBack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == 0 || !atOnce && !l.summary.IsZero() && now.Sub(l.summary) < summaryEvery {
		return 0, nil
	}
	total, l.held, l.summary = l.held, 0, now
	for key, c := range l.keys {
		if c.held > 0 {
			list = append(list, heldBack{key, c.held})
			c.held = 0
		}
	}
	slices.SortFunc(list, func(a, b heldBack) int {
		if a.count != b.count {
			return b.count - a.count
		}
		if a.key < b.key {
			return -1
		}
		return 1
	})
	return total, list
}

// summarize tells what was held back.
func (r *Reporter) summarize(atOnce bool) {
	now := r.opts.Now()
	total, list := r.limit.take(now, atOnce)
	if total == 0 {
		return
	}
	kinds := map[string]any{}
	for _, h := range list {
		kinds[h.key] = h.count
	}
	r.capture(finding{
		class: []string{"gastown", "held_back"}, level: sentry.LevelWarning,
		message: "Reports were held back: there were too many of a kind",
		details: map[string]any{"heldBack": total, "kinds": kinds},
	}, now)
}
