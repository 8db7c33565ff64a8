package git

import (
	"context"
	"fmt"
	"time"
)

// UnverifiedError is returned when a push went well by the remote's word, and the remote's branch does not have the
// commit when it is read back. Nothing may count as merged then.
type UnverifiedError struct {
	Target string // branch on origin
	Commit string
	Err    error // why it could not be read back; nil if it was and the commit is not in it
}

// Error says what is known.
func (e *UnverifiedError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s was pushed to %s and cannot be read back: %v", e.Commit, e.Target, e.Err)
	}
	return fmt.Sprintf("%s was pushed to %s, and %s of the rig's address does not have it: look for what rewrites "+
		"addresses (url.*.insteadOf, a proxy) or takes commits back (a hook, a mirror job)", e.Commit, e.Target, e.Target)
}

// Unwrap returns the cause.
func (e *UnverifiedError) Unwrap() error { return e.Err }

// readBackWaits are the times between looks for a commit that was pushed: some remotes show it a little later.
var readBackWaits = [...]time.Duration{time.Second, 2 * time.Second, 5 * time.Second}

// readBack fetches the target from the rig's address and looks for a commit that was pushed. A target that moved on
// meanwhile is fine.
func (r *Rig) readBack(ctx context.Context, a attempt, commit string) error {
	missing := &UnverifiedError{Target: a.req.Target, Commit: commit}
	for i := 0; ; i++ {
		inside := false
		missing.Err = r.refreshed(ctx, func() error {
			tip, exists, err := r.targetTip(ctx, a.req.Target, a.req.Base)
			if err == nil && exists {
				inside, err = r.isAncestor(ctx, commit, tip)
			}
			return err
		})
		if inside {
			return nil
		}
		if i == len(readBackWaits) {
			return missing
		}
		select {
		case <-ctx.Done():
			return missing
		case <-time.After(a.req.patience(readBackWaits[i])):
		}
	}
}
