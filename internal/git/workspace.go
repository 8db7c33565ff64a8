package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// WorkspaceSpec says which workspace a run needs.
type WorkspaceSpec struct {
	Bead   string // bead that the files belong to; one workspace each, for all attempts
	Branch string // the bead's branch; made when it does not exist
	Base   string // target branch on origin to start from; the rig's default branch when origin does not have it
	Fresh  bool   // start over from the base; what was there is kept in the mirror

	Submodules bool // submodules are set up
	LFS        bool // large files are there, and not their pointers
}

// Workspace is a clone of its own, ready for an agent.
type Workspace struct {
	Path string // absolute directory, the same for all attempts
	Head string // commit the branch stands at
	Left Left   // what former attempts have left
}

// Left is what was in a workspace when it was prepared.
type Left struct {
	Commits     int      // commits of the branch that its base lacks
	Uncommitted bool     // files that no commit of the branch has
	Missing     []string // uncommitted files that went with a removal of the workspace, since they were too large to keep
	Kept        []Kept   // what is in the mirror besides the branch, so that it is not lost
}

// Kept is a commit that only a ref of the mirror holds. Workspaces borrow the mirror's objects, so an agent can name it.
type Kept struct {
	Ref    string
	Commit string
	What   string // as in "the branch feature/x", "uncommitted work"
}

// PrepareWorkspace gives a bead its workspace with the branch checked out, whatever state a crash or a former run left.
// The caller makes sure that no process of a former run works in it.
//
// The files stay; everything else of the clone (configuration, hooks, stash, refs) is made anew. A branch that does not
// exist begins at the fetched tip of the base. One with commits ahead of the base keeps them; one without is moved to
// the tip. What is not committed stays where it is, and is also kept as a commit in the mirror.
func (r *Rig) PrepareWorkspace(ctx context.Context, spec WorkspaceSpec) (Workspace, error) {
	if err := r.checkSpec(&spec); err != nil {
		return Workspace{}, fmt.Errorf("cannot prepare a workspace: %w", err)
	}
	if err := r.FetchTarget(ctx, spec.Base, spec.Submodules, spec.LFS); err != nil {
		return Workspace{}, err
	}
	var made Workspace
	err := r.locked(ctx, func() error {
		var err error
		made, err = r.prepareWorkspace(ctx, spec)
		return err
	})
	return made, err
}

// checkSpec checks the names and fills in the base.
func (r *Rig) checkSpec(spec *WorkspaceSpec) error {
	if spec.Base == "" {
		spec.Base = r.defaultBranch
	}
	if spec.Branch == spec.Base || spec.Branch == r.defaultBranch {
		return fmt.Errorf("branch %q is the target itself: agents work on branches of their own", spec.Branch)
	}
	return errors.Join(validPart("bead", spec.Bead), ValidBranch(spec.Branch), ValidBranch(spec.Base))
}

func (r *Rig) prepareWorkspace(ctx context.Context, spec WorkspaceSpec) (Workspace, error) {
	note, back, err := r.bringBack(ctx, spec)
	if err != nil {
		return Workspace{}, err
	}
	seen, err := r.look(ctx, spec.Bead, spec.Branch)
	if err == nil && back {
		seen, err = r.lookAgain(ctx, spec, note)
	}
	if err != nil {
		return Workspace{}, err
	}
	kept, err := r.keepAll(ctx, spec, seen)
	if err != nil {
		return Workspace{}, err
	}
	if spec.Fresh {
		if err := r.startOver(ctx, spec); err != nil {
			return Workspace{}, err
		}
		seen = sight{}
	}
	from, err := r.startingPoint(ctx, spec)
	if err != nil {
		return Workspace{}, err
	}
	made := Workspace{Path: r.workspace(spec.Bead), Head: from.commit, Left: Left{Commits: from.ahead, Kept: kept}}
	if err := r.placeBranch(ctx, spec, from); err != nil {
		return Workspace{}, err
	}
	if err := r.makeClone(ctx, spec, from, seen); err != nil {
		return Workspace{}, err
	}
	if made.Left.Uncommitted, err = r.settle(ctx, spec, from.commit, !seen.exists); err != nil {
		return made, err
	}
	made.Left.Missing = note.Without
	return made, wrapped("prepare the workspace of "+spec.Bead, removeTree(r.removalFile(spec.Bead)))
}

// start is where a branch is to stand.
type start struct {
	commit string
	fresh  bool // the branch has nothing of its own: it is (again) made from the base
	ahead  int  // commits that the base lacks
}

// startingPoint decides where the branch is to stand. Work that only origin has (pushed before the mirror was lost, or
// added by a person to the pull request) is taken up.
func (r *Rig) startingPoint(ctx context.Context, spec WorkspaceSpec) (start, error) {
	tip, _, err := r.targetTip(ctx, spec.Base, r.defaultBranch)
	if err != nil {
		return start{}, err
	}
	head, err := r.sourceHead(ctx, spec.Branch, "")
	if spec.Fresh {
		head = ""
	}
	if err != nil || head == "" || head == tip {
		return start{commit: tip, fresh: true}, err
	}
	ahead, err := r.count(ctx, tip, head)
	if err != nil {
		return start{}, err
	}
	if ahead == 0 {
		return start{commit: tip, fresh: true}, nil
	}
	return start{commit: head, ahead: ahead}, nil
}

// placeBranch lets the branch of the mirror stand where the workspace will have it, and notes where a fresh one begins.
// The note comes before the branch moves: after a crash between the two the next call does both again, whereas a branch
// without a note could later be taken for merged work.
func (r *Rig) placeBranch(ctx context.Context, spec WorkspaceSpec, from start) error {
	if from.fresh {
		_, err := r.git(ctx, "note the start of "+spec.Branch, "update-ref", startRef(spec.Branch), from.commit)
		if err != nil {
			return err
		}
	}
	_, err := r.git(ctx, "place the branch "+spec.Branch, "update-ref", headRef(spec.Branch), from.commit)
	return err
}

// startOver removes the files of a workspace and what the server knew of it.
func (r *Rig) startOver(ctx context.Context, spec WorkspaceSpec) error {
	for _, path := range []string{r.workspace(spec.Bead), r.lookDir(spec.Bead)} {
		if err := removeTree(path); err != nil {
			return wrapOS("start the workspace of "+spec.Bead+" over", err)
		}
	}
	return nil
}

// settle notes what the next look compares with, and tells whether there is uncommitted work. In files that have just
// been made there is none: what git calls changed there (line endings, filters) is remembered, and never counts.
func (r *Rig) settle(ctx context.Context, spec WorkspaceSpec, head string, justMade bool) (bool, error) {
	bead := spec.Bead
	if err := r.ensureLook(ctx, bead, filepath.Join(r.workspace(bead), ".git")); err != nil {
		return false, err
	}
	if err := r.noteSeen(bead, spec.Branch, head); err != nil {
		return false, err
	}
	changes, err := r.changes(ctx, bead, head, false)
	if err != nil {
		return false, err
	}
	if justMade {
		return false, r.rememberDirt(bead, changes)
	}
	return len(r.withoutDirt(bead, changes)) > 0, r.tellDirt(bead)
}

// isDir tells whether a path is a directory itself, and not a link to one.
func isDir(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}
