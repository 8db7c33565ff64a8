package town

import "slices"

// The numbers of the breakers.
const (
	// breakerOpens is how many starts must fail alike within breakerWindow before the breaker opens:
	// enough that a few bad beads cannot do it, few enough that an outage costs little.
	breakerOpens  = 20
	breakerWindow = 30 * Minute
	// breakerCloses is how many failures must be left within the window for the breaker to stay open:
	// fewer than open it, so that it does not open and close with every single one.
	breakerCloses = breakerOpens / 2
	// ProbeEvery is the time between probes while a breaker is open.
	ProbeEvery = 5 * Minute
)

// Breaker keeps starts back that would fail as the ones before. It belongs to a rig, or (with no
// rig) to the town, and to one class of failures; only failures are counted, never starts that go
// well. It is closed as long as Opened is zero.
type Breaker struct {
	Rig   RigID  `json:"rig,omitempty"` // empty for the town's
	Class string `json:"class" share:"keep"`
	// Starting says that processes could not be started, so that one which starts proves that the
	// cause is over; otherwise an attempt must end well for that.
	Starting bool   `json:"starting,omitempty"`
	Failures []Time `json:"failures,omitempty"` // the newest ones, oldest first, at most breakerOpens
	Opened   Time   `json:"opened,omitempty"`
	// Probed is when the last probe was started, Probe its run while it is under way and ProbeBead
	// what that works on.
	Probed    Time   `json:"probed,omitempty"`
	Probe     Run    `json:"probe,omitempty"`
	ProbeBead BeadID `json:"probeBead,omitempty"`
}

// townClasses are the failures that lie where agents run, not in a rig.
var townClasses = []string{"infra", "resources", "credentials", "quota", "runtime"}

// startsIn is the rig whose breakers keep an agent from being started on the bead. Triage works on no
// repository: only the town's concern it.
func startsIn(b *Bead) RigID {
	if b.Triage != nil {
		return ""
	}
	return b.Rig
}

// breakerID names the breaker of a class of failures seen in a rig.
func breakerID(rig RigID, class string) (id string, scope RigID) {
	if slices.Contains(townClasses, class) {
		return "town/" + class, ""
	}
	return "rig:" + string(rig) + "/" + class, rig
}

// ID names the breaker within its town.
func (k *Breaker) ID() string {
	if k.Rig == "" {
		return "town/" + k.Class
	}
	return "rig:" + string(k.Rig) + "/" + k.Class
}

// Scope is what the breaker stops: "town", or "rig:" and the rig's name.
func (k *Breaker) Scope() string {
	if k.Rig == "" {
		return "town"
	}
	return "rig:" + string(k.Rig)
}

// counted is how many of the failures lie within the window.
func (k *Breaker) counted(now Time) int {
	n := 0
	for _, at := range k.Failures {
		if now < at.Add(breakerWindow) {
			n++
		}
	}
	return n
}

func (k *Breaker) ref() ref { return ref{KindBreaker, k.ID()} }

func (k *Breaker) clone() *Breaker {
	c := *k
	c.Failures = slices.Clone(k.Failures)
	return &c
}

func (k *Breaker) code(c *coder) {
	codeString(c, &k.Rig)
	codeString(c, &k.Class)
	codeBool(c, &k.Starting)
	codeSlice(c, &k.Failures, codeInt)
	codeInt(c, &k.Opened)
	codeInt(c, &k.Probed)
	codeInt(c, &k.Probe)
	codeString(c, &k.ProbeBead)
}

func (s *State) editBreaker(id string, f func(*Breaker)) {
	k := s.breakers[id].clone()
	f(k)
	s.set(k.ref(), k)
}

// failed counts the bead's newest attempt, which is about to end as a failure, unless it has been
// counted before. Starting says that the process could not be started.
func (t *tick) failed(b *Bead, class string, starting bool) {
	if at := b.lastAttempt(); at == nil || at.Fault != NoFault {
		return
	}
	if b.Triage != nil && !slices.Contains(townClasses, class) {
		return // it does not work in the rig, and keeps nothing back there
	}
	id, scope := breakerID(b.Rig, class)
	k := t.s.breakers[id]
	if k == nil {
		k = &Breaker{Rig: scope, Class: class}
	}
	k = k.clone()
	k.Starting = starting
	k.Failures = append(k.Failures, t.now)
	if n := len(k.Failures); n > breakerOpens {
		k.Failures = slices.Delete(k.Failures, 0, n-breakerOpens)
	}
	t.s.set(k.ref(), k)
}

// probes makes the run a probe of every open breaker that it was let through.
func (t *tick) probes(rig RigID, run Run, bead BeadID) {
	for _, id := range t.s.openBreakers(rig) {
		t.s.editBreaker(id, func(k *Breaker) { k.Probe, k.ProbeBead, k.Probed = run, bead, t.now })
	}
}

// openBreakers lists the open breakers that concern a rig: the town's and its own.
func (s *State) openBreakers(rig RigID) []string {
	if len(s.ix.open) == 0 {
		return nil
	}
	out := slices.Clone(s.ix.open[""])
	if rig != "" {
		out = append(out, s.ix.open[rig]...)
	}
	return out
}

// ages is when so many failures have aged out of the window that the open breaker closes.
func (k *Breaker) ages() Time {
	if len(k.Failures) == 0 {
		return k.Opened
	}
	return k.Failures[max(len(k.Failures)-breakerCloses, 0)].Add(breakerWindow)
}

func (t *tick) performOnBreaker(a *Action) string {
	k := t.s.breakers[a.Breaker]
	switch {
	case k == nil:
		return "there is no breaker " + a.Breaker
	case (k.Opened == 0) != (a.Kind == OpenBreaker):
		return "it is open already, or closed"
	case a.Kind == OpenBreaker:
		t.s.editBreaker(a.Breaker, func(k *Breaker) { k.Opened = t.now })
	case a.Kind == CloseBreaker && a.Run != 0:
		// The cause is over: what failed before counts no more.
		t.s.set(k.ref(), nil)
	case a.Kind == CloseBreaker:
		t.s.editBreaker(a.Breaker, func(k *Breaker) { k.Opened, k.Probed, k.Probe, k.ProbeBead = 0, 0, 0, "" })
	case a.Kind == EndProbe:
		t.s.editBreaker(a.Breaker, func(k *Breaker) { k.Probe, k.ProbeBead = 0, "" })
	}
	return ""
}
