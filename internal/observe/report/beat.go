package report

import (
	"time"

	"github.com/getsentry/sentry-go"
)

const (
	// beatEvery is how often a check-in is sent. A minute is the finest unit that Sentry knows.
	beatEvery = time.Minute
	// turnsWithin is how long a loop may take to its next turn and be well: it turns every minute at
	// least, and some seconds of a slow tick are not worth a page.
	turnsWithin = 150 * time.Second
	// margin and threshold are how many minutes late a check-in may be, and how many bad or missing ones
	// in a row make an issue of it: a restart of the server is none.
	margin    = 2
	threshold = 2
)

// checkIn tells the cron monitor whether every town's loop turns. There is one for all of them, and none
// per tick.
func (r *Reporter) checkIn() {
	if r.opts.Monitor == "" {
		return
	}
	status := sentry.CheckInStatusOK
	if r.anyStands() {
		status = sentry.CheckInStatusError
	}
	r.client.CaptureCheckIn(&sentry.CheckIn{MonitorSlug: r.opts.Monitor, Status: status}, &sentry.MonitorConfig{
		Schedule:      sentry.IntervalSchedule(1, sentry.MonitorScheduleUnitMinute),
		CheckInMargin: margin, FailureIssueThreshold: threshold, RecoveryThreshold: 1,
	}, nil)
}

// anyStands reports whether a loop has not turned for too long.
func (r *Reporter) anyStands() bool {
	now := r.opts.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, at := range r.turned {
		if now.Sub(at) > turnsWithin {
			return true
		}
	}
	return false
}
