package git

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func (r *Rig) lfsDir() string     { return filepath.Join(r.dir, "lfs.git") }
func (r *Rig) lfsStorage() string { return filepath.Join(r.mirror(), "lfs") }

// lfsObject is where the server keeps an LFS object.
func (r *Rig) lfsObject(oid string) string {
	return lfsPath(filepath.Join(r.lfsStorage(), "objects"), oid)
}

// lfsPath is where git-lfs keeps an object below a folder of objects.
func lfsPath(objects, oid string) string { return filepath.Join(objects, oid[:2], oid[2:4], oid) }

// TakeLFS takes the LFS objects that a branch has brought from the folder in which git-lfs of a workspace keeps them
// (.git/lfs/objects), each checked by its digest. Those that are not there, or are something else, are left alone.
func (r *Rig) TakeLFS(ctx context.Context, objects, base, head string) error {
	if err := errors.Join(validCommit(base), validCommit(head)); err != nil {
		return fmt.Errorf("cannot take LFS objects: %w", err)
	}
	uses, err := r.usesLFS(ctx, head)
	if err != nil || !uses {
		return err
	}
	pointers, err := r.pointersOf(ctx, base, head)
	if err != nil {
		return err
	}
	for _, p := range pointers {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if r.hasLFS(p) {
			continue
		}
		if err := r.takeLFS(lfsPath(objects, p.oid), p); err != nil {
			return wrapOS("take the LFS object of "+p.path, err)
		}
	}
	return nil
}

// hasLFS tells whether the server has an object that may be what it should be.
func (r *Rig) hasLFS(p pointer) bool {
	info, err := os.Lstat(r.lfsObject(p.oid))
	return err == nil && info.Mode().IsRegular() && info.Size() == p.size
}

// takeLFS copies one object, whose file an agent may write at this very moment.
func (r *Rig) takeLFS(from string, p pointer) error {
	info, err := os.Lstat(from)
	if err != nil || !info.Mode().IsRegular() || info.Size() != p.size {
		return nil // It is not there; who needs it will say so.
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	folder := filepath.Join(r.lfsStorage(), "tmp")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	copied, err := os.CreateTemp(folder, "taken-")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(copied.Name()) }()
	digest := sha256.New()
	_, err = io.Copy(io.MultiWriter(copied, digest), io.LimitReader(source, p.size+1))
	if err = errors.Join(err, copied.Close()); err != nil || hex.EncodeToString(digest.Sum(nil)) != p.oid {
		return err
	}
	into := r.lfsObject(p.oid)
	if err := os.MkdirAll(filepath.Dir(into), 0o700); err != nil {
		return err
	}
	return errors.Join(os.Chmod(copied.Name(), 0o444), os.Rename(copied.Name(), into))
}

// soundLFS tells whether the server has an object, by its digest, and removes what is something else: a workspace may
// have it by a link, and write into it.
func (r *Rig) soundLFS(p pointer) bool {
	if !r.hasLFS(p) {
		return false
	}
	file, err := os.Open(r.lfsObject(p.oid))
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return false
	}
	if hex.EncodeToString(digest.Sum(nil)) != p.oid {
		_ = os.Remove(file.Name())
		return false
	}
	return true
}

// checkLFS uploads the objects that a commit needs and its target does not, and says which nobody has.
func (r *Rig) checkLFS(ctx context.Context, req ReferencesRequest, changed []treeEntry, missing *MissingReferences) error {
	uses, err := r.usesLFS(ctx, req.Commit)
	if err != nil || !uses {
		return err
	}
	brought, err := r.pointersOf(ctx, req.Base, req.Commit)
	if err != nil {
		return err
	}
	inTree, err := r.pointersAmong(ctx, changed)
	if err != nil {
		return err
	}
	needed, err := r.filtered(ctx, req.Commit, inTree)
	moved := slices.ContainsFunc(changed, func(c treeEntry) bool { return c.path == ".lfsconfig" })
	if err != nil || len(brought)+len(needed) == 0 && !moved {
		return err
	}
	at, strange, err := r.lfsAddress(ctx, req)
	if err != nil {
		return err
	}
	if strange != "" {
		missing.Addresses = append(missing.Addresses, Reference{
			Path: ".lfsconfig", At: mask(strange), Reason: "the target's .lfsconfig does not name this address",
		})
		return nil
	}
	absent, err := r.uploadLFS(ctx, req.Commit, at, append(needed, brought...))
	for _, p := range needed {
		if absent[p.oid] {
			missing.LFS = append(missing.LFS, Reference{
				Path: p.path, Name: p.oid, Reason: "neither the remote nor the workspace has this LFS object",
			})
		}
	}
	return err
}

// uploadLFS brings those objects to the remote that the server has, and returns which neither has.
func (r *Rig) uploadLFS(ctx context.Context, commit string, at lfsAddress, pointers []pointer) (absent map[string]bool, err error) {
	absent = map[string]bool{}
	var have []string
	for _, p := range pointers {
		if r.soundLFS(p) {
			have = append(have, p.oid)
		} else {
			absent[p.oid] = true
		}
	}
	if len(absent) > 0 {
		// What can be had from the remote is there already. What cannot is told by what has come.
		err := r.lfs(ctx, at, "fetch LFS objects of", "fetch", "origin", commit)
		if class := ClassOf(err); err != nil && class != ClassOther && class != ClassNotFound {
			return nil, err
		}
		for _, p := range pointers {
			if absent[p.oid] && r.soundLFS(p) {
				delete(absent, p.oid)
			}
		}
	}
	slices.Sort(have)
	for batch := range slices.Chunk(slices.Compact(have), 100) {
		if err := r.lfs(ctx, at, "upload LFS objects to", append([]string{"push", "--object-id", "origin"}, batch...)...); err != nil {
			return nil, err
		}
	}
	return absent, nil
}

