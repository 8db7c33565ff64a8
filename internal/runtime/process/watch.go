package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"gastown/internal/runtime"
)

const (
	// recordPause is the time between two looks for a record that a supervisor
	// is about to write.
	recordPause = 10 * time.Millisecond
	// settlePause is the time before a run whose end could not be recorded (a
	// full disk, say) is looked at again.
	settlePause = 10 * time.Second
)

// run is what the server keeps in memory about a run that is not forgotten.
type run struct {
	key runtime.Key
	dir string
	// done is closed when the run is over and exit.json is on disk.
	done chan struct{}
	// proc is the supervisor if it is our child, which we then have to reap.
	proc *os.Process

	mu        sync.Mutex
	alive     *os.File // read end of the FIFO; nil if it is not open
	abandoned bool     // nobody will watch the run any more
	fault     error    // why the run cannot be watched
}

// newRun returns a run that nobody watches yet.
func newRun(key runtime.Key, dir string) *run {
	return &run{key: key, dir: dir, done: make(chan struct{})}
}

// abandon makes a waiting watcher return, and keeps another from waiting.
func (w *run) abandon() {
	w.mu.Lock()
	w.abandoned = true
	w.mu.Unlock()
	w.closeAlive()
}

// closeAlive closes the read end of the FIFO.
func (w *run) closeAlive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.alive != nil {
		w.alive.Close()
		w.alive = nil
	}
}

// setFault notes why the run cannot be watched; nil for none.
func (w *run) setFault(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = err
}

// trouble returns why the run cannot be watched, if so.
func (w *run) trouble() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fault
}

// openAlive opens the read end of a run's FIFO. Go's poller waits on it, so a
// waiting reader costs no thread.
func openAlive(dir string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, fileAlive), os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// track begins to watch a run, unless the Runtime was closed.
func (r *Runtime) track(w *run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		w.abandon()
		return
	}
	r.runs[w.key] = w
	r.watchers.Go(func() { r.watch(w) })
}

// watch waits for the end of a run, settles it and pushes it.
func (r *Runtime) watch(w *run) {
	err := w.await()
	for r.ctx.Err() == nil {
		if err == nil {
			err = r.settle(w)
		}
		if err == nil {
			w.setFault(nil)
			close(w.done)
			r.push(w)
			return
		}
		w.setFault(err)
		select {
		case <-time.After(settlePause):
			err = w.await()
		case <-r.ctx.Done():
		}
	}
}

// await returns nil when the supervisor is gone. A missing FIFO means that the
// start did not get far enough for a supervisor.
func (w *run) await() error {
	alive, err := w.openOnce()
	if os.IsNotExist(err) {
		return nil
	}
	if err == nil {
		// Nothing is ever written to it, so reading ends only with the last writer.
		_, err = io.Copy(io.Discard, alive)
	}
	if err != nil {
		return fmt.Errorf("cannot watch the supervisor: %w", err)
	}
	return nil
}

// openOnce returns the read end of the FIFO, opened if it is not open yet.
func (w *run) openOnce() (*os.File, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.abandoned {
		return nil, os.ErrClosed
	}
	if w.alive == nil {
		f, err := openAlive(w.dir)
		if err != nil {
			return nil, err
		}
		w.alive = f
	}
	return w.alive, nil
}

// settle sees to it that a run whose supervisor is gone is really over and that
// exit.json says how.
func (r *Runtime) settle(w *run) error {
	_, found, _, err := readExit(w.dir)
	if err != nil {
		return err
	}
	if !found {
		rec, err := r.bury(w)
		if err != nil {
			return err
		}
		if err := writeRecord(w.dir, fileExit, rec); err != nil {
			return err
		}
	}
	if w.proc != nil {
		// It has closed its files, so it is over but for our taking note of it.
		// Only that we are told twice could fail.
		_, _ = w.proc.Wait()
		w.proc = nil
	}
	w.closeAlive()
	if err := os.Remove(filepath.Join(w.dir, fileAlive)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return removeInput(w.dir)
}

// bury ends what a supervisor that was killed has left behind, and returns what
// is to be recorded in its place.
func (r *Runtime) bury(w *run) (exitRecord, error) {
	var sup supervisorRecord
	registered, err := readRecord(w.dir, fileSupervisor, &sup)
	if err != nil {
		return exitRecord{}, err
	}
	if !registered {
		return failedStart(&runtime.StartError{
			Class: runtime.ClassInfra, Reason: "the start was interrupted before the agent was started",
		}), nil
	}
	var agent agentRecord
	if _, err := readRecord(w.dir, fileAgent, &agent); err != nil {
		return exitRecord{}, err
	}
	if err := killMembers(r.ctx, sup, agent); err != nil {
		return exitRecord{}, err
	}
	return exitRecord{Exited: time.Now(), ExitCode: -1, Reason: runtime.ReasonSupervisorLost}, nil
}

// push delivers the report of a run that is over. One that has been forgotten
// meanwhile needs no delivery.
func (r *Runtime) push(w *run) {
	report, listed := readReport(w)
	if !listed {
		return
	}
	select {
	case r.exits <- report:
	case <-r.ctx.Done():
	}
}

// awaitRecord waits until a supervisor has written a record, and says whether it
// has. It has not if the run ended before.
func (w *run) awaitRecord(ctx context.Context, name string, into any) (bool, error) {
	tick := time.NewTicker(recordPause)
	defer tick.Stop()
	for {
		if found, err := readRecord(w.dir, name, into); found || err != nil {
			return found, err
		}
		select {
		case <-w.done:
			return readRecord(w.dir, name, into)
		case <-tick.C:
		case <-ctx.Done():
			return false, errors.Join(ctx.Err(), w.trouble())
		}
	}
}
