package git

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// saveLeftovers saves what a worktree holds beyond a commit, as a child of that
// commit under refs/gastown/leftovers/<agent>/, and returns the ref; nothing
// when there is nothing to save. Commits that no branch holds (of a detached
// HEAD) are saved likewise. The worktree itself need not be sound and is not
// changed. What no commit can hold, such as a repository inside the worktree,
// makes the whole directory move away; then its new path is returned.
func (r *Rig) saveLeftovers(ctx context.Context, agent, path, parent string) (string, error) {
	if info, err := os.Lstat(filepath.Join(path, ".git")); err == nil && info.IsDir() {
		return r.moveLeftovers(agent, path)
	}
	tree, changes, err := r.snapshot(ctx, path, parent)
	if damaged(err) || strings.Contains(changes, " 160000 ") {
		return r.moveLeftovers(agent, path)
	}
	if err != nil {
		return "", err
	}
	commit := parent
	if changes != "" {
		commit, err = r.commitTree(ctx, commitSpec{
			tree:    tree,
			parents: []string{parent},
			message: "Uncommitted work of " + agent + " saved before its worktree was cleaned\n",
		})
	} else if held, heldErr := r.held(ctx, parent); heldErr != nil || held {
		return "", heldErr
	}
	if err != nil {
		return "", err
	}
	return r.keep(ctx, agent, commit)
}

// snapshot writes the files of a worktree as a tree, through an index of its
// own, and tells how it differs from the parent commit.
func (r *Rig) snapshot(ctx context.Context, path, parent string) (tree, changes string, err error) {
	index := filepath.Join(r.dir, "leftovers.index")
	clear := func() error {
		return errors.Join(removeTree(index), removeTree(index+".lock"))
	}
	if err := clear(); err != nil {
		return "", "", wrapOS("save uncommitted work", err)
	}
	steps := [][]string{
		{"read-tree", parent},
		{"add", "--all", "--", "."},
		{"write-tree"},
	}
	for _, args := range steps {
		tree, err = r.run(ctx, command{
			op: "save uncommitted work", dir: path, gitDir: r.own(), workTree: path,
			args: args, env: []string{"GIT_INDEX_FILE=" + index},
		})
		if err != nil {
			return "", "", errors.Join(err, clear())
		}
	}
	if err := clear(); err != nil {
		return "", "", wrapOS("save uncommitted work", err)
	}
	tree = strings.TrimSpace(tree)
	changes, err = r.git(ctx, "save uncommitted work", "diff-tree", "-r", "--no-renames", parent, tree)
	return tree, changes, err
}

// held tells whether any ref leads to a commit.
func (r *Rig) held(ctx context.Context, commit string) (bool, error) {
	out, err := r.git(ctx, "look for the branch of a commit", "for-each-ref", "--count=1", "--contains", commit)
	return out != "", err
}

// keep makes the next ref for leftovers of an agent.
func (r *Rig) keep(ctx context.Context, agent, commit string) (string, error) {
	prefix := leftoversPrefix(agent)
	out, err := r.git(ctx, "save uncommitted work", "for-each-ref", "--format=%(refname)", "--", prefix)
	if err != nil {
		return "", err
	}
	last := 0
	for name := range strings.Lines(out) {
		n, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(name), prefix))
		if err == nil {
			last = max(last, n)
		}
	}
	ref := prefix + strconv.Itoa(last+1)
	_, err = r.git(ctx, "save uncommitted work", "update-ref", ref, commit)
	return ref, err
}

// moveLeftovers moves a whole worktree to the leftovers directory.
func (r *Rig) moveLeftovers(agent, path string) (string, error) {
	moved, err := moveToFree(path, filepath.Join(r.leftoversDir(), dirName(agent)))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return moved, err
}

// commitSpec is a commit to be written.
type commitSpec struct {
	tree    string
	parents []string
	message string
	author  Identity // gastown's own when empty
}

// commitTree writes a commit and returns its id.
func (r *Rig) commitTree(ctx context.Context, c commitSpec) (string, error) {
	committer, err := r.committer(ctx)
	if err != nil {
		return "", err
	}
	author := c.author
	if author == (Identity{}) {
		author = ownIdentity
	}
	args := []string{"commit-tree", c.tree}
	for _, parent := range c.parents {
		args = append(args, "-p", parent)
	}
	out, err := r.gitIn(ctx, command{
		op: "write a commit", gitDir: r.own(), args: append(args, "-F", "-"),
		env: append(author.authorEnv(), committer...), stdin: c.message,
	})
	return strings.TrimSpace(out), err
}

// committer returns what must be added to the environment for a committer:
// nothing when the user has configured one.
func (r *Rig) committer(ctx context.Context) ([]string, error) {
	_, err := r.git(ctx, "read the user's name", "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
	var e *Error
	if errors.As(err, &e) && e.exitCode > 0 {
		return []string{"GIT_COMMITTER_NAME=" + ownIdentity.Name, "GIT_COMMITTER_EMAIL=" + ownIdentity.Email}, nil
	}
	return nil, err
}

// Identity is a person or program in the history of a repository.
type Identity struct {
	Name  string
	Email string
}

// ownIdentity signs what no person or agent did.
var ownIdentity = Identity{Name: "gastown", Email: "gastown@localhost"}

func (i Identity) authorEnv() []string {
	return []string{"GIT_AUTHOR_NAME=" + i.Name, "GIT_AUTHOR_EMAIL=" + i.Email}
}
