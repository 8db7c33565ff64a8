package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// maxMergeTries bounds how often a merge is made again because the target
// moved meanwhile. It protects the merge queue from a target that is pushed to
// faster than the gates run.
const maxMergeTries = 5

// ErrTargetKeepsMoving is returned when the target moved during every try of a
// merge. It is no fault of the branch; a later merge may succeed.
var ErrTargetKeepsMoving = errors.New("the target branch moved during every try: merge again later, or make the gates faster")

// HeadMovedError is returned when a branch is not where it was when it was
// verified.
type HeadMovedError struct {
	Branch   string
	Expected string
	Actual   string
}

// Error names both commits.
func (e *HeadMovedError) Error() string {
	return fmt.Sprintf("cannot merge %s: it moved from %s to %s since it was verified", e.Branch, e.Expected, e.Actual)
}

// Trailer is a line of the form "Key: Value" at the end of a commit message.
type Trailer struct {
	Key   string
	Value string
}

// MergeRequest says what to merge into what.
type MergeRequest struct {
	Branch       string // source: an agent's branch in the mirror, or a branch of origin
	ExpectedHead string // the commit that was verified; empty takes the branch as it is
	Target       string // branch on origin
	Base         string // where the target begins when origin does not have it; the default branch when empty

	Title    string // first line of the merge commit
	Body     string // may be empty
	Trailers []Trailer
	Author   Identity // of the merge commit; gastown's own when empty

	Gates []Gate // run one after another on the merged tree
	// GateRetries is how often a gate that fails is run again where the target passed it a moment ago.
	GateRetries int
	Now         func() time.Time // time.Now when nil
	Hasty       bool             // looks again for what was pushed without waiting
	GateEnv     []string         // "NAME=value", added to the environment of the gates
	Log         io.Writer        // gets the output of the gates; may be nil
}

// Outcome says how a merge ended.
type Outcome string

// The outcomes of a [MergeResult].
const (
	OutcomeMerged     Outcome = "merged"      // the target has the branch
	OutcomeEmpty      Outcome = "empty"       // the branch brings nothing: no commit of its own, or no change in any file
	OutcomeMissing    Outcome = "missing"     // there is no such branch, in the mirror or on origin
	OutcomeConflicted Outcome = "conflicted"  // both sides changed the same thing
	OutcomeGateFailed Outcome = "gate_failed" // a gate refused the merged tree, and not the target alone
	OutcomeGateBroken Outcome = "gate_broken" // a gate does not pass on the target alone either
)

// MergeResult is how a merge ended.
type MergeResult struct {
	Outcome Outcome
	Head    string       // commit of the branch; empty when missing
	Target  string       // tip of the target that the merge was tried on
	Commit  string       // when merged: the commit that brought the branch in
	Before  bool         // when merged: an earlier try had done it, nothing was pushed now
	Files   []string     // when conflicted; empty if the two have no common history
	Gate    *GateFailure // when a gate failed, or is broken: then as it ended on the target
	Flaky   []string     // when merged: gates that failed once and passed the second time
}

// Merge merges a branch into its target on origin, with a merge commit, if it
// has no conflicts and all gates pass on the result. When the target moves
// meanwhile everything is done again on the new target. A merge that an
// earlier call published without being able to report it is found and
// reported.
//
// What was pushed counts as merged only when the target, fetched from the rig's
// address, has it.
//
// The errors are [*HeadMovedError], [*PushRefusedError], [*UnverifiedError],
// [*Error] and [ErrTargetKeepsMoving]; none of them says anything about the
// quality of the branch. Merges of different branches may run at the same time.
func (r *Rig) Merge(ctx context.Context, req MergeRequest) (MergeResult, error) {
	if req.Base == "" {
		req.Base = r.defaultBranch
	}
	if err := req.check(); err != nil {
		return MergeResult{}, fmt.Errorf("cannot merge: %w", err)
	}
	triedOn := ""
	for range maxMergeTries {
		result, err := r.tryMerge(ctx, req)
		var moved *targetMovedError
		if !errors.As(err, &moved) {
			return result, err
		}
		if moved.from == triedOn {
			// The target stands where it stood, so it was not a race.
			return MergeResult{}, moved.refusal
		}
		triedOn = moved.from
	}
	return MergeResult{}, fmt.Errorf("cannot merge %s into %s: %w", req.Branch, req.Target, ErrTargetKeepsMoving)
}

