package git

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"gastown/internal/git/githttptest"
)

func wantWords(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, word := range words {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("got %v, want %q in it", err, word)
		}
	}
}

// A look says what a repository asks for, and refuses a branch that is not there.
func TestLookBeforeARepositoryIsTaken(t *testing.T) {
	t.Parallel()
	tw, remote := served(t, func(string) []string { return operator(t, "") })
	ctx := context.Background()
	tw.push(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
	tw.push(".gitmodules", "[submodule \"x\"]\n\tpath = x\n\turl = https://code.example/x\n")
	sh(t, tw.origin, "branch", "old", "main~2")
	for _, address := range []string{tw.origin, remote.Address("origin.git")} {
		found, err := tw.store.Look(ctx, address, "", nil)
		if err != nil || found.Branch != "main" || len(found.Notes) != 2 ||
			!strings.Contains(found.Notes[0], "LFS") || !strings.Contains(found.Notes[1], "submodules") {
			t.Errorf("%s: %+v, %v", address, found, err)
		}
		found, err = tw.store.Look(ctx, address, "old", nil)
		if err != nil || found.Branch != "old" || found.Notes != nil || found.Tip != tw.tip("old") {
			t.Errorf("%s: %+v, %v", address, found, err)
		}
		_, err = tw.store.Look(ctx, address, "trunk", nil)
		wantClass(t, err, ClassNotFound)
		wantWords(t, err, `no branch "trunk"; it has main, old`)
		_, err = tw.store.Look(ctx, address, "a..b", nil)
		wantWords(t, err, "contains")
	}
	if left, _ := filepath.Glob(filepath.Join(tw.store.root, ".look-*")); left != nil {
		t.Errorf("looks have left %s", left)
	}
}

// A repository whose names of objects are SHA-256 is mirrored, worked in and merged like any other.
func TestSHA256(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	base := filepath.Dir(tw.origin)
	person, origin := filepath.Join(base, "person256"), filepath.Join(base, "origin256.git")
	sh(t, base, "init", "--quiet", "--bare", "--object-format=sha256", "-b", "main", origin)
	sh(t, base, "init", "--quiet", "--object-format=sha256", "-b", "main", person)
	sh(t, person, "remote", "add", "origin", origin)
	tw.origin, tw.person = origin, person
	tw.push("readme", "one\n")
	found, err := tw.store.Look(context.Background(), origin, "", nil)
	if err != nil || len(found.Tip) != 64 || found.Notes != nil {
		t.Fatalf("%+v, %v", found, err)
	}
	tw.rig = tw.store.Rig("town", "web256", origin, "main")
	_, head := tw.worked("toast", "gt/toast/gt-1", "work", "w")
	result := tw.merge(MergeRequest{Branch: "gt/toast/gt-1", ExpectedHead: head, Target: "main"})
	if result.Outcome != OutcomeMerged || len(result.Commit) != 64 || tw.tip("main") != result.Commit {
		t.Errorf("got %+v, origin has %s", result, tw.tip("main"))
	}
}

// A rig takes another address or branch only with the history that it knows.
func TestOnlyTheSameHistoryIsTaken(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	ctx := context.Background()
	base := filepath.Dir(tw.origin)
	check := func(address, branch string) error {
		t.Helper()
		found, err := tw.store.Look(ctx, address, branch, nil)
		if err != nil {
			t.Fatal(err)
		}
		return tw.store.CheckSame(ctx, tw.rig, address, found, nil)
	}
	tw.push("second", "2")
	copied := func(name string) string {
		path := filepath.Join(base, name)
		sh(t, base, "clone", "--quiet", "--bare", tw.origin, path)
		return path
	}
	moved, behind, ahead, apart := copied("moved.git"), copied("behind.git"), copied("ahead.git"), copied("apart.git")
	other := filepath.Join(base, "other")
	sh(t, base, "init", "--quiet", "-b", "main", other)
	commit(t, other, "alone", "a")
	if err := check(other, "main"); err != nil {
		t.Errorf("a rig that knows nothing yet refuses: %v", err)
	}
	if err := tw.rig.Fetch(ctx); err != nil {
		t.Fatal(err)
	}
	sh(t, behind, "update-ref", "refs/heads/main", "main~1")
	commit(t, tw.person, "third", "3")
	sh(t, tw.person, "push", "--quiet", ahead, "HEAD:main")
	sh(t, tw.person, "reset", "--quiet", "--hard", "HEAD~2")
	commit(t, tw.person, "elsewhere", "e")
	sh(t, tw.person, "push", "--quiet", "--force", apart, "HEAD:main")
	sh(t, tw.person, "push", "--quiet", "origin", "HEAD:develop")
	for _, address := range []string{tw.origin, moved, behind, ahead} {
		if err := check(address, "main"); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := check(tw.origin, "develop"); err != nil {
		t.Errorf("another branch of the same repository: %v", err)
	}
	wantWords(t, check(apart, "main"), "went another way", "gastown rig add")
	wantWords(t, check(other, "main"), "no commit in common", "gastown rig add")
}

// A rig's own credential opens its remote, for the server alone, and is in no address, argument or file.
func TestCredentialOfARig(t *testing.T) {
	t.Parallel()
	tw, remote := served(t, func(address string) []string {
		return operator(t, "[credential \""+address+"\"]\n\thelper = \"!f() { echo username=wrong; echo password=wrong; }; f\"\n")
	})
	ctx := context.Background()
	remote.RequireUser("bot", "s3cret")
	address := remote.Address("origin.git")
	secret := errors.New("there is no variable TOKEN")
	password := ""
	credential := &Credential{Reference: "env:TOKEN", Read: func() (string, string, error) { return "bot", password, secret }}
	rig := tw.rig.WithCredential(credential)
	err := rig.Fetch(ctx)
	wantClass(t, err, ClassAuth)
	wantWords(t, err, "env:TOKEN", "there is no variable TOKEN", "gastown rig set NAME --credential")

	secret, password = nil, "s3cret"
	if _, err := tw.store.Look(ctx, address, "", credential); err != nil {
		t.Error(err)
	}
	if err := rig.Fetch(ctx); err != nil {
		t.Fatal(err)
	}
	c, err := rig.remote(command{args: []string{"fetch"}})
	if err != nil || strings.Contains(strings.Join(c.arguments(), " "), "s3cret") {
		t.Errorf("the arguments have the secret: %q, %v", c.arguments(), err)
	}
	if out := grepTree(t, tw.store.root, "s3cret"); out != "" {
		t.Errorf("the secret is in %s", out)
	}
	// Another host gets nothing, and the operator's helper is not asked in its stead.
	other := githttptest.New(t, filepath.Dir(tw.origin))
	other.RequireUser("bot", "s3cret")
	c.args = []string{"ls-remote", "--", other.Address("origin.git")}
	if _, err := run(ctx, c); ClassOf(err) != ClassAuth {
		t.Errorf("another host was opened, %v", err)
	}
	password = "wr0ng"
	remote.Refuse(403, "wr0ng is not valid")
	err = rig.Fetch(ctx)
	wantClass(t, err, ClassAuth)
	if strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("the error tells the secret: %v", err)
	}
	local := tw.store.Rig("town", "local", tw.origin, "main").WithCredential(&Credential{Read: func() (string, string, error) {
		t.Error("the credential is read for an address on this machine")
		return "", "", nil
	}})
	if err := local.Fetch(ctx); err != nil {
		t.Error(err)
	}
}
