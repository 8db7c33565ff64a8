package git

import (
	"net/url"
	"path/filepath"
	"strings"
)

// SameRepository tells whether two addresses name one repository as far as their words go: by https or ssh,
// in the long or the short form, with or without ".git" at the end, and by whichever path leads to it. It
// asks nobody; two names of one host are two repositories.
func SameRepository(a, b string) bool { return canonical(a) == canonical(b) }

// canonical is an address without what makes no difference: host and path of one on the network, the real
// path of one on this machine.
func canonical(address string) string {
	if path, local := localPath(address); local {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		return "/" + trimRepository(filepath.Clean(path))
	}
	host, path, found := "", "", false
	if strings.Contains(address, "://") {
		parsed, err := url.Parse(address)
		if err != nil {
			return address
		}
		host, path = hostOf(parsed), parsed.Path
	} else if host, path, found = strings.Cut(address, ":"); found {
		if _, name, user := strings.Cut(host, "@"); user {
			host = name
		}
	} else {
		return address
	}
	return strings.ToLower(host) + "/" + trimRepository(path)
}

// hostOf is the host, with its port if that is not the scheme's own.
func hostOf(u *url.URL) string {
	usual := map[string]string{"https": "443", "http": "80", "ssh": "22"}
	if u.Port() == "" || u.Port() == usual[strings.ToLower(u.Scheme)] {
		return u.Hostname()
	}
	return u.Host
}

func trimRepository(path string) string {
	path = strings.Trim(path, "/")
	path = strings.TrimSuffix(path, "/.git")
	return strings.TrimSuffix(path, ".git")
}
