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
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/klauspost/compress/zstd"

	"gastown/internal/git"
	"gastown/internal/journal"
	"gastown/internal/journal/sqlite"
	"gastown/internal/server"
	"gastown/internal/town"
)

// ErrNotArchive says that a file is no archive of gastown, or not as it was written.
var ErrNotArchive = errors.New("not a backup of gastown, or a damaged one")

// Limits of what is read before it is known to be an archive.
const (
	maxManifest = 16 << 20
	maxWindow   = 64 << 20 // memory of the decoder
)

// Restore makes a data folder of an archive. The folder must be empty or not there. The archive is read to its end and
// compared with its digests first; then everything is written beside the folder, and renamed at the end: whatever
// happens, the folder is whole or as it was.
func Restore(ctx context.Context, file, home string) (*Manifest, error) {
	if err := free(home); err != nil {
		return nil, err
	}
	m, err := read(file, "")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if m.Format != server.DataFormat {
		return nil, fmt.Errorf("%s has the format %d, and this gastown reads %d: use the gastown that wrote it, version %s", file, m.Format, server.DataFormat, m.Version)
	}
	if err := os.MkdirAll(filepath.Dir(home), 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the data folder: %w", err)
	}
	beside, err := os.MkdirTemp(filepath.Dir(home), "."+filepath.Base(home)+".restoring-*") // mode 0700
	if err != nil {
		return nil, fmt.Errorf("cannot make the data folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(beside) }()
	if err := build(ctx, file, beside); err != nil {
		return nil, err
	}
	if err := os.Remove(home); err != nil && !errors.Is(err, fs.ErrNotExist) { // an empty folder is in the way of the rename
		return nil, fmt.Errorf("cannot make the data folder: %w", err)
	}
	if err := os.Rename(beside, home); err != nil {
		return nil, fmt.Errorf("cannot make the data folder: %w", err)
	}
	return m, nil
}

// free refuses a folder with anything in it.
func free(home string) error {
	list, err := os.ReadDir(home)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("cannot restore into %s: %w", home, err)
	case len(list) > 0:
		return fmt.Errorf("cannot restore into %s: it is not empty: name a new folder with --home, or move this one away", home)
	}
	return nil
}

// build makes a data folder in an empty one.
func build(ctx context.Context, file, home string) error {
	incoming := filepath.Join(home, "incoming")
	m, err := read(file, incoming)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := server.MarkFormat(home); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(incoming, journalName), filepath.Join(home, journalName)); err != nil {
		return fmt.Errorf("cannot make the journal: %w", err)
	}
	histories, err := historiesOf(ctx, filepath.Join(home, journalName))
	if err != nil {
		return err
	}
	if err := server.MarkRestored(home, histories); err != nil {
		return err
	}
	store, err := git.OpenWithoutAccess(filepath.Join(home, gitName))
	if err != nil {
		return err
	}
	var bundles []string
	for _, f := range m.Files {
		if name, found := strings.CutPrefix(f.Name, gitName+"/"); found {
			bundles = append(bundles, filepath.FromSlash(name))
		}
	}
	if err := store.LoadWork(ctx, filepath.Join(incoming, gitName), bundles); err != nil {
		return err
	}
	return os.RemoveAll(incoming)
}

// historiesOf recovers the towns of a journal, which shows that they can be.
func historiesOf(ctx context.Context, path string) (histories map[town.TownID]town.History, err error) {
	j, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	towns, err := j.Towns(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot list the towns: %w", err)
	}
	histories = map[town.TownID]town.History{}
	for _, t := range towns {
		s, err := journal.Recover(ctx, j, t.ID)
		if err != nil {
			return nil, fmt.Errorf("cannot recover town %s: %w", t.ID, err)
		}
		histories[t.ID] = s.Town().History
	}
	return histories, nil
}

// read goes through an archive and compares it with its manifest. With a directory it writes the files there.
func read(file, dir string) (*Manifest, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotArchive, err)
	}
	defer z.Close()
	tr := tar.NewReader(z)
	m, err := readManifest(tr)
	if err != nil {
		return nil, err
	}
	for i := range m.Files {
		if err := readFile(tr, &m.Files[i], dir); err != nil {
			return nil, err
		}
	}
	if h, err := tr.Next(); err != io.EOF {
		return nil, fmt.Errorf("%w: there is something after its end (%v, %w)", ErrNotArchive, h, err)
	}
	return m, nil
}

// allowed are the names that Save writes; none of them leads anywhere else.
var allowed = regexp.MustCompile(`^(gastown\.db|git/[^/\\]+/[^/\\]+\.bundle)$`)

func readManifest(tr *tar.Reader) (*Manifest, error) {
	h, err := tr.Next()
	if err != nil || h.Name != manifestName {
		return nil, fmt.Errorf("%w: it does not begin with %s", ErrNotArchive, manifestName)
	}
	m := new(Manifest)
	if err := json.NewDecoder(io.LimitReader(tr, maxManifest)).Decode(m); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNotArchive, manifestName, err)
	}
	if len(m.Files) == 0 || m.Files[0].Name != journalName {
		return nil, fmt.Errorf("%w: it has no journal", ErrNotArchive)
	}
	for _, f := range m.Files {
		if !allowed.MatchString(f.Name) || path.Clean(f.Name) != f.Name || f.Size < 0 {
			return nil, fmt.Errorf("%w: it names the file %q", ErrNotArchive, f.Name)
		}
	}
	return m, nil
}

// readFile compares the next file with what the manifest says of it.
func readFile(tr *tar.Reader, f *File, dir string) error {
	h, err := tr.Next()
	if err != nil {
		return fmt.Errorf("%w: %s is missing: %w", ErrNotArchive, f.Name, err)
	}
	if h.Name != f.Name || h.Size != f.Size || h.Typeflag != tar.TypeReg {
		return fmt.Errorf("%w: it has %q where %s should be", ErrNotArchive, h.Name, f.Name)
	}
	out := nowhere
	if dir != "" {
		to := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		if out, err = create(to); err != nil {
			return err
		}
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(sum, out), tr)
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNotArchive, f.Name, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("%w: %s is not as it was written", ErrNotArchive, f.Name)
	}
	return nil
}

// nowhere takes everything and keeps nothing.
var nowhere io.WriteCloser = discard{io.Discard}

type discard struct{ io.Writer }

func (discard) Close() error { return nil }

// durable is a file that is on the disk when it is closed.
type durable struct{ *os.File }

func create(path string) (io.WriteCloser, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	return durable{f}, err
}

func (d durable) Close() error { return errors.Join(d.Sync(), d.File.Close()) }
