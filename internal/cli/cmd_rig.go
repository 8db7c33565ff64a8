package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"gastown/internal/client"
	"gastown/internal/town"
	"gastown/internal/wire"
)

func (a *app) rigCmd() *cobra.Command {
	c := &cobra.Command{Use: "rig", Short: "Add, list and change rigs (repositories)"}
	c.AddCommand(a.rigAddCmd(),
		&cobra.Command{Use: "list", Short: "List the rigs", Args: args(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := a.inTown(cmd.Context())
			if err != nil {
				return err
			}
			rigs, err := t.Rigs(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(rigs, func(w io.Writer) {
				for _, r := range rigs {
					printRig(w, r)
				}
			})
		}},
		a.onRig("show NAME", "Show a rig", cobra.ExactArgs(1), func(ctx context.Context, t *client.Town, id town.RigID, _ []string) (*wire.TakenRig, error) {
			r, err := t.Rig(ctx, id)
			if err != nil {
				return nil, err
			}
			return &wire.TakenRig{Rig: *r}, nil
		}),
		&cobra.Command{Use: "remove NAME", Short: sentence("remove-rig"), Args: args(cobra.ExactArgs(1)), RunE: func(cmd *cobra.Command, argv []string) error {
			t, err := a.inTown(cmd.Context())
			if err != nil {
				return err
			}
			if err := t.RemoveRig(cmd.Context(), town.RigID(argv[0])); err != nil {
				return err
			}
			return a.print(map[string]string{"removed": argv[0]}, func(w io.Writer) { fmt.Fprintln(w, "removed", argv[0]) })
		}},
		a.rigSetCmd(),
		a.onRig("unset NAME KEY…", "Take settings from the town again", cobra.MinimumNArgs(2),
			func(ctx context.Context, t *client.Town, id town.RigID, keys []string) (*wire.TakenRig, error) {
				return t.UpdateRig(ctx, id, wire.RigPatch{Unset: keys})
			}))
	return c
}

func (a *app) rigSetCmd() *cobra.Command {
	var p wire.RigPatch
	var allow []string
	c := a.onRig("set NAME [KEY=VALUE…]", sentence("update-rig"), settingsAfter(1),
		func(ctx context.Context, t *client.Town, id town.RigID, pairs []string) (*wire.TakenRig, error) {
			set, err := settingsOf(pairs)
			if err != nil {
				return nil, err
			}
			p.Settings = set
			if p.URL, err = repositoryAddress(p.URL); err != nil {
				return nil, err
			}
			if len(allow) > 0 {
				r, err := t.Rig(ctx, id)
				if err != nil {
					return nil, err
				}
				p.Settings.AllowAddresses = added(r.Settings.AllowAddresses, allow)
			}
			return t.UpdateRig(ctx, id, p)
		})
	check := c.Args
	c.Args = func(cmd *cobra.Command, argv []string) error {
		if len(argv) == 1 && (p.URL != "" || p.DefaultBranch != "" || p.Credential != "" || len(allow) > 0) {
			return nil
		}
		return check(cmd, argv)
	}
	c.Flags().StringVar(&p.URL, "url", "", "where the repository is from now on; it must have the same history")
	c.Flags().StringVar(&p.DefaultBranch, "branch", "", "branch to merge into from now on; open merge requests follow")
	c.Flags().StringVar(&p.Credential, "credential", "", credentialHelp+"; none takes it away")
	c.Flags().StringArrayVar(&allow, "allow-address", nil,
		"address of a submodule or of LFS that may be contacted although the target does not name it; may be repeated")
	c.Long = c.Short + "\n\n" + settingsHelp(false)
	return c
}

// added returns a list with more in it, each once.
func added(list *[]string, more []string) *[]string {
	var all []string
	if list != nil {
		all = slices.Clone(*list)
	}
	for _, one := range more {
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return &all
}

const credentialHelp = "what opens the repository: env:NAME or file:PATH of the server, with USER@ before it for a user name"

// repositoryAddress makes a path of this machine absolute: it is the server's business, which has another working
// directory.
func repositoryAddress(address string) (string, error) {
	if info, err := os.Stat(address); err == nil && info.IsDir() {
		return absolute(address)
	}
	return address, nil
}

// onRig makes a command that does something with a rig and prints it as it is then.
func (a *app) onRig(use, short string, check cobra.PositionalArgs, do func(context.Context, *client.Town, town.RigID, []string) (*wire.TakenRig, error)) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args(check), RunE: func(cmd *cobra.Command, argv []string) error {
		t, err := a.inTown(cmd.Context())
		if err != nil {
			return err
		}
		r, err := do(cmd.Context(), t, town.RigID(argv[0]), argv[1:])
		if err != nil {
			return err
		}
		return a.print(r, func(w io.Writer) { printTakenRig(w, r) })
	}}
}

func (a *app) rigAddCmd() *cobra.Command {
	var n wire.NewRig
	var gates []string
	add := &cobra.Command{Use: "add URL", Short: sentence("create-rig"), Args: args(cobra.ExactArgs(1)), RunE: func(cmd *cobra.Command, argv []string) error {
		t, err := a.inTown(cmd.Context())
		if err != nil {
			return err
		}
		if n.URL, err = repositoryAddress(argv[0]); err != nil {
			return err
		}
		if len(gates) > 0 {
			n.Settings.Gates = gatesOf(gates)
		}
		r, err := t.AddRig(cmd.Context(), n)
		if err != nil {
			return err
		}
		return a.print(r, func(w io.Writer) { printTakenRig(w, r) })
	}}
	add.Flags().StringVar((*string)(&n.Name), "name", "", "name; default: the last part of the URL")
	add.Flags().StringVar(&n.DefaultBranch, "branch", "", "branch to merge into; default: the repository's own")
	add.Flags().StringVar(&n.Credential, "credential", "", credentialHelp)
	add.Flags().StringArrayVar(&gates, "gate", nil, "command that must succeed before a merge; may be repeated")
	return add
}
