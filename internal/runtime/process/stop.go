package process

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"gastown/internal/runtime"
)

// stopSlack is how long a supervisor may take beyond the grace to end its agent
// before it is killed itself, for instance because somebody has halted it. It
// covers its own limits for killing and for the rest of the output.
const stopSlack = killLimit + drainLimit + 3*time.Second

// Stop implements runtime.Runtime.
func (r *Runtime) Stop(ctx context.Context, key runtime.Key) error {
	release, err := r.hold(ctx, key)
	if err != nil {
		return fmt.Errorf("cannot stop %s: %w", key, err)
	}
	defer release()
	w := r.tracked(key)
	if w == nil {
		return nil
	}
	if err := w.end(ctx); err != nil {
		return fmt.Errorf("cannot stop %s: %w", key, err)
	}
	return nil
}

// end asks the supervisor to end its agent, and insists if it does not. When the
// supervisor is gone the watcher does the same by itself.
func (w *run) end(ctx context.Context) error {
	if isDone(w.done) {
		return nil
	}
	var sup supervisorRecord
	if _, err := w.awaitRecord(ctx, fileSupervisor, &sup); err != nil {
		return err
	}
	// A supervisor that cannot be signalled has gone, which its watcher sees.
	sup.signal(syscall.SIGTERM)

	insist := time.NewTimer(w.grace() + stopSlack)
	defer insist.Stop()
	for {
		select {
		case <-w.done:
			return nil
		case <-insist.C:
			sup.signal(syscall.SIGKILL)
		case <-ctx.Done():
			return errors.Join(ctx.Err(), w.trouble())
		}
	}
}

// grace is the time between TERM and KILL. A spec that cannot be read must not
// hinder a stop, so the default stands in for it.
func (w *run) grace() time.Duration {
	var spec specRecord
	if found, err := readRecord(w.dir, fileSpec, &spec); err != nil || !found {
		return runtime.DefaultGrace
	}
	return spec.Grace
}
