package sim

import "gastown/internal/town"

// pullLedger holds what the town has asked the forge and was told.
type pullLedger struct {
	polled map[town.BeadID]town.Time // when it was looked at last
	asked  map[town.BeadID]town.Time // since when a merge is asked for and not answered
	status map[town.BeadID]town.PRStatus
}

func newPullLedger() pullLedger {
	return pullLedger{polled: map[town.BeadID]town.Time{}, asked: map[town.BeadID]town.Time{}, status: map[town.BeadID]town.PRStatus{}}
}

// recorded takes in what a recorded tick has asked and heard.
func (l *pullLedger) recorded(s *town.State, rec *town.Tick, events []town.Event) {
	for i := range events {
		if p, is := events[i].Payload.(*town.PRStatusChanged); is && rec.Events[i].Verdict == town.Applied {
			l.status[events[i].Bead] = p.Status
		}
		if events[i].Type == "bead_retried" && rec.Events[i].Verdict == town.Applied {
			clear(l.status) // it goes on with its pull request, whatever was known
		}
	}
	for i := range rec.Actions {
		if a := &rec.Actions[i]; a.Kind == town.PollPR {
			l.polled[a.Bead] = rec.At
		}
	}
	for i := range rec.Changes {
		id := town.BeadID(rec.Changes[i].ID)
		if rec.Changes[i].Kind != town.KindBead {
			continue
		}
		delete(l.asked, id)
		if b := s.Bead(id); b != nil && b.Merge != nil && b.Merge.PR != nil && b.Merge.PR.Merge.Asked != 0 {
			l.asked[id] = b.Merge.PR.Merge.Asked
		}
	}
}

// questions: the forge is not asked too often, and merges nothing that is not ready; no work is made of
// what is said about a pull request that is not open.
func (c *checker) questions(s *town.State, rec *town.Tick) {
	for i := range rec.Actions {
		a := &rec.Actions[i]
		b := s.Bead(a.Bead)
		switch {
		case b == nil || b.Merge == nil:
		case a.Kind == town.PollPR:
			if last, ever := c.ledger.pulls.polled[b.ID]; ever && rec.At < last.Add(town.PollEvery) {
				c.failf("poll", b.ID, "the pull request of %s was looked at %s ago and is again", b.ID, rec.At.Since(last))
			}
		case a.Kind == town.MergePR:
			c.mayMerge(s, rec, b)
		case a.Kind == town.CreateBead && (b.Merge.PR == nil || b.Status != town.InProgress || !c.isOpen(b.ID)):
			c.failf("feedback", b.ID, "work is made of the pull request of %s, which is %s %s", b.ID, b.Status, c.ledger.pulls.status[b.ID])
		}
	}
}

func (c *checker) isOpen(id town.BeadID) bool {
	status, heard := c.ledger.pulls.status[id]
	return !heard || status == town.PROpen
}

// mayMerge: what is to be merged is green, approved, wanted, and not being merged already.
func (c *checker) mayMerge(s *town.State, rec *town.Tick, b *town.Bead) {
	pr := b.Merge.PR
	cfg := s.Config(b.Rig)
	switch {
	case pr == nil || b.Status != town.InProgress:
		c.failf("merge", b.ID, "%s is to be merged, and is %s", b.ID, b.Status)
	case pr.Green == 0 || pr.Counts != (town.PullCounts{}) || pr.Conflict != 0 || pr.Awaits != "":
		c.failf("merge", b.ID, "%s is to be merged, and is green since %s, misses %+v, has conflicts since %s, awaits %q", b.ID, pr.Green, pr.Counts, pr.Conflict, pr.Awaits)
	case !cfg.AutoMerge:
		c.failf("merge", b.ID, "%s is to be merged, and auto_merge is off", b.ID)
	case rec.At < pr.Green.Add(cfg.AutoMergeDelay):
		c.failf("merge", b.ID, "%s is to be merged, and is green only since %s", b.ID, pr.Green)
	}
	asked, unanswered := c.ledger.pulls.asked[b.ID]
	if unanswered && len(rec.Events) == 0 && rec.At < asked.Add(town.AskAgain) {
		c.failf("merge", b.ID, "the merge of %s is asked for again %s after it was, without an answer", b.ID, rec.At.Since(asked))
	}
}
