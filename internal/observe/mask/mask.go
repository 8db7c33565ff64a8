// Package mask takes secrets out of text that leaves the town's books: log lines and reports. It is the
// last of several walls. Whoever writes such a text leaves secrets out to begin with; this is for the
// one that was overlooked.
package mask

import (
	"regexp"
	"strings"
)

// Masked stands where a secret was.
const Masked = "[masked]"

// shortest is the length of the shortest text that is looked at, since no secret worth hiding is
// shorter. Most values of a log line are.
const shortest = 8

// longSegment is how long a part of an address's path must be to be taken for a secret: those of chats'
// webhooks are longer, names of repositories as a rule are not.
const longSegment = 20

var (
	// tokens are what secret scanners know by its beginning: gastown's own, those of forges, of model
	// providers, of chats and clouds, and signed web tokens.
	tokens = regexp.MustCompile(`\b(?:gta?_|gh[pousr]_|github_pat_|glpat-|sk-|xox[a-z]-|AKIA|eyJ)[A-Za-z0-9_.\-]{12,}`)
	// signs are parts of texts in which the patterns can find something at all: most texts have none, and a
	// look for a pattern costs more than the rest of a line of the log.
	signs = []string{"gt_", "gta_", "gh", "glpat-", "sk-", "xox", "AKIA", "eyJ", "=", "://"}
	// schemes are those of credentials in a request, in lower case.
	schemes = []string{"bearer", "basic"}
	// headers are credentials as they stand in a request.
	headers = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9_.~+/=\-]{8,}`)
	// settings are values of variables whose name says what they are.
	settings = regexp.MustCompile(`(?i)\b(\w*(?:key|token|secret|passwd|password|credentials?))=\S+`)
	// addresses are looked at part by part.
	addresses = regexp.MustCompile(`\b([a-z][a-z0-9+.\-]*://)([^\s"'<>]+)`)
	segment   = regexp.MustCompile(`^[A-Za-z0-9_\-]+$`)
)

// Text returns the text without what looks like a secret.
func Text(s string) string {
	if len(s) < shortest || !suspicious(s) {
		return s
	}
	if strings.Contains(s, "://") {
		s = addresses.ReplaceAllStringFunc(s, address)
	}
	s = tokens.ReplaceAllString(s, Masked)
	s = headers.ReplaceAllString(s, "$1 "+Masked)
	return settings.ReplaceAllString(s, "$1="+Masked)
}

// suspicious reports whether it is worth to look closer.
func suspicious(s string) bool {
	for _, sign := range signs {
		if strings.Contains(s, sign) {
			return true
		}
	}
	low := strings.ToLower(s)
	for _, scheme := range schemes {
		if strings.Contains(low, scheme) {
			return true
		}
	}
	return false
}

// address keeps the scheme, the host and what in the path is no secret.
func address(s string) string {
	scheme, rest, _ := strings.Cut(s, "://")
	rest, _, asked := strings.Cut(rest, "?")
	host, path, deep := strings.Cut(rest, "/")
	if i := strings.LastIndex(host, "@"); i >= 0 {
		host = Masked + host[i:]
	}
	out := scheme + "://" + host
	if deep {
		parts := strings.Split(path, "/")
		for i, p := range parts {
			if len(p) >= longSegment && segment.MatchString(p) {
				parts[i] = Masked
			}
		}
		out += "/" + strings.Join(parts, "/")
	}
	if asked {
		out += "?" + Masked
	}
	return out
}

// secretNames are parts of the names of what is never written, whatever its value.
var secretNames = []string{"token", "secret", "password", "passwd", "credential", "authorization", "cookie", "dsn", "prompt", "diff", "body", "title"}

// byLetter are the same by their first letter, so that a name is gone through once.
var byLetter = func() (by [256][]string) {
	for _, part := range secretNames {
		by[part[0]] = append(by[part[0]], part)
	}
	return by
}()

// Name reports whether a value of this name is never to be written.
func Name(name string) bool {
	name = strings.ToLower(name)
	if name == "env" || name == "environment" || strings.HasSuffix(name, "key") {
		return true
	}
	for i := range len(name) {
		for _, part := range byLetter[name[i]] {
			if strings.HasPrefix(name[i:], part) {
				return true
			}
		}
	}
	return false
}
