package git

import (
	"fmt"
	"net/url"
	"strings"
)

// Credential opens one rig's remote over https. It is read for each command that goes there, and is in the environment
// of that command alone: in no address, no argument and no file.
type Credential struct {
	Reference string // what people know it by; never the secret
	// Read returns the user name and the secret as they are now.
	Read func() (user, password string, err error)
}

// The variables in which the helper of one command finds what to answer.
const (
	credentialUser   = "GASTOWN_GIT_USER"
	credentialSecret = "GASTOWN_GIT_SECRET"
)

// credentialHelper answers git's question from the environment. It is the same for everybody, and holds no secret.
const credentialHelper = `!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$` + credentialUser + `" "$` + credentialSecret + `"; }; f`

// opens gives a command that goes to an address what opens it: the rig's own credential, if it has one, for the host of
// that address and no other; else the access that the operator has. A process without access gets neither.
func (c command) opens(around surroundings, address string, credential *Credential) (command, error) {
	c.around, c.remote, c.patience = around, address, around.patience
	if onThisMachine(address) {
		return c, nil
	}
	c.outside = true
	if credential == nil || !around.access {
		return c, nil
	}
	host, err := credentialHost(address)
	if err != nil {
		return c, err
	}
	user, secret, err := credential.Read()
	if err == nil && (secret == "" || strings.ContainsAny(user+secret, "\n\r\x00")) {
		err = fmt.Errorf("it is empty, or has more than one line")
	}
	if err != nil {
		return c, &Error{Op: "read the credential " + credential.Reference, Class: ClassAuth, Err: err, exitCode: -1,
			advice: "set it where the server finds it, or name another with gastown rig set NAME --credential env:NAME|file:PATH"}
	}
	// The empty helper takes away all that came before, the operator's too.
	c.config = []string{"credential.helper=", "credential." + host + ".helper=" + credentialHelper}
	c.env = append(c.env, credentialUser+"="+user, credentialSecret+"="+secret)
	c.secret = secret
	return c, nil
}

// credentialHost is the part of an address that a credential is good for.
func credentialHost(address string) (string, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || !strings.HasPrefix(strings.ToLower(parsed.Scheme), "http") {
		return "", &Error{Op: fmt.Sprintf("use a credential for %q", mask(address)), Class: ClassOther, exitCode: -1,
			Stderr: "only an https address is opened by a credential; for ssh, give the user that runs the server a key"}
	}
	return strings.ToLower(parsed.Scheme) + "://" + parsed.Host, nil
}

// WithCredential returns the rig with a credential for its address.
func (r *Rig) WithCredential(c *Credential) *Rig {
	with := *r
	with.credential = c
	return &with
}

// remote completes a command that goes to the rig's address.
func (r *Rig) remote(c command) (command, error) { return c.opens(r.around, r.url, r.credential) }
