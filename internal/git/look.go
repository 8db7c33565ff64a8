package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The server looks at a workspace through a git directory of its own, and never runs git in the clone: the clone's
// configuration, hooks, refs and alternates are what an agent made of them, and git does what they say.
//
//	looks/<bead>.git/
//	    config, HEAD, index      the server's
//	    objects/info/alternates  -> mirror.git/objects, borrow/
//	    borrow/pack, 00 … ff     links to those directories of the clone's objects; so its own info/alternates is not read
//	    seen                     the branch and its commit at the last look
//	    dirt.json                files that were changed by git's word when the workspace was made
//	    modules.json             where the submodules stood at the last look
func (r *Rig) lookDir(bead string) string { return filepath.Join(r.dir, "looks", dirName(bead)+".git") }

// sight is what a look at a workspace found.
type sight struct {
	exists  bool   // there are files
	fault   string // why nothing could be brought in; empty if all was
	refs    cloneRefs
	changes []change // uncommitted, without what the workspace was made with
}

// behind is the commit that the files belong to, empty if that is not known.
func (s sight) behind() string { return s.refs.head }

// look brings the bead's branch from its workspace into the mirror, and tells what else is there. Whatever is wrong with
// the clone is a fault of the sight and no error. The lock is held.
func (r *Rig) look(ctx context.Context, bead, branch string) (sight, error) {
	path := r.workspace(bead)
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return sight{}, nil
	}
	if err != nil {
		return sight{}, wrapOS("look at the workspace of "+bead, err)
	}
	if !info.IsDir() {
		return sight{fault: "it is no directory"}, nil
	}
	seen := sight{exists: true}
	gitDir := filepath.Join(path, ".git")
	if seen.refs, err = readClone(gitDir); err != nil {
		seen.fault = err.Error()
	} else if fault := plainObjects(filepath.Join(gitDir, "objects")); fault != "" {
		seen.fault, seen.refs = fault, cloneRefs{}
	}
	if err := r.ensureLook(ctx, bead, gitDir); err != nil {
		return sight{}, err
	}
	if err := r.noteMade(bead, branch); err != nil {
		return sight{}, err
	}
	if err := os.WriteFile(filepath.Join(r.lookDir(bead), "info", "exclude"), seen.refs.excludes, 0o600); err != nil {
		return sight{}, wrapOS("look at the workspace of "+bead, err)
	}
	if seen.fault == "" {
		if err := r.bringIn(ctx, bead, branch, &seen); err != nil {
			return sight{}, err
		}
		if tip := seen.refs.branches[branch]; tip != "" {
			if err := r.takeReferences(ctx, bead, branch, tip); err != nil {
				return sight{}, err
			}
		}
	}
	behind := seen.behind()
	if behind == "" {
		if behind, err = r.sourceHead(ctx, branch, ""); err != nil || behind == "" {
			return seen, err
		}
		seen.refs.head = behind
	}
	changes, err := r.changes(ctx, bead, behind, seen.refs.sparse)
	seen.changes = r.withoutDirt(bead, changes)
	return seen, err
}

// astray says what a workspace has that is not on the bead's branch: commits that HEAD stands on, or uncommitted work.
func (r *Rig) astray(ctx context.Context, spec VerifySpec, seen sight, target string) (string, error) {
	if seen.fault != "" {
		return "the workspace cannot be read: " + seen.fault, nil
	}
	if head := seen.refs.head; head != "" && seen.refs.on != spec.Branch {
		args := []string{"rev-list", "--count", head, "--not", target}
		if tip := seen.refs.branches[spec.Branch]; tip != "" {
			args = append(args, tip)
		}
		out, err := r.git(ctx, "compare branches", append(args, "--")...)
		if err != nil {
			return "", err
		}
		if n := strings.TrimSpace(out); n != "0" {
			return fmt.Sprintf("%s commits are not on the branch %s: %s", n, spec.Branch, elsewhere(seen.refs.on, head, spec.Branch)), nil
		}
	}
	if n := len(seen.changes); n > 0 {
		return fmt.Sprintf("%d files are not committed, such as %s: commit or remove them", n, seen.changes[0].path), nil
	}
	return "", nil
}

// elsewhere says where commits are, and how they get to the branch.
func elsewhere(on, head, branch string) string {
	where, what := "the branch "+on+" has them", on
	if on == "" {
		where, what = "HEAD is on no branch", head
	}
	return fmt.Sprintf("%s; run git switch %s && git merge %s", where, branch, what)
}

// bringIn fetches the branch of a workspace, and what HEAD stands on, into the mirror. A branch that stands where the
// last look saw it is not news: the mirror's may have gone on meanwhile.
func (r *Rig) bringIn(ctx context.Context, bead, branch string, seen *sight) error {
	tip := seen.refs.branches[branch]
	for _, commit := range []string{tip, seen.refs.head} {
		if commit == "" {
			continue
		}
		err := r.take(ctx, bead, commit)
		if err != nil && !damaged(err) {
			return err
		}
		if err != nil {
			seen.fault, seen.refs = "its commits cannot be taken over: "+err.Error(), cloneRefs{}
			return nil
		}
	}
	if tip == "" || r.lastSeen(bead) == branch+" "+tip {
		return nil
	}
	if _, err := r.git(ctx, "bring in the branch "+branch, "update-ref", headRef(branch), tip); err != nil {
		return err
	}
	return r.noteSeen(bead, branch, tip)
}

