package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gastown/internal/client"
	"gastown/internal/git"
	"gastown/internal/observe"
	"gastown/internal/observe/report"
	"gastown/internal/runtime/process"
	"gastown/internal/server"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// defaultListen is on loopback: agents run here, and nobody else needs to get in.
const defaultListen = "127.0.0.1:7333"

// defaultTown is the town that up makes when there is none.
const defaultTown = "main"

// hidden runs what only gastown itself calls, before anything else is set up.
func hidden(args []string) (code int, done bool) {
	if len(args) == 2 && args[0] == "supervise" {
		return process.Supervise(args[1]), true
	}
	return 0, false
}

type upFlags struct {
	listen     string
	public     bool
	agent      []string
	gates      []string
	noTown     bool
	labelled   int
	logFormat  string
	logVerbose bool
	publicURL  string
	sentry     sentryFlags
	collector  string
}

// sentryFlags say where reports go. DSN is a reference.
type sentryFlags struct{ dsn, environment, monitor string }

func (a *app) upCmd() *cobra.Command {
	var f upFlags
	c := &cobra.Command{
		Use:   "up",
		Short: "Run the server in the foreground; a git repository here becomes a rig",
		Long: "Runs the server until it is interrupted. Agents that run then go on and are found again.\n\n" +
			"The first time it makes the town \"main\". In a git repository it takes that as a rig, and gives\n" +
			"the town the first of claude, codex, opencode and kilo that is installed.",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.up(cmd.Context(), &f) },
	}
	c.Flags().StringVar(&f.listen, "listen", defaultListen, "address; port 0 takes a free one")
	c.Flags().BoolVar(&f.public, "public", false, "allow an address that other machines can reach")
	c.Flags().StringSliceVar(&f.agent, "agent", nil, "agent of a new town: a preset and its arguments, such as claude or script,PATH")
	c.Flags().StringArrayVar(&f.gates, "gate", nil, "command that must succeed before a merge into this repository, for a new rig")
	c.Flags().BoolVar(&f.noTown, "no-town", false, "make no town and no rig")
	c.Flags().IntVar(&f.labelled, "metrics-towns", observe.DefaultLabelled, "how many towns have metrics of their own; with more there are only totals")
	c.Flags().StringVar(&f.logFormat, "log", "", "text or json; default: text on a terminal, json otherwise")
	c.Flags().BoolVarP(&f.logVerbose, "verbose", "v", false, "log every action")
	c.Flags().StringVar(&f.publicURL, "public-url", os.Getenv("GASTOWN_PUBLIC_URL"), "where people reach this server, for links (GASTOWN_PUBLIC_URL); default: its own address")
	c.Flags().StringVar(&f.collector, "otlp-endpoint", os.Getenv("GASTOWN_OTLP_ENDPOINT"), "OpenTelemetry collector that gets traces over HTTP, such as http://127.0.0.1:4318 (GASTOWN_OTLP_ENDPOINT); default: none")
	c.Flags().StringVar(&f.sentry.dsn, "sentry-dsn", "env:"+report.EnvDSN, "where errors are reported, as env:NAME or file:PATH; nowhere if that is not set")
	c.Flags().StringVar(&f.sentry.environment, "sentry-environment", envOr("GASTOWN_SENTRY_ENVIRONMENT", "production"), "environment of the reports (GASTOWN_SENTRY_ENVIRONMENT)")
	c.Flags().StringVar(&f.sentry.monitor, "sentry-monitor", envOr("GASTOWN_SENTRY_MONITOR", report.DefaultMonitor), "slug of the cron monitor, or empty for none (GASTOWN_SENTRY_MONITOR)")
	return c
}

func (a *app) up(ctx context.Context, f *upFlags) error {
	if err := a.checkListen(f); err != nil {
		return err
	}
	log, level, err := a.logger(f)
	if err != nil {
		return err
	}
	reports, err := reportsTo(f)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	collectLess()
	s, err := server.Start(ctx, server.Options{Home: a.home, Listen: f.listen, Public: f.public, Version: Version(), LabelledTowns: f.labelled, Log: log, Level: level, Reports: reports, Collector: f.collector})
	if err != nil {
		return err
	}
	toggleOnSignal(ctx, log, level)
	defer s.Stop(context.WithoutCancel(ctx))
	a.say("gastown runs at %s, data in %s", s.URL(), a.home)
	if !f.noTown {
		if err := a.settle(ctx, f); err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
	case <-s.Stopping():
	}
	a.say("stopping; agents go on and are found again at the next start")
	return nil
}