// FetchLFS brings the LFS objects of a commit from the rig's LFS, so that workspaces need none. A commit without any
// costs nothing.
func (r *Rig) FetchLFS(ctx context.Context, commit string) error {
	if err := validCommit(commit); err != nil {
		return fmt.Errorf("cannot fetch LFS objects: %w", err)
	}
	uses, err := r.usesLFS(ctx, commit)
	if err != nil || !uses {
		return err
	}
	at, _, err := r.lfsAddress(ctx, ReferencesRequest{Base: commit, Commit: commit})
	if err != nil {
		return err
	}
	return r.lfs(ctx, at, "fetch LFS objects of", "fetch", "origin", commit)
}

// lfs runs git-lfs with the address of the rig, or of its LFS where the target names another.
func (r *Rig) lfs(ctx context.Context, at lfsAddress, doing string, args ...string) error {
	if !LFSInstalled() {
		return &Error{Op: doing + " " + mask(r.url), Class: ClassOther, Err: ErrNoLFS, exitCode: -1}
	}
	if err := r.ensureLFS(ctx); err != nil {
		return err
	}
	config := []string{
		"-c", "remote.origin.url=" + asURL(r.url), "-c", "lfs.locksverify=false", "-c", "lfs.transfer.maxretries=2",
	}
	if at.fetch != "" {
		config = append(config, "-c", "lfs.url="+at.fetch)
	}
	if at.push != "" {
		config = append(config, "-c", "lfs.pushurl="+at.push)
	}
	c, err := r.remote(command{
		op: doing + " " + mask(r.url), dir: r.lfsDir(), args: append(append(config, "lfs"), args...), timeout: networkTimeout,
	})
	if err != nil {
		return err
	}
	c.outside = c.outside || at.outside()
	_, err = r.gitIn(ctx, c)
	return err
}

// ensureLFS makes the git directory in which git-lfs is run. Where its objects are is said by links and not by
// configuration, which git-lfs would hand on to the other side of a file:// address.
func (r *Rig) ensureLFS(ctx context.Context) error {
	const op = "make a git directory for LFS"
	release, err := r.moduleLock.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := os.MkdirAll(filepath.Join(r.lfsStorage(), "objects"), 0o700); err != nil {
		return wrapOS(op, err)
	}
	if err := r.initBare(ctx, r.lfsDir(), ""); err != nil {
		return err
	}
	for _, part := range []string{"objects", "lfs"} {
		at := filepath.Join(r.lfsDir(), part)
		if info, err := os.Lstat(at); err == nil && info.Mode()&os.ModeSymlink != 0 {
			continue
		}
		err := errors.Join(removeTree(at), os.Symlink(filepath.Join("..", filepath.Base(r.mirror()), part), at))
		if err != nil {
			return wrapOS(op, err)
		}
	}
	return nil
}

// asURL writes a path as git-lfs wants it.
func asURL(address string) string {
	if filepath.IsAbs(address) {
		return (&url.URL{Scheme: "file", Path: address}).String()
	}
	return address
}

// lfsAddress is where the LFS of a rig is if not at its own address.
type lfsAddress struct{ fetch, push string }

func (at lfsAddress) outside() bool {
	return at.fetch != "" && !onThisMachine(at.fetch) || at.push != "" && !onThisMachine(at.push)
}

// lfsAddress reads the addresses that a commit's .lfsconfig names. One that may not be contacted, since the target does
// not name it and no person allows it, is strange.
func (r *Rig) lfsAddress(ctx context.Context, req ReferencesRequest) (at lfsAddress, strange string, err error) {
	at, err = r.lfsConfig(ctx, req.Commit)
	if err != nil {
		return at, "", err
	}
	known, err := r.lfsConfig(ctx, req.Base)
	if err != nil {
		return at, "", err
	}
	allowed := r.allowed(req.Allowed, nil)
	for _, address := range []string{at.fetch, at.push} {
		if address == "" || address == known.fetch || address == known.push || allowed[canonical(address)] {
			continue
		}
		return at, address, nil
	}
	return at, "", nil
}

// lfsConfig reads .lfsconfig of a commit. One that cannot be read names no address, as for git-lfs.
func (r *Rig) lfsConfig(ctx context.Context, commit string) (at lfsAddress, err error) {
	entries, _, err := r.configIn(ctx, commit, ".lfsconfig")
	for _, e := range entries {
		switch e.name {
		case "lfs.url", "remote.origin.lfsurl":
			if at.fetch == "" || e.name == "lfs.url" {
				at.fetch = strings.TrimRight(e.value, "/")
			}
		case "lfs.pushurl", "remote.origin.lfspushurl":
			if at.push == "" || e.name == "lfs.pushurl" {
				at.push = strings.TrimRight(e.value, "/")
			}
		}
	}
	return at, err
}
