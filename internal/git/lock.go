package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// rigLock lets one caller at a time change a mirror and its workspaces: within
// the process by a channel, between processes (the server and its refineries)
// by a lock file. The system frees the file when its holder dies.
type rigLock struct {
	path string
	held chan struct{} // capacity one; full while somebody holds the lock

	// newest is the fetch that began last; only the holder of the lock reads or writes it.
	newest fetched
}

// fetched is a fetch that has ended.
type fetched struct {
	began time.Time
	url   string
	err   error
}

func newRigLock(path string) *rigLock {
	return &rigLock{path: path, held: make(chan struct{}, 1)}
}

// acquire waits for the lock until ctx ends. The caller must call release.
func (l *rigLock) acquire(ctx context.Context) (release func(), err error) {
	select {
	case l.held <- struct{}{}:
	case <-ctx.Done():
		return nil, &Error{Op: "lock the clone of the rig", Class: waitClass(ctx), Err: ctx.Err(), exitCode: -1}
	}
	file, err := l.acquireFile(ctx)
	if err != nil {
		<-l.held
		return nil, err
	}
	return func() {
		_ = file.Close() // Closing frees the lock; there is nothing written to lose.
		<-l.held
	}, nil
}

// acquireFile waits for the lock file in a goroutine of its own, because the
// system call cannot be interrupted. When ctx ends first, that goroutine gives
// the lock back as soon as it gets it.
func (l *rigLock) acquireFile(ctx context.Context) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return nil, wrapOS("make the directory of the rig", err)
	}
	file, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, wrapOS("open the lock of the rig", err)
	}
	locked := make(chan error, 1)
	go func() { locked <- flock(file, syscall.LOCK_EX) }()
	select {
	case err := <-locked:
		if err != nil {
			_ = file.Close()
			return nil, wrapOS("lock the clone of the rig", err)
		}
		return file, nil
	case <-ctx.Done():
		go func() {
			<-locked
			_ = file.Close()
		}()
		return nil, &Error{Op: "lock the clone of the rig", Class: waitClass(ctx), Err: ctx.Err(), exitCode: -1}
	}
}

// waitClass is the class of a wait that ended with ctx.
func waitClass(ctx context.Context) Class {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ClassTimeout
	}
	return ClassOther
}

// flock calls flock(2) until it is not interrupted by a signal.
func flock(file *os.File, how int) error {
	for {
		err := syscall.Flock(int(file.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
