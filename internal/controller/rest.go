package controller

import (
	"time"

	"gastown/internal/town"
)

// Rest says how long a loop whose town is in this state may sleep at now, and the interval at which
// it looks when nothing comes due before. Failed says that the last tick could not be made durable:
// then the loop tries again soon, whatever is due. It decides alone, without clock or timer, so that
// whoever plays a town on a time of its own, or looks ahead of it, keeps the same rhythm as the live loop: the
// next look that finds something due is made at that moment, and at the earliest a millisecond, the core's unit,
// after the last one.
func Rest(s *town.State, now time.Time, failed bool) (sleep, interval time.Duration) {
	interval = idleAlarm
	if s.Active() {
		interval = activeAlarm
	}
	if failed {
		return retryAlarm, interval
	}
	sleep = interval
	if due := s.NextDue(); due != 0 {
		sleep = max(min(sleep, due.Std().Sub(now)), time.Millisecond)
	}
	return sleep, interval
}
