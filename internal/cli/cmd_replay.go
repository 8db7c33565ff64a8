package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"gastown/internal/replay"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// replayFlags are what a replay is asked for.
type replayFlags struct {
	from, to string
	file     string
	set      []string
	diff     bool
	step     bool
	query    wire.ReplayQuery
}

func (a *app) replayCmd() *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use: "replay", Short: "Go through a part of the history again, and compare it with the record", Args: args(cobra.NoArgs),
		Long: `Rebuilds the town as it was before the part, takes its events again at their times, and prints what the
reconciler decides, compared with what it decided then. Nothing is applied.
With -f a bundle is replayed, without a server. Exits with 1 if anything comes out otherwise.`,
		Example: "  gastown replay --from 2026-11-23T10:00:00Z --to 2026-11-23T11:00:00Z\n  gastown replay --from-tick 40 --to-tick 60 --step\n" +
			"  gastown replay --verify\n  gastown replay -f incident.tar.zst --diff\n  gastown replay --from-tick 40 --set max_polecats_per_rig=1",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.parse(); err != nil {
				return err
			}
			ask, err := a.replayer(cmd.Context(), f.file)
			if err != nil {
				return err
			}
			return a.replay(cmd.Context(), &f, ask)
		},
	}
	f.flags(c)
	return c
}

// What the flags for the moments of a part are.
const (
	fromUsage = "first moment, RFC 3339; default, and before the town was made: the beginning of what is kept"
	toUsage   = "last moment, not one to come; default: now"
)

func (f *replayFlags) flags(c *cobra.Command) {
	q := &f.query
	c.Flags().StringVar(&f.from, "from", "", fromUsage)
	c.Flags().StringVar(&f.to, "to", "", toUsage)
	c.Flags().Int64Var((*int64)(&q.FromTick), "from-tick", 0, "instead of times: the first tick")
	c.Flags().Int64Var((*int64)(&q.ToTick), "to-tick", 0, "the last tick")
	c.Flags().Int64Var((*int64)(&q.FromSeq), "from-seq", 0, "instead of times: the first event")
	c.Flags().Int64Var((*int64)(&q.ToSeq), "to-seq", 0, "the last event")
	c.Flags().StringVarP(&f.file, "file", "f", "", "replay this bundle instead of the history of a server")
	c.Flags().StringSliceVar(&q.Without, "without", nil, "what if: id of an event that is left out; may be repeated")
	c.Flags().StringArrayVar(&f.set, "set", nil, "what if: KEY=VALUE of a setting, from the beginning of the part on; may be repeated")
	c.Flags().BoolVar(&f.diff, "diff", false, "show only ticks that come out otherwise, field by field")
	c.Flags().BoolVar(&q.Verify, "verify", false, "only say how much there is and what comes out otherwise first")
	c.Flags().BoolVar(&f.step, "step", false, "walk through the ticks, forwards and backwards")
}

func (f *replayFlags) parse() error {
	if f.step && f.query.Verify {
		return &exitError{exitUsage, fmt.Errorf("--step and --verify do not go together")}
	}
	if err := parseMoment("from", f.from, &f.query.From); err != nil {
		return err
	}
	if err := parseMoment("to", f.to, &f.query.To); err != nil {
		return err
	}
	if len(f.set) > 0 {
		config, err := settingsOf(f.set)
		if err != nil {
			return err
		}
		f.query.Config = &config
	}
	if f.query.Verify || !f.step {
		f.query.State = "none"
	}
	return nil
}

func parseMoment(flag, text string, at *town.Time) error {
	if text == "" {
		return nil
	}
	t, err := town.ParseTime(text)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("--%s %w", flag, err)}
	}
	*at = t
	return nil
}

// asking is how a replay is got: from a server, or from a bundle.
type asking func(context.Context, wire.ReplayQuery) (wire.Replay, error)

func (a *app) replayer(ctx context.Context, file string) (asking, error) {
	if file == "" {
		t, err := a.inTown(ctx)
		if err != nil {
			return nil, err
		}
		return t.Replay, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("--file: %w", err)
	}
	defer f.Close()
	collectLess()
	b, err := replay.ReadBundle(f)
	if err != nil {
		return nil, fmt.Errorf("--file: %s: %w", file, err)
	}
	if n := len(b.Manifest.Altered); n > 0 {
		a.say("without the texts that were taken out, %d ticks come out otherwise than they happened: %v", n, b.Manifest.Altered)
	}
	return func(ctx context.Context, q wire.ReplayQuery) (wire.Replay, error) {
		return replay.Document(ctx, b, b.Manifest.Town, q, b.Manifest.To)
	}, nil
}

func (a *app) replay(ctx context.Context, f *replayFlags, ask asking) error {
	r, err := ask(ctx, f.query)
	if err != nil {
		return err
	}
	switch {
	case f.step:
		s := stepper{app: a, ask: ask, query: f.query, doc: &r}
		return s.run(ctx)
	case f.query.Verify:
		err = a.print(r, func(w io.Writer) { printVerified(w, &r) })
	default:
		err = a.print(r, func(w io.Writer) { printReplay(w, &r, f.diff) })
	}
	if err == nil && !r.Exact && f.query.Config == nil && len(f.query.Without) == 0 {
		return &exitError{exitChanges, nil}
	}
	return err
}

func printReplay(w io.Writer, r *wire.Replay, diff bool) {
	for i := range r.Ticks {
		if t := &r.Ticks[i]; !diff || !t.Agree {
			printReplayTick(w, t)
		}
	}
	verdict := "as recorded"
	if !r.Exact {
		verdict = "not as recorded"
	}
	fmt.Fprintf(w, "%d events in %d ticks come out %s; rules %d, recorded by %v\n", r.EventsReplayed, r.TicksReplayed, verdict, r.RuleSet.Used, r.RuleSet.Recorded)
	if len(r.Actions) > 0 {
		fmt.Fprintf(w, "at %s the next tick would\n", r.At)
		printActions(w, "  ", r.Actions)
	}
}

func printReplayTick(w io.Writer, t *wire.ReplayTick) {
	mark := ""
	if !t.Agree {
		mark = "  DIFFERS"
	}
	fmt.Fprintf(w, "tick %d  %s%s\n", t.Tick, t.At, mark)
	for i := range t.Events {
		fmt.Fprintf(w, "  > %s\n", takenLine(&t.Events[i]))
	}
	printActions(w, "  ", t.Recomputed)
	for _, d := range t.Differences {
		fmt.Fprintf(w, "  - %s: %v, recorded %v\n", d.Path, shown(d.Recomputed), shown(d.Recorded))
	}
}

// shown makes a value of a difference fit a line.
func shown(v any) string {
	if v == nil {
		return "nothing"
	}
	return oneLine(strings.TrimSpace(fmt.Sprint(v)))
}

func printVerified(w io.Writer, r *wire.Replay) {
	rate := 0.0
	if r.Seconds > 0 {
		rate = float64(r.EventsReplayed) / r.Seconds
	}
	fmt.Fprintf(w, "%d events in %d ticks, %.0f events/s; rules %d, recorded by %v\n", r.EventsReplayed, r.TicksReplayed, rate, r.RuleSet.Used, r.RuleSet.Recorded)
	if r.Exact {
		fmt.Fprintln(w, "every tick comes out as recorded")
		return
	}
	fmt.Fprintln(w, "the first that does not come out as recorded:")
	for i := range r.Ticks {
		printReplayTick(w, &r.Ticks[i])
	}
}
