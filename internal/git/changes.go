package git

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// change is a file that is not as the commit has it.
type change struct {
	path string
	gone bool // it is missing
}

// inWork runs git on the files of a workspace, by the server's own git directory, with the index of that name.
func (r *Rig) inWork(ctx context.Context, bead, index, op, stdin string, args ...string) (string, error) {
	path := r.workspace(bead)
	return r.run(ctx, command{
		op: op, dir: path, gitDir: r.lookDir(bead), workTree: path, args: args, stdin: stdin,
		env: []string{"GIT_INDEX_FILE=" + filepath.Join(r.lookDir(bead), index), "GIT_OPTIONAL_LOCKS=1"},
	})
}

// changes lists the files of a workspace that are not as a commit has them, untracked ones included. What the clone's
// own list of files to ignore names does not count, and with sparse neither do files that are missing.
func (r *Rig) changes(ctx context.Context, bead, commit string, sparse bool) ([]change, error) {
	const op = "read the state of the workspace"
	dir := r.lookDir(bead)
	if err := removeTree(filepath.Join(dir, "index.lock")); err != nil {
		return nil, wrapOS(op, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "HEAD"), []byte(commit+"\n"), 0o600); err != nil {
		return nil, wrapOS(op, err)
	}
	// With -m what is known of unchanged files stays known; an index that is no good is made anew.
	if _, err := r.inWork(ctx, bead, "index", op, "", "read-tree", "-m", commit); err != nil {
		if err := removeTree(filepath.Join(dir, "index")); err != nil {
			return nil, wrapOS(op, err)
		}
		if _, err := r.inWork(ctx, bead, "index", op, "", "read-tree", commit); err != nil {
			return nil, err
		}
	}
	out, err := r.inWork(ctx, bead, "index", op, "",
		"status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all")
	if err != nil {
		return nil, err
	}
	var list []change
	for entry := range strings.SplitSeq(out, "\x00") {
		if len(entry) < 4 {
			continue
		}
		c := change{path: entry[3:], gone: strings.Contains(entry[:2], "D")}
		if !c.gone || !sparse {
			list = append(list, c)
		}
	}
	return list, nil
}

// dirt is what git calls changed in files that nobody has touched: their contents, by path.
type dirt map[string]string

func (r *Rig) dirtFile(bead string) string { return filepath.Join(r.lookDir(bead), "dirt.json") }

// DirtName is the file in a clone's git directory that tells `gastown done` what the workspace was made with.
const DirtName = "gastown-dirt.json"

// rememberDirt notes the changes that a workspace has before anybody works in it.
func (r *Rig) rememberDirt(bead string, changes []change) error {
	found := dirt{}
	for _, c := range changes {
		found[c.path] = contentOf(filepath.Join(r.workspace(bead), filepath.FromSlash(c.path)))
	}
	data, err := json.Marshal(found)
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.dirtFile(bead), data, 0o600); err != nil {
		return wrapOS("note the state of the workspace", err)
	}
	return r.tellDirt(bead)
}

// tellDirt puts a copy where the agent's own program finds it.
func (r *Rig) tellDirt(bead string) error {
	data, err := os.ReadFile(r.dirtFile(bead))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	path := filepath.Join(r.workspace(bead), ".git", DirtName)
	return wrapped("note the state of the workspace", errors.Join(err, os.WriteFile(path, data, 0o600)))
}

// withoutDirt leaves out what is as it was when the workspace was made.
func (r *Rig) withoutDirt(bead string, changes []change) []change {
	known := dirt{}
	data, err := os.ReadFile(r.dirtFile(bead))
	if err != nil || json.Unmarshal(data, &known) != nil {
		return changes
	}
	return slices.DeleteFunc(changes, func(c change) bool {
		content, found := known[c.path]
		return found && content == contentOf(filepath.Join(r.workspace(bead), filepath.FromSlash(c.path)))
	})
}

// SameAsMade tells whether a file below dir is as the notes (the content of [DirtName]) say it was made.
func SameAsMade(notes []byte, dir, path string) bool {
	known := dirt{}
	if json.Unmarshal(notes, &known) != nil {
		return false
	}
	content, found := known[path]
	return found && content == contentOf(filepath.Join(dir, filepath.FromSlash(path)))
}

// contentOf names what a file holds; empty when it is no plain file.
func contentOf(path string) string {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// maxSnapshotBytes bounds the uncommitted work that is kept as a commit; files beyond it are left out.
const maxSnapshotBytes = 100 << 20

// snapshot writes a commit with the uncommitted work of a workspace and takes it into the mirror. It is empty when
// there is nothing that a commit can hold: a repository inside a workspace is not looked into. What is left out is named.
func (r *Rig) snapshot(ctx context.Context, bead, parent string, changes []change) (commit string, without []string, err error) {
	const op = "save uncommitted work"
	var paths strings.Builder
	size := int64(0)
	for _, c := range changes {
		info, err := os.Lstat(filepath.Join(r.workspace(bead), filepath.FromSlash(c.path)))
		switch {
		case strings.HasSuffix(c.path, "/") || err == nil && info.IsDir(),
			err == nil && size+info.Size() > maxSnapshotBytes:
			without = append(without, c.path)
			continue
		case err == nil:
			size += info.Size()
		}
		paths.WriteString(c.path + "\x00")
	}
	if paths.Len() == 0 {
		return "", without, nil
	}
	const index = "snapshot.index"
	clear := func() error {
		file := filepath.Join(r.lookDir(bead), index)
		return wrapped(op, errors.Join(removeTree(file), removeTree(file+".lock")))
	}
	if err := clear(); err != nil {
		return "", without, err
	}
	if _, err := r.inWork(ctx, bead, index, op, "", "read-tree", parent); err != nil {
		return "", without, err
	}
	if _, err := r.inWork(ctx, bead, index, op, paths.String(), "update-index", "--add", "--remove", "-z", "--stdin"); err != nil {
		return "", without, err
	}
	tree, err := r.inWork(ctx, bead, index, op, "", "write-tree")
	if err != nil {
		return "", without, errors.Join(err, clear())
	}
	commit, err = r.commitTree(ctx, commitSpec{
		tree: strings.TrimSpace(tree), parents: []string{parent}, gitDir: r.lookDir(bead),
		message: "Uncommitted work of " + bead + "\n",
	})
	if err != nil {
		return "", without, errors.Join(err, clear())
	}
	return commit, without, errors.Join(r.take(ctx, bead, commit), clear())
}
