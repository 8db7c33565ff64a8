package git

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gastown/internal/git/githttptest"
)

func TestLFSPointers(t *testing.T) {
	t.Parallel()
	const oid = "cb95a5d22136b52ec5013cf88775fdd9d2eddf0a15491b8b048dc2d35ef318a8"
	for text, want := range map[string]pointer{
		pointerVersion + "\noid sha256:" + oid + "\nsize 12\n":                            {oid: oid, size: 12},
		pointerVersion + "\next-0-x sha256:" + oid + "\noid sha256:" + oid + "\nsize 0\n": {oid: oid},
		pointerVersion + "\noid sha256:" + oid + "\nsize 12" + strings.Repeat(" ", 2000):  {},
		pointerVersion + "\noid sha256:" + oid + "\nsize -1\n":                            {},
		pointerVersion + "\noid sha256:../../../../etc/passwd" + oid[:43] + "\nsize 1\n":  {},
		pointerVersion + "\noid md5:" + oid + "\nsize 12\n":                               {},
		"# " + pointerVersion + "\noid sha256:" + oid + "\nsize 12\n":                     {},
		"":                                {},
		pointerVersion + "\nsize 12\n":    {},
		pointerVersion + "\noid sha256:x": {},
	} {
		if got, ok := parsePointer(text); ok != (want.oid != "") || ok && got != want {
			t.Errorf("%q: got %+v, %v", text, got, ok)
		}
	}
}

// lfsTown is a rig whose main keeps *.bin in LFS.
type lfsTown struct {
	*town
	t *testing.T
}

