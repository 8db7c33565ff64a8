package town

import (
	"fmt"
	"slices"
	"strings"
)

// A target that moves faster than its gates run is nobody's fault. A merge is tested again at once a few times, and
// then the setting moved_target says what is done.

// movesTooFast reports whether the target of a merge request has moved during each of the tests that it gets at once.
func (s *State) movesTooFast(mr *Bead) bool {
	return mr.Merge.Moved > s.config(mr.Rig).MovedTargetRetests
}

// acceptsMoved reports whether a merge request is merged without running the gates again.
func (s *State) acceptsMoved(mr *Bead) bool {
	return s.movesTooFast(mr) && s.config(mr.Rig).MovedTarget == MovedTargetAccept
}

// targetMoves holds a merge request whose target moves too fast, as the rig wants it.
func (t *tick) targetMoves(mr *Bead) {
	policy := t.s.config(mr.Rig).MovedTarget
	if !mr.Live() || !t.s.movesTooFast(mr) || policy == MovedTargetAccept {
		return
	}
	said := fmt.Sprintf("%s moved during each of %d tests", mr.Merge.Target, mr.Merge.Moved)
	o := Obstacle{Code: WaitBackOff, Since: t.now, Reason: said + ", so it is tested again later each time"}
	if policy == MovedTargetAsk {
		o.Code, o.Since, o.Reason = WaitNeedsPerson, 0, said+fmt.Sprintf("; gastown bead retry %s tests it once more", mr.ID)
	}
	t.s.editBead(mr.ID, t.now, func(b *Bead) { b.Merge.hold(o) })
	cause := "moved_target/" + string(mr.ID)
	if policy != MovedTargetAsk || t.s.noticeOf(Escalation, cause) != nil {
		return
	}
	t.escalated(Bead{
		Type: Escalation, Title: clip(mr.Merge.Target+" of "+string(mr.Rig)+" moves faster than its gates run", maxTitle), Rig: mr.Rig,
		CreatedBy: "review/push", Body: clip(fmt.Sprintf(
			"%s. No branch is to blame. gastown bead retry %s tests it once more; or make the gates faster, push to %s less often, "+
				"or set moved_target of the rig to accept, which merges what has no conflicts without running the gates again.",
			said, mr.ID, mr.Merge.Target), maxBody),
		Escalation: &EscalationPart{Severity: SeverityMedium, Category: "moved_target", Cause: cause, About: mr.ID},
	})
}

// remarks is what has to be said of a merge beside that it was made.
func (m *MergePart) remarks() string {
	switch {
	case m.Ungated:
		return fmt.Sprintf(" without its gates, since %s moved during each of %d tests", m.Target, m.Moved)
	case len(m.Flaky) > 0:
		return "; failed at first and passed when run again: " + strings.Join(m.Flaky, ", ")
	}
	return ""
}

// flakyGates names the gates that passed only when they were run again.
func flakyGates(runs []GateRun) []string {
	var names []string
	for i := range runs {
		if runs[i].Flaky && !slices.Contains(names, runs[i].Gate) {
			names = append(names, runs[i].Gate)
		}
	}
	return names
}
