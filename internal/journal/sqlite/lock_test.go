package sqlite

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gastown/internal/journal"
)

// heldBy locks the file as a child of that process would that has inherited the lock, and returns what
// lets go of it.
func heldBy(t *testing.T, path string, pid int) (release func()) {
	t.Helper()
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(strconv.Itoa(pid) + "\n"); err != nil {
		t.Fatal(err)
	}
	return func() { _ = f.Close() }
}

// deadProcess returns the id of a process that was and is no more.
func deadProcess(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// The server that holds the lock was killed, and what it was starting has the lock for a moment still:
// that is waited for.
func TestLockOfAKilledServerIsWaitedFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "town.db")
	release := heldBy(t, path, deadProcess(t))
	opened := make(chan error, 1)
	go func() {
		j, err := Open(context.Background(), path)
		if err == nil {
			err = j.Close()
		}
		opened <- err
	}()
	select {
	case err := <-opened:
		t.Fatalf("opened while the lock was held: %v", err)
	case <-time.After(5 * orphanLook):
	}
	release()
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

// A server that lives is not waited for, and neither does anybody wait who has been told to stop.
func TestLockOfALivingServerIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "town.db")
	defer heldBy(t, path, os.Getpid())()
	if _, err := Open(context.Background(), path); !errors.Is(err, journal.ErrInUse) {
		t.Errorf("opened beside a living server: %v", err)
	}
	other := filepath.Join(t.TempDir(), "town.db")
	defer heldBy(t, other, deadProcess(t))()
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Open(stopped, other); !errors.Is(err, journal.ErrInUse) {
		t.Errorf("went on waiting for a lock after the end: %v", err)
	}
}
