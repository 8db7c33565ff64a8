package town

// Obstacle keeps an open merge request from being merged and lies outside of the town: a target that is gone, a remote
// that refuses. It is tried again by itself, later each time, and at once when a person says so.
type Obstacle struct {
	Code   WaitCode `json:"code"`
	Reason string   `json:"reason"`
	Since  Time     `json:"since,omitempty"` // when it was met last
	Times  int      `json:"times,omitempty"` // how often in a row
	Now    bool     `json:"now,omitempty"`   // a person wants it tried now
}

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
	if o.Code == WaitNeedsPerson {
		return &Wait{Code: o.Code, Reason: o.Reason}
	}
	end := o.Since.Add(obstacleBackoffs[min(max(o.Times, 1), len(obstacleBackoffs))-1])
	if now >= end {
		return nil
	}
	return &Wait{Code: o.Code, Until: end, Reason: o.Reason}
}

func (o *Obstacle) code(c *coder) {
	codeString(c, &o.Code)
	codeString(c, &o.Reason)
	codeInt(c, &o.Since)
	codeInt(c, &o.Times)
	codeBool(c, &o.Now)
}
