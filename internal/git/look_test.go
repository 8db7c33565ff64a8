package git

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// tricked is a workspace with one commit, a program that leaves a mark when it runs, and another repository.
type tricked struct {
	*town
	path, script, ran, fork string
}

const trickedBranch = "gt/x/gt-1"

func newTricked(t *testing.T) *tricked {
	t.Helper()
	tw := newTown(t)
	base := filepath.Dir(tw.origin)
	k := &tricked{town: tw, script: filepath.Join(base, "evil", "script"), ran: filepath.Join(base, "ran"), fork: filepath.Join(base, "fork.git")}
	sh(t, base, "clone", "--quiet", "--bare", tw.origin, k.fork)
	write(t, filepath.Dir(k.script), "script", "#!/bin/sh\ntouch '"+k.ran+"'\ncat\n")
	if err := os.Chmod(k.script, 0o755); err != nil {
		t.Fatal(err)
	}
	k.path, _ = tw.worked("gt-1", trickedBranch, "work", "w")
	write(t, k.path, ".gitattributes", "* filter=evil diff=evil merge=evil\n")
	return k
}

// set writes into the clone's configuration.
func (k *tricked) set(name, value string) { sh(k.t, k.path, "config", name, value) }

// checkNothingRan checks that the program has left no mark.
func (k *tricked) checkNothingRan(after string) {
	k.t.Helper()
	if _, err := os.Stat(k.ran); err == nil {
		k.t.Errorf("%s has run what an agent has set up", after)
	}
}

// Whatever an agent does to its clone: nothing of it runs as a child of the server, reaches another workspace, or
// reaches the server's git, and the next attempt finds a good clone on the branch.
func TestNothingAnAgentSetsUpRuns(t *testing.T) {
	t.Parallel()
	for name, trick := range map[string]func(k *tricked){
		"a monitor of files": func(k *tricked) { k.set("core.fsmonitor", k.script) },
		"filters": func(k *tricked) {
			for _, kind := range []string{"clean", "smudge", "process"} {
				k.set("filter.evil."+kind, k.script)
			}
			k.set("diff.evil.textconv", k.script)
			k.set("merge.evil.driver", k.script)
		},
		"a remote that promises objects": func(k *tricked) {
			k.set("extensions.partialClone", "promisor")
			k.set("remote.promisor.url", "ext::"+k.script)
			k.set("remote.promisor.promisor", "true")
			k.set("protocol.ext.allow", "always")
		},
		"a program that packs": func(k *tricked) { k.set("uploadpack.packObjectsHook", k.script) },
		"programs at the remote": func(k *tricked) {
			k.set("remote.origin.uploadpack", k.script)
			k.set("remote.origin.receivepack", k.script)
		},
		"hooks": func(k *tricked) {
			for _, hook := range []string{"post-checkout", "pre-commit", "post-index-change", "reference-transaction", "pre-push", "post-update", "pre-auto-gc"} {
				target := filepath.Join(k.path, ".git", "hooks", hook)
				if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
					k.t.Fatal(err)
				}
				if err := os.Link(k.script, target); err != nil {
					k.t.Fatal(err)
				}
			}
		},
		"a folder of hooks, as husky has it": func(k *tricked) {
			if err := os.Link(k.script, filepath.Join(filepath.Dir(k.script), "post-index-change")); err != nil {
				k.t.Fatal(err)
			}
			k.set("core.hooksPath", filepath.Dir(k.script))
		},
		"a bare repository": func(k *tricked) { k.set("core.bare", "true") },
		"another work tree": func(k *tricked) { k.set("core.worktree", k.fork) },
		"a program for ssh": func(k *tricked) { k.set("core.sshCommand", k.script) },
		"an included file": func(k *tricked) {
			write(k.t, k.path, ".git/evil", "[core]\n\tfsmonitor = "+k.script+"\n")
			k.set("include.path", "evil")
		},
		"a signer":            func(k *tricked) { k.set("gpg.program", k.script); k.set("commit.gpgSign", "true") },
		"a format of refs":    func(k *tricked) { k.set("core.repositoryFormatVersion", "1"); k.set("extensions.strange", "true") },
		"a broken file":       func(k *tricked) { write(k.t, k.path, ".git/config", "[core\n") },
		"addresses rewritten": func(k *tricked) { k.set("url."+k.fork+".insteadOf", k.origin) },
		"submodules": func(k *tricked) {
			write(k.t, k.path, ".gitmodules", "[submodule \"s\"]\n\tpath = s\n\turl = ext::"+k.script+"\n\tupdate = !"+k.script+"\n")
			k.set("submodule.s.update", "!"+k.script)
			k.set("submodule.recurse", "true")
			write(k.t, filepath.Join(k.path, "s"), "file", "f")
			sh(k.t, filepath.Join(k.path, "s"), "init", "--quiet")
			sh(k.t, filepath.Join(k.path, "s"), "config", "core.fsmonitor", k.script)
			sh(k.t, filepath.Join(k.path, "s"), "-c", "core.fsmonitor=false", "add", "file")
			sh(k.t, filepath.Join(k.path, "s"), "-c", "core.fsmonitor=false", "commit", "--quiet", "-m", "s")
			sh(k.t, k.path, "-c", "advice.addEmbeddedRepo=false", "add", "s")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newTricked(t)
			trick(k)
			_ = os.Remove(k.ran) // what the agent's own git has run is its own affair
			if got := k.done("gt-1", trickedBranch); !got.Exists || got.Ahead != 1 || got.Astray == "" {
				t.Errorf("got %+v", got)
			}
			k.checkNothingRan("the look at the branch")
			made := k.ensure(WorkspaceSpec{Bead: "gt-1", Branch: trickedBranch})
			k.checkNothingRan("the next attempt")
			if made.Left.Commits != 1 || !made.Left.Uncommitted {
				t.Errorf("the next attempt finds %+v", made.Left)
			}
			config := sh(t, made.Path, "config", "--local", "--list") + sh(t, k.ensure(WorkspaceSpec{Bead: "gt-2", Branch: "gt/x/gt-2"}).Path, "config", "--local", "--list") +
				sh(t, k.rig.mirror(), "config", "--local", "--list")
			for _, word := range []string{k.script, k.fork, "evil", "promisor"} {
				if strings.Contains(config, word) {
					t.Errorf("%s is in the configuration of others:\n%s", word, config)
				}
			}
			if got := sh(t, made.Path, "config", "remote.origin.url"); got != k.origin {
				t.Errorf("the next attempt fetches from %s", got)
			}
		})
	}
}

