package git

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
)

// What a commit says about submodules is read from its objects, never from files: files are an agent's. Nothing in it is
// obeyed; what git has been tricked with (names that leave a directory, addresses and paths that read as options,
// control characters, links, commands as the way to update) makes an entry one that cannot be used.

// maxModulesBytes bounds .gitmodules and .lfsconfig; entries have some hundred bytes each.
const maxModulesBytes = 1 << 20

// modeGitlink is the mode of an entry of a tree that is a commit of another repository.
const modeGitlink = "160000"

// modeSymlink is the mode of a symbolic link.
const modeSymlink = "120000"

// module is an entry of .gitmodules.
type module struct {
	name, path, url string
	address         string // the URL, resolved against the rig's address
	fault           string // why the entry cannot be used; empty if it can
}

// modules reads the entries of .gitmodules of a commit, by path. A file that cannot be read gives its fault.
func (r *Rig) modules(ctx context.Context, commit string) (byPath map[string]module, fault string, err error) {
	entries, fault, err := r.configIn(ctx, commit, ".gitmodules")
	if err != nil || fault != "" {
		return nil, fault, err
	}
	byName := map[string]*module{}
	var names []string
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.name, "submodule.")
		at := strings.LastIndexByte(rest, '.')
		if !ours || at < 0 {
			continue
		}
		name, key := rest[:at], rest[at+1:]
		m := byName[name]
		if m == nil {
			m = &module{name: name, fault: moduleNameFault(name)}
			byName[name] = m
			names = append(names, name)
		}
		m.set(key, e.value)
	}
	byPath = make(map[string]module, len(names))
	for _, name := range names {
		m := byName[name]
		r.finish(m)
		if other, taken := byPath[m.path]; taken {
			other.fault = fmt.Sprintf("the entries %q and %q name the same path", other.name, name)
			byPath[m.path] = other
			continue
		}
		byPath[m.path] = *m
	}
	return byPath, "", nil
}

// set takes one value of an entry.
func (m *module) set(key, value string) {
	var into *string
	switch key {
	case "path":
		into = &m.path
	case "url":
		into = &m.url
	case "update":
		if strings.HasPrefix(strings.TrimSpace(value), "!") {
			m.blame("it is to be updated by a command, which git refuses")
		}
		return
	default:
		return
	}
	if *into != "" {
		m.blame("it has " + key + " twice")
		return
	}
	*into = value
}

// blame notes the first fault of an entry.
func (m *module) blame(fault string) {
	if m.fault == "" {
		m.fault = fault
	}
}

// finish checks an entry that is complete and finds its address.
func (r *Rig) finish(m *module) {
	m.path = strings.TrimSuffix(m.path, "/")
	m.blame(modulePathFault(m.path))
	if m.url == "" {
		m.blame("it has no url")
		return
	}
	address, fault := resolveAddress(r.url, m.url)
	if fault == "" {
		fault = addressFault(address)
	}
	if fault != "" {
		m.blame("its url cannot be used: " + fault)
		return
	}
	m.address = address
}

// addressFault says why an address that a repository names is not used.
func addressFault(address string) string {
	if fault := urlFault(address); fault != "" {
		return fault
	}
	if hasCredentials(address) {
		return "it has a name or password in it"
	}
	return ""
}

// moduleNameFault judges the name of an entry, which git makes a directory of.
func moduleNameFault(name string) string {
	switch {
	case name == "":
		return "its name is empty"
	case strings.ContainsFunc(name, isControl):
		return "its name contains a control character"
	}
	for part := range strings.FieldsFuncSeq(name, func(c rune) bool { return c == '/' || c == '\\' }) {
		if part == ".." {
			return "its name leaves its directory (..)"
		}
	}
	return ""
}

// modulePathFault judges where an entry is to be in the files.
func modulePathFault(p string) string {
	switch {
	case p == "":
		return "it has no path"
	case strings.HasPrefix(p, "-"):
		return "its path begins with a dash"
	case strings.ContainsFunc(p, isControl):
		return "its path contains a control character"
	case path.IsAbs(p) || path.Clean(p) != p || p == "." || p == ".." || strings.HasPrefix(p, "../"):
		return "its path is not one below the top of the repository"
	}
	for part := range strings.SplitSeq(strings.ToLower(p), "/") {
		if part == ".git" || part == "git~1" {
			return "its path leads into a git directory"
		}
	}
	return ""
}

