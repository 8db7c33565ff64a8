package town

import (
	"fmt"
	"strings"
)

// triagePrompt tells the triage agent what it is to decide: the request, what that is about with its
// history, and the options.
func (s *State) triagePrompt(a *Agent, b *Bead) string {
	var p strings.Builder
	part := b.Triage
	fmt.Fprintf(&p, "# %s\n\nYou are %s: you decide about work that got stuck in this town, and do none of it yourself. Decide request %s (%s).\n\n%s\n",
		b.Title, a.ID, b.ID, part.Kind, b.Body)
	if about := s.beads[part.About]; about != nil {
		fmt.Fprintf(&p, "\n## What it is about\n\n%s, %s, is %s since %s: %s\n", about.ID, about.Type, about.Status, about.Since, about.Title)
		if about.Body != "" {
			fmt.Fprintf(&p, "\n%s\n", about.Body)
		}
		if about.Checkpoint != "" {
			fmt.Fprintf(&p, "\nIts last agent noted: %s\n", about.Checkpoint)
		}
		if len(about.Attempts) > 0 {
			fmt.Fprintf(&p, "\n## Its attempts\n\n%s\n", attemptLines(about))
		}
	}
	if x := s.agents[part.Agent]; x != nil {
		fmt.Fprintf(&p, "\n## The agent\n\n%s is %s at run %d (this is about run %d). %s\n", x.ID, x.Status, x.Run, part.Run, x.StatusLine)
	}
	if b.Checkpoint != "" {
		fmt.Fprintf(&p, "\n## Where the last run stopped\n\n%s\n", b.Checkpoint)
	}
	if failed := failedAttempts(b); failed != "" {
		fmt.Fprintf(&p, "\n## Earlier tries to decide this\n\n%s\n", failed)
	}
	s.promptMail(&p, a)
	if text := s.config(b.Rig).Instructions[a.Role]; text != "" {
		fmt.Fprintf(&p, "\n## Instructions\n\n%s\n", text)
	}
	p.WriteString("\n## How to decide\n\nRun `gastown triage-resolve OPTION -m NOTE`, once, and stop. The options:\n\n")
	for _, o := range part.Options {
		fmt.Fprintf(&p, "- %s: %s\n", o, resolutionDocs[o])
	}
	return p.String()
}

// attemptLines tells the history of a bead, an attempt a line.
func attemptLines(b *Bead) string {
	lines := make([]string, len(b.Attempts))
	for i, at := range b.Attempts {
		lines[i] = fmt.Sprintf("%d. %s, run %d: goes on", i+1, at.Agent, at.Run)
		if at.Ended != 0 {
			lines[i] = strings.TrimSpace(fmt.Sprintf("%d. %s, run %d, %s: %s %s", i+1, at.Agent, at.Run, at.Ended.Since(at.Started), at.Outcome, at.Reason))
		}
	}
	return strings.Join(lines, "\n")
}

// promptMail says what an agent has not read yet.
func (s *State) promptMail(p *strings.Builder, a *Agent) {
	if n := len(s.ix.mailOf[a.ID]); n > 0 {
		fmt.Fprintf(p, "\n## Mail\n\nYou have %d unread messages: read them with `gastown mail`.\n", n)
	}
}
