package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// makeClone gives a workspace its git directory and brings its files from what they are to the branch. The directory is
// made beside the workspace and moved in when it is complete, so that nothing of the former one is ever obeyed.
func (r *Rig) makeClone(ctx context.Context, spec WorkspaceSpec, from start, seen sight) error {
	op := "make the workspace of " + spec.Bead
	path, temporary := r.workspace(spec.Bead), r.lookDir(spec.Bead)+".new"
	if !isDir(path) {
		if err := removeTree(path); err != nil {
			return wrapOS(op, err)
		}
	}
	if err := errors.Join(removeTree(temporary), os.MkdirAll(path, 0o700), os.MkdirAll(filepath.Dir(temporary), 0o700)); err != nil {
		return wrapOS(op, err)
	}
	gitDir := filepath.Join(temporary, ".git")
	if err := r.initClone(ctx, spec, from, temporary); err != nil {
		return err
	}
	if err := r.bringFiles(ctx, gitDir, path, from.commit, seen); err != nil {
		return err
	}
	own := filepath.Join(path, ".git")
	if err := errors.Join(removeTree(own), os.Rename(gitDir, own), removeTree(temporary)); err != nil || !spec.Submodules {
		return wrapped(op, err)
	}
	tip, _, err := r.targetTip(ctx, spec.Base, r.defaultBranch)
	if err != nil {
		return err
	}
	return r.placeModules(ctx, spec.Bead, from.commit, tip)
}

// initClone makes the git directory below dir: it borrows the mirror's objects, has origin's branches and the bead's.
func (r *Rig) initClone(ctx context.Context, spec WorkspaceSpec, from start, dir string) error {
	op := "make the workspace of " + spec.Bead
	format, err := r.objectFormat(ctx)
	if err != nil {
		return err
	}
	_, err = r.run(ctx, command{op: op, args: []string{
		"init", "--quiet", "--template=", "--object-format=" + format, "--initial-branch=" + spec.Branch, "--", dir,
	}})
	if err != nil {
		return err
	}
	refs, err := r.git(ctx, "read branches", "for-each-ref", "--format=%(objectname) %(refname)", "--", "refs/remotes/origin/")
	if err != nil {
		return err
	}
	lines := append(strings.Split(strings.TrimSpace(refs), "\n"), from.commit+" "+headRef(spec.Branch))
	slices.SortFunc(lines, func(a, b string) int {
		_, one, _ := strings.Cut(a, " ")
		_, two, _ := strings.Cut(b, " ")
		return strings.Compare(one, two)
	})
	config, err := r.lfsOfClone(ctx, spec, from.commit)
	if err != nil {
		return err
	}
	config += "[remote \"origin\"]\n\turl = " + quoteConfig(r.url) + "\n\tfetch = " + fetchRefspec + "\n"
	gitDir := filepath.Join(dir, ".git")
	for name, content := range map[string]string{
		"info/exclude":             "",
		"packed-refs":              "# pack-refs with: sorted\n" + strings.Join(lines, "\n") + "\n",
		"objects/info/alternates":  filepath.Join(r.mirror(), "objects") + "\n",
		"refs/remotes/origin/HEAD": "ref: " + originRef(r.defaultBranch) + "\n",
	} {
		file := filepath.Join(gitDir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(content), 0o600)); err != nil {
			return wrapOS(op, err)
		}
	}
	file, err := os.OpenFile(filepath.Join(gitDir, "config"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return wrapOS(op, err)
	}
	_, err = file.WriteString(config)
	return wrapped(op, errors.Join(err, file.Close()))
}

// lfsFromHere lets git-lfs use the objects that are here and ask nobody for others, whatever a commit's .lfsconfig says.
// Those files stay pointers.
var lfsFromHere = []string{"-c", "lfs.url=file:///dev/null", "-c", "lfs.skipdownloaderrors=true", "-c", "lfs.transfer.maxretries=1"}

// lfsFilters are the filters that `git lfs install` sets.
var lfsFilters = []string{
	"-c", "filter.lfs.clean=git-lfs clean -- %f", "-c", "filter.lfs.smudge=git-lfs smudge -- %f",
	"-c", "filter.lfs.process=git-lfs filter-process", "-c", "filter.lfs.required=true",
}

// lfsOfClone is the configuration by which git of a clone keeps large files in LFS, if the commit has any. git-lfs finds
// the objects that the server has, since the clone borrows from the mirror.
func (r *Rig) lfsOfClone(ctx context.Context, spec WorkspaceSpec, commit string) (string, error) {
	if !spec.LFS || !LFSInstalled() {
		return "", nil
	}
	uses, err := r.usesLFS(ctx, commit)
	if err != nil || !uses {
		return "", err
	}
	config := "[filter \"lfs\"]\n"
	for i := 1; i < len(lfsFilters); i += 2 {
		key, value, _ := strings.Cut(strings.TrimPrefix(lfsFilters[i], "filter.lfs."), "=")
		config += "\t" + key + " = " + value + "\n"
	}
	return config, nil
}

// quoteConfig writes a value as git's configuration wants it.
func quoteConfig(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// bringFiles brings files that belong to one commit to another, with what is not committed in them. Changes that are in
// the way have been kept in the mirror, and give way.
func (r *Rig) bringFiles(ctx context.Context, gitDir, path, commit string, seen sight) error {
	git := func(stdin string, args ...string) (string, error) {
		return r.run(ctx, command{
			op: "check out " + commit, dir: path, gitDir: gitDir, workTree: path, args: append(slices.Clone(lfsFromHere), args...), stdin: stdin,
		})
	}
	refresh := func() error { // It says no where a file is changed, which is well.
		_, err := git("", "update-index", "-q", "--refresh")
		return ignoreExit(err)
	}
	if !seen.exists || seen.behind() == "" {
		_, err := git("", "read-tree", "--reset", "-u", commit)
		return errors.Join(err, refresh())
	}
	if _, err := git("", "read-tree", seen.behind()); err != nil {
		return err
	}
	if err := refresh(); err != nil {
		return err
	}
	if seen.refs.sparse {
		missing, err := git("", "ls-files", "--deleted", "-z")
		if err == nil {
			_, err = git(missing, "checkout-index", "-z", "--stdin")
		}
		if err != nil {
			return err
		}
	}
	if seen.behind() != commit {
		if _, err := git("", "read-tree", "-m", "-u", seen.behind(), commit); err != nil {
			if _, err := git("", "read-tree", "--reset", "-u", commit); err != nil {
				return err
			}
		}
	}
	return refresh()
}
