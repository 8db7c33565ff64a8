package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"gastown/internal/demo"
)

// demoTime bounds the demo; it usually takes about half a minute.
const demoTime = 5 * time.Minute

func (a *app) demoCmd() *cobra.Command {
	var keep bool
	c := &cobra.Command{
		Use: "demo", Short: "Watch a town work: five tasks, real processes, real merges, no model",
		Long: "Makes a small repository in a temporary folder, starts a server on a free port of this machine and\n" +
			"lets script agents take five tasks from open to landed. One fails its gate first, two conflict.",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), keep) },
	}
	c.Flags().BoolVar(&keep, "keep", false, "leave the server running and everything in place")
	return c
}

func (a *app) demo(ctx context.Context, keep bool) (err error) {
	ctx, cancel := context.WithTimeout(ctx, demoTime)
	defer cancel()
	dir, err := os.MkdirTemp("", "gastown-demo-")
	if err != nil {
		return fmt.Errorf("cannot make a folder for the demo: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find this program: %w", err)
	}
	w, err := demo.NewWorld(ctx, dir)
	if err != nil {
		return err
	}
	home := filepath.Join(dir, "home")
	p, err := demo.Serve(ctx, self, home, "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "a server runs at %s, with its data in %s\n\n", p.Info.URL, home)
	defer func() {
		if keep {
			fmt.Fprintf(a.out, "\nthe server goes on at %s; look at it with\n  gastown --home %s status\nand end it with\n  gastown --home %s down\n", p.Info.URL, home, home)
			return
		}
		// Also when interrupted: nothing that the demo started stays.
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, demo.Clean(end, p, dir))
	}()
	c := p.Client()
	convoy, err := demo.Begin(ctx, c, w)
	if err != nil {
		return err
	}
	if err := demo.Follow(ctx, c, convoy, a.out); err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	if err := demo.Report(ctx, c, convoy, home, a.out); err != nil {
		return err
	}
	graph, err := w.Graph(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "\n%s\n", graph)
	if err := w.Check(ctx); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "everything landed, and what landed passes %q\n", demo.GateCommand)
	return nil
}
