package git

import "strings"

// PushClass says why a remote does not take a push.
type PushClass string

// The classes of a [*PushRefusedError].
const (
	PushProtected PushClass = "protected" // the branch takes no pushes of this kind
	PushSignature PushClass = "signature" // a commit is not signed
	PushHook      PushClass = "hook"      // a hook of the remote said no
	PushSize      PushClass = "size"      // a file, or all of it, is too large
	PushRights    PushClass = "rights"    // whoever pushes may not
	PushMoved     PushClass = "moved"     // the branch cannot be written, and git says so as if it had moved
	PushOther     PushClass = "other"     // anything else; the words of the remote tell
)

// pushRemedies says for each class what helps.
var pushRemedies = map[PushClass]string{
	PushProtected: "let gastown's user push to this branch (a bypass of its rules), or use pull requests for this rig: merge_strategy pr",
	PushSignature: "set sign_commits, and user.signingKey for the user that runs gastown, or take the rule off the branch for gastown's user",
	PushHook:      "read what the hook says, and change the hook or the branch's commits",
	PushSize:      "take the large file out of the branch's commits, or use LFS, or raise the remote's limit",
	PushRights:    "give gastown's credentials the right to push to this repository",
	PushMoved:     "look for a lock that was left behind in the remote's repository",
	PushOther:     "see what the remote says, and let gastown's user push to this branch",
}

// refusalWords list what remotes say, in lower case, the most telling first: a protected branch is nearly always also
// called a hook that declined.
var refusalWords = []struct {
	class PushClass
	words []string
}{
	{PushSignature, []string{
		"must have verified signatures", "commits must be signed", "commit must be signed", "unsigned commit", "not signed",
		"signed with a gpg key", "unverified signature", "verified signature",
	}},
	{PushSize, []string{
		"file size limit", "exceeds github's", "large files detected", "exceeds the maximum", "exceeds maximum", "exceeded the size limit",
		"larger than", "too large", "maximum allowed size", "pack exceeds", "push size", "returned error: 413",
		"exceeded its size limit", "maximum repository size", "repository size limit",
	}},
	{PushRights, []string{
		"you are not allowed to push code to this project", "permission to", "write access to repository not granted",
		"insufficient permission", "user permission denied", "returned error: 403", "resource not accessible", "deploy key",
		"not have permission to push", "read-only", "this repository was archived", "is archived",
	}},
	{PushProtected, []string{
		"protected branch", "gh006", "gh013", "repository rule violations", "changes must be made through a pull request",
		"changes must be made through the merge queue", "required status check", "not allowed to push to protected", "to protected branches", "not allowed to push to branch",
		"branch is protected", "cannot push to this protected", "deny updating a hidden ref", "refusing to update checked out branch",
	}},
	{PushHook, []string{"hook declined", "pre-receive hook", "update hook", "push rule", "gl-hook-err"}},
}

// classifyRefusal reads from the words of git and of the remote why a push was refused.
func classifyRefusal(reason, remote string) PushClass {
	said := strings.ToLower(reason + "\n" + remote)
	for _, sign := range refusalWords {
		if containsAny(said, sign.words...) {
			return sign.class
		}
	}
	return PushOther
}
