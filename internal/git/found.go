package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Repository is what a look at a repository found.
type Repository struct {
	Branch string   // the branch asked for, else the repository's default
	Tip    string   // the commit that the branch stands at
	Notes  []string // what whoever takes the repository should know
}

// lookTimeout bounds how long the files of a repository are looked for; a look that takes longer ends with a note.
const lookTimeout = time.Minute

// Look looks at the repository at an address before it becomes a rig: an address that may not be used, does not answer,
// refuses access, or has no repository, no commit, not its whole history or not the branch, gives an [*Error] that says
// so and what to do. An empty branch stands for the repository's default.
func (s *Store) Look(ctx context.Context, address, branch string, credential *Credential) (Repository, error) {
	if err := checkURLForm(address); err != nil {
		return Repository{}, err
	}
	op := "read the repository " + mask(address)
	fault := func(class Class, words string) error {
		return &Error{Op: op, Class: class, Stderr: words, exitCode: -1}
	}
	if hasCredentials(address) {
		return Repository{}, fault(ClassOther, "its address has a name or password in it, which would be stored and shown to every agent: "+
			"give the address without, and the token by --credential env:NAME|file:PATH")
	}
	if path, local := localPath(address); local {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return Repository{}, fault(ClassNotFound, "there is no such directory")
		}
		if s.shallow(ctx, path) {
			return Repository{}, fault(ClassOther, "it is a shallow clone, and its branches cannot be merged without their history: "+
				"run git -C "+path+" fetch --unshallow first")
		}
	}
	out, err := s.ask(ctx, address, credential)
	if err != nil {
		return Repository{}, err
	}
	usual, class, wrong := chooseDefault(out)
	switch {
	case branch == "" && wrong != "", class == ClassEmptyRepository:
		return Repository{}, fault(class, wrong)
	case branch == "":
		branch = usual
	}
	if err := ValidBranch(branch); err != nil {
		return Repository{}, fault(ClassOther, err.Error()+": name another branch with --branch")
	}
	tips := tipsIn(out)
	if tips[branch] == "" {
		return Repository{}, fault(ClassNotFound, fmt.Sprintf("it has no branch %q; it has %s", branch, some(tips)))
	}
	found := Repository{Branch: branch, Tip: tips[branch]}
	found.Notes = s.notes(ctx, address, found, credential)
	return found, nil
}

// ask asks for the branches at an address.
func (s *Store) ask(ctx context.Context, address string, credential *Credential) (string, error) {
	c, err := command{
		op:      "read the repository " + mask(address),
		args:    []string{"ls-remote", "--quiet", "--symref", "--", address, "HEAD", "refs/heads/*"},
		timeout: askTimeout,
	}.opens(s.around, address, credential)
	if err != nil {
		return "", err
	}
	return run(ctx, c)
}

// notes says what the files of a branch ask for. That they could not be read is a note, too.
func (s *Store) notes(ctx context.Context, address string, found Repository, credential *Credential) []string {
	limited, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	attributes, modules, err := s.filesAt(limited, address, found, credential)
	if err != nil {
		return []string{"whether it has submodules or files in LFS could not be seen: " + err.Error()}
	}
	var notes []string
	if strings.Contains(attributes, "filter=lfs") {
		_, missing := run(ctx, command{op: "look for git-lfs", args: []string{"lfs", "version"}, timeout: askTimeout,
			around: surroundings{environ: s.around.environ}})
		if missing != nil {
			notes = append(notes, "it has files in LFS, and git-lfs is not installed here: install it, or agents and gates see pointers instead of files")
		} else {
			notes = append(notes, "it has files in LFS")
		}
	}
	if modules != "" {
		notes = append(notes, "it has submodules")
	}
	return notes
}

// filesAt reads two files at the top of a branch: fetched without history and
// without other files where the remote can do that.
func (s *Store) filesAt(ctx context.Context, address string, found Repository, credential *Credential) (attributes, modules string, err error) {
	const op = "look at the files of the repository"
	dir, err := os.MkdirTemp(s.root, ".look-*")
	if err != nil {
		return "", "", wrapOS(op, err)
	}
	defer func() { _ = removeTree(dir) }()
	open := func(args ...string) (string, error) {
		c, err := command{op: op, gitDir: dir, args: args}.opens(s.around, address, credential)
		if err != nil {
			return "", err
		}
		return run(ctx, c)
	}
	steps := [][]string{
		{"init", "--quiet", "--bare", "--template=", "--object-format=" + formatOf(found.Tip)},
		{"config", "remote.origin.url", address},
		{"config", "remote.origin.promisor", "true"},
		{"config", "remote.origin.partialCloneFilter", "blob:none"},
		{"config", "core.repositoryFormatVersion", "1"},
		{"config", "extensions.partialClone", "origin"},
		{"fetch", "--quiet", "--depth=1", "--filter=blob:none", "--no-tags", "origin", found.Tip},
	}
	for _, args := range steps {
		if _, err := open(args...); err != nil {
			return "", "", err
		}
	}
	read := func(name string) string {
		text, err := open("cat-file", "blob", found.Tip+":"+name)
		if err != nil {
			return "" // there is none
		}
		return text
	}
	return read(".gitattributes"), read(".gitmodules"), nil
}

