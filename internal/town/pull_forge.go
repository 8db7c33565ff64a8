package town

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// ForgeClass says how a question to the forge (the server that has the pull request) failed.
type ForgeClass string

// The classes of failures.
const (
	ForgeNone         ForgeClass = "no_forge"
	ForgeNoToken      ForgeClass = "no_token"
	ForgeUnauthorized ForgeClass = "unauthorized"
	ForgeForbidden    ForgeClass = "forbidden"
	ForgeNotFound     ForgeClass = "not_found"
	ForgeUnknownURL   ForgeClass = "unknown_url"
	ForgeWrongHost    ForgeClass = "wrong_host"
	ForgeInvalid      ForgeClass = "invalid_answer"
	ForgeServerError  ForgeClass = "server_error"
	ForgeRateLimited  ForgeClass = "rate_limited"
	ForgeNetwork      ForgeClass = "network"
	ForgeRefused      ForgeClass = "refused"
)

// How many failures of a class in a row are borne. An answer that makes no sense may be a proxy's
// page during a restart; an outage of the forge passes, and ten tries at growing distances take
// about two and a half hours.
const (
	maxInvalid   = 3
	maxTransient = 10
	// MaxRefusals is how often the forge may refuse to merge one head before a person must: rules of
	// the forge that the town cannot see do not change by asking.
	MaxRefusals = 3
)

// ForgeFailure is what a class of failures means and what becomes of it.
type ForgeFailure struct {
	Class ForgeClass
	Means string
	// Limit is how many in a row end the merge request; a success resets the count.
	Limit int
	Do    string // what a person does about it
}

// forgeFailures is every class. What a retry cannot mend ends the merge request at once.
var forgeFailures = []ForgeFailure{
	{ForgeNone, "this server speaks to no forge", 1, "set merge_strategy to direct"},
	{ForgeNoToken, "there is no token for the forge", 1, "give the server one"},
	{ForgeUnauthorized, "the forge does not accept the token (401)", 1, "give the server a valid one"},
	{ForgeForbidden, "the token may not do that (403)", 1, "give it the rights to read and to merge pull requests"},
	{ForgeNotFound, "the forge has no such pull request, or hides it from the token (404)", 1, "look at the address and at what the token may see"},
	{ForgeUnknownURL, "the address is of no form that is known", 1, "look at the address of the pull request"},
	{ForgeWrongHost, "the address is on a host that the server has no forge for", 1, "look at the address and at the server's forges"},
	{ForgeInvalid, "the forge's answer makes no sense", maxInvalid, "look at what answers at that address"},
	{ForgeServerError, "the forge has an error of its own (5xx)", maxTransient, "wait until it is well again"},
	{ForgeRateLimited, "the forge wants fewer questions (429)", maxTransient, "wait, or use a token with a higher limit"},
	{ForgeNetwork, "the forge cannot be reached", maxTransient, "look at the network"},
	{ForgeRefused, "the forge refuses to merge it", MaxRefusals, "see what it wants and merge it yourself"},
}

// ForgeFailures lists every class of failures, for the reference.
func ForgeFailures() []ForgeFailure { return slices.Clone(forgeFailures) }

func forgeFailure(class ForgeClass) (ForgeFailure, bool) {
	i := slices.IndexFunc(forgeFailures, func(f ForgeFailure) bool { return f.Class == class })
	if i < 0 {
		return ForgeFailure{}, false
	}
	return forgeFailures[i], true
}

// pullPaths are what stands between a repository's path and the number of a pull request: GitHub's,
// Gitea's and GitLab's way.
var pullPaths = []string{"/pull/", "/pulls/", "/-/merge_requests/"}

// pullNumber reads the address of a pull request, which must be one of the repository. It returns
// what is wrong with it, or "".
func pullNumber(repo, address string) (number int, why string) {
	host, path := repoPlace(repo)
	if host == "" {
		return 0, "cannot be of the rig's repository " + repo + ", which is on no forge"
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return 0, "is no address"
	case u.Scheme != "https":
		return 0, "must begin with https://"
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return 0, "must be the plain address of the pull request"
	case !strings.EqualFold(u.Host, host):
		return 0, fmt.Sprintf("is on %s, the rig's repository on %s", u.Host, host)
	case len(u.Path) <= len(path) || u.Path[len(path)] != '/' || !strings.EqualFold(u.Path[:len(path)], path):
		return 0, fmt.Sprintf("is not of the rig's repository, whose path is %s", path)
	}
	for _, between := range pullPaths {
		if digits, ok := strings.CutPrefix(u.Path[len(path):], between); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(digits, "/"))
			if err == nil && n > 0 && digits[0] != '+' {
				return n, ""
			}
		}
	}
	return 0, "is no address of a pull request: it ends in /pull/N, /pulls/N or /-/merge_requests/N"
}

// repoPlace returns the host and the path of a repository on a forge, and "" for one in a folder. A
// port counts only where it is that of the pages as well.
func repoPlace(repo string) (host, path string) {
	if u, err := url.Parse(repo); err == nil && u.Host != "" {
		host, path = u.Hostname(), u.Path
		if u.Scheme == "https" || u.Scheme == "http" {
			host = u.Host
		}
	} else if at, after, ok := strings.Cut(repo, ":"); ok && !strings.Contains(at, "/") && !strings.HasPrefix(after, "//") {
		// user@host:path, as ssh has it.
		host, path = at[strings.LastIndex(at, "@")+1:], "/"+strings.TrimPrefix(after, "/")
	}
	path = strings.TrimSuffix(strings.TrimRight(path, "/"), ".git")
	if path == "" {
		return "", ""
	}
	return host, path
}
