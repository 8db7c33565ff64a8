package git

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// PushRefusedError is returned when the remote does not accept a push: a hook,
// a protected branch, a quota. It waits for a person.
type PushRefusedError struct {
	Target string // branch on origin
	Class  PushClass
	Reason string // git's short reason
	Remote string // what the remote said; may be empty
}

// Error repeats the remote's own words.
func (e *PushRefusedError) Error() string {
	text := fmt.Sprintf("cannot push to %s: the remote refuses: %s", e.Target, e.Reason)
	if e.Remote != "" {
		text += ": " + strings.ReplaceAll(e.Remote, "\n", "; ")
	}
	return text + " (" + pushRemedies[e.Class] + ")"
}

// targetMovedError is what git says of a race; it may also say so of a lock that stays.
type targetMovedError struct{ refusal *PushRefusedError }

func (e *targetMovedError) Error() string { return "the target moved: " + e.refusal.Error() }

// receiveIntoCheckout makes a push to a branch that is checked out at origin
// update the files there too. It is given to that one push and not written
// into the user's configuration.
const receiveIntoCheckout = "--receive-pack=git -c receive.denyCurrentBranch=updateInstead receive-pack"

// push publishes a merge commit, unless the target is not at the lease any more; an empty lease says that it must not
// exist.
func (r *Rig) push(ctx context.Context, req PushRequest, lease string) error {
	args := []string{
		"push", "--porcelain", "--no-follow-tags", "--recurse-submodules=no",
		"--force-with-lease=" + headRef(req.Target) + ":" + lease,
	}
	checkout, err := r.checkoutOf(ctx, req.Target)
	if err != nil {
		return err
	}
	if checkout != "" {
		args = append(args, receiveIntoCheckout)
	}
	c, err := r.remote(command{
		op:      "push to " + req.Target + " of " + mask(r.url),
		gitDir:  r.mirror(),
		args:    append(args, "--", r.url, req.Commit+":"+headRef(req.Target)),
		timeout: networkTimeout,
	})
	if err != nil {
		return err
	}
	out, err := r.gitIn(ctx, c)
	if err == nil {
		return nil
	}
	return pushError(err, out, req.Target, checkout)
}

// pushError reads why a push failed from git's report, which has one line for
// each ref: "!", the refspec and the reason, with tabs between.
func pushError(err error, report, target, checkout string) error {
	var e *Error
	if !errors.As(err, &e) || e.exitCode <= 0 {
		return err
	}
	reason := ""
	for line := range strings.Lines(report) {
		if fields := strings.Split(strings.TrimSpace(line), "\t"); len(fields) == 3 && fields[0] == "!" {
			reason = fields[2]
		}
	}
	refusal := &PushRefusedError{Target: target, Reason: reason, Remote: remoteWords(e.Stderr)}
	refusal.Class = classifyRefusal(refusal.Reason, refusal.Remote)
	switch {
	case reason == "":
		return err
	case checkout != "" && containsAny(reason, "Working directory has", "Could not update working tree"):
		return dirtyCheckout(target, checkout, reason)
	case strings.HasPrefix(reason, "[rejected]") || containsAny(reason, "failed to update ref", "cannot lock ref", "failed to lock", "incorrect old value", "already exists"):
		return &targetMovedError{refusal}
	case e.Class == ClassDiskFull:
		return err
	}
	return refusal
}

// remoteWords returns the lines the remote wrote, without git's mark.
func remoteWords(stderr string) string {
	var words []string
	for line := range strings.Lines(stderr) {
		if said, found := strings.CutPrefix(strings.TrimSpace(line), "remote:"); found && strings.TrimSpace(said) != "" {
			words = append(words, strings.TrimSpace(said))
		}
	}
	return strings.Join(words, "\n")
}

func containsAny(text string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// checkCheckout refuses early, before any gate has run, when a person's
// uncommitted changes would make the push fail.
func (r *Rig) checkCheckout(ctx context.Context, target string) error {
	checkout, err := r.checkoutOf(ctx, target)
	if err != nil || checkout == "" {
		return err
	}
	changes, err := r.run(ctx, command{
		op:   "look at the checkout " + checkout,
		dir:  checkout,
		args: []string{"status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all"},
	})
	if err != nil {
		return err
	}
	if changes != "" {
		return dirtyCheckout(target, checkout, "it has uncommitted changes")
	}
	return nil
}

func dirtyCheckout(target, checkout, reason string) error {
	return &Error{
		Op:     fmt.Sprintf("update %s, which is checked out in %s", target, checkout),
		Class:  ClassDirtyCheckout,
		Stderr: reason,

		exitCode: -1,
	}
}

// checkoutOf returns the directory in which a branch of origin is checked out,
// when origin is a working repository on this machine.
func (r *Rig) checkoutOf(ctx context.Context, branch string) (string, error) {
	path, local := localPath(r.url)
	if !local {
		return "", nil
	}
	out, err := r.run(ctx, command{
		op: "look for checkouts of " + path, dir: path, args: []string{"worktree", "list", "--porcelain", "-z"},
	})
	if err != nil {
		return "", err
	}
	checkout := ""
	for line := range strings.SplitSeq(out, "\x00") {
		if directory, found := strings.CutPrefix(line, "worktree "); found {
			checkout = directory
		}
		if line == "branch "+headRef(branch) {
			return checkout, nil
		}
	}
	return "", nil
}
