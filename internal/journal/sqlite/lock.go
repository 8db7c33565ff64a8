package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gastown/internal/journal"
)

// fileLock is a lock file that is held. It is there only while somebody holds it, or until the
// next one takes it if its holder was killed.
type fileLock struct{ file *os.File }

// A server that was killed may leave a child that has not become another program yet and holds the
// lock for as long: milliseconds, or seconds where the machine is very busy.
const (
	orphanPatience = 10 * time.Second
	orphanLook     = 20 * time.Millisecond
)

// acquireLock makes sure that one server at a time uses the database at path.
func acquireLock(ctx context.Context, path string) (*fileLock, error) {
	patience := time.After(orphanPatience)
	for {
		f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, folderError(path, err)
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			holder := holderOf(f)
			_ = f.Close()
			if !errors.Is(err, unix.EWOULDBLOCK) {
				return nil, fmt.Errorf("cannot lock %s: %w: the journal must be on a file system with locks", path+".lock", err)
			}
			if !gone(holder) || !waited(ctx, patience) {
				return nil, inUse(path, holder)
			}
			continue
		}
		// The holder before removes the file when it lets go: a lock on a removed one is worth nothing.
		if !current(f) {
			_ = f.Close()
			continue
		}
		l := &fileLock{f}
		if err := l.sign(); err != nil {
			return nil, errors.Join(fmt.Errorf("cannot write %s: %w: make room or give write access", f.Name(), err), l.release())
		}
		return l, nil
	}
}

// folderError says why there can be no lock file, which is mostly the folder's fault.
func folderError(path string, err error) error {
	dir := filepath.Dir(path)
	if info, statErr := os.Stat(dir); errors.Is(statErr, fs.ErrNotExist) {
		return fmt.Errorf("cannot open journal %s: there is no folder %s: create it, or name another data folder: %w", path, dir, err)
	} else if statErr == nil && !info.IsDir() {
		return fmt.Errorf("cannot open journal %s: %s is not a folder: name another data folder: %w", path, dir, err)
	}
	return fmt.Errorf("cannot open journal %s: %w: give the user that runs gastown write access to %s, or name another data folder: %w", path, ErrNotWritable, dir, err)
}

// waited lets a moment pass, and reports whether it is worth looking again.
func waited(ctx context.Context, patience <-chan time.Time) bool {
	moment := time.NewTimer(orphanLook)
	defer moment.Stop()
	select {
	case <-moment.C:
		return true
	case <-patience:
	case <-ctx.Done():
	}
	return false
}

// holderOf reads which process has signed the lock, zero if none has yet.
func holderOf(f *os.File) int {
	data, err := io.ReadAll(io.LimitReader(f, 20))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0
	}
	return pid
}

// gone reports whether there surely is no such process any more.
func gone(pid int) bool {
	return pid > 0 && errors.Is(unix.Kill(pid, 0), unix.ESRCH)
}

// inUse names the holder as far as it is known.
func inUse(path string, pid int) error {
	holder := "another gastown server"
	if pid != 0 {
		holder += fmt.Sprintf(" (process %d)", pid)
	}
	return fmt.Errorf("cannot open journal %s: the file is %w: %s has it: stop that one first, or name another data folder", path, journal.ErrInUse, holder)
}

// current reports whether f is still the file that its name leads to.
func current(f *os.File) bool {
	held, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(f.Name())
	return err == nil && os.SameFile(held, named)
}

// sign leaves the process id for whoever finds the file locked.
func (l *fileLock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// release removes the file while the lock is still held, and lets go.
func (l *fileLock) release() error {
	return errors.Join(os.Remove(l.file.Name()), l.file.Close())
}
