package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The words are those of real remotes: reason is git's own, remote what came from the other side.
func TestRefusalsAreClassified(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reason, remote string
		want           PushClass
	}{
		"GitHub, protected branch": {"[remote rejected] (protected branch hook declined)",
			"error: GH006: Protected branch update failed for refs/heads/main.\nerror: Changes must be made through a pull request.", PushProtected},
		"GitHub, required check": {"[remote rejected] (protected branch hook declined)",
			"error: GH006: Protected branch update failed for refs/heads/main.\nerror: Required status check \"ci\" is expected.", PushProtected},
		"GitHub, ruleset": {"[remote rejected] (push declined due to repository rule violations)",
			"error: GH013: Repository rule violations found for refs/heads/main.\n- Changes must be made through a pull request.", PushProtected},
		"GitHub, merge queue": {"[remote rejected] (push declined due to repository rule violations)",
			"error: GH013: Repository rule violations found for refs/heads/main.\n- Changes must be made through the merge queue", PushProtected},
		"GitHub, ruleset of signatures": {"[remote rejected] (push declined due to repository rule violations)",
			"error: GH013: Repository rule violations found for refs/heads/main.\n- Commits must have verified signatures.\nFound 1 violation:", PushSignature},
		"GitHub, protected with signatures": {"[remote rejected] (protected branch hook declined)",
			"error: GH006: Protected branch update failed for refs/heads/main.\nerror: Commits must have verified signatures.", PushSignature},
		"GitHub, large file": {"[remote rejected] (pre-receive hook declined)",
			"error: Trace: 9bd\nerror: See https://gh.io/lfs for more information.\nerror: File big.bin is 120.00 MB; this exceeds GitHub's file size limit of 100.00 MB\nerror: GH001: Large files detected.", PushSize},
		"GitHub, archived":           {"[remote rejected]", "This repository was archived so it is read-only.", PushRights},
		"GitHub, read-only key":      {"[remote rejected]", "ERROR: The key you are authenticating with has been marked as read only: deploy key", PushRights},
		"GitLab, protected branch":   {"[remote rejected] (pre-receive hook declined)", "GitLab: You are not allowed to push code to protected branches on this project.", PushProtected},
		"GitLab, no rights":          {"[remote rejected] (pre-receive hook declined)", "GitLab: You are not allowed to push code to this project.", PushRights},
		"GitLab, unsigned":           {"[remote rejected] (pre-receive hook declined)", "GitLab: Commit must be signed with a GPG key", PushSignature},
		"GitLab, large file":         {"[remote rejected] (pre-receive hook declined)", "GitLab: File \"big.bin\" is larger than the allowed size of 10 MiB. Use Git LFS.", PushSize},
		"GitLab, rule for messages":  {"[remote rejected] (pre-receive hook declined)", "GitLab: Commit message does not follow the pattern 'JIRA\\-\\d+'", PushHook},
		"GitLab, repository is full": {"[remote rejected] (pre-receive hook declined)", "GitLab: Your push to this repository would cause it to exceed the allocated storage limit: the repository exceeds the maximum", PushSize},
		"Gitea, protected branch":    {"[remote rejected] (pre-receive hook declined)", "Gitea: Not allowed to push to protected branch main", PushProtected},
		"Gitea, required signatures": {"[remote rejected] (pre-receive hook declined)", "Gitea: branch main is protected from unsigned commit 0a1b2c", PushSignature},
		"Gitea, no rights":           {"[remote rejected] (pre-receive hook declined)", "Gitea: User permission denied for writing.", PushRights},
		"a plain hook":               {"[remote rejected] (pre-receive hook declined)", "not on Fridays", PushHook},
		"a plain update hook":        {"[remote rejected] (hook declined)", "", PushHook},
		"gitolite":                   {"[remote rejected] (hook declined)", "FATAL: W refs/heads/main web gastown DENIED by fallthru", PushHook},
		"a checkout":                 {"[remote rejected] (branch is currently checked out)", "error: refusing to update checked out branch: refs/heads/main", PushProtected},
		"something new":              {"[remote rejected] (the moon is full)", "", PushOther},
	} {
		if got := classifyRefusal(test.reason, test.remote); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// Each class names what helps.
func TestRefusalsNameARemedy(t *testing.T) {
	t.Parallel()
	for class, want := range map[PushClass]string{
		PushProtected: "merge_strategy pr", PushSignature: "sign_commits", PushHook: "the hook", PushSize: "LFS",
		PushRights: "credentials", PushMoved: "lock", PushOther: "remote says",
	} {
		err := &PushRefusedError{Target: "main", Class: class, Reason: "no", Remote: "said\nso"}
		if text := err.Error(); !strings.Contains(text, want) || !strings.Contains(text, "said; so") {
			t.Errorf("%s: %s", class, text)
		}
	}
}

// Real hooks, and a lock that a git at the remote has left behind: that is no race.
func TestRefusalsOfARealRemote(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file, content string
		want          PushClass
	}{
		"hook":      {"hooks/pre-receive", "#!/bin/sh\necho not on Fridays >&2\nexit 1\n", PushHook},
		"update":    {"hooks/update", "#!/bin/sh\nexit 1\n", PushHook},
		"protected": {"hooks/pre-receive", "#!/bin/sh\necho 'GitLab: You are not allowed to push code to protected branches on this project.' >&2\nexit 1\n", PushProtected},
		"signature": {"hooks/pre-receive", "#!/bin/sh\necho 'error: GH006: Commits must have verified signatures.' >&2\nexit 1\n", PushSignature},
		"lock":      {"refs/heads/main.lock", "", PushMoved},
	} {
		tw := newTown(t)
		tw.worked("toast", source, "work", "w")
		req := MergeRequest{Branch: source, Target: "main"}
		result := tw.tested(req)
		write(t, tw.origin, test.file, test.content)
		if err := os.Chmod(filepath.Join(tw.origin, test.file), 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := tw.rig.PushMerge(context.Background(), tw.pushOf(req, result))
		var refused *PushRefusedError
		if !errors.As(err, &refused) || refused.Class != test.want {
			t.Errorf("%s: got %v", name, err)
		}
		if tw.tip("main") != result.Target {
			t.Errorf("%s: main has moved", name)
		}
	}
}
