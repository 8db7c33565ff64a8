package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"gastown/internal/client"
	"gastown/internal/town"
	"gastown/internal/wire"
)

func (a *app) convoyCmd() *cobra.Command {
	c := &cobra.Command{Use: "convoy", Short: "Make and follow convoys: groups of tasks that land together"}
	var file string
	create := &cobra.Command{
		Use: "create -f PLAN.yaml", Short: sentence("create-convoy"), Args: args(cobra.NoArgs),
		Example: "  title: Greetings\n  tasks:\n    - key: hello\n      title: Say hello\n    - title: Say goodbye\n      dependsOn: [hello]",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.createConvoy(cmd.Context(), file) },
	}
	create.Flags().StringVarP(&file, "file", "f", "", "plan, YAML or JSON; - reads standard input")
	c.AddCommand(create)
	c.AddCommand(&cobra.Command{Use: "list", Short: "List the convoys", Args: args(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error {
		t, err := a.inTown(cmd.Context())
		if err != nil {
			return err
		}
		convoys, err := t.Convoys(cmd.Context())
		if err != nil {
			return err
		}
		return a.print(convoys, func(w io.Writer) { printBeads(w, convoys) })
	}})
	a.onConvoy(c, "status ID", "Show a convoy with its tasks", func(ctx context.Context, t *client.Town, id town.BeadID) (wire.Convoy, error) {
		return t.Convoy(ctx, id)
	})
	c.AddCommand(a.convoyUpdateCmd())
	a.onConvoy(c, "start ID", sentence("start-convoy"), func(ctx context.Context, t *client.Town, id town.BeadID) (wire.Convoy, error) {
		return t.ConvoyVerb(ctx, id, "start", nil)
	})
	a.onConvoy(c, "close ID", sentence("close-convoy"), func(ctx context.Context, t *client.Town, id town.BeadID) (wire.Convoy, error) {
		return t.ConvoyVerb(ctx, id, "close", wire.Reason{})
	})
	return c
}

func (a *app) convoyUpdateCmd() *cobra.Command {
	var title, body, mode string
	var add, remove []string
	var c *cobra.Command
	c = a.convoyVerb("update ID", sentence("update-convoy"), func(ctx context.Context, t *client.Town, id town.BeadID) (wire.Convoy, error) {
		p := town.ConvoyUpdated{Add: beadIDs(add), Remove: beadIDs(remove)}
		if c.Flags().Changed("title") {
			p.Title = &title
		}
		if c.Flags().Changed("body") {
			text, err := a.text(body)
			if err != nil {
				return wire.Convoy{}, err
			}
			p.Body = &text
		}
		if m := town.MergeMode(mode); m != "" {
			p.MergeMode = &m
		}
		return t.UpdateConvoy(ctx, id, p)
	})
	c.Flags().StringVar(&title, "title", "", "new title")
	c.Flags().StringVarP(&body, "body", "b", "", "new text; - reads standard input")
	c.Flags().StringVar(&mode, "merge-mode", "", "review-then-land or review-and-merge; only before the first merge")
	c.Flags().StringSliceVar(&add, "add", nil, "bead that joins; may be repeated")
	c.Flags().StringSliceVar(&remove, "remove", nil, "member that leaves; may be repeated")
	return c
}

func beadIDs(ids []string) []town.BeadID {
	out := make([]town.BeadID, len(ids))
	for i, id := range ids {
		out[i] = town.BeadID(id)
	}
	return out
}

func (a *app) onConvoy(parent *cobra.Command, use, short string, do func(context.Context, *client.Town, town.BeadID) (wire.Convoy, error)) {
	parent.AddCommand(a.convoyVerb(use, short, do))
}

func (a *app) convoyVerb(use, short string, do func(context.Context, *client.Town, town.BeadID) (wire.Convoy, error)) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args(cobra.ExactArgs(1)), RunE: func(cmd *cobra.Command, argv []string) error {
		t, err := a.inTown(cmd.Context())
		if err != nil {
			return err
		}
		doc, err := do(cmd.Context(), t, town.BeadID(argv[0]))
		if err != nil {
			return err
		}
		if doc.Ignored != "" {
			a.say("nothing changed: %s", doc.Ignored)
		}
		return a.print(doc, func(w io.Writer) { printConvoy(w, &doc) })
	}}
}

func (a *app) createConvoy(ctx context.Context, file string) error {
	if file == "" {
		return &exitError{exitUsage, errors.New("name the plan: gastown convoy create -f PLAN.yaml")}
	}
	plan, err := a.readPlan(file)
	if err != nil {
		return err
	}
	t, err := a.inTown(ctx)
	if err != nil {
		return err
	}
	if err := rigsHere(ctx, t, plan.Tasks); err != nil {
		return err
	}
	doc, err := t.CreateConvoy(ctx, plan)
	if err != nil {
		return err
	}
	return a.print(doc, func(w io.Writer) { printConvoy(w, &doc) })
}

// rigsHere gives tasks that name no rig the one of this folder.
func rigsHere(ctx context.Context, t *client.Town, tasks []town.NewBead) error {
	none := func(n town.NewBead) bool { return n.Rig == "" }
	if !slices.ContainsFunc(tasks, none) {
		return nil
	}
	rigs, err := t.Rigs(ctx)
	if err != nil {
		return err
	}
	rig, err := rigHere(ctx, rigs)
	if err != nil {
		return err
	}
	for i := range tasks {
		if none(tasks[i]) {
			tasks[i].Rig = rig
		}
	}
	return nil
}

// readPlan reads a plan; JSON is YAML too. Unknown keys are refused by name.
func (a *app) readPlan(file string) (wire.NewConvoy, error) {
	var plan wire.NewConvoy
	var data []byte
	var err error
	if file == "-" {
		data, err = io.ReadAll(a.in)
	} else {
		data, err = os.ReadFile(file)
	}
	if err != nil {
		return plan, fmt.Errorf("cannot read the plan: %w", err)
	}
	var doc any
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return plan, fmt.Errorf("cannot read the plan %s: %w", file, err)
	}
	if doc == nil {
		return plan, errors.New("the plan is empty: it needs a title and tasks")
	}
	// By way of JSON, so that the keys and their checks are the API's own.
	if data, err = json.Marshal(doc); err != nil {
		return plan, fmt.Errorf("cannot read the plan %s: %w", file, err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&plan); err != nil {
		return plan, fmt.Errorf("the plan %s is not right: %w", file, err)
	}
	return plan, nil
}
