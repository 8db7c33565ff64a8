package git

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// Bounds on what is read of a clone that an agent may have written anything into.
const (
	maxRefBytes    = 512      // of a file with one ref
	maxPackedBytes = 16 << 20 // of packed-refs: a hundred thousand refs
	maxLocalRefs   = 1000     // branches of an agent's own that are looked at
	maxTextBytes   = 64 << 10 // of other small files
)

// cloneRefs is what the refs of a clone say. They are read as plain files, since git in the clone would obey its
// configuration.
type cloneRefs struct {
	head     string            // commit that HEAD leads to; empty for a branch without a commit
	on       string            // branch that HEAD is on; empty when detached
	branches map[string]string // commits of refs/heads, by branch
	stash    string
	excludes []byte // info/exclude
	sparse   bool   // a part of the files is not checked out, on purpose
}

// readClone reads the refs of the clone whose git directory is at dir. Links that lead out of it are not followed.
func readClone(dir string) (cloneRefs, error) {
	none := cloneRefs{}
	if !isDir(dir) {
		return none, errors.New("its .git is no directory")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return none, err
	}
	defer root.Close()
	refs := cloneRefs{branches: map[string]string{}}
	if err := readPacked(root, &refs); err != nil {
		return none, err
	}
	if err := readLoose(root, "refs/heads", &refs); err != nil {
		return none, err
	}
	if id, err := readRef(root, "refs/stash"); err == nil {
		refs.stash = id
	}
	head, err := readPlain(root, "HEAD", maxRefBytes)
	if err != nil {
		return none, fmt.Errorf("its HEAD cannot be read: %w", err)
	}
	text := strings.TrimSpace(string(head))
	if name, found := strings.CutPrefix(text, "ref: refs/heads/"); found && ValidBranch(name) == nil {
		refs.on, refs.head = name, refs.branches[name]
	} else if validCommit(text) == nil {
		refs.head = text
	} else {
		return none, errors.New("its HEAD is neither a branch nor a commit")
	}
	if refs.excludes, err = readPlain(root, "info/exclude", maxTextBytes); err != nil {
		refs.excludes = nil
	}
	_, err = root.Lstat("info/sparse-checkout")
	refs.sparse = err == nil
	return refs, nil
}

// readPacked reads the branches of packed-refs.
func readPacked(root *os.Root, refs *cloneRefs) error {
	data, err := readPlain(root, "packed-refs", maxPackedBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("its packed-refs cannot be read: %w", err)
	}
	for line := range bytes.Lines(data) {
		id, name, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		if validCommit(id) != nil {
			continue
		}
		if name == "refs/stash" {
			refs.stash = id
		}
		if branch, found := strings.CutPrefix(name, "refs/heads/"); found && ValidBranch(branch) == nil && len(refs.branches) < maxLocalRefs {
			refs.branches[branch] = id
		}
	}
	return nil
}

// readLoose reads the branches that have files of their own; they hold before packed ones.
func readLoose(root *os.Root, dir string, refs *cloneRefs) error {
	folder, err := root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("its %s cannot be read: %w", dir, err)
	}
	entries, err := folder.ReadDir(maxLocalRefs)
	_ = folder.Close()
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("its %s cannot be read: %w", dir, err)
	}
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		if entry.IsDir() {
			if err := readLoose(root, name, refs); err != nil {
				return err
			}
			continue
		}
		branch := strings.TrimPrefix(name, "refs/heads/")
		if ValidBranch(branch) != nil || len(refs.branches) >= maxLocalRefs {
			continue
		}
		if id, err := readRef(root, name); err == nil {
			refs.branches[branch] = id
		}
	}
	return nil
}

// readRef reads a file with one commit in it.
func readRef(root *os.Root, name string) (string, error) {
	data, err := readPlain(root, name, maxRefBytes)
	if err != nil {
		return "", err
	}
	id := strings.TrimSpace(string(data))
	return id, validCommit(id)
}

// readPlain reads a small file that is a file itself: no link, no pipe that nobody writes to.
func readPlain(root *os.Root, name string, limit int64) ([]byte, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no plain file", name)
	}
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, limit)
	}
	return data, err
}
