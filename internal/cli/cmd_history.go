package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gastown/internal/town"
	"gastown/internal/wire"
)

func (a *app) whyCmd() *cobra.Command {
	var moment string
	c := &cobra.Command{Use: "why ID", Short: "Say why a bead, agent or convoy is as it is, or was", Args: args(cobra.ExactArgs(1)), RunE: func(cmd *cobra.Command, argv []string) error {
		var at town.Time
		if err := parseMoment("at", moment, &at); err != nil {
			return err
		}
		t, err := a.inTown(cmd.Context())
		if err != nil {
			return err
		}
		why, err := t.Why(cmd.Context(), argv[0], at)
		if err != nil {
			return err
		}
		return a.print(why, func(w io.Writer) { printWhy(w, &why) })
	}}
	c.Flags().StringVar(&moment, "at", "", "a moment that is past, RFC 3339; default: now")
	return c
}

func printWhy(w io.Writer, why *wire.Why) {
	fmt.Fprintln(w, why.Summary)
	fmt.Fprintf(w, "%s since %s\n", why.Status, why.Since)
	for _, d := range why.Due {
		fmt.Fprintf(w, "  next   %-24s %s  (%s)\n", d.Kind, d.Reason, d.Rule)
	}
	for _, x := range why.Waits {
		until := ""
		if x.Until != 0 {
			until = ", until " + x.Until.String()
		}
		fmt.Fprintf(w, "  waits  %s%s  (%s)\n", x.Reason, until, x.Rule)
	}
	if why.Next != 0 {
		fmt.Fprintf(w, "looked at again by itself at %s\n", why.Next)
	}
	if len(why.Related) > 0 {
		fmt.Fprintf(w, "see also %s\n", strings.Join(why.Related, ", "))
	}
	if len(why.Recent) > 0 {
		fmt.Fprintln(w, "the last things that happened to it:")
		printHappened(w, why.Recent)
	}
}

// historyPage is how much the server tells at once.
const historyPage = 100

func (a *app) historyCmd() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use: "history ID", Short: "Tell what happened to a bead, agent or convoy, the newest last", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, argv []string) error {
			if limit < 0 {
				return &exitError{exitUsage, fmt.Errorf("--limit is %d, must be 0 (all) or more", limit)}
			}
			h, err := a.history(cmd.Context(), argv[0], limit)
			if err != nil {
				return err
			}
			return a.print(h, func(w io.Writer) { printHappened(w, h.Happened) })
		},
	}
	c.Flags().IntVarP(&limit, "limit", "n", 20, "only the last ones; 0 for all")
	return c
}

// history asks for one part after another, backwards, until there are enough.
func (a *app) history(ctx context.Context, id string, limit int) (wire.History, error) {
	all := wire.History{Happened: []town.Happening{}}
	t, err := a.inTown(ctx)
	if err != nil {
		return all, err
	}
	for {
		size := historyPage
		if limit > 0 {
			size = min(size, limit-len(all.Happened))
		}
		part, err := t.History(ctx, id, all.Next, size)
		if err != nil {
			return all, err
		}
		all.Happened, all.Next = append(part.Happened, all.Happened...), part.Next
		if all.Next == "" || len(all.Happened) == limit {
			return all, nil
		}
	}
}

// printHappened writes what happened, a thing on a line: when, what, by whom, and the circumstances.
func printHappened(w io.Writer, list []town.Happening) {
	table(w, func(w io.Writer) {
		for i := range list {
			h := &list[i]
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", h.At, h.What, h.By, circumstances(h))
		}
	})
}

// maxReason is how much of a reason a line shows, in characters; -o json has more of it.
const maxReason = 100

// circumstances are about whom it was, from where to where it went, and why.
func circumstances(h *town.Happening) string {
	var who []string
	for _, name := range []string{string(h.Bead), string(h.Agent)} {
		if name != "" {
			who = append(who, name)
		}
	}
	if h.Run != 0 {
		who = append(who, fmt.Sprintf("run %d", h.Run))
	}
	text := strings.Join(who, " ")
	if h.To != "" {
		text += fmt.Sprintf(" %s -> %s", h.From, h.To)
	}
	if h.Outcome != "" && h.Outcome != town.Applied {
		text += " " + string(h.Outcome)
	}
	if h.Reason != "" {
		text += ": " + oneLine(h.Reason)
	}
	return strings.TrimPrefix(text, ": ")
}

// oneLine makes one line of a text that fits a table.
func oneLine(s string) string {
	line := []rune(strings.Join(strings.Fields(s), " "))
	if len(line) <= maxReason {
		return string(line)
	}
	return string(line[:maxReason-1]) + "…"
}
