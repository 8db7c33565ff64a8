package town

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// damage puts values into a town that no history puts there. What is damaged, and how, is chosen by
// pick alone. Fields are found by reflection, so that new ones are damaged too.
type damage struct {
	s    *State
	now  Time
	pick func(n int) int
	made int
}

// some damages one thing.
func (d *damage) some() {
	beads, agents := d.s.Beads(), d.s.Agents()
	switch d.pick(12) {
	case 0:
		d.made++
		b := &Bead{ID: BeadID(fmt.Sprint("gt-odd", d.made))}
		d.everything(reflect.ValueOf(b).Elem())
		d.s.set(b.ref(), b)
	case 1:
		d.made++
		a := &Agent{ID: []AgentID{"refinery-web", "toast", AgentID(fmt.Sprint("odd-", d.made))}[d.pick(3)]}
		d.everything(reflect.ValueOf(a).Elem())
		d.s.set(a.ref(), a)
	case 2:
		e := &Dependency{Bead: d.beadID(), On: d.beadID(), Kind: []DepKind{Blocks, Blocks, Tracks, Parent}[d.pick(4)], Created: d.moment()}
		d.s.set(e.ref(), e)
	case 3:
		n := d.s.counters.clone()
		d.something(reflect.ValueOf(n).Elem())
		d.s.set(n.ref(), n)
	case 4, 5, 6:
		d.books()
	case 7, 8:
		if len(agents) > 0 {
			a := agents[d.pick(len(agents))].clone()
			d.something(reflect.ValueOf(a).Elem())
			d.s.set(a.ref(), a)
		}
	default:
		if len(beads) > 0 {
			b := beads[d.pick(len(beads))].clone()
			d.something(reflect.ValueOf(b).Elem())
			d.s.set(b.ref(), b)
		}
	}
}

// books damages one of the town's other books.
func (d *damage) books() {
	d.made++
	nudges, breakers := sortedKeys(d.s.nudges), sortedKeys(d.s.breakers)
	var e entity
	switch d.pick(7) {
	case 0:
		n := &Nudge{ID: NudgeID(fmt.Sprint("ng-odd", d.made))}
		d.everything(reflect.ValueOf(n).Elem())
		e = n
	case 1:
		k := &Breaker{Class: "odd"}
		d.everything(reflect.ValueOf(k).Elem())
		e = k
	case 2:
		u := new(Usage)
		d.everything(reflect.ValueOf(u).Elem())
		e = u
	case 3:
		t := d.s.town.clone()
		d.something(reflect.ValueOf(t).Elem())
		e = t
	case 4:
		if len(nudges) == 0 {
			return
		}
		n := d.s.nudges[nudges[d.pick(len(nudges))]].clone()
		d.something(reflect.ValueOf(n).Elem())
		e = n
	case 5:
		if len(breakers) == 0 {
			return
		}
		k := d.s.breakers[breakers[d.pick(len(breakers))]].clone()
		d.something(reflect.ValueOf(k).Elem())
		e = k
	case 6:
		v := new(ViolationTotals)
		d.everything(reflect.ValueOf(v).Elem())
		e = v
	}
	d.s.set(e.ref(), e)
}

// named fields stay as they are: a record is what it is called, and settings are checked when they are made.
func named(v reflect.Value, i int) bool {
	name := v.Type().Field(i).Name
	return name == "ID" || name == "Settings"
}

func (d *damage) everything(v reflect.Value) {
	for i := range v.NumField() {
		if !named(v, i) {
			d.value(v.Field(i))
		}
	}
}

func (d *damage) something(v reflect.Value) {
	if i := d.pick(v.NumField()); !named(v, i) {
		d.value(v.Field(i))
	}
}

// value sets a field to something that its type can hold.
func (d *damage) value(v reflect.Value) {
	switch v.Interface().(type) {
	case BeadID:
		v.SetString(string(d.beadID()))
		return
	case AgentID:
		v.SetString(oneOf(d, append([]AgentID{"", "ghost"}, sortedKeys(d.s.agents)...)))
		return
	case RigID:
		v.SetString(oneOf(d, []RigID{"web", "api", "", "gone"}))
		return
	case BeadType:
		v.SetString(oneOf(d, []BeadType{Issue, Issue, MergeRequest, Convoy, Escalation, Message, TriageRequest, Molecule, "odd"}))
		return
	case BeadStatus:
		v.SetString(oneOf(d, []BeadStatus{Open, InProgress, InReview, Closed, Failed, "odd"}))
		return
	case AgentStatus:
		v.SetString(oneOf(d, []AgentStatus{Idle, Working, Stalled, Dead, Waiting, "odd"}))
		return
	case Role:
		v.SetString(oneOf(d, []Role{Polecat, Refinery, Mayor, Triage, "odd"}))
		return
	case Observed:
		v.SetString(oneOf(d, append([]Observed{"", "odd"}, observedStatuses[:]...)))
		return
	case DispatchState:
		v.SetString(oneOf(d, []DispatchState{NotDispatched, DispatchPending, DispatchSure, DispatchUnclear, DispatchOver, "odd"}))
		return
	case NudgeStatus:
		v.SetString(oneOf(d, []NudgeStatus{NudgeQueued, NudgeDelivered, NudgeExpired, "odd"}))
		return
	case ForgeClass:
		v.SetString(oneOf(d, []ForgeClass{"", ForgeNetwork, ForgeInvalid, ForgeRefused, "odd"}))
		return
	case VerifyState:
		v.SetString(oneOf(d, []VerifyState{NotVerified, VerifyAsked, Verified, "odd"}))
		return
	case Fault:
		v.SetString(oneOf(d, []Fault{NoFault, AgentFault, InfraFault, "odd"}))
		return
	case Time:
		v.SetInt(int64(d.moment()))
		return
	case Run:
		v.SetInt(int64(d.pick(60) - 1))
		return
	}
	d.shape(v)
}

