package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// place is a directory in which one merge at a time is tested:
//
//	merge/1/attributes/   the .gitattributes files of the target, by which files are merged
//	merge/1/checkout/     the files of the commit that gates run on; only where there are gates
//	merge/1/index         what git knows of those files
//	merge/1/gate.git/     what git commands of a gate see; made anew for each gate
//	merge/1/home/         the home directory of gates; it stays, with what package managers keep there
//
// The first one stays, since a change of a few files costs less than a checkout. A merge that finds it taken has a
// further one, which goes with that merge: the usual other user is a refinery that is about to be stopped, and its
// gate may take an hour.
type place struct {
	rig    *Rig
	dir    string
	lock   *os.File // flock; the system frees it when its holder dies
	stays  bool
	caches []string // patterns of untracked paths that stay

	modules bool // submodules have their files
	lfs     bool // large files are there, and not their pointers

	at string // commit that the checkout has; empty when a gate may have changed it
}

func (p *place) attributes() string { return filepath.Join(p.dir, "attributes") }
func (p *place) checkout() string   { return filepath.Join(p.dir, "checkout") }
func (p *place) index() string      { return filepath.Join(p.dir, "index") }
func (p *place) gateDir() string    { return filepath.Join(p.dir, "gate.git") }
func (p *place) home() string       { return filepath.Join(p.dir, "home") }

// takePlace takes the first free place, and removes those that dead refineries had beside the first.
func (r *Rig) takePlace(caches []string) (*place, error) {
	if err := os.MkdirAll(r.mergeDir(), 0o700); err != nil {
		return nil, wrapOS("make a place to merge", err)
	}
	var taken *place
	for n := 1; ; n++ {
		dir := filepath.Join(r.mergeDir(), fmt.Sprint(n))
		if taken != nil {
			// Places are numbered without gaps but for those that ended before later ones.
			if _, err := os.Lstat(dir + ".lock"); errors.Is(err, fs.ErrNotExist) {
				return taken, nil
			}
		}
		lock, err := os.OpenFile(dir+".lock", os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, wrapOS("make a place to merge", err)
		}
		if flock(lock, syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			_ = lock.Close()
			continue
		}
		p := &place{rig: r, dir: dir, lock: lock, stays: n == 1, caches: caches}
		if taken == nil {
			taken = p
		} else if err := p.leave(); err != nil {
			return nil, errors.Join(err, taken.leave())
		}
	}
}

// leave lets others have the place, and removes it if it is not the one that stays. What cannot be removed is removed
// by a later merge.
func (p *place) leave() error {
	defer p.lock.Close()
	if p.stays {
		return nil
	}
	if err := removeTree(p.dir); err != nil {
		return wrapOS("remove a place to merge", err)
	}
	return nil
}

// attributesFile says how files of a directory are merged, and those below it.
const attributesFile = ".gitattributes"

// takeAttributes writes the rules for merging that a commit has. merge-tree reads them from files, and not from the
// commits it merges; the other files of the commit it does not need.
func (p *place) takeAttributes(ctx context.Context, commit string) error {
	const op = "read the rules for merging"
	out, err := p.rig.git(ctx, op, "ls-tree", "-r", "-z", commit)
	if err != nil {
		return err
	}
	if err := errors.Join(removeTree(p.attributes()), os.MkdirAll(p.attributes(), 0o700)); err != nil {
		return wrapOS(op, err)
	}
	var names, objects []string
	for entry := range strings.SplitSeq(out, "\x00") {
		about, name, _ := strings.Cut(entry, "\t")
		fields := strings.Fields(about) // mode, type, object
		// Git does not follow a symbolic link of that name either.
		if path.Base(name) == attributesFile && len(fields) == 3 && strings.HasPrefix(fields[0], "100") {
			names, objects = append(names, name), append(objects, fields[2])
		}
	}
	if len(names) == 0 {
		return nil
	}
	out, err = p.rig.gitIn(ctx, command{
		op: op, gitDir: p.rig.mirror(),
		args: []string{"cat-file", "--batch=%(objectsize)"}, stdin: strings.Join(objects, "\n") + "\n",
	})
	if err != nil {
		return err
	}
	return wrapped(op, writeAttributes(p.attributes(), names, out))
}

// writeAttributes writes files whose contents are in a batch: a line with the size of each, the content, a newline.
// Names come from a repository, and none may lead out of the directory.
func writeAttributes(dir string, names []string, batch string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range names {
		line, rest, _ := strings.Cut(batch, "\n")
		size, err := strconv.Atoi(line)
		if err != nil || size < 0 || size >= len(rest) {
			return fmt.Errorf("git gives %q for the size of %s", line, name)
		}
		err = errors.Join(root.MkdirAll(path.Dir(name), 0o700), root.WriteFile(name, []byte(rest[:size]), 0o600))
		if err != nil {
			return err
		}
		batch = rest[size+1:]
	}
	return nil
}
