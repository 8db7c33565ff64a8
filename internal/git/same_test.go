package git

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSameRepository(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Mkdir(filepath.Join(dir, "app.git"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "app.git"), link); err != nil {
		t.Fatal(err)
	}
	for _, same := range [][]string{
		{
			"git@example.com:team/app.git", "ssh://git@example.com/team/app", "https://EXAMPLE.com/team/app.git",
			"https://token@example.com/team/app/", "ssh://example.com:22/team/app.git", "https://example.com:443/team/app",
		},
		{"/srv/app", "/srv/app/", "/srv/app/.git", "file:///srv/app", "/srv/./app.git"},
		{link, filepath.Join(dir, "app.git"), "file://" + link},
	} {
		for _, a := range same {
			for _, b := range same {
				if !SameRepository(a, b) {
					t.Errorf("%s and %s are taken for two repositories: %q and %q", a, b, canonical(a), canonical(b))
				}
			}
		}
	}
	for _, other := range [][2]string{
		{"https://example.com/team/app", "https://example.com/team/apps"},
		{"https://example.com/team/app", "https://example.org/team/app"},
		{"ssh://git@example.com:2222/team/app", "git@example.com:team/app"},
		{"/srv/app", "/srv/apps"}, {"/team/app", "example.com:team/app"}, {"https://example.com/a", "http://[bad"},
	} {
		if SameRepository(other[0], other[1]) {
			t.Errorf("%s and %s are taken for one repository", other[0], other[1])
		}
	}
}
