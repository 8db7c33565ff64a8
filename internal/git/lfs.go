package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// LFS objects are kept in the mirror, where git-lfs of a clone that borrows its objects finds them too:
//
//	mirror.git/lfs/objects/ab/cd/abcd…   checked by their digest when they come in
//	lfs.git/                             where git-lfs of the server runs: its objects are links to those of the mirror
//
// git-lfs obeys the rig's address and nothing of a commit's. It is run inside lfs.git and not with GIT_DIR, which it would
// hand on to the git of the other side of a file:// address.

// The bounds on pointers: git-lfs takes no larger blob for one, and so many small blobs of one branch are looked at.
const (
	maxPointerBytes = 1024
	maxPointerBlobs = 200_000
	pointerBatch    = 2_000 // blobs read at a time: at most 2 MB
)

// pointer is an LFS object that a blob stands for.
type pointer struct {
	path string // where the blob is
	oid  string // SHA-256 of the object
	size int64
}

// ErrNoLFS is returned where a rig needs git-lfs and there is none.
var ErrNoLFS = errors.New("git-lfs is not installed or not on PATH: install it, or set lfs=false for the rig")

// LFSInstalled tells whether git-lfs can be run.
func LFSInstalled() bool {
	_, err := exec.LookPath("git-lfs")
	return err == nil
}

const pointerVersion = "version https://git-lfs.github.com/spec/v1"

// parsePointer reads a blob that is an LFS pointer.
func parsePointer(blob string) (p pointer, ok bool) {
	first, rest, _ := strings.Cut(blob, "\n")
	if first != pointerVersion || len(blob) > maxPointerBytes {
		return p, false
	}
	sized := false
	for line := range strings.Lines(rest) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch key {
		case "oid":
			p.oid, _ = strings.CutPrefix(value, "sha256:")
		case "size":
			n, err := strconv.ParseInt(value, 10, 64)
			p.size, sized = n, err == nil && n >= 0
		}
	}
	return p, sized && len(p.oid) == 64 && strings.Trim(p.oid, "0123456789abcdef") == ""
}

// usesLFS tells whether a commit names the filter of LFS in any of its attributes.
func (r *Rig) usesLFS(ctx context.Context, commit string) (bool, error) {
	_, err := r.git(ctx, "look for LFS", "grep", "--quiet", "--fixed-strings", "filter=lfs", commit, "--", ":(glob)**/.gitattributes")
	if exitedWith(err, 1) {
		return false, nil
	}
	return err == nil, err
}

// UsesLFS tells whether a branch of origin, as it was fetched last, has files in LFS.
func (r *Rig) UsesLFS(ctx context.Context, branch string) (bool, error) {
	tip, _, err := r.targetTip(ctx, branch, r.defaultBranch)
	if err != nil {
		return false, err
	}
	return r.usesLFS(ctx, tip)
}

