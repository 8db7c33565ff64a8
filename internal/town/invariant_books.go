package town

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// What must hold of the town's other books: the town itself, its counters, what was used, breakers and
// nudges. There are few of them, so each check is asked of all and knows which it is about.

// misshapenRecord finds a nudge whose status does not exist.
func misshapenRecord(_ *checker, e entity) string {
	n, ok := e.(*Nudge)
	if !ok {
		return ""
	}
	switch n.Status {
	case NudgeQueued, NudgeDelivered, NudgeExpired:
		return ""
	}
	return fmt.Sprintf("%s is %q", n.ID, n.Status)
}

// reshapeNudge has the nudge expire: whether it was delivered is not known, and twice is worse than never.
func reshapeNudge(n *Nudge) []Action {
	return []Action{{Kind: ExpireNudge, Agent: n.Agent, Nudge: n.ID, From: string(n.Status), Reason: "there is no such status for it"}}
}

// danglingRecord leaves nudges that have expired alone: their agent may have left the books before them.
func danglingRecord(c *checker, e entity) string {
	switch e := e.(type) {
	case *Nudge:
		if e.Status != NudgeExpired && c.s.agents[e.Agent] == nil {
			return fmt.Sprintf("%s is for %q, and there is no such agent", e.ID, e.Agent)
		}
	case *Breaker:
		if e.Rig != "" && c.s.rigs[e.Rig] == nil {
			return fmt.Sprintf("%s is of a rig that does not exist", e.ID())
		}
		if e.ProbeBead != "" && c.s.beads[e.ProbeBead] == nil {
			return fmt.Sprintf("the probe of %s works on %s, which does not exist", e.ID(), e.ProbeBead)
		}
	}
	return ""
}

// hearerLeftNow reports whether the agent of a nudge has left in this tick.
func hearerLeftNow(c *checker, r ref) bool {
	n, _ := c.s.get(r).(*Nudge)
	if n == nil {
		return false
	}
	was, changed := c.s.undo.before[ref{KindAgent, string(n.Agent)}]
	return changed && was != nil && c.s.agents[n.Agent] == nil
}

func untimelyRecord(c *checker, e entity) string {
	if _, at := timesOf(e, c.now); at != 0 {
		return fmt.Sprintf("%s has a time that is still to come: %s", nameOf(e.ref()), at)
	}
	if k, ok := e.(*Breaker); ok && (len(k.Failures) > breakerOpens || !slices.IsSorted(k.Failures)) {
		return fmt.Sprintf("the failures of %s are out of order, or more than %d", k.ID(), breakerOpens)
	}
	return ""
}

func nameOf(r ref) string {
	switch r.Kind {
	case KindTown:
		return "the town"
	case KindCounters:
		return "the town's record of counts"
	case KindUsage:
		return "the day's usage"
	case KindViolationTotals:
		return "the town's totals of violations"
	}
	return r.ID
}

// timesOf lists the times of a record at which something has happened, and the first that is later
// than it may be, or zero. A nudge may expire up to its life from now.
func timesOf(e entity, now Time) (times []*Time, late Time) {
	switch e := e.(type) {
	case *Town:
		times = []*Time{&e.Created, &e.Paused, &e.Draining}
	case *Counters:
		times = []*Time{&e.StartsAt}
	case *Usage:
		times = []*Time{&e.Day}
	case *Nudge:
		times = []*Time{&e.Created, &e.Delivered, &e.Expired, &e.Tried}
		if e.Expires > now.Add(NudgeLife) {
			late = e.Expires
		}
	case *Breaker:
		times = []*Time{&e.Opened, &e.Probed}
		for i := range e.Failures {
			times = append(times, &e.Failures[i])
		}
	}
	for _, at := range times {
		if *at > now {
			return times, *at
		}
	}
	return times, late
}

// setClocks makes now of every time that is later; a nudge is not worth hearing any longer than one that
// is made now.
func setClocks(e entity, now Time) {
	times, _ := timesOf(e, now)
	for _, at := range times {
		*at = min(*at, now)
	}
	switch e := e.(type) {
	case *Usage:
		e.Day = dayOf(e.Day)
	case *Nudge:
		e.Expires = min(e.Expires, now.Add(NudgeLife))
	case *Breaker:
		slices.Sort(e.Failures)
		e.Failures = e.Failures[max(len(e.Failures)-breakerOpens, 0):]
	}
}

