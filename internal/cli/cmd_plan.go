package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gastown/internal/town"
	"gastown/internal/wire"
)

// exitChanges is the exit code of a plan that would change something, and of a replay that comes out otherwise.
const exitChanges = 1

func (a *app) planCmd() *cobra.Command {
	var at string
	var assume []string
	var q wire.PlanQuery
	c := &cobra.Command{
		Use: "plan", Short: "Say what the next look at the town would do, and why", Args: args(cobra.NoArgs),
		Long: `Says what the next look at the town would do, and why. Nothing is done.
With --at the plan of a moment that is past, or also what would follow until one that is to come. How far a look
ahead goes is bounded by what it does; it says if it stopped before that moment.
Exits with 0 if there is nothing to do, 1 if something would change, and 2 if that cannot be said, also because the
look ahead found nothing and stopped before the moment.`,
		Example: "  gastown plan\n  gastown plan --at 2026-11-23T10:00:00Z\n  gastown plan --assume done.json\n" +
			"  gastown town pause && gastown plan --resumed && gastown town apply --plan 412-5f0c2d9be1a47c36",
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.plan(cmd.Context(), at, assume, q)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			if err := a.print(p, func(w io.Writer) { printPlan(w, &p) }); err != nil {
				return err
			}
			switch {
			case changes(&p):
				return &exitError{exitChanges, nil}
			case p.LaterStopped != nil:
				return &exitError{exitUsage, nil} // the result says why
			}
			return nil
		},
	}
	c.Flags().StringVar(&at, "at", "", "a moment, RFC 3339: of the past, or one to come")
	c.Flags().StringArrayVar(&assume, "assume", nil, "what if: file with an event, or a list of events, as JSON; - is standard input; may be repeated")
	c.Flags().BoolVar(&q.Resumed, "resumed", false, "as if the pause of the town were over")
	return c
}

func (a *app) plan(ctx context.Context, at string, assume []string, q wire.PlanQuery) (wire.Plan, error) {
	if err := parseMoment("at", at, &q.At); err != nil {
		return wire.Plan{}, err
	}
	for _, file := range assume {
		facts, err := a.readFacts(file)
		if err != nil {
			return wire.Plan{}, err
		}
		q.Assume = append(q.Assume, facts...)
	}
	t, err := a.inTown(ctx)
	if err != nil {
		return wire.Plan{}, err
	}
	return t.Plan(ctx, q)
}

// readFacts reads an event that is assumed, or a list of them.
func (a *app) readFacts(file string) ([]wire.AssumedFact, error) {
	data, err := os.ReadFile(file)
	if file == "-" {
		data, err = io.ReadAll(a.in)
	}
	if err != nil {
		return nil, fmt.Errorf("--assume: %w", err)
	}
	var facts []wire.AssumedFact
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		data = slices.Concat([]byte("["), data, []byte("]"))
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&facts); err != nil {
		return nil, fmt.Errorf(`--assume: cannot read %s: %w: an event looks like {"eventType": "bead_released", "beadId": "gt-1a", "payload": {}}`, file, err)
	}
	return facts, nil
}

// changes reports whether anything would change, now or later.
func changes(p *wire.Plan) bool {
	return decides(p) || len(p.Later) > 0
}

// printPlan says what would change, bead by bead.
func printPlan(w io.Writer, p *wire.Plan) {
	switch {
	case decides(p):
		fmt.Fprintf(w, "tick %d at %s would\n\n", p.No, p.At)
		printTaken(w, p.Taken)
		printSubjects(w, &p.Tick)
		printViolations(w, p.Violations)
		fmt.Fprintf(w, "plan %s: %d events, %d actions, %d effects\n", p.Fingerprint, len(p.Events), len(p.Actions), len(p.Effects))
	case p.LaterUntil == 0:
		fmt.Fprintf(w, "nothing to do after tick %d of %s\n", p.After, p.AfterAt)
	case len(p.Later) > 0:
		fmt.Fprintf(w, "nothing to do at %s, after tick %d of %s\n", p.At, p.After, p.AfterAt)
	default:
		fmt.Fprintf(w, "nothing to do until %s, after tick %d of %s\n", p.LaterUntil, p.After, p.AfterAt)
	}
	printLater(w, p)
	if n := len(p.Waits); n > 0 {
		x := &p.Waits[0]
		fmt.Fprintf(w, "%d wait, the longest %s since %s: %s\n", n, x.ID, x.Since, x.Reason)
	}
}

// decides reports whether the plan itself, without what comes later, would change something.
func decides(p *wire.Plan) bool {
	return len(p.Actions)+len(p.Events)+len(p.Entities)+len(p.Violations) > 0
}

