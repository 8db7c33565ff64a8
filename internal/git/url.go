package git

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"unicode"
)

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
