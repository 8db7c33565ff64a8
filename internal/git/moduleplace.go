package git

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// maxModules bounds the submodules of one repository that are set up and taken from.
const maxModules = 200

// modulesNote is the file of a look that says at which commits the submodules of a workspace stood.
const modulesNote = "modules.json"

// FetchTarget fetches as [Rig.Fetch] does, and what the target needs beside its own objects.
func (r *Rig) FetchTarget(ctx context.Context, target string, submodules, lfs bool) error {
	if err := r.Fetch(ctx); err != nil || !submodules && !lfs {
		return err
	}
	tip, _, err := r.targetTip(ctx, target, r.defaultBranch)
	if err != nil {
		return err
	}
	return r.FetchReferences(ctx, tip, submodules, lfs)
}

// FetchReferences brings what a commit of the target needs beside its own objects, so that whoever works on it needs no
// access: commits of submodules and LFS objects. Only what is not here yet is asked for. What cannot be had before a
// person changes something is left out.
func (r *Rig) FetchReferences(ctx context.Context, commit string, submodules, lfs bool) error {
	if err := validCommit(commit); err != nil {
		return err
	}
	if submodules {
		if err := r.fetchModules(ctx, commit); err != nil {
			return err
		}
	}
	if lfs && LFSInstalled() {
		return r.fetchLFSOnce(ctx, commit)
	}
	return nil
}

// fetchModules brings the commits of a commit's submodules.
func (r *Rig) fetchModules(ctx context.Context, commit string) error {
	linked, err := r.linkedModules(ctx, commit, commit)
	if err != nil || len(linked) == 0 {
		return err
	}
	release, err := r.moduleLock.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	for _, l := range linked {
		store, err := r.moduleStore(ctx, l.address)
		if err != nil {
			return err
		}
		if has, err := store.has(ctx, store.work, l.commit); err != nil || has {
			if err != nil {
				return err
			}
			continue
		}
		if _, _, err := store.published(ctx, l.commit); err != nil {
			return err
		}
	}
	return nil
}

// fetchLFSOnce brings the LFS objects of a commit unless it was the last one that they were brought for.
func (r *Rig) fetchLFSOnce(ctx context.Context, commit string) error {
	note := filepath.Join(r.lfsDir(), "fetched")
	if last, err := os.ReadFile(note); err == nil && string(last) == commit {
		return nil
	}
	uses, err := r.usesLFS(ctx, commit)
	if err != nil || !uses {
		return err
	}
	err = r.FetchLFS(ctx, commit)
	if class := ClassOf(err); err != nil && class != ClassOther && class != ClassNotFound {
		return err
	}
	if err != nil {
		return nil // The remote lacks objects: files stay pointers, and the next one asks again.
	}
	return wrapped("note the LFS objects that are here", os.WriteFile(note, []byte(commit), 0o600))
}

// linked is a submodule that a commit has at a commit.
type linked struct {
	module
	commit string
}

// linkedModules lists the submodules of a commit whose entries can be used, by path, as far as the target names their
// address.
func (r *Rig) linkedModules(ctx context.Context, commit, target string) ([]linked, error) {
	entries, _, err := r.modules(ctx, commit)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	named, _, err := r.modules(ctx, target)
	if err != nil {
		return nil, err
	}
	links, err := r.gitlinks(ctx, commit)
	if err != nil {
		return nil, err
	}
	allowed := r.allowed(nil, named)
	var found []linked
	for _, link := range links {
		m, ok := entries[link.path]
		if !ok || m.fault != "" || !allowed[canonical(m.address)] || len(found) == maxModules {
			continue
		}
		if !slices.ContainsFunc(found, func(l linked) bool { return within(l.name, m.name) || within(m.name, l.name) }) {
			found = append(found, linked{m, link.commit})
		}
	}
	return found, nil
}

