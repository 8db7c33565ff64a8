package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"gastown/internal/git"
	"gastown/internal/town"
)

func (a *app) refineryCmd() *cobra.Command {
	return &cobra.Command{
		Use: "refinery", Short: sentence("merge-failed"), Hidden: true, Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM)
			defer stop()
			return a.refinery(ctx)
		},
	}
}

// refinery reads what to merge from standard input, tests that and reports what came of it. It pushes nothing. Its
// output is its log.
func (a *app) refinery(ctx context.Context) error {
	t, err := a.asAgent()
	if err != nil {
		return err
	}
	var m town.MergeSpec
	if err := json.NewDecoder(a.in).Decode(&m); err != nil {
		return fmt.Errorf("cannot read what to merge: %w", err)
	}
	var verb string
	var payload town.Payload
	if m.Strategy == town.StrategyPR {
		verb, payload = cannotOpen(&m)
	} else {
		result, err := a.merge(ctx, &m)
		if ctx.Err() != nil {
			return errors.New("the merge was stopped")
		}
		verb, payload = outcomeOf(&m, result, err)
	}
	fmt.Fprintf(a.out, "%s: %s\n", m.MergeRequest, verb)
	if _, err := t.Verb(ctx, verb, payload); err != nil {
		return fmt.Errorf("cannot report that %s is %s: %w", m.MergeRequest, verb, err)
	}
	return nil
}

// cannotOpen says that the built-in refinery opens no pull requests, and what helps.
func cannotOpen(m *town.MergeSpec) (verb string, p town.Payload) {
	return "merge-failed", &town.MergeFailed{Class: town.MergeNoForge, Reason: fmt.Sprintf(
		"the built-in refinery speaks to no forge and opens no pull requests; set merge_strategy to direct, or agents.refinery to an agent that opens them, then gastown bead retry %s goes on",
		m.MergeRequest)}
}

func (a *app) merge(ctx context.Context, m *town.MergeSpec) (git.MergeResult, error) {
	store, err := git.OpenWithoutAccess(filepath.Join(a.home, "git"))
	if err != nil {
		return git.MergeResult{}, err
	}
	rig := store.Rig(os.Getenv("GASTOWN_TOWN"), os.Getenv("GASTOWN_RIG"), m.Repo.URL, m.Repo.DefaultBranch)
	fmt.Fprintf(a.out, "%s: merge %s (%s) into %s\n", m.MergeRequest, m.Branch, short(m.Head), m.Target)
	req := git.MergeRequest{
		Branch: m.Branch, ExpectedHead: m.Head, Target: m.Target, Create: m.Create, Base: m.Base, Log: a.out,
		Title: fmt.Sprintf("%s (%s)", m.Title, m.Source), Body: m.Summary,
		Trailers: []git.Trailer{{Key: "Gastown-Town", Value: m.Tag}, {Key: "Gastown-Bead", Value: string(m.Source)}, {Key: "Gastown-Merge-Request", Value: string(m.MergeRequest)}},
	}
	req.Submodules, req.LFS = m.Repo.Submodules != town.SubmodulesOff, m.Repo.LFS
	for _, member := range m.Members {
		req.Must = append(req.Must, member.Commit)
	}
	req.GateRetries, req.RefuseChanges, req.Caches = m.GateRetries, m.GateChanges == town.GateChangesRefuse, m.Caches
	for _, name := range m.GateEnv {
		if value, set := os.LookupEnv(name); set {
			req.GateEnv = append(req.GateEnv, name+"="+value)
		}
	}
	for _, g := range m.Gates {
		timeout := g.Timeout
		if timeout == 0 {
			timeout = town.DefaultGateTimeout
		}
		req.Gates = append(req.Gates, git.Gate{Name: g.Name, Shell: g.Command, Timeout: timeout.Std()})
	}
	if m.Workspace != "" {
		if err := rig.Look(ctx, m.Workspace, m.Branch); err != nil {
			return git.MergeResult{}, err
		}
	}
	return rig.TestMerge(ctx, req)
}

// outcomeOf turns the result of a merge into the verb that reports it.
func outcomeOf(m *town.MergeSpec, r git.MergeResult, err error) (verb string, p town.Payload) {
	var moved *git.HeadMovedError
	var rewritten *git.RewrittenError
	var without *git.MissingCommitsError
	switch {
	case errors.As(err, &without):
		return "merge-failed", &town.MergeFailed{Class: town.MergeMembersMissing, Reason: town.MembersMissing(m.Branch, m.Members, without.Commits)}
	case errors.As(err, &rewritten):
		return "merge-failed", &town.MergeFailed{Class: town.MergeRewritten, Reason: err.Error()}
	case errors.As(err, &moved):
		return "merge-failed", &town.MergeFailed{Class: town.MergeMoved, Reason: err.Error()}
	case err != nil:
		class := string(git.ClassOf(err))
		if class == "" {
			class = "other"
		}
		return "merge-failed", &town.MergeFailed{Class: class, Reason: err.Error()}
	}
	switch r.Outcome {
	case git.OutcomeTested:
		return "merge-tested", &town.MergeTested{Commit: r.Commit, Tip: r.Target, Runs: gateRuns(r.Gates)}
	case git.OutcomeMerged: // The server looks at the target and finds it there.
		return "merge-tested", &town.MergeTested{Commit: r.Commit, Tip: r.Target}
	case git.OutcomeConflicted:
		return "merge-conflicted", &town.MergeConflicted{Files: r.Files}
	case git.OutcomeGateFailed:
		return "merge-rejected", &town.MergeRejected{
			Gate: r.Gate.Gate, End: town.GateEnd(r.Gate.End), Log: valid(r.Gate.Tail), Changed: allValid(r.Gate.Changed), Runs: gateRuns(r.Gates),
		}
	case git.OutcomeGateBroken:
		return "gate-broken", &town.GateBroken{
			Gate: r.Gate.Gate, End: town.GateEnd(r.Gate.End), Target: r.Target, Log: valid(r.Gate.Tail),
			Changed: allValid(r.Gate.Changed), Runs: gateRuns(r.Gates),
		}
	}
	if r.Outcome == git.OutcomeTargetMissing {
		return "merge-failed", &town.MergeFailed{Class: town.MergeNoTarget, Reason: "there is no branch " + m.Target + " at the remote"}
	}
	return "merge-failed", &town.MergeFailed{Class: string(r.Outcome), Reason: fmt.Sprintf("branch %s is %s", m.Branch, r.Outcome)}
}

// gateRuns turns runs of gates into what the town is told of them.
func gateRuns(runs []git.GateRun) []town.GateRun {
	var told []town.GateRun
	for _, g := range runs {
		told = append(told, town.GateRun{
			Gate: g.Gate, End: town.GateEnd(g.End), Flaky: g.Flaky, OnTarget: g.OnTarget, Took: town.Duration(g.Took.Milliseconds()),
			Changed: allValid(g.Changed), Changes: g.Changes,
		})
	}
	return told
}

// valid makes text of what a gate wrote.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

func allValid(texts []string) []string {
	var all []string
	for _, text := range texts {
		all = append(all, valid(text))
	}
	return all
}
