package git

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// CheckURL asks the repository at address for its default branch and for all of its branches. It is meant for
// the moment a rig is added: an address that may not be used, does not answer,
// refuses access, or has no repository, no commit or not its whole history gives an [*Error] that
// says so and what to do.
func (s *Store) CheckURL(ctx context.Context, address string) (defaultBranch string, branches []string, err error) {
	if err := checkURLForm(address); err != nil {
		return "", nil, err
	}
	op := "read the repository " + mask(address)
	fault := func(class Class, words string) error {
		return &Error{Op: op, Class: class, Stderr: words, exitCode: -1}
	}
	if hasCredentials(address) {
		return "", nil, fault(ClassOther, "its address has a name or password in it, which would be stored and shown to every agent: "+
			"give the address without, and let a credential helper of git or an ssh key on the server give access")
	}
	if path, local := localPath(address); local {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return "", nil, fault(ClassNotFound, "there is no such directory")
		}
		if s.shallow(ctx, path) {
			return "", nil, fault(ClassOther, "it is a shallow clone, and its branches cannot be merged without their history: "+
				"run git -C "+path+" fetch --unshallow first")
		}
	}
	_, local := localPath(address)
	out, err := run(ctx, command{
		op:      op,
		args:    []string{"ls-remote", "--quiet", "--symref", "--", address, "HEAD", "refs/heads/*"},
		timeout: askTimeout,
		outside: !local,
		around:  s.around,
	})
	if err != nil {
		return "", nil, err
	}
	branch, class, wrong := chooseDefault(out)
	if wrong != "" {
		return "", nil, fault(class, wrong)
	}
	return branch, branchesIn(out), nil
}

// hasCredentials tells whether an address to be asked over http or https has a user or password in it. An ssh
// address needs its user; a password has no place in it either.
func hasCredentials(address string) bool {
	parsed, err := url.Parse(address)
	if err != nil || parsed.User == nil {
		return false
	}
	_, password := parsed.User.Password()
	return password || !strings.EqualFold(parsed.Scheme, "ssh")
}

// shallow tells whether a repository on this machine has only a part of its history.
func (s *Store) shallow(ctx context.Context, path string) bool {
	out, err := run(ctx, command{
		op: "read the repository " + path, dir: path, args: []string{"rev-parse", "--is-shallow-repository"},
		around: s.around,
	})
	return err == nil && strings.TrimSpace(out) == "true"
}

// branchesIn lists the branches in the answer of ls-remote.
func branchesIn(answer string) []string {
	var names []string
	for line := range strings.Lines(answer) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if short, found := strings.CutPrefix(name, "refs/heads/"); found {
			names = append(names, short)
		}
	}
	return names
}

// chooseDefault reads the answer of ls-remote: the branch HEAD names, if that
// branch has commits; else the branch a detached HEAD stands on, where that is
// beyond doubt.
func chooseDefault(answer string) (branch string, class Class, fault string) {
	var named, head string
	tips := map[string]string{}
	for line := range strings.Lines(answer) {
		value, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if target, found := strings.CutPrefix(value, "ref: refs/heads/"); found && name == "HEAD" {
			named = target
		} else if name == "HEAD" {
			head = value
		} else if short, found := strings.CutPrefix(name, "refs/heads/"); found {
			tips[short] = value
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

// checkURLForm refuses addresses that git would take for an option or for a
// command to run, and those that are not safe on a network.
func checkURLForm(address string) error {
	if fault := urlFault(address); fault != "" {
		return &Error{Op: fmt.Sprintf("use the repository address %q", mask(address)), Class: ClassOther, Stderr: fault, exitCode: -1}
	}
	return nil
}

func urlFault(address string) string {
	switch {
	case address == "":
		return "it is empty: give an absolute path or an https, ssh or file URL"
	case strings.HasPrefix(address, "-"):
		return "it begins with a dash"
	case strings.ContainsFunc(address, unicode.IsControl):
		return "it contains a control character"
	}
	beforeSlash, _, _ := strings.Cut(address, "/")
	if strings.Contains(beforeSlash, "::") && !strings.Contains(beforeSlash, "[") {
		return "it names a transport helper (::), which could run any command: use https, ssh or a path"
	}
	if scheme, rest, found := strings.Cut(address, "://"); found {
		return schemeFault(strings.ToLower(scheme), rest, address)
	}
	if filepath.IsAbs(address) {
		return ""
	}
	if host, path, found := strings.Cut(address, ":"); found && !strings.Contains(host, "/") {
		return scpFault(host, path)
	}
	return "it is a relative path: give an absolute path or an https, ssh or file URL"
}

// schemeFault judges an address of the form scheme://rest.
func schemeFault(scheme, rest, address string) string {
	if scheme == "file" {
		if !strings.HasPrefix(rest, "/") {
			return "a file URL must have an absolute path: file:///…"
		}
		return ""
	}
	parsed, err := url.Parse(address)
	if err != nil || parsed.Hostname() == "" {
		return "it is not a valid URL"
	}
	if strings.HasPrefix(parsed.Hostname(), "-") {
		return "its host name begins with a dash"
	}
	switch {
	case scheme == "https" || scheme == "ssh":
		return ""
	case scheme == "http" && isLoopback(parsed.Hostname()):
		return ""
	case scheme == "http" || scheme == "git":
		return scheme + " is not protected on the network: use https or ssh"
	}
	return fmt.Sprintf("the scheme %q is not supported: use https, ssh, file or a path", scheme)
}

// scpFault judges an address of ssh's short form, [user@]host:path.
func scpFault(host, path string) string {
	_, name, found := strings.Cut(host, "@")
	if !found {
		name = host
	}
	switch {
	case name == "" || path == "":
		return "it is neither a path nor a URL nor host:path"
	case strings.HasPrefix(name, "-") || strings.HasPrefix(path, "-"):
		return "its host or path begins with a dash"
	}
	return ""
}

// isLoopback tells whether a host name is this machine by its very form.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// localPath returns the directory of an address on this machine.
func localPath(address string) (path string, local bool) {
	if len(address) >= len("file://") && strings.EqualFold(address[:len("file://")], "file://") {
		path = address[len("file://"):]
		if decoded, err := url.PathUnescape(path); err == nil {
			path = decoded
		}
		return path, true
	}
	return address, filepath.IsAbs(address)
}
