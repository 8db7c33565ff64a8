package git

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Gates are offered no credential of whoever runs the town, and have what builds need.
func TestGatesHaveNoCredential(t *testing.T) {
	t.Parallel()
	was, home := t.TempDir(), t.TempDir()
	for _, dir := range []string{".rustup", ".cargo", ".ssh", ".config", ".cache/go-build", "go/pkg/mod"} {
		if err := os.MkdirAll(filepath.Join(was, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	got := gateEnv([]string{
		"PATH=/bin", "HOME=" + was, "LC_ALL=C", "LANG=C", "GOFLAGS=-mod=mod", "http_proxy=http://proxy:3128", "TZ=UTC",
		"HTTPS_PROXY=http://u:s3cret@proxy:3128", "GOPROXY=https://u:s3cret@go.example.com", "VOLTA_HOME=/volta",
		"GASTOWN_TOKEN=s3cret", "SSH_AUTH_SOCK=/s3cret", "GIT_ASKPASS=/s3cret", "GITHUB_TOKEN=s3cret", "AWS_SECRET_ACCESS_KEY=s3cret",
		"OPENAI_API_KEY=s3cret", "XDG_CONFIG_HOME=/s3cret", "DBUS_SESSION_BUS_ADDRESS=s3cret", "NPM_CONFIG_USERCONFIG=/s3cret",
		"GIT_CONFIG_GLOBAL=/s3cret", "PGPASSWORD=s3cret",
	}, home, []string{"NPM_TOKEN=given"})
	want := []string{
		"GIT_TERMINAL_PROMPT=0", "GOCACHE=" + filepath.Join(was, ".cache/go-build"), "GOFLAGS=-mod=mod",
		"GOMODCACHE=" + filepath.Join(was, "go/pkg/mod"), "HOME=" + home, "LANG=C", "LC_ALL=C", "NPM_TOKEN=given", "PATH=/bin",
		"RUSTUP_HOME=" + filepath.Join(was, ".rustup"), "TZ=UTC", "VOLTA_HOME=/volta", "http_proxy=http://proxy:3128", withoutKeys,
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the environment is\n%s\nand not\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The home directory of gates stays, so that what a package manager has fetched once is there.
func TestTheHomeOfGatesStays(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	var log strings.Builder
	tw.worked("toast", source, "work", "w")
	tw.checkoutAfter(MergeRequest{Branch: source, Gates: []Gate{{Name: "test", Shell: "echo kept >~/cache"}}})
	tw.worked("nux", "gt/nux/2", "more", "w")
	tw.checkoutAfter(MergeRequest{
		Branch: "gt/nux/2", Gates: []Gate{{Name: "test", Shell: "cat ~/cache; env"}}, GateEnv: []string{"GIVEN=by the rig"}, Log: &log,
	})
	for _, line := range []string{"kept\n", "HOME=" + filepath.Join(tw.rig.mergeDir(), "1", "home") + "\n", "GIVEN=by the rig\n"} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("%q is missing in\n%s", line, &log)
		}
	}
	if strings.Contains(log.String(), "GIT_CONFIG_GLOBAL") {
		t.Errorf("a variable of this process is in\n%s", &log)
	}
}
