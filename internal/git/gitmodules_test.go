package git

import (
	"context"
	"os/exec"
	"strings"
	"testing"
)

// What git was once tricked with by .gitmodules makes an entry that nobody follows.
func TestEntriesOfGitmodules(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	for name, c := range map[string]struct{ file, path, fault string }{
		"sound":            {"[submodule \"lib\"]\n\tpath = lib\n\turl = https://example.org/lib.git\n", "lib", ""},
		"name with dots":   {"[submodule \"lib.v2\"]\n\tpath = lib\n\turl = https://example.org/lib.git\n", "lib", ""},
		"trailing slash":   {"[submodule \"lib\"]\n\tpath = lib/\n\turl = https://example.org/lib.git\n", "lib", ""},
		"name leaves":      {"[submodule \"../../hooks\"]\n\tpath = lib\n\turl = https://example.org/lib.git\n", "lib", "leaves its directory"},
		"name leaves too":  {"[submodule \"a\\\\..\\\\b\"]\n\tpath = lib\n\turl = https://example.org/lib.git\n", "lib", "leaves its directory"},
		"url is an option": {"[submodule \"lib\"]\n\tpath = lib\n\turl = --upload-pack=touch\n", "lib", "begins with a dash"},
		"host is an option": {"[submodule \"lib\"]\n\tpath = lib\n\turl = ssh://-oProxyCommand=touch/lib\n", "lib",
			"host name begins with a dash"},
		"url is a command":  {"[submodule \"lib\"]\n\tpath = lib\n\turl = ext::sh -c touch% x\n", "lib", "transport helper"},
		"url has a newline": {"[submodule \"lib\"]\n\tpath = lib\n\turl = \"https://example.org/a\\nhost=evil\"\n", "lib", "control character"},
		"url has a token":   {"[submodule \"lib\"]\n\tpath = lib\n\turl = https://me:secret@example.org/lib.git\n", "lib", "name or password"},
		"url climbs":        {"[submodule \"lib\"]\n\tpath = lib\n\turl = " + strings.Repeat("../", 40) + "lib\n", "lib", "above the rig's own"},
		"no url":            {"[submodule \"lib\"]\n\tpath = lib\n", "lib", "no url"},
		"two urls": {"[submodule \"lib\"]\n\tpath = lib\n\turl = https://example.org/lib.git\n\turl = https://evil.example/lib.git\n",
			"lib", "url twice"},
		"two entries": {"[submodule \"a\"]\n\tpath = lib\n\turl = https://example.org/lib.git\n" +
			"[submodule \"b\"]\n\tpath = lib\n\turl = https://evil.example/lib.git\n", "lib", "same path"},
		"path is an option":     {"[submodule \"lib\"]\n\tpath = -x\n\turl = https://example.org/lib.git\n", "-x", "begins with a dash"},
		"path ends in a return": {"[submodule \"lib\"]\n\tpath = \"lib\r\"\n\turl = https://example.org/lib.git\n", "lib\r", ""},
		"path leaves":           {"[submodule \"lib\"]\n\tpath = ../lib\n\turl = https://example.org/lib.git\n", "../lib", "not one below"},
		"path to hooks":         {"[submodule \"lib\"]\n\tpath = a/.GIT/hooks\n\turl = https://example.org/lib.git\n", "a/.GIT/hooks", "into a git directory"},
		"a command updates": {"[submodule \"lib\"]\n\tpath = lib\n\turl = https://example.org/lib.git\n\tupdate = !touch x\n", "lib",
			"by a command"},
		"no configuration": {"[submodule \"lib\n", "", "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			id := tw.tree(map[string]string{".gitmodules": c.file})
			found, fault, err := tw.rig.modules(context.Background(), id)
			if err != nil {
				t.Fatal(err)
			}
			if c.path == "" {
				if !strings.Contains(fault, c.fault) || len(found) != 0 {
					t.Errorf("got %v, %q", found, fault)
				}
				return
			}
			if name == "path ends in a return" {
				c.fault = "control character"
			}
			m, ok := found[c.path]
			if !ok || fault != "" || (m.fault == "") != (c.fault == "") || !strings.Contains(m.fault, c.fault) {
				t.Errorf("got %+v, %q", found, fault)
			}
		})
	}
}

// tree commits a tree of such files that stands alone, and returns it as the mirror has it.
func (tw *town) tree(files map[string]string) string {
	tw.t.Helper()
	sh(tw.t, tw.person, "checkout", "--quiet", "--orphan", "alone")
	sh(tw.t, tw.person, "rm", "--quiet", "-rf", "--cached", "--ignore-unmatch", ".")
	for name, content := range files {
		write(tw.t, tw.person, name, content)
		sh(tw.t, tw.person, "add", "--force", "--", name)
	}
	sh(tw.t, tw.person, "commit", "--quiet", "--allow-empty", "-m", "alone")
	id := sh(tw.t, tw.person, "rev-parse", "HEAD")
	sh(tw.t, tw.person, "push", "--quiet", "--force", "origin", "HEAD:alone")
	sh(tw.t, tw.person, "checkout", "--quiet", "--force", "main")
	sh(tw.t, tw.person, "branch", "--quiet", "-D", "alone")
	if err := tw.rig.Fetch(context.Background()); err != nil {
		tw.t.Fatal(err)
	}
	return id
}

// A link in the place of .gitmodules is not followed.
func TestGitmodulesIsNoLink(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	mktree := exec.Command("git", "mktree")
	mktree.Dir = tw.person
	mktree.Stdin = strings.NewReader(modeSymlink + " blob " + sh(t, tw.person, "hash-object", "-w", "--", "readme") + "\t.gitmodules\n")
	tree, err := mktree.Output()
	if err != nil {
		t.Fatal(err)
	}
	id := sh(t, tw.person, "commit-tree", "-m", "link", strings.TrimSpace(string(tree)))
	sh(t, tw.person, "push", "--quiet", "--force", "origin", id+":refs/heads/main")
	if err := tw.rig.Fetch(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, fault, err := tw.rig.modules(context.Background(), tw.tip("main")); err != nil || fault != ".gitmodules is not a file" {
		t.Errorf("got %q, %v", fault, err)
	}
}

func TestRelativeAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"https://example.org/team/app.git", "../lib.git", "https://example.org/team/lib.git"},
		{"https://example.org/team/app.git/", "./lib.git", "https://example.org/team/app.git/lib.git"},
		{"https://example.org/team/app.git", "../../other/lib.git", "https://example.org/other/lib.git"},
		{"https://example.org/team/app.git", "../../../lib.git", ""},
		{"https://example.org", "../lib.git", ""},
		{"git@example.org:app.git", "../lib.git", "git@example.org:lib.git"},
		{"git@example.org:team/app.git", "../lib.git", "git@example.org:team/lib.git"},
		{"git@example.org:team/app.git", "../../lib.git", "git@example.org:lib.git"},
		{"git@example.org:team/app.git", "../../../lib.git", ""},
		{"/srv/git/app.git", "../lib.git", "/srv/git/lib.git"},
		{"/app.git", "../../lib.git", ""},
		{"file:///srv/app.git", "../../../etc", ""},
		{"/srv/app.git", "https://example.org/x", "https://example.org/x"},
	} {
		got, fault := resolveAddress(c[0], c[1])
		if got != c[2] || (fault == "") != (c[2] != "") {
			t.Errorf("%s in %s: got %q, %q, want %q", c[1], c[0], got, fault, c[2])
		}
	}
}
