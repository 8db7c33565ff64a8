package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gastown/internal/town"
	"gastown/internal/wire"
)

type beadFlags struct {
	body, rig, priority, timeout string
	labels, after                []string
	held                         bool
}

func (f *beadFlags) register(c *cobra.Command) {
	c.Flags().StringVarP(&f.body, "body", "b", "", "what is to be done; - reads it from standard input")
	c.Flags().StringVar(&f.rig, "rig", "", "rig; default: the one of this folder, or the only one")
	c.Flags().StringVarP(&f.priority, "priority", "p", "", "critical, high, medium or low")
	c.Flags().StringSliceVarP(&f.labels, "label", "l", nil, "label; may be repeated")
	c.Flags().StringSliceVar(&f.after, "after", nil, "bead that must be closed first; may be repeated")
	c.Flags().BoolVar(&f.held, "hold", false, "do not start it before it is released")
	c.Flags().StringVar(&f.timeout, "timeout", "", "longest time of one attempt, such as 30m")
}

func (a *app) slingCmd() *cobra.Command {
	var f beadFlags
	c := &cobra.Command{
		Use: "sling TITLE", Short: sentence("create-bead"), Args: args(cobra.MinimumNArgs(1)),
		Example: "  gastown sling \"Fix the typo in the README\"\n  gastown sling \"Add --json\" -b \"All list commands need it.\" -p high",
		RunE: func(cmd *cobra.Command, argv []string) error {
			return a.sling(cmd.Context(), strings.Join(argv, " "), &f)
		},
	}
	f.register(c)
	return c
}

// slung is a new bead, with the branch that its work is merged into.
type slung struct {
	wire.Bead
	TargetBranch string `json:"targetBranch"`
}

func (a *app) sling(ctx context.Context, title string, f *beadFlags) error {
	t, err := a.inTown(ctx)
	if err != nil {
		return err
	}
	n := town.NewBead{Title: title, Rig: town.RigID(f.rig), Priority: town.Priority(f.priority), Labels: f.labels, DependsOn: f.after, Held: f.held}
	if n.Body, err = a.text(f.body); err != nil {
		return err
	}
	if f.timeout != "" {
		if err := n.Timeout.UnmarshalText([]byte(f.timeout)); err != nil {
			return &exitError{exitUsage, fmt.Errorf("--timeout: %w", err)}
		}
	}
	rigs, err := t.Rigs(ctx)
	if err != nil {
		return err
	}
	if n.Rig == "" {
		if n.Rig, err = rigHere(ctx, rigs); err != nil {
			return err
		}
	}
	b, err := t.Sling(ctx, n)
	if err != nil {
		return err
	}
	made := slung{Bead: b}
	if i := slices.IndexFunc(rigs, func(r *town.Rig) bool { return r.ID == b.Rig }); i >= 0 {
		made.TargetBranch = rigs[i].DefaultBranch
	}
	return a.print(made, func(w io.Writer) {
		fmt.Fprintf(w, "%s  %s, merged into %s  %s\n", b.ID, b.Rig, made.TargetBranch, b.Why)
	})
}

// text returns a flag's value, or standard input for "-".
func (a *app) text(v string) (string, error) {
	if v != "-" {
		return v, nil
	}
	data, err := io.ReadAll(a.in)
	if err != nil {
		return "", fmt.Errorf("cannot read standard input: %w", err)
	}
	return string(data), nil
}

