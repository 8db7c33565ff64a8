package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gastown/internal/replay"
	"gastown/internal/sim"
	"gastown/internal/town"
)

// shrinkSteps is how many steps reducing a failure takes at most: about half a minute each.
const shrinkSteps = 500_000

// errDefects is the result of a simulation that has found something.
var errDefects = errors.New("the simulation found defects")

func (a *app) simCmd() *cobra.Command {
	var o sim.Options
	var hours float64
	var bundle string
	c := &cobra.Command{
		Use: "sim", Short: "Play whole towns with faults in simulated time, and look for mistakes of the core",
		Long: "Plays towns on a time of its own, each drawn from a seed: agents that crash and hang, a runtime that is away,\n" +
			"a server that dies, people who change their minds. Every tick is checked. A failing seed is reduced to a\n" +
			"scenario file, and the command that shows it again is printed. Exits with 1 if anything was found.",
		Example: "  gastown sim --seeds 100 --hours 24\n  gastown sim --seed 17 --seeds 1 --hours 24 --shrink",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkSim(&o, hours); err != nil {
				return &exitError{exitUsage, err}
			}
			o.Time = town.Duration(hours * float64(town.Hour))
			if bundle == "" {
				return a.sim(cmd.Context(), o)
			}
			return a.simBundle(cmd.Context(), o, bundle)
		},
	}
	f := c.Flags()
	f.Uint64Var(&o.Seed, "seed", 1, "the first seed")
	f.IntVar(&o.Seeds, "seeds", 20, "how many towns, with one seed each")
	f.Float64Var(&hours, "hours", 24, "hours that each town lives with faults, in its own time")
	f.IntVar(&o.Agents, "agents", 20, "agents that may work in each town at once")
	f.IntVar(&o.Rigs, "rigs", 2, "rigs of each town")
	f.IntVar(&o.Workers, "workers", 0, "towns that are played at the same time; 0 takes the number of processors")
	f.IntVar(&o.Shrink, "shrink", shrinkSteps, "steps that reducing a failure to a scenario may take; 0 reduces none, alone it is ten times the default")
	f.StringVar(&bundle, "bundle", "", "of one town: write its whole history to this file, for gastown replay -f")
	f.Lookup("shrink").NoOptDefVal = fmt.Sprint(10 * shrinkSteps)
	return c
}

func checkSim(o *sim.Options, hours float64) error {
	switch {
	case o.Seeds < 1:
		return fmt.Errorf("--seeds is %d, must be at least 1", o.Seeds)
	case math.IsNaN(hours) || hours <= 0 || hours > 10000:
		return fmt.Errorf("--hours is %g, must be more than 0 and at most 10000", hours)
	case o.Agents < 1 || o.Agents > 1000:
		return fmt.Errorf("--agents is %d, must be from 1 to 1000", o.Agents)
	case o.Rigs < 1 || o.Rigs > 100:
		return fmt.Errorf("--rigs is %d, must be from 1 to 100", o.Rigs)
	case o.Workers < 0 || o.Shrink < 0:
		return errors.New("--workers and --shrink must not be negative")
	}
	return nil
}

// simBundle plays one town and keeps its history, of a town with defects too.
func (a *app) simBundle(ctx context.Context, o sim.Options, file string) error {
	if o.Seeds != 1 {
		return &exitError{exitUsage, fmt.Errorf("--bundle is for one town: --seeds is %d, must be 1", o.Seeds)}
	}
	b := replay.NewBundle(sim.Founded(), Version())
	o.Record = func(_ uint64, t *town.Tick, events []town.Event) { b.Add(t, events) }
	played := a.sim(ctx, o)
	if played != nil && !errors.Is(played, errDefects) {
		return played
	}
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("--bundle: %w", err)
	}
	if err := errors.Join(b.Write(f), f.Close()); err != nil {
		return err
	}
	return played
}

// sim plays the towns. How fast that was is chatter: the report itself is the same at every run.
func (a *app) sim(ctx context.Context, o sim.Options) error {
	begun := time.Now()
	if terminal(a.err) {
		o.Progress = func(done, findings int) {
			fmt.Fprintf(a.err, "\r%d of %d towns, %d with defects", done, o.Seeds, findings)
		}
	}
	r, err := sim.Run(ctx, o)
	if o.Progress != nil {
		fmt.Fprintln(a.err)
	}
	if err != nil {
		return err
	}
	took := time.Since(begun)
	a.say("%.0f simulated hours in %s: %.0f per second", r.Hours, took.Round(time.Millisecond), r.Hours/took.Seconds())
	if err := a.print(r, func(w io.Writer) { r.Print(w) }); err != nil {
		return err
	}
	if len(r.Findings) > 0 {
		return errDefects
	}
	return nil
}
