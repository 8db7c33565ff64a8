package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"gastown/internal/town"
)

func (a *app) bundleCmd() *cobra.Command {
	var from, to, file string
	var fromTick, toTick int64
	c := &cobra.Command{
		Use: "bundle -f FILE", Short: "Take a part of the history out, to be replayed elsewhere", Args: args(cobra.NoArgs),
		Long: `Writes a part of the history to a file: the town before it, the events, the decisions and the versions.
Prompts, secrets and whatever else people, agents and programs have written are replaced by placeholders.
gastown replay -f FILE replays it on any machine, without a server.`,
		Example: "  gastown bundle --from 2026-11-23T10:00:00Z --to 2026-11-23T11:00:00Z -f incident.tar.zst",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return &exitError{exitUsage, errors.New("--file is missing: where the bundle is to be written, or - for the output")}
			}
			q := url.Values{}
			for _, x := range []struct{ flag, text, name string }{{"from", from, "from"}, {"to", to, "to"}} {
				var at town.Time
				if err := parseMoment(x.flag, x.text, &at); err != nil {
					return err
				}
				if at != 0 {
					q.Set(x.name, at.String())
				}
			}
			for name, no := range map[string]int64{"fromTick": fromTick, "toTick": toTick} {
				if no != 0 {
					q.Set(name, strconv.FormatInt(no, 10))
				}
			}
			return a.writeBundle(cmd.Context(), q, file)
		},
	}
	c.Flags().StringVar(&from, "from", "", fromUsage)
	c.Flags().StringVar(&to, "to", "", toUsage)
	c.Flags().Int64Var(&fromTick, "from-tick", 0, "instead of times: the first tick")
	c.Flags().Int64Var(&toTick, "to-tick", 0, "the last tick")
	c.Flags().StringVarP(&file, "file", "f", "", "where to write it; - is the output")
	return c
}

// writeBundle writes the whole file or none.
func (a *app) writeBundle(ctx context.Context, q url.Values, file string) error {
	t, err := a.inTown(ctx)
	if err != nil {
		return err
	}
	body, err := t.Bundle(ctx, q)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	if file == "-" {
		_, err := io.Copy(a.out, body)
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(file), ".bundle-*")
	if err != nil {
		return fmt.Errorf("--file: %w", err)
	}
	defer func() { _ = os.Remove(part.Name()) }() // it has another name if all went well
	size, err := io.Copy(part, body)
	if err = errors.Join(err, part.Close()); err != nil {
		return fmt.Errorf("cannot write %s: %w", file, err)
	}
	if err := os.Rename(part.Name(), file); err != nil {
		return fmt.Errorf("--file: %w", err)
	}
	a.say("%s: %d bytes", file, size)
	return nil
}
