package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"gastown/internal/town"
	"gastown/internal/wire"
)

func table(w io.Writer, rows func(io.Writer)) {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	rows(tw)
	_ = tw.Flush() // the terminal may be gone
}

func printBeads(w io.Writer, beads []*town.Bead) {
	table(w, func(w io.Writer) {
		for _, b := range beads {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", b.ID, b.Status, b.Rig, holder(b), b.Title)
		}
	})
}

func holder(b *town.Bead) string {
	if b.Assignee != "" {
		return string(b.Assignee)
	}
	return "-"
}

func printBead(w io.Writer, b *wire.Bead) {
	fmt.Fprintf(w, "%s  %s\n", b.ID, b.Title)
	fmt.Fprintf(w, "  %s %s, %s priority, since %s\n", b.Type, b.Status, b.Priority, b.Since)
	if b.Why != "" {
		fmt.Fprintf(w, "  %s\n", b.Why)
	}
	if b.Archived {
		fmt.Fprintln(w, "  in the archive")
	}
	for _, on := range b.DependsOn {
		fmt.Fprintf(w, "  after     %s\n", on)
	}
	for _, a := range b.Attempts {
		fmt.Fprintf(w, "  attempt   %s\n", attempt(&a))
	}
	if x := b.Triage; x != nil {
		fmt.Fprintf(w, "  options   %s\n", options(x))
	}
	for _, mr := range b.MergeRequests {
		fmt.Fprintf(w, "  merge     %s %s %s -> %s %s\n", mr.ID, mr.Status, mr.Merge.Branch, mr.Merge.Target, short(mr.Merge.MergeCommit))
		if pr := mr.Merge.PR; pr != nil {
			fmt.Fprintf(w, "            by %s\n", pr.URL)
		}
	}
	if b.Body != "" {
		fmt.Fprintf(w, "\n%s\n", b.Body)
	}
}

// options says what may be decided, or what was.
func options(x *town.TriagePart) string {
	if x.Resolution != "" {
		return fmt.Sprintf("%s, decided by %s", x.Resolution, x.ResolvedBy)
	}
	words := make([]string, len(x.Options))
	for i, o := range x.Options {
		words[i] = string(o)
	}
	return strings.Join(words, ", ")
}

func attempt(a *town.Attempt) string {
	if a.Ended == 0 {
		return fmt.Sprintf("run %d by %s goes on since %s", a.Run, a.Agent, a.Started)
	}
	s := fmt.Sprintf("run %d by %s: %s after %s", a.Run, a.Agent, a.Outcome, a.Ended.Since(a.Started).Std().Round(time.Millisecond))
	if a.Reason != "" {
		s += ": " + a.Reason
	}
	return s
}

// short is the usual prefix of a commit.
func short(commit string) string { return commit[:min(len(commit), 10)] }

func printConvoy(w io.Writer, c *wire.Convoy) {
	fmt.Fprintf(w, "%s  %s\n", c.ID, c.Title)
	fmt.Fprintf(w, "  %s, %d of %d tasks in, %s\n", c.Status, c.Convoy.Done, c.Convoy.Members, c.Convoy.Mode)
	if c.Why != "" {
		fmt.Fprintf(w, "  %s\n", c.Why)
	}
	printBeads(w, c.Tasks)
}

func printAgents(w io.Writer, agents []*town.Agent) {
	table(w, func(w io.Writer) {
		for _, a := range agents {
			hook := string(a.Hook)
			if hook == "" {
				hook = "-"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\trun %d\t%s\t%s\n", a.ID, a.Role, a.Status, hook, a.Run, a.Observed, a.StatusLine)
		}
	})
}

func printRig(w io.Writer, r *town.Rig) {
	fmt.Fprintf(w, "%s  %s, merged into %s\n", r.ID, r.URL, r.DefaultBranch)
	if r.Credential != "" {
		fmt.Fprintf(w, "  opened by %s\n", r.Credential)
	}
	if g := r.Settings.Gates; g != nil {
		for _, gate := range *g {
			fmt.Fprintf(w, "  gate  %s: %s\n", gate.Name, gate.Command)
		}
	}
}

// printTakenRig prints a rig with what was found out about its repository.
func printTakenRig(w io.Writer, r *wire.TakenRig) {
	printRig(w, &r.Rig)
	for _, note := range r.Notes {
		fmt.Fprintf(w, "  note  %s\n", note)
	}
}

func printTown(w io.Writer, t *wire.Town) {
	state := "runs"
	if t.Paused != 0 {
		state = "paused since " + t.Paused.String()
	}
	fmt.Fprintf(w, "%s  %s, %s, tick %d, tag %s\n", t.ID, t.Name, state, t.LastTick, t.History.Tag())
	if a, ok := t.Settings.Agents[town.Polecat]; ok {
		line := append(append([]string{}, a.Command...), a.Args...)
		if a.Preset != "" {
			line = append([]string{a.Preset}, line...)
		}
		fmt.Fprintf(w, "  agent  %s\n", strings.Join(line, " "))
	}
	for _, r := range t.Rigs {
		fmt.Fprintf(w, "  rig    %s  %s\n", r.ID, r.URL)
	}
}