// within tells whether a path is another one or below it.
func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// placeModules sets up the submodules of a workspace as `git submodule update --init` would, from what the server has:
// each has a git directory in the clone's that borrows objects, and the address of its remote. The files of former
// attempts stay, at the commit where they stood. A submodule whose commit is not here is left to the agent.
func (r *Rig) placeModules(ctx context.Context, bead, commit, target string) error {
	linked, err := r.linkedModules(ctx, commit, target)
	if err != nil {
		return err
	}
	stood := r.modulesStood(bead)
	for _, l := range linked {
		store, err := r.moduleStore(ctx, l.address)
		if err != nil {
			return err
		}
		before := stood[l.path]
		at := l.commit
		if before.At != before.Link {
			at = before.At // An agent has gone on there, and has not committed it yet.
		}
		has, err := store.has(ctx, store.work, at)
		if err != nil {
			return err
		}
		if !has {
			continue
		}
		if err := r.placeModule(ctx, store, r.workspace(bead), l, at, before.At); err != nil {
			return err
		}
	}
	return nil
}

// placeModule sets up one submodule at a commit. Files that are there belong to the commit behind, if that is known.
func (r *Rig) placeModule(ctx context.Context, store *moduleStore, workspace string, l linked, at, behind string) error {
	op := "set up the submodule " + l.path
	files := filepath.Join(workspace, filepath.FromSlash(l.path))
	if !plainBelow(workspace, l.path) {
		return nil // An agent has put something else there.
	}
	if err := os.MkdirAll(files, 0o700); err != nil {
		return wrapOS(op, err)
	}
	entries, err := os.ReadDir(files)
	if err != nil {
		return wrapOS(op, err)
	}
	empty := !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() != ".git" })
	gitDir := filepath.Join(workspace, ".git", "modules", filepath.FromSlash(l.name))
	if err := r.initModule(ctx, store, gitDir, l, at); err != nil {
		return err
	}
	upwards := strings.Repeat("../", strings.Count(l.path, "/")+1)
	link := "gitdir: " + upwards + path.Join(".git/modules", l.name) + "\n"
	if err := errors.Join(removeTree(filepath.Join(files, ".git")), os.WriteFile(filepath.Join(files, ".git"), []byte(link), 0o600)); err != nil {
		return wrapOS(op, err)
	}
	git := func(args ...string) error {
		_, err := r.run(ctx, command{
			op: op, dir: files, gitDir: gitDir, workTree: files, args: append(slices.Clone(lfsFromHere), args...),
		})
		return err
	}
	if err := bringModule(git, at, behind, empty); err != nil {
		return err
	}
	return r.activate(ctx, workspace, l)
}

// bringModule brings the files of a submodule to a commit. What is not committed in them stays, unless it is in the way of
// another commit: then the files stay as they are, and are changed by git's word.
func bringModule(git func(args ...string) error, at, behind string, empty bool) error {
	refresh := func() error { return ignoreExit(git("update-index", "-q", "--refresh")) } // it says no where a file is changed
	switch {
	case empty:
		return errors.Join(git("read-tree", "--reset", "-u", at), refresh())
	case behind == "" || behind == at:
		return errors.Join(git("read-tree", at), refresh())
	}
	if err := errors.Join(git("read-tree", behind), refresh()); err != nil {
		return err
	}
	if err := git("read-tree", "-m", "-u", behind, at); err != nil {
		return errors.Join(ignoreExit(err), git("read-tree", at), refresh())
	}
	return refresh()
}

