package git

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// moduleStore is what the server keeps of one submodule's remote, by the remote's address and not by the submodule's
// name, which any branch may give to another one:
//
//	<rig>/modules/<label>-<digest>.git         what its remote has, or had when a commit of it was looked for
//	<rig>/modules/<label>-<digest>.work.git    commits of agents, checked; objects of the first by an alternate
//
// What is in the first was seen at the remote. What an agent says it has made never gets there but by the remote.
type moduleStore struct {
	rig     *Rig
	address string
	remote  string // git directory
	work    string // git directory
}

// seenRef keeps a commit that is at the remote and on no branch of it.
func seenRef(commit string) string { return "refs/gastown/seen/" + commit }

// workRef keeps a commit that an agent has made in a submodule.
func workRef(commit string) string { return "refs/gastown/work/" + commit }

// moduleStore makes the two git directories if there are none.
func (r *Rig) moduleStore(ctx context.Context, address string) (*moduleStore, error) {
	digest := sha256.Sum256([]byte(canonical(address)))
	label := strings.TrimSuffix(path.Base(strings.ReplaceAll(address, ":", "/")), ".git")
	base := filepath.Join(r.modulesDir(), fmt.Sprintf("%s-%x", dirName(clipped(label)), digest[:8]))
	s := &moduleStore{rig: r, address: address, remote: base + ".git", work: base + ".work.git"}
	if err := r.initBare(ctx, s.remote, ""); err != nil {
		return nil, err
	}
	return s, r.initBare(ctx, s.work, filepath.Join("..", "..", filepath.Base(s.remote), "objects"))
}

// clipped keeps a label short and plain: it is for people who look.
func clipped(label string) string {
	plain := strings.Map(func(c rune) rune {
		if c == '-' || c == '_' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			return c
		}
		return '-'
	}, label)
	return plain[:min(len(plain), 40)]
}

func (r *Rig) modulesDir() string { return filepath.Join(r.dir, "modules") }

// initBare makes a git directory that borrows objects, complete or not at all. Others may do so at the same time.
func (r *Rig) initBare(ctx context.Context, dir, borrowed string) error {
	const op = "make a git directory"
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		return wrapped(op, err)
	}
	temporary, err := r.emptyBare(ctx, filepath.Dir(dir))
	if err != nil {
		return err
	}
	if borrowed != "" {
		err = borrow(temporary, borrowed)
	}
	if err == nil {
		err = os.Rename(temporary, dir)
	}
	if _, made := os.Stat(dir); err != nil && made == nil {
		err = nil // Somebody was faster.
	}
	_ = removeTree(temporary)
	return wrapped(op, err)
}

// emptyBare makes an empty git directory in a folder, for the caller to remove.
func (r *Rig) emptyBare(ctx context.Context, folder string) (string, error) {
	const op = "make a git directory"
	format, err := r.objectFormat(ctx)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", wrapOS(op, err)
	}
	dir, err := os.MkdirTemp(folder, ".new-")
	if err != nil {
		return "", wrapOS(op, err)
	}
	_, err = r.gitIn(ctx, command{op: op, args: []string{"init", "--quiet", "--bare", "--template=", "--object-format=" + format, "--", dir}})
	if err != nil {
		return "", errors.Join(err, wrapped(op, removeTree(dir)))
	}
	return dir, nil
}

// borrow lets a git directory use the objects of others.
func borrow(dir string, objects ...string) error {
	info := filepath.Join(dir, "objects", "info")
	if err := os.MkdirAll(info, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(info, "alternates"), []byte(strings.Join(objects, "\n")+"\n"), 0o600)
}

// git runs a command in one of the git directories.
func (s *moduleStore) git(ctx context.Context, dir, op string, args ...string) (string, error) {
	return s.rig.gitIn(ctx, command{op: op, gitDir: dir, args: args})
}

// contact runs a command that asks the remote. Git's own rules say which protocols a submodule may be reached by: a
// repository that a stranger can write to must not name files of this machine unless the operator allows that. What opens
// the rig opens its submodules on the same host, and nothing else.
func (s *moduleStore) contact(ctx context.Context, dir, op string, args ...string) (string, error) {
	credential := s.rig.credential
	if credential != nil {
		of, err := credentialHost(s.rig.url)
		if at, other := credentialHost(s.address); err != nil || other != nil || at != of {
			credential = nil
		}
	}
	c, err := command{
		op: op + " the submodule at " + mask(s.address), gitDir: dir, args: args, timeout: networkTimeout,
		env: []string{"GIT_PROTOCOL_FROM_USER=0"},
	}.opens(s.rig.around, s.address, credential)
	if err != nil {
		return "", err
	}
	return s.rig.gitIn(ctx, c)
}

