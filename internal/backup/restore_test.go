package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"gastown/internal/journal/sqlite"
	"gastown/internal/server"
	"gastown/internal/town"
)

// saved is the archive of a data folder with one town.
func saved(tb testing.TB) (file string, history town.History) {
	tb.Helper()
	home := tb.TempDir()
	ctx := context.Background()
	if err := server.MarkFormat(home); err != nil {
		tb.Fatal(err)
	}
	j, err := sqlite.Open(ctx, filepath.Join(home, journalName))
	if err != nil {
		tb.Fatal(err)
	}
	history = town.HistoryOf([16]byte{1, 2, 3})
	err = j.CreateTown(ctx, "main", "Main", 1, town.New("main", "Main", history, 1).Snapshot())
	if err == nil {
		file = filepath.Join(tb.TempDir(), "saved.tar.zst")
		_, err = Save(ctx, home, file, "test") // while the journal is in use
	}
	if err = errors.Join(err, j.Close()); err != nil {
		tb.Fatal(err)
	}
	return file, history
}

// entry is a file of an archive.
type entry struct {
	name string
	data []byte
}

func unpack(t *testing.T, file string) (list []entry) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	tr := tar.NewReader(z)
	for {
		h, err := tr.Next()
		if err != nil {
			return list
		}
		var data bytes.Buffer
		if _, err := data.ReadFrom(tr); err != nil {
			t.Fatal(err)
		}
		list = append(list, entry{h.Name, data.Bytes()})
	}
}

func repack(t *testing.T, list []entry) string {
	t.Helper()
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	tw := tar.NewWriter(z)
	for _, e := range list {
		err = errors.Join(err, tw.WriteHeader(&tar.Header{Name: e.name, Mode: 0o600, Size: int64(len(e.data))}))
		_, werr := tw.Write(e.data)
		err = errors.Join(err, werr)
	}
	file := filepath.Join(t.TempDir(), "other.tar.zst")
	if err = errors.Join(err, tw.Close(), z.Close(), os.WriteFile(file, out.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return file
}

// An archive that is not as it was written makes nothing, beside the folder either.
func TestAlteredArchiveIsRefused(t *testing.T) {
	t.Parallel()
	file, _ := saved(t)
	for name, x := range map[string]struct {
		alter func([]entry) []entry
		says  string
	}{
		"a byte of the journal": {func(l []entry) []entry { l[1].data[len(l[1].data)-1]++; return l }, "gastown.db is not as it was written"},
		"no journal":            {func(l []entry) []entry { return l[:1] }, "gastown.db is missing"},
		"no manifest":           {func(l []entry) []entry { return l[1:] }, "does not begin with manifest.json"},
		"one more":              {func(l []entry) []entry { return append(l, entry{"more", nil}) }, "after its end"},
		"another name":          {func(l []entry) []entry { l[1].name = "../gastown.db"; return l }, "where gastown.db should be"},
		"a name that leads out": {func(l []entry) []entry {
			l[0].data = bytes.Replace(l[0].data, []byte(`"files": [`), []byte(`"files": [{"name": "gastown.db"}, {"name": "git/../x.bundle"},`), 1)
			return l
		}, "names the file"},
		"another format": {func(l []entry) []entry {
			l[0].data = bytes.Replace(l[0].data, []byte(`"format": 1`), []byte(`"format": 7`), 1)
			return l
		}, "has the format 7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			altered := repack(t, x.alter(unpack(t, file)))
			beside := t.TempDir()
			_, err := Restore(t.Context(), altered, filepath.Join(beside, "home"))
			if err == nil || !strings.Contains(err.Error(), x.says) {
				t.Errorf("it says %v", err)
			}
			if list, err := os.ReadDir(beside); err != nil || len(list) != 0 {
				t.Errorf("it has made %v, %v", list, err)
			}
		})
	}
}

// A folder that a restore has made is one of this build, with the histories that are to be renewed, private, and without
// anything of the making. A restore that was cut off leaves the folder empty, and can be repeated.
func TestRestoredFolder(t *testing.T) {
	t.Parallel()
	file, history := saved(t)
	home := t.TempDir() // empty
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Restore(ended, file, home); err == nil {
		t.Error("it was not cut off")
	}
	if list, err := os.ReadDir(home); err != nil || len(list) != 0 {
		t.Errorf("a restore that was cut off has left %v, %v", list, err)
	}
	m, err := Restore(t.Context(), file, home)
	if err != nil || m.Version != "test" || time.Since(m.Taken) < 0 {
		t.Fatalf("%+v, %v", m, err)
	}
	if err := server.CheckFormat(home); err != nil {
		t.Error(err)
	}
	witness, err := os.ReadFile(filepath.Join(home, "witness.json"))
	if err != nil || !strings.Contains(string(witness), string(history)) || !strings.Contains(string(witness), "restored") {
		t.Errorf("the witness is %s, %v", witness, err)
	}
	info, err := os.Stat(home)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v", info.Mode(), err)
	}
	for _, name := range []string{"incoming", "admin.token", "agent.key"} {
		if _, err := os.Stat(filepath.Join(home, name)); err == nil {
			t.Errorf("there is %s", name)
		}
	}
	if _, err := Restore(t.Context(), file, home); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("restored over what was there: %v", err)
	}
}

// Whatever is in a file, reading it ends with an archive or an error.
func FuzzRead(f *testing.F) {
	file, _ := saved(f)
	data, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte("no archive"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "archive")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if m, err := read(file, ""); err == nil && len(m.Files) == 0 {
			t.Error("an archive without files")
		}
	})
}
