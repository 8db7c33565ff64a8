package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"gastown/internal/town"
	"gastown/internal/verbs"
	"gastown/internal/wire"
)

// isAgent reports whether this process belongs to an agent's run, and so speaks for it.
func isAgent() bool { return os.Getenv("GASTOWN_TOKEN") != "" && os.Getenv("GASTOWN_TOWN") != "" }

func (a *app) mailCmd() *cobra.Command {
	c := &cobra.Command{
		Use: "mail", Short: sentence("agent-mail"), Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if isAgent() {
				return a.readOwnMail(cmd.Context())
			}
			return a.listMail(cmd.Context(), town.ToPeople)
		},
	}
	to := town.ToPeople
	list := &cobra.Command{Use: "list", Short: "List messages that nobody has read yet", Args: args(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error {
		return a.listMail(cmd.Context(), to)
	}}
	list.Flags().StringVar(&to, "to", to, "whom they are for: an agent, or people")
	read := &cobra.Command{Use: "read ID", Short: sentence("read-message"), Args: args(cobra.ExactArgs(1)), RunE: func(cmd *cobra.Command, argv []string) error {
		return a.onBead(cmd.Context(), argv[0], func(ctx context.Context, t beadClient, id town.BeadID) (wire.Bead, error) {
			return t.ReadMessage(ctx, id)
		})
	}}
	var body string
	send := &cobra.Command{Use: "send TO SUBJECT", Short: sentence("send-message"), Args: args(cobra.MinimumNArgs(2)), RunE: func(cmd *cobra.Command, argv []string) error {
		text, err := a.text(body)
		if err != nil {
			return err
		}
		return a.sendMail(cmd.Context(), town.MessageSent{To: argv[0], Subject: strings.Join(argv[1:], " "), Body: text})
	}}
	send.Flags().StringVarP(&body, "body", "b", "", "text; - reads it from standard input")
	c.AddCommand(list, read, send)
	return c
}

func (a *app) listMail(ctx context.Context, to string) error {
	t, err := a.inTown(ctx)
	if err != nil {
		return err
	}
	messages, err := t.Messages(ctx, to)
	if err != nil {
		return err
	}
	return a.print(messages, func(w io.Writer) {
		table(w, func(w io.Writer) {
			for _, m := range messages {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.ID, m.CreatedBy, m.Created, m.Title)
			}
		})
	})
}

// readOwnMail prints what the agent has not read, and only then says that it has.
func (a *app) readOwnMail(ctx context.Context) error {
	t, err := a.asAgent()
	if err != nil {
		return err
	}
	m, err := t.Mail(ctx)
	if err != nil {
		return err
	}
	err = a.print(m, func(w io.Writer) {
		for _, n := range m.Nudges {
			printNudges(w, []string{n.Source + ": " + n.Message})
		}
		for _, b := range m.Messages {
			fmt.Fprintf(w, "%s from %s: %s\n%s\n", b.ID, b.CreatedBy, b.Title, b.Body)
		}
	})
	if err != nil || len(m.Messages) == 0 {
		return err
	}
	var read town.MessageRead
	for _, b := range m.Messages {
		read.Messages = append(read.Messages, b.ID)
	}
	v := verbs.Of("agent-mail-read")
	_, err = t.Verb(ctx, v.Last(), &read)
	return err
}

func (a *app) sendMail(ctx context.Context, m town.MessageSent) error {
	if isAgent() {
		return a.asVerb(ctx, "agent-mail-send", &m)
	}
	t, err := a.inTown(ctx)
	if err != nil {
		return err
	}
	b, err := t.SendMessage(ctx, m)
	if err != nil {
		return err
	}
	return a.print(b, func(w io.Writer) { fmt.Fprintf(w, "%s  %s\n", b.ID, b.Why) })
}

// asVerb says something as the agent that this process belongs to.
func (a *app) asVerb(ctx context.Context, id string, p town.Payload) error {
	t, err := a.asAgent()
	if err != nil {
		return err
	}
	v := verbs.Of(id)
	r, err := t.Verb(ctx, v.Last(), p)
	if err != nil {
		return err
	}
	return a.print(r, func(w io.Writer) {
		fmt.Fprintf(w, "noted (event %d)\n", r.Seq)
		printNudges(w, r.Nudges)
	})
}

// printNudges shows an agent what it is being told.
func printNudges(w io.Writer, nudges []string) {
	for _, n := range nudges {
		fmt.Fprintf(w, "nudge from %s\n", n)
	}
}

func (a *app) nudgeCmd() *cobra.Command {
	return &cobra.Command{Use: "nudge AGENT MESSAGE", Short: sentence("nudge-agent"), Args: args(cobra.MinimumNArgs(2)), RunE: func(cmd *cobra.Command, argv []string) error {
		to, message := town.AgentID(argv[0]), strings.Join(argv[1:], " ")
		if isAgent() {
			return a.asVerb(cmd.Context(), "agent-nudge", &town.NudgeRequested{To: to, Message: message})
		}
		t, err := a.inTown(cmd.Context())
		if err != nil {
			return err
		}
		n, err := t.Nudge(cmd.Context(), to, message)
		if err != nil {
			return err
		}
		return a.print(n, func(w io.Writer) { fmt.Fprintf(w, "%s  %s\n", n.ID, n.Status) })
	}}
}

func (a *app) nudgesCmd() *cobra.Command {
	return &cobra.Command{Use: "nudges AGENT", Short: "List what an agent is being told", Args: args(cobra.ExactArgs(1)), RunE: func(cmd *cobra.Command, argv []string) error {
		t, err := a.inTown(cmd.Context())
		if err != nil {
			return err
		}
		nudges, err := t.Nudges(cmd.Context(), town.AgentID(argv[0]))
		if err != nil {
			return err
		}
		return a.print(nudges, func(w io.Writer) {
			table(w, func(w io.Writer) {
				for _, n := range nudges {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", n.ID, n.Status, n.Source, n.Created, n.Message)
				}
			})
		})
	}}
}

func (a *app) triageCmd() *cobra.Command {
	c := &cobra.Command{Use: "triage", Short: "List and decide triage requests"}
	c.AddCommand(&cobra.Command{Use: "list", Short: "List the open requests", Args: args(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error {
		return a.listBeads(cmd.Context(), url.Values{"type": {string(town.TriageRequest)}, "status": {"open,in_progress"}}, 0)
	}})
	var decision town.TriageResolved
	resolve := &cobra.Command{Use: "resolve ID OPTION", Short: sentence("resolve-triage"), Args: args(cobra.ExactArgs(2)), RunE: func(cmd *cobra.Command, argv []string) error {
		decision.Resolution = town.Resolution(argv[1])
		return a.onBead(cmd.Context(), argv[0], func(ctx context.Context, t beadClient, id town.BeadID) (wire.Bead, error) {
			return t.ResolveTriage(ctx, id, decision)
		})
	}}
	decisionFlags(resolve, &decision)
	c.AddCommand(resolve)
	return c
}

func decisionFlags(c *cobra.Command, d *town.TriageResolved) {
	c.Flags().StringVarP(&d.Note, "message", "m", "", "why; of a nudge, what is said")
	c.Flags().StringVar((*string)(&d.Bead), "bead", "", "what it is carried out on: default what the request is about, else the other end of its merge request")
}
