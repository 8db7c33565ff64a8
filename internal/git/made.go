package git

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxMade bounds how many commits are remembered as made on one branch, in bytes of the file that has them. What is
// beyond that counts as not made there, which never makes anything count as merged.
const maxMade = 4 << 20

// madeFile has the commits that were made on a branch in its bead's workspace, one a line: by the log that git keeps
// there, which goes with the attempt.
func (r *Rig) madeFile(branch string) string { return filepath.Join(r.dir, "made", dirName(branch)) }

// madeOn are the commits that were made on a branch. It is nil for a branch that no workspace has had, such as a
// convoy's.
func (r *Rig) madeOn(branch string) (map[string]bool, error) {
	data, err := os.ReadFile(r.madeFile(branch))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, wrapOS("read what was made on "+branch, err)
	}
	made := map[string]bool{}
	for id := range strings.Lines(string(data)) {
		made[strings.TrimSpace(id)] = true
	}
	return made, nil
}

// noteMade adds what the log of the workspace says now to what was made on its branch. The lock is held.
func (r *Rig) noteMade(bead, branch string) error {
	made, err := r.madeOn(branch)
	if err != nil {
		return err
	}
	known := len(made)
	if made == nil {
		made, known = map[string]bool{}, -1
	}
	maps.Copy(made, r.madeHere(bead))
	text := strings.Join(slices.Sorted(maps.Keys(made)), "\n")
	if len(made) == known || len(text) > maxMade {
		return nil
	}
	op, path := "note what was made on "+branch, r.madeFile(branch)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return wrapOS(op, err)
	}
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return wrapOS(op, err)
	}
	return wrapped(op, os.Rename(path+".new", path))
}

// hasOwn tells whether a branch has a commit of its own between two commits. A branch that was only moved to where others
// have brought its target has none.
func (r *Rig) hasOwn(ctx context.Context, branch, from, head string) (bool, error) {
	own := map[string]bool{}
	if err := r.commits(ctx, own, from+".."+head, "--"); err != nil {
		return false, err
	}
	made, err := r.madeOn(branch)
	if err != nil || made == nil {
		return len(own) > 0, err
	}
	for commit := range own {
		if made[commit] {
			return true, nil
		}
	}
	return false, nil
}
