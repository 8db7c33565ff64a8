package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

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
	Create       bool   // the target is made where origin does not have it
	Base         string // where a target that is made begins; the default branch when empty

	// Must are commits without which the branch is not merged: the merges of a convoy's members.
	Must []string

	Title    string // first line of the merge commit
	Body     string // may be empty
	Trailers []Trailer
	Author   Identity // of the merge commit; gastown's own when empty

	Submodules bool // gates see the files of submodules, as far as the server has them
	LFS        bool // gates see large files, and not their pointers

	Gates []Gate // run one after another on the merged tree
	// GateRetries is how often a gate that fails is run again where the target passed it a moment ago.
	GateRetries int
	// RefuseChanges has a gate that passes and changes tracked files count as failed.
	RefuseChanges bool
	Now           func() time.Time // time.Now when nil
	GateEnv       []string         // "NAME=value", added to the environment of the gates
	// Caches are patterns of paths, relative to the top of the repository, that stay in the merge checkout from one
	// run of gates to the next although they are not tracked: *, ? and [a-z] as in a shell, ** for any directories.
	Caches []string
	Log    io.Writer // gets the output of the gates; may be nil
}

// Outcome says how a merge ended.
type Outcome string

// The outcomes of a [MergeResult].
const (
	OutcomeTested        Outcome = "tested"         // the merge passed its gates and can be pushed
	OutcomeMerged        Outcome = "merged"         // the target has the branch already, as it was fetched last
	OutcomeEmpty         Outcome = "empty"          // the branch brings nothing: no commit of its own, or no change in any file
	OutcomeMissing       Outcome = "missing"        // there is no such branch, in the mirror or on origin
	OutcomeTargetMissing Outcome = "target_missing" // there is no such target, and it is not to be made
	OutcomeConflicted    Outcome = "conflicted"     // both sides changed the same thing
	OutcomeGateFailed    Outcome = "gate_failed"    // a gate refused the merged tree, and not the target alone
	OutcomeGateBroken    Outcome = "gate_broken"    // a gate does not pass on the target alone either
)

// MergeResult is how a merge ended.
type MergeResult struct {
	Outcome Outcome
	Head    string       // commit of the branch; empty when missing
	Target  string       // tip of the target that the merge was tried on
	Commit  string       // when tested: the merge commit; when merged: the commit that brought the branch in
	Files   []string     // when conflicted; empty if the two have no common history
	Gate    *GateFailure // when a gate failed, or is broken: then as it ended on the target
	Gates   []GateRun    // the runs of gates, in order
}

// TestMerge merges a branch into its target as that was fetched last, and runs the gates on the result. It uses no
// network and publishes nothing: what passed is a commit in the mirror, for [Rig.PushMerge]. Fetch before.
//
// The errors are [*HeadMovedError] and [*Error]; none of them says anything about the quality of the branch. Merges of
// different branches may be tested at the same time.
func (r *Rig) TestMerge(ctx context.Context, req MergeRequest) (MergeResult, error) {
	if req.Base == "" {
		req.Base = r.defaultBranch
	}
	if err := req.check(); err != nil {
		return MergeResult{}, fmt.Errorf("cannot merge: %w", err)
	}
	a := attempt{req: req}
	var early *MergeResult
	err := r.locked(ctx, func() error {
		var err error
		if early, err = r.prepare(ctx, &a); err != nil || early != nil {
			return err
		}
		if err := r.checkCheckout(ctx, req.Target); ClassOf(err) == ClassDirtyCheckout {
			return err // Whatever else keeps it from looking, the push will say.
		}
		return nil
	})
	if err != nil {
		return MergeResult{}, err
	}
	if early != nil {
		return *early, nil
	}
	p, err := r.takePlace(req.Caches)
	if err != nil {
		return MergeResult{}, err
	}
	// What cannot be removed now is removed by the next merge; it must not make
	// a merge that passed look like a failure.
	defer func() { _ = p.leave() }()
	p.modules, p.lfs = req.Submodules, req.LFS
	return r.mergeIn(ctx, a, p)
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
	req  MergeRequest
	head string // commit of the branch
	tip  string // commit of the target, or of the base when the target is to be made
}

// prepare finds the two commits, and the result where there is nothing to do.
func (r *Rig) prepare(ctx context.Context, a *attempt) (*MergeResult, error) {
	tip, exists, err := r.targetTip(ctx, a.req.Target, a.req.Base)
	if err != nil {
		return nil, err
	}
	a.tip = tip
	if !exists && !a.req.Create {
		return &MergeResult{Outcome: OutcomeTargetMissing}, nil
	}
	if a.head, err = r.sourceHead(ctx, a.req.Branch, a.req.ExpectedHead); err != nil {
		return nil, err
	}
	expected := a.req.ExpectedHead
	if expected == "" {
		expected = a.head
	}
	if expected != "" {
		if err := r.mustHave(ctx, a.req.Branch, expected, a.req.Must); err != nil {
			return nil, err
		}
		result, err := r.mergedBefore(ctx, *a, expected)
		if err != nil || result != nil {
			return result, err
		}
	}
	switch a.head {
	case "":
		return &MergeResult{Outcome: OutcomeMissing, Target: a.tip}, nil
	case expected:
		return nil, r.notRewritten(ctx, *a)
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
	return &MergeResult{Outcome: OutcomeMerged, Head: head, Target: a.tip, Commit: commit}, nil
}

// ignoreExit drops an error that is git's own answer "no".
func ignoreExit(err error) error {
	var e *Error
	if errors.As(err, &e) && e.exitCode > 0 {
		return nil
	}
	return err
}

// mergeIn merges and runs the gates.
func (r *Rig) mergeIn(ctx context.Context, a attempt, p *place) (MergeResult, error) {
	result := MergeResult{Head: a.head, Target: a.tip}
	tree, files, err := p.mergeTrees(ctx, a)
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
	g := gateRun{
		rig: r, a: a, place: p, commit: commit, env: gateEnv(os.Environ(), p.home(), a.req.GateEnv), known: r.gateMemory(),
	}
	verdict, err := g.all(ctx)
	if err != nil {
		return MergeResult{}, err
	}
	result.Gates = g.runs
	if verdict.failure != nil {
		result.Outcome, result.Gate = OutcomeGateFailed, verdict.failure
		if verdict.broken {
			result.Outcome = OutcomeGateBroken
		}
		return result, nil
	}
	// What passed counts, whether or not the rig can remember it.
	_ = r.rememberGreen(a.req, commit)
	result.Outcome, result.Commit = OutcomeTested, commit
	return result, nil
}

// mergeTrees returns the tree of the merge, or the files in conflict, by the
// target's own rules for merging.
func (p *place) mergeTrees(ctx context.Context, a attempt) (tree string, files []string, err error) {
	if err := p.takeAttributes(ctx, a.tip); err != nil {
		return "", nil, err
	}
	out, err := p.rig.gitIn(ctx, command{
		op: "merge " + a.req.Branch, dir: p.attributes(), gitDir: p.rig.mirror(), workTree: p.attributes(),
		args: []string{"merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", a.tip, a.head},
	})
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
