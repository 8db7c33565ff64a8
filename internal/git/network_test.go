package git

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gastown/internal/git/githttptest"
)

// A redirect is not followed: it is told, with the new address and what helps.
func TestARedirectIsToldAndNotFollowed(t *testing.T) {
	t.Parallel()
	tw, remote := served(t, func(string) []string { return operator(t, "[http]\n\tfollowRedirects = true\n") })
	other := githttptest.New(t, filepath.Dir(tw.origin))
	remote.Redirect(strings.TrimSuffix(other.Address(""), "/"))
	err := tw.rig.Fetch(context.Background())
	wantClass(t, err, ClassRedirected)
	wantWords(t, err, "moved to "+other.Address("origin.git"), "gastown rig set NAME --url "+other.Address("origin.git"))
	_, err = tw.store.Look(context.Background(), tw.rig.url, "", nil)
	wantClass(t, err, ClassRedirected)
	for _, r := range other.Requests() {
		t.Errorf("the redirect was followed to %s", r.Path)
	}
}

// A remote that accepts and then says nothing is given up within the limit, whoever waits for it, and holds up nobody
// who needs no fetch.
func TestAStalledRemoteIsGivenUp(t *testing.T) {
	t.Parallel()
	tw, remote := served(t, func(string) []string { return operator(t, "") })
	ctx := context.Background()
	if err := tw.rig.Fetch(ctx); err != nil {
		t.Fatal(err)
	}
	tip := tw.push("more", "x")
	goOn := remote.Stall()
	tw.rig.around.patience = time.Second
	failed := make(chan error)
	for range 4 {
		go func() { failed <- tw.rig.Fetch(ctx) }()
	}
	if err := tw.rig.locked(ctx, func() error { return nil }); err != nil {
		t.Error(err)
	}
	for range 4 {
		wantClass(t, <-failed, ClassStalled)
	}
	goOn()
	if err := tw.rig.Fetch(ctx); err != nil {
		t.Fatal(err)
	}
	if got := sh(t, tw.rig.mirror(), "rev-parse", originRef("main")); got != tip {
		t.Errorf("the mirror has %s, want %s", got, tip)
	}
}

// Whatever way git goes by, a program at the other end that says nothing is given up.
func TestAnSSHThatSaysNothingIsGivenUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "tunnel", "#!/bin/sh\nexec sleep 1000\n")
	if err := os.Chmod(filepath.Join(dir, "tunnel"), 0o755); err != nil {
		t.Fatal(err)
	}
	store, err := open(t.TempDir(), append(operator(t, ""), "GIT_SSH_COMMAND="+filepath.Join(dir, "tunnel")))
	if err != nil {
		t.Fatal(err)
	}
	rig := store.Rig("town", "web", "ssh://git@code.example/web", "main")
	rig.around.patience = time.Second
	wantClass(t, rig.Fetch(context.Background()), ClassStalled)
}

func TestSSHHasLimits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		environ  []string
		settings []setting
		want     string
	}{
		{nil, nil, "ssh" + sshLimits},
		{nil, []setting{{name: "core.sshcommand", value: "ssh -i ~/key"}}, "ssh -i ~/key" + sshLimits},
		{[]string{"GIT_SSH_COMMAND='/usr/bin/ssh' -v"}, []setting{{name: "core.sshcommand", value: "x"}}, "'/usr/bin/ssh' -v" + sshLimits},
		{nil, []setting{{name: "core.sshcommand", value: "plink"}}, ""},
		{nil, []setting{{name: "core.sshcommand", value: "my-ssh"}, {name: "ssh.variant", value: "ssh"}}, "my-ssh" + sshLimits},
		{[]string{"GIT_SSH=/opt/tunnel"}, nil, ""},
		{[]string{"GIT_SSH_VARIANT=simple"}, nil, ""},
	} {
		if got := sshCommand(test.environ, test.settings); got != test.want {
			t.Errorf("%q, %v: got %q, want %q", test.environ, test.settings, got, test.want)
		}
	}
}
