//go:build !race

package lives

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// remote is the rig's repository, as a host of repositories keeps it.
type remote struct {
	t    *testing.T
	path string
	away string // where it is while it is out of reach
	log  string // every value that a branch ever had: "<new value> <ref>" a line
}

// noteRefs is a hook of git that writes down every change of a ref.
const noteRefs = `#!/bin/sh
[ "$1" = committed ] || exit 0
while read -r old new ref; do
	echo "$new $ref" >> "%s"
done
`

func newRemote(t *testing.T, dir string) *remote {
	r := &remote{t: t, path: filepath.Join(dir, "remote.git"), away: filepath.Join(dir, "away.git"), log: filepath.Join(dir, "refs.log")}
	run(t, dir, "git", "init", "--quiet", "--bare", "--initial-branch=main", r.path)
	write(t, filepath.Join(r.path, "hooks", "reference-transaction"), fmt.Sprintf(noteRefs, r.log), 0o755)
	seed := filepath.Join(dir, "seed")
	run(t, dir, "git", "clone", "--quiet", r.path, seed)
	write(t, filepath.Join(seed, "shared.txt"), "nobody\n", 0o644)
	write(t, filepath.Join(seed, "README"), "a rig\n", 0o644)
	commitAll(t, seed, "a person", "begin")
	run(t, seed, "git", "push", "--quiet", "origin", "HEAD:refs/heads/main")
	return r
}

// where is the folder that the repository is in at the moment.
func (r *remote) where() string {
	if _, err := os.Stat(r.path); err != nil {
		return r.away
	}
	return r.path
}

// git runs a command in the repository, wherever it is, and says whether it went well.
func (r *remote) git(args ...string) (string, bool) {
	return try(r.where(), "git", args...)
}

// leave puts the repository out of reach, comeBack brings it back.
func (r *remote) leave()    { _ = os.Rename(r.path, r.away) }
func (r *remote) comeBack() { _ = os.Rename(r.away, r.path) }

// refuse has every push refused, or no more.
func (r *remote) refuse(on bool) {
	hook := filepath.Join(r.where(), "hooks", "pre-receive")
	if !on {
		_ = os.Remove(hook)
		return
	}
	write(r.t, hook, "#!/bin/sh\necho this branch is protected >&2\nexit 1\n", 0o755)
}

// commit puts a person's commit on a branch, without a checkout.
func (r *remote) commit(branch, file, text string) {
	tip, ok := r.git("rev-parse", "--verify", "--quiet", "refs/heads/"+branch)
	if !ok {
		return
	}
	index := "GIT_INDEX_FILE=" + filepath.Join(filepath.Dir(r.path), "person.index")
	r.must(tryWith(r.where(), []string{index}, "", "git", "read-tree", tip))
	blob := r.must(tryWith(r.where(), nil, text, "git", "hash-object", "-w", "--stdin"))
	r.must(tryWith(r.where(), []string{index}, "", "git", "update-index", "--add", "--cacheinfo", "100644,"+blob+","+file))
	tree := r.must(tryWith(r.where(), []string{index}, "", "git", "write-tree"))
	made := r.must(tryWith(r.where(), person("a person"), "", "git", "commit-tree", tree, "-p", tip, "-m", "by a person"))
	r.git("update-ref", "refs/heads/"+branch, made, tip) // a push may have been quicker
}

func (r *remote) must(out string, ok bool) string {
	r.t.Helper()
	if !ok {
		r.t.Fatalf("in %s: %s", r.where(), out)
	}
	return out
}

// everHad tells whether a commit was ever part of a branch.
func (r *remote) everHad(commit, branch string) bool {
	data, err := os.ReadFile(r.log)
	if err != nil {
		r.t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		value, ref, _ := strings.Cut(strings.TrimSpace(line), " ")
		if ref != "refs/heads/"+branch || strings.Trim(value, "0") == "" {
			continue
		}
		if _, inside := r.git("merge-base", "--is-ancestor", commit, value); inside {
			return true
		}
	}
	return false
}

// person is the environment by which git knows who commits.
func person(name string) []string {
	return []string{
		"GIT_AUTHOR_NAME=" + name, "GIT_AUTHOR_EMAIL=someone@example.org", "GIT_COMMITTER_NAME=" + name, "GIT_COMMITTER_EMAIL=someone@example.org",
	}
}

// commitAll commits everything that is in a folder.
func commitAll(t *testing.T, dir, by, message string) {
	t.Helper()
	run(t, dir, "git", "add", "--all")
	if out, ok := tryWith(dir, person(by), "", "git", "commit", "--quiet", "--allow-empty", "-m", message); !ok {
		t.Fatalf("commit: %s", out)
	}
}

// run runs a command that must go well.
func run(t *testing.T, dir string, argv ...string) string {
	t.Helper()
	out, ok := try(dir, argv[0], argv[1:]...)
	if !ok {
		t.Fatalf("%s: %s", strings.Join(argv, " "), out)
	}
	return out
}

// try runs a command and returns what it wrote, and whether it went well.
func try(dir, name string, args ...string) (string, bool) {
	return tryWith(dir, nil, "", name, args...)
}

func tryWith(dir string, env []string, stdin, name string, args ...string) (string, bool) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err == nil
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
