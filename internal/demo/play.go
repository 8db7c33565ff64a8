package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"gastown/internal/client"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// TownID is the demo's town.
const TownID = "demo"

// Begin makes the town, its rig and the convoy, and returns the convoy's id.
func Begin(ctx context.Context, c *client.Client, w *World) (town.BeadID, error) {
	if _, err := c.CreateTown(ctx, wire.NewTown{ID: TownID, Name: "Demo"}); err != nil {
		return "", fmt.Errorf("cannot make the town: %w", err)
	}
	t := c.Town(TownID)
	if _, err := t.Configure(ctx, wire.TownPatch{Settings: w.Settings()}); err != nil {
		return "", fmt.Errorf("cannot configure the town: %w", err)
	}
	gates := []town.Gate{{Name: "test", Command: GateCommand, Timeout: 2 * town.Minute}}
	if _, err := t.AddRig(ctx, wire.NewRig{Name: "greet", URL: w.Repo, Settings: town.Settings{Gates: &gates}}); err != nil {
		return "", fmt.Errorf("cannot add the rig: %w", err)
	}
	convoy, err := t.CreateConvoy(ctx, Plan())
	if err != nil {
		return "", fmt.Errorf("cannot make the convoy: %w", err)
	}
	return convoy.ID, nil
}

// Follow writes what happens, as it happens, until the convoy is over. While the server is away it
// waits for it to come back.
func Follow(ctx context.Context, c *client.Client, convoy town.BeadID, out io.Writer) error {
	t := c.Town(TownID)
	seen := map[town.BeadID]string{}
	started := time.Now()
	for {
		err := t.Until(ctx, func() (bool, error) {
			return news(ctx, t, convoy, seen, func(line string) {
				fmt.Fprintf(out, "%6.1fs  %s\n", time.Since(started).Seconds(), line)
			})
		})
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the demo was not over in time: %w", ctx.Err())
		}
		var refused *client.Problem
		if errors.As(err, &refused) && refused.Status < 500 {
			return err
		}
	}
}

// news writes the beads whose standing has changed and reports whether the convoy is over.
func news(ctx context.Context, t *client.Town, convoy town.BeadID, seen map[town.BeadID]string, say func(string)) (bool, error) {
	page, err := t.Beads(ctx, url.Values{"limit": {"1000"}})
	if err != nil {
		return false, err
	}
	over := false
	for _, b := range page.Beads {
		now := string(b.Status)
		if b.Assignee != "" {
			now += " by " + string(b.Assignee)
		}
		if b.Merge != nil && b.Merge.MergeCommit != "" {
			now += " as " + short(b.Merge.MergeCommit)
		}
		if n := len(b.Attempts); n > 0 && b.Status == town.Open && b.Attempts[n-1].Outcome != "" {
			now += ", " + b.Attempts[n-1].Outcome
		}
		if seen[b.ID] != now {
			seen[b.ID] = now
			say(fmt.Sprintf("%-5s %-13s %-30s %s", b.ID, b.Type, clip(b.Title, 30), now))
		}
		over = over || b.ID == convoy && !b.Live()
	}
	return over, nil
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func short(commit string) string { return commit[:min(len(commit), 10)] }

// Report writes each bead with its attempts, its merge commit, its duration and where its log is.
// It fails if anything has not landed, or if the conflict or the failed gate did not happen.
func Report(ctx context.Context, c *client.Client, convoy town.BeadID, home string, out io.Writer) error {
	t := c.Town(TownID)
	doc, err := t.Convoy(ctx, convoy)
	if err != nil {
		return err
	}
	page, err := t.Beads(ctx, url.Values{"limit": {"1000"}})
	if err != nil {
		return err
	}
	var problems []error
	if doc.Outcome != town.OutcomeLanded {
		problems = append(problems, fmt.Errorf("the convoy %s is %s (%s): %s", doc.ID, doc.Status, doc.Outcome, doc.Why))
	}
	seen := map[string]bool{}
	for _, b := range page.Beads {
		if b.Type != town.Issue {
			continue
		}
		fmt.Fprintf(out, "%-5s %s: %s\n", b.ID, b.Title, b.Outcome)
		var merge *town.Bead
		for _, m := range page.Beads {
			if m.Merge != nil && m.Merge.Source == b.ID && m.Merge.MergeCommit != "" {
				merge = m
			}
		}
		if merge != nil {
			fmt.Fprintf(out, "        merged as %s, %s after it was made\n", short(merge.Merge.MergeCommit), took(b.Created, b.Closed))
			for _, a := range merge.Attempts {
				seen[a.Outcome] = true
			}
		}
		for _, a := range b.Attempts {
			fmt.Fprintf(out, "        run %d by %s: %s after %s, log %s/runs/%s/%s/%d/log\n", a.Run, a.Agent, a.Outcome, took(a.Started, a.Ended), home, TownID, a.Agent, a.Run)
		}
		isTask := slices.ContainsFunc(doc.Tasks, func(m *town.Bead) bool { return m.ID == b.ID })
		if isTask && b.Outcome != town.OutcomeMerged {
			problems = append(problems, fmt.Errorf("%s has not landed: it is %s", b.ID, b.Status))
		}
	}
	for _, want := range []string{town.AttemptConflict, town.AttemptGate} {
		if !seen[want] {
			problems = append(problems, fmt.Errorf("no merge ended as %s, which the demo is made to show", want))
		}
	}
	return errors.Join(problems...)
}

func took(from, to town.Time) time.Duration {
	return to.Since(from).Std().Round(100 * time.Millisecond)
}
