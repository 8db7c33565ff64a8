package report

import (
	"fmt"
	"strconv"
	"time"

	"github.com/getsentry/sentry-go"

	"gastown/internal/town"
)

// repeatEvery is how long a violation or a failure must last to be told again.
const repeatEvery = time.Hour

// breach is an invariant that does not hold for an entity.
type breach struct {
	invariant int
	kind      town.Kind
	id        string
}

func breachOf(v *town.Violation) breach { return breach{v.Invariant, v.Kind, v.ID} }

// standing is a violation that lasts.
type standing struct {
	tick town.TickNo // that found it, or that was the newest when this server began
	told time.Time
}

// Begins says that a town's loop begins: from now on the check-ins expect it to turn.
func (r *Reporter) Begins(id town.TownID) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turned[id] = r.opts.Now()
}

// Turned is called after every Step of a loop whose record is durable, or that changed nothing. Events
// are those that it took, newest is the newest recorded tick, and lasting are the violations that stand
// after it. What is recorded only when it begins and ends is told again each hour in between.
func (r *Reporter) Turned(id town.TownID, t *town.Tick, events []town.Event, newest town.TickNo, lasting []town.Violation) {
	if r == nil {
		return
	}
	now := r.opts.Now()
	r.mu.Lock()
	r.turned[id] = now
	told := r.violations(id, t, newest, lasting, now)
	r.mu.Unlock()
	told = append(told, r.rejected(id, t, events)...)
	for _, f := range told {
		r.send(f)
	}
}

// violations says what is to be told about violations, and keeps the books. The caller holds mu.
func (r *Reporter) violations(id town.TownID, t *town.Tick, newest town.TickNo, lasting []town.Violation, now time.Time) []finding {
	known := r.standing[id]
	if len(t.Violations)+len(lasting)+len(known) == 0 {
		return nil
	}
	var out []finding
	fresh := map[breach]*standing{}
	for i := range t.Violations {
		v := &t.Violations[i]
		out = append(out, r.violation(id, v, string(v.State), t.No, t.RuleSet))
		fresh[breachOf(v)] = &standing{tick: t.No, told: now}
	}
	kept := make(map[breach]*standing, len(lasting))
	for i := range lasting {
		v := &lasting[i]
		s := fresh[breachOf(v)]
		if s == nil {
			s = known[breachOf(v)]
		}
		if s == nil {
			s = &standing{tick: newest} // from before this server began
		}
		if now.Sub(s.told) >= repeatEvery {
			s.told = now
			out = append(out, r.violation(id, v, "lasting", s.tick, t.RuleSet))
		}
		kept[breachOf(v)] = s
	}
	r.standing[id] = kept
	return out
}

// violation is the report of one; state is appeared, lasting or resolved.
func (r *Reporter) violation(id town.TownID, v *town.Violation, state string, tick town.TickNo, ruleSet int) finding {
	number := strconv.Itoa(v.Invariant)
	f := finding{
		class: []string{"gastown", "invariant", number}, key: "invariant/" + number, level: sentry.LevelError,
		message: fmt.Sprintf("Invariant %d does not hold: %s", v.Invariant, sentenceOf(v.Invariant)),
		tags:    map[string]string{"invariant": number, "town_id": string(id), "rule_set": strconv.Itoa(ruleSet), "state": state},
		details: map[string]any{
			"invariant": v.Invariant, "message": v.Message, "townId": string(id), "entityKind": string(v.Kind), "entityId": v.ID,
			"tick": int64(tick), "ruleSet": ruleSet, "recovered": v.Recovered, "replay": r.replayLink(id, tick),
		},
	}
	if state == string(town.ViolationResolved) {
		f.key += "/resolved"
		f.level, f.message = sentry.LevelInfo, fmt.Sprintf("Invariant %d holds again: %s", v.Invariant, sentenceOf(v.Invariant))
	}
	return f
}

func sentenceOf(number int) string {
	for _, inv := range town.Invariants() {
		if inv.Number == number {
			return inv.Doc
		}
	}
	return "an invariant that this program does not know"
}

// rejected is about events that could not be applied. A person or an agent who sent one has been told
// why; what an effect or the observer sent, nobody else hears of.
func (r *Reporter) rejected(id town.TownID, t *town.Tick, events []town.Event) []finding {
	var out []finding
	for i := range t.Events {
		o := &t.Events[i]
		if o.Verdict != town.Rejected {
			continue
		}
		f := finding{
			class: []string{"gastown", "rejected", string(o.Type), o.Code}, key: "rejected/" + string(o.Type) + "/" + o.Code,
			level: sentry.LevelWarning, message: fmt.Sprintf("An event %s could not be applied: %s", o.Type, o.Code),
			tags: map[string]string{"event_type": string(o.Type), "code": o.Code, "town_id": string(id), "rule_set": strconv.Itoa(t.RuleSet)},
			details: map[string]any{
				"townId": string(id), "tick": int64(t.No), "ruleSet": t.RuleSet, "seq": int64(o.Seq), "eventType": string(o.Type), "code": o.Code,
				"replay": r.replayLink(id, t.No),
			},
		}
		if i < len(events) {
			e := &events[i]
			if o.Code != town.CodeNotFound { // what is not there may be any word
				f.details["agent"], f.details["bead"], f.details["run"] = string(e.Agent), string(e.Bead), int64(e.Run)
			}
			if e.By == "effect" || e.By == "observer" {
				f.level = sentry.LevelError
			}
		}
		out = append(out, f)
	}
	return out
}
