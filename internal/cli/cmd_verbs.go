package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"gastown/internal/client"
	"gastown/internal/git"
	"gastown/internal/town"
	"gastown/internal/verbs"
)

// asAgent speaks to the server with the token of the run that this process belongs to.
func (a *app) asAgent() (*client.Town, error) {
	token, id := os.Getenv("GASTOWN_TOKEN"), os.Getenv("GASTOWN_TOWN")
	if token == "" || id == "" {
		return nil, errors.New("this is for agents: GASTOWN_TOKEN and GASTOWN_TOWN are set where a town starts one")
	}
	c := client.New(client.Config{Patience: agentPatience, Find: func() (string, string, error) {
		// A server that was started again may listen elsewhere.
		if info, err := a.running(); err == nil {
			return info.URL, token, nil
		}
		return os.Getenv("GASTOWN_URL"), token, nil
	}})
	return c.Town(town.TownID(id)), nil
}

// sentence is what the help says of a verb's command.
func sentence(id string) string {
	v := verbs.Of(id)
	return v.Short()
}

// verb makes a command of an agent's verb, with the arguments that its usage names; make reads them.
func (a *app) verb(id, arguments string, check cobra.PositionalArgs, make func(cmd *cobra.Command, argv []string) (town.Payload, error)) *cobra.Command {
	use := strings.TrimSpace(verbs.Of(id).Command + " " + arguments)
	return &cobra.Command{Use: use, Short: sentence(id), Args: args(check), RunE: func(cmd *cobra.Command, argv []string) error {
		if _, err := a.asAgent(); err != nil {
			return err
		}
		p, err := make(cmd, argv)
		if err != nil {
			return err
		}
		return a.asVerb(cmd.Context(), id, p)
	}}
}

