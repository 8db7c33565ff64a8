package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gastown/internal/town"
	"gastown/internal/wire"
)

func (a *app) replayCmd() *cobra.Command {
	var from, to string
	var q wire.ReplayQuery
	var diff bool
	c := &cobra.Command{
		Use: "replay", Short: "Go through a part of the history again, and compare it with the record", Args: args(cobra.NoArgs),
		Long:    "Rebuilds the town as it was before the part, takes its events again at their times, and prints what the\nreconciler decides, compared with what it decided then. Nothing is applied.\nExits with 1 if anything comes out otherwise.",
		Example: "  gastown replay --from 2026-11-23T10:00:00Z --to 2026-11-23T11:00:00Z\n  gastown replay --from-tick 40 --to-tick 60 --diff",
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, x := range []struct {
				flag, text string
				at         *town.Time
			}{{"from", from, &q.From}, {"to", to, &q.To}} {
				if err := parseMoment(x.flag, x.text, x.at); err != nil {
					return err
				}
			}
			t, err := a.inTown(cmd.Context())
			if err != nil {
				return err
			}
			r, err := t.Replay(cmd.Context(), q)
			if err != nil {
				return err
			}
			if err := a.print(r, func(w io.Writer) { printReplay(w, &r, diff) }); err != nil {
				return err
			}
			if !r.Exact && q.Config == nil && len(q.Without) == 0 {
				return &exitError{exitChanges, nil}
			}
			return nil
		},
	}
	c.Flags().StringVar(&from, "from", "", "first moment, RFC 3339; default: the beginning of what is kept")
	c.Flags().StringVar(&to, "to", "", "last moment; default: now")
	c.Flags().Int64Var((*int64)(&q.FromTick), "from-tick", 0, "instead of times: the first tick")
	c.Flags().Int64Var((*int64)(&q.ToTick), "to-tick", 0, "the last tick")
	c.Flags().StringSliceVar(&q.Without, "without", nil, "what if: id of an event that is left out; may be repeated")
	c.Flags().BoolVar(&diff, "diff", false, "show only ticks that come out otherwise, field by field")
	return c
}

func parseMoment(flag, text string, at *town.Time) error {
	if text == "" {
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("--%s is %q, must be a moment such as %s", flag, text, "2026-11-23T10:00:00Z")}
	}
	*at = town.TimeOf(t)
	return nil
}

func printReplay(w io.Writer, r *wire.Replay, diff bool) {
	for i := range r.Ticks {
		t := &r.Ticks[i]
		if diff && t.Agree {
			continue
		}
		mark := ""
		if !t.Agree {
			mark = "  DIFFERS"
		}
		fmt.Fprintf(w, "tick %d  %s%s\n", t.Tick, t.At, mark)
		for j := range t.Events {
			e := &t.Events[j]
			line := strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Type, e.Bead, e.Agent))
			if o := &e.Outcome; o.Verdict != town.Applied {
				line += "  " + string(o.Verdict) + ": " + o.Reason
			}
			fmt.Fprintf(w, "  > %s\n", line)
		}
		printActions(w, "  ", t.Recomputed)
		for _, d := range t.Differences {
			fmt.Fprintf(w, "  - %s: %v, recorded %v\n", d.Path, d.Recomputed, d.Recorded)
		}
	}
	verdict := "as recorded"
	if !r.Exact {
		verdict = "not as recorded"
	}
	fmt.Fprintf(w, "%d events in %d ticks come out %s; rules %d, recorded by %v\n", r.EventsReplayed, len(r.Ticks), verdict, r.RuleSet.Used, r.RuleSet.Recorded)
	if len(r.Actions) > 0 {
		fmt.Fprintf(w, "at %s the next tick would\n", r.At)
		printActions(w, "  ", r.Actions)
	}
}
