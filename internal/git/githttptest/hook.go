package githttptest

import (
	"bufio"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// Hook makes script the pre-receive hook of a bare repository.
func Hook(t testing.TB, repository, script string) {
	t.Helper()
	path := filepath.Join(repository, "hooks", "pre-receive")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	// Written under another name: a file that is open for writing cannot be run.
	if err := os.WriteFile(path+".new", []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// requireSignature refuses commits in the words that GitHub has for them.
const requireSignature = `while read old new ref; do
	for commit in $(git rev-list "$new" --not --all); do
		if ! git cat-file commit "$commit" | grep -q '^gpgsig'; then
			echo "error: GH013: Repository rule violations found for $ref." >&2
			echo "- Commits must have verified signatures." >&2
			exit 1
		fi
	done
done
`

// RequireSignature refuses pushes with commits that are not signed.
func RequireSignature(t testing.TB, repository string) {
	t.Helper()
	Hook(t, repository, requireSignature)
}

// HoldPushes makes pushes to a bare repository wait in its pre-receive hook, before anything has changed. Each one
// that waits is announced on entered; release lets the one that waits, or the next, go on.
func HoldPushes(t testing.TB, repository string) (entered <-chan struct{}, release func()) {
	t.Helper()
	in, out := fifo(t, repository, "push-entered"), fifo(t, repository, "push-released")
	Hook(t, repository, `cat >/dev/null; echo in >`+quote(in.Name())+`; read word <`+quote(out.Name())+"\n")
	arrived := make(chan struct{}, 16)
	var reader sync.WaitGroup
	reader.Go(func() {
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			arrived <- struct{}{}
		}
	})
	t.Cleanup(func() {
		_ = in.Close()
		_ = out.Close()
		reader.Wait()
	})
	return arrived, func() {
		if _, err := out.WriteString("go\n"); err != nil {
			t.Error(err)
		}
	}
}

// fifo makes a named pipe in a repository and opens both of its ends, so that neither side waits for the other.
func fifo(t testing.TB, repository, name string) *os.File {
	t.Helper()
	path := filepath.Join(repository, name)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func quote(path string) string { return "'" + path + "'" }
