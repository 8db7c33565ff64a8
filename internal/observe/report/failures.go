package report

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/getsentry/sentry-go"

	"gastown/internal/town"
)

// inARow is how many effects of a kind must fail with one class, without a success between, until that
// is told: one that fails is the town's to deal with.
const inARow = 5

// lane is what failures are counted for.
type lane struct {
	town town.TownID
	kind town.EffectKind
}

// streak is failures in a row.
type streak struct {
	class string
	count int
	told  time.Time
}

// Effect notes what became of an effect: the class of its failure, or "" if it succeeded.
func (r *Reporter) Effect(id town.TownID, e *town.Effect, class string) {
	if r == nil {
		return
	}
	now := r.opts.Now()
	r.mu.Lock()
	count, tell := r.count(lane{id, e.Kind}, class, now)
	r.mu.Unlock()
	if !tell {
		return
	}
	kind := string(e.Kind)
	r.send(finding{
		class: []string{"gastown", "effect", kind, class}, key: "effect/" + kind + "/" + class, level: sentry.LevelError,
		message: fmt.Sprintf("Effects fail again and again: %s, %s", kind, class),
		tags:    map[string]string{"effect": kind, "class": class, "town_id": string(id)},
		details: map[string]any{
			"townId": string(id), "effect": kind, "class": class, "inARow": count,
			"agent": string(e.Agent), "bead": string(e.Bead), "run": int64(e.Run),
		},
	})
}

// count keeps the streak of a lane and says whether it is to be told now. The caller holds mu.
func (r *Reporter) count(l lane, class string, now time.Time) (int, bool) {
	if class == "" {
		delete(r.failing, l)
		return 0, false
	}
	s := r.failing[l]
	if s == nil || s.class != class {
		s = &streak{class: class}
		r.failing[l] = s
	}
	s.count++
	if s.count < inARow || !s.told.IsZero() && now.Sub(s.told) < repeatEvery {
		return s.count, false
	}
	s.told = now
	return s.count, true
}

// Journal tells that a town's loop, or without a town the server, cannot read or write the history. Class
// is the kind of failure.
func (r *Reporter) Journal(id town.TownID, class string) {
	if r == nil {
		return
	}
	r.send(ofTown(id, finding{
		class: []string{"gastown", "journal", class}, key: "journal/" + class, level: sentry.LevelError,
		message: "The journal cannot be read or written: " + class,
		tags:    map[string]string{"class": class},
		details: map[string]any{"class": class},
	}))
}

// Panicked tells of a panic that was recovered; place is where, in a word of the code. It is called by
// the deferred function that has recovered it, so that the stack is still there.
func (r *Reporter) Panicked(place string, id town.TownID, value any) {
	if r == nil {
		return
	}
	r.send(thrown(place, id, value, sentry.LevelError))
}

// Crashing tells of a panic and lets it go on, since nobody knows what is whole after it. It is deferred
// itself.
func (r *Reporter) Crashing(place string, id town.TownID) {
	if r == nil {
		return
	}
	p := recover()
	if p == nil {
		return
	}
	r.send(thrown(place, id, p, sentry.LevelFatal))
	r.client.Flush(flushTimeout)
	panic(p)
}

// thrown describes a panic by where in our code it was. What was thrown may hold anything, so that only
// the runtime's own words are sent, and of everything else the type.
func thrown(place string, id town.TownID, value any, level sentry.Level) finding {
	kind, text := reflect.TypeOf(value).String(), "its text is in the log"
	if e, ok := value.(runtime.Error); ok {
		text = e.Error()
	}
	trace := sentry.NewStacktrace()
	where := "unknown"
	for _, f := range trace.Frames { // the last is where it happened
		if strings.HasPrefix(f.Module, module) {
			where = f.Module + "." + f.Function
		}
	}
	handled := level != sentry.LevelFatal
	return ofTown(id, finding{
		class: []string{"gastown", "panic", place, where}, key: "panic/" + place + "/" + where, level: level,
		message: "A panic in " + where,
		tags:    map[string]string{"place": place},
		details: map[string]any{"place": place, "where": where},
		thrown: []sentry.Exception{{Type: kind, Value: text, Stacktrace: trace,
			Mechanism: &sentry.Mechanism{Type: "panic", Handled: &handled}}},
	})
}

// ofTown adds the town, if the failure is one town's.
func ofTown(id town.TownID, f finding) finding {
	if id != "" {
		f.tags["town_id"], f.details["townId"] = string(id), string(id)
	}
	return f
}

// module begins the import paths of our code.
const module = "gastown/"