// shape sets what has no type of its own.
func (d *damage) shape(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString([]string{"", "odd"}[d.pick(2)])
	case reflect.Int, reflect.Int64:
		v.SetInt([]int64{-1, 0, 1, 2, 60_000, 1_000_000}[d.pick(6)])
	case reflect.Bool:
		v.SetBool(d.pick(2) == 0)
	case reflect.Pointer:
		v.SetZero()
		if d.pick(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			d.everything(v.Elem())
		}
	case reflect.Slice:
		n := d.pick(4)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			d.value(v.Index(i))
		}
	case reflect.Struct:
		d.everything(v)
	case reflect.Map:
		v.SetZero()
	}
}

func oneOf[T ~string](d *damage, values []T) string { return string(values[d.pick(len(values))]) }

func (d *damage) beadID() BeadID {
	ids := append(sortedKeys(d.s.beads), "", "gt-ghost")
	return ids[d.pick(len(ids))]
}

// moment is a time of any kind: never, past, now, soon, in a hundred years, at the end of all times.
func (d *damage) moment() Time {
	return []Time{
		0, 1, -5, d.now.Add(-200 * Hour), d.now.Add(-Hour), d.now, d.now.Add(Minute), d.now.Add(24 * 365 * 100 * Hour), math.MaxInt64,
	}[d.pick(9)]
}

// suffer damages the town of a run, which then goes on from what is left as after a restart.
func (c *chaos) suffer(times int) {
	c.s.begin()
	d := damage{s: c.s, now: c.now, pick: c.pick}
	for range times {
		d.some()
	}
	c.s.seal()
	c.s.undo = nil
	c.s = c.restored(c.s.Snapshot())
	c.damaged = true
	c.begin()
	c.history, c.inputs = nil, nil
	c.effects = c.s.Outstanding()
}

// heal gives the town a few ticks, one alarm apart, and holds it to being sound then: no bead is lost
// on the way, and what still violates an invariant has been told to people.
func (c *chaos) heal() {
	there := map[BeadID]bool{}
	for id := range c.s.beads {
		there[id] = true
	}
	for range 5 {
		c.step()
		for _, x := range c.last.Changes {
			if x.Archived {
				delete(there, BeadID(x.ID))
			}
		}
		c.now = c.now.Add(5 * Second)
	}
	for id := range there {
		if c.s.beads[id] == nil {
			c.t.Fatalf("%s is lost", id)
		}
	}
	for _, f := range (&checker{s: c.s, now: c.now}).all() {
		if f.number != invExplained || c.s.noticeOf(Escalation, f.cause()) == nil {
			c.t.Fatalf("after five ticks %v does not hold of %s:\n%s", f.number, f.ref.ID, c.showAll())
		}
	}
}

// ended holds the town to having come to rest: what lives waits for a person, or a person is told.
func (c *chaos) ended() {
	for _, a := range c.s.Agents() {
		if a.Hook != "" || a.Stopping != 0 || a.Status != Idle && a.Role != Mayor {
			c.t.Fatalf("there is peace, and yet: %s%s", showAgent(a), c.showAll())
		}
	}
	for _, b := range c.s.Beads() {
		w, _ := c.s.Why(string(b.ID), c.now)
		if b.Live() && (w.Next != 0 || len(w.Due) > 0 || len(w.Waits) == 0 || b.Status == InProgress && (b.Type == Issue || b.Type == MergeRequest)) {
			c.t.Fatalf("there is peace, and yet %s:\n%s", w.Summary, c.showAll())
		}
	}
}

// Whatever is damaged, the town is sound again within five ticks; and once everything goes well,
// everything ends, or says what it waits for.
func TestTheTownHealsFromAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(t, pickFrom(t), true)
		for range rapid.IntRange(0, 20).Draw(t, "turns") {
			c.turn()
		}
		c.unchecked = rapid.Bool().Draw(t, "unchecked")
		c.suffer(rapid.IntRange(1, 12).Draw(t, "damage"))
		c.heal()
		c.unchecked = true
		c.calm()
		c.ended()
	})
}

// Damage in the middle of everything is healed while everything goes on, and what follows is no
// different from a town that was never damaged: no violation of its own making.
func TestTheTownHealsWhileEverythingHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(t, pickFrom(t), true)
		for range rapid.IntRange(0, 15).Draw(t, "turns before") {
			c.turn()
		}
		c.suffer(rapid.IntRange(1, 6).Draw(t, "damage"))
		c.unchecked = false
		for range rapid.IntRange(1, 10).Draw(t, "turns after") {
			c.turn()
		}
		c.heal()
	})
}
