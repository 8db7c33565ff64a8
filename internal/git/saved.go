package git

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// bundleEnd is how the files end in which the work of a rig is saved.
const bundleEnd = ".bundle"

// SaveWork writes what the mirrors have of the town's own into files of a directory, <town>/<rig>.bundle: the branches
// of beads and what was kept of their workspaces, with all the history that they need, so that no remote is needed to
// read them. It returns the names of the files, below the directory. A server may be at work meanwhile.
func (s *Store) SaveWork(ctx context.Context, dir string) ([]string, error) {
	mirrors, err := filepath.Glob(filepath.Join(globLiteral(s.root), "*", "*", "mirror.git"))
	if err != nil {
		return nil, wrapOS("list the clones", err)
	}
	var saved []string
	for _, mirror := range mirrors {
		rig, err := filepath.Rel(s.root, filepath.Dir(mirror))
		if err != nil {
			return nil, wrapOS("list the clones", err)
		}
		some, err := s.run(ctx, command{op: "read branches", gitDir: mirror, args: []string{"for-each-ref", "--count=1", "--", "refs/heads/", "refs/gastown/"}})
		if err != nil {
			return nil, err
		}
		if some == "" {
			continue
		}
		to := filepath.Join(dir, rig+bundleEnd)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return nil, wrapOS("save the work of "+rig, err)
		}
		args := []string{"bundle", "create", "--quiet", to, "--branches", "--exclude=refs/gastown/incoming/*", "--glob=refs/gastown/*"}
		if _, err := s.run(ctx, command{op: "save the work of " + rig, gitDir: mirror, args: args, timeout: networkTimeout}); err != nil {
			return nil, err
		}
		saved = append(saved, rig+bundleEnd)
	}
	return saved, nil
}

// globLiteral has a path mean itself in a pattern.
func globLiteral(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// LoadWork makes a mirror of each file that SaveWork has written to a directory; the rigs must have none yet. The first
// fetch brings what the remote has.
func (s *Store) LoadWork(ctx context.Context, dir string, saved []string) error {
	for _, name := range saved {
		rig, file := strings.TrimSuffix(name, bundleEnd), filepath.Join(dir, name)
		mirror := filepath.Join(s.root, rig, "mirror.git")
		if err := os.MkdirAll(filepath.Dir(mirror), 0o700); err != nil {
			return wrapOS("bring back the work of "+rig, err)
		}
		op := "bring back the work of " + rig
		heads, err := s.run(ctx, command{op: op, args: []string{"bundle", "list-heads", file}})
		if err != nil {
			return err
		}
		tip, _, _ := strings.Cut(heads, " ")
		_, err = s.run(ctx, command{op: op, args: []string{"init", "--quiet", "--bare", "--template=", "--object-format=" + formatOf(tip), "--", mirror}})
		if err != nil {
			return err
		}
		args := []string{"fetch", "--quiet", "--no-write-fetch-head", "--no-auto-maintenance", "--no-tags", "--", file, "+refs/*:refs/*"}
		_, err = s.run(ctx, command{op: op, gitDir: mirror, args: args, timeout: networkTimeout, config: []string{"fetch.fsckObjects=true", "protocol.file.allow=always"}})
		if err != nil {
			return err
		}
	}
	return nil
}

// run runs a command that is about no rig.
func (s *Store) run(ctx context.Context, c command) (string, error) {
	c.around = s.around
	return run(ctx, c)
}
