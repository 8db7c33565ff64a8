package git

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"maps"
)

// maxKept bounds how many other branches of one attempt are kept.
const maxKept = 20

// keepAll keeps in the mirror what a workspace has besides its branch: other branches, a detached HEAD, the stash,
// uncommitted work; and the branch itself where the workspace starts over. What cannot be taken over is left out.
func (r *Rig) keepAll(ctx context.Context, spec WorkspaceSpec, seen sight) ([]Kept, error) {
	var kept []Kept
	add := func(commit, what string) error {
		if commit == "" || len(kept) == maxKept {
			return nil
		}
		if err := r.take(ctx, spec.Bead, commit); err != nil {
			return ignoreExit(err)
		}
		k, err := r.keep(ctx, spec.Bead, commit, what)
		if k.Ref != "" {
			kept = append(kept, k)
		}
		return err
	}
	for _, branch := range slices.Sorted(maps.Keys(seen.refs.branches)) {
		if branch == spec.Branch {
			continue
		}
		if err := add(seen.refs.branches[branch], "the branch "+branch); err != nil {
			return kept, err
		}
	}
	if seen.refs.on == "" {
		if err := add(seen.refs.head, "commits on no branch"); err != nil {
			return kept, err
		}
	}
	if err := add(seen.refs.stash, "a stash"); err != nil {
		return kept, err
	}
	files, _, err := r.keepFiles(ctx, spec.Bead, seen)
	if err != nil && !damaged(err) {
		return kept, err
	}
	if files.Ref != "" {
		kept = append(kept, files)
	}
	if !spec.Fresh {
		return kept, nil
	}
	tip, err := r.sourceHead(ctx, spec.Branch, "")
	if err != nil {
		return kept, err
	}
	if k, err := r.keepBranch(ctx, spec, tip); err != nil || k.Ref != "" {
		return append(kept, k), err
	}
	return kept, nil
}

// keepFiles keeps the uncommitted work of a workspace; it names the files that are too large to be, or that a commit
// cannot hold.
func (r *Rig) keepFiles(ctx context.Context, bead string, seen sight) (kept Kept, without []string, err error) {
	if len(seen.changes) == 0 || seen.behind() == "" {
		return Kept{}, nil, nil
	}
	commit, without, err := r.snapshot(ctx, bead, seen.behind(), seen.changes)
	if err != nil || commit == "" {
		return Kept{}, without, err
	}
	if kept, err = r.keep(ctx, bead, commit, "uncommitted work"); err != nil {
		return Kept{}, without, err
	}
	refs, err := r.refs(ctx, kept.Ref)
	kept.Commit = refs[kept.Ref]
	return kept, without, err
}

// keepBranch keeps the branch of a bead that is to start over, if it has commits that its base lacks.
func (r *Rig) keepBranch(ctx context.Context, spec WorkspaceSpec, tip string) (Kept, error) {
	base, _, err := r.targetTip(ctx, spec.Base, r.defaultBranch)
	if err != nil || tip == "" {
		return Kept{}, err
	}
	if ahead, err := r.count(ctx, base, tip); err != nil || ahead == 0 {
		return Kept{}, err
	}
	ref, err := r.keepAs(ctx, spec.Bead, tip)
	return Kept{Ref: ref, Commit: tip, What: "the branch as it was"}, err
}

// keep makes a ref for a commit of a bead, unless one has it already. A snapshot that is as one before is the same.
func (r *Rig) keep(ctx context.Context, bead, commit, what string) (Kept, error) {
	out, err := r.git(ctx, "look for the branch of a commit",
		"for-each-ref", "--contains", commit, "--format=%(refname)", "--", "refs/heads/", "refs/remotes/origin/", leftPrefix(bead))
	if err != nil {
		return Kept{}, err
	}
	for name := range strings.Lines(out) {
		if name = strings.TrimSpace(name); strings.HasPrefix(name, leftPrefix(bead)) {
			return Kept{Ref: name, Commit: commit, What: what}, nil
		}
		return Kept{}, nil // A branch has it.
	}
	if ref, err := r.sameLeft(ctx, bead, commit); err != nil || ref != "" {
		return Kept{Ref: ref, Commit: commit, What: what}, err
	}
	ref, err := r.keepAs(ctx, bead, commit)
	return Kept{Ref: ref, Commit: commit, What: what}, err
}

// sameLeft finds a ref of the bead with the same files on the same parent.
func (r *Rig) sameLeft(ctx context.Context, bead, commit string) (string, error) {
	format := "--format=%(tree) %(parent) %(refname)"
	own, err := r.git(ctx, "save uncommitted work", "show", "--no-patch", "--format=%T %P", commit, "--")
	if err != nil {
		return "", err
	}
	out, err := r.git(ctx, "save uncommitted work", "for-each-ref", format, "--", leftPrefix(bead))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		if ref, found := strings.CutPrefix(strings.TrimSpace(line), strings.TrimSpace(own)+" "); found {
			return ref, nil
		}
	}
	return "", nil
}

// keepAs makes the next ref of the bead.
func (r *Rig) keepAs(ctx context.Context, bead, commit string) (string, error) {
	prefix := leftPrefix(bead)
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

// held tells whether any ref leads to a commit.
func (r *Rig) held(ctx context.Context, commit string) (bool, error) {
	out, err := r.git(ctx, "look for the branch of a commit", "for-each-ref", "--count=1", "--contains", commit)
	return out != "", err
}