// formatOf is the object format of a commit's name.
func formatOf(commit string) string {
	if len(commit) == 64 {
		return "sha256"
	}
	return "sha1"
}

// CheckSame checks that another address or branch has the history of the rig: next is what is at the address now. With
// another address, the branch must have all that the rig knows of its default branch, or be on the way there; another
// branch of the same repository must have begun with it. A rig that has fetched nothing yet takes anything.
func (s *Store) CheckSame(ctx context.Context, r *Rig, address string, next Repository, credential *Credential) error {
	if _, err := os.Stat(r.mirror()); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	known, err := r.refs(ctx, originRef(r.defaultBranch))
	tip := known[originRef(r.defaultBranch)]
	if err != nil || tip == "" {
		return err
	}
	op := "take " + mask(address) + " for the rig"
	refuse := func(words string) error {
		return &Error{Op: op, Class: ClassOther, Stderr: words, exitCode: -1,
			advice: "for another repository add a rig of its own: gastown rig add " + mask(address)}
	}
	if formatOf(tip) != formatOf(next.Tip) {
		return refuse("it has another object format (" + formatOf(next.Tip) + ")")
	}
	dir, err := s.commitsOf(ctx, r, address, next.Tip, credential)
	if err != nil {
		return err
	}
	defer func() { _ = removeTree(dir) }()
	out, err := r.run(ctx, command{op: op, gitDir: dir, args: []string{"merge-base", tip, next.Tip}})
	base := strings.TrimSpace(out)
	switch {
	case exitedWith(err, 1):
		return refuse(fmt.Sprintf("its branch %s has no commit in common with %s of the rig", next.Branch, r.defaultBranch))
	case err != nil:
		return err
	case address != r.url && next.Branch == r.defaultBranch && base != tip && base != next.Tip:
		return refuse(fmt.Sprintf("its branch %s does not have %.10s, where the rig's stands, and went another way after %.10s",
			next.Branch, tip, base))
	}
	return nil
}

// commitsOf fetches a commit and its history, where the remote can do that without any file, into a git directory that
// sees the rig's objects, too. The caller removes it.
func (s *Store) commitsOf(ctx context.Context, r *Rig, address, tip string, credential *Credential) (dir string, err error) {
	const op = "compare the histories"
	if dir, err = os.MkdirTemp(s.root, ".look-*"); err != nil {
		return "", wrapOS(op, err)
	}
	defer func() {
		if err != nil {
			_ = removeTree(dir)
		}
	}()
	_, err = r.run(ctx, command{op: op, args: []string{"init", "--quiet", "--bare", "--template=", "--object-format=" + formatOf(tip), "--", dir}})
	if err != nil {
		return "", err
	}
	lent := filepath.Join(dir, "objects", "info", "alternates")
	if err := os.MkdirAll(filepath.Dir(lent), 0o700); err != nil {
		return "", wrapOS(op, err)
	}
	if err := os.WriteFile(lent, []byte(filepath.Join(r.mirror(), "objects")+"\n"), 0o600); err != nil {
		return "", wrapOS(op, err)
	}
	c, err := command{
		op: op, gitDir: dir, timeout: networkTimeout,
		args: []string{"fetch", "--quiet", "--no-tags", "--filter=tree:0", "--", address, tip},
	}.opens(s.around, address, credential)
	if err != nil {
		return "", err
	}
	_, err = run(ctx, c)
	return dir, err
}

// some names the first few of many branches.
func some(tips map[string]string) string {
	const few = 10
	names := make([]string, 0, len(tips))
	for name := range tips {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// shallow tells whether a repository on this machine has only a part of its history.
func (s *Store) shallow(ctx context.Context, path string) bool {
	out, err := run(ctx, command{
		op: "read the repository " + path, dir: path, args: []string{"rev-parse", "--is-shallow-repository"},
		around: s.around,
	})
	return err == nil && strings.TrimSpace(out) == "true"
}

// tipsIn reads the branches and their commits in the answer of ls-remote.
func tipsIn(answer string) map[string]string {
	tips := map[string]string{}
	for line := range strings.Lines(answer) {
		commit, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if short, found := strings.CutPrefix(name, "refs/heads/"); found {
			tips[short] = commit
		}
	}
	return tips
}

// chooseDefault reads the answer of ls-remote: the branch HEAD names, if that
// branch has commits; else the branch a detached HEAD stands on, where that is
// beyond doubt.
func chooseDefault(answer string) (branch string, class Class, fault string) {
	var named, head string
	tips := tipsIn(answer)
	for line := range strings.Lines(answer) {
		value, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if target, found := strings.CutPrefix(value, "ref: refs/heads/"); found && name == "HEAD" {
			named = target
		} else if name == "HEAD" {
			head = value
		}
	}
	if len(tips) == 0 {
		return "", ClassEmptyRepository, "it has no commit on any branch"
	}
	if tips[named] != "" {
		return named, "", ""
	}
	var candidates []string
	for name, tip := range tips {
		if head == "" || tip == head {
			candidates = append(candidates, name)
		}
	}
	for _, usual := range []string{"main", "master"} {
		if slices.Contains(candidates, usual) {
			return usual, "", ""
		}
	}
	if len(candidates) == 1 {
		return candidates[0], "", ""
	}
	return "", ClassNotFound, "it does not say which branch is its default"
}
