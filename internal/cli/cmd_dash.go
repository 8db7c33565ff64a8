package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gastown/deploy"
	"gastown/docs"
)

func (a *app) dashCmd() *cobra.Command {
	dash := &cobra.Command{Use: "dash", Short: "The dashboard, and the rules that wake people"}
	var force bool
	to := deploy.Here
	to.Runbooks = ""
	export := &cobra.Command{
		Use: "export [DIR]", Short: "Write the dashboard, the alert rules, their configuration and their pages into a folder",
		Long: "Writes the Grafana dashboard and its provisioning, the rules of Prometheus with their tests, examples of\n" +
			"the configuration of Prometheus and Alertmanager, and the documentation as pages, for those who already run these.\n" +
			"DIR is gastown-dash if it is left out. A file that is there already and different is left alone, and nothing is\n" +
			"written then.\n\n" +
			"The addresses are written into the files. A runbook that gastown itself serves cannot be read while gastown is\n" +
			"down: put docs/ where another server serves it, and name the address of its runbooks with --runbooks-url.",
		Example: "  gastown dash export --url https://gastown.example.org\n" +
			"  gastown dash export /etc/gastown-dash --force --runbooks-url https://wiki.example.org/gastown/runbooks",
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, argv []string) error {
			dir := "gastown-dash"
			if len(argv) == 1 {
				dir = argv[0]
			}
			files, err := dashFiles(to)
			if err != nil {
				return err
			}
			written, err := export(dir, files, force)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"dir": dir, "files": written}, func(w io.Writer) {
				for _, name := range written {
					fmt.Fprintln(w, filepath.Join(dir, name))
				}
			})
		},
	}
	export.Flags().BoolVar(&force, "force", false, "overwrite files that are different")
	export.Flags().StringVar(&to.Gastown, "url", to.Gastown, "where people reach gastown: links begin with it")
	export.Flags().StringVar(&to.Runbooks, "runbooks-url", "", "where the runbooks are; default: on gastown itself")
	export.Flags().StringVar(&to.Page, "page-url", to.Page, "webhook for critical alerts")
	export.Flags().StringVar(&to.Chat, "chat-url", to.Chat, "webhook for other alerts, if Grafana sends them")
	export.Flags().StringVar(&to.Watchdog, "watchdog-url", to.Watchdog, "webhook that misses the Watchdog")
	dash.AddCommand(export)
	return dash
}

// file is one to be written.
type file struct {
	name string // with slashes
	text []byte
}

// dashFiles are those of deploy, with these addresses, and the pages.
func dashFiles(to deploy.Addresses) ([]file, error) {
	to.Gastown = strings.TrimRight(to.Gastown, "/")
	if to.Runbooks = strings.TrimRight(to.Runbooks, "/"); to.Runbooks == "" {
		to.Runbooks = to.Gastown + "/docs/runbooks"
	}
	if err := to.Check(); err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("--%w", err)}
	}
	var files []file
	err := fs.WalkDir(deploy.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := to.File(name)
		files = append(files, file{name, text})
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, name := range docs.Pages() {
		text, err := docs.Page(name)
		if err != nil {
			return nil, err
		}
		files = append(files, file{path.Join("docs", name), text})
	}
	return files, nil
}

// export writes the files below dir and returns their names. Unless it may overwrite, it writes none if one of
// them is there and different.
func export(dir string, files []file, force bool) ([]string, error) {
	var names []string
	for _, f := range files {
		names = append(names, f.name)
		if force {
			continue
		}
		if err := f.unchanged(dir); err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, fmt.Errorf("cannot make the folder: %w", err)
		}
		if err := os.WriteFile(path, f.text, 0o644); err != nil {
			return nil, fmt.Errorf("cannot write the file: %w", err)
		}
	}
	return names, nil
}

// unchanged returns an error if the file is below dir with another text.
func (f *file) unchanged(dir string) error {
	path := filepath.Join(dir, f.name)
	have, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot see what is there: %w", err)
	}
	if !bytes.Equal(have, f.text) {
		err = fmt.Errorf("%s is there and different: name another folder, or say --force to overwrite it", path)
	}
	return err
}