func (a *app) verbCmds() []*cobra.Command {
	prime := &cobra.Command{Use: "prime", Short: sentence("prime"), Args: args(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error {
		t, err := a.asAgent()
		if err != nil {
			return err
		}
		p, err := t.Prime(cmd.Context())
		if err != nil {
			return err
		}
		return a.print(p, func(w io.Writer) {
			fmt.Fprint(w, p.Prompt)
			printNudges(w, p.Nudges)
		})
	}}
	var severity, category string
	escalate := a.verb("escalate", "MESSAGE", cobra.MinimumNArgs(1),
		func(_ *cobra.Command, argv []string) (town.Payload, error) {
			return &town.AgentEscalated{Severity: town.Severity(severity), Category: category, Message: strings.Join(argv, " ")}, nil
		})
	escalate.Flags().StringVar(&severity, "severity", string(town.SeverityMedium), "low, medium, high or critical")
	escalate.Flags().StringVar(&category, "category", "help", "one word for its kind")
	var files []string
	changes := a.verb("request-changes", "FEEDBACK", cobra.MinimumNArgs(1),
		func(_ *cobra.Command, argv []string) (town.Payload, error) {
			text, err := a.text(strings.Join(argv, " "))
			return &town.ChangesRequested{Feedback: text, Files: files}, err
		})
	changes.Flags().StringSliceVar(&files, "file", nil, "file that it is about; may be repeated")
	var decision town.TriageResolved
	resolve := a.verb("agent-triage-resolve", "OPTION", cobra.ExactArgs(1),
		func(_ *cobra.Command, argv []string) (town.Payload, error) {
			decision.Resolution = town.Resolution(argv[0])
			return &decision, nil
		})
	decisionFlags(resolve, &decision)
	var tools []string
	status := a.verb("agent-status", "LINE", cobra.MinimumNArgs(1),
		func(_ *cobra.Command, argv []string) (town.Payload, error) {
			return &town.AgentStatusLine{Line: strings.Join(argv, " "), Tools: tools}, nil
		})
	status.Flags().StringSliceVar(&tools, "tool", nil, "what it has running and waits for; may be repeated")
	return []*cobra.Command{
		prime, a.doneCmd(), changes, escalate, resolve, status,
		a.verb("checkpoint", "TEXT", cobra.MinimumNArgs(1),
			func(_ *cobra.Command, argv []string) (town.Payload, error) {
				text, err := a.text(strings.Join(argv, " "))
				return &town.AgentCheckpoint{Text: text}, err
			}),
		a.usageCmd(), a.testedCmd(),
	}
}

func (a *app) usageCmd() *cobra.Command {
	var p town.AgentUsage
	c := a.verb("usage", "", cobra.NoArgs,
		func(*cobra.Command, []string) (town.Payload, error) { return &p, nil })
	c.Flags().Int64Var(&p.TokensIn, "tokens-in", 0, "tokens of prompts")
	c.Flags().Int64Var(&p.TokensOut, "tokens-out", 0, "tokens of answers")
	c.Flags().Int64Var(&p.TokensCached, "tokens-cached", 0, "tokens that the provider had in its cache; no budget counts them")
	c.Flags().Float64Var(&p.CostUSD, "cost", 0, "what that cost, in US dollars")
	return c
}

// testedCmd is for a refinery that is an agent: it says which merge is to be pushed, and the server pushes it.
func (a *app) testedCmd() *cobra.Command {
	var p town.MergeTested
	c := a.verb("merge-tested", "--commit COMMIT", cobra.NoArgs,
		func(cmd *cobra.Command, _ []string) (town.Payload, error) {
			for _, of := range []struct {
				to       *string
				revision string
			}{{&p.Commit, p.Commit}, {&p.Tip, p.Commit + "^1"}} {
				out, err := exec.CommandContext(cmd.Context(), "git", "rev-parse", "--verify", "--end-of-options", of.revision+"^{commit}").Output()
				if err != nil {
					return nil, fmt.Errorf("there is no commit %s here: run it where the merge was made", of.revision)
				}
				*of.to = strings.TrimSpace(string(out))
			}
			return &p, nil
		})
	c.Flags().StringVar(&p.Commit, "commit", "", "the merge: its first parent is the target's tip, its second the branch")
	if err := c.MarkFlagRequired("commit"); err != nil {
		panic(err)
	}
	return c
}

func (a *app) doneCmd() *cobra.Command {
	var summary, noChanges, prURL string
	c := a.verb("done", "", cobra.NoArgs,
		func(cmd *cobra.Command, _ []string) (town.Payload, error) {
			p := &town.AgentDone{Branch: os.Getenv("GASTOWN_BRANCH"), Summary: summary, NoChanges: noChanges, PRURL: prURL}
			head, err := a.committed(cmd.Context(), p.Branch)
			p.Head = head
			return p, err
		})
	c.Flags().StringVarP(&summary, "message", "m", "", "a sentence on what was done")
	c.Flags().StringVar(&noChanges, "no-changes", "", "nothing had to change, and why")
	c.Flags().StringVar(&prURL, "pr-url", "", "of a refinery: the pull request that it has opened")
	return c
}

// committed returns the commit of the branch and makes sure that all work is on it: what is uncommitted or on another
// branch would be lost for the merge.
func (a *app) committed(ctx context.Context, branch string) (string, error) {
	out := func(args ...string) (string, error) {
		text, err := exec.CommandContext(ctx, "git", args...).Output()
		return strings.TrimRight(string(text), "\n"), err
	}
	left, err := uncommitted(out)
	if err != nil {
		return "", errors.New("this is not the agent's workspace: run it where the work was done")
	}
	if len(left) > 0 {
		return "", fmt.Errorf("there are uncommitted changes; commit them (or remove them) first:\n%s", strings.Join(left, "\n"))
	}
	tip, err := out("rev-parse", "--verify", "--quiet", "--end-of-options", "refs/heads/"+branch+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("there is no branch %s here: run git switch -c %s, commit the work on it, and then gastown done", branch, branch)
	}
	commits, err := out("rev-list", "--count", "HEAD", "^"+tip, "--")
	if err != nil || commits == "0" {
		return tip, nil
	}
	on, err := out("symbolic-ref", "--quiet", "--short", "HEAD")
	if err != nil {
		head, _ := out("rev-parse", "HEAD")
		return "", fmt.Errorf("HEAD is on no branch, and has %s commits that the bead's branch %s lacks: run git switch %s && git merge %s, and then gastown done",
			commits, branch, branch, head)
	}
	return "", fmt.Errorf("the branch %s is checked out, and has %s commits that the bead's branch %s lacks: run git switch %s && git merge %s, and then gastown done",
		on, commits, branch, branch, on)
}

// uncommitted lists what is not committed, untracked files included whatever the user has set, without the files that
// the workspace was made with as they are.
func uncommitted(out func(args ...string) (string, error)) ([]string, error) {
	text, err := out("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames")
	if err != nil {
		return nil, err
	}
	top, err := out("rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	file, err := out("rev-parse", "--git-path", git.DirtName)
	if err != nil {
		return nil, err
	}
	notes, err := os.ReadFile(file)
	if err != nil {
		notes = nil // Then every file counts.
	}
	var left []string
	for entry := range strings.SplitSeq(text, "\x00") {
		if len(entry) > 3 && !git.SameAsMade(notes, top, entry[3:]) {
			left = append(left, entry)
		}
	}
	return left, nil
}
