package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"gastown/internal/client"
	"gastown/internal/controller"
	"gastown/internal/town"
)

func (a *app) statusCmd() *cobra.Command {
	var watch bool
	c := &cobra.Command{Use: "status", Short: "Show how the town is", Args: args(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error {
		t, err := a.inTown(cmd.Context())
		if err != nil {
			return err
		}
		if watch {
			return a.watch(cmd.Context(), t)
		}
		st, err := t.Status(cmd.Context())
		if err != nil {
			return err
		}
		if a.output == "json" {
			return a.print(st, nil)
		}
		return a.overview(cmd.Context(), t, &st, a.out)
	}}
	c.Flags().BoolVarP(&watch, "watch", "w", false, "go on showing it as it changes")
	return c
}

// overview writes the status, the agents at work and the beads that are not over.
func (a *app) overview(ctx context.Context, t *client.Town, st *controller.Status, w io.Writer) error {
	agents, err := t.Agents(ctx)
	if err != nil {
		return err
	}
	beads, err := t.Beads(ctx, url.Values{"status": {"open,in_progress,in_review,failed"}, "limit": {"30"}})
	if err != nil {
		return err
	}
	state := "runs"
	if st.Paused != 0 {
		state = "PAUSED"
	}
	fmt.Fprintf(w, "town %s %s, tick %d, next look %s, %s\n", st.Town, state, st.LastTick, st.Alarm.NextFireAt.Format(time.TimeOnly), st.Alarm.IntervalLabel)
	if st.Draining {
		fmt.Fprintf(w, "DRAINING since %s: nothing is started\n", st.DrainStarted.Std().Local().Format(time.TimeOnly))
	}
	for _, k := range st.Breakers {
		fmt.Fprintf(w, "BREAKER of %s is open since %s: %s\n", k.Scope(), k.Opened.Std().Local().Format(time.TimeOnly), k.Class)
	}
	if st.Problem != "" {
		fmt.Fprintf(w, "PROBLEM: %s\n", st.Problem)
	}
	fmt.Fprintf(w, "beads  %d open  %d in progress  %d in review  %d closed  %d failed\n",
		st.Beads.Open, st.Beads.InProgress, st.Beads.InReview, st.Beads.Closed, st.Beads.Failed)
	fmt.Fprintf(w, "agents %d working  %d idle  %d stalled\n\n", st.Agents.Working, st.Agents.Idle, st.Agents.Stalled)
	var working []*town.Agent
	for _, ag := range agents {
		if ag.Hook != "" {
			working = append(working, ag)
		}
	}
	printAgents(w, working)
	if len(working) > 0 {
		fmt.Fprintln(w)
	}
	printBeads(w, beads.Beads)
	return nil
}

// clearScreen moves to the top left and wipes what is below, so that the picture does not flicker.
const clearScreen = "\x1b[H\x1b[J"

// watch shows the status again after every tick, until interrupted.
func (a *app) watch(ctx context.Context, t *client.Town) error {
	show := func() error {
		st, err := t.Status(ctx)
		if err != nil {
			return err
		}
		var page bytes.Buffer
		if terminal(a.out) {
			page.WriteString(clearScreen)
		}
		if err := a.overview(ctx, t, &st, &page); err != nil {
			return err
		}
		_, err = a.out.Write(page.Bytes())
		return err
	}
	var failed error
	err := t.Watch(ctx, func(*town.Tick) bool {
		failed = show()
		return failed == nil
	})
	if failed != nil {
		err = failed
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}