// printLater says what would follow, and how far the look ahead got.
func printLater(w io.Writer, p *wire.Plan) {
	for i := range p.Later {
		t := &p.Later[i]
		fmt.Fprintf(w, "\nthen, with nothing else coming in, tick %d at %s would\n\n", t.No, t.At)
		printSubjects(w, t)
		printViolations(w, t.Violations)
	}
	switch {
	case p.LaterStopped != nil:
		fmt.Fprintf(w, "\n%s\n", p.LaterStopped.Reason)
	case len(p.Later) > 0:
		fmt.Fprintf(w, "\nthat is all until %s\n", p.LaterUntil)
	case p.LaterUntil != 0 && decides(p):
		fmt.Fprintf(w, "\nand nothing else until %s\n", p.LaterUntil)
	}
}

func printTaken(w io.Writer, events []wire.TakenEvent) {
	if len(events) == 0 {
		return
	}
	for i := range events {
		fmt.Fprintf(w, "  > %s\n", takenLine(&events[i]))
	}
	fmt.Fprintln(w)
}

// takenLine is an event in a line, with what becomes of it if it is not applied.
func takenLine(e *wire.TakenEvent) string {
	line := strings.Join(strings.Fields(fmt.Sprintf("%s %s %s", e.Type, e.Bead, e.Agent)), " ")
	if o := &e.Outcome; o.Verdict != town.Applied {
		line += "  " + string(o.Verdict) + ": " + oneLine(o.Reason)
	}
	return line
}

func printViolations(w io.Writer, list []town.Violation) {
	for i := range list {
		v := &list[i]
		note := "lasts"
		switch {
		case v.State == town.ViolationResolved:
			note = "over"
		case v.Recovered:
			note = "recovered"
		}
		fmt.Fprintf(w, "  ! invariant %d, %s: %s (%s)\n", v.Invariant, v.ID, v.Message, note)
	}
}

// printSubjects lists what a tick decides by what it is about, in the order of the first decision about each.
func printSubjects(w io.Writer, t *wire.Tick) {
	var order []string
	of := map[string][]town.Action{}
	for _, x := range t.Actions {
		id := cmp.Or(string(x.Bead), string(x.Agent), x.Breaker, string(x.Nudge), "the town")
		if of[id] == nil {
			order = append(order, id)
		}
		of[id] = append(of[id], x)
	}
	for _, id := range order {
		fmt.Fprintf(w, "  %s%s\n", id, titleIn(t, id))
		printActions(w, "    ", of[id])
		fmt.Fprintln(w)
	}
}

// titleIn finds the title of a bead among the entities of a tick.
func titleIn(t *wire.Tick, id string) string {
	for i := range t.Entities {
		if t.Entities[i].Kind != town.KindBead || t.Entities[i].ID != id {
			continue
		}
		if fields, ok := t.Entities[i].State.(map[string]any); ok {
			return fmt.Sprintf("  %v", fields["title"])
		}
	}
	return ""
}

// sign tells what begins, what ends, what is carried out and what only changes apart.
func sign(k town.ActionKind) string {
	if spec, ok := town.ActionSpecOf(k); ok && spec.Effect {
		return "!"
	}
	switch verb, _, _ := strings.Cut(string(k), "_"); verb {
	case "create":
		return "+"
	case "delete", "archive", "close", "clear", "remove", "expire", "unhook":
		return "-"
	}
	return "~"
}

// printActions lists decisions with what they change, and why.
func printActions(w io.Writer, indent string, actions []town.Action) {
	table(w, func(w io.Writer) {
		for i := range actions {
			x := &actions[i]
			what := strings.TrimSpace(string(x.Bead) + " " + string(x.Agent))
			if x.To != "" {
				what += " " + x.From + "->" + x.To
			}
			fmt.Fprintf(w, "%s%s %s\t%s\t%s\t%s\n", indent, sign(x.Kind), x.Kind, what, x.Rule, oneLine(x.Reason))
		}
	})
}

func (a *app) townApplyCmd() *cobra.Command {
	var plan string
	c := &cobra.Command{
		Use: "apply --plan FINGERPRINT", Short: "Carry out a plan in a paused town, if it is still what would come next", Args: args(cobra.NoArgs),
		Long: `Carries out the plan that gastown plan has printed, and nothing else. The town must be paused, and
is paused again afterwards. If something has come in since, nothing is done, and the events that moved the town on are named.
A plan made with --resumed starts what the pause keeps back.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if plan == "" {
				return &exitError{exitUsage, errors.New("--plan is missing: the fingerprint that gastown plan prints")}
			}
			t, err := a.inTown(cmd.Context())
			if err != nil {
				return err
			}
			done, err := t.Apply(cmd.Context(), plan)
			if err != nil {
				return err
			}
			return a.print(done, func(w io.Writer) { fmt.Fprintf(w, "carried out as tick %d\n", done.Tick) })
		},
	}
	c.Flags().StringVar(&plan, "plan", "", "the fingerprint of the plan")
	return c
}