func (a *app) logsCmd() *cobra.Command {
	var follow bool
	var tail int
	var run int64
	c := &cobra.Command{
		Use: "logs AGENT|BEAD", Short: "Show what an agent has written, or the last agent of a bead", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, argv []string) error {
			return a.logs(cmd.Context(), argv[0], town.Run(run), tail, follow)
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the run has ended")
	c.Flags().IntVarP(&tail, "tail", "n", 0, "only the last lines")
	c.Flags().Int64Var(&run, "run", 0, "run; default: the newest")
	return c
}

func (a *app) logs(ctx context.Context, name string, run town.Run, tail int, follow bool) error {
	t, err := a.inTown(ctx)
	if err != nil {
		return err
	}
	agent := town.AgentID(name)
	if strings.HasPrefix(name, "gt-") {
		b, err := t.Bead(ctx, town.BeadID(name))
		if err != nil {
			return err
		}
		if len(b.Attempts) == 0 {
			return fmt.Errorf("no agent has worked on %s yet: %s", name, b.Why)
		}
		last := b.Attempts[len(b.Attempts)-1]
		if agent = last.Agent; run == 0 {
			run = last.Run
		}
	}
	log, err := t.Logs(ctx, agent, run, tail, follow)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	if _, err := io.Copy(a.out, log); err != nil && ctx.Err() == nil {
		return fmt.Errorf("the log was cut off: %w", err)
	}
	return nil
}

func (a *app) beadCmd() *cobra.Command {
	c := &cobra.Command{Use: "bead", Short: "List, show and steer beads"}
	var q struct {
		typ, rig, label, convoy, text string
		status                        []string
		limit                         int
	}
	list := &cobra.Command{Use: "list", Short: "List beads", Args: args(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error {
		v := url.Values{}
		for key, value := range map[string]string{"type": q.typ, "rig": q.rig, "label": q.label, "convoy": q.convoy, "q": q.text} {
			if value != "" {
				v.Set(key, value)
			}
		}
		if len(q.status) > 0 {
			v.Set("status", strings.Join(q.status, ","))
		}
		return a.listBeads(cmd.Context(), v, q.limit)
	}}
	list.Flags().StringVar(&q.typ, "type", "issue", "type of beads; empty for all")
	list.Flags().StringSliceVar(&q.status, "status", nil, "open, in_progress, in_review, closed, failed")
	list.Flags().StringVar(&q.rig, "rig", "", "rig")
	list.Flags().StringVarP(&q.label, "label", "l", "", "label")
	list.Flags().StringVar(&q.convoy, "convoy", "", "convoy")
	list.Flags().StringVarP(&q.text, "search", "q", "", "words of the title")
	list.Flags().IntVarP(&q.limit, "limit", "n", 100, "at most so many; 0 for all")
	c.AddCommand(list)
	c.AddCommand(&cobra.Command{Use: "show ID", Short: "Show a bead", Args: args(cobra.ExactArgs(1)), RunE: func(cmd *cobra.Command, argv []string) error {
		return a.onBead(cmd.Context(), argv[0], func(ctx context.Context, t beadClient, id town.BeadID) (wire.Bead, error) { return t.Bead(ctx, id) })
	}})
	a.beadVerbs(c)
	c.AddCommand(a.updateBeadCmd())
	return c
}

func (a *app) listBeads(ctx context.Context, v url.Values, limit int) error {
	t, err := a.inTown(ctx)
	if err != nil {
		return err
	}
	beads := []*town.Bead{}
	for {
		page, err := t.Beads(ctx, v)
		if err != nil {
			return err
		}
		beads = append(beads, page.Beads...)
		if page.Next == "" || (limit > 0 && len(beads) >= limit) {
			break
		}
		v.Set("cursor", page.Next)
	}
	if limit > 0 && len(beads) > limit {
		beads = beads[:limit]
	}
	return a.print(beads, func(w io.Writer) { printBeads(w, beads) })
}

func (a *app) beadVerbs(c *cobra.Command) {
	for _, verb := range []string{"hold", "release", "retry"} {
		var reason string
		var retry wire.Retry
		sub := &cobra.Command{Use: verb + " ID", Short: sentence(verb + "-bead"), Args: args(cobra.ExactArgs(1)), RunE: func(cmd *cobra.Command, argv []string) error {
			return a.onBead(cmd.Context(), argv[0], func(ctx context.Context, t beadClient, id town.BeadID) (wire.Bead, error) {
				if verb == "hold" {
					return t.BeadVerb(ctx, id, verb, wire.Reason{Reason: reason})
				}
				if verb == "retry" {
					return t.BeadVerb(ctx, id, verb, retry)
				}
				return t.BeadVerb(ctx, id, verb, nil)
			})
		}}
		switch verb {
		case "hold":
			sub.Flags().StringVarP(&reason, "message", "m", "", "why")
		case "retry":
			sub.Flags().BoolVar(&retry.Fresh, "fresh", false, "start over from the base; what was there is kept in the rig's mirror")
		}
		c.AddCommand(sub)
	}
	var cancel wire.Cancel
	sub := &cobra.Command{Use: "cancel ID", Short: sentence("cancel-bead"), Args: args(cobra.ExactArgs(1)), RunE: func(cmd *cobra.Command, argv []string) error {
		return a.onBead(cmd.Context(), argv[0], func(ctx context.Context, t beadClient, id town.BeadID) (wire.Bead, error) {
			return t.BeadVerb(ctx, id, "cancel", cancel)
		})
	}}
	sub.Flags().StringVarP(&cancel.Reason, "message", "m", "", "why")
	sub.Flags().StringVar((*string)(&cancel.As), "as", "", "closed (default) or failed")
	c.AddCommand(sub)
	for verb, id := range map[string]string{"depend": "add-dependency", "undepend": "remove-dependency"} {
		c.AddCommand(&cobra.Command{Use: verb + " ID ON", Short: sentence(id), Args: args(cobra.ExactArgs(2)), RunE: func(cmd *cobra.Command, argv []string) error {
			return a.onBead(cmd.Context(), argv[0], func(ctx context.Context, t beadClient, id town.BeadID) (wire.Bead, error) {
				if verb == "depend" {
					return t.Depend(ctx, id, town.BeadID(argv[1]))
				}
				return t.Undepend(ctx, id, town.BeadID(argv[1]))
			})
		}})
	}
	c.AddCommand(&cobra.Command{Use: "ack ID", Short: sentence("acknowledge-escalation"), Args: args(cobra.ExactArgs(1)), RunE: func(cmd *cobra.Command, argv []string) error {
		return a.onBead(cmd.Context(), argv[0], func(ctx context.Context, t beadClient, id town.BeadID) (wire.Bead, error) {
			return t.Acknowledge(ctx, id)
		})
	}})
}

func (a *app) updateBeadCmd() *cobra.Command {
	var title, body, priority string
	var labels []string
	c := &cobra.Command{Use: "update ID", Short: sentence("update-bead"), Args: args(cobra.ExactArgs(1))}
	c.Flags().StringVar(&title, "title", "", "title")
	c.Flags().StringVarP(&body, "body", "b", "", "body; - reads it from standard input")
	c.Flags().StringVarP(&priority, "priority", "p", "", "critical, high, medium or low")
	c.Flags().StringSliceVarP(&labels, "label", "l", nil, "labels, instead of those it has")
	c.RunE = func(cmd *cobra.Command, argv []string) error {
		var p town.BeadUpdated
		text, err := a.text(body)
		if err != nil {
			return err
		}
		changed := cmd.Flags().Changed
		if changed("title") {
			p.Title = &title
		}
		if changed("body") {
			p.Body = &text
		}
		if changed("priority") {
			p.Priority = (*town.Priority)(&priority)
		}
		if changed("label") {
			p.Labels = &labels
		}
		return a.onBead(cmd.Context(), argv[0], func(ctx context.Context, t beadClient, id town.BeadID) (wire.Bead, error) {
			return t.UpdateBead(ctx, id, p)
		})
	}
	return c
}
