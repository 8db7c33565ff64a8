package git

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What an agent writes into the configuration that worktrees share says neither where its work goes nor what the server
// runs when it merges.
func TestMergesObeyNothingThatAnAgentHasSet(t *testing.T) {
	t.Parallel()
	for name, trick := range map[string]func(tw *town, path, fork, script string){
		"another address to push to": func(tw *town, path, fork, _ string) {
			sh(tw.t, path, "remote", "set-url", "--push", "origin", fork)
		},
		"another address": func(tw *town, path, fork, _ string) { sh(tw.t, path, "remote", "set-url", "origin", fork) },
		"addresses are rewritten": func(tw *town, path, fork, _ string) {
			sh(tw.t, path, "config", "url."+fork+".insteadOf", tw.origin)
		},
		"addresses to push to are rewritten": func(tw *town, path, fork, _ string) {
			sh(tw.t, path, "config", "url."+fork+".pushInsteadOf", tw.origin)
		},
		"other programs at the remote": func(tw *town, path, _, script string) {
			sh(tw.t, path, "config", "remote.origin.uploadpack", script)
			sh(tw.t, path, "config", "remote.origin.receivepack", script)
		},
		"a folder of hooks": func(tw *town, path, _, script string) {
			for _, hook := range []string{"pre-push", "post-checkout", "reference-transaction", "pre-auto-gc"} {
				if err := os.Link(script, filepath.Join(filepath.Dir(script), hook)); err != nil {
					tw.t.Fatal(err)
				}
			}
			sh(tw.t, path, "config", "core.hooksPath", filepath.Dir(script))
		},
		"filters": func(tw *town, path, _, script string) {
			sh(tw.t, path, "config", "filter.evil.smudge", script)
			sh(tw.t, path, "config", "filter.evil.clean", script)
			sh(tw.t, path, "config", "filter.evil.process", script)
		},
		"a driver of merges": func(tw *town, path, _, script string) {
			sh(tw.t, path, "config", "merge.evil.driver", script+" %O %A %B")
		},
		"a monitor of files":  func(tw *town, path, _, script string) { sh(tw.t, path, "config", "core.fsmonitor", script) },
		"a program for ssh":   func(tw *town, path, _, script string) { sh(tw.t, path, "config", "core.sshCommand", script) },
		"another work tree":   func(tw *town, path, fork, _ string) { sh(tw.t, path, "config", "core.worktree", fork) },
		"a name and a signer": func(tw *town, path, _, script string) { sh(tw.t, path, "config", "gpg.program", script) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := newTown(t)
			base := filepath.Dir(tw.origin)
			fork, script, ran := filepath.Join(base, "fork.git"), filepath.Join(base, "evil", "script"), filepath.Join(base, "ran")
			sh(t, base, "clone", "--quiet", "--bare", tw.origin, fork)
			before := sh(t, fork, "rev-parse", "main")
			write(t, filepath.Dir(script), "script", "#!/bin/sh\ntouch '"+ran+"'\ncat\n")
			if err := os.Chmod(script, 0o755); err != nil {
				t.Fatal(err)
			}
			path, _ := tw.worked("toast", source, ".gitattributes", "* filter=evil\nreadme merge=evil\n")
			commit(t, path, "readme", "one\ntwo\n")
			commit(t, path, "work", "w")
			sh(t, path, "config", "user.name", "Evil")
			trick(tw, path, fork, script)
			_ = os.Remove(ran) // what the agent's own git has run is its own affair
			tw.push("other", "x")

			tw.done("toast", source)
			result := tw.merge(MergeRequest{Branch: source, Target: "main", Gates: []Gate{{Name: "test", Shell: "test -f work"}}})
			if result.Outcome != OutcomeMerged || tw.tip("main") != result.Commit {
				t.Fatalf("got %+v, origin has %s", result, tw.tip("main"))
			}
			if got := sh(t, fork, "rev-parse", "main"); got != before {
				t.Errorf("the fork was pushed to: %s", got)
			}
			if _, err := os.Stat(ran); err == nil {
				t.Error("the server has run what the agent configured")
			}
			if got := sh(t, tw.origin, "log", "-1", "--format=%an %cn", "main"); strings.Contains(got, "Evil") {
				t.Errorf("the merge is by %s", got)
			}
			tw.checkPlaces()
		})
	}
}

// takesBack is an origin that accepts a push by its word and has its branch as before when somebody looks.
func takesBack(t *testing.T, tw *town) {
	t.Helper()
	hook := filepath.Join(tw.origin, "hooks", "post-receive")
	write(t, filepath.Dir(hook), "post-receive", "#!/bin/sh\nread -r old _ ref && git update-ref \"$ref\" \"$old\"\n")
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
}

// A push that the remote takes is no merge: its branch must have the commit when it is read back.
func TestMergedIsReadBack(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	tw.worked("toast", source, "work", "w")
	before := tw.tip("main")
	takesBack(t, tw)
	req := MergeRequest{Branch: source, Target: "main"}
	push := tw.pushOf(req, tw.tested(req))
	found, err := tw.rig.PushMerge(context.Background(), push)
	if err != nil || !found.Pushed || found.Merged || found.Tip != before {
		t.Fatalf("got %+v, %v", found, err)
	}
	if found, err := tw.rig.FindMerged(context.Background(), push); err != nil || found.Merged || found.Pushed {
		t.Fatalf("a look found %+v, %v", found, err)
	}
	tw.checkPlaces()
	// When the remote keeps what it takes, the same commit is merged.
	if err := os.Remove(filepath.Join(tw.origin, "hooks", "post-receive")); err != nil {
		t.Fatal(err)
	}
	found, err = tw.rig.PushMerge(context.Background(), push)
	if err != nil || !found.Merged || found.Before || found.Commit != push.Commit || tw.tip("main") != push.Commit {
		t.Errorf("got %+v, %v", found, err)
	}
}

// Between the push and the look the target moves on, with the merge in it: that is a merge.
func TestATargetThatMovedOnIsFine(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	tw.worked("toast", source, "work", "w")
	hook := filepath.Join(tw.origin, "hooks", "post-receive")
	write(t, filepath.Dir(hook), "post-receive", "#!/bin/sh\nread -r _ new ref && export GIT_AUTHOR_NAME=p GIT_AUTHOR_EMAIL=p@x GIT_COMMITTER_NAME=p GIT_COMMITTER_EMAIL=p@x && "+
		"git update-ref \"$ref\" \"$(git commit-tree -p \"$new\" -m on \"$new^{tree}\")\"\n")
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	result := tw.merge(MergeRequest{Branch: source, Target: "main"})
	if result.Outcome != OutcomeMerged || tw.tip("main") == result.Commit || sh(t, tw.origin, "rev-parse", "main^") != result.Commit {
		t.Errorf("got %+v, main is %s", result, tw.tip("main"))
	}
}
