package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"gastown/internal/client"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// beadClient is what onBead hands to its function.
type beadClient = *client.Town

// onBead does something to a bead and prints it.
func (a *app) onBead(ctx context.Context, id string, do func(context.Context, beadClient, town.BeadID) (wire.Bead, error)) error {
	t, err := a.inTown(ctx)
	if err != nil {
		return err
	}
	b, err := do(ctx, t, town.BeadID(id))
	if err != nil {
		return err
	}
	if b.Ignored != "" {
		a.say("nothing changed: %s", b.Ignored)
	}
	return a.print(b, func(w io.Writer) { printBead(w, &b) })
}

func absolute(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("cannot find %s: %w", path, err)
	}
	return abs, nil
}

// settingsOf reads KEY=VALUE pairs; a dot leads into a map. Values are YAML-free: JSON where they
// are JSON, text otherwise.
func settingsOf(pairs []string) (town.Settings, error) {
	doc := map[string]any{}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return town.Settings{}, &exitError{exitUsage, fmt.Errorf("%q is not KEY=VALUE", pair)}
		}
		var v any = value
		if err := json.Unmarshal([]byte(value), &v); err != nil {
			v = value
		}
		at := doc
		parts := strings.Split(key, ".")
		for _, p := range parts[:len(parts)-1] {
			next, ok := at[p].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[p] = next
			}
			at = next
		}
		at[parts[len(parts)-1]] = v
	}
	data, err := json.Marshal(doc)
	if err != nil {
		return town.Settings{}, fmt.Errorf("cannot write the settings: %w", err)
	}
	set, err := town.ParseSettings(data)
	if err != nil {
		return set, &exitError{exitUsage, err}
	}
	return set, nil
}

// settingsHelp lists the keys of a town or of a rig.
func settingsHelp(ofTown bool) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, x := range town.SettingsList() {
		if x.TownOnly && !ofTown {
			continue
		}
		what := x.Type
		if x.Range != "" {
			what = x.Range
		}
		if x.Default != "" {
			what += " [" + x.Default + "]"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", x.Key, what, x.Doc)
	}
	_ = w.Flush() // writes to memory
	return "Keys, with their range and default:\n\n" + b.String()
}

// settingsAfter accepts n arguments and then settings, of which it wants at least one. They are read
// before any server is asked, so that a slip in them is told at once.
func settingsAfter(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, argv []string) error {
		if err := cobra.MinimumNArgs(n+1)(cmd, argv); err != nil {
			return err
		}
		_, err := settingsOf(argv[n:])
		return err
	}
}

func (a *app) townCmd() *cobra.Command {
	c := &cobra.Command{Use: "town", Short: "Make, configure, pause and resume towns"}
	c.AddCommand(&cobra.Command{Use: "list", Short: "List the towns", Args: args(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error {
		towns, err := a.client().Towns(cmd.Context())
		if err != nil {
			return err
		}
		return a.print(towns, func(w io.Writer) {
			for i := range towns {
				printTown(w, &towns[i])
			}
		})
	}})
	var name string
	create := &cobra.Command{Use: "create ID", Short: "Make a town", Args: args(cobra.ExactArgs(1)), RunE: func(cmd *cobra.Command, argv []string) error {
		t, err := a.client().CreateTown(cmd.Context(), wire.NewTown{ID: town.TownID(argv[0]), Name: name})
		if err != nil {
			return err
		}
		return a.print(t, func(w io.Writer) { printTown(w, &t) })
	}}
	create.Flags().StringVar(&name, "name", "", "name for people")
	c.AddCommand(create)
	c.AddCommand(a.onTown("show", "Show a town and its settings", cobra.NoArgs, func(ctx context.Context, t *client.Town, _ []string) (wire.Town, error) { return t.Show(ctx) }))
	set := a.onTown("set KEY=VALUE…", sentence("configure-town"), settingsAfter(0),
		func(ctx context.Context, t *client.Town, argv []string) (wire.Town, error) {
			set, err := settingsOf(argv)
			if err != nil {
				return wire.Town{}, err
			}
			return t.Configure(ctx, wire.TownPatch{Settings: set})
		})
	set.Long = set.Short + "\n\n" + settingsHelp(true)
	c.AddCommand(set)
	c.AddCommand(a.onTown("unset KEY…", "Give configuration values their defaults back, such as max_agents or env.NAME", cobra.MinimumNArgs(1),
		func(ctx context.Context, t *client.Town, argv []string) (wire.Town, error) {
			return t.Configure(ctx, wire.TownPatch{Unset: argv})
		}))
	c.AddCommand(a.onTown("pause [REASON]", sentence("pause-town"), cobra.MaximumNArgs(1),
		func(ctx context.Context, t *client.Town, argv []string) (wire.Town, error) {
			return t.Pause(ctx, strings.Join(argv, " "))
		}))
	c.AddCommand(a.townApplyCmd())
	c.AddCommand(a.onTown("resume", sentence("resume-town"), cobra.NoArgs, func(ctx context.Context, t *client.Town, _ []string) (wire.Town, error) { return t.Resume(ctx) }))
	return c
}

func (a *app) onTown(use, short string, check cobra.PositionalArgs, do func(context.Context, *client.Town, []string) (wire.Town, error)) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args(check), RunE: func(cmd *cobra.Command, argv []string) error {
		t, err := a.inTown(cmd.Context())
		if err != nil {
			return err
		}
		doc, err := do(cmd.Context(), t, argv)
		if err != nil {
			return err
		}
		return a.print(doc, func(w io.Writer) { printTown(w, &doc) })
	}}
}

func (a *app) agentCmd() *cobra.Command {
	c := &cobra.Command{Use: "agent", Short: "List, show, stop and reset agents"}
	c.AddCommand(&cobra.Command{Use: "list", Short: "List the agents", Args: args(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error {
		t, err := a.inTown(cmd.Context())
		if err != nil {
			return err
		}
		agents, err := t.Agents(cmd.Context())
		if err != nil {
			return err
		}
		return a.print(agents, func(w io.Writer) { printAgents(w, agents) })
	}})
	var reason string
	for _, v := range []struct{ verb, short string }{
		{"show", "Show an agent"}, {"stop", sentence("stop-agent")}, {"reset", sentence("reset-agent")},
	} {
		sub := &cobra.Command{Use: v.verb + " AGENT", Short: v.short, Args: args(cobra.ExactArgs(1)), RunE: func(cmd *cobra.Command, argv []string) error {
			t, err := a.inTown(cmd.Context())
			if err != nil {
				return err
			}
			var ag *town.Agent
			switch v.verb {
			case "show":
				ag, err = t.Agent(cmd.Context(), town.AgentID(argv[0]))
			case "stop":
				ag, err = t.AgentVerb(cmd.Context(), town.AgentID(argv[0]), v.verb, wire.Reason{Reason: reason})
			default:
				ag, err = t.AgentVerb(cmd.Context(), town.AgentID(argv[0]), v.verb, nil)
			}
			if err != nil {
				return err
			}
			return a.print(ag, func(w io.Writer) { printAgents(w, []*town.Agent{ag}) })
		}}
		if v.verb == "stop" {
			sub.Flags().StringVarP(&reason, "message", "m", "", "why")
		}
		c.AddCommand(sub)
	}
	c.AddCommand(a.nudgesCmd())
	return c
}
