package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"gastown/internal/observe/logging"
	"gastown/internal/wire"
)

// logger makes the server's log, and the level by which it can be changed.
func (a *app) logger(f *upFlags) (*slog.Logger, *slog.LevelVar, error) {
	level := new(slog.LevelVar)
	if f.logVerbose {
		level.Set(slog.LevelDebug)
	}
	form := logging.Form(f.logFormat)
	switch form {
	case logging.Text, logging.JSON:
	case "":
		form = logging.JSON
		if terminal(a.err) {
			form = logging.Text
		}
	default:
		return nil, nil, &exitError{exitUsage, fmt.Errorf("--log is %q, must be text or json", f.logFormat)}
	}
	return logging.New(a.err, form, level), level, nil
}

// toggleOnSignal switches between the levels of debugging and of every day at each SIGUSR1, for a server
// that is too busy to answer.
func toggleOnSignal(ctx context.Context, log *slog.Logger, level *slog.LevelVar) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		defer signal.Stop(signals)
		for {
			select {
			case <-ctx.Done():
				return
			case <-signals:
			}
			to := slog.LevelDebug
			if level.Level() == slog.LevelDebug {
				to = slog.LevelInfo
			}
			level.Set(to)
			log.Info("the log's level was changed", "to", logging.NameOf(to))
		}
	}()
}

func (a *app) logLevelCmd() *cobra.Command {
	return &cobra.Command{
		Use: "log-level [debug|info|warn|error]", Short: "Show or change how much the server's log says", Args: args(cobra.MaximumNArgs(1)),
		Long: "Shows how much the server's log says, or changes it until the server ends.\n\n" +
			"info has a line for each tick that did something, debug one for each action too.",
		ValidArgs: []string{"debug", "info", "warn", "error"},
		RunE: func(cmd *cobra.Command, argv []string) error {
			var got wire.LogLevel
			var err error
			if len(argv) == 0 {
				got, err = a.client().LogLevel(cmd.Context())
			} else {
				if _, wrong := logging.LevelOf(argv[0]); wrong != nil {
					return &exitError{exitUsage, wrong}
				}
				got, err = a.client().SetLogLevel(cmd.Context(), argv[0])
			}
			if err != nil {
				return err
			}
			return a.print(got, func(w io.Writer) { fmt.Fprintln(w, got.Level) })
		},
	}
}
