package git

import (
	"context"
	"fmt"
	"strings"
)

// MissingCommitsError is returned for a branch that is without commits that it must have.
type MissingCommitsError struct {
	Branch  string
	Commits []string
}

// Error names them.
func (e *MissingCommitsError) Error() string {
	return fmt.Sprintf("%s does not have %s: somebody has rewritten it or made it anew", e.Branch, strings.Join(e.Commits, ", "))
}

// mustHave refuses a branch that is without one of the commits.
func (r *Rig) mustHave(ctx context.Context, branch, head string, commits []string) error {
	missing := &MissingCommitsError{Branch: branch}
	for _, commit := range commits {
		has, err := r.holds(ctx, head, commit)
		if err != nil {
			return err
		}
		if !has {
			missing.Commits = append(missing.Commits, commit)
		}
	}
	if len(missing.Commits) > 0 {
		return missing
	}
	return nil
}