// pointersAmong returns those of the entries that are LFS pointers by their form.
func (r *Rig) pointersAmong(ctx context.Context, entries []treeEntry) ([]pointer, error) {
	entries = slices.Clone(entries)
	entries = slices.DeleteFunc(entries, func(c treeEntry) bool {
		return c.mode == modeGitlink || c.mode == modeSymlink || c.mode == modeGone
	})
	if len(entries) > maxPointerBlobs {
		return nil, &Error{
			Op: "look for LFS objects", Class: ClassOther, exitCode: -1,
			Stderr: fmt.Sprintf("%d files differ from the target; at most %d are looked at", len(entries), maxPointerBlobs),
		}
	}
	var found []pointer
	for batch := range slices.Chunk(entries, pointerBatch) {
		small, err := r.smallBlobs(ctx, batch)
		if err != nil {
			return nil, err
		}
		some, err := r.readPointers(ctx, small)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

// smallBlobs returns those of the entries that are small enough for a pointer.
func (r *Rig) smallBlobs(ctx context.Context, entries []treeEntry) ([]treeEntry, error) {
	out, err := r.catFile(ctx, entries, "--batch-check=%(objecttype) %(objectsize)")
	if err != nil {
		return nil, err
	}
	var small []treeEntry
	lines := strings.Split(out, "\n")
	for i, c := range entries {
		kind, size, _ := strings.Cut(lines[min(i, len(lines)-1)], " ")
		if n, err := strconv.Atoi(size); kind == "blob" && err == nil && n <= maxPointerBytes && n > len(pointerVersion) {
			small = append(small, c)
		}
	}
	return small, nil
}

// readPointers reads small blobs.
func (r *Rig) readPointers(ctx context.Context, small []treeEntry) ([]pointer, error) {
	if len(small) == 0 {
		return nil, nil
	}
	out, err := r.catFile(ctx, small, "--batch=%(objectsize)")
	if err != nil {
		return nil, err
	}
	var found []pointer
	for _, c := range small {
		head, rest, _ := strings.Cut(out, "\n")
		n, err := strconv.Atoi(head)
		if err != nil || n >= len(rest) {
			return nil, &Error{Op: "read LFS pointers", Class: ClassOther, Stderr: "git cat-file answers " + strconv.Quote(head), exitCode: -1}
		}
		if p, ok := parsePointer(rest[:n]); ok {
			p.path = c.path
			found = append(found, p)
		}
		out = rest[n+1:]
	}
	return found, nil
}

func (r *Rig) catFile(ctx context.Context, entries []treeEntry, format string) (string, error) {
	var ids strings.Builder
	for _, c := range entries {
		ids.WriteString(c.id + "\n")
	}
	return r.gitIn(ctx, command{op: "read LFS pointers", gitDir: r.mirror(), args: []string{"cat-file", format}, stdin: ids.String()})
}

// filtered returns those of the pointers whose path has the filter of LFS by the attributes of the commit: the others are
// texts about LFS.
func (r *Rig) filtered(ctx context.Context, commit string, pointers []pointer) ([]pointer, error) {
	if len(pointers) == 0 {
		return nil, nil
	}
	const op = "read the attributes of files"
	folder, err := os.MkdirTemp(r.dir, "attributes-")
	if err != nil {
		return nil, wrapOS(op, err)
	}
	defer func() { _ = removeTree(folder) }()
	index := []string{"GIT_INDEX_FILE=" + filepath.Join(folder, "index")}
	if _, err := r.gitIn(ctx, command{op: op, gitDir: r.mirror(), env: index, args: []string{"read-tree", commit}}); err != nil {
		return nil, err
	}
	var paths bytes.Buffer
	for _, p := range pointers {
		paths.WriteString(p.path + "\x00")
	}
	out, err := r.gitIn(ctx, command{
		op: op, gitDir: r.mirror(), env: index, stdin: paths.String(), args: []string{"check-attr", "--cached", "-z", "--stdin", "filter"},
	})
	if err != nil {
		return nil, err
	}
	answers := strings.Split(out, "\x00") // path, attribute, value
	var kept []pointer
	for i, p := range pointers {
		if 3*i+2 < len(answers) && answers[3*i+2] == "lfs" {
			kept = append(kept, p)
		}
	}
	return kept, nil
}

// pointersOf returns the pointers that a branch has brought: of every commit of it that the base does not have.
func (r *Rig) pointersOf(ctx context.Context, base, head string) ([]pointer, error) {
	out, err := r.git(ctx, "look for LFS objects", "rev-list", "--objects", "--filter=combine:object:type=blob+blob:limit="+
		strconv.Itoa(maxPointerBytes+1), head, "^"+base, "--")
	if err != nil {
		return nil, err
	}
	var blobs []treeEntry
	for line := range strings.Lines(out) {
		if id, path, isBlob := strings.Cut(strings.TrimSuffix(line, "\n"), " "); isBlob {
			blobs = append(blobs, treeEntry{id: id, path: path})
		}
	}
	return r.pointersAmong(ctx, blobs)
}
