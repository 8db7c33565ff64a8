package git

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// recordsIn lists git's records of worktrees in a directory, with the path each belongs to.
func recordsIn(dir string) map[string]string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // No worktree was ever made.
	}
	found := make(map[string]string, len(entries))
	for _, entry := range entries {
		record := filepath.Join(dir, entry.Name())
		link, err := os.ReadFile(filepath.Join(record, "gitdir"))
		if err != nil {
			continue // A record without a path is git's to prune.
		}
		found[record] = filepath.Dir(strings.TrimSpace(string(link)))
	}
	return found
}

// forget removes git's records of the checkout at path, locked ones of a killed `git worktree add` included.
func (r *Rig) forget(path string) error {
	for record, of := range recordsIn(r.scratchRecords()) {
		if of != path {
			continue
		}
		if err := removeTree(record); err != nil {
			return wrapOS("forget a checkout", err)
		}
	}
	return nil
}

// discard removes a checkout and git's record of it.
func (r *Rig) discard(path string) error {
	if err := removeTree(path); err != nil {
		return wrapOS("remove a checkout", err)
	}
	return r.forget(path)
}

// gitAt runs a command in a checkout of the server's. Both directories are named, so that git
// never takes a repository further up for the one that was meant.
func (r *Rig) gitAt(ctx context.Context, path, op string, args ...string) (string, error) {
	return r.gitIn(ctx, command{op: op, dir: path, gitDir: filepath.Join(path, ".git"), workTree: path, args: args})
}
