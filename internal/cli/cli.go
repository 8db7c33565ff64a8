// Package cli is the command line: a client of the HTTP API for people and agents, and the
// commands that run the server and its helpers.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"gastown/internal/auth"
	"gastown/internal/client"
	"gastown/internal/server"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// agentPatience is how long an agent's verb waits for a server that is being restarted.
const agentPatience = 10 * time.Minute

// app is one invocation.
type app struct {
	in       io.Reader
	out, err io.Writer
	home     string
	town     string
	output   string
}

// exitError carries an exit code with, or instead of, a message.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprint("exit status ", e.code)
	}
	return e.err.Error()
}
func (e *exitError) Unwrap() error { return e.err }

// Main runs a command line and returns the exit code: 0 done, 1 failed, 2 wrong usage.
func Main(args []string, in io.Reader, out, errw io.Writer) int {
	if code, done := hidden(args); done {
		return code
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{in: in, out: out, err: errw}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitFailed
	var with *exitError
	if errors.As(err, &with) {
		code = with.code
	}
	if silent := with != nil && with.err == nil; !silent && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(errw, "gastown: %v\n", err)
	}
	return code
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "gastown",
		Short:         "Runs towns of coding agents: work items go in, merged changes come out",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       Version(),
	}
	f := root.PersistentFlags()
	f.StringVar(&a.home, "home", defaultHome(), "data folder of the server (GASTOWN_HOME)")
	f.StringVar(&a.town, "town", os.Getenv("GASTOWN_TOWN"), "town (GASTOWN_TOWN); default: the one that this folder's repository belongs to, or the only one")
	f.StringVarP(&a.output, "output", "o", "text", "output: text or json")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitError{exitUsage, err} })
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if a.output != "text" && a.output != "json" {
			return &exitError{exitUsage, fmt.Errorf("--output is %q, must be text or json", a.output)}
		}
		abs, err := filepath.Abs(a.home)
		if err != nil {
			return fmt.Errorf("cannot find the data folder: %w", err)
		}
		a.home = abs
		return nil
	}
	root.AddGroup(&cobra.Group{ID: "run", Title: "Run a server:"}, &cobra.Group{ID: "work", Title: "Work with a town:"},
		&cobra.Group{ID: "agent", Title: "For agents:"})
	a.add(root, "run", a.upCmd(), a.downCmd(), a.demoCmd(), a.simCmd(), a.dashCmd(), a.doctorCmd(), a.backupCmd(), a.restoreCmd(), a.logLevelCmd(), a.versionCmd())
	a.add(root, "work", a.slingCmd(), a.statusCmd(), a.whyCmd(), a.historyCmd(), a.planCmd(), a.replayCmd(), a.bundleCmd(), a.logsCmd(), a.beadCmd(), a.convoyCmd(), a.agentCmd(), a.mailCmd(), a.nudgeCmd(), a.triageCmd(), a.rigCmd(), a.townCmd())
	a.add(root, "agent", a.verbCmds()...)
	root.AddCommand(a.refineryCmd())
	strict(root)
	return root
}

// strict makes an unknown word below a command that only groups others a usage error; alone, the
// group shows its help.
func strict(c *cobra.Command) {
	for _, sub := range c.Commands() {
		strict(sub)
	}
	if c.Runnable() {
		return
	}
	c.SuggestionsMinimumDistance = 2
	c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	c.Args = func(cmd *cobra.Command, argv []string) error {
		if len(argv) == 0 {
			return nil
		}
		hint := ""
		if like := cmd.SuggestionsFor(argv[0]); len(like) > 0 {
			hint = fmt.Sprintf("; did you mean %s?", strings.Join(like, " or "))
		}
		return &exitError{exitUsage, fmt.Errorf("there is no command %q%s\nsee %s --help", cmd.CommandPath()+" "+argv[0], hint, cmd.CommandPath())}
	}
}

func (a *app) add(root *cobra.Command, group string, cmds ...*cobra.Command) {
	for _, c := range cmds {
		c.GroupID = group
		root.AddCommand(c)
	}
}

// args makes a wrong number of arguments a usage error that shows what is right.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, argv []string) error {
		if err := check(cmd, argv); err != nil {
			return &exitError{exitUsage, fmt.Errorf("%w\nusage: %s", err, cmd.UseLine())}
		}
		return nil
	}
}

// Version is the module's version as it was built.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}

func (a *app) versionCmd() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: args(cobra.NoArgs), RunE: func(*cobra.Command, []string) error {
		return a.print(map[string]string{"version": Version()}, func(w io.Writer) { fmt.Fprintln(w, "gastown", Version()) })
	}}
}

func defaultHome() string {
	if v := os.Getenv("GASTOWN_HOME"); v != "" {
		return v
	}
	if v := os.Getenv("XDG_DATA_HOME"); v != "" {
		return filepath.Join(v, "gastown")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".gastown"
	}
	return filepath.Join(home, ".local", "share", "gastown")
}

// print writes a result: the document itself in JSON, or what text does of it.
func (a *app) print(doc any, text func(io.Writer)) error {
	if a.output == "json" {
		enc := json.NewEncoder(a.out)
		enc.SetIndent("", "  ")
		return enc.Encode(wire.Filled(doc))
	}
	text(a.out)
	return nil
}

// say writes chatter, which is not part of the result.
func (a *app) say(format string, args ...any) { fmt.Fprintf(a.err, format+"\n", args...) }

// terminal reports whether the output is a terminal.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// running reads how to reach the server of the data folder.
func (a *app) running() (wire.ServerInfo, error) {
	var info wire.ServerInfo
	data, err := os.ReadFile(filepath.Join(a.home, server.InfoFile))
	if err != nil {
		return info, fmt.Errorf("no gastown server runs with the data folder %s: start one with gastown up", a.home)
	}
	if err := json.Unmarshal(data, &info); err != nil {
		return info, fmt.Errorf("cannot read %s: %w", filepath.Join(a.home, server.InfoFile), err)
	}
	return info, nil
}

// client speaks to the server as the admin.
func (a *app) client() *client.Client {
	return client.New(client.Config{Find: func() (string, string, error) {
		address := os.Getenv("GASTOWN_SERVER")
		if address == "" {
			info, err := a.running()
			if err != nil {
				return "", "", err
			}
			address = info.URL
		}
		if token := os.Getenv("GASTOWN_ADMIN_TOKEN"); token != "" {
			return address, token, nil
		}
		token, err := auth.ReadAdmin(a.home)
		return address, token, err
	}})
}

// inTown speaks to the server about the town that is meant.
func (a *app) inTown(ctx context.Context) (*client.Town, error) {
	c := a.client()
	if a.town != "" {
		return c.Town(town.TownID(a.town)), nil
	}
	towns, err := c.Towns(ctx)
	if err != nil {
		return nil, err
	}
	here := thisPlace(ctx)
	for i := range towns {
		if here.rigOf(towns[i].Rigs) != nil {
			return c.Town(towns[i].ID), nil
		}
	}
	switch len(towns) {
	case 0:
		return nil, errors.New("there is no town yet: make one with gastown town create NAME")
	case 1:
		return c.Town(towns[0].ID), nil
	}
	names := make([]string, len(towns))
	for i := range towns {
		names[i] = string(towns[i].ID)
	}
	return nil, fmt.Errorf("there are several towns (%s): name one with --town", strings.Join(names, ", "))
}