func newLFSTown(t *testing.T) *lfsTown {
	t.Helper()
	if !LFSInstalled() {
		t.Skip("git-lfs is not installed")
	}
	tw := &lfsTown{town: newTown(t), t: t}
	for _, setting := range [][2]string{
		{"filter.lfs.clean", "git-lfs clean -- %f"}, {"filter.lfs.smudge", "git-lfs smudge -- %f"}, {"filter.lfs.required", "true"},
	} {
		sh(t, tw.person, "config", setting[0], setting[1])
	}
	commit(t, tw.person, ".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
	tw.add("old.bin", "old content")
	sh(t, tw.person, "push", "--quiet", "origin", "HEAD:main")
	tw.upload("main")
	return tw
}

// add commits a file that LFS keeps and returns its object's id.
func (tw *lfsTown) add(name, content string) string {
	tw.t.Helper()
	commit(tw.t, tw.person, name, content)
	return fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
}

// upload brings the objects of main to origin, as a person's push does.
func (tw *lfsTown) upload(ref string) {
	tw.t.Helper()
	sh(tw.t, tw.person, "-c", "remote.up.url="+asURL(tw.origin), "lfs", "push", "up", ref)
}

// work publishes what the person has as a branch without its objects.
func (tw *lfsTown) work() ReferencesRequest {
	tw.t.Helper()
	sh(tw.t, tw.person, "push", "--quiet", "--no-verify", "--force", "origin", "HEAD:work")
	if err := tw.rig.Fetch(context.Background()); err != nil {
		tw.t.Fatal(err)
	}
	return ReferencesRequest{Base: tw.tip("main"), Commit: tw.tip("work"), LFS: true}
}

func (tw *lfsTown) check(req ReferencesRequest) MissingReferences {
	tw.t.Helper()
	missing, err := tw.rig.CheckReferences(context.Background(), req)
	if err != nil {
		tw.t.Fatalf("CheckReferences: %v", err)
	}
	return missing
}

func (tw *lfsTown) take(req ReferencesRequest) {
	tw.t.Helper()
	objects := filepath.Join(tw.person, ".git", "lfs", "objects")
	if err := tw.rig.TakeLFS(context.Background(), objects, req.Base, req.Commit); err != nil {
		tw.t.Fatalf("TakeLFS: %v", err)
	}
}

func (tw *lfsTown) atOrigin(oid string) bool {
	_, err := os.Stat(lfsPath(filepath.Join(tw.origin, "lfs", "objects"), oid))
	return err == nil
}

// What the workspace has is taken and uploaded before the push; what nobody has is missing.
func TestLFSObjectsAreUploaded(t *testing.T) {
	t.Parallel()
	tw := newLFSTown(t)
	first, last := tw.add("new.bin", "first"), tw.add("new.bin", "last")
	commit(t, tw.person, "doc.txt", pointerVersion+"\noid sha256:"+strings.Repeat("0", 64)+"\nsize 5\n") // a text about LFS
	req := tw.work()
	only(t, tw.check(req).LFS, "new.bin", "neither the remote nor the workspace")
	tw.take(req)
	if missing := tw.check(req); !missing.None() {
		t.Errorf("got %+v", missing)
	}
	// Also what a commit in between has: whoever looks back needs it.
	if !tw.atOrigin(first) || !tw.atOrigin(last) {
		t.Errorf("at origin: %v, %v", tw.atOrigin(first), tw.atOrigin(last))
	}
}

// Objects that are at the remote already, and those that the target has under another name, are not missing.
func TestLFSObjectsOfTheRemoteAreFound(t *testing.T) {
	t.Parallel()
	tw := newLFSTown(t)
	sh(t, tw.person, "mv", "old.bin", "moved.bin")
	tw.add("pushed.bin", "pushed by its author")
	req := tw.work()
	only(t, tw.check(req).LFS, "pushed.bin", "neither")
	tw.upload("HEAD")
	if missing := tw.check(req); !missing.None() {
		t.Errorf("got %+v", missing)
	}
}

// A file under the name of an object that is another one, or a link, is not taken; one that changes later is not uploaded.
func TestLFSObjectsAreWhatTheirNameSays(t *testing.T) {
	t.Parallel()
	tw := newLFSTown(t)
	oid := tw.add("new.bin", "what it is")
	req := tw.work()
	mine := lfsPath(filepath.Join(tw.person, ".git", "lfs", "objects"), oid)
	replace := func(path string, with func() error) {
		t.Helper()
		if err := errors.Join(os.Remove(path), with()); err != nil {
			t.Fatal(err)
		}
		tw.take(req)
		only(t, tw.check(req).LFS, "new.bin", "neither")
	}
	replace(mine, func() error { return os.WriteFile(mine, []byte("what it's!"), 0o600) })
	other := filepath.Join(t.TempDir(), "other")
	write(t, filepath.Dir(other), "other", "what it is")
	replace(mine, func() error { return os.Symlink(other, mine) })
	if err := errors.Join(os.Remove(mine), os.WriteFile(mine, []byte("what it is"), 0o600)); err != nil {
		t.Fatal(err)
	}
	tw.take(req)
	kept := tw.rig.lfsObject(oid)
	if err := errors.Join(os.Remove(kept), os.WriteFile(kept, []byte("what it's!"), 0o600)); err != nil {
		t.Fatal(err)
	}
	only(t, tw.check(req).LFS, "new.bin", "neither")
	if tw.atOrigin(oid) {
		t.Error("something was uploaded")
	}
}

// An address that a branch writes into .lfsconfig is not contacted until a person allows it.
func TestANewLFSAddressIsNotContacted(t *testing.T) {
	t.Parallel()
	tw := newLFSTown(t)
	server := githttptest.New(t, filepath.Dir(tw.origin))
	oid := tw.add("new.bin", "new")
	commit(t, tw.person, ".lfsconfig", "[lfs]\n\turl = "+server.Address("stolen/lfs")+"\n")
	req := tw.work()
	tw.take(req)
	missing := tw.check(req)
	only(t, missing.Addresses, ".lfsconfig", "does not name this address")
	if tw.atOrigin(oid) || len(server.Requests()) != 0 {
		t.Errorf("contacted: %v", server.Requests())
	}
	req.Allowed = []string{server.Address("stolen/lfs")}
	if _, err := tw.rig.CheckReferences(context.Background(), req); err == nil || len(server.Requests()) == 0 {
		t.Errorf("the allowed address was not contacted: %v", err)
	}
}

// Over HTTP the objects go where the rig's address leads, with the access that the operator has.
func TestLFSOverHTTP(t *testing.T) {
	t.Parallel()
	tw := newLFSTown(t)
	base := filepath.Dir(tw.origin)
	server := githttptest.New(t, base)
	server.RequireUser("operator", "secret")
	tw.rig = tw.store.Rig("town", "web", server.Address("origin.git"), "main")
	oid := tw.add("new.bin", "new")
	sh(t, tw.person, "push", "--quiet", "--no-verify", "--force", "origin", "HEAD:work")
	if err := tw.rig.Fetch(context.Background()); ClassOf(err) != ClassAuth {
		t.Fatalf("without access: %v", err)
	}
	config := filepath.Join(base, "operator.config")
	write(t, base, "operator.config", "[credential]\n\thelper = \"!f() { echo username=operator; echo password=secret; }; f\"\n")
	store, err := open(filepath.Join(base, "other store"), append(os.Environ(), "GIT_CONFIG_GLOBAL="+config))
	if err != nil {
		t.Fatal(err)
	}
	tw.rig = store.Rig("town", "web", server.Address("origin.git"), "main")
	req := tw.work()
	tw.take(req)
	if missing := tw.check(req); !missing.None() {
		t.Errorf("got %+v", missing)
	}
	if got := read(t, filepath.Dir(server.LFSObject("origin.git", oid)), oid); got != "new" {
		t.Errorf("uploaded: %q", got)
	}
	// What only the remote has comes from there.
	if err := os.Remove(tw.rig.lfsObject(oid)); err != nil {
		t.Fatal(err)
	}
	if err := tw.rig.FetchLFS(context.Background(), req.Commit); err != nil {
		t.Fatal(err)
	}
}

// The server brings a target's objects before agents need them.
func TestLFSObjectsOfATargetAreFetched(t *testing.T) {
	t.Parallel()
	tw := newLFSTown(t)
	if err := tw.rig.Fetch(context.Background()); err != nil {
		t.Fatal(err)
	}
	if uses, err := tw.rig.UsesLFS(context.Background(), "main"); err != nil || !uses {
		t.Errorf("got %v, %v", uses, err)
	}
	if err := tw.rig.FetchLFS(context.Background(), tw.tip("main")); err != nil {
		t.Fatal(err)
	}
	oid := fmt.Sprintf("%x", sha256.Sum256([]byte("old content")))
	if got := read(t, filepath.Dir(tw.rig.lfsObject(oid)), oid); got != "old content" {
		t.Errorf("got %q", got)
	}
}
