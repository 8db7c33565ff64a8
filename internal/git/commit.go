package git

import (
	"context"
	"errors"
	"strings"
)

// commitSpec is a commit to be written.
type commitSpec struct {
	tree    string
	parents []string
	message string
	author  Identity // gastown's own when empty
	gitDir  string   // where it is written; the mirror when empty
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
	gitDir := c.gitDir
	if gitDir == "" {
		gitDir = r.mirror()
	}
	out, err := r.gitIn(ctx, command{
		op: "write a commit", gitDir: gitDir, args: append(args, "-F", "-"),
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