// fetch brings the branches of the remote.
func (s *moduleStore) fetch(ctx context.Context) error {
	_, err := s.contact(ctx, s.remote, "fetch", "fetch", "--quiet", "--prune", "--no-tags",
		"--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules", "--", s.address, fetchRefspec)
	return err
}

// published tells whether the remote has a commit, now: on a branch, or to be had by its id as `git submodule update`
// does. What keeps that from being found out for good is the reason.
func (s *moduleStore) published(ctx context.Context, commit string) (found bool, reason string, err error) {
	if err := s.fetch(ctx); err != nil {
		reason := noRemote(err)
		if reason != "" {
			err = nil
		}
		return false, reason, err
	}
	if has, err := s.has(ctx, s.remote, commit); err != nil {
		return false, "", err
	} else if has {
		on, err := s.git(ctx, s.remote, "look for a commit of a submodule",
			"for-each-ref", "--count=1", "--contains", commit, "--format=%(refname)", "refs/remotes/origin/")
		if err != nil || on != "" {
			return err == nil, "", err
		}
	}
	return s.byID(ctx, commit)
}

// byID asks the remote for a commit that is on none of its branches. It is asked by an empty repository, since git asks
// nobody for what it has.
func (s *moduleStore) byID(ctx context.Context, commit string) (found bool, reason string, err error) {
	asking, err := s.rig.emptyBare(ctx, s.rig.modulesDir())
	if err != nil {
		return false, "", err
	}
	defer func() { _ = removeTree(asking) }()
	fetch := []string{"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules"}
	_, err = s.contact(ctx, asking, "fetch", append(slices.Clone(fetch), "--depth=1", "--", s.address, commit+":"+seenRef(commit))...)
	if err != nil {
		return false, "", notThere(err)
	}
	_, err = s.contact(ctx, s.remote, "fetch", append(fetch, "--", s.address, "+"+commit+":"+seenRef(commit))...)
	return err == nil, "", err
}

// has tells whether a git directory has a commit.
func (s *moduleStore) has(ctx context.Context, dir, commit string) (bool, error) {
	_, err := s.git(ctx, dir, "look for a commit of a submodule", "cat-file", "-e", commit+"^{commit}")
	return err == nil, ignoreExit(err)
}

// hasWork tells whether an agent has made the commit and the server has taken it.
func (s *moduleStore) hasWork(ctx context.Context, commit string) bool {
	_, err := s.git(ctx, s.work, "look for a commit of a submodule", "rev-parse", "--verify", "--quiet", workRef(commit)+"^{commit}")
	return err == nil
}

// publish pushes a commit of an agent to a branch of the remote, never over another commit that is not part of it: what
// has once been merged may need that one. A remote that refuses is a reason.
func (s *moduleStore) publish(ctx context.Context, commit, branch string) (reason string, err error) {
	for _, name := range []string{branch, branch + "-" + commit[:8]} {
		out, err := s.contact(ctx, s.work, "push to", "push", "--porcelain", "--no-follow-tags", "--recurse-submodules=no", "--",
			s.address, commit+":"+headRef(name))
		if err == nil {
			return "", nil
		}
		var refused *PushRefusedError
		var moved *targetMovedError
		switch err = pushError(err, out, name, ""); {
		case errors.As(err, &moved):
			reason = moved.refusal.Error()
		case errors.As(err, &refused):
			return refused.Error(), nil
		default:
			return "", err
		}
	}
	return reason, nil
}

// noRemote says why a remote cannot be fetched from before somebody changes something; empty for what may pass.
func noRemote(err error) string {
	var e *Error
	switch {
	case !errors.As(err, &e):
		return ""
	case strings.Contains(e.Stderr, "transport '") && strings.Contains(e.Stderr, "not allowed"):
		return "git may not use this kind of address for submodules: to allow it, say git config --global protocol.file.allow always" +
			" as the user of the server, and start that again"
	case e.Class == ClassNotFound || e.Class == ClassNotARepository:
		return "there is no such repository: " + e.Stderr
	}
	return ""
}

// notThere drops an error by which a remote says that it does not have a commit, or gives none by its id.
func notThere(err error) error {
	var e *Error
	if errors.As(err, &e) && e.exitCode > 0 &&
		containsAny(e.Stderr, "not our ref", "unadvertised object", "remote ref") {
		return nil
	}
	return err
}
