package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// `gastown done` says what is not on the bead's branch, and the command that helps.
func TestDoneComparesHeadWithTheBranch(t *testing.T) {
	const branch = "gt/x/gt-1a"
	for name, c := range map[string]struct {
		script string
		want   string // empty: it is done
	}{
		"all on the branch":          {"", ""},
		"another branch":             {"git switch -qc feature/nice; git commit -qm w --allow-empty", "git switch " + branch + " && git merge feature/nice"},
		"another, with nothing new":  {"git switch -qc feature/nice", ""},
		"no branch":                  {"git switch -q --detach; git commit -qm w --allow-empty", "HEAD is on no branch, and has 1 commits"},
		"the branch is gone":         {"git branch -qm renamed", "git switch -c " + branch},
		"untracked files are hidden": {"git config status.showUntrackedFiles no; touch new", "new"},
		"changed from the beginning": {"printf '{\"made\":\"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb\"}' >.git/gastown-dirt.json; printf a >made", ""},
		"changed since":              {"printf '{\"made\":\"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb\"}' >.git/gastown-dirt.json; printf b >made", "made"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			config := filepath.Join(dir, "config")
			if err := os.WriteFile(config, []byte("[user]\n\tname = t\n\temail = t@t\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("GIT_CONFIG_GLOBAL", config)
			work := filepath.Join(dir, "work")
			cmd := exec.Command("sh", "-euc", "git init -q -b "+branch+" work; cd work; git commit -qm begin --allow-empty; "+c.script)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			t.Chdir(work)
			head, err := new(app).committed(t.Context(), branch)
			if c.want == "" && (err != nil || len(head) != 40) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %q, %v, want %q", head, err, c.want)
			}
		})
	}
}
