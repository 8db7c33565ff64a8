package town

import (
	"fmt"
	"slices"
	"strconv"
)

// What a damaged record or a wrong clock can bring in: types and statuses that do not exist, parts
// that are missing, references to nothing, times that are still to come, counters that lag.

func misshapenBead(_ *checker, b *Bead) string {
	if b.Type == Issue && b.Priority == Medium && b.Merge == nil && b.Convoy == nil && b.Escalation == nil && b.Triage == nil && Issue.mayBe(b.Status) {
		return "" // most beads, and this is asked often
	}
	parts, typ := b.parts()
	switch {
	case !b.Type.known():
		return fmt.Sprintf("%s has the type %q", b.ID, b.Type)
	case !b.Type.mayBe(b.Status):
		return fmt.Sprintf("%s (%s) is %q", b.ID, b.Type, b.Status)
	case b.Priority != Medium && !slices.Contains(priorities[:], b.Priority):
		return fmt.Sprintf("%s has the priority %q", b.ID, b.Priority)
	case parts > 1 || parts == 1 && typ != b.Type:
		return fmt.Sprintf("%s (%s) has the part of another type", b.ID, b.Type)
	case parts == 0 && b.Type.hasPart() && b.Live():
		return fmt.Sprintf("%s (%s) has lost the part of its type", b.ID, b.Type)
	}
	return ""
}

// parts counts the typed parts and names the type of one of them.
func (b *Bead) parts() (n int, typ BeadType) {
	if b.Merge != nil {
		n, typ = n+1, MergeRequest
	}
	if b.Convoy != nil {
		n, typ = n+1, Convoy
	}
	if b.Escalation != nil {
		n, typ = n+1, Escalation
	}
	if b.Triage != nil {
		n, typ = n+1, TriageRequest
	}
	if b.Message != nil {
		n, typ = n+1, Message
	}
	return n, typ
}

func (b *Bead) hasOwnPart() bool {
	n, typ := b.parts()
	return n == 1 && typ == b.Type
}

func (t BeadType) known() bool {
	switch t {
	case Issue, MergeRequest, Convoy, Escalation, Message, TriageRequest, Molecule:
		return true
	}
	return false
}

func (t BeadType) hasPart() bool {
	return t == MergeRequest || t == Convoy || t == Escalation || t == TriageRequest || t == Message
}

// mayBe reports whether a bead of the type may have the status: only issues are reviewed, and nobody
// works on a convoy, an escalation or a message.
func (t BeadType) mayBe(s BeadStatus) bool {
	switch s {
	case Open, Closed, Failed:
		return true
	case InProgress:
		return t != Convoy && t != Escalation && t != Message
	case InReview:
		return t == Issue
	}
	return false
}

// reshape mends one thing at a time; what is left is found in the next round.
func reshape(c *checker, r ref) []Action {
	if n, ok := c.s.get(r).(*Nudge); ok {
		return reshapeNudge(n)
	}
	if a := c.s.agents[AgentID(r.ID)]; r.Kind == KindAgent {
		switch role, rig := c.dutyOf(a); {
		case role != a.Role:
			return []Action{repairAgent(a, "role", string(a.Role), string(role), "there is no such role for it")}
		case rig != a.Rig:
			return []Action{repairAgent(a, "rig", string(a.Rig), string(rig), "its name is that rig's refinery's")}
		}
		to := Idle
		if a.Hook != "" && a.Process() {
			to = Working // what it does is not lost
		}
		return []Action{{Kind: TransitionAgent, Agent: a.ID, Run: a.Run, From: string(a.Status), To: string(to), Reason: "there is no such status for it"}}
	}
	b := c.s.beads[BeadID(r.ID)]
	parts, typ := b.parts()
	switch {
	case !b.Type.known() && parts == 0:
		return []Action{repairBead(b, "type", string(b.Type), string(Issue), "there is no such type; a person must say what it is")}
	case !b.Type.known():
		return []Action{repairBead(b, "type", string(b.Type), string(typ), "there is no such type; its part tells")}
	case !b.Type.mayBe(b.Status):
		ends := ""
		if at := b.lastAttempt(); at != nil && at.Ended == 0 {
			ends = AttemptStopped
		}
		return []Action{reopen(b, fmt.Sprintf("there is no status %q for a bead of type %s", b.Status, b.Type), ends, NoFault)}
	case parts > 1 || parts == 1 && typ != b.Type:
		return []Action{repairBead(b, "part", "", string(b.Type), "a bead has the part of its own type alone")}
	case parts == 0 && b.Type.hasPart() && b.Live():
		return []Action{failBead(b, "damaged", "the record of its part as "+string(b.Type)+" is lost")}
	}
	return []Action{repairBead(b, "priority", string(b.Priority), string(Medium), "there is no such priority")}
}