// What is not where it should be is not followed.
func TestALookFollowsNothingOut(t *testing.T) {
	t.Parallel()
	link := func(t *testing.T, from, to string) {
		t.Helper()
		remove(t, from)
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	for name, trick := range map[string]func(k *tricked, secret string){
		"the git directory is a file": func(k *tricked, _ string) {
			remove(k.t, filepath.Join(k.path, ".git"))
			write(k.t, k.path, ".git", "gitdir: "+k.fork+"\n")
		},
		"the git directory is a link": func(k *tricked, _ string) { link(k.t, filepath.Join(k.path, ".git"), k.fork) },
		"the refs are a link": func(k *tricked, _ string) {
			link(k.t, filepath.Join(k.path, ".git", "refs"), filepath.Join(k.fork, "refs"))
		},
		"the objects are a link": func(k *tricked, _ string) {
			link(k.t, filepath.Join(k.path, ".git", "objects"), filepath.Join(k.fork, "objects"))
		},
		"HEAD is a link": func(k *tricked, _ string) {
			link(k.t, filepath.Join(k.path, ".git", "HEAD"), filepath.Join(k.fork, "HEAD"))
		},
		"HEAD is a pipe": func(k *tricked, _ string) {
			remove(k.t, filepath.Join(k.path, ".git", "HEAD"))
			if err := syscall.Mkfifo(filepath.Join(k.path, ".git", "HEAD"), 0o600); err != nil {
				k.t.Fatal(err)
			}
		},
		"an object is a pipe": func(k *tricked, secret string) {
			folder := filepath.Join(k.path, ".git", "objects", secret[:2])
			if err := os.MkdirAll(folder, 0o755); err != nil {
				k.t.Fatal(err)
			}
			if err := syscall.Mkfifo(filepath.Join(folder, secret[2:]), 0o600); err != nil {
				k.t.Fatal(err)
			}
		},
		"alternates lead elsewhere": func(k *tricked, secret string) {
			write(k.t, k.path, ".git/objects/info/alternates", filepath.Join(k.rig.mirror(), "objects")+"\n"+filepath.Join(k.fork, "objects")+"\n")
			write(k.t, k.path, ".git/refs/heads/"+trickedBranch, secret+"\n")
		},
		"a ref that names nothing": func(k *tricked, _ string) {
			write(k.t, k.path, ".git/refs/heads/"+trickedBranch, strings.Repeat("ab", 20)+"\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newTricked(t)
			remove(t, filepath.Join(k.path, ".gitattributes"))
			before := sh(t, k.rig.mirror(), "rev-parse", headRef(trickedBranch))
			// A commit that is in the other repository alone.
			secret := sh(t, k.fork, "commit-tree", "-p", "main", "-m", "secret", "main^{tree}")
			sh(t, k.fork, "update-ref", "refs/heads/"+trickedBranch, secret)
			trick(k, secret)
			got := k.done("gt-1", trickedBranch)
			if !strings.Contains(got.Astray, "the workspace cannot be read") || got.Head != before {
				t.Errorf("got %+v, want the branch at %s", got, before)
			}
			if _, err := run(context.Background(), command{op: "look", gitDir: k.rig.mirror(), args: []string{"cat-file", "-e", secret}}); err == nil {
				t.Error("the mirror has a commit of the other repository")
			}
			made := k.ensure(WorkspaceSpec{Bead: "gt-1", Branch: trickedBranch})
			k.checkWorkspace(made, trickedBranch, before)
		})
	}
}

// A branch that is a link inside of the clone is no branch; other branches are.
func TestARefThatIsALinkIsNotFollowed(t *testing.T) {
	t.Parallel()
	k := newTricked(t)
	sh(t, k.path, "switch", "--quiet", "-c", "other")
	commit(t, k.path, "more", "m")
	ref := filepath.Join(k.path, ".git", "refs", "heads", "linked")
	if err := os.Symlink("other", ref); err != nil {
		t.Fatal(err)
	}
	refs, err := readClone(filepath.Join(k.path, ".git"))
	if err != nil || refs.branches["linked"] != "" || refs.branches["other"] == "" || refs.on != "other" {
		t.Errorf("got %+v, %v", refs, err)
	}
}

// An object that is not what it should be does not get into the mirror.
func TestWhatComesInIsChecked(t *testing.T) {
	t.Parallel()
	k := newTricked(t)
	// A tree with an entry that would be written into the git directory of whoever checks it out.
	blob := sh(t, k.path, "hash-object", "-w", "work")
	cmd := command{op: "make a tree", dir: k.path, args: []string{"mktree"}, stdin: "100644 blob " + blob + "\t.git\n"}
	tree, err := run(context.Background(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	evil := sh(t, k.path, "commit-tree", "-p", "HEAD", "-m", "evil", strings.TrimSpace(tree))
	sh(t, k.path, "update-ref", "refs/heads/"+trickedBranch, evil)
	if got := k.done("gt-1", trickedBranch); !strings.Contains(got.Astray, "hasDotgit") || got.Head == evil {
		t.Errorf("got %+v", got)
	}
}

// One bead's stash, name and branches are not another's.
func TestWorkspacesShareNothing(t *testing.T) {
	t.Parallel()
	k := newTricked(t)
	other := k.ensure(WorkspaceSpec{Bead: "gt-2", Branch: "gt/x/gt-2"}).Path
	write(t, k.path, "work", "mine")
	sh(t, k.path, "stash", "--quiet")
	k.set("user.name", "Mallory")
	sh(t, k.path, "remote", "set-url", "--push", "origin", k.fork)
	if got := sh(t, other, "stash", "list") + sh(t, other, "config", "--get", "--default", "", "user.name"); got != "" {
		t.Errorf("the other one has %q", got)
	}
	if got := sh(t, other, "branch", "--list", "--format=%(refname:short)"); got != "gt/x/gt-2" {
		t.Errorf("the other one has the branches %s", got)
	}
	if got := sh(t, other, "remote", "get-url", "--push", "origin"); got != k.origin {
		t.Errorf("the other one pushes to %s", got)
	}
}