// initModule makes the git directory of a submodule, complete before it has its name.
func (r *Rig) initModule(ctx context.Context, store *moduleStore, gitDir string, l linked, at string) error {
	op := "set up the submodule " + l.path
	format, err := r.objectFormat(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(removeTree(gitDir), os.MkdirAll(filepath.Dir(gitDir), 0o700)); err != nil {
		return wrapOS(op, err)
	}
	_, err = r.run(ctx, command{op: op, args: []string{
		"init", "--quiet", "--bare", "--template=", "--object-format=" + format, "--", gitDir,
	}})
	if err != nil {
		return err
	}
	refs, err := store.git(ctx, store.remote, op, "for-each-ref", "--format=%(objectname) %(refname)", "--", "refs/remotes/origin/")
	if err != nil {
		return err
	}
	if err := borrow(gitDir, filepath.Join(store.remote, "objects"), filepath.Join(store.work, "objects")); err != nil {
		return wrapOS(op, err)
	}
	top := strings.Repeat("../", strings.Count(l.name, "/")+3)
	settings := [][2]string{
		{"core.bare", "false"}, {"core.worktree", top + l.path},
		{"remote.origin.url", l.address}, {"remote.origin.fetch", fetchRefspec},
	}
	for _, setting := range settings {
		if _, err := r.run(ctx, command{op: op, gitDir: gitDir, args: []string{"config", setting[0], setting[1]}}); err != nil {
			return err
		}
	}
	return wrapped(op, errors.Join(
		os.WriteFile(filepath.Join(gitDir, "packed-refs"), []byte("# pack-refs with: sorted\n"+refs), 0o600),
		os.WriteFile(filepath.Join(gitDir, "HEAD"), []byte(at+"\n"), 0o600)))
}

// activate tells the clone that the submodule is in use.
func (r *Rig) activate(ctx context.Context, workspace string, l linked) error {
	for key, value := range map[string]string{"active": "true", "url": l.address} {
		_, err := r.run(ctx, command{
			op: "set up the submodule " + l.path, gitDir: filepath.Join(workspace, ".git"),
			args: []string{"config", "submodule." + l.name + "." + key, value},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// plainBelow tells whether every part of a path below dir that exists is a directory itself.
func plainBelow(dir, below string) bool {
	for part := range strings.SplitSeq(below, "/") {
		dir = filepath.Join(dir, part)
		if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) {
			return true
		}
		if !isDir(dir) {
			return false
		}
	}
	return true
}

// takeReferences takes from a workspace what its branch names beside its own objects: commits of submodules, and LFS
// objects. What cannot be taken is missing later, and then said. The lock of the rig is held.
func (r *Rig) takeReferences(ctx context.Context, bead, branch, head string) error {
	began, err := r.refs(ctx, startRef(branch))
	if err != nil {
		return err
	}
	if start := began[startRef(branch)]; start != "" {
		objects := filepath.Join(r.workspace(bead), ".git", "lfs", "objects")
		if err := r.TakeLFS(ctx, objects, start, head); err != nil {
			return err
		}
	}
	linked, err := r.linkedModules(ctx, head, head)
	if err != nil || len(linked) == 0 {
		return err
	}
	stood := map[string]moduleStood{}
	for _, l := range linked {
		if at := r.takeModule(ctx, bead, l); at != "" {
			stood[l.path] = moduleStood{Link: l.commit, At: at}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	data, err := json.Marshal(stood)
	if err != nil {
		return err
	}
	return wrapped("note where submodules stand", os.WriteFile(filepath.Join(r.lookDir(bead), modulesNote), data, 0o600))
}

// takeModule takes the commits of one submodule and returns where it stands, empty if that is not known.
func (r *Rig) takeModule(ctx context.Context, bead string, l linked) string {
	git := filepath.Join(r.workspace(bead), ".git")
	if !plainBelow(git, path.Join("modules", l.name)) {
		return ""
	}
	dir := filepath.Join(git, "modules", filepath.FromSlash(l.name))
	refs, err := readClone(dir)
	if err != nil || plainObjects(filepath.Join(dir, "objects")) != "" {
		return ""
	}
	commits := []string{l.commit}
	if refs.head != "" {
		commits = append(commits, refs.head)
	}
	for _, name := range slices.Sorted(maps.Keys(refs.branches)) {
		if len(commits) < maxKept {
			commits = append(commits, refs.branches[name])
		}
	}
	slices.Sort(commits)
	if r.TakeModule(ctx, l.address, dir, slices.Compact(commits)) != nil {
		return ""
	}
	return refs.head
}

// moduleStood is where a submodule of a workspace stood at the last look.
type moduleStood struct {
	Link string // the commit that the branch has of it
	At   string // the commit that its HEAD stood at
}

// modulesStood is where the submodules of a workspace stood, by path.
func (r *Rig) modulesStood(bead string) map[string]moduleStood {
	var stood map[string]moduleStood
	data, err := os.ReadFile(filepath.Join(r.lookDir(bead), modulesNote))
	if err != nil || json.Unmarshal(data, &stood) != nil {
		return nil
	}
	maps.DeleteFunc(stood, func(_ string, m moduleStood) bool { return errors.Join(validCommit(m.Link), validCommit(m.At)) != nil })
	return stood
}
