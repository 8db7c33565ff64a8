package cli

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"gastown/internal/backup"
)

// archiveFile reads the flag that names an archive.
func archiveFile(file string) (string, error) {
	if file == "" {
		return "", &exitError{exitUsage, errors.New("--file is missing: the file of the backup")}
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return "", fmt.Errorf("--file: %w", err)
	}
	return path, nil
}

func (a *app) backupCmd() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "backup -f FILE", Short: "Save the data folder in one file, while its server runs or not", Args: args(cobra.NoArgs),
		Long: `Writes the history of all towns and the branches that are not merged to one file. A server that runs in the
data folder goes on meanwhile. Tokens are not in it; what people and agents have written is.`,
		Example: "  gastown backup -f gastown.tar.zst",
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := archiveFile(file)
			if err != nil {
				return err
			}
			m, err := backup.Save(cmd.Context(), a.home, path, Version())
			if err != nil {
				return err
			}
			return a.print(m, func(w io.Writer) { printArchive(w, m, path) })
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "where to write it")
	return c
}

func (a *app) restoreCmd() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "restore -f FILE --home NEW", Short: "Make a data folder of a backup", Args: args(cobra.NoArgs),
		Long: `Makes the data folder anew from a backup; it must be empty or not there. When a server starts in it, every town
gets another tag: the server that the backup is of may still be there.`,
		Example: "  gastown restore -f gastown.tar.zst --home ~/gastown-restored",
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := archiveFile(file)
			if err != nil {
				return err
			}
			m, err := backup.Restore(cmd.Context(), path, a.home)
			if err != nil {
				return err
			}
			a.say("restored into %s; start it with gastown up --home %s", a.home, a.home)
			return a.print(m, func(w io.Writer) { printArchive(w, m, path) })
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "the backup")
	return c
}

func printArchive(w io.Writer, m *backup.Manifest, path string) {
	fmt.Fprintf(w, "%s  taken %s by gastown %s\n", path, m.Taken.Format("2006-01-02T15:04:05Z"), m.Version)
	for _, f := range m.Files {
		fmt.Fprintf(w, "  %s  %d bytes\n", f.Name, f.Size)
	}
}
