package effect

import (
	"gastown/internal/git"
	"gastown/internal/town"
)

// defaultUser is the user name that goes with a token where the reference names none. GitHub, GitLab and Gitea take a
// personal access token as the password of this one.
const defaultUser = "x-oauth-basic"

// credentialOf is what opens a rig's repository, or nil where that is the operator's access. The secret is read anew
// for each command that needs it.
func credentialOf(repo town.RepoSpec) *git.Credential {
	if repo.Credential == "" {
		return nil
	}
	return &git.Credential{Reference: repo.Credential, Read: func() (string, string, error) {
		user, reference := town.SplitCredential(repo.Credential)
		if user == "" {
			user = defaultUser
		}
		secret, err := readSecret(reference)
		return user, secret, err
	}}
}
