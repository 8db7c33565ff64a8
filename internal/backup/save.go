package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"

	"gastown/internal/git"
	"gastown/internal/journal/sqlite"
	"gastown/internal/server"
)

// The names in an archive.
const (
	manifestName = "manifest.json"
	journalName  = "gastown.db"
	gitName      = "git"
)

// Manifest says what is in an archive.
type Manifest struct {
	Format  int       `json:"format"` // of the data folder
	Version string    `json:"version"`
	Taken   time.Time `json:"taken"`
	Files   []File    `json:"files"`
}

// File is one of an archive.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Save writes an archive of the data folder to a file, whole or not at all; one that is there is replaced. A server may
// run in the folder: it is not disturbed.
func Save(ctx context.Context, home, file, version string) (*Manifest, error) {
	if err := server.CheckFormat(home); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(file), ".backup-*")
	if err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", file, err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	m := &Manifest{Format: server.DataFormat, Version: version, Taken: time.Now().UTC()}
	names, err := collect(ctx, home, dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		f, err := digest(dir, name)
		if err != nil {
			return nil, fmt.Errorf("cannot write %s: %w", file, err)
		}
		m.Files = append(m.Files, f)
	}
	part := filepath.Join(dir, "archive")
	if err = pack(part, dir, m); err == nil {
		err = os.Rename(part, file)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", file, err)
	}
	return m, nil
}

// collect brings what is to be saved into a directory and lists it.
func collect(ctx context.Context, home, dir string) ([]string, error) {
	if err := sqlite.Copy(ctx, filepath.Join(home, journalName), filepath.Join(dir, journalName)); err != nil {
		return nil, err
	}
	names := []string{journalName}
	root := filepath.Join(home, gitName)
	if _, err := os.Stat(root); errors.Is(err, os.ErrNotExist) {
		return names, nil
	}
	store, err := git.OpenWithoutAccess(root)
	if err != nil {
		return nil, err
	}
	bundles, err := store.SaveWork(ctx, filepath.Join(dir, gitName))
	for _, b := range bundles {
		names = append(names, path.Join(gitName, filepath.ToSlash(b)))
	}
	return names, err
}

func digest(dir, name string) (File, error) {
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return File{Name: name, Size: n, SHA256: hex.EncodeToString(h.Sum(nil))}, err
}

// pack writes the archive and makes it durable.
func pack(to, dir string, m *Manifest) error {
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = writeArchive(out, dir, m)
	return errors.Join(err, out.Sync(), out.Close())
}

func writeArchive(w io.Writer, dir string, m *Manifest) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	tw := tar.NewWriter(z)
	data, err := json.MarshalIndent(m, "", "  ")
	if err == nil {
		err = tw.WriteHeader(&tar.Header{Name: manifestName, Mode: 0o600, Size: int64(len(data)), ModTime: m.Taken})
	}
	if err == nil {
		_, err = tw.Write(data)
	}
	for i := 0; i < len(m.Files) && err == nil; i++ {
		err = writeFile(tw, dir, &m.Files[i], m.Taken)
	}
	if err == nil {
		err = tw.Close()
	}
	return errors.Join(err, z.Close())
}

func writeFile(tw *tar.Writer, dir string, f *File, at time.Time) error {
	in, err := os.Open(filepath.Join(dir, filepath.FromSlash(f.Name)))
	if err != nil {
		return err
	}
	defer in.Close()
	if err := tw.WriteHeader(&tar.Header{Name: f.Name, Mode: 0o600, Size: f.Size, ModTime: at}); err != nil {
		return err
	}
	_, err = io.Copy(tw, in)
	return err
}
