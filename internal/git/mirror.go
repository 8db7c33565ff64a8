package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// staleLockAge is the age from which a lock file in the mirror counts as left
// behind by a git that was killed. Git holds such a lock for milliseconds; the
// limit protects agents whose git is at work in the same mirror.
const staleLockAge = time.Minute

// fetchRefspec brings origin's branches to a place that only fetches write.
const fetchRefspec = "+refs/heads/*:refs/remotes/origin/*"

// Fetch brings origin's branches up to date and forgets those origin no longer
// has, and makes the mirror if there is none. The branches of agents are not touched.
//
// The lock of the rig is not held: git changes each ref for itself, so merges and workspaces go on. Callers that come
// while a fetch is under way share the next one, and how it ended: a remote that makes no progress is waited for twice
// at most, whoever asks.
func (r *Rig) Fetch(ctx context.Context) error {
	asked := time.Now()
	release, err := r.fetchLock.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	if last := r.fetchLock.newest; last.url == r.url && last.began.After(asked) {
		return last.err
	}
	began := time.Now()
	fresh, err := r.ensureMirror(ctx)
	if err == nil && !fresh {
		err = r.fetch(ctx, r.mirror())
	}
	if ctx.Err() == nil { // else only this caller has given up
		r.fetchLock.newest = fetched{began: began, url: r.url, err: err}
	}
	return err
}

// refreshed runs do under the lock of the rig, with a mirror that has all that
// origin had when refreshed was called.
func (r *Rig) refreshed(ctx context.Context, do func() error) error {
	if err := r.Fetch(ctx); err != nil {
		return err
	}
	return r.locked(ctx, do)
}

// locked runs do under the lock of the rig, on what was fetched last.
func (r *Rig) locked(ctx context.Context, do func() error) error {
	release, err := r.lock.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	if _, err := os.Stat(r.mirror()); err != nil {
		return wrapOS("read the clone, which a fetch makes", err)
	}
	return do()
}

// ensureMirror makes the mirror if there is none, and anew one that a crash left half made: it is fresh then. A changed URL takes effect.
// The lock for fetches is held.
func (r *Rig) ensureMirror(ctx context.Context) (fresh bool, err error) {
	if err := checkURLForm(r.url); err != nil {
		return false, err
	}
	if _, err := os.Stat(r.mirror()); errors.Is(err, os.ErrNotExist) {
		return true, r.clone(ctx)
	}
	current, err := r.git(ctx, "read the clone", "config", "--get", "remote.origin.url")
	if err == nil && strings.TrimSuffix(current, "\n") == r.url {
		return false, nil
	}
	if err != nil && !exitedWith(err, 1) {
		return false, err
	}
	// Reading the configuration says the same for a repository without a URL
	// and for none at all.
	_, err = r.git(ctx, "read the clone", "rev-parse", "--git-dir")
	switch {
	case err == nil:
		return false, r.setOrigin(ctx)
	case ClassOf(err) != ClassNotARepository:
		return false, err
	}
	if _, err := moveToFree(r.mirror(), r.mirror()+".broken"); err != nil {
		return false, err
	}
	return true, r.clone(ctx)
}

// clone makes the mirror under a temporary name and renames it when it is
// complete, so that a mirror that exists is a whole one.
func (r *Rig) clone(ctx context.Context) error {
	temporary := r.mirror() + ".new"
	if err := removeTree(temporary); err != nil {
		return wrapOS("remove a half-made clone", err)
	}
	format, err := r.remoteFormat(ctx)
	if err != nil {
		return err
	}
	_, err = r.run(ctx, command{op: "make the clone", args: []string{
		"init", "--quiet", "--bare", "--template=", "--object-format=" + format, "--", temporary,
	}})
	if err != nil {
		return err
	}
	_, err = r.run(ctx, command{op: "make the clone", gitDir: temporary, args: []string{"remote", "add", "--", "origin", r.url}})
	if err != nil {
		return err
	}
	if err := r.fetch(ctx, temporary); err != nil { // nobody has had a hand in this one yet
		return err
	}
	if err := os.Rename(temporary, r.mirror()); err != nil {
		return wrapOS("make the clone", err)
	}
	return nil
}

// remoteFormat asks the remote which object format it has: two formats cannot fetch from each other.
func (r *Rig) remoteFormat(ctx context.Context) (string, error) {
	c, err := r.remote(command{
		op: "read the repository " + mask(r.url), args: []string{"ls-remote", "--quiet", "--", r.url}, timeout: askTimeout,
	})
	if err != nil {
		return "", err
	}
	out, err := r.run(ctx, c)
	tip, _, _ := strings.Cut(out, "\t")
	return formatOf(tip), err
}

// setOrigin writes the URL into the mirror, with the refspec that agents' own
// fetches should use.
func (r *Rig) setOrigin(ctx context.Context) error {
	for _, setting := range [][2]string{{"remote.origin.url", r.url}, {"remote.origin.fetch", fetchRefspec}} {
		if _, err := r.git(ctx, "set the URL of the clone", "config", "--replace-all", setting[0], setting[1]); err != nil {
			return err
		}
	}
	return nil
}