func danglingBead(c *checker, b *Bead) string {
	if !b.Live() {
		return "" // what it was once about may have gone to the archive
	}
	for _, x := range c.references(b) {
		return fmt.Sprintf("%s has the %s %q, and there is none", b.ID, x.Code, x.From)
	}
	if b.Type == MergeRequest && b.Merge != nil && c.s.beads[b.Merge.Source] == nil {
		return fmt.Sprintf("%s is for %q, which does not exist", b.ID, b.Merge.Source)
	}
	return ""
}

// references lists the repairs of what a bead names and is not there.
func (c *checker) references(b *Bead) []Action {
	var out []Action
	gone := func(field, id string) {
		out = append(out, repairBead(b, field, id, "", "there is nothing of that name"))
	}
	if b.Rig != "" && c.s.rigs[b.Rig] == nil {
		gone("rig", string(b.Rig))
	}
	if b.Status == InProgress && b.Assignee != "" && c.s.agents[b.Assignee] == nil {
		gone("assignee", string(b.Assignee))
	}
	if b.Parent != "" && c.s.beads[b.Parent] == nil {
		gone("parent", string(b.Parent))
	}
	if on := b.about(); on != "" && c.s.beads[on] == nil {
		gone("about", string(on))
	}
	if b.Convoy != nil && b.Convoy.LandingRequest != "" {
		if mr := c.s.beads[b.Convoy.LandingRequest]; mr == nil || mr.Merge == nil || mr.Merge.Source != b.ID {
			gone("landingRequest", string(b.Convoy.LandingRequest))
		}
	}
	if b.Merge != nil && b.Merge.PR != nil {
		pr := b.Merge.PR
		if pr.ConflictBead != "" && c.s.beads[pr.ConflictBead] == nil {
			gone("conflictBead", string(pr.ConflictBead))
		}
		if pr.Feedback != nil && pr.Feedback.Bead != "" && c.s.beads[pr.Feedback.Bead] == nil {
			gone("feedbackBead", string(pr.Feedback.Bead))
		}
	}
	return out
}

func danglingEdge(c *checker, d *Dependency) string {
	if c.s.beads[d.Bead] == nil || c.s.beads[d.On] == nil {
		return fmt.Sprintf("%s %s %s, and one of them does not exist", d.Bead, d.Kind, d.On)
	}
	return ""
}

func clearReferences(c *checker, r ref) []Action {
	switch e := c.s.get(r).(type) {
	case *Bead:
		if actions := c.references(e); len(actions) > 0 {
			for i := range actions {
				if actions[i].Code == "assignee" && len(c.s.ix.hookedTo[e.ID]) == 0 && !e.needsNoAgent() {
					actions[i] = reopen(e, "there is no agent "+string(e.Assignee), AttemptStopped, NoFault)
				}
			}
			return actions
		}
		return []Action{failBead(e, "source_missing", "what it is for does not exist")}
	case *Agent:
		return []Action{repairAgent(e, "rig", string(e.Rig), "", "there is no such rig")}
	case *Dependency:
		return []Action{removeEdge(e, "one of its ends does not exist")}
	default:
		return clearRecord(c, e)
	}
}

func untimelyBead(c *checker, b *Bead) string {
	if at := b.latest(); at > c.now {
		return fmt.Sprintf("%s has a time that is still to come: %s", b.ID, at)
	}
	if until := b.overlong(c.now); until != 0 {
		return fmt.Sprintf("%s leaves its forge alone for longer than any may ask: until %s", b.ID, until)
	}
	if b.Closed == 0 && !b.Live() {
		return fmt.Sprintf("%s is %s since never", b.ID, b.Status)
	}
	return ""
}

// latest is the latest of the bead's times; eachTime has the same.
func (b *Bead) latest() Time {
	at := max(b.Created, b.Updated, b.Since, b.Closed, b.Held)
	for i := range b.Attempts {
		at = max(at, b.Attempts[i].Started, b.Attempts[i].Ended)
	}
	if m := b.Merge; m != nil {
		at = max(at, m.VerifyAsked, m.PR.latest())
		if p := m.Push; p != nil {
			at = max(at, p.Asked)
		}
		if o := m.Obstacle; o != nil {
			at = max(at, o.Since)
		}
		if p := m.Late; p != nil {
			at = max(at, p.Asked)
		}
	}
	if p := b.Convoy; p != nil {
		at = max(at, p.LastLanding, p.Landed)
	}
	if e := b.Escalation; e != nil {
		at = max(at, e.Acknowledged, e.LastRaised, e.Notice.Tried)
	}
	if m := b.Message; m != nil {
		at = max(at, m.Read)
	}
	return at
}