// reportsTo reads where reports of what goes wrong are to go.
func reportsTo(f *upFlags) (report.Options, error) {
	o := report.Options{Environment: f.sentry.environment, Monitor: f.sentry.monitor, PublicURL: strings.TrimRight(f.publicURL, "/")}
	if u, err := url.Parse(o.PublicURL); o.PublicURL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil) {
		return o, fmt.Errorf("--public-url is %q, must be an address such as https://town.example.org", f.publicURL)
	}
	var err error
	o.DSN, err = report.ReadDSN(f.sentry.dsn)
	return o, err
}

func envOr(name, otherwise string) string {
	if v, set := os.LookupEnv(name); set {
		return v
	}
	return otherwise
}

// checkListen refuses an address that others can reach unless that is said twice.
func (a *app) checkListen(f *upFlags) error {
	host, _, err := net.SplitHostPort(f.listen)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("--listen is %q, must be ADDRESS:PORT: %w", f.listen, err)}
	}
	if ip := net.ParseIP(host); host == "localhost" || (ip != nil && ip.IsLoopback()) {
		return nil
	}
	if !f.public {
		return &exitError{exitUsage, fmt.Errorf("%s can be reached by other machines, and whoever has the token can run commands here: say --public if that is meant", f.listen)}
	}
	a.say("warning: %s can be reached by other machines, without encryption. Whoever has the admin token can run\n"+
		"commands as this user. Put a proxy with TLS before it, and keep %s to yourself.", f.listen, filepath.Join(a.home, "admin.token"))
	return nil
}

// settle makes the default town and takes this folder's repository as a rig, if that is new.
func (a *app) settle(ctx context.Context, f *upFlags) error {
	c := a.client()
	towns, err := c.Towns(ctx)
	if err != nil {
		return err
	}
	if len(towns) == 0 {
		if _, err := c.CreateTown(ctx, wire.NewTown{ID: defaultTown}); err != nil {
			return err
		}
		a.say("made the town %q", defaultTown)
		if towns, err = c.Towns(ctx); err != nil {
			return err
		}
	}
	if len(towns) > 1 {
		return nil
	}
	t := c.Town(towns[0].ID)
	if err := a.chooseAgent(ctx, t, towns[0].Settings, f.agent); err != nil {
		return err
	}
	return a.settleRig(ctx, t, towns[0].Rigs, f)
}

func (a *app) settleRig(ctx context.Context, t *client.Town, rigs []*town.Rig, f *upFlags) error {
	here := thisPlace(ctx)
	if here.top == "" || here.rigOf(rigs) != nil {
		return nil // in no repository rigs are added by hand
	}
	n := wire.NewRig{URL: here.top}
	if len(f.gates) > 0 {
		n.Settings.Gates = gatesOf(f.gates)
	}
	r, err := t.AddRig(ctx, n)
	if err != nil {
		return fmt.Errorf("cannot take this repository as a rig: %w (or say --no-town)", err)
	}
	a.say("this repository is the rig %q now; work is merged into its branch %s", r.ID, r.DefaultBranch)
	for _, note := range r.Notes {
		a.say("note: %s", note)
	}
	return nil
}

func gatesOf(commands []string) *[]town.Gate {
	gates := make([]town.Gate, len(commands))
	for i, c := range commands {
		gates[i] = town.Gate{Name: fmt.Sprintf("gate-%d", i+1), Command: c}
		if word := strings.Fields(c); len(word) > 0 && len(commands) == 1 {
			gates[i].Name = filepath.Base(word[0])
		}
	}
	return &gates
}

// chooseAgent gives a town without one the agent that was named, or the first that is installed.
func (a *app) chooseAgent(ctx context.Context, t *client.Town, set town.Settings, named []string) error {
	var cmd town.AgentCommand
	switch {
	case len(named) > 0:
		cmd = town.AgentCommand{Preset: named[0], Args: named[1:]}
		if cmd.Preset == "script" && len(cmd.Args) > 0 {
			abs, err := filepath.Abs(cmd.Args[0])
			if err != nil {
				return fmt.Errorf("cannot find the script: %w", err)
			}
			cmd.Args[0] = abs
		}
	case len(set.Agents) > 0:
		return nil
	default:
		for _, name := range []string{"claude", "codex", "opencode", "kilo"} {
			if _, err := exec.LookPath(name); err == nil {
				cmd.Preset = name
				break
			}
		}
	}
	if cmd.Preset == "" {
		a.say("no agent is installed (claude, codex, opencode, kilo); name one with gastown town set agents.polecat.preset=NAME")
		return nil
	}
	if _, err := t.Configure(ctx, wire.TownPatch{Settings: town.Settings{Agents: map[town.Role]town.AgentCommand{town.Polecat: cmd}}}); err != nil {
		return fmt.Errorf("cannot set the agent: %w", err)
	}
	a.say("work is done by %s", cmd.Preset)
	return nil
}

