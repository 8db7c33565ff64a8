package town

import (
	"fmt"
	"strings"
)

// Prompt is what the agent is told about the bead: what to do, what is known from before and how
// to finish.
func (s *State) Prompt(a *Agent, b *Bead) string {
	var p strings.Builder
	if b.Triage != nil {
		return s.triagePrompt(a, b)
	}
	fmt.Fprintf(&p, "# %s\n\nYou are %s, a %s of rig %s. Your task is %s.\n", b.Title, a.ID, a.Role, b.Rig, b.ID)
	if b.Body != "" {
		fmt.Fprintf(&p, "\n%s\n", b.Body)
	}
	if text := s.config(b.Rig).Instructions[a.Role]; text != "" {
		fmt.Fprintf(&p, "\n## Instructions\n\n%s\n", text)
	}
	if b.Checkpoint != "" {
		fmt.Fprintf(&p, "\n## Where the last run stopped\n\n%s\n", b.Checkpoint)
	}
	if failed := failedAttempts(b); failed != "" {
		fmt.Fprintf(&p, "\n## Attempts so far\n\n%s\n", failed)
	}
	s.promptMail(&p, a)
	if b.Type == Issue {
		branch, base := s.workBranch(b)
		fmt.Fprintf(&p, "\n## How to finish\n\nYour working directory is a git clone on branch %s, made from %s. Commit your work there; do not push.\n", branch, base)
		p.WriteString("Then run `gastown done` with `-m` and a sentence on what you did. If nothing has to change, run `gastown done --no-changes REASON`.\n" +
			"If you cannot go on, run `gastown escalate MESSAGE`. `gastown checkpoint TEXT` notes what another run should know, and `gastown mail` shows what you are told.\n")
	}
	if b.Merge != nil {
		p.WriteString(mergeTask(s.mergeSpec(b)))
	}
	return p.String()
}

func failedAttempts(b *Bead) string {
	var lines []string
	for i, at := range b.Attempts {
		if at.Ended != 0 && at.Fault == AgentFault {
			lines = append(lines, fmt.Sprintf("%d. %s: %s %s", i+1, at.Agent, at.Outcome, at.Reason))
		}
	}
	return strings.Join(lines, "\n")
}

// mergeTask tells a refinery that is an agent how to finish.
func mergeTask(m *MergeSpec) string {
	var p strings.Builder
	fmt.Fprintf(&p, "\n## How to finish\n\nThe work is on branch %s at %s, and is to get into %s.\n", m.Branch, m.Head, m.Target)
	if m.CodeReview {
		p.WriteString("Review the diff first. If it must not go in as it is, run `gastown request-changes FEEDBACK`, and do nothing more.\n")
	}
	if m.Strategy == StrategyPR {
		fmt.Fprintf(&p, "Push the branch, open a pull request into %s, and run `gastown done --pr-url URL`. Do not merge it.\n", m.Target)
	} else {
		fmt.Fprintf(&p, "Merge it into %s with a merge commit whose second parent is that commit, run the tests, and run `gastown merge-tested --commit COMMIT`. Do not push: the server does.\n", m.Target)
	}
	return p.String()
}
