package git

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxBranchBytes keeps a branch name, together with git's own suffixes, below
// what file systems and hosts accept.
const maxBranchBytes = 200

// ValidBranch checks that a name can be a branch: the rules of
// `git check-ref-format --branch`, and in addition valid UTF-8, at most 200
// bytes and no leading "refs/" (which invites confusion with full names).
func ValidBranch(name string) error {
	if reason := branchFault(name); reason != "" {
		return fmt.Errorf("branch name %q %s", name, reason)
	}
	return nil
}

// branchFault says what is wrong with a branch name, or nothing.
func branchFault(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxBranchBytes:
		return fmt.Sprintf("is longer than %d bytes", maxBranchBytes)
	case !utf8.ValidString(name):
		return "is not valid UTF-8"
	case name == "HEAD" || name == "@":
		return "is a word of git's own"
	case strings.HasPrefix(name, "-"):
		return "begins with a dash"
	case strings.HasPrefix(name, "refs/"):
		return `begins with "refs/"`
	case strings.HasSuffix(name, "."):
		return "ends with a dot"
	case strings.Contains(name, "..") || strings.Contains(name, "@{"):
		return `contains ".." or "@{"`
	case strings.ContainsAny(name, " ~^:?*[\\") || strings.ContainsFunc(name, isControl):
		return `contains a space, a control character or one of ~^:?*[\`
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return `has a part that is empty, begins with a dot or ends with ".lock"`
		}
	}
	return ""
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// validPart checks that the name of a thing can be a directory and a part of a ref name.
func validPart(thing, name string) error {
	if strings.Contains(name, "/") {
		return fmt.Errorf("%s %q contains a slash", thing, name)
	}
	if reason := branchFault(name); reason != "" {
		return fmt.Errorf("%s %q %s", thing, name, reason)
	}
	return nil
}

// validCommit checks the form of a full object name (SHA-1 or SHA-256).
func validCommit(sha string) error {
	if len(sha) != 40 && len(sha) != 64 || strings.Trim(sha, "0123456789abcdef") != "" {
		return errors.New("not a full commit id: " + fmt.Sprintf("%q", sha))
	}
	return nil
}

// The names of refs in a mirror.
func headRef(branch string) string   { return "refs/heads/" + branch }
func originRef(branch string) string { return "refs/remotes/origin/" + branch }
func startRef(branch string) string  { return "refs/gastown/start/" + branch }

// leftPrefix is where commits of a bead are kept that are not on its branch; incomingRef holds one while it comes in.
func leftPrefix(bead string) string  { return "refs/gastown/left/" + bead + "/" }
func incomingRef(bead string) string { return "refs/gastown/incoming/" + bead }
