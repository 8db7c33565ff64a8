package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const lockSuffix = ".lock"

// scratch is a worktree for one try of a merge. Its lock file is held while
// the try goes on, so that another refinery can tell it from a leftover.
type scratch struct {
	rig  *Rig
	path string
	lock *os.File
}

// newScratch makes a scratch worktree at a commit and clears away those of
// refineries that died. The lock of the rig is held.
func (r *Rig) newScratch(ctx context.Context, commit string) (*scratch, error) {
	if err := r.clearScratch(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(r.scratchDir(), 0o700); err != nil {
		return nil, wrapOS("make a scratch worktree", err)
	}
	lock, err := os.CreateTemp(r.scratchDir(), "merge-*"+lockSuffix)
	if err != nil {
		return nil, wrapOS("make a scratch worktree", err)
	}
	s := &scratch{rig: r, path: strings.TrimSuffix(lock.Name(), lockSuffix), lock: lock}
	if err := flock(lock, syscall.LOCK_EX); err != nil {
		return nil, errors.Join(wrapOS("lock a scratch worktree", err), s.discard())
	}
	_, err = r.git(ctx, "make a scratch worktree", "worktree", "add", "--quiet", "--detach", "--", s.path, commit)
	if err != nil {
		return nil, errors.Join(err, s.discard())
	}
	return s, nil
}

// discard removes the worktree; the lock of the rig is held.
func (s *scratch) discard() error {
	err := s.rig.discard(s.path)
	// The lock file goes last: without it the directory would not be known
	// for what it is, should the process die here.
	if removeErr := os.Remove(s.lock.Name()); removeErr != nil {
		err = errors.Join(err, wrapOS("remove a scratch worktree", removeErr))
	}
	_ = s.lock.Close()
	return err
}

// cleanupTimeout bounds the wait for the rig's lock when a scratch worktree is
// removed; the next merge removes what was left.
const cleanupTimeout = time.Minute

// close removes the worktree, also when ctx has ended.
func (s *scratch) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	release, err := s.rig.lock.acquire(ctx)
	if err != nil {
		_ = s.lock.Close()
		return err
	}
	defer release()
	return s.discard()
}

// clearScratch removes scratch worktrees whose owner is dead.
func (r *Rig) clearScratch() error {
	entries, err := os.ReadDir(r.scratchDir())
	if err != nil {
		return nil // No merge was ever tried here.
	}
	for _, entry := range entries {
		path := filepath.Join(r.scratchDir(), strings.TrimSuffix(entry.Name(), lockSuffix))
		if err := r.clearIfDead(path); err != nil {
			return err
		}
	}
	return nil
}

// clearIfDead removes one scratch worktree if nobody holds its lock.
func (r *Rig) clearIfDead(path string) error {
	lock, err := os.OpenFile(path+lockSuffix, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return wrapOS("look at a scratch worktree", err)
	}
	if flock(lock, syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		_ = lock.Close()
		return nil // Somebody works there.
	}
	s := &scratch{rig: r, path: path, lock: lock}
	return s.discard()
}
