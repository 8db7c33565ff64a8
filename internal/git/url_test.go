package git

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

func TestURLForm(t *testing.T) {
	t.Parallel()
	good := []string{
		"/srv/repo", "/srv/with space/ünï", "file:///srv/repo", "https://example.com/a/b.git", "https://user:pw@example.com/a",
		"ssh://git@example.com:2222/a/b", "git@example.com:a/b.git", "example.com:a/b", "http://localhost:3000/a", "http://127.0.0.1/a",
		"/srv/odd::name", "ssh://git@[::1]/a",
	}
	for _, address := range good {
		if err := checkURLForm(address); err != nil {
			t.Errorf("%q is refused: %v", address, err)
		}
	}
	bad := []string{
		"", "-uevil", "--upload-pack=evil", "ext::sh -c evil", "fd::17", "relative/path", ".", "../x", "https://", "ftp://example.com/a",
		"http://example.com/a", "git://example.com/a", "ssh://-oProxyCommand=evil/a", "-oProxyCommand=evil:a", "git@-oProxyCommand=x:a",
		"host:-x", "/srv/line\nbreak", "file://relative", "ext::/bin/x", "https://exa mple.com/%zz",
	}
	for _, address := range bad {
		if err := checkURLForm(address); err == nil {
			t.Errorf("%q is accepted", address)
		}
	}
}

func TestLook(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	ctx := context.Background()
	for _, address := range []string{tw.origin, tw.person, "file://" + strings.ReplaceAll(tw.origin, " ", "%20")} {
		found, err := testStore(t).Look(ctx, address, "", nil)
		if err != nil || found.Branch != "main" || found.Tip != tw.tip("main") || found.Notes != nil {
			t.Errorf("Look(%q) = %+v, %v", address, found, err)
		}
	}
	empty, plain := t.TempDir(), t.TempDir()
	sh(t, empty, "init", "--quiet")
	for address, class := range map[string]Class{
		filepath.Join(plain, "nothing"): ClassNotFound,
		plain:                           ClassNotARepository,
		empty:                           ClassEmptyRepository,
		"https://127.0.0.1:1/a":         ClassUnreachable,
		"ext::sh -c true":               ClassOther,
	} {
		_, err := testStore(t).Look(ctx, address, "", nil)
		wantClass(t, err, class)
		if err != nil && class != ClassOther && !strings.Contains(err.Error(), remedies[class]) {
			t.Errorf("error %q names no remedy", err)
		}
	}
}

