package git

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A merge that finds the place taken has one of its own, and removes those of refineries that were killed.
func TestPlacesOfTheDeadAreCleared(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	take := func() *place {
		t.Helper()
		p, err := tw.rig.takePlace(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(p.checkout(), 0o700); err != nil {
			t.Fatal(err)
		}
		return p
	}
	first, dead, live := take(), take(), take()
	_ = dead.lock.Close() // As the system does when a process dies.
	tw.worked("toast", source, "work", "w")
	tw.merge(MergeRequest{Branch: source, Target: "main", Gates: []Gate{{Name: "test", Shell: "test -e work"}}})
	if _, err := os.Stat(dead.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the dead one's place is still there: %v", err)
	}
	for _, p := range []*place{first, live} {
		if _, err := os.Stat(p.checkout()); err != nil {
			t.Errorf("the place of a live merge was removed: %v", err)
		}
		if err := p.leave(); err != nil {
			t.Fatal(err)
		}
	}
	tw.checkPlaces()
}

// checkoutAfter merges a branch with a gate and returns the checkout that stays.
func (tw *town) checkoutAfter(req MergeRequest) string {
	tw.t.Helper()
	req.Target = "main"
	if result := tw.merge(req); result.Outcome != OutcomeMerged {
		tw.t.Fatalf("got %+v, %+v", result, result.Gate)
	}
	return filepath.Join(tw.rig.mergeDir(), "1", "checkout")
}

// Without a gate nothing is checked out, and the target's rules for merging hold all the same.
func TestMergeWithoutACheckout(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	write(t, tw.person, ".gitattributes", "list merge=union\n")
	write(t, tw.person, "deep/er/.gitattributes", "list -merge\n")
	write(t, tw.person, "deep/er/list", "a\n")
	sh(t, tw.person, "add", ".")
	tw.push("list", "a\n")
	tw.worked("toast", source, "list", "a\nbranch\n")
	tw.worked("nux", "gt/nux/2", "deep/er/list", "a\nbranch\n")
	tw.push("list", "a\nmain\n")
	tw.push("deep/er/list", "a\nmain\n")
	checkout := tw.checkoutAfter(MergeRequest{Branch: source})
	if got := sh(t, tw.origin, "show", "main:list"); got != "a\nmain\nbranch" {
		t.Errorf("main has %q", got)
	}
	if result := tw.merge(MergeRequest{Branch: "gt/nux/2", Target: "main"}); result.Outcome != OutcomeConflicted {
		t.Errorf("got %+v", result)
	}
	if _, err := os.Stat(checkout); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was checked out: %v", err)
	}
}

// Names of files of rules come from a repository, and so may anything else in a tree.
func TestRulesForMergingStayInside(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"../.gitattributes", "a/../../.gitattributes", "/tmp/.gitattributes"} {
		if err := writeAttributes(t.TempDir(), []string{name}, "2\nx\n\n"); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	for _, batch := range []string{"", "x\n", "-1\n\n", "9\nshort\n"} {
		if err := writeAttributes(t.TempDir(), []string{attributesFile}, batch); err == nil {
			t.Errorf("%q was taken", batch)
		}
	}
}

