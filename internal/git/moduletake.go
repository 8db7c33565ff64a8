package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// TakeModule takes commits that an agent has made in a submodule from the git directory of that submodule in a workspace,
// with all that they need, checked as if they came from a stranger. Those that it does not have are left out. Nothing in that directory is obeyed: its objects are
// read through a git directory of the server's own, and from no other place that it points to.
func (r *Rig) TakeModule(ctx context.Context, address, gitDir string, commits []string) error {
	for _, commit := range commits {
		if err := validCommit(commit); err != nil {
			return fmt.Errorf("cannot take commits of a submodule: %w", err)
		}
	}
	store, err := r.moduleStore(ctx, address)
	if err != nil {
		return err
	}
	return store.take(ctx, filepath.Join(gitDir, "objects"), commits)
}

// take brings commits from a folder of objects to those of agents.
func (s *moduleStore) take(ctx context.Context, objects string, commits []string) error {
	const op = "take commits of a submodule from a workspace"
	if err := s.ownObjects(objects); err != nil {
		return wrapOS(op, err)
	}
	looking, err := s.rig.emptyBare(ctx, s.rig.modulesDir())
	if err != nil {
		return err
	}
	defer func() { _ = removeTree(looking) }()
	if err := borrow(looking, filepath.Join(s.work, "objects"), objects); err != nil {
		return wrapOS(op, err)
	}
	args := []string{"-c", "transfer.fsckObjects=true", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
		"--no-auto-maintenance", "--no-recurse-submodules", "--", looking}
	refs := 0
	for _, commit := range commits {
		has, err := s.has(ctx, looking, commit)
		if err != nil {
			return err
		}
		if has && !s.hasWork(ctx, commit) {
			args, refs = append(args, "+"+commit+":"+workRef(commit)), refs+1
		}
	}
	if refs == 0 {
		return nil
	}
	_, err = s.git(ctx, s.work, op, args...)
	return err
}

// ownObjects refuses a folder of objects that is not what it looks like: a link, or one that points to others than the
// server's.
func (s *moduleStore) ownObjects(objects string) error {
	info, err := os.Lstat(objects)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", objects)
	}
	said, err := os.ReadFile(filepath.Join(objects, "info", "alternates"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for line := range strings.Lines(string(said)) {
		at := strings.TrimSuffix(line, "\n")
		if at != filepath.Join(s.remote, "objects") && at != filepath.Join(s.work, "objects") {
			return fmt.Errorf("%s borrows objects from %s", objects, at)
		}
	}
	return err
}
