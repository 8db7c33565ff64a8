package town

import (
	"slices"
	"strings"
)

// RemoteAgain is how long after a failure of the remote it is asked again: it keeps no rig waiting for longer than that
// once it answers, and one question a minute is no burden. Such failures are nobody's fault, count for no breaker and
// make no back-off longer.
const RemoteAgain = Minute

// remoteWaits are the failures of git that end with the remote, by the class that an effect reports, and what waits for
// them.
var remoteWaits = map[string]WaitCode{
	"git_unreachable": WaitRemote,
	"git_stalled":     WaitRemote,
	"git_timeout":     WaitRemote,
	"git_no_target":   WaitTargetMissing,
}

// remoteWait is what something waits for whose last look at the remote failed so, or nil if that was another failure.
func remoteWait(class, reason string, until Time) *Wait {
	code, ok := remoteWaits[class]
	if !ok {
		return nil
	}
	words := "waits for the remote"
	if code == WaitTargetMissing {
		words = "waits for its target branch"
	}
	return &Wait{Code: code, Until: until, Reason: words + because(reason)}
}

// joinNoRemote makes one attempt of the newest two where both met the same failure of the remote: from when the first
// began until when the last ended.
func (b *Bead) joinNoRemote() {
	since := b.sinceRetry()
	if len(since) < 2 {
		return
	}
	last, before := since[len(since)-1], since[len(since)-2]
	class := func(a Attempt) string { c, _, _ := strings.Cut(a.Reason, ": "); return c }
	if last.Outcome != AttemptNoRemote || before.Outcome != AttemptNoRemote || class(last) != class(before) {
		return
	}
	last.Started = before.Started
	b.Attempts = append(slices.Clone(b.Attempts[:len(b.Attempts)-2]), last)
}

// remoteEnd is the wait of a bead whose newest attempt failed at the remote, or nil.
func remoteEnd(now Time, b *Bead) *Wait {
	since := b.sinceRetry()
	if len(since) == 0 || since[len(since)-1].Outcome != AttemptNoRemote {
		return nil
	}
	last := since[len(since)-1]
	class, reason, _ := strings.Cut(last.Reason, ": ")
	if until := last.Ended.Add(RemoteAgain); now < until {
		return remoteWait(class, reason, until)
	}
	return nil
}