// resolveAddress returns the address that a URL of .gitmodules stands for: one that begins with ./ or ../ is relative to
// the rig's own address, as git has it.
func resolveAddress(base, url string) (address, fault string) {
	if !strings.HasPrefix(url, "./") && !strings.HasPrefix(url, "../") {
		return url, ""
	}
	base = strings.TrimRight(base, "/")
	root := 0
	if at := strings.Index(base, "://"); at >= 0 {
		root = at + len("://")
		if slash := strings.IndexByte(base[root:], '/'); slash >= 0 {
			root += slash
		} else {
			root = len(base)
		}
	}
	separator := "/"
	for {
		if rest, found := strings.CutPrefix(url, "./"); found {
			url = rest
			continue
		}
		rest, found := strings.CutPrefix(url, "../")
		if !found {
			return base + separator + url, ""
		}
		url = rest
		at := strings.LastIndexByte(base[root:], '/')
		if at < 0 && root == 0 && separator == "/" {
			at, separator = strings.LastIndexByte(base, ':'), ":"
		}
		if at < 0 {
			return "", "it leads above the rig's own address"
		}
		base = base[:root+at]
	}
}

// configIn reads a file of configuration in a commit, if it has one. A file that is none gives its fault.
func (r *Rig) configIn(ctx context.Context, commit, name string) (entries []configEntry, fault string, err error) {
	listed, err := r.git(ctx, "read "+name, "ls-tree", "-z", "--long", "--full-tree", commit, "--", name)
	if err != nil || listed == "" {
		return nil, "", err
	}
	fields := strings.Fields(listed) // mode, type, id, size, name
	size := 0
	if len(fields) < 5 || fields[1] != "blob" || fields[0] == modeSymlink {
		return nil, name + " is not a file", nil
	}
	if _, err := fmt.Sscan(fields[3], &size); err != nil || size > maxModulesBytes {
		return nil, fmt.Sprintf("%s is larger than %d bytes", name, maxModulesBytes), nil
	}
	out, err := r.git(ctx, "read "+name, "config", "--no-includes", "--blob", fields[2], "--null", "--list")
	var e *Error
	if errors.As(err, &e) && e.exitCode > 0 {
		return nil, name + " cannot be read: " + e.Stderr, nil
	}
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		name, value, _ := strings.Cut(entry, "\n")
		entries = append(entries, configEntry{name, value})
	}
	return entries, "", err
}

// configEntry is one value of a file of configuration: section.subsection.key, section and key in lower case.
type configEntry struct{ name, value string }

// gitlink is a commit of another repository in a tree.
type gitlink struct{ path, commit string }

// gitlinks lists those of a commit.
func (r *Rig) gitlinks(ctx context.Context, commit string) ([]gitlink, error) {
	out, err := r.git(ctx, "read the tree of "+commit, "ls-tree", "-r", "-z", "--full-tree", commit)
	if err != nil {
		return nil, err
	}
	var found []gitlink
	for entry := range strings.SplitSeq(out, "\x00") {
		meta, path, _ := strings.Cut(entry, "\t")
		if fields := strings.Fields(meta); len(fields) == 3 && fields[0] == modeGitlink {
			found = append(found, gitlink{path: path, commit: fields[2]})
		}
	}
	return found, nil
}

// modeGone is the mode of what a tree does not have.
const modeGone = "000000"

// treeEntry is an entry of a tree that another tree has otherwise or not at all, or one that only the other has.
type treeEntry struct{ mode, id, path string }

// differences lists what is otherwise in a commit than in base.
func (r *Rig) differences(ctx context.Context, base, commit string) ([]treeEntry, error) {
	out, err := r.git(ctx, "compare "+commit+" with its target",
		"diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", base, commit, "--")
	if err != nil {
		return nil, err
	}
	var found []treeEntry
	fields := strings.Split(out, "\x00") // ":mode mode id id status", path, …
	for i := 0; i+1 < len(fields); i += 2 {
		if meta := strings.Fields(strings.TrimPrefix(fields[i], ":")); len(meta) == 5 {
			found = append(found, treeEntry{mode: meta[1], id: meta[3], path: fields[i+1]})
		}
	}
	return found, nil
}