// What gates leave in the checkout, the next run does not find: whatever it is.
func TestTheCheckoutIsCleaned(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	write(t, outside, "precious", "p")
	for name, litter := range map[string]string{
		"untracked and ignored files": "echo x >new; echo x >ignored; mkdir -p a/b; echo x >a/b/c",
		"an empty directory":          "mkdir empty dir/empty",
		"a read-only module cache":    "mkdir -p mod/x; echo x >mod/x/y; chmod -R a-w mod",
		"a closed directory":          "chmod 000 dir",
		"changed and removed files":   "echo y >readme; rm dir/file; chmod +x .gitignore",
		"the same size and time":      "touch -r readme t; echo two >readme; touch -r t readme; rm t",
		"a file for a directory":      "rm -r dir; echo x >dir",
		"a directory for a file":      "rm readme; mkdir readme; echo x >readme/x",
		"a link for a directory":      "rm -r dir; ln -s \"$OUTSIDE\" dir",
		"a link for a file":           "rm readme; ln -s \"$OUTSIDE/precious\" readme",
		"a repository of its own":     "git init -q dir; git init -q sub; rm -f .git; git init -q .",
		"a fifo":                      "mkfifo pipe",
		"nothing at all":              "rm -rf * .g*",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := newTown(t)
			tw.push("dir/file", "f")
			tw.worked("toast", source, "work", "w")
			checkout := tw.checkoutAfter(MergeRequest{
				Branch: source, Gates: []Gate{{Name: "test", Shell: litter}}, GateEnv: []string{"OUTSIDE=" + outside},
			})
			tw.worked("nux", "gt/nux/2", "more", "w")
			var list strings.Builder
			tw.checkoutAfter(MergeRequest{
				Branch: "gt/nux/2", Gates: []Gate{{Name: "test", Shell: "find . | sort; cat readme dir/file; git status --porcelain --ignored"}}, Log: &list,
			})
			want := ".\n./.git\n./.gitignore\n./dir\n./dir/file\n./more\n./readme\n./work\none\nf== gate"
			if got := list.String(); !strings.Contains(got, want) {
				t.Errorf("the next gate found\n%s", got)
			}
			info, err := os.Stat(filepath.Join(checkout, ".gitignore"))
			if err != nil || info.Mode().Perm()&0o100 != 0 {
				t.Errorf("the mode is %v, %v", info.Mode(), err)
			}
			if read(t, outside, "precious") != "p" {
				t.Error("something was written outside")
			}
		})
	}
}

// A refinery that is killed over the checkout leaves it half made.
func TestAHalfMadeCheckoutIsRepaired(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, p string) error{
		"locked index":    func(t *testing.T, p string) error { write(t, p, "index.lock", "x"); return nil },
		"damaged index":   func(t *testing.T, p string) error { write(t, p, "index", "DIRC"); return nil },
		"no index":        func(_ *testing.T, p string) error { return os.Remove(filepath.Join(p, "index")) },
		"no checkout":     func(_ *testing.T, p string) error { return os.RemoveAll(filepath.Join(p, "checkout")) },
		"half a checkout": func(_ *testing.T, p string) error { return os.Remove(filepath.Join(p, "checkout", "readme")) },
		"checkout is a file": func(t *testing.T, p string) error {
			err := os.RemoveAll(filepath.Join(p, "checkout"))
			write(t, p, "checkout", "x")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := newTown(t)
			tw.worked("toast", source, "work", "w")
			gates := []Gate{{Name: "test", Shell: "test -z \"$(git status --porcelain)\" && cat readme work"}}
			checkout := tw.checkoutAfter(MergeRequest{Branch: source, Gates: gates})
			if err := spoil(t, filepath.Dir(checkout)); err != nil {
				t.Fatal(err)
			}
			tw.worked("nux", "gt/nux/2", "more", "w")
			tw.checkoutAfter(MergeRequest{Branch: "gt/nux/2", Gates: gates})
		})
	}
}

// A gate that asks git gets answers, and what it does to git's files reaches nobody.
func TestGatesMayAskGit(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	sh(t, tw.person, "tag", "-a", "-m", "one", "v1.0")
	sh(t, tw.person, "push", "--quiet", "origin", "v1.0")
	_, head := tw.worked("toast", source, "work", "w")
	shell := `set -e
test "$(git rev-parse HEAD^2)" = "$WORK"
test "$(git rev-parse --show-toplevel)" = "$PWD"
git describe | grep -q '^v1.0-2-g'
git log --oneline origin/main..HEAD | grep -q work
test "$(git ls-files)" = "$(printf '.gitignore\nreadme\nwork')"
test -z "$(git status --porcelain)"
git fsck --no-dangling
git config core.hooksPath /evil; git config remote.origin.url /evil
git update-ref refs/remotes/origin/main HEAD; git tag evil; git stash list
git -c user.name=x -c user.email=x commit -q --allow-empty -m evil
git gc -q --prune=now`
	checkout := tw.checkoutAfter(MergeRequest{
		Branch: source, Gates: []Gate{{Name: "a", Shell: shell}, {Name: "b", Shell: shell}}, GateEnv: []string{"WORK=" + head},
	})
	for _, repository := range []string{tw.origin, tw.rig.mirror()} {
		if got := sh(t, repository, "for-each-ref", "--format=%(refname)", "refs/tags/evil"); got != "" {
			t.Errorf("%s has %s", repository, got)
		}
		if got := sh(t, repository, "config", "--get", "--default", "unset", "core.hooksPath"); got != "unset" {
			t.Errorf("%s was configured", repository)
		}
		sh(t, repository, "fsck", "--no-dangling")
	}
	if got := sh(t, tw.origin, "log", "--format=%s", "main"); strings.Contains(got, "evil") {
		t.Errorf("main has %s", got)
	}
	if read(t, checkout, ".git") == "" {
		t.Error("no link")
	}
}

