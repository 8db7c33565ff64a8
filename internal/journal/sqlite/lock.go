package sqlite

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// fileLock is a lock file that is held. It is there only while somebody holds it, or until the
// next one takes it if its holder was killed.
type fileLock struct{ file *os.File }

// acquireLock makes sure that one server at a time uses the database at path.
func acquireLock(path string) (*fileLock, error) {
	for {
		f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, folderError(path, err)
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			defer f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, inUse(path, f)
			}
			return nil, fmt.Errorf("cannot lock %s: %w: the journal must be on a file system with locks", f.Name(), err)
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

// inUse names the holder as far as it is known.
func inUse(path string, f *os.File) error {
	holder := "another gastown server"
	if data, err := io.ReadAll(io.LimitReader(f, 20)); err == nil {
		if pid, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil {
			holder += fmt.Sprintf(" (process %d)", pid)
		}
	}
	return fmt.Errorf("cannot open journal %s: %w: %s has it: stop that one first, or name another data folder", path, ErrInUse, holder)
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
