package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// WorktreeSpec says which worktree an agent needs.
type WorktreeSpec struct {
	Agent  string // name of the agent; one worktree each
	Branch string // the agent's branch; made when it does not exist
	Base   string // target branch on origin to start from; the rig's default branch when origin does not have it
	Resume bool   // keep uncommitted changes if they are on this very branch
}

// Worktree is a worktree ready for an agent.
type Worktree struct {
	Path string // absolute directory
	Head string // commit the branch stands at

	// Leftovers is where uncommitted work of a former run was saved: a ref in
	// the mirror or, where no commit could hold it, a directory. Empty when
	// there was none.
	Leftovers string
}

// EnsureWorktree gives an agent its worktree with the branch checked out,
// whatever state a crash or a former run left behind. The caller makes sure
// that the agent's former process is dead, and any other agent that had the
// branch too.
//
// A branch that does not exist begins at the fetched tip of the base. One with
// commits ahead of the base keeps them; one without is moved to the tip.
// Uncommitted work is kept (see [WorktreeSpec].Resume) or saved, never lost;
// files that git ignores count as replaceable.
func (r *Rig) EnsureWorktree(ctx context.Context, spec WorktreeSpec) (Worktree, error) {
	if err := r.checkSpec(&spec); err != nil {
		return Worktree{}, fmt.Errorf("cannot make a worktree: %w", err)
	}
	var made Worktree
	err := r.refreshed(ctx, func() error {
		start, err := r.startingPoint(ctx, spec)
		if err != nil {
			return err
		}
		made, err = r.ensureWorktree(ctx, spec, start)
		return err
	})
	return made, err
}

// checkSpec checks the names and fills in the base.
func (r *Rig) checkSpec(spec *WorktreeSpec) error {
	if spec.Base == "" {
		spec.Base = r.defaultBranch
	}
	if spec.Branch == spec.Base || spec.Branch == r.defaultBranch {
		return fmt.Errorf("branch %q is the target itself: agents work on branches of their own", spec.Branch)
	}
	return errors.Join(validAgent(spec.Agent), ValidBranch(spec.Branch), ValidBranch(spec.Base))
}

// start is where a branch is to stand.
type start struct {
	commit string
	fresh  bool // the branch has nothing of its own: it is (again) made from the base
}

// startingPoint decides where the branch is to stand. Work that only origin
// has (pushed by an agent before the mirror was lost, or added by a person to
// the pull request) is taken up.
func (r *Rig) startingPoint(ctx context.Context, spec WorktreeSpec) (start, error) {
	tip, _, err := r.targetTip(ctx, spec.Base, r.defaultBranch)
	if err != nil {
		return start{}, err
	}
	head, err := r.sourceHead(ctx, spec.Branch, "")
	if err != nil {
		return start{}, err
	}
	if head == "" || head == tip {
		return start{commit: tip, fresh: true}, nil
	}
	ahead, err := r.count(ctx, tip, head)
	if err != nil {
		return start{}, err
	}
	if ahead == 0 {
		return start{commit: tip, fresh: true}, nil
	}
	return start{commit: head}, nil
}

// ensureWorktree brings the worktree from whatever state it is in to the
// starting point; the lock is held.
func (r *Rig) ensureWorktree(ctx context.Context, spec WorktreeSpec, from start) (Worktree, error) {
	path := r.worktree(spec.Agent)
	state, record := r.inspect(path)
	switch state {
	case absent, halfMade:
		return r.addWorktree(ctx, spec, from, "")
	case broken:
		return r.remakeWorktree(ctx, spec, from)
	}
	if err := removeLocks(record); err != nil {
		return Worktree{}, err
	}
	now, err := r.statusOf(ctx, path)
	if err != nil && !damaged(err) {
		return Worktree{}, err
	}
	if err != nil || now.head == "" {
		return r.remakeWorktree(ctx, spec, from)
	}
	if now.dirty && spec.Resume && now.branch == spec.Branch {
		return Worktree{Path: path, Head: now.head}, nil
	}
	var leftovers string
	if now.dirty || now.branch == "" {
		leftovers, err = r.saveLeftovers(ctx, spec.Agent, path, now.head)
		if err != nil {
			return Worktree{}, err
		}
		if _, err := os.Lstat(path); err != nil {
			return r.addWorktree(ctx, spec, from, leftovers)
		}
	}
	if err := r.switchTo(ctx, spec, from, now); err != nil {
		if !damaged(err) {
			return Worktree{}, err
		}
		return r.addWorktree(ctx, spec, from, leftovers)
	}
	return Worktree{Path: path, Head: from.commit, Leftovers: leftovers}, nil
}

