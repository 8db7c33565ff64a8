package observe

import (
	"strconv"
	"sync"
	"time"

	"gastown/internal/town"
)

// pictureEvery is how often a tick has the state of its town taken down.
const pictureEvery = time.Second

// meter has the figures of one town. Counters are kept up as things happen. What changes with the state is taken
// down at a scrape, and by a tick if that is a second ago, so that a tick pays for what it did and not for the size
// of its town. What ages does so at the scrape. A scrape never waits for a loop: one that is at work, or hangs, is
// seen without what it did in the second before.
type meter struct {
	name string

	mu      sync.Mutex                   // guards what follows
	look    func(func(*town.State)) bool // as controller.Meter has it
	counted map[key]float64
	took    histogram
	gates   map[string]*gateTime // times of runs by gate
	since   time.Time            // when this server began with the town
	last    time.Time            // of the last Step
	newest  time.Duration        // that the last Step took
	every   time.Duration        // how long the loop sleeps at most
	pending int
	moved   town.Time
	broken  map[string]int       // lasting violations by invariant; nil before the first Step
	loaded  map[string]float64   // the totals of violations when the town was loaded, by invariant
	works   map[town.BeadID]work // live issues and merge requests

	unseen bool // a tick has been since the rest was taken down
	// The rest is as the tick at taken left it.
	taken    time.Time
	runnable int
	beads    map[town.BeadType]map[town.BeadStatus]int
	agents   map[town.Role]map[town.AgentStatus]int
	rigs     []*town.Rig // listed anew after a change of one
	depth    map[town.RigID]int
	queued   map[town.BeadID]turn
	breakers map[key]float64
	needs    map[town.Need]int
}

// work is how an issue or merge request stands.
type work struct {
	status town.BeadStatus
	since  town.Time
	ended  town.Run // the newest run whose end has been counted
}

// turn is since when a merge request waits for its turn alone.
type turn struct {
	rig   town.RigID
	since time.Time
}

// unknownOutcome stands for any end of an attempt that the core does not list.
const unknownOutcome = "other"

func newMeter(name string, now time.Time) *meter {
	return &meter{
		name: name, counted: zeros(), since: now, last: now, every: time.Minute, works: map[town.BeadID]work{},
		breakers: map[key]float64{}, gates: map[string]*gateTime{},
		queued: map[town.BeadID]turn{},
	}
}

// begin takes the town down as it is before its loop begins.
func (m *meter) begin(s *town.State, now time.Time, look func(func(*town.State)) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.look = look
	m.moved, m.rigs = s.Town().Created, s.Rigs()
	m.knowGates(s)
	m.total(s)
	m.loaded = map[string]float64{}
	for _, inv := range town.Invariants() {
		n := strconv.Itoa(inv.Number)
		m.loaded[n] = m.counted[key{violations, n, ""}]
	}
	for _, b := range s.Beads() {
		if advanced(b) {
			m.moved = max(m.moved, b.Since)
		}
		if b.Live() && counts(b) {
			m.works[b.ID] = work{b.Status, b.Since, lastEnded(b)}
		}
	}
	m.since, m.last = now, now
	m.settle(s)
}

// tick takes a Step in.
func (m *meter) tick(t *town.Tick, took time.Duration, s *town.State, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counted[key{f: ticks}]++
	m.took.observe(exemplar{m.name, t.No, took.Seconds(), now})
	m.last, m.newest = now, took
	for i := range t.Events {
		o := &t.Events[i]
		m.counted[key{drained, string(o.Type), ""}]++
		if o.Verdict == town.Rejected {
			m.counted[key{rejected, string(o.Type), ""}]++
		}
	}
	for i := range t.Actions {
		m.counted[key{actions, string(t.Actions[i].Kind), ""}]++
	}
	for i := range t.Violations {
		v := &t.Violations[i]
		if v.State == town.ViolationResolved {
			continue
		}
		if v.Recovered {
			m.counted[key{recoveries, strconv.Itoa(v.Invariant), ""}]++
		}
	}
	if len(t.Violations) > 0 || m.broken == nil {
		m.violated(s)
		m.total(s)
	}
	for i := range t.Changes {
		switch t.Changes[i].Kind {
		case town.KindBead:
			m.changed(town.BeadID(t.Changes[i].ID), t.At, s)
		case town.KindRig:
			m.rigs = s.Rigs()
			m.knowGates(s)
		case town.KindTown:
			m.knowGates(s)
		}
	}
	m.unseen = true
	if now.Sub(m.taken) >= pictureEvery {
		m.settle(s)
	}
}

