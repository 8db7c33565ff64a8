package town

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// wrongAtLoad lists what does not hold in a town that was loaded, but for what rules see to.
func wrongAtLoad(s *State, now Time) map[breach]string {
	s.begin()
	c := &checker{s: s, now: now}
	for _, r := range sortedRefs(s.hashes) {
		c.look(r)
	}
	out := map[breach]string{}
	for _, f := range c.sorted() {
		out[f] = c.broken(invariantOf(f.number), f.ref)
	}
	s.seal()
	s.undo = nil
	return out
}

// Whatever is wrong in a town that was loaded is in the record of the first tick, as it was and once, whoever repairs it:
// a recovery, a rule, or an event that comes in at that moment. It is counted.
func TestWhateverIsWrongIsReportedOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(t, pickFrom(t), true)
		for range rapid.IntRange(0, 20).Draw(t, "turns") {
			c.turn()
		}
		c.suffer(rapid.IntRange(1, 6).Draw(t, "damage"))
		wrong := wrongAtLoad(c.restored(c.s.Snapshot()), c.now)
		before := map[int]int64{}
		for i := range invariants {
			before[i+1] = max(c.s.ViolationsFound(i+1), 0)
		}
		var events []Event
		for range rapid.IntRange(0, 4).Draw(t, "events") {
			if e := c.anything(); e.Payload != nil {
				e.Type = e.Payload.Type()
				events = append(events, e)
			}
		}
		rec := c.s.Step(Input{Now: c.now, Events: events})
		found := map[breach]int{}
		counted := map[int]int64{}
		for _, v := range rec.Violations {
			f := breach{v.Invariant, ref{v.Kind, v.ID}}
			found[f]++
			counted[v.Invariant]++
			if why, known := wrong[f]; known && f.number != invContradiction && v.Message != why {
				t.Fatalf("%v is told as %q, and was %q", f, v.Message, why)
			}
		}
		for f, why := range wrong {
			if found[f] != 1 {
				t.Fatalf("%s is told %d times: %s\n%s", fmt.Sprint(f), found[f], why, c.print(events, rec))
			}
		}
		for n, more := range counted {
			if got := c.s.ViolationsFound(n) - before[n]; got != more {
				t.Fatalf("%d violations of invariant %d are counted, %d are told", got, n, more)
			}
		}
	})
}

// deed is an event that leaves whatever a test wants, as a mistake in the code of one would.
type deed struct{ do func(*tick) }

func (*deed) Type() EventType { return "deed" }

func (d *deed) apply(t *tick, _ *Event) *Refusal {
	d.do(t)
	return nil
}

// What an event leaves that may not be is told before any rule acts on it, with the recovery's name.
func TestWhatAnEventLeavesWrongIsReported(t *testing.T) {
	t.Parallel()
	const given = `rig web
rig api
bead gt-a1 issue in_progress rig=web
agent toast working rig=web hook=gt-a1 run=1
bead gt-a2 issue open rig=web held=now
bead gt-a3 issue open rig=web held=now
dep gt-a2 needs gt-a3
bead gt-a4 issue in_review rig=web
bead gt-m4 merge_request in_progress rig=web source=gt-a4 branch=b4 verify=verified
agent refinery-web refinery working rig=web hook=gt-m4 run=2
bead gt-a5 issue in_review rig=web
bead gt-m5 merge_request open rig=web source=gt-a5 branch=b5 verify=verified
bead gt-c1 convoy open rig=web
dep gt-a2 tracks gt-c1
bead gt-a6 issue in_progress rig=web
agent nux working rig=web hook=gt-a6 run=3
bead gt-a7 issue closed rig=web`
	agent := func(f func(*Agent)) func(*tick) { return func(t *tick) { t.s.editAgent("toast", f) } }
	bead := func(id BeadID, f func(*Bead)) func(*tick) { return func(t *tick) { t.s.editBead(id, t.now, f) } }
	for n, x := range map[int]struct {
		id string
		do func(*tick)
	}{
		1:  {"toast", agent(func(a *Agent) { a.Hook = "gt-a7" })},
		2:  {"toast", agent(func(a *Agent) { a.Hook = "gt-zz" })},
		3:  {"web", bead("gt-m5", func(b *Bead) { b.Status = InProgress })},
		4:  {"gt-a2", bead("gt-a2", func(b *Bead) { b.Status, b.Held = InReview, 0 })},
		5:  {"gt-a2", bead("gt-a2", func(b *Bead) { b.Status = "odd" })},
		6:  {"toast", agent(func(a *Agent) { a.Hook = "gt-a6" })},
		7:  {"toast", agent(func(a *Agent) { a.Hook = "" })},
		8:  {"gt-a2", bead("gt-a2", func(b *Bead) { b.Assignee = "toast" })},
		9:  {"blocks gt-a3 gt-a2", func(t *tick) { t.addDependency("gt-a3", "gt-a2", Blocks) }},
		10: {"gt-a1", bead("gt-a1", func(b *Bead) { b.Held = 1 })},
		12: {"gt-a2", bead("gt-a2", func(b *Bead) { b.Parent = "gt-zz" })},
		15: {"gt-a2", bead("gt-a2", func(b *Bead) { b.Created = scenarioStart.Add(Hour) })},
		16: {"gt-a2", bead("gt-a2", func(b *Bead) { b.Forgiven = -1 })},
		17: {"toast", agent(func(a *Agent) { a.Rig = "api" })},
		18: {"gt-a5", func(t *tick) {
			t.addBead(Bead{Type: MergeRequest, Title: "Again", Rig: "web", Merge: &MergePart{Source: "gt-a5", Branch: "b6", Target: "main"}})
		}},
	} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			p := playground{t: t}
			if err := p.given(given); err != nil {
				t.Fatal(err)
			}
			if rec := p.s.Step(Input{Now: p.now}); len(rec.Violations) > 0 {
				t.Fatalf("the town is not well: %+v", rec.Violations)
			}
			rec := p.s.Step(Input{Now: p.now, Events: []Event{{Type: "deed", Payload: &deed{x.do}}}})
			told, by := 0, ""
			for _, v := range rec.Violations {
				if v.Invariant == n && v.ID == x.id && v.Recovered {
					told++
				}
			}
			if len(rec.Actions) > 0 {
				by = rec.Actions[0].Rule
			}
			if told != 1 || by != invariantOf(n).recovery() || p.s.ViolationsFound(n) == 0 {
				t.Errorf("told %d times, and first acted has %s:\n%s", told, by, p.print(nil, rec))
			}
		})
	}
}
