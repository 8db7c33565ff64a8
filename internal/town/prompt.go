package town

import (
	"fmt"
	"strings"
)

// Prompt is what the agent is told about the bead: what to do, what is known from before and how
// to finish.
func (s *State) Prompt(a *Agent, b *Bead) string {
	var p strings.Builder
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
	if b.Type == Issue {
		branch, base := s.workBranch(a.ID, b)
		fmt.Fprintf(&p, "\n## How to finish\n\nYour working directory is a git worktree on branch %s, made from %s. Commit your work there; do not push.\n", branch, base)
		p.WriteString("Then run `gastown done` with `-m` and a sentence on what you did. If nothing has to change, run `gastown done --no-changes REASON`.\n" +
			"If you cannot go on, run `gastown escalate MESSAGE`. `gastown checkpoint TEXT` notes what another run should know.\n")
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
