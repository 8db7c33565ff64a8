package town

import (
	"fmt"
	"slices"
)

// What must hold of beads, rigs and edges. Each check says how it does not, or "".

func severalMerges(c *checker, r *Rig) string {
	if n := len(c.s.ix.merging[r.ID]); n > 1 {
		return fmt.Sprintf("%d merge requests of %s are in progress", n, r.ID)
	}
	return ""
}

// reviewOfNothing finds an issue that is in review of what is not there, or is merged; and one whose merge request ended
// otherwise, once the time in which that could be retried is over.
func reviewOfNothing(c *checker, b *Bead) string {
	if b.Status != InReview || b.Type != Issue || c.s.liveRequestOf(b.ID) != nil {
		return ""
	}
	if lost := c.s.reviewLost(b); lost != "" {
		return lost
	}
	if c.now < b.Updated.Add(UntouchedGrace) {
		return ""
	}
	return fmt.Sprintf("%s is in review without a live merge request", b.ID)
}

// reviewLost says of an issue in review without a live merge request what no event leaves so, or "".
func (s *State) reviewLost(b *Bead) string {
	switch mr := s.mergedRequestOf(b.ID); {
	case mr != nil:
		return fmt.Sprintf("%s is in review, and its merge request %s is merged", b.ID, mr.ID)
	case len(s.ix.requestsOf[b.ID]) == 0:
		return fmt.Sprintf("%s is in review without a merge request", b.ID)
	}
	return ""
}

// onlyEnded reports whether an issue in review has merge requests and none was merged.
func onlyEnded(c *checker, r ref) bool {
	b := c.s.beads[BeadID(r.ID)]
	return b != nil && c.s.reviewLost(b) == ""
}

// endReview is nobody's fault: a record is lost, or two do not agree.
func endReview(c *checker, b *Bead) []Action {
	if mr := c.s.mergedRequestOf(b.ID); mr != nil {
		return []Action{closeBead(b, OutcomeMerged, "its merge request "+string(mr.ID)+" is merged")}
	}
	return []Action{reopen(b, "there is no merge request that it could wait for", AttemptUnmerged, NoFault)}
}

func heldWorks(c *checker, b *Bead) string {
	if b.Status != InProgress {
		return ""
	}
	if b.Held != 0 {
		return fmt.Sprintf("%s is held, and in progress", b.ID)
	}
	// Issues alone are kept from their start by that, so that another bead would be stopped again and again.
	if convoy := c.s.stagedBy(b.ID); convoy != nil && b.Type == Issue {
		return fmt.Sprintf("%s is in progress, and its convoy %s is staged", b.ID, convoy.ID)
	}
	return ""
}

// stagedBy returns the live convoy that a bead must wait for the start of, or nil.
func (s *State) stagedBy(id BeadID) *Bead {
	if c := s.convoyOf(id); c != nil && c.Live() && c.Convoy.Staged {
		return c
	}
	return nil
}

func openUsedUp(c *checker, b *Bead) string {
	if b.Status != Open || len(b.Attempts) == 0 || b.Type != Issue && b.Type != MergeRequest || !c.s.usedUp(b) {
		return ""
	}
	return fmt.Sprintf("%s is open after %d failed attempts", b.ID, b.FailedAttempts())
}

// usedUpNow reports whether an attempt of the bead has ended in this tick, or the cap may have changed.
func usedUpNow(c *checker, r ref) bool {
	was, b := c.beadBefore(BeadID(r.ID)), c.s.beads[BeadID(r.ID)]
	return was != nil && (was.Status != Open || was.FailedAttempts() < b.FailedAttempts()) ||
		c.changed(c.s.town.ref()) || c.changed(ref{KindRig, string(b.Rig)})
}

// unexplained finds a live bead of which no rule says anything. Beads that a rule has scheduled, or
// that are in a queue, are known not to be; that spares most of the work.
func unexplained(c *checker, b *Bead) string {
	switch {
	case !b.Live() || c.s.agenda.due[b.ref()] != nil || c.s.queued(b):
		return ""
	case c.known && c.s.noticeOf(Escalation, breach{invExplained, b.ref()}.cause()) == nil:
		return ""
	}
	for i := range rules {
		if rules[i].On != KindBead {
			continue
		}
		if look := rules[i].Look(c.s, c.now, string(b.ID)); len(look.Actions) > 0 || look.Wait != nil {
			return ""
		}
	}
	return fmt.Sprintf("nothing says what %s (%s) waits for", b.ID, b.Type)
}

// queued reports whether the bead waits for nothing but its turn.
func (s *State) queued(b *Bead) bool {
	if b.Status != Open || b.Type != Issue && b.Type != MergeRequest {
		return false
	}
	_, found := slices.BinarySearchFunc(s.ix.lists(b)[b.Rig], placeOf(b), compareQueued)
	return found
}

// needlessRequest is about a source with several live merge requests, and about a live merge request
// whose source does not wait for it.
func needlessRequest(c *checker, b *Bead) string {
	if b.awaitsRequest() {
		if n := len(c.s.liveRequests(b.ID)); n > 1 {
			return fmt.Sprintf("%s has %d live merge requests", b.ID, n)
		}
		return ""
	}
	if b.Merge == nil || !b.Live() {
		return ""
	}
	if src := c.s.beads[b.Merge.Source]; src != nil && !src.awaitsRequest() {
		return fmt.Sprintf("%s is %s, and its source %s (%s) is %s", b.ID, b.Status, src.ID, src.Type, src.Status)
	}
	return ""
}

// awaitsRequest reports whether the bead may be the source of a live merge request.
func (b *Bead) awaitsRequest() bool {
	return b.Type == Issue && b.Status == InReview || b.Type == Convoy && b.Live()
}

