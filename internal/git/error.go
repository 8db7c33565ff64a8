package git

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Class says what kind of trouble a git command had. All classes count as
// trouble of the infrastructure, never of an agent's work.
type Class string

// The classes of an [Error].
const (
	ClassUnreachable     Class = "unreachable"      // the host does not answer
	ClassAuth            Class = "auth"             // access was refused
	ClassNotFound        Class = "not_found"        // no such repository or branch
	ClassNoTarget        Class = "no_target"        // the target branch is not at the remote
	ClassNotARepository  Class = "not_a_repository" // something is there, but no git repository
	ClassEmptyRepository Class = "empty_repository" // a repository without any commit
	ClassDiskFull        Class = "disk_full"        // no space, here or there
	ClassStalled         Class = "stalled"          // the remote sends nothing any more
	ClassRedirected      Class = "redirected"       // the remote sends its callers elsewhere
	ClassTimeout         Class = "timeout"          // it took too long and was killed
	ClassDirtyCheckout   Class = "dirty_checkout"   // a person's uncommitted changes are in the way
	ClassOther           Class = "other"            // anything else; the words of git tell
)

// remedies says for each class what a person can do about it.
var remedies = map[Class]string{
	ClassUnreachable: "check the URL and the network; the next try may succeed",
	ClassAuth: "give the server access: gastown rig add|set … --credential env:NAME|file:PATH with a token, " +
		"or a credential helper or ssh key of the user that runs it",
	ClassNotFound:        "check the name and that the credentials in use may see it",
	ClassNoTarget:        "if it has another name now: gastown rig set NAME --branch BRANCH; if not, bring it back",
	ClassNotARepository:  "give the path or URL of a git repository, or run `git init` there",
	ClassEmptyRepository: "make a first commit and push it to the default branch",
	ClassDiskFull:        "free some disk space",
	ClassStalled:         "check the network and the remote; the next try may succeed",
	ClassRedirected:      "give the new address: gastown rig set NAME --url ADDRESS",
	ClassTimeout:         "check that the host answers and that the disk is not overloaded",
	ClassDirtyCheckout:   "commit or stash the changes there, or check out another branch",
}

// Error is a git operation that failed for a reason outside an agent's work.
type Error struct {
	Op     string // what was being done, as in "cannot <op>"
	Class  Class  // what kind of trouble
	Stderr string // the end of what git said, credentials masked; may be empty
	Err    error  // the cause, when it is more than git's exit status

	exitCode int    // of git, -1 when it did not exit by itself
	advice   string // what helps in this very case; the class's remedy when empty
}

// Error says what could not be done, why, and what to do about it.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cannot %s", e.Op)
	if e.Class != ClassOther {
		fmt.Fprintf(&b, ": %s", strings.ReplaceAll(string(e.Class), "_", " "))
	}
	if e.Stderr != "" {
		fmt.Fprintf(&b, ": %s", strings.Join(strings.FieldsFunc(e.Stderr, isLineBreak), "; "))
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %s", mask(e.Err.Error()))
	}
	if remedy := e.Remedy(); remedy != "" {
		fmt.Fprintf(&b, " (%s)", remedy)
	}
	return b.String()
}

// Remedy says what a person can do about it; it may be empty for [ClassOther].
func (e *Error) Remedy() string {
	if e.advice != "" {
		return e.advice
	}
	return remedies[e.Class]
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of the [*Error] in err's chain, or the empty
// string when there is none.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return ""
}

func isLineBreak(r rune) bool { return r == '\n' || r == '\r' }

// wrapOS turns a failure of the file system into an [*Error].
func wrapOS(op string, err error) error {
	class := ClassOther
	if isDiskFull(err) {
		class = ClassDiskFull
	}
	return &Error{Op: op, Class: class, Err: err, exitCode: -1}
}

// signs lists what git, ssh and the common hosts say, most telling first:
// git ends nearly every failure with a general sentence about access rights,
// so the order matters.
var signs = []struct {
	class Class
	words []string
}{
	{ClassDiskFull, []string{"no space left on device", "disk quota exceeded"}},
	{ClassRedirected, []string{"returned error: 301", "returned error: 302", "returned error: 303", "returned error: 307", "returned error: 308"}},
	{ClassStalled, []string{"operation too slow", "timeout, server "}},
	{ClassUnreachable, []string{
		"could not resolve host", "couldn't connect to server", "failed to connect to",
		"connection refused", "connection timed out", "operation timed out", "network is unreachable",
		"no route to host", "connection reset", "connection closed by", "temporary failure in name resolution",
		"returned error: 5", "returned error: 429", "ssl connect error", "gnutls_handshake", "ssl certificate problem",
		"early eof", "unexpected disconnect",
	}},
	{ClassAuth, []string{
		"authentication failed", "could not read username", "could not read password", "permission denied",
		"host key verification failed", "returned error: 401", "returned error: 403", "terminal prompts disabled",
		"dubious ownership", "access denied", "invalid credentials", "too many authentication failures",
	}},
	{ClassNotFound, []string{
		"repository not found", "' not found", "returned error: 404", "couldn't find remote ref", "project you were looking for could not be found",
	}},
	{ClassNotARepository, []string{
		"does not appear to be a git repository", "not a git repository", "not valid: is this a git repository",
	}},
	{ClassUnreachable, []string{"the remote end hung up unexpectedly"}},
}

// classify reads the class from what git said in the C locale.
func classify(stderr string) Class {
	said := strings.ToLower(stderr)
	for _, sign := range signs {
		for _, words := range sign.words {
			if strings.Contains(said, words) {
				return sign.class
			}
		}
	}
	return ClassOther
}

const (
	maxStderrBytes = 2 << 10 // of git's words kept in an error
	maxStderrLines = 20
)

var (
	httpCredentials = regexp.MustCompile(`(?i)(https?://)[^/\s'"]+@`)
	password        = regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*://[^/\s:@'"]*):[^/\s'"]+@`)
	tokenParameter  = regexp.MustCompile(`(?i)([?&](?:[a-z_]*token|password|secret|key)=)[^&\s'"]+`)
)

// mask hides credentials in the URLs of a text. The user name of an ssh URL
// stays: it is nearly always "git" and no secret.
func mask(text string) string {
	text = httpCredentials.ReplaceAllString(text, "${1}***@")
	text = password.ReplaceAllString(text, "${1}:***@")
	return tokenParameter.ReplaceAllString(text, "${1}***")
}

// cleanStderr keeps the end of git's words, masked.
func cleanStderr(stderr string) string {
	return strings.TrimSpace(lastLines(mask(stderr), maxStderrLines, maxStderrBytes))
}