// damaged tells whether a failed command may be due to the worktree itself, so
// that making it again helps.
func damaged(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.exitCode > 0 && (e.Class == ClassOther || e.Class == ClassNotARepository)
}

// switchTo cleans a sound worktree, whose changes have been saved, and checks
// the branch out in it.
func (r *Rig) switchTo(ctx context.Context, spec WorktreeSpec, from start, now status) error {
	path := r.worktree(spec.Agent)
	if now.dirty {
		if _, err := r.gitAt(ctx, path, "clean the worktree", "reset", "--quiet", "--hard"); err != nil {
			return err
		}
		if _, err := r.gitAt(ctx, path, "clean the worktree", "clean", "--quiet", "-ffd"); err != nil {
			return err
		}
	}
	if now.branch == spec.Branch && now.head == from.commit {
		return nil
	}
	if err := r.prepareBranch(ctx, spec, from); err != nil {
		return err
	}
	_, err := r.gitAt(ctx, path, "check out "+spec.Branch,
		"checkout", "--quiet", "--force", "--no-track", "--ignore-other-worktrees", "-B", spec.Branch, from.commit, "--")
	return err
}

// remakeWorktree saves what is in a broken worktree and makes it anew.
func (r *Rig) remakeWorktree(ctx context.Context, spec WorktreeSpec, from start) (Worktree, error) {
	path := r.worktree(spec.Agent)
	parent, err := r.headOf(ctx, path, from.commit)
	if err != nil {
		return Worktree{}, err
	}
	leftovers, err := r.saveLeftovers(ctx, spec.Agent, path, parent)
	if err != nil {
		return Worktree{}, err
	}
	return r.addWorktree(ctx, spec, from, leftovers)
}

// headOf returns the commit a worktree stands at by git's record of it, or
// otherwise when there is no usable record.
func (r *Rig) headOf(ctx context.Context, path, otherwise string) (string, error) {
	record := r.recordOf(path)
	if record == "" {
		return otherwise, nil
	}
	out, err := r.run(ctx, command{
		op:     "read the state of the worktree",
		gitDir: record,
		args:   []string{"rev-parse", "--verify", "--quiet", "HEAD^{commit}"},
	})
	var e *Error
	if errors.As(err, &e) && e.exitCode > 0 {
		return otherwise, nil
	}
	return strings.TrimSpace(out), err
}

// addWorktree makes a worktree where there is none or where what is there may
// go.
func (r *Rig) addWorktree(ctx context.Context, spec WorktreeSpec, from start, leftovers string) (Worktree, error) {
	path := r.worktree(spec.Agent)
	if err := r.discard(path); err != nil {
		return Worktree{}, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Worktree{}, wrapOS("make a worktree", err)
	}
	if err := r.prepareBranch(ctx, spec, from); err != nil {
		return Worktree{}, err
	}
	_, err := r.inMirror(ctx, "make a worktree for "+spec.Agent,
		"worktree", "add", "--quiet", "--force", "--no-track", "-B", spec.Branch, "--", path, from.commit)
	if err != nil {
		return Worktree{}, err
	}
	return Worktree{Path: path, Head: from.commit, Leftovers: leftovers}, nil
}

// prepareBranch makes a branch free to be checked out, and notes where a fresh
// one begins. The note comes before the branch moves: after a crash between
// the two the next call does both again, whereas a branch without a note could
// later be taken for merged work.
func (r *Rig) prepareBranch(ctx context.Context, spec WorktreeSpec, from start) error {
	if from.fresh {
		_, err := r.git(ctx, "note the start of "+spec.Branch, "update-ref", startRef(spec.Branch), from.commit)
		if err != nil {
			return err
		}
	}
	path := r.worktree(spec.Agent)
	for record, of := range r.records() {
		if of == path {
			continue
		}
		if err := r.detach(ctx, record, spec.Branch, from.commit); err != nil {
			return err
		}
	}
	return nil
}

// detach lets go of a branch in another agent's worktree. Its files stay as
// they are: uncommitted changes are saved when that agent next gets a
// worktree.
func (r *Rig) detach(ctx context.Context, record, branch, otherwise string) error {
	head, err := os.ReadFile(filepath.Join(record, "HEAD"))
	if err != nil || strings.TrimSpace(string(head)) != "ref: "+headRef(branch) {
		return nil // It has another branch, or is broken and will be made anew.
	}
	found, err := r.refs(ctx, headRef(branch))
	if err != nil {
		return err
	}
	commit := found[headRef(branch)]
	if commit == "" {
		commit = otherwise
	}
	if err := removeLocks(record); err != nil {
		return err
	}
	_, err = r.gitIn(ctx, command{
		op:     "free the branch " + branch,
		gitDir: record,
		args:   []string{"update-ref", "--no-deref", "HEAD", commit},
	})
	return err
}
