package sim

import (
	"bytes"
	"fmt"
	"time"

	"gastown/internal/controller"
	"gastown/internal/town"
)

// The numbers of the simulated server that are those of the real one.
const (
	// snapshotTicks and snapshotEvery bound the history that recovery goes through.
	snapshotTicks = 1000
	snapshotEvery = town.Hour
)

// history is that of every simulated town.
const history town.History = "playtownaaaaaaaaaaaaaaaaaa"

// server turns the crank of the town as the live loop does: take events, Step, record, effects,
// answers. It keeps the history as the journal would: encoded events and ticks, and a snapshot.
type server struct {
	l     *life
	st    *town.State
	up    bool
	epoch int // how often it died
	fire  town.Time
	armed bool

	base     []byte // the newest snapshot
	baseTick town.TickNo
	baseAt   town.Time
	ticks    [][]byte // recorded since
	pending  []pending
	seq      town.Seq
	mail     []func() // what senders do when the server is back
	caughtUp bool     // what was pending at the start has been taken: effects are carried out
	before   []byte   // the state as it was when the server died, if that is known
}

// pending is an event that is durable and that no recorded tick has taken.
type pending struct {
	event  town.Event
	data   []byte
	answer func(town.EventOutcome)
}

// Founded is every simulated town before its first tick.
func Founded() *town.State { return town.New("t", "Town", history, Start) }

func newServer(l *life) server {
	st := Founded()
	return server{l: l, st: st, up: true, caughtUp: true, base: st.Snapshot(), baseAt: Start}
}

// alarm is when the loop wakes if nothing happens.
func (s *server) alarm() (town.Time, bool) { return s.fire, s.up && s.armed }

// wakeAt has the loop wake then, or earlier if that was said before.
func (s *server) wakeAt(t town.Time) {
	if !s.armed || t < s.fire {
		s.fire, s.armed = t, true
	}
}

// submit makes events durable and wakes the loop. Answer is told what becomes of the last of them,
// even by a later life of the server: its sender asks again under the same event id.
func (s *server) submit(answer func(town.EventOutcome), events ...town.Event) {
	for i := range events {
		e := events[i]
		s.seq++
		e.Seq, e.ID, e.Created, e.Type = s.seq, fmt.Sprint("e", s.seq), s.l.clock(), e.Payload.Type()
		data, err := town.EncodePayload(e.Payload)
		if err != nil {
			s.l.fail("encode", "%v", err)
			return
		}
		p := pending{event: e, data: data}
		if i == len(events)-1 {
			p.answer = answer
		}
		s.pending = append(s.pending, p)
	}
	delay := town.Duration(1 + s.l.rng.IntN(4))
	if s.l.chance(serverSlow) {
		delay = s.l.between(town.Second, 30*town.Second)
	}
	s.wakeAt(s.l.now.Add(delay))
}

// post is submit for senders that outlive the server: they try again until it is back.
func (s *server) post(answer func(town.EventOutcome), e town.Event) {
	if s.up {
		s.submit(answer, e)
		return
	}
	s.mail = append(s.mail, func() { s.post(answer, e) })
}

// wakeUp makes ticks until no event is pending, and sleeps again.
func (s *server) wakeUp() {
	s.armed = false
	for {
		n := min(len(s.pending), town.MaxEvents)
		ok := s.turn(n)
		if !s.up || s.l.check.failure != nil {
			return
		}
		if ok && n < town.MaxEvents && !s.caughtUp {
			s.caughtUp = true
			s.l.runner.carry(s.st.Outstanding())
		}
		if !ok || n < town.MaxEvents {
			s.rest(!ok)
			return
		}
	}
}

func (s *server) rest(failed bool) {
	sleep, _ := controller.Rest(s.st, s.l.clock().Std(), failed)
	// Timers are never early.
	s.wakeAt(s.l.now.Add(max(town.Duration((sleep+time.Millisecond-1)/time.Millisecond), 0)))
	if s.st.Tick() >= s.baseTick+snapshotTicks || (s.st.Tick() > s.baseTick && s.l.now.Since(s.baseAt) >= snapshotEvery) {
		s.snapshot()
	}
}

func (s *server) snapshot() {
	s.base, s.baseTick, s.baseAt = s.st.Snapshot(), s.st.Tick(), s.l.now
	s.ticks = s.ticks[:0]
}

// turn makes one tick with the first n pending events. It reports whether it could be recorded.
func (s *server) turn(n int) bool {
	taken := s.pending[:n]
	events := make([]town.Event, n)
	for i := range taken {
		events[i] = taken[i].event
	}
	rec := s.l.check.step(s.st, town.Input{Now: s.l.clock(), Events: events})
	switch {
	case s.l.check.failure != nil:
		return false
	case rec.Empty():
		return true
	case s.l.chance(diesBeforeRecord):
		s.revert(rec)
		s.die()
		return false
	case s.l.chance(commitFails):
		s.revert(rec)
		return false
	}
	s.pending = append([]pending(nil), s.pending[n:]...)
	s.ticks = append(s.ticks, rec.Encode())
	if s.l.opts.Record != nil {
		s.l.opts.Record(s.l.seed, rec, events)
	}
	s.l.check.recorded(s.st, rec, events)
	if s.l.check.failure != nil {
		return false
	}
	if s.l.chance(diesAfterRecord) {
		s.die()
	} else if s.caughtUp {
		s.l.runner.carry(rec.Effects)
	}
	for i := range taken {
		if taken[i].answer != nil {
			taken[i].answer(rec.Events[i])
		}
	}
	return true
}

// revert undoes a step that could not be recorded.
func (s *server) revert(rec *town.Tick) {
	s.st.Revert(rec)
	s.l.check.reverted()
}

// die has the server forget everything. It comes back after a while.
func (s *server) die() {
	if !s.up {
		return
	}
	s.before = s.st.Snapshot()
	s.up, s.st, s.armed = false, nil, false
	s.epoch++
	s.l.runner.cut()
	s.l.check.crashed()
	s.l.after(s.l.between(200, 10*town.Minute), s.restart)
}

// restart rebuilds the state from the history, and repeats the effects that nobody has answered.
func (s *server) restart() {
	st, err := s.recover()
	if err != nil {
		s.l.fail("recovery", "%v", err)
		return
	}
	if !bytes.Equal(st.Snapshot(), s.before) {
		s.l.fail("recovery", "the state that the history gives is not the one that was lost, at tick %d", st.Tick())
		return
	}
	s.st, s.up, s.before, s.caughtUp = st, true, nil, false
	mail := s.mail
	s.mail = nil
	for _, again := range mail {
		s.l.after(town.Duration(1+s.l.rng.IntN(300)), again)
	}
	s.l.runtime.opened()
	s.wakeAt(s.l.now)
}

// recover reads the history as the journal's reader does, and the events that no tick has taken.
func (s *server) recover() (*town.State, error) {
	st, err := recovered(s.base, s.ticks)
	if err != nil {
		return nil, err
	}
	for i := range s.pending {
		p := &s.pending[i]
		if p.event.Payload, err = town.DecodePayload(p.event.Type, p.data); err != nil {
			return nil, err
		}
	}
	return st, nil
}

// recovered is the state of a snapshot and the ticks after it.
func recovered(snapshot []byte, ticks [][]byte) (*town.State, error) {
	st, err := town.Restore(snapshot)
	if err != nil {
		return nil, err
	}
	for _, data := range ticks {
		t, err := town.DecodeTick(data)
		if err == nil {
			err = st.Absorb(t)
		}
		if err != nil {
			return nil, err
		}
	}
	return st, nil
}