func (a *app) downCmd() *cobra.Command {
	return &cobra.Command{Use: "down", Short: "Stop the server; agents go on", Args: args(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error {
		info, err := a.running()
		if err != nil {
			return err
		}
		if err := a.client().Shutdown(cmd.Context()); err != nil {
			return err
		}
		// The server removes its file last.
		for {
			now, err := a.running()
			if err != nil || now.PID != info.PID {
				return a.print(map[string]string{"status": "stopped"}, func(w io.Writer) { fmt.Fprintln(w, "stopped") })
			}
			select {
			case <-cmd.Context().Done():
				return cmd.Context().Err()
			case <-time.After(50 * time.Millisecond):
			}
		}
	}}
}

// check is one line of doctor.
type check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Note string `json:"note"`
}

func (a *app) doctorCmd() *cobra.Command {
	return &cobra.Command{Use: "doctor", Short: "Check that everything needed is there", Args: args(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error {
		checks := a.doctor(cmd.Context())
		bad := false
		for _, c := range checks {
			bad = bad || !c.OK
		}
		err := a.print(checks, func(w io.Writer) {
			for _, c := range checks {
				mark := "ok  "
				if !c.OK {
					mark = "BAD "
				}
				fmt.Fprintf(w, "%s %-10s %s\n", mark, c.Name, c.Note)
			}
		})
		if err == nil && bad {
			err = &exitError{exitFailed, errors.New("something is missing")}
		}
		return err
	}}
}

// gitConfigNote says what the server's git has of the operator's configuration.
func (a *app) gitConfigNote(c git.OperatorConfig) string {
	list := func(names []string) string {
		if len(names) == 0 {
			return "nothing"
		}
		return strings.Join(names, ", ")
	}
	note := "the server's git takes over " + list(c.Taken) + "; left out: " + list(c.Left)
	if _, err := a.running(); err == nil && !c.InUse(filepath.Join(a.home, "git")) {
		note += "; the server has read another configuration at its start: start it again to take this one over"
	}
	return note
}

func (a *app) doctor(ctx context.Context) []check {
	var out []check
	add := func(name string, err error, note string) {
		c := check{Name: name, OK: err == nil, Note: note}
		if err != nil {
			c.Note = err.Error()
		}
		out = append(out, c)
	}
	version, err := git.Version(ctx)
	add("git", err, version)
	config, err := git.ReadOperatorConfig(ctx)
	add("git config", err, a.gitConfigNote(config))
	info, err := os.Stat(a.home)
	switch {
	case errors.Is(err, os.ErrNotExist):
		add("data", nil, a.home+" will be made")
	case err == nil && info.Mode().Perm()&0o077 != 0:
		add("data", fmt.Errorf("%s can be read by others: chmod 700 %s", a.home, a.home), "")
	case err == nil:
		add("data", server.CheckFormat(a.home), a.home)
	default:
		add("data", err, a.home)
	}
	var found []string
	for _, name := range []string{"claude", "codex", "opencode", "kilo"} {
		if _, err := exec.LookPath(name); err == nil {
			found = append(found, name)
		}
	}
	note := "none of claude, codex, opencode and kilo; scripts and other commands work too"
	if len(found) > 0 {
		note = strings.Join(found, ", ")
	}
	add("agents", nil, note)
	dsn, err := report.ReadDSN("env:" + report.EnvDSN)
	where := "reports go nowhere: " + report.EnvDSN + " is not set"
	if dsn != "" {
		where, err = report.Where(dsn)
	}
	add("sentry", err, where)
	run, err := a.running()
	if err != nil {
		add("server", nil, "does not run")
		return out
	}
	err = a.client().Ready(ctx)
	add("server", err, "well at "+run.URL)
	if err == nil {
		former, err := a.formerNote(ctx)
		add("old tags", err, former)
	}
	return out
}
