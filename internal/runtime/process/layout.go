package process

import (
	"cmp"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gastown/internal/runtime"
)

// The files of a run directory; see the package documentation.
const (
	fileSpec       = "spec.json"
	fileEnviron    = "environ"
	fileStdin      = "stdin"
	fileAlive      = "alive"
	fileSupervisor = "supervisor.json"
	fileAgent      = "agent.json"
	fileHeartbeat  = "heartbeat"
	fileExit       = "exit.json"
	fileForgotten  = "forgotten.json"
	fileTrouble    = "supervisor.log"
	dirLog         = "log"
	dirWork        = "work"
)

// fileLock keeps a second server away from the same root.
const fileLock = ".lock"

// Nobody but the owner may look: environments and logs hold secrets.
const (
	modeDir  fs.FileMode = 0o700
	modeFile fs.FileMode = 0o600
)

// maxName is the longest directory name that every usual file system takes.
const maxName = 255

// encodeName makes a directory name of a town's or agent's name. Different
// names give different directories, and none is hidden or leads elsewhere.
func encodeName(name string) string {
	s := url.PathEscape(name)
	if strings.HasPrefix(s, ".") {
		s = "%2E" + s[1:]
	}
	return s
}

// decodeName is the inverse of encodeName; it refuses what that never returns.
func decodeName(dir string) (string, bool) {
	name, err := url.PathUnescape(dir)
	return name, err == nil && encodeName(name) == dir
}

// agentDir is where the runs of an agent are.
func agentDir(root string, key runtime.Key) string {
	return filepath.Join(root, encodeName(key.History), encodeName(key.Town), encodeName(key.Agent))
}

// runDir is where everything about a run is.
func runDir(root string, key runtime.Key) string {
	return filepath.Join(agentDir(root, key), strconv.FormatInt(key.Run, 10))
}

// runNumbers returns the runs that an agent has directories for, ascending. An
// agent that never ran has none.
func runNumbers(dir string) ([]int64, error) {
	names, err := subdirs(dir)
	if err != nil {
		return nil, err
	}
	var runs []int64
	for _, name := range names {
		n, err := strconv.ParseInt(name, 10, 64)
		if err == nil && n > 0 && strconv.FormatInt(n, 10) == name {
			runs = append(runs, n)
		}
	}
	slices.Sort(runs)
	return runs, nil
}

// allKeys returns the runs that have directories under root, ordered by history,
// town, agent and run. Directories that are not ours are left alone.
func allKeys(root string) ([]runtime.Key, error) {
	keys, err := keysBelow(root, runtime.Key{}, []func(*runtime.Key, string){
		func(k *runtime.Key, name string) { k.History = name },
		func(k *runtime.Key, name string) { k.Town = name },
		func(k *runtime.Key, name string) { k.Agent = name },
	})
	slices.SortFunc(keys, compareKeys)
	return keys, err
}

// keysBelow returns the runs below a directory, of whose keys the named parts
// are still to be read.
func keysBelow(dir string, key runtime.Key, parts []func(*runtime.Key, string)) ([]runtime.Key, error) {
	var keys []runtime.Key
	if len(parts) == 0 {
		runs, err := runNumbers(dir)
		for _, run := range runs {
			key.Run = run
			keys = append(keys, key)
		}
		return keys, err
	}
	dirs, err := subdirs(dir)
	if err != nil {
		return nil, err
	}
	for _, d := range dirs {
		name, ok := decodeName(d)
		if !ok {
			continue
		}
		parts[0](&key, name)
		below, err := keysBelow(filepath.Join(dir, d), key, parts[1:])
		if err != nil {
			return nil, err
		}
		keys = append(keys, below...)
	}
	return keys, nil
}

// compareKeys orders keys by history, town, agent and run.
func compareKeys(a, b runtime.Key) int {
	return cmp.Or(strings.Compare(a.History, b.History), strings.Compare(a.Town, b.Town), strings.Compare(a.Agent, b.Agent), cmp.Compare(a.Run, b.Run))
}

// subdirs returns the names of the directories in dir; none if dir is missing.
func subdirs(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the run directories: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