// take copies a commit of a workspace, with all that it needs, into the mirror. What comes in is checked.
func (r *Rig) take(ctx context.Context, bead, commit string) error {
	if _, err := r.git(ctx, "look for a commit", "cat-file", "-e", commit+"^{commit}"); err == nil {
		if held, err := r.held(ctx, commit); err != nil || held {
			return err
		}
	} else if ignoreExit(err) != nil {
		return err
	}
	_, err := r.gitIn(ctx, command{
		op: "take over the commits of " + bead, gitDir: r.mirror(),
		args: []string{
			"-c", "fetch.fsckObjects=true", "-c", "protocol.file.allow=always", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
			"--no-auto-maintenance", "--no-recurse-submodules", "--", r.lookDir(bead), "+" + commit + ":" + incomingRef(bead),
		},
	})
	return err
}

// lastSeen is where the branch stood at the last look, noteSeen notes it.
func (r *Rig) lastSeen(bead string) string {
	data, err := os.ReadFile(filepath.Join(r.lookDir(bead), "seen"))
	if err != nil {
		return "" // Then it is news.
	}
	return string(data)
}

func (r *Rig) noteSeen(bead, branch, tip string) error {
	return wrapped("note the look at "+bead, os.WriteFile(filepath.Join(r.lookDir(bead), "seen"), []byte(branch+" "+tip), 0o600))
}

// lookConfig is all that the server obeys when it looks at files: nothing runs, nothing is taken for granted of files
// that an agent may have made up.
const lookConfig = `[core]
	repositoryFormatVersion = %d
	bare = true
	fsmonitor = false
	untrackedCache = false
	multiPackIndex = false
	commitGraph = false
	autocrlf = false
	hooksPath = /dev/null
[uploadpack]
	allowAnySHA1InWant = true
[pack]
	useBitmaps = false
[gc]
	auto = 0
`

// lfsConfig lets git-lfs say what of a large file is in the repository. It keeps those that are not committed with the mirror's.
const lfsConfig = `[filter "lfs"]
	clean = git-lfs clean -- %f
	smudge = git-lfs smudge --skip -- %f
`

// ensureLook makes the server's git directory for a workspace, with links to the objects that the clone has now.
func (r *Rig) ensureLook(ctx context.Context, bead, gitDir string) error {
	dir := r.lookDir(bead)
	op := "look at the workspace of " + bead
	format, err := r.objectFormat(ctx)
	if err != nil {
		return err
	}
	config := fmt.Sprintf(lookConfig, 0)
	if format != "sha1" {
		config = fmt.Sprintf(lookConfig, 1) + "[extensions]\n\tobjectFormat = " + format + "\n"
	}
	if LFSInstalled() {
		config += "[lfs]\n\tstorage = " + quoteConfig(r.lfsStorage()) + "\n" + lfsConfig
	}
	borrow := filepath.Join(dir, "borrow")
	for _, folder := range []string{"objects/info", "refs/heads", "info"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			return wrapOS(op, err)
		}
	}
	if err := errors.Join(removeTree(borrow), os.Mkdir(borrow, 0o700)); err != nil {
		return wrapOS(op, err)
	}
	for _, name := range objectFolders {
		from := filepath.Join(gitDir, "objects", name)
		if isDir(from) {
			if err := os.Symlink(from, filepath.Join(borrow, name)); err != nil {
				return wrapOS(op, err)
			}
		}
	}
	alternates := filepath.Join(r.mirror(), "objects") + "\n" + borrow + "\n"
	return wrapped(op, errors.Join(
		os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600),
		os.WriteFile(filepath.Join(dir, "HEAD"), []byte("ref: refs/heads/none\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "objects", "info", "alternates"), []byte(alternates), 0o600)))
}

// objectFolders are the directories in which git has objects.
var objectFolders = func() []string {
	names := []string{"pack"}
	for i := range 256 {
		names = append(names, fmt.Sprintf("%02x", i))
	}
	return names
}()

// plainObjects says what of a clone's objects git must not be led to: a link to elsewhere, or a pipe that never answers.
func plainObjects(dir string) (fault string) {
	if !isDir(dir) {
		return "its objects are no directory"
	}
	for _, name := range objectFolders {
		folder := filepath.Join(dir, name)
		if _, err := os.Lstat(folder); err == nil && !isDir(folder) {
			return "its objects/" + name + " is no directory"
		}
		entries, err := os.ReadDir(folder)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err.Error()
		}
		if slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !e.Type().IsRegular() }) {
			return "its objects/" + name + " has what is no plain file"
		}
	}
	return ""
}

// objectFormat is how the rig's repository names objects: sha1 or sha256.
func (r *Rig) objectFormat(ctx context.Context) (string, error) {
	out, err := r.git(ctx, "read the clone", "rev-parse", "--show-object-format")
	return strings.TrimSpace(out), err
}

// wrapped is wrapOS for what may have gone well.
func wrapped(op string, err error) error {
	if err == nil {
		return nil
	}
	return wrapOS(op, err)
}

// damaged tells whether a failed command may be due to what an agent left, and not to the machine.
func damaged(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.exitCode > 0 && (e.Class == ClassOther || e.Class == ClassNotARepository)
}