// liveRequests lists the live merge requests of a source, the oldest first.
func (s *State) liveRequests(source BeadID) []*Bead {
	var out []*Bead
	for _, id := range s.ix.requestsOf[source] {
		if b := s.beads[id]; b.Live() {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, oldestFirst)
	return out
}

// closesCycle finds an edge that closes a circle with edges older than itself. So of each circle it is
// the newest edge that is told of, whatever else there is.
func closesCycle(c *checker, d *Dependency) string {
	if d.Kind != Blocks || c.cannotCycle(d.On, map[BeadID]bool{}) {
		return ""
	}
	reached, queue := map[BeadID]bool{d.On: true}, []BeadID{d.On}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if at == d.Bead {
			return fmt.Sprintf("%s waits for %s, and that for %s", d.Bead, d.On, d.Bead)
		}
		for _, o := range c.s.needs(at, Blocks) {
			if !reached[o.On] && compareAge(o, d) < 0 {
				reached[o.On] = true
				queue = append(queue, o.On)
			}
		}
	}
	return ""
}

// cannotCycle reports whether no circle can be reached from a bead. Each bead is walked through once
// in the life of the checker; path has those that are being walked through.
func (c *checker) cannotCycle(id BeadID, path map[BeadID]bool) bool {
	edges := c.s.needs(id, Blocks)
	if len(edges) == 0 || c.acyclic[id] {
		return true
	}
	if path[id] {
		return false
	}
	path[id] = true
	for _, d := range edges {
		if !c.cannotCycle(d.On, path) {
			return false
		}
	}
	delete(path, id)
	if c.acyclic == nil {
		c.acyclic = map[BeadID]bool{}
	}
	c.acyclic[id] = true
	return true
}

// What makes beads right again.

func keepOldestMerge(c *checker, r ref) []Action {
	var merging []*Bead
	for _, id := range c.s.ix.merging[RigID(r.ID)] {
		merging = append(merging, c.s.beads[id])
	}
	slices.SortFunc(merging, oldestFirst)
	var actions []Action
	for _, b := range merging[1:] {
		actions = append(actions, c.openAgain(b, "another merge request of the rig is being merged")...)
	}
	return actions
}

func oldestFirst(a, b *Bead) int {
	return compareSubjects(subject{a.ref(), a.Order}, subject{b.ref(), b.Order})
}

// openAgain stops the work on a bead that is in progress; nobody is at fault.
func (c *checker) openAgain(b *Bead, reason string) []Action {
	var actions []Action
	for _, a := range c.s.holders(b.ID) {
		actions = append(actions, letGo(a, reason)...)
	}
	return append(actions, reopen(b, reason, AttemptStopped, NoFault))
}

func stopWork(c *checker, b *Bead) []Action {
	reason := "it is held"
	if b.Held == 0 {
		reason = "its convoy is staged"
	}
	return c.openAgain(b, reason)
}

func tellPeople(c *checker, b *Bead) []Action {
	return c.s.escalate(EscalationPart{
		Severity: SeverityHigh, Category: "invariant", Cause: breach{invExplained, b.ref()}.cause(), About: b.ID, Standing: true,
	}, b.Rig, "Nothing says what "+string(b.ID)+" waits for", fmt.Sprintf("no rule has anything to say about %s, which is %s", b.Type, b.Status))
}

func breakCycle(c *checker, r ref) []Action {
	d := c.s.deps[r.ID]
	reason := fmt.Sprintf("%s and %s wait for each other", d.Bead, d.On)
	actions := []Action{removeEdge(d, reason)}
	if b := c.s.beads[d.Bead]; b == nil || !b.Live() {
		return actions
	}
	return append(actions, c.s.escalate(EscalationPart{
		Severity: SeverityHigh, Category: "invariant", Cause: breach{invCycle, r}.cause(), About: d.Bead,
	}, c.s.beads[d.Bead].Rig, fmt.Sprintf("%s no longer waits for %s", d.Bead, d.On),
		"the beads waited for each other; the newest edge of the circle was removed: see that the order is right")...)
}

func removeEdge(d *Dependency, reason string) Action {
	return Action{Kind: RemoveDependency, Bead: d.Bead, To: string(d.On), Code: string(d.Kind), Reason: reason}
}

// closeSiblingsOf closes what is left of a source that another merge request has brought in.
func closeSiblingsOf(s *State, b *Bead) []Action {
	src := s.beads[b.Merge.Source]
	if src == nil || src.Status != Closed || src.Outcome != OutcomeMerged && src.Outcome != OutcomeLanded {
		return nil
	}
	merged := s.mergedRequestOf(src.ID)
	if merged == nil {
		return nil
	}
	return []Action{{Kind: CloseSiblingMRs, Bead: merged.ID,
		Reason: string(merged.ID) + " has brought " + string(src.ID) + " in" + because(abandon(b, ""))}}
}

// dropRequests fails what is needless: the merge request that no source waits for, or all but one of
// a source's.
func dropRequests(c *checker, b *Bead) []Action {
	if !b.awaitsRequest() {
		if merged := closeSiblingsOf(c.s, b); merged != nil {
			return merged
		}
		return []Action{failBead(b, "source_over", "what it is for, "+string(b.Merge.Source)+", does not wait for it")}
	}
	requests := c.s.liveRequests(b.ID)
	keep := requests[len(requests)-1]
	if i := slices.IndexFunc(requests, func(mr *Bead) bool { return mr.Status == InProgress }); i >= 0 {
		keep = requests[i] // what is being merged may be merged already
	}
	var actions []Action
	for _, mr := range requests {
		if mr != keep {
			actions = append(actions, failBead(mr, "superseded", string(keep.ID)+" is for "+string(b.ID)+" as well"))
		}
	}
	return actions
}
