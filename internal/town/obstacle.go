package town

import "fmt"

// Obstacle keeps an open merge request from being merged and lies outside of the town: a target that is gone, a remote
// that refuses. It is tried again by itself, later each time, and at once when a person says so.
type Obstacle struct {
	Code   WaitCode `json:"code"`
	Reason string   `json:"reason"`
	Since  Time     `json:"since,omitempty"` // when it was met last; zero for what only a person's word ends
	Times  int      `json:"times,omitempty"` // how often in a row
	Now    bool     `json:"now,omitempty"`   // a person wants it tried now
}

// historyWaits are the ways in which somebody has rewritten a branch so that a merge would say what is not so, and what
// waits for it.
var historyWaits = map[string]WaitCode{MergeRewritten: WaitRewritten, MergeMembersMissing: WaitNeedsPerson}

// obstacleBackoffs is how long a merge request waits after it met the same obstacle for the 1st, 2nd, … time. Such
// things change within minutes, or by a person who then says so.
var obstacleBackoffs = [...]Duration{Minute, 2 * Minute, 5 * Minute, 10 * Minute, 30 * Minute}

// hold notes an obstacle.
func (m *MergePart) hold(o Obstacle) {
	o.Reason, o.Times = clip(o.Reason, maxObstacle), 1
	if m.Obstacle != nil && m.Obstacle.Code == o.Code {
		o.Times += m.Obstacle.Times
	}
	m.Obstacle = &o
}

// maxObstacle bounds what an obstacle says, in bytes.
const maxObstacle = 2 << 10

// wait is the wait for an obstacle, or nil if it is time to try again.
func (o *Obstacle) wait(now Time) *Wait {
	if o == nil || o.Now {
		return nil
	}
	if o.Since == 0 && o.Code == WaitNeedsPerson {
		return &Wait{Code: o.Code, Reason: o.Reason}
	}
	end := o.Since.Add(o.pause())
	if now >= end {
		return nil
	}
	return &Wait{Code: o.Code, Until: end, Reason: o.Reason}
}

// pause is how long it is left alone. A target that is back again must not be waited for longer than a minute.
func (o *Obstacle) pause() Duration {
	if o.Code == WaitTargetMissing {
		return Minute
	}
	return obstacleBackoffs[min(max(o.Times, 1), len(obstacleBackoffs))-1]
}

// lookedFor notes what a look at the remote said of a target that was missing: that it still is, or that it is back.
func (m *MergePart) lookedFor(class string, now Time) {
	switch o := m.Obstacle; {
	case o == nil || o.Code != WaitTargetMissing:
	case class == "":
		o.Now = true
	case remoteWaits[class] == WaitTargetMissing && now > o.Since:
		o.Times, o.Since = o.Times+1, now
	}
}

// heldUp is what lies outside and keeps an open merge request from being merged, empty for nothing.
func (b *Bead) heldUp() string {
	if b == nil || b.Status != Open || b.Merge == nil || b.Merge.Obstacle == nil {
		return ""
	}
	return b.Merge.Obstacle.Reason
}

// targetGone holds a merge request whose target is not at the remote. Nothing is made in its place: whoever took it away
// may have meant to.
func (t *tick) targetGone(mr *Bead) {
	if !mr.Live() {
		return
	}
	reason := fmt.Sprintf("%s has no branch %s any more: ", mr.Rig, mr.Merge.Target)
	if t.s.ofConvoyBranch(mr) != nil {
		reason += "push it again as it was"
	} else {
		reason += fmt.Sprintf("bring it back, or gastown rig set %s --branch NEW", mr.Rig)
	}
	t.s.editBead(mr.ID, t.now, func(b *Bead) {
		b.Merge.hold(Obstacle{Code: WaitTargetMissing, Since: t.now, Reason: reason})
		b.Merge.Verify = NotVerified // The server looks by itself until it is back.
	})
}

func (o *Obstacle) code(c *coder) {
	codeString(c, &o.Code)
	codeString(c, &o.Reason)
	codeInt(c, &o.Since)
	codeInt(c, &o.Times)
	codeBool(c, &o.Now)
}
