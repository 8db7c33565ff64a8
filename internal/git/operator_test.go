package git

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gastown/internal/git/githttptest"
)

// operator is the environment of somebody with this configuration of git.
func operator(t *testing.T, config string) []string {
	t.Helper()
	home := t.TempDir()
	write(t, home, ".gitconfig", config)
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "GIT_CONFIG_NOSYSTEM=1"}
}

// served is a rig whose address leads to a server over HTTP, for an operator with that configuration.
func served(t *testing.T, environ func(address string) []string) (*town, *githttptest.Server) {
	t.Helper()
	tw := newTown(t)
	remote := githttptest.New(t, filepath.Dir(tw.origin))
	address := remote.Address("origin.git")
	store, err := open(filepath.Join(t.TempDir(), "clones"), environ(address))
	if err != nil {
		t.Fatal(err)
	}
	tw.store, tw.rig = store, store.Rig("town", "web", address, "main")
	return tw, remote
}

// The operator's credential helper opens the remote for the server's fetch, and for nobody else.
func TestServerUsesTheOperatorsCredentialHelper(t *testing.T) {
	t.Parallel()
	tw, remote := served(t, func(string) []string {
		return operator(t, "[credential]\n\thelper = \"!f() { echo username=bot; echo password=s3cret; }; f\"\n[user]\n\tname = Op\n\temail = op@example.com\n")
	})
	remote.RequireUser("bot", "s3cret")
	if err := tw.rig.Fetch(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := tw.store.Look(context.Background(), tw.rig.url, "", nil); err != nil {
		t.Error(err)
	}
	merging, err := OpenWithoutAccess(tw.store.root)
	if err != nil {
		t.Fatal(err)
	}
	wantClass(t, merging.Rig("town", "web", tw.rig.url, "main").Fetch(context.Background()), ClassAuth)
	agents := read(t, tw.store.root, configFiles[forAgents])
	if strings.Contains(agents, "credential") || !strings.Contains(agents, `name = "Op"`) {
		t.Errorf("agents get\n%s", agents)
	}
}

// What a repository or the configuration at the remote says has no part in where the server goes.
func TestOperatorsInsteadOfIsObeyedAndNoOther(t *testing.T) {
	t.Parallel()
	var elsewhere string
	tw, remote := served(t, func(address string) []string {
		elsewhere = strings.Replace(address, "127.0.0.1", "localhost", 1)
		return operator(t, "[url \""+address+"\"]\n\tinsteadOf = https://code.example/web\n")
	})
	tw.rig = tw.store.Rig("town", "web", "https://code.example/web", "main")
	if err := tw.rig.Fetch(context.Background()); err != nil {
		t.Fatal(err)
	}
	path := tw.ensure(WorkspaceSpec{Bead: "gt-1", Branch: "gt/x/gt-1"}).Path
	sh(t, path, "config", "url."+elsewhere+"/none.insteadOf", remote.Address("origin.git"))
	sh(t, path, "config", "url."+elsewhere+"/none.insteadOf", "https://code.example/")
	sh(t, path, "config", "http.proxy", "http://127.0.0.1:1")
	tip := tw.push("more", "x")
	if err := tw.rig.Fetch(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := sh(t, tw.rig.mirror(), "rev-parse", originRef("main")); got != tip {
		t.Errorf("the mirror has %s, want %s", got, tip)
	}
}

func TestOperatorsConfigurationIsTakenOverByAnAllowList(t *testing.T) {
	t.Parallel()
	environ := operator(t, `
[include]
	path = more
[user]
	name = "O \"Brien\" \\ # x"
	email = o@example.com
	signingKey = ABC
[core]
	sshCommand = ssh -i ~/key
	hooksPath = /evil
	editor = vi
[http "https://code.example"]
	proxy = http://proxy:3128
	extraHeader = "Authorization: x"
	followRedirects = true
[alias]
	c = commit
[filter "lfs"]
	required
`)
	write(t, strings.TrimPrefix(environ[1], "HOME="), "more", "[credential \"https://code.example\"]\n\thelper =\n\thelper = store\n")
	environ = append(environ, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=credential.helper", "GIT_CONFIG_VALUE_0=cache\n\t2")
	store, err := open(t.TempDir(), environ)
	if err != nil {
		t.Fatal(err)
	}
	for to, want := range map[audience][]string{
		forServer: {
			"credential.helper=cache\n\t2", "credential.https://code.example.helper=", "credential.https://code.example.helper=store",
			"core.sshcommand=ssh -i ~/key", "filter.lfs.required", "http.https://code.example.extraheader=Authorization: x",
			"http.https://code.example.proxy=http://proxy:3128", "user.email=o@example.com", `user.name=O "Brien" \ # x`, "user.signingkey=ABC",
		},
		forAgents: {
			"alias.c=commit", "core.editor=vi", "core.hookspath=/evil", "filter.lfs.required",
			"http.https://code.example.proxy=http://proxy:3128", "user.email=o@example.com", `user.name=O "Brien" \ # x`,
		},
		forRefinery: {"filter.lfs.required", "user.email=o@example.com", `user.name=O "Brien" \ # x`},
	} {
		path := filepath.Join(store.root, configFiles[to])
		var got []string
		for entry := range strings.SplitSeq(sh(t, "/", "config", "--file", path, "--list", "--null"), "\x00") {
			if entry != "" {
				got = append(got, strings.Replace(entry, "\n", "=", 1))
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s has\n%q\nwant\n%q", configFiles[to], got, want)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

// Only what goes to another machine has the operator's access in its environment.
func TestAccessGoesOutsideOnly(t *testing.T) {
	t.Parallel()
	s := surroundings{config: "/c", access: true, environ: []string{
		"PATH=/bin", "SSH_AUTH_SOCK=/s", "GITHUB_TOKEN=t", "ANTHROPIC_API_KEY=k", "GIT_DIR=/x", "GIT_CONFIG_COUNT=1", "GIT_COMMITTER_NAME=n",
	}}
	inside, outside := strings.Join(s.gitEnv(false), " "), strings.Join(s.gitEnv(true), " ")
	for _, env := range []string{inside, outside} {
		for _, word := range []string{"ANTHROPIC", "GIT_DIR", "GIT_CONFIG_COUNT"} {
			if strings.Contains(env, word) {
				t.Errorf("git gets %s: %s", word, env)
			}
		}
		if !strings.Contains(env, "PATH=/bin GIT_COMMITTER_NAME=n") || !strings.HasSuffix(env, "GIT_CONFIG_GLOBAL=/c") {
			t.Errorf("git gets %s", env)
		}
	}
	if strings.Contains(inside, "SSH_AUTH_SOCK") || strings.Contains(inside, "TOKEN") {
		t.Errorf("a command on this machine gets %s", inside)
	}
	if !strings.Contains(outside, "SSH_AUTH_SOCK=/s GITHUB_TOKEN=t") {
		t.Errorf("a command that goes outside gets %s", outside)
	}
	s.access = false
	if got := strings.Join(s.gitEnv(true), " "); got != inside {
		t.Errorf("without access, git gets %s", got)
	}
}
