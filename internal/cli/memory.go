package cli

import (
	"os"
	"runtime/debug"
)

// garbage is how much may lie about before it is collected, in percent of what is in use. A town in memory
// is small, and nearly all that its ticks make is garbage at once: a replay with Go's default of 100 spends
// a quarter of its time on clearing away.
const garbage = 400

// collectLess has a process that goes through ticks collect garbage less often, unless GOGC says otherwise.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
}
