package sim

import (
	"math/rand/v2"

	"gastown/internal/town"
)

// line is a command of a scenario file, as a replay has carried it out.
type line struct {
	advance town.Duration // time moved on before it, with ticks on the way
	asleep  town.Duration // time moved on before it, with none
	events  []town.Event  // a when
	known   []bool        // of each event, whether what it is about exists
	crash   bool
	fact    string // a remark
}

// replay tells a written story again, or a part of it, to a new town.
type replay struct {
	st    *town.State
	base  []byte
	ticks [][]byte
	names *names
	check *checker
	now   town.Time
	exact bool // ticks come when they came; else whenever something comes due, as in a scenario file
	left  *int // steps that may still be made
	seq   town.Seq
	lines []line
	quiet []item // what came after the story, in a world without faults
}

// telling says how a story is told again.
type telling struct {
	opts  *Options
	exact bool
	found *Failure // what is looked for
	left  *int
	until town.Time // time goes on until then at the end
}

// tell tells the items to a new town and returns it, with what the checks found.
func (x *telling) tell(items []item) *replay {
	st := Founded()
	r := &replay{st: st, base: st.Snapshot(), names: newNames(), now: Start, exact: x.exact, left: x.left}
	r.check = newChecker(rand.New(rand.NewPCG(1, streamChecks)), x.opts.plant, nil)
	r.check.every.plan, r.check.every.full = 0, 0
	switch x.found.Check {
	case "plan", "old-run":
		r.check.every.plan = 1
	case "why", "wake-up", "restore", "orphan":
		r.check.every.full = 1
	}
	for i := 0; i < len(items) && r.going(); {
		i += r.next(items[i:])
	}
	if x.found.Check == "liveness" {
		if r.going() {
			r.quiet = x.revive(r)
		}
		return r
	}
	if r.going() && r.now < x.until {
		r.pass(x.until)
		r.tick(nil, nil)
	}
	return r
}

func (r *replay) going() bool { return r.check.failure == nil && *r.left > 0 }

// next carries out the first item, with those that belong to the same tick, and says how many.
func (r *replay) next(items []item) int {
	it := &items[0]
	r.pass(it.at)
	if !r.going() {
		return 1
	}
	switch it.kind {
	case tickItem:
		if r.exact {
			r.tick(nil, nil)
		}
	case crashItem:
		r.crash()
	case factItem:
		r.fact(it)
	case eventItem:
		n := 1
		for n < len(items) && items[n].kind == eventItem && items[n].step == it.step {
			n++
		}
		r.when(items[:n])
		return n
	}
	return 1
}

// pass lets time go on until then, with ticks on the way unless they come as they came.
func (r *replay) pass(until town.Time) {
	if until <= r.now {
		return
	}
	l := line{asleep: until.Since(r.now)}
	if !r.exact {
		l = line{advance: until.Since(r.now)}
	}
	r.lines = append(r.lines, l)
	if r.exact {
		r.now = until
		return
	}
	for r.going() {
		due := r.st.NextDue()
		if due == 0 || due >= until {
			r.now = until
			r.tick(nil, nil)
			return
		}
		r.now = max(r.now, due)
		r.tick(nil, nil)
	}
}

// when has the town take the events that mean something in this telling.
func (r *replay) when(items []item) {
	var l line
	var keys []int
	for i := range items {
		e, ok := r.names.toEvent(r.st, &items[i])
		if !ok {
			continue
		}
		r.seq++
		e.Seq, e.Created = r.seq, r.now
		e.Payload = moved(e.Payload, town.Duration(r.now))
		l.events, keys = append(l.events, e), append(keys, items[i].key)
		l.known = append(l.known, (e.Bead == "" || r.st.Bead(e.Bead) != nil) && (e.Agent == "" || r.st.Agent(e.Agent) != nil))
	}
	if len(l.events) > 0 {
		r.lines = append(r.lines, l)
		r.tick(l.events, keys)
	} else if r.exact {
		r.tick(nil, nil)
	}
}

func (r *replay) tick(events []town.Event, keys []int) {
	*r.left--
	if r.exact && len(events) == 0 {
		r.lines = append(r.lines, line{})
	}
	rec := r.check.step(r.st, town.Input{Now: r.now, Events: events})
	if rec.Empty() || r.check.failure != nil {
		return
	}
	r.names.learn(r.st, rec, keys)
	r.ticks = append(r.ticks, rec.Encode())
	r.check.recorded(r.st, rec, events)
}

// crash forgets everything but the history.
func (r *replay) crash() {
	st, err := recovered(r.base, r.ticks)
	if err != nil {
		r.check.failf("recovery", "", "%v", err)
		return
	}
	if st.Digest() != r.st.Digest() {
		r.check.failf("recovery", "", "the state that the history gives is not the one that was lost")
	}
	r.st = st
	r.lines = append(r.lines, line{crash: true})
}

func (r *replay) fact(it *item) {
	f := it.fact
	if it.run != "" {
		name, known := r.names.runs[it.run]
		if !known {
			return
		}
		f.run, f.agent = name.run, name.agent
	}
	if it.bead != "" {
		f.bead = r.names.beads[it.bead]
	}
	var work []town.BeadID
	for _, id := range it.work {
		work = append(work, r.names.beads[id])
	}
	f.work = work
	r.lines = append(r.lines, line{fact: f.String()})
	r.check.note(f)
}
