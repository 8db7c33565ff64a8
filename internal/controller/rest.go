package controller

import (
	"time"

	"gastown/internal/town"
)

// Rest says how long a loop whose town is in this state may sleep at now, and the interval at which
// it looks when nothing comes due before. Failed says that the last tick could not be made durable:
// then the loop tries again soon, whatever is due. It decides alone, without clock or timer, so that
// whoever plays a town on a time of its own keeps the same rhythm as the live loop.
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
		// A millisecond later than due: the core counts in whole ones.
		sleep = max(min(sleep, due.Std().Sub(now)+time.Millisecond), 0)
	}
	return sleep, interval
}