// Paths that the rig names stay from one run to the next, and nothing beside them.
func TestCachesStay(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	req := MergeRequest{
		Branch: source, Caches: []string{"target", "**/node_modules", "p/*/out.*", "readme"},
		Gates: []Gate{{Name: "test", Shell: `mkdir -p target/x node_modules p/a/node_modules p/b other/target
for f in target/x/y node_modules/y p/a/node_modules/y p/b/out.o p/b/none other/target/y; do echo $f >>$f; done; echo z >readme`}},
	}
	tw.worked("toast", source, "work", "w")
	tw.checkoutAfter(req)
	tw.worked("nux", "gt/nux/2", "more", "w")
	req.Branch, req.Gates = "gt/nux/2", []Gate{{Name: "test", Shell: "find . -type f | sort; cat readme"}}
	var list strings.Builder
	req.Log = &list
	tw.checkoutAfter(req)
	want := "./.git\n./.gitignore\n./more\n./node_modules/y\n./p/a/node_modules/y\n./p/b/out.o\n./readme\n./target/x/y\n./work\none\n"
	if !strings.Contains(list.String(), want) {
		t.Errorf("the next gate found\n%s", list.String())
	}
}

// A cache that a commit brings a file for gives way.
func TestACacheThatIsTrackedNow(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	tw.worked("toast", source, "work", "w")
	req := MergeRequest{Branch: source, Caches: []string{"target"}, Gates: []Gate{{Name: "test", Shell: "mkdir target; echo x >target/x"}}}
	tw.checkoutAfter(req)
	tw.worked("nux", "gt/nux/2", "target", "tracked")
	req.Branch, req.Gates[0].Shell = "gt/nux/2", "test \"$(cat target)\" = tracked"
	tw.checkoutAfter(req)
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, name  string
		matches, leads bool
	}{
		{"target", "target", true, true},
		{"target", "a/target", false, false},
		{"a/target", "a", false, true},
		{"a/target", "b", false, false},
		{"**/x", "x", true, true},
		{"**/x", "a/b/x", true, true},
		{"**/x", "a/b", false, true},
		{"a/**/x", "a/x", true, true},
		{"a/**/x", "b/x", false, false},
		{"a/*/x", "a/b/x", true, true},
		{"a/*/x", "a/b/c/x", false, false},
		{"[", "[", false, false},
	} {
		if got, leads := matches(test.pattern, test.name), leadsTo(test.pattern, test.name); got != test.matches || leads != test.leads {
			t.Errorf("%s: %s matches %t, leads %t", test.pattern, test.name, got, leads)
		}
	}
}

// A gate runs in the same directory each time: build tools write absolute paths into their caches.
func TestTheCheckoutKeepsItsPath(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	var log strings.Builder
	for i := range 2 {
		branch := fmt.Sprintf("gt/toast/%d", i)
		tw.worked("toast", branch, branch, "w")
		tw.checkoutAfter(MergeRequest{Branch: branch, Gates: []Gate{{Name: "where", Shell: "pwd"}}, Log: &log})
	}
	if got := strings.Count(log.String(), filepath.Join(tw.rig.mergeDir(), "1", "checkout")+"\n"); got != 2 {
		t.Errorf("the gates ran in\n%s", &log)
	}
}
