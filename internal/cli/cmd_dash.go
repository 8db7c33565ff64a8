package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"gastown/deploy"
)

func (a *app) dashCmd() *cobra.Command {
	dash := &cobra.Command{Use: "dash", Short: "The dashboard, and the rules that wake people"}
	var force bool
	export := &cobra.Command{
		Use: "export [DIR]", Short: "Write the dashboard, the alert rules and their configuration into a folder",
		Long: "Writes the Grafana dashboard and its provisioning, the rules of Prometheus with their tests, and examples of\n" +
			"the configuration of Prometheus and Alertmanager, for those who already run these. DIR is gastown-dash if it\n" +
			"is left out. A file that is there already and different is left alone, and nothing is written then.",
		Example: "  gastown dash export\n  gastown dash export /etc/gastown-dash --force",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, argv []string) error {
			dir := "gastown-dash"
			if len(argv) == 1 {
				dir = argv[0]
			}
			written, err := export(dir, force)
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
	dash.AddCommand(export)
	return dash
}

// export writes the files below dir and returns their names. Unless it may overwrite, it writes none if one of
// them is there and different.
func export(dir string, force bool) ([]string, error) {
	var names []string
	err := fs.WalkDir(deploy.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !force {
		for _, name := range names {
			if err := unchanged(name, filepath.Join(dir, name)); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range names {
		text, err := deploy.Files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, fmt.Errorf("cannot make the folder: %w", err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return nil, fmt.Errorf("cannot write the file: %w", err)
		}
	}
	return names, nil
}

// unchanged returns an error if the file is there with another text than the one of that name.
func unchanged(name, path string) error {
	have, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot see what is there: %w", err)
	}
	want, err := deploy.Files.ReadFile(name)
	if err == nil && string(have) != string(want) {
		err = fmt.Errorf("%s is there and different: name another folder, or say --force to overwrite it", path)
	}
	return err
}
