package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"gastown/internal/runtime"
)

// DefaultHeartbeat is how often a supervisor says that its agent lives. Three
// missed ones count as lost, so it bounds how fast that is noticed.
const DefaultHeartbeat = 10 * time.Second

// Options says how a Runtime works.
type Options struct {
	// Root is the directory for all runs. It is made if it is missing. Only one
	// server at a time may use it.
	Root string
	// Supervisor is the command that calls Supervise; the run's directory is
	// added as its last argument. The default is this binary with "supervise".
	Supervisor []string
	// Heartbeat is the time between two heartbeats; zero means DefaultHeartbeat.
	Heartbeat time.Duration
	// Prepare makes workspaces with a repository ready; nil refuses them.
	Prepare runtime.Prepare
}

// Runtime runs agents as processes of this machine. It implements
// runtime.Runtime.
type Runtime struct {
	root       string
	supervisor []string
	heartbeat  time.Duration
	prepare    runtime.Prepare
	lock       *os.File

	ctx    context.Context // over when the Runtime is closed
	cancel context.CancelFunc
	exits  chan runtime.Report
	once   sync.Once

	mu       sync.Mutex
	closed   bool
	runs     map[runtime.Key]*run  // not forgotten
	turns    map[any]chan struct{} // held while an agent is started or stopped, or a workspace taken over
	watchers sync.WaitGroup        // everything that sends to exits
}

var _ runtime.Runtime = (*Runtime)(nil)

// agentKey names an agent over all its runs.
type agentKey struct{ history, town, agent string }

// Open finds the runs under the root again and begins to watch them.
func Open(opts Options) (*Runtime, error) {
	root, err := filepath.Abs(opts.Root)
	if err != nil || opts.Root == "" {
		return nil, fmt.Errorf("cannot open the run directory %q: it is not a path", opts.Root)
	}
	r := &Runtime{
		root: root, supervisor: opts.Supervisor, heartbeat: opts.Heartbeat, prepare: opts.Prepare,
		exits: make(chan runtime.Report),
		runs:  map[runtime.Key]*run{},
		turns: map[any]chan struct{}{},
	}
	if r.heartbeat <= 0 {
		r.heartbeat = DefaultHeartbeat
	}
	if len(r.supervisor) == 0 {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("cannot find our own binary for the supervisors: %w", err)
		}
		r.supervisor = []string{self, "supervise"}
	}
	if r.lock, err = lockRoot(root); err != nil {
		return nil, err
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	if err := r.recover(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// A process that is being forked shares our open files until it has become
// another program, and with them the lock: for milliseconds, or longer where the
// machine is very busy. Of a server that was killed such a process may be left.
const (
	orphanPatience = 2 * time.Second
	orphanLook     = 20 * time.Millisecond
)

// lockRoot makes the root directory and keeps other servers out of it. The lock
// ends with this process, however it ends.
func lockRoot(root string) (*os.File, error) {
	if err := os.MkdirAll(root, modeDir); err != nil {
		return nil, fmt.Errorf("cannot make the run directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(root, fileLock), os.O_RDWR|os.O_CREATE, modeFile)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the run directory: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	for end := time.Now().Add(orphanPatience); errors.Is(err, syscall.EWOULDBLOCK) && time.Now().Before(end); {
		time.Sleep(orphanLook)
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("cannot lock the run directory %s: another server uses it: stop that one or choose another data directory", root)
		}
		return nil, fmt.Errorf("cannot lock the run directory %s: %w", root, err)
	}
	return f, nil
}

// recover tracks every run on disk that was not forgotten.
func (r *Runtime) recover() error {
	keys, err := allKeys(r.root)
	if err != nil {
		return err
	}
	var over []*run
	for _, key := range keys {
		dir := runDir(r.root, key)
		// An exit.json that cannot be read is no news of the supervisor: that one
		// is watched all the same, and List shows the error.
		_, found, forgotten, _ := readExit(dir)
		switch {
		case forgotten:
		case found:
			w := newRun(key, dir)
			close(w.done)
			r.runs[key] = w
			over = append(over, w)
		default:
			r.track(newRun(key, dir))
		}
	}
	r.watchers.Go(func() {
		for _, w := range over {
			r.push(w)
		}
	})
	return nil
}

// Exits implements runtime.Runtime.
func (r *Runtime) Exits() <-chan runtime.Report { return r.exits }

// Close implements runtime.Runtime.
func (r *Runtime) Close() error {
	var err error
	r.once.Do(func() {
		r.mu.Lock()
		r.closed = true
		r.cancel()
		for _, w := range r.runs {
			w.abandon()
		}
		r.mu.Unlock()
		r.watchers.Wait()
		close(r.exits)
		// Closing alone leaves the lock to a process that is just being forked.
		unlocked := syscall.Flock(int(r.lock.Fd()), syscall.LOCK_UN)
		if err = errors.Join(unlocked, r.lock.Close()); err != nil {
			err = fmt.Errorf("cannot unlock the run directory: %w", err)
		}
	})
	return err
}

// open says whether there is any point in beginning something.
func (r *Runtime) open(ctx context.Context) error {
	if r.ctx.Err() != nil {
		return runtime.ErrClosed
	}
	return ctx.Err()
}

// tracked returns the run with a key, nil if there is none or it was forgotten.
func (r *Runtime) tracked(key runtime.Key) *run {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.runs[key]
}

// hold waits until nobody else starts or stops runs of the agent, and returns
// what lets the next one in.
func (r *Runtime) hold(ctx context.Context, key runtime.Key) (release func(), err error) {
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	return r.turn(ctx, agentKey{key.History, key.Town, key.Agent})
}

// turn waits until nobody else has what is named.
func (r *Runtime) turn(ctx context.Context, name any) (release func(), err error) {
	r.mu.Lock()
	turn := r.turns[name]
	if turn == nil {
		turn = make(chan struct{}, 1)
		r.turns[name] = turn
	}
	r.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.ctx.Done():
		return nil, runtime.ErrClosed
	}
}
