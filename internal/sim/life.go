package sim

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gastown/internal/town"
)

// The streams of chance of one seed. What one of them draws does not shift what the others do, so
// that a further check, say, leaves the story as it was.
const (
	streamProfile = iota + 1
	streamWorld
	streamPeople
	streamChecks
)

func stream(seed uint64, n uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, n)) }

// Start is when every simulated town is founded; it is when the scenario files begin, too.
const Start town.Time = 1_790_000_000_000

// life is one town from its founding to its end, with the world around it.
type life struct {
	opts  *Options
	seed  uint64
	prof  profile
	rng   *rand.Rand
	now   town.Time // the true time; the server's clock may be off
	end   town.Time // of the faults
	queue queue
	calm  bool          // the faults are over
	bound town.Duration // of the quiet time after them

	server  server
	runner  runner
	runtime fakeRuntime
	repos   repos
	forge   forge
	hosts   hosts
	people  people
	check   *checker
	clocks  []clockStep
	trace   *trace // nil unless the story is being written down

	happened [numFaults]int
}

// clockStep says by how much the server's clock is off since a moment.
type clockStep struct {
	since town.Time
	skew  town.Duration
}

// newLife founds the town of a seed.
func newLife(opts *Options, seed uint64, record bool) *life {
	l := &life{
		opts: opts, seed: seed, rng: stream(seed, streamWorld), now: Start, end: Start.Add(opts.Time), bound: quietBound,
		prof: draw(stream(seed, streamProfile)), clocks: []clockStep{{Start, 0}},
	}
	if opts.profile != nil {
		l.prof = *opts.profile
	}
	if record {
		l.trace = newTrace()
	}
	l.check = newChecker(stream(seed, streamChecks), opts.plant, l.trace)
	if opts.plans {
		l.check.every.plan = 1
	}
	l.runtime = fakeRuntime{l: l, runs: map[town.Run]*process{}, of: map[town.AgentID][]*process{}}
	l.repos = repos{l: l, rigs: map[town.RigID]map[string]*branch{}}
	l.forge, l.hosts = forge{l: l}, hosts{l: l}
	l.runner = newRunner(l)
	l.server = newServer(l)
	l.people = newPeople(l, stream(seed, streamPeople))
	return l
}

// play lets the town live and returns what was found wrong, or nil.
func (l *life) play() *Failure {
	l.people.found()
	l.beginFaults()
	l.people.begin()
	l.queue.add(l.end, l.calmDown)
	for l.check.failure == nil && !l.settled() {
		l.step()
	}
	return l.check.failure
}

// beginFaults has those go wrong from now on that do so by themselves.
func (l *life) beginFaults() {
	for _, f := range []struct {
		fault
		do func()
	}{
		{hostSleeps, l.sleep}, {clockJumps, l.jump}, {serverDies, l.server.die}, {runtimeAway, l.runtime.goAway},
		{hostDrained, l.hosts.drain}, {evictions, l.hosts.wave}, {startsBroken, l.hosts.breakStarts},
		{pullMerged, l.forge.outside(l.forge.mergeOutside)}, {pullClosed, l.forge.outside(l.forge.closeOutside)},
		{pullPushed, l.forge.outside(l.forge.pushOutside)},
		{forgeAway, l.forge.inTrouble(4*town.Hour, town.ForgeNetwork, town.ForgeServerError)},
		{forgeLimits, l.forge.inTrouble(2*town.Hour, town.ForgeRateLimited)},
		{forgeSilent, l.forge.fallSilent},
		{forgeNonsense, l.forge.inTrouble(10*town.Minute, town.ForgeInvalid)},
	} {
		l.hourly(f.fault, f.do)
	}
}

// step goes on to whatever happens next.
func (l *life) step() {
	at, planned := l.queue.next()
	fire, armed := l.server.alarm()
	switch {
	case armed && (!planned || fire < at):
		l.now = max(l.now, fire)
		l.server.wakeUp()
	case planned:
		m := l.queue.take()
		l.now = max(l.now, m.at)
		m.do()
	default:
		l.fail("stopped", "nothing will ever happen again")
	}
}

// fail notes what was found wrong; the first finding ends the story.
func (l *life) fail(check, format string, args ...any) {
	l.check.fail(check, nil, fmt.Sprintf(format, args...))
}

// after plans something.
func (l *life) after(d town.Duration, do func()) { l.queue.add(l.now.Add(d), do) }

// later plans something that the server does: it does not happen if the server dies before.
func (l *life) later(d town.Duration, do func()) {
	epoch := l.server.epoch
	l.after(d, func() {
		if l.server.up && l.server.epoch == epoch {
			do()
		}
	})
}

// chance draws whether a fault happens here, and counts it.
func (l *life) chance(f fault) bool {
	rate := l.prof.rates[f]
	if l.calm || rate == 0 || l.rng.Float64() >= rate {
		return false
	}
	l.happened[f]++
	return true
}

// hourly has a fault happen at random moments until the faults are over.
func (l *life) hourly(f fault, do func()) {
	rate := l.prof.rates[f]
	if rate == 0 {
		return
	}
	gap := town.Duration(-math.Log(1-l.rng.Float64()) / rate * float64(town.Hour))
	l.after(max(gap, 1), func() {
		if l.calm {
			return
		}
		l.happened[f]++
		do()
		l.hourly(f, do)
	})
}

// between draws a length of time; short ones are as likely as long ones on a scale of ratios.
func (l *life) between(lo, hi town.Duration) town.Duration {
	return town.Duration(float64(lo) * math.Pow(float64(hi)/float64(lo), l.rng.Float64()))
}

// clock is the time as the server sees it.
func (l *life) clock() town.Time { return l.clockAt(l.now) }

// clockAt is what the server's clock showed at a true time.
func (l *life) clockAt(t town.Time) town.Time {
	for i := len(l.clocks) - 1; i > 0; i-- {
		if l.clocks[i].since <= t {
			return t.Add(l.clocks[i].skew)
		}
	}
	return t.Add(l.clocks[0].skew)
}

// jump sets the server's clock to another time.
func (l *life) jump() {
	by := l.between(town.Second, 4*town.Hour)
	if l.rng.IntN(2) == 0 {
		by = -by
	}
	l.clocks = append(l.clocks, clockStep{l.now, l.clocks[len(l.clocks)-1].skew + by})
}

// sleep halts the host: what was planned for the meantime happens when it wakes.
func (l *life) sleep() {
	from := l.now
	l.now = l.now.Add(l.between(town.Minute, 5*town.Hour))
	l.runtime.slept(from, l.now)
}