func untimelyAgent(c *checker, a *Agent) string {
	if at := a.latest(); at > c.now {
		return fmt.Sprintf("%s has a time that is still to come: %s", a.ID, at)
	}
	return ""
}

func (a *Agent) latest() Time {
	return max(a.Since, a.Dispatched, a.ObservedSince, a.HeartbeatLost, a.Stopping, a.Created, a.LastWork, a.Inactive, a.Asked)
}

func setClock(c *checker, r ref) []Action {
	const reason = "nothing has happened later than now"
	to := c.now.String()
	switch e := c.s.get(r).(type) {
	case *Bead:
		return []Action{repairBead(e, "times", max(e.latest(), e.overlong(c.now)).String(), to, reason)}
	case *Agent:
		return []Action{repairAgent(e, "times", e.latest().String(), to, reason)}
	default:
		return setRecordClock(c, e)
	}
}

func miscountedBead(c *checker, b *Bead) string {
	if odd := oddCounts(c, b); odd != "" || b.Convoy == nil || !b.Live() {
		return odd
	}
	if t := c.s.tally(b.ID); t.all != b.Convoy.Members || t.closed != b.Convoy.Done {
		return fmt.Sprintf("%s counts %d members of which %d are in, there are %d and %d", b.ID, b.Convoy.Members, b.Convoy.Done, t.all, t.closed)
	}
	return ""
}

// onlyProgress reports whether nothing is miscounted but a convoy whose members this tick may have changed.
func onlyProgress(c *checker, r ref) bool {
	b := c.s.beads[BeadID(r.ID)]
	return r.Kind == KindBead && b != nil && len(c.s.undo.before) > 0 && oddCounts(c, b) == ""
}

// oddCounts finds a counter of a bead that can be seen to be wrong by itself, or by the town's.
func oddCounts(c *checker, b *Bead) string {
	switch {
	case b.Order > c.s.counters.LastOrder:
		return fmt.Sprintf("%s is number %d, the last one given out is %d", b.ID, b.Order, c.s.counters.LastOrder)
	case b.newestRun() > c.s.counters.LastRun:
		return fmt.Sprintf("%s had run %d, the last one given out is %d", b.ID, b.newestRun(), c.s.counters.LastRun)
	case b.Order < 0 || b.Timeout < 0 || min(b.Forgiven, b.Triaged) < 0 || max(b.Forgiven, b.Triaged) > len(b.Attempts):
		return fmt.Sprintf("%s has a counter that cannot be", b.ID)
	case b.Merge != nil && min(b.Merge.VerifyTry, b.Merge.Reworks, b.Merge.Ahead) < 0:
		return fmt.Sprintf("%s has a negative counter", b.ID)
	case b.Merge != nil && slices.ContainsFunc(b.Merge.PR.counts(), func(n *int) bool { return *n < 0 }):
		return fmt.Sprintf("%s has a negative counter", b.ID)
	case b.Merge != nil && b.Merge.publishing() < 0:
		return fmt.Sprintf("%s has a negative counter", b.ID)
	case b.Convoy != nil && b.Convoy.Landings < 0:
		return fmt.Sprintf("%s has a negative counter", b.ID)
	case b.Escalation != nil && min(b.Escalation.Raised, b.Escalation.Notice.Told, b.Escalation.Notice.Try) < 0:
		return fmt.Sprintf("%s has a negative counter", b.ID)
	}
	return ""
}

func (b *Bead) newestRun() Run {
	if at := b.lastAttempt(); at != nil {
		return at.Run
	}
	return 0
}

func recount(c *checker, r ref) []Action {
	const negative = "no counter is negative"
	n := c.s.counters
	raise := func(field string, from, to int64) []Action {
		return []Action{repairRecord(n, field, strconv.FormatInt(from, 10), strconv.FormatInt(to, 10), "more were given out")}
	}
	switch e := c.s.get(r).(type) {
	case *Bead:
		switch {
		case e.Order > n.LastOrder:
			return raise("lastOrder", n.LastOrder, e.Order)
		case e.newestRun() > n.LastRun:
			return raise("lastRun", int64(n.LastRun), int64(e.newestRun()))
		case oddCounts(c, e) == "":
			return progress(c.s, c.now, e).Actions
		}
		return []Action{repairBead(e, "counts", "", "", "no counter is negative or counts more than there is")}
	case *Agent:
		if e.Run > n.LastRun {
			return raise("lastRun", int64(n.LastRun), int64(e.Run))
		}
		return []Action{repairAgent(e, "counts", "", "", negative)}
	default:
		return []Action{repairRecord(e, "counts", "", "", negative)}
	}
}
