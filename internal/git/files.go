package git

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// removeTree removes a directory with all below it, also where directories are
// read-only (module caches of some tools are).
func removeTree(path string) error {
	err := os.RemoveAll(path)
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(path, func(p string, entry fs.DirEntry, walkErr error) error {
		if entry != nil && entry.IsDir() {
			// A directory that cannot be changed shows up again in the final
			// removal, whose error is the one returned.
			_ = os.Chmod(p, 0o700)
		}
		return nil
	})
	return os.RemoveAll(path)
}

// moveToFree renames path to prefix-1, or the first number that is free, and
// returns the new name. Nothing in it is lost.
func moveToFree(path, prefix string) (string, error) {
	if err := os.MkdirAll(filepath.Dir(prefix), 0o700); err != nil {
		return "", wrapOS("set a broken directory aside", err)
	}
	for n := 1; ; n++ {
		free := fmt.Sprintf("%s-%d", prefix, n)
		_, err := os.Lstat(free)
		if err == nil {
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", wrapOS("set a broken directory aside", err)
		}
		if err := os.Rename(path, free); err != nil {
			return "", wrapOS("set a broken directory aside", err)
		}
		return free, nil
	}
}
