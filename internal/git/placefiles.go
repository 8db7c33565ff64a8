package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// indexConfig has git look at the files themselves, whatever a person has set to make his own checkouts faster.
var indexConfig = []string{
	"-c", "core.trustctime=true", "-c", "core.checkStat=default", "-c", "core.ignoreStat=false",
	"-c", "core.splitIndex=false", "-c", "core.sparseCheckout=false", "-c", "index.sparse=false",
}

// inCheckout runs a git command on the files of the checkout, by the index beside it.
func (p *place) inCheckout(ctx context.Context, op string, args ...string) (string, error) {
	config := slices.Clone(indexConfig)
	if p.lfs && LFSInstalled() {
		config = append(append(config, lfsFilters...), lfsFromHere...)
	}
	return p.rig.gitIn(ctx, command{
		op: op, dir: p.checkout(), gitDir: p.rig.mirror(), workTree: p.checkout(), env: []string{"GIT_INDEX_FILE=" + p.index()},
		args: append(config, args...),
	})
}

// clean gives the checkout the files of a commit and no others but the rig's caches. Where that fails, because a
// refinery was killed over it or a gate has done what git cannot undo, everything is made anew.
func (p *place) clean(ctx context.Context, commit string) error {
	err := p.update(ctx, commit)
	if err == nil || ctx.Err() != nil {
		return err
	}
	again := errors.Join(removeTree(p.checkout()), removeTree(p.index()))
	if again != nil {
		return errors.Join(err, wrapOS("make the merge checkout anew", again))
	}
	return p.update(ctx, commit)
}

func (p *place) update(ctx context.Context, commit string) error {
	// The place is ours: a lock file is one of a git that was killed.
	if err := errors.Join(removeTree(p.index()+".lock"), os.MkdirAll(p.checkout(), 0o700)); err != nil {
		return wrapOS("make the merge checkout", err)
	}
	known, err := p.tracked(ctx)
	if err != nil {
		return err
	}
	if err := (cleaner{top: p.checkout(), known: known, caches: p.caches}).directory(""); err != nil {
		return wrapOS("clear away what gates made", err)
	}
	return p.checkOut(ctx, commit)
}

// restore gives the tracked files the content that they have in a commit, and lets git commands of a gate see that
// commit. Files that gates made stay, if git can go on with them.
func (p *place) restore(ctx context.Context, commit string) error {
	if p.at == commit {
		return nil
	}
	err := p.checkOut(ctx, commit)
	if err == nil || ctx.Err() != nil {
		return err
	}
	return p.clean(ctx, commit)
}

func (p *place) checkOut(ctx context.Context, commit string) error {
	if _, err := p.inCheckout(ctx, "check out "+commit, "read-tree", "--reset", "-u", commit); err != nil {
		return err
	}
	if err := p.checkOutModules(ctx, commit); err != nil {
		return err
	}
	if err := p.showCommit(ctx, commit); err != nil {
		return err
	}
	p.at = commit
	return nil
}

// checkOutModules gives the submodules of a commit their files, as far as the server has them.
func (p *place) checkOutModules(ctx context.Context, commit string) error {
	if !p.modules {
		return nil
	}
	linked, err := p.rig.linkedModules(ctx, commit, commit)
	if err != nil {
		return err
	}
	for _, l := range linked {
		store, err := p.rig.moduleStore(ctx, l.address)
		if err != nil {
			return err
		}
		if has, err := store.has(ctx, store.work, l.commit); err != nil || !has {
			if err != nil {
				return err
			}
			continue
		}
		if err := p.checkOutModule(ctx, store, l); err != nil {
			return err
		}
	}
	return nil
}