// counts reports whether the bead is work, which others than people bring on.
func counts(b *town.Bead) bool { return b.Type == town.Issue || b.Type == town.MergeRequest }

// advanced reports whether the bead got where it is by being worked on.
func advanced(b *town.Bead) bool {
	return (counts(b) || b.Type == town.Convoy) && b.Status != town.Open && b.Status != town.Failed
}

func lastEnded(b *town.Bead) town.Run {
	var run town.Run
	for i := range b.Attempts {
		if b.Attempts[i].Ended != 0 {
			run = max(run, b.Attempts[i].Run)
		}
	}
	return run
}

// changed takes a bead down as it stands after a tick.
func (m *meter) changed(id town.BeadID, at town.Time, s *town.State) {
	b := s.Bead(id)
	if b == nil {
		delete(m.works, id) // it went to the archive
		return
	}
	if b.Since == at && advanced(b) {
		m.moved = at
	}
	if !counts(b) && len(b.Attempts) == 0 {
		return
	}
	before := m.works[id]
	for i := len(b.Attempts) - 1; i >= 0; i-- {
		a := &b.Attempts[i]
		if a.Ended == 0 {
			continue
		}
		if a.Ended < at || a.Run <= before.ended {
			break
		}
		k := key{attempts, a.Outcome, ""}
		if _, known := m.counted[k]; !known {
			k.a = unknownOutcome
		}
		m.counted[k]++
	}
	if !b.Live() {
		delete(m.works, id)
		return
	}
	m.works[id] = work{b.Status, b.Since, lastEnded(b)}
}

// total takes down the totals of violations that the town keeps. One that a damaged record holds and no town can have
// counts as none.
func (m *meter) total(s *town.State) {
	for _, inv := range town.Invariants() {
		m.counted[key{violations, strconv.Itoa(inv.Number), ""}] = float64(max(s.ViolationsFound(inv.Number), 0))
	}
}

func (m *meter) violated(s *town.State) {
	m.broken = map[string]int{}
	for _, v := range s.Violations() {
		m.broken[strconv.Itoa(v.Invariant)]++
	}
}

// refresh takes down what follows from the state, unless no tick has been since or the loop is at work.
func (m *meter) refresh() {
	m.mu.Lock()
	look, unseen := m.look, m.unseen
	m.mu.Unlock()
	if !unseen {
		return
	}
	// The loop locks its state first too, then the meter.
	look(func(s *town.State) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.settle(s)
	})
}

// settle takes down what follows from the state, as the last tick left it.
func (m *meter) settle(s *town.State) {
	now := m.last
	m.unseen, m.taken = false, now
	m.beads, m.agents = s.BeadCounts(), s.AgentCounts()
	m.runnable = s.Runnable(town.TimeOf(now))
	m.depth, m.needs = s.QueueDepth(), s.NeedCounts()
	queue := s.MergeQueue(town.TimeOf(now))
	waiting := make(map[town.BeadID]turn, len(queue))
	for _, b := range queue {
		w, before := m.queued[b.ID]
		if !before {
			w = turn{b.Rig, now}
		}
		waiting[b.ID] = w
	}
	m.queued = waiting
	clear(m.breakers)
	for _, k := range s.Breakers() {
		open := 0.0
		if k.Opened != 0 {
			open = 1
		}
		m.breakers[key{breaker, k.Scope(), k.Class}] = open
	}
}

// add counts one more of something.
func (m *meter) add(k ...key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, x := range k {
		m.counted[x]++
	}
}

func (m *meter) rest(every time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.every = every
}

func (m *meter) wait(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending = n
}
