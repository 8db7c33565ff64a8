package town

import (
	"net/url"
	"strings"
)

// NoCredential takes a rig's credential away.
const NoCredential = "none"

// SplitCredential splits a reference to what opens a repository, [USER@]env:NAME or [USER@]file:PATH, into the user name
// and the reference to the secret. The user is empty if none is named.
func SplitCredential(credential string) (user, secret string) {
	for _, kind := range []string{"env:", "file:"} {
		if at := strings.LastIndex(credential, "@"+kind); at >= 0 && !SecretReference(credential) {
			return credential[:at], credential[at+1:]
		}
	}
	return "", credential
}

func checkCredential(credential, address string) *Refusal {
	if why := CredentialFault(credential, address); why != "" {
		return invalid("credential", "%s", why)
	}
	return nil
}

// CredentialFault says what is wrong with a credential for an address, or nothing: what is no reference, so that no
// secret is ever on record, and one for an address that none opens. None at all is right.
func CredentialFault(credential, address string) string {
	if credential == "" {
		return ""
	}
	user, secret := SplitCredential(credential)
	kind, name, _ := strings.Cut(secret, ":")
	switch {
	case !SecretReference(secret) || name == "":
		return "is no reference: give env:NAME or file:PATH of the server, with USER@ before it if the host wants a user name"
	case kind == "env" && !envName.MatchString(name):
		return "names no environment variable after env:"
	case kind == "file" && !strings.HasPrefix(name, "/"):
		return "the path of a file must be absolute: the server has another working directory"
	case strings.ContainsAny(user, ":/\n\r"):
		return "has a user name with a character that none has"
	}
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "only an https address is opened by a credential; for ssh, give the user that runs the server a key"
	}
	return ""
}