// An address with a secret in it would be stored, and every agent would see it.
func TestAnAddressWithCredentialsIsRefused(t *testing.T) {
	t.Parallel()
	for address, refused := range map[string]bool{
		"https://user:pw@127.0.0.1:1/a": true, "https://token@127.0.0.1:1/a": true, "http://token@127.0.0.1:1/a": true,
		"ssh://git:pw@127.0.0.1:1/a": true, "ssh://git@127.0.0.1:1/a": false, "https://127.0.0.1:1/a": false,
	} {
		_, err := testStore(t).Look(context.Background(), address, "", nil)
		if got := err != nil && strings.Contains(err.Error(), "--credential"); got != refused {
			t.Errorf("%s: %v", mask(address), err)
		}
		if err != nil && (strings.Contains(err.Error(), "pw") || strings.Contains(err.Error(), "token@")) {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
}

// A shallow clone lacks what merges need, and the error has the command that completes it.
func TestAShallowCloneIsRefused(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	dir := filepath.Join(t.TempDir(), "shallow")
	sh(t, t.TempDir(), "clone", "--quiet", "--depth=1", "file://"+strings.ReplaceAll(tw.origin, " ", "%20"), dir)
	for _, address := range []string{dir, "file://" + dir} {
		_, err := testStore(t).Look(context.Background(), address, "", nil)
		if err == nil || !strings.Contains(err.Error(), "git -C "+dir+" fetch --unshallow") {
			t.Errorf("%s: %v", address, err)
		}
	}
	sh(t, dir, "fetch", "--quiet", "--unshallow")
	if _, err := testStore(t).Look(context.Background(), dir, "", nil); err != nil {
		t.Errorf("it is refused when it is whole: %v", err)
	}
}

func TestChooseDefault(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer, branch string
		class          Class
	}{
		"named":            {"ref: refs/heads/trunk\tHEAD\na\tHEAD\na\trefs/heads/trunk\nb\trefs/heads/main\n", "trunk", ""},
		"detached":         {"b\tHEAD\na\trefs/heads/main\nb\trefs/heads/x\n", "x", ""},
		"detached between": {"c\tHEAD\na\trefs/heads/main\nb\trefs/heads/x\n", "", ClassNotFound},
		"unborn":           {"a\trefs/heads/x\nb\trefs/heads/main\n", "main", ""},
		"one branch":       {"a\trefs/heads/x\n", "x", ""},
		"two branches":     {"a\trefs/heads/x\nb\trefs/heads/y\n", "", ClassNotFound},
		"empty":            {"", "", ClassEmptyRepository},
	} {
		branch, class, _ := chooseDefault(test.answer)
		if branch != test.branch || class != test.class {
			t.Errorf("%s: got %q, %q", name, branch, class)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	for version, good := range map[string]bool{
		"git version 2.39.4": true, "git version 2.39.5 (Apple Git-154)": true, "git version 2.50.1.windows.1": true, "git version 3.0": true,
		"git version 2.39.3": false, "git version 2.39": false, "git version 2.38.9": false, "git version 1.99": false, "busybox": false,
	} {
		err := checkVersion(version)
		if (err == nil) != good {
			t.Errorf("checkVersion(%q) = %v", version, err)
		}
		if err != nil && !strings.Contains(err.Error(), "install git 2.39.4") {
			t.Errorf("error %q names no remedy", err)
		}
	}
}

func TestOpenWithoutGit(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Open(t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "install git") {
		t.Errorf("Open without git: %v", err)
	}
}

func TestDirName(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, name := range []string{"web", "..", ".", "", "a/b", "a%2Fb", "../x", "ünï cöde", "\x00", "%", ".hidden", "%2Ehidden"} {
		dir := dirName(name)
		if other, taken := seen[dir]; taken {
			t.Errorf("%q and %q share the directory %q", name, other, dir)
		}
		seen[dir] = name
		if dir == "" || strings.ContainsAny(dir, "/\x00") || !filepath.IsLocal(dir) || strings.HasPrefix(dir, ".") {
			t.Errorf("%q gives the directory %q", name, dir)
		}
	}
}

func TestCredentialsAreMasked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"x https://user:s3cret@h/a y":          "x https://***@h/a y",
		"https://s3cret@h/a":                   "https://***@h/a",
		"https://u:p@s3cret@h/a":               "https://***@h/a",
		"ssh://git:s3cret@h/a":                 "ssh://git:***@h/a",
		"ssh://git@h/a":                        "ssh://git@h/a",
		"https://h/a?private_token=s3cret&x=1": "https://h/a?private_token=***&x=1",
		"'https://h/a' and mail a@b":           "'https://h/a' and mail a@b",
	} {
		if got := mask(text); got != want {
			t.Errorf("mask(%q) = %q, want %q", text, got, want)
		}
	}
	_, err := testStore(t).Look(context.Background(), "https://user:s3cret@127.0.0.1:1/a", "", nil)
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error tells the password or is missing: %v", err)
	}
	store, openErr := Open(t.TempDir())
	if openErr != nil {
		t.Fatal(openErr)
	}
	err = store.Rig("t", "r", "https://user:s3cret@127.0.0.1:1/a", "main").Fetch(context.Background())
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error tells the password or is missing: %v", err)
	}
	wantClass(t, err, ClassUnreachable)
}

func TestClassify(t *testing.T) {
	t.Parallel()
	ending := "\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n"
	for said, class := range map[string]Class{
		"git@github.com: Permission denied (publickey)." + ending:                                 ClassAuth,
		"Host key verification failed." + ending:                                                  ClassAuth,
		"fatal: could not read Username for 'https://h': terminal prompts disabled":               ClassAuth,
		"fatal: unable to access 'https://h/': The requested URL returned error: 403":             ClassAuth,
		"fatal: detected dubious ownership in repository at '/x'" + ending:                        ClassAuth,
		"ssh: Could not resolve hostname x: Name or service not known" + ending:                   ClassUnreachable,
		"fatal: unable to access 'https://h/': The requested URL returned error: 502":             ClassUnreachable,
		"fatal: the remote end hung up unexpectedly":                                              ClassUnreachable,
		"remote: Repository not found.\nfatal: repository 'https://h/a/' not found":               ClassNotFound,
		"ERROR: Repository not found." + ending:                                                   ClassNotFound,
		"fatal: '/x' does not appear to be a git repository" + ending:                             ClassNotARepository,
		"fatal: write error: No space left on device\nfatal: the remote end hung up unexpectedly": ClassDiskFull,
		"error: something else": ClassOther,
	} {
		if got := classify(said); got != class {
			t.Errorf("classify(%q) = %q, want %q", said, got, class)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	env := strings.Join(surroundings{environ: []string{"GIT_INDEX_FILE=/x", "SSH_AUTH_SOCK=/s"}}.gitEnv(true), " ")
	if !strings.Contains(env, "GIT_TERMINAL_PROMPT=0") || !strings.Contains(env, "LC_ALL=C") || strings.Contains(env, "GIT_INDEX_FILE") || strings.Contains(env, "SSH_AUTH") {
		t.Errorf("git gets %q", env)
	}
}