// check refuses what git could misunderstand.
func (req MergeRequest) check() error {
	errs := []error{ValidBranch(req.Branch), ValidBranch(req.Target), ValidBranch(req.Base)}
	if req.Branch == req.Target {
		errs = append(errs, fmt.Errorf("branch %q is its own target", req.Branch))
	}
	if req.ExpectedHead != "" {
		errs = append(errs, validCommit(req.ExpectedHead))
	}
	if (req.Author.Name == "") != (req.Author.Email == "") {
		errs = append(errs, errors.New("the author needs both a name and an email address"))
	}
	if strings.TrimSpace(req.Title) == "" {
		errs = append(errs, errors.New("the merge commit needs a title"))
	}
	for _, gate := range req.Gates {
		errs = append(errs, gate.check())
	}
	return errors.Join(errs...)
}

// message is the text of the merge commit.
func (req MergeRequest) message() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", oneLine(req.Title))
	if body := strings.TrimSpace(req.Body); body != "" {
		fmt.Fprintf(&b, "\n%s\n", body)
	}
	for i, trailer := range req.Trailers {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s: %s\n", oneLine(trailer.Key), oneLine(trailer.Value))
	}
	return strings.ReplaceAll(b.String(), "\x00", "")
}

// patience is how long to wait before another look.
func (req MergeRequest) patience(usual time.Duration) time.Duration {
	if req.Hasty {
		return 0
	}
	return usual
}

func (req MergeRequest) now() time.Time {
	if req.Now == nil {
		return time.Now()
	}
	return req.Now()
}

// oneLine joins the words of a text with single spaces.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// attempt is one try of a merge.
type attempt struct {
	req    MergeRequest
	head   string // commit of the branch
	tip    string // commit of the target, or of the base when the target does not exist
	exists bool   // the target is on origin
}

// lease is what the target must be when the merge is pushed: its tip, or
// nothing when it must not exist.
func (a attempt) lease() string {
	if a.exists {
		return a.tip
	}
	return ""
}

// tryMerge makes one try on the target as it is now. A *targetMovedError asks
// for another.
func (r *Rig) tryMerge(ctx context.Context, req MergeRequest) (MergeResult, error) {
	a := attempt{req: req}
	var result MergeResult
	var place *scratch
	err := r.refreshed(ctx, func() error {
		early, err := r.prepare(ctx, &a)
		if err != nil {
			return err
		}
		if early != nil {
			result = *early
			return nil
		}
		if err := r.checkCheckout(ctx, req.Target); err != nil {
			return err
		}
		place, err = r.newScratch(ctx, a.tip)
		return err
	})
	if err != nil || place == nil {
		return result, err
	}
	// What cannot be removed now is removed by the next merge; it must not make
	// a merge that is published look like a failure.
	defer func() { _ = place.close(ctx) }()
	return r.mergeIn(ctx, a, place.path)
}

// prepare finds the two commits, and the result where there is nothing to do.
func (r *Rig) prepare(ctx context.Context, a *attempt) (*MergeResult, error) {
	var err error
	if a.tip, a.exists, err = r.targetTip(ctx, a.req.Target, a.req.Base); err != nil {
		return nil, err
	}
	if a.head, err = r.sourceHead(ctx, a.req.Branch, a.req.ExpectedHead); err != nil {
		return nil, err
	}
	expected := a.req.ExpectedHead
	if expected == "" {
		expected = a.head
	}
	if expected != "" {
		result, err := r.mergedBefore(ctx, *a, expected)
		if err != nil || result != nil {
			return result, err
		}
	}
	switch a.head {
	case "":
		return &MergeResult{Outcome: OutcomeMissing, Target: a.tip}, nil
	case expected:
		return nil, nil
	}
	return nil, &HeadMovedError{Branch: a.req.Branch, Expected: expected, Actual: a.head}
}

