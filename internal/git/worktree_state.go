package git

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// condition is what the files of a worktree say about it, without asking git.
type condition int

const (
	absent   condition = iota // no directory
	halfMade                  // git was killed while making it, or it is empty: nothing of an agent's is in it
	broken                    // not, or not fully, linked to the mirror, or an operation is unfinished in it
	sound                     // linked to the mirror; git can tell the rest
)

// inspect looks at a worktree's directory and at git's record of it, which is
// a directory in the mirror. The record is empty when there is none.
func (r *Rig) inspect(path string) (condition, string) {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return absent, ""
	}
	record := r.recordOf(path)
	if err == nil && len(entries) == 0 {
		return halfMade, record
	}
	if record == "" {
		return broken, ""
	}
	if reason, err := os.ReadFile(filepath.Join(record, "locked")); err == nil && strings.TrimSpace(string(reason)) == "initializing" {
		return halfMade, record
	}
	link, err := os.ReadFile(filepath.Join(path, ".git"))
	if err != nil || strings.TrimSpace(string(link)) != "gitdir: "+record {
		return broken, record
	}
	for _, needed := range []string{"HEAD", "commondir"} {
		if _, err := os.Stat(filepath.Join(record, needed)); err != nil {
			return broken, record
		}
	}
	if unfinished(record) {
		return broken, record
	}
	return sound, record
}

// unfinished tells whether a merge, rebase or the like was left in the middle.
func unfinished(record string) bool {
	for _, sign := range []string{
		"MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG", "rebase-merge", "rebase-apply", "sequencer",
	} {
		if _, err := os.Stat(filepath.Join(record, sign)); err == nil {
			return true
		}
	}
	return false
}

// records lists git's records of worktrees in the mirror, with the path each
// belongs to.
func (r *Rig) records() map[string]string { return recordsIn(r.worktreeRecords()) }

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

// recordOf returns git's record of the worktree at path, or nothing.
func (r *Rig) recordOf(path string) string {
	for record, of := range r.records() {
		if of == path {
			return record
		}
	}
	return ""
}

// forget removes git's records of the worktree at path, locked ones of a
// killed `git worktree add` included.
func (r *Rig) forget(path string) error {
	for _, dir := range []string{r.worktreeRecords(), r.scratchRecords()} {
		for record, of := range recordsIn(dir) {
			if of != path {
				continue
			}
			if err := removeTree(record); err != nil {
				return wrapOS("forget a worktree", err)
			}
		}
	}
	return nil
}

// discard removes a worktree and git's record of it.
func (r *Rig) discard(path string) error {
	if err := removeTree(path); err != nil {
		return wrapOS("remove a worktree", err)
	}
	return r.forget(path)
}

// removeLocks removes the lock files of a worktree whose agent is dead.
func removeLocks(record string) error {
	locks, err := filepath.Glob(filepath.Join(escapeGlob(record), "*.lock"))
	if err != nil {
		return wrapOS("look for stale locks", err)
	}
	for _, lock := range locks {
		if err := os.Remove(lock); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return wrapOS("remove a stale lock", err)
		}
	}
	return nil
}

// escapeGlob makes a path match itself only.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// status is what git says about a worktree.
type status struct {
	head   string // commit; empty when there is none
	branch string // empty when detached
	dirty  bool   // changes that are not committed, untracked files included
}

// statusOf asks git about a worktree.
func (r *Rig) statusOf(ctx context.Context, path string) (status, error) {
	out, err := r.gitAt(ctx, path, "read the state of the worktree", "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal")
	if err != nil {
		return status{}, err
	}
	var s status
	for entry := range strings.SplitSeq(out, "\x00") {
		if head, found := strings.CutPrefix(entry, "# branch.oid "); found && head != "(initial)" {
			s.head = head
		} else if branch, found := strings.CutPrefix(entry, "# branch.head "); found && branch != "(detached)" {
			s.branch = branch
		} else if entry != "" && !strings.HasPrefix(entry, "# ") {
			s.dirty = true
		}
	}
	return s, nil
}

// gitAt runs a command in a worktree. Both directories are named, so that git
// never takes a repository further up for the one that was meant.
func (r *Rig) gitAt(ctx context.Context, path, op string, args ...string) (string, error) {
	return r.gitIn(ctx, command{op: op, dir: path, gitDir: filepath.Join(path, ".git"), workTree: path, args: args})
}
