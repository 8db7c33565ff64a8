package githttptest

import (
	"bytes"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

type client struct {
	t    *testing.T
	root string // of the repositories
	dir  string // a repository with one commit
}

func newClient(t *testing.T) *client {
	t.Helper()
	c := &client{t: t, root: t.TempDir(), dir: t.TempDir()}
	c.must("init", "--quiet", "--bare", "-b", "main", filepath.Join(c.root, "web.git"))
	c.must("init", "--quiet", "-b", "main", ".")
	c.commit("readme", []byte("one\n"))
	return c
}

func (c *client) git(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_AUTHOR_NAME=P", "GIT_AUTHOR_EMAIL=p@example.com", "GIT_COMMITTER_NAME=P", "GIT_COMMITTER_EMAIL=p@example.com")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (c *client) must(args ...string) string {
	c.t.Helper()
	out, err := c.git(args...)
	if err != nil {
		c.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return out
}

func (c *client) commit(name string, content []byte) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), content, 0o644); err != nil {
		c.t.Fatal(err)
	}
	c.must("add", name)
	c.must("commit", "--quiet", "-m", name)
}

func (c *client) refused(words string, args ...string) {
	c.t.Helper()
	if out, err := c.git(args...); err == nil || !strings.Contains(out, words) {
		c.t.Errorf("git %v: %v\n%s\nwant a refusal with %q", args, err, out, words)
	}
}

func TestPushesAndFetches(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	s := New(t, c.root)
	large := make([]byte, 3<<20) // above git's limit for a body of known length
	if _, err := rand.Read(large); err != nil {
		t.Fatal(err)
	}
	c.commit("large", large)
	c.must("push", "--quiet", s.Address("web.git"), "HEAD:main")
	copied := filepath.Join(t.TempDir(), "copy")
	c.must("clone", "--quiet", s.Address("web.git"), copied)
	if got, err := os.ReadFile(filepath.Join(copied, "large")); err != nil || !bytes.Equal(got, large) {
		t.Errorf("the clone has %d bytes of the file, %v", len(got), err)
	}
	if all := s.Requests(); all[len(all)-1].Protocol != "version=2" {
		t.Errorf("the clone spoke %q, want version 2", all[len(all)-1].Protocol)
	}
	c.refused("not found", "ls-remote", s.Address("other.git"))
}

func TestFaults(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	s := New(t, c.root)
	s.RequireUser("bot", "s3cret")
	c.refused("could not read Username", "ls-remote", s.Address("web.git"))
	c.must("ls-remote", strings.Replace(s.Address("web.git"), "http://", "http://bot:s3cret@", 1))
	if all := s.Requests(); all[len(all)-1].User != "bot" {
		t.Errorf("the last request came from %q, want bot", all[len(all)-1].User)
	}
	s.RequireUser("", "")
	s.Refuse(503, "closed for repairs")
	c.refused("503", "ls-remote", s.Address("web.git"))
	s.Refuse(0, "")
	other := New(t, c.root)
	s.Redirect(other.Address("")[:len(other.Address(""))-1])
	c.refused("301", "-c", "http.followRedirects=false", "ls-remote", s.Address("web.git"))
	c.must("ls-remote", s.Address("web.git"))
	if len(other.Requests()) == 0 {
		t.Error("nobody was sent on")
	}
}

func TestStalls(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	s := New(t, c.root)
	goOn := s.Stall()
	c.refused("too slow", "-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=1", "ls-remote", s.Address("web.git"))
	goOn()
	c.must("ls-remote", s.Address("web.git"))
}

func TestHooks(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	s := New(t, c.root)
	repository := filepath.Join(c.root, "web.git")
	entered, release := HoldPushes(t, repository)
	pushed := make(chan error)
	go func() {
		_, err := c.git("push", "--quiet", s.Address("web.git"), "HEAD:main")
		pushed <- err
	}()
	<-entered
	if out := c.must("ls-remote", s.Address("web.git")); out != "" {
		t.Errorf("the push has not been let through, and there is %s", out)
	}
	release()
	if err := <-pushed; err != nil {
		t.Error(err)
	}
	c.commit("more", []byte("more\n"))
	RequireSignature(t, repository)
	c.refused("must have verified signatures", "push", s.Address("web.git"), "HEAD:main")
}