// mergedBefore returns a result when the target already has all of the branch:
// merged if that was work, empty if the branch never had any.
func (r *Rig) mergedBefore(ctx context.Context, a attempt, head string) (*MergeResult, error) {
	if head != a.head {
		// The branch moved or is gone; its former commit may be so as well.
		if _, err := r.git(ctx, "look for a commit", "cat-file", "-e", head+"^{commit}"); err != nil {
			return nil, ignoreExit(err)
		}
	}
	inside, err := r.isAncestor(ctx, head, a.tip)
	if err != nil || !inside {
		return nil, err
	}
	commit, err := r.landedAs(ctx, a.req.Branch, head, a.tip)
	if err != nil {
		return nil, err
	}
	if commit == "" {
		if head != a.head {
			return nil, nil // The branch has moved on from its empty start.
		}
		return &MergeResult{Outcome: OutcomeEmpty, Head: head, Target: a.tip}, nil
	}
	return &MergeResult{Outcome: OutcomeMerged, Head: head, Target: a.tip, Commit: commit, Before: true}, nil
}

// ignoreExit drops an error that is git's own answer "no".
func ignoreExit(err error) error {
	var e *Error
	if errors.As(err, &e) && e.exitCode > 0 {
		return nil
	}
	return err
}

// mergeIn merges, checks and publishes, in a scratch worktree that stands at
// the tip of the target.
func (r *Rig) mergeIn(ctx context.Context, a attempt, dir string) (MergeResult, error) {
	result := MergeResult{Head: a.head, Target: a.tip}
	tree, files, err := r.mergeTrees(ctx, a, dir)
	if err != nil {
		return MergeResult{}, err
	}
	if tree == "" {
		result.Outcome, result.Files = OutcomeConflicted, files
		return result, nil
	}
	_, err = r.git(ctx, "compare the merge with its target", "diff-tree", "--quiet", a.tip, tree)
	if err == nil {
		result.Outcome = OutcomeEmpty
		return result, nil
	}
	if !exitedWith(err, 1) {
		return MergeResult{}, err
	}
	commit, err := r.commitTree(ctx, commitSpec{
		tree: tree, parents: []string{a.tip, a.head}, message: a.req.message(), author: a.req.Author,
	})
	if err != nil {
		return MergeResult{}, err
	}
	verdict, err := r.runGates(ctx, a, dir, commit)
	if err != nil {
		return MergeResult{}, err
	}
	if verdict.failure != nil {
		result.Outcome, result.Gate = OutcomeGateFailed, verdict.failure
		if verdict.broken {
			result.Outcome = OutcomeGateBroken
		}
		return result, nil
	}
	if err := r.push(ctx, a, commit); err != nil {
		return MergeResult{}, err
	}
	if err := r.readBack(ctx, a, commit); err != nil {
		return MergeResult{}, err
	}
	// What is published counts, whether or not the rig can remember it.
	_ = r.rememberGreen(a.req, commit)
	result.Outcome, result.Commit, result.Flaky = OutcomeMerged, commit, verdict.flaky
	return result, nil
}

// mergeTrees returns the tree of the merge, or the files in conflict. It runs
// in the worktree, where git finds the repository's own rules for merging
// (.gitattributes).
func (r *Rig) mergeTrees(ctx context.Context, a attempt, dir string) (tree string, files []string, err error) {
	out, err := r.gitAt(ctx, dir, "merge "+a.req.Branch,
		"merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", a.tip, a.head)
	var e *Error
	if errors.As(err, &e) && strings.Contains(e.Stderr, "unrelated histories") {
		return "", nil, nil
	}
	fields := strings.Split(strings.TrimRight(out, "\x00"), "\x00")
	if exitedWith(err, 1) {
		return "", fields[1:], nil
	}
	return fields[0], nil, err
}

// logLine writes a line of our own between the output of gates.
func logLine(log io.Writer, format string, args ...any) {
	if log != nil {
		_, _ = fmt.Fprintf(log, "== "+format+"\n", args...)
	}
}
