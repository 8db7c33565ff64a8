package git

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// cleaner removes from a checkout whatever is not tracked: ignored files too, repositories of others, and directories
// where files should be. `git clean` leaves some of that: a .git inside of a tracked directory, and what is read-only.
type cleaner struct {
	top    string
	known  map[string]kind // by path relative to the top
	caches []string        // patterns of untracked paths that stay
}

// directory cleans a tracked directory, given relative to the top.
func (c cleaner) directory(dir string) error {
	entries, err := os.ReadDir(filepath.Join(c.top, dir))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		switch is := c.known[name]; {
		case is == trackedDirectory && entry.IsDir():
			err = c.directory(name)
		case is == trackedModule && entry.IsDir():
			err = c.empty(name)
		case is == trackedFile && !entry.IsDir():
			continue
		default:
			err = c.remove(name, entry)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// remove removes an untracked entry but for caches in it.
func (c cleaner) remove(name string, entry fs.DirEntry) error {
	means := func(pattern string) bool { return matches(pattern, name) }
	if entry.Name() != ".git" && slices.ContainsFunc(c.caches, means) {
		return nil
	}
	full := filepath.Join(c.top, name)
	if !entry.IsDir() || !slices.ContainsFunc(c.caches, func(pattern string) bool { return leadsTo(pattern, name) }) {
		return removeTree(full)
	}
	if err := c.empty(name); err != nil {
		return err
	}
	if left, err := os.ReadDir(full); err != nil || len(left) > 0 {
		return err
	}
	return os.Remove(full)
}

// empty removes what is in an untracked directory but for caches.
func (c cleaner) empty(dir string) error {
	entries, err := os.ReadDir(filepath.Join(c.top, dir))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := c.remove(path.Join(dir, entry.Name()), entry); err != nil {
			return err
		}
	}
	return nil
}

// anyDepth in a pattern stands for any number of directories, none included.
const anyDepth = "**"

// matches tells whether a path is one that a pattern means.
func matches(pattern, name string) bool {
	return match(strings.Split(pattern, "/"), strings.Split(name, "/"), false)
}

// leadsTo tells whether something below a directory may be meant by a pattern.
func leadsTo(pattern, dir string) bool {
	return match(strings.Split(pattern, "/"), strings.Split(dir, "/"), true)
}

func match(pattern, name []string, prefix bool) bool {
	switch {
	case len(name) == 0:
		return prefix || len(pattern) == 0
	case len(pattern) == 0:
		return false
	case pattern[0] == anyDepth:
		return match(pattern[1:], name, prefix) || match(pattern, name[1:], prefix)
	}
	ok, err := path.Match(pattern[0], name[0])
	return ok && err == nil && match(pattern[1:], name[1:], prefix)
}