func miscountedRecord(_ *checker, e entity) string {
	least := int64(0)
	switch e := e.(type) {
	case *Counters:
		least = min(int64(e.LastRun), e.LastOrder, int64(e.Starts))
	case *Usage:
		least = min(e.Tokens, e.Cached, e.Micros)
	case *Nudge:
		least = min(int64(e.Try), int64(e.Run))
	case *Breaker:
		least = int64(e.Probe)
	case *ViolationTotals:
		for _, n := range e.Found {
			least = min(least, n)
		}
	}
	if least < 0 {
		return nameOf(e.ref()) + " has a negative counter"
	}
	return ""
}

func correctCounts(e entity) {
	switch e := e.(type) {
	case *Counters:
		e.LastRun, e.LastOrder, e.Starts = max(e.LastRun, 0), max(e.LastOrder, 0), max(e.Starts, 0)
	case *Usage:
		e.Tokens, e.Cached, e.Micros = max(e.Tokens, 0), max(e.Cached, 0), max(e.Micros, 0)
	case *Nudge:
		e.Try, e.Run = max(e.Try, 0), max(e.Run, 0)
	case *Breaker:
		e.Probe, e.ProbeBead = 0, ""
	case *ViolationTotals:
		for i := range e.Found {
			e.Found[i] = max(e.Found[i], 0)
		}
	}
}

// What makes the books right again.

// clearRecord deletes a nudge that nobody can hear and a breaker that nothing can open or close.
func clearRecord(c *checker, e entity) []Action {
	switch e := e.(type) {
	case *Nudge:
		return []Action{{Kind: DeleteNudge, Agent: e.Agent, Nudge: e.ID, Reason: "there is no such agent"}}
	case *Breaker:
		if e.Rig != "" && c.s.rigs[e.Rig] == nil {
			return []Action{repairRecord(e, "rig", string(e.Rig), "", "a breaker goes with its rig")}
		}
		return []Action{repairRecord(e, "probeBead", string(e.ProbeBead), "", "there is nothing of that name")}
	}
	return nil
}

func setRecordClock(c *checker, e entity) []Action {
	if _, late := timesOf(e, c.now); late != 0 {
		return []Action{repairRecord(e, "times", late.String(), c.now.String(), "nothing has happened later than now")}
	}
	return []Action{repairRecord(e, "times", "", "", "failures are kept in their order, and only the newest")}
}

// repairRecord names a field of the town, of its counters or of its usage after what it is of.
func repairRecord(e entity, field, from, to, reason string) Action {
	a := Action{Kind: RepairField, Code: field, From: from, To: to, Reason: reason}
	switch e := e.(type) {
	case *Nudge:
		a.Nudge, a.Agent = e.ID, e.Agent
	case *Breaker:
		a.Breaker, a.Rig = e.ID(), e.Rig
	default:
		a.Code = string(e.ref().Kind) + "." + field
	}
	return a
}

// repairBooks carries out what repairRecord says.
func (t *tick) repairBooks(a *Action) string {
	kind, field, named := strings.Cut(a.Code, ".")
	r := ref{Kind(kind), kind}
	switch {
	case a.Nudge != "":
		r, field = ref{KindNudge, string(a.Nudge)}, a.Code
	case a.Breaker != "":
		r, field = ref{KindBreaker, a.Breaker}, a.Code
	case !named:
		return fmt.Sprintf("nothing has a field %q", a.Code)
	}
	e := copyOf(t.s.get(r))
	if e == nil {
		return fmt.Sprintf("there is no %s %s", r.Kind, r.ID)
	}
	switch k, _ := e.(*Breaker); field {
	case "times":
		setClocks(e, t.now)
	case "counts":
		correctCounts(e)
	case "rig":
		t.s.set(r, nil)
		return ""
	case "probeBead":
		k.Probe, k.ProbeBead = 0, ""
	case "lastRun", "lastOrder":
		return t.raise(field, a.To)
	default:
		panic(fmt.Sprintf("town: no field %q of a %s is repaired", field, r.Kind))
	}
	t.s.set(r, e)
	return ""
}

// raise brings a counter up to what it counts.
func (t *tick) raise(field, to string) string {
	n, err := strconv.ParseInt(to, 10, 64)
	if err != nil {
		return fmt.Sprintf("%q is no number", to)
	}
	t.s.editCounters(func(c *Counters) {
		if field == "lastRun" {
			c.LastRun = max(c.LastRun, Run(n))
		} else {
			c.LastOrder = max(c.LastOrder, n)
		}
	})
	return ""
}

// copyOf returns one of the records that may be changed, or nil.
func copyOf(e entity) entity {
	switch e := e.(type) {
	case *Town:
		return e.clone()
	case *Counters:
		return e.clone()
	case *Usage:
		c := *e
		return &c
	case *Nudge:
		return e.clone()
	case *Breaker:
		return e.clone()
	case *ViolationTotals:
		return e.clone()
	}
	return nil
}