// fetch updates origin's branches in a repository; the lock for fetches is held.
func (r *Rig) fetch(ctx context.Context, repository string) error {
	c, err := r.remote(command{
		op:     "fetch from " + mask(r.url),
		gitDir: repository,
		args: []string{
			"fetch", "--quiet", "--prune", "--no-write-fetch-head", "--no-auto-maintenance",
			"--no-recurse-submodules", "--", r.url, fetchRefspec,
		},
		timeout: networkTimeout,
	})
	if err != nil {
		return err
	}
	_, err = r.gitIn(ctx, c)
	return err
}

// git runs a command on the mirror, which is the server's alone.
func (r *Rig) git(ctx context.Context, op string, args ...string) (string, error) {
	return r.gitIn(ctx, command{op: op, gitDir: r.mirror(), args: args})
}

// run runs a command in the surroundings of the rig.
func (r *Rig) run(ctx context.Context, c command) (string, error) {
	c.around = r.around
	return run(ctx, c)
}

// onThisMachine tells whether an address needs no access; what runs there (the hooks of a repository) gets none.
func onThisMachine(address string) bool {
	_, local := localPath(address)
	return local
}

// gitIn runs a command, and once more when it only met a lock file of a git
// that was killed, or an agent's git that wrote the same ref.
func (r *Rig) gitIn(ctx context.Context, c command) (string, error) {
	out, err := r.run(ctx, c)
	var e *Error
	if errors.As(err, &e) && e.exitCode > 0 && (r.removeStaleLock(e.Stderr) || strings.Contains(e.Stderr, "but expected")) {
		return r.run(ctx, c)
	}
	return out, err
}

var lockComplaint = regexp.MustCompile(`Unable to create '([^']+\.lock)': File exists|could not lock config file (.+): File exists`)

// removeStaleLock removes the lock file git complains about, if it is one of
// this rig and old enough.
func (r *Rig) removeStaleLock(complaint string) bool {
	match := lockComplaint.FindStringSubmatch(complaint)
	if match == nil {
		return false
	}
	path := match[1]
	if path == "" {
		path = match[2] + ".lock"
	}
	inside, err := filepath.Rel(r.dir, path)
	if err != nil || !filepath.IsLocal(inside) {
		return false
	}
	info, err := os.Stat(path)
	if err != nil || time.Since(info.ModTime()) < staleLockAge {
		return false
	}
	return os.Remove(path) == nil
}

// refs returns the object ids of those of the full ref names that exist.
func (r *Rig) refs(ctx context.Context, names ...string) (map[string]string, error) {
	args := append([]string{"for-each-ref", "--format=%(refname) %(objectname)", "--"}, names...)
	out, err := r.git(ctx, "read branches", args...)
	if err != nil {
		return nil, err
	}
	found := make(map[string]string, len(names))
	for line := range strings.Lines(out) {
		name, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		found[name] = id
	}
	return found, nil
}

// count returns how many commits a range has.
func (r *Rig) count(ctx context.Context, from, to string) (int, error) {
	out, err := r.git(ctx, "compare branches", "rev-list", "--count", from+".."+to, "--")
	if err != nil {
		return 0, err
	}
	var n int
	if _, err := fmt.Sscan(out, &n); err != nil {
		return 0, &Error{Op: "compare branches", Class: ClassOther, Err: err, exitCode: -1}
	}
	return n, nil
}

// isAncestor tells whether one commit is part of another's history.
func (r *Rig) isAncestor(ctx context.Context, ancestor, of string) (bool, error) {
	_, err := r.git(ctx, "compare branches", "merge-base", "--is-ancestor", ancestor, of)
	if exitedWith(err, 1) {
		return false, nil
	}
	return err == nil, err
}

// targetTip returns the tip of a branch on origin. When origin does not have
// it, the tip of the base is returned, from which it would be made.
func (r *Rig) targetTip(ctx context.Context, target, base string) (tip string, exists bool, err error) {
	names := []string{originRef(target)}
	for _, branch := range []string{target, base} {
		if err := ValidBranch(branch); err != nil {
			return "", false, fmt.Errorf("cannot find the target branch: %w", err)
		}
	}
	if base != target {
		names = append(names, originRef(base))
	}
	found, err := r.refs(ctx, names...)
	if err != nil {
		return "", false, err
	}
	if tip := found[originRef(target)]; tip != "" {
		return tip, true, r.noteTip(ctx, target, tip)
	}
	if tip := found[originRef(base)]; tip != "" {
		return tip, false, nil
	}
	return "", false, r.noBranchError(ctx, target, base)
}

// noBranchError says that origin has neither branch, and whether it has any.
func (r *Rig) noBranchError(ctx context.Context, target, base string) error {
	some, err := r.git(ctx, "read branches", "for-each-ref", "--count=1", "--", "refs/remotes/origin/")
	if err != nil {
		return err
	}
	e := &Error{Op: "find the branch " + target, Class: ClassNoTarget, exitCode: -1}
	if some == "" {
		e.Class = ClassEmptyRepository
	}
	e.Stderr = "origin has no branch " + target
	if base != target {
		e.Stderr += " and no branch " + base
	}
	return e
}
