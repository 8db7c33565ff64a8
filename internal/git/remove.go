package git

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// removal is what is noted of a workspace whose files are gone, so that the next attempt has them again.
type removal struct {
	Head    string   `json:"head"`              // commit that the files belonged to
	Files   string   `json:"files,omitempty"`   // commit with what was not committed; empty if nothing was
	Without []string `json:"without,omitempty"` // uncommitted files that are not in it
}

func (r *Rig) removalFile(bead string) string { return filepath.Join(r.lookDir(bead), "removed.json") }

// Beside a workspace: what is being removed, and what is being brought back. No bead's directory begins with a dot.
func (r *Rig) beside(what, bead string) string {
	return filepath.Join(filepath.Dir(r.workspace(bead)), "."+what+"-"+dirName(bead))
}

// RemoveWorkspace removes the files of a bead's workspace. Before that its commits and what is not committed are taken
// into the mirror, from which the next attempt has the same files again; what git ignores is not kept. Idle is asked
// while nobody can prepare the workspace, and must be true if no run has it. A workspace that cannot be read stays, and
// that is an error.
func (r *Rig) RemoveWorkspace(ctx context.Context, bead, branch string, idle func() bool) (removed bool, err error) {
	if err := errors.Join(validPart("bead", bead), ValidBranch(branch)); err != nil {
		return false, fmt.Errorf("cannot remove a workspace: %w", err)
	}
	if !isDir(r.workspace(bead)) && !isDir(r.beside("gone", bead)) {
		return false, nil
	}
	err = r.locked(ctx, func() error {
		// What a crash has left of a removal is of a workspace that is in the mirror.
		if err := removeTree(r.beside("gone", bead)); err != nil {
			return wrapOS("remove the workspace of "+bead, err)
		}
		if !isDir(r.workspace(bead)) || !idle() {
			return nil
		}
		removed = true
		return r.removeWorkspace(ctx, WorkspaceSpec{Bead: bead, Branch: branch})
	})
	return removed && err == nil, err
}

func (r *Rig) removeWorkspace(ctx context.Context, spec WorkspaceSpec) error {
	op := "remove the workspace of " + spec.Bead
	if _, noted := r.removalNote(spec.Bead); noted && !isDir(filepath.Join(r.workspace(spec.Bead), ".git")) {
		return r.clearAway(spec.Bead) // It was being brought back, and nobody has worked in it.
	}
	seen, err := r.look(ctx, spec.Bead, spec.Branch)
	if err != nil {
		return err
	}
	if seen.fault != "" || seen.behind() == "" {
		return &Error{Op: op, Class: ClassOther, Stderr: "its commits could not be saved: " + seen.fault, exitCode: -1,
			advice: "save what is of use in " + r.workspace(spec.Bead) + " and remove it"}
	}
	note := removal{Head: seen.behind()}
	files, without, err := r.keepFiles(ctx, spec.Bead, seen)
	if err != nil {
		return err
	}
	note.Files, note.Without = files.Commit, without
	if _, err := r.keepAll(ctx, spec, seen); err != nil {
		return err
	}
	data, err := json.Marshal(note)
	if err == nil {
		err = writeDurably(r.removalFile(spec.Bead), data)
	}
	if err != nil {
		return wrapOS(op, err)
	}
	return r.clearAway(spec.Bead)
}

// clearAway removes files of which all is noted. They leave in one step: half of them would look like a change.
func (r *Rig) clearAway(bead string) error {
	gone := r.beside("gone", bead)
	err := os.Rename(r.workspace(bead), gone)
	if err == nil {
		err = errors.Join(removeTree(gone), r.trimLook(bead))
	}
	return wrapped("remove the workspace of "+bead, err)
}

// trimLook leaves of the git directory for looks what is known of the bead's commits, and how to bring its files back.
func (r *Rig) trimLook(bead string) error {
	stay := []string{"seen", foreignFile, filepath.Base(r.dirtFile(bead)), filepath.Base(r.removalFile(bead))}
	entries, err := os.ReadDir(r.lookDir(bead))
	for _, entry := range entries {
		if !slices.Contains(stay, entry.Name()) {
			err = errors.Join(err, removeTree(filepath.Join(r.lookDir(bead), entry.Name())))
		}
	}
	return err
}

// removalNote is what was noted when the files of a bead were removed.
func (r *Rig) removalNote(bead string) (note removal, found bool) {
	data, err := os.ReadFile(r.removalFile(bead))
	return note, err == nil && json.Unmarshal(data, &note) == nil && note.Head != ""
}

// bringBack makes the files of a workspace again that were removed, and tells what they are. After an attempt has had
// them the note of their removal means nothing any more.
func (r *Rig) bringBack(ctx context.Context, spec WorkspaceSpec) (note removal, back bool, err error) {
	path := r.workspace(spec.Bead)
	note, found := r.removalNote(spec.Bead)
	if !found || spec.Fresh || isDir(filepath.Join(path, ".git")) {
		return removal{}, false, nil
	}
	if isDir(path) {
		return note, true, nil
	}
	op := "bring back the files of " + spec.Bead
	fresh, index := r.beside("back", spec.Bead), filepath.Join(r.lookDir(spec.Bead), "back.index")
	if err := errors.Join(removeTree(fresh), removeTree(index), removeTree(index+".lock"), os.MkdirAll(fresh, 0o700)); err != nil {
		return note, false, wrapOS(op, err)
	}
	args := slices.Clone(indexConfig)
	if spec.LFS && LFSInstalled() {
		args = slices.Concat(args, lfsFilters, lfsFromHere)
	}
	commit := note.Files
	if commit == "" {
		commit = note.Head
	}
	_, err = r.gitIn(ctx, command{
		op: op, dir: fresh, gitDir: r.mirror(), workTree: fresh, env: []string{"GIT_INDEX_FILE=" + index},
		args: append(args, "read-tree", "--reset", "-u", commit),
	})
	if err != nil {
		return note, false, err
	}
	return note, true, wrapped(op, errors.Join(removeTree(index), os.Rename(fresh, path)))
}

// lookAgain looks at files that were brought back, which have no clone yet.
func (r *Rig) lookAgain(ctx context.Context, spec WorkspaceSpec, note removal) (sight, error) {
	changes, err := r.changes(ctx, spec.Bead, note.Head, false)
	return sight{exists: true, refs: cloneRefs{head: note.Head, on: spec.Branch}, changes: r.withoutDirt(spec.Bead, changes)}, err
}

// writeDurably writes a file whole or not at all, and to the disk.
func writeDurably(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
