package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// minVersion is the oldest git that will do. `git merge-tree --write-tree` came with 2.38; 2.39.4 has the fixes of
// CVE-2024-32002 (a submodule that runs a hook when it is cloned), CVE-2024-32004, CVE-2024-32020, CVE-2024-32021 and
// CVE-2024-32465 (what a repository of somebody else can do to whoever clones it on the same machine).
var minVersion = [...]int{2, 39, 4}

// Store keeps the mirrors and workspaces of all towns below one root directory.
// It is safe for concurrent use, also by several processes at a time.
type Store struct {
	root   string
	around surroundings

	mu    sync.Mutex
	locks map[string]*rigLock // by path of the file
}

// Open makes the root directory if need be and checks that git is installed and recent enough. The configuration of git
// of whoever runs this process is read, now and not again: an allow list of it, what gives access and who signs, is what
// git of this store obeys, and nothing that a repository or an agent sets. See [ReadOperatorConfig].
func Open(root string) (*Store, error) { return open(root, os.Environ()) }

func open(root string, environ []string) (*Store, error) {
	s, err := openBare(root)
	if err != nil {
		return nil, err
	}
	settings, err := operatorSettings(context.Background(), environ)
	if err != nil {
		return nil, err
	}
	if err := writeConfigs(s.root, settings); err != nil {
		return nil, err
	}
	s.around = surroundings{config: filepath.Join(s.root, configFiles[forServer]), environ: environ,
		ssh: sshCommand(environ, settings), access: true}
	return s, nil
}

// OpenWithoutAccess opens the store of a server for another process, which merges: its git gets nothing of what gives
// the operator access.
func OpenWithoutAccess(root string) (*Store, error) {
	s, err := openBare(root)
	if err != nil {
		return nil, err
	}
	s.around = surroundings{config: filepath.Join(s.root, configFiles[forRefinery]), environ: os.Environ()}
	return s, nil
}

// AgentConfig is the file with the configuration of git for agents: the operator's, without what gives access and
// without his signature.
func (s *Store) AgentConfig() string { return filepath.Join(s.root, configFiles[forAgents]) }

// openBare makes the directory and checks git.
func openBare(root string) (*Store, error) {
	if _, err := Version(context.Background()); err != nil {
		return nil, err
	}
	absolute, err := filepath.Abs(root)
	if err != nil {
		return nil, wrapOS("find the directory for clones", err)
	}
	if err := os.MkdirAll(absolute, 0o700); err != nil {
		return nil, wrapOS("make the directory for clones", err)
	}
	// Git writes real paths into its records of checkouts, and they are compared
	// with ours.
	resolved, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return nil, wrapOS("find the directory for clones", err)
	}
	return &Store{root: resolved, locks: make(map[string]*rigLock)}, nil
}

// Version is what git says of itself: an error if there is none, or if it is too old.
func Version(ctx context.Context) (string, error) {
	out, err := run(ctx, command{op: "run git", args: []string{"version"}, timeout: askTimeout})
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("git is not installed or not on PATH: install %s (%w)", wanted(), err)
	}
	if err != nil {
		return "", err
	}
	version := strings.TrimSpace(out)
	return version, checkVersion(version)
}

// wanted names the git that will do.
func wanted() string {
	return fmt.Sprintf("git %d.%d.%d or newer", minVersion[0], minVersion[1], minVersion[2])
}

var versionNumber = regexp.MustCompile(`^git version (\d+)\.(\d+)(?:\.(\d+))?`)

// checkVersion reads the answer of `git version`.
func checkVersion(version string) error {
	match := versionNumber.FindStringSubmatch(version)
	if match == nil {
		return fmt.Errorf("git answers %q when asked for its version: install %s", version, wanted())
	}
	var found [len(minVersion)]int
	for i := range found {
		found[i], _ = strconv.Atoi(match[i+1]) // The pattern admits digits only, or nothing: then 0.
	}
	if slices.Compare(found[:], minVersion[:]) < 0 {
		return fmt.Errorf("%s is too old, and has known holes in it: install %s", version, wanted())
	}
	return nil
}

// Rig is one repository of one town in a [Store].
type Rig struct {
	dir           string
	around        surroundings
	credential    *Credential // of the rig's own; nil where the operator's access is to do
	url           string
	defaultBranch string
	lock          *rigLock
	fetchLock     *rigLock // held over the network by who fetches; never taken by who holds another
	moduleLock    *rigLock // for asking remotes of submodules; never taken by who holds the other
}

// Rig names a rig. It reads and writes nothing; the mirror is made when it is
// first needed. Two values for the same town and rig share one lock.
func (s *Store) Rig(town, rig, url, defaultBranch string) *Rig {
	dir := filepath.Join(s.root, dirName(town), dirName(rig))
	s.mu.Lock()
	defer s.mu.Unlock()
	fetches := s.lockAt(filepath.Join(dir, "fetch.lock"))
	lock := s.lockAt(filepath.Join(dir, "rig.lock"))
	modules := s.lockAt(filepath.Join(dir, "modules.lock"))
	return &Rig{dir: dir, around: s.around, url: url, defaultBranch: defaultBranch, lock: lock, fetchLock: fetches,
		moduleLock: modules}
}

// lockAt returns the lock of a file; s.mu is held.
func (s *Store) lockAt(path string) *rigLock {
	if s.locks[path] == nil {
		s.locks[path] = newRigLock(path)
	}
	return s.locks[path]
}

// dirName makes a name safe as one directory below another: no separators, and
// none of the special names. Different names stay different.
func dirName(name string) string {
	escaped := strings.NewReplacer("%", "%25", "/", "%2F", "\\", "%5C", "\x00", "%00").Replace(name)
	if escaped == "" {
		return "%"
	}
	if escaped[0] == '.' {
		return "%2E" + escaped[1:]
	}
	return escaped
}

// The places of a rig, as drawn in the documentation of the package.
func (r *Rig) mirror() string { return filepath.Join(r.dir, "mirror.git") }
func (r *Rig) workspace(bead string) string {
	return filepath.Join(r.dir, "workspaces", dirName(bead))
}
func (r *Rig) mergeDir() string { return filepath.Join(r.dir, "merge") }
