package git

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// stallLimit is how long a command may go on with a remote without any progress. It is the limit of curl (by
// http.lowSpeedTime), of ssh (by its keep-alive) and of our own watch, which is for what those do not see.
const stallLimit = 30 * time.Second

// watchEvery is how often the watch looks for signs of life.
const watchEvery = 2 * time.Second

// busy is the part of the time that git must compute to count as alive without reading or writing anything, as when it
// compresses. Waiting for a network in a loop takes less than a hundredth.
const busy = 0.1

// ticksPerSecond is the unit of times in /proc, the same on every Linux.
const ticksPerSecond = 100

// work is what the processes of git in a session have done so far.
type work struct {
	bytes int64 // read and written, pipes and sockets included
	ticks int64 // of processor time
}

// watch calls stalled when the processes of git in a session have read and written nothing for as long as limit, and
// hardly computed. It ends with done. Where the system does not tell (there is no /proc), it sees nothing.
func watch(session int, limit time.Duration, done <-chan struct{}, stalled func()) {
	tick := time.NewTicker(min(watchEvery, limit/4))
	defer tick.Stop()
	before, _ := workOf(session)
	alive := time.Now()
	for last := alive; ; {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		now := time.Now()
		seen, ok := workOf(session)
		computed := float64(seen.ticks-before.ticks) / ticksPerSecond
		if !ok || seen.bytes != before.bytes || computed > busy*now.Sub(last).Seconds() {
			alive = now
		}
		before, last = seen, now
		if now.Sub(alive) >= limit {
			stalled()
			return
		}
	}
}

// workOf adds up what the processes of git in a session have done. Those of ssh do not count: it keeps its connection
// alive by itself, whatever is at the other end.
func workOf(session int) (sum work, ok bool) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return work{}, false
	}
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // It has ended.
		}
		name, fields := statOf(stat)
		if len(fields) < 13 || fields[3] != strconv.Itoa(session) || !strings.HasPrefix(name, "git") {
			continue
		}
		ok = true
		for _, field := range fields[11:13] {
			n, _ := strconv.ParseInt(field, 10, 64) // The kernel writes digits.
			sum.ticks += n
		}
		for line := range strings.Lines(readText(filepath.Join(filepath.Dir(path), "io"))) {
			var n int64
			if _, err := fmt.Sscanf(line, "rchar: %d", &n); err == nil {
				sum.bytes += n
			} else if _, err := fmt.Sscanf(line, "wchar: %d", &n); err == nil {
				sum.bytes += n
			}
		}
	}
	return sum, ok
}

// statOf splits /proc/PID/stat into the name, which may have anything in it, and the fields after it.
func statOf(stat []byte) (name string, fields []string) {
	from, to := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if from < 0 || to < from {
		return "", nil
	}
	return string(stat[from+1 : to]), strings.Fields(string(stat[to+1:]))
}

func readText(path string) string {
	text, _ := os.ReadFile(path) // What has ended has nothing to tell.
	return string(text)
}