// checkOutModule gives one submodule its files. Its index is made anew: what a gate did to them is not known.
func (p *place) checkOutModule(ctx context.Context, store *moduleStore, l linked) error {
	op := "check out the submodule " + l.path
	files, index := filepath.Join(p.checkout(), filepath.FromSlash(l.path)), p.index()+".module"
	if !plainBelow(p.checkout(), l.path) {
		return nil
	}
	if err := errors.Join(removeTree(index), removeTree(files), os.MkdirAll(files, 0o700)); err != nil {
		return wrapOS(op, err)
	}
	_, err := p.rig.gitIn(ctx, command{
		op: op, dir: files, gitDir: store.work, workTree: files, env: []string{"GIT_INDEX_FILE=" + index},
		args: append(slices.Concat(indexConfig, lfsFromHere), "read-tree", "--reset", "-u", l.commit),
	})
	return err
}

// kind is what an entry of the index is on the disk.
type kind byte

const (
	trackedFile      kind = iota + 1
	trackedDirectory      // has tracked files somewhere below it
	trackedModule         // a submodule's directory
)

// tracked lists what the index has, with the directories above.
func (p *place) tracked(ctx context.Context) (map[string]kind, error) {
	out, err := p.inCheckout(ctx, "list the files of the merge checkout", "ls-files", "--stage", "-z")
	if err != nil {
		return nil, err
	}
	known := make(map[string]kind, strings.Count(out, "\x00"))
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		about, name, found := strings.Cut(entry, "\t")
		if !found {
			continue
		}
		known[name] = trackedFile
		if strings.HasPrefix(about, "160000 ") {
			known[name] = trackedModule
		}
		for dir := filepath.Dir(name); dir != "." && known[dir] != trackedDirectory; dir = filepath.Dir(dir) {
			known[dir] = trackedDirectory
		}
	}
	return known, nil
}

// changedBy restores the tracked files and lists those that a gate had changed. What differs when it is just checked
// out, for its line endings, is no change of the gate.
func (p *place) changedBy(ctx context.Context, commit string) ([]string, error) {
	after, err := p.changed(ctx)
	if err == nil && len(after) == 0 {
		return nil, nil
	}
	if err != nil && ctx.Err() == nil {
		after = []string{"."} // It has left no checkout to look at.
	}
	if err := p.restore(ctx, commit); err != nil {
		return nil, err
	}
	before, err := p.changed(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(after, func(name string) bool { return slices.Contains(before, name) }), nil
}

// changed lists tracked files that are not as in the commit that was checked out.
func (p *place) changed(ctx context.Context) ([]string, error) {
	out, err := p.inCheckout(ctx, "look for what a gate changed",
		"diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all")
	if err != nil || out == "" {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(out, "\x00"), "\x00"), nil
}

// showCommit makes the git directory that git commands of a gate find: many builds ask for the commit or its tag. It
// borrows the objects of the rig, and has the branches and tags of origin; whatever a gate does to it is gone with it.
func (p *place) showCommit(ctx context.Context, commit string) error {
	const op = "make a git directory for gates"
	refs, err := p.rig.git(ctx, op,
		"for-each-ref", "--format=%(objectname) %(refname)", "--", "refs/remotes/origin/", "refs/tags/")
	if err != nil {
		return err
	}
	index, err := os.ReadFile(p.index())
	if err != nil {
		return wrapOS(op, err)
	}
	files := map[string]string{
		"HEAD": commit + "\n", "config": gateConfig(commit), "packed-refs": refs, "index": string(index),
		"objects/info/alternates": filepath.Join(p.rig.mirror(), "objects") + "\n", "refs/.keep": "",
	}
	err = removeTree(p.gateDir())
	for name, content := range files {
		path := filepath.Join(p.gateDir(), name)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600))
	}
	// It may be a directory or a link by now.
	link := filepath.Join(p.checkout(), ".git")
	err = errors.Join(err, removeTree(link), os.WriteFile(link, []byte("gitdir: "+p.gateDir()+"\n"), 0o600))
	if err != nil {
		return wrapOS(op, err)
	}
	return nil
}

// sha256Length is that of the name of a commit in a repository of that object format.
const sha256Length = 64

func gateConfig(commit string) string {
	if len(commit) == sha256Length {
		return "[core]\n\trepositoryformatversion = 1\n\tbare = false\n[extensions]\n\tobjectformat = sha256\n"
	}
	return "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
}
