package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ReferencesRequest asks what a commit that is to be pushed needs beside its own objects.
type ReferencesRequest struct {
	Base   string // the tip of the target: what that needs already is not asked for again
	Commit string // what is to be pushed

	Submodules bool     // look at submodules
	Push       bool     // commits of submodules that agents have made are pushed to their remotes
	Branch     string   // the branch of submodules that Push makes
	LFS        bool     // look at LFS objects, and upload them
	Allowed    []string // addresses that a person allows beside those that the target itself names
}

func (req ReferencesRequest) check() error {
	errs := []error{validCommit(req.Base), validCommit(req.Commit)}
	if req.Push {
		errs = append(errs, ValidBranch(req.Branch))
	}
	return errors.Join(errs...)
}

// Reference is something that a commit names and a fresh clone of it would not get.
type Reference struct {
	Path   string // in the tree of the commit
	Name   string // a commit id, or the id of an LFS object
	At     string // the address where it should be
	Reason string // what is wrong
}

// MissingReferences are what a fresh clone of a commit would lack, each kind in the order of its paths.
type MissingReferences struct {
	Gitlinks   []Reference // without an entry in .gitmodules that can be used: the work is to be done again
	Submodules []Reference // commits that are not at their remote
	LFS        []Reference // objects that neither the remote nor the server has
	Addresses  []Reference // addresses that the target does not name: nobody has contacted them
}

// None tells whether nothing is missing.
func (m MissingReferences) None() bool {
	return len(m.Gitlinks)+len(m.Submodules)+len(m.LFS)+len(m.Addresses) == 0
}

// ReferencesMissingError is returned where a fresh clone of what is to be pushed would not get all that it names.
type ReferencesMissingError struct{ Missing MissingReferences }

// Error names the first of each kind.
func (e *ReferencesMissingError) Error() string {
	text := "cannot push: a fresh clone would not get all that the merge names"
	for _, list := range [][]Reference{e.Missing.Gitlinks, e.Missing.LFS, e.Missing.Submodules, e.Missing.Addresses} {
		if len(list) > 0 {
			text += fmt.Sprintf("; %s: %s", list[0].Path, list[0].Reason)
		}
	}
	return text
}

// CheckReferences looks, before a commit is pushed, whether a fresh clone of it would get all that it names: commits of
// submodules at their remotes, LFS objects at theirs. LFS objects that the server has are uploaded, and with Push the
// commits of submodules that it has are pushed and read back. Only what differs from the target counts, so that
// nobody is blamed for what is broken there already.
//
// Only addresses that the target names, or that are allowed, are contacted. An error says that it could not be found out.
func (r *Rig) CheckReferences(ctx context.Context, req ReferencesRequest) (MissingReferences, error) {
	var missing MissingReferences
	if err := req.check(); err != nil {
		return missing, fmt.Errorf("cannot look at what a commit needs: %w", err)
	}
	changed, err := r.differences(ctx, req.Base, req.Commit)
	if err != nil {
		return missing, err
	}
	if req.Submodules {
		if err := r.checkModules(ctx, req, changed, &missing); err != nil {
			return missing, err
		}
	}
	if req.LFS {
		if err := r.checkLFS(ctx, req, changed, &missing); err != nil {
			return missing, err
		}
	}
	return missing, nil
}

// checkModules looks at the submodules that a commit has otherwise than its target.
func (r *Rig) checkModules(ctx context.Context, req ReferencesRequest, changed []treeEntry, missing *MissingReferences) error {
	if !slices.ContainsFunc(changed, func(c treeEntry) bool { return c.mode == modeGitlink || c.path == ".gitmodules" }) {
		return nil
	}
	entries, fault, err := r.modules(ctx, req.Commit)
	if err != nil {
		return err
	}
	before, _, err := r.modules(ctx, req.Base)
	if err != nil {
		return err
	}
	links, err := r.gitlinks(ctx, req.Commit)
	if err != nil {
		return err
	}
	allowed := r.allowed(req.Allowed, before)
	for _, link := range links {
		m := entries[link.path]
		touched := slices.ContainsFunc(changed, func(c treeEntry) bool { return c.path == link.path })
		if !touched && m == before[link.path] {
			continue
		}
		if reason := linkFault(m, fault); reason != "" {
			missing.Gitlinks = append(missing.Gitlinks, Reference{Path: link.path, Name: link.commit, Reason: reason})
			continue
		}
		at := Reference{Path: link.path, Name: link.commit, At: mask(m.address)}
		if !allowed[canonical(m.address)] {
			at.Reason = "the target's .gitmodules does not name this address"
			missing.Addresses = append(missing.Addresses, at)
			continue
		}
		if at.Reason, err = r.atRemote(ctx, req, m.address, link.commit); err != nil {
			return err
		}
		if at.Reason != "" {
			missing.Submodules = append(missing.Submodules, at)
		}
	}
	return nil
}

// linkFault says why a gitlink is none that anybody could follow.
func linkFault(m module, fault string) string {
	switch {
	case fault != "":
		return fault
	case m.path == "":
		return "it has no entry in .gitmodules"
	}
	return m.fault
}

// allowed is the set of addresses, in their canonical form, that may be contacted: the rig's own, those that a person
// allows, and those of the entries.
func (r *Rig) allowed(more []string, entries map[string]module) map[string]bool {
	set := map[string]bool{canonical(r.url): true}
	for _, address := range more {
		set[canonical(address)] = true
	}
	for _, m := range entries {
		if m.address != "" {
			set[canonical(m.address)] = true
		}
	}
	return set
}

// atRemote says why a commit of a submodule is not at its remote, or nothing if it is there. With Push it is brought
// there if the server has it.
func (r *Rig) atRemote(ctx context.Context, req ReferencesRequest, address, commit string) (reason string, err error) {
	release, err := r.moduleLock.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	store, err := r.moduleStore(ctx, address)
	if err != nil {
		return "", err
	}
	found, reason, err := store.published(ctx, commit)
	if err != nil || found {
		return "", err
	}
	if reason != "" {
		return reason, nil
	}
	const unpublished = "this commit is not at the submodule's remote"
	if !req.Push || !store.hasWork(ctx, commit) {
		return unpublished, nil
	}
	if reason, err = store.publish(ctx, commit, req.Branch); err != nil || reason != "" {
		return reason, err
	}
	if found, reason, err = store.published(ctx, commit); err != nil || found {
		return "", err
	}
	return strings.TrimSpace(unpublished + ", though it was pushed there " + reason), nil
}
