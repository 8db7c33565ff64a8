package town

// The codes of merge requests that failed for want of a forge. Their work is done: a retry takes
// that up again, and nothing is dispatched for it.
const (
	failedPoll     = "pr_unreachable"
	failedPRMerge  = "pr_merge_failed"
	failedOrphaned = "pr_orphaned"
	failedNoForge  = "no_forge"
)

// suspended finds the merge request and its source that failed together for want of a forge, by
// either of them.
func (s *State) suspended(b *Bead) (mr, src *Bead) {
	mr, src = b, b
	if b.Merge != nil {
		src = s.beads[b.Merge.Source]
	} else {
		mr = nil
		for _, id := range s.ix.requestsOf[b.ID] {
			if o := s.beads[id]; mr == nil || o.Order > mr.Order {
				mr = o
			}
		}
	}
	if mr == nil || src == nil || mr.Failure == nil || src.Failure == nil || mr.Failure.Code != src.Failure.Code {
		return nil, nil
	}
	switch mr.Failure.Code {
	case failedPoll, failedPRMerge, failedOrphaned, failedNoForge:
		if s.liveRequestOf(src.ID) == nil {
			return mr, src
		}
	}
	return nil, nil
}

// takeUp goes on with a merge request, and with its source if that failed too, where it failed: at the
// pull request, or, if the rig does without them by now, in the merge queue.
func (t *tick) takeUp(mr, src *Bead) {
	to := Open
	if mr.Merge.PR != nil && t.s.config(mr.Rig).MergeStrategy == StrategyPR {
		to = InProgress
	}
	revive := func(b *Bead) { b.Forgiven, b.Failure, b.Closed = len(b.Attempts), nil, 0 }
	t.moveBead(mr.ID, to, func(m *Bead) {
		revive(m)
		m.Merge.Verify, m.Merge.Reworks = NotVerified, 0
		if to == Open {
			m.Merge.PR = nil
			return
		}
		m.Merge.PR.settle()
		m.Merge.PR.Poll.answered()
	})
	if src == nil {
		return
	}
	back := InReview
	if src.Type == Convoy {
		back = Open
	}
	t.moveBead(src.ID, back, revive)
}

// failNow fails a merge request that cannot go on, and its source: doing the work again would end
// the same way.
func (t *tick) failNow(mr *Bead, code, reason string) {
	t.moveBead(mr.ID, Failed, func(m *Bead) {
		reportAttempt(m, t.now, AttemptFailed, reason, InfraFault)
		finish(m, code, reason)
	})
	if src := t.s.beads[mr.Merge.Source]; src != nil && (src.Status == InReview || src.Type == Convoy && src.Live()) {
		t.moveBead(src.ID, Failed, func(s *Bead) { finish(s, code, reason) })
	}
}

// dropRequests fails the merge requests of a source that a person has ended.
func (t *tick) dropRequests(src *Bead, how string) {
	for mr := t.s.liveRequestOf(src.ID); mr != nil; mr = t.s.liveRequestOf(src.ID) {
		t.moveBead(mr.ID, Failed, func(m *Bead) {
			finish(m, "source_cancelled", abandon(m, string(src.ID)+" was "+how))
		})
	}
}

// abandon says of a merge request that fails with its source what becomes of its pull request.
func abandon(mr *Bead, reason string) string {
	if mr.Merge.PR == nil {
		return reason
	}
	return reason + "; its pull request " + mr.Merge.PR.URL + " is left as it is: close it if it is not wanted"
}
