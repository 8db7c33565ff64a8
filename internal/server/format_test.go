package server_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gastown/internal/server"
)

// digestOf is about everything in a folder: names, contents, modes and times.
func digestOf(t *testing.T, dir string) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%q %s %d %d\n", path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		switch {
		case d.Type() == fs.ModeSymlink:
			to, err := os.Readlink(path)
			fmt.Fprintf(h, "%q\n", to)
			return err
		case d.Type().IsRegular():
			data, err := os.ReadFile(path)
			_, _ = h.Write(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func startAt(t *testing.T, home string) error {
	t.Helper()
	s, err := server.Start(t.Context(), server.Options{Home: home, Listen: "127.0.0.1:0", Version: "test", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err == nil {
		s.Stop(t.Context())
	}
	return err
}

// A data folder that a server has left in which nothing says its format is an earlier build's, as is one of a format
// that this build does not know: it is refused with the remedy, and neither a byte nor a time of it changes.
func TestDataFolderOfAnotherBuildIsNotTouched(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		format string // empty: none
		keep   string // the one thing that is left of gastown's; empty: everything
		says   string
	}{
		"whole":        {"", "", "move the folder away"},
		"journal only": {"", "gastown.db", "move the folder away"},
		"git only":     {"", "git", "move the folder away"},
		"runs only":    {"", "runs", "move the folder away"},
		"later":        {"2\n", "", "use the gastown that wrote it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.start("")
			p.bead()
			p.stop()
			leave(t, p.home, x.format, x.keep)
			before := digestOf(t, p.home)
			if err := startAt(t, p.home); !errors.Is(err, server.ErrFormat) || !strings.Contains(err.Error(), p.home) || !strings.Contains(err.Error(), x.says) {
				t.Errorf("it says %v", err)
			}
			if err := server.CheckFormat(p.home); !errors.Is(err, server.ErrFormat) {
				t.Errorf("the look alone says %v", err)
			}
			if digestOf(t, p.home) != before {
				t.Error("the folder has changed")
			}
		})
	}
}

// leave makes a data folder look as another build might have left it.
func leave(t *testing.T, home, format, keep string) {
	t.Helper()
	list, err := os.ReadDir(home)
	for _, e := range list {
		if e.Name() == server.FormatFile || keep != "" && e.Name() != keep {
			err = errors.Join(err, os.RemoveAll(filepath.Join(home, e.Name())))
		}
	}
	if format != "" {
		err = errors.Join(err, os.WriteFile(filepath.Join(home, server.FormatFile), []byte(format), 0o600))
	}
	old := time.Now().Add(-time.Hour)
	if err = errors.Join(err, os.Chtimes(home, old, old)); err != nil {
		t.Fatal(err)
	}
}

// A folder that is not there, is empty or has what is not gastown's is taken and marked; one that says nothing sensible
// of its format is refused.
func TestNewDataFolderIsMarked(t *testing.T) {
	t.Parallel()
	home := filepath.Join(t.TempDir(), "new", "home")
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "lost+found"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, home := range []string{home, t.TempDir(), other} {
		for range 2 {
			if err := startAt(t, home); err != nil {
				t.Error(err)
			}
			if data, err := os.ReadFile(filepath.Join(home, server.FormatFile)); string(data) != "1\n" {
				t.Errorf("it is marked as %q, %v", data, err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(home, server.FormatFile), []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := startAt(t, home); err == nil || errors.Is(err, server.ErrFormat) || !strings.Contains(err.Error(), `says "one"`) {
		t.Errorf("it says %v", err)
	}
}
