package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// mount makes a small file system in memory, which needs root.
func mount(t *testing.T, options string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a file system")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("this system allows no mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// lockable returns a folder, and a function after which nothing in it can be written.
func lockable(t *testing.T) (string, func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		dir := t.TempDir()
		return dir, func() {
			if err := os.Chmod(dir, 0o500); err != nil {
				t.Fatal(err)
			}
		}
	}
	dir := mount(t, "size=4m")
	return dir, func() {
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			t.Skipf("this system allows no read-only mount: %v", err)
		}
	}
}

// TestDiskFillsUp writes to a real file system until it is full, makes room, and goes on.
func TestDiskFillsUp(t *testing.T) {
	t.Parallel()
	dir := mount(t, "size=2m")
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	j := openAt(t, dir)
	if err := j.CreateTown(ctx, "main", "", 1, town.New("main", "", "testtownaaaaaaaaaaaaaaaaaa", 1).Snapshot()); err != nil {
		t.Fatal(err)
	}
	n := 0
	send := func() error {
		n++
		p := &town.TownPaused{Reason: strings.Repeat("x", 10_000)}
		_, err := j.Append(ctx, "main", []town.Event{{ID: fmt.Sprint(n), Type: p.Type(), Payload: p}})
		return err
	}
	acked := 0
	var err error
	for err = send(); err == nil && acked < 1000; err = send() {
		acked++
	}
	if !errors.Is(err, journal.ErrFull) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("after %d events: %v, want one that says full and where", acked, err)
	}
	if got, err := j.Pending(ctx, "main", 0); err != nil || len(got) != acked {
		t.Fatalf("%d events, %d were acknowledged (%v)", len(got), acked, err)
	}
	if _, err := j.Append(ctx, "main", nil); !errors.Is(err, journal.ErrFull) {
		t.Errorf("a trial on the full disk: %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Append(ctx, "main", nil); err != nil {
		t.Errorf("a trial with room again: %v", err)
	}
	for range 10 {
		if err := send(); err != nil {
			t.Fatalf("with room again: %v", err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = openAt(t, dir)
	defer j.Close()
	got, err := j.Pending(ctx, "main", 0)
	if err != nil || len(got) != acked+10 {
		t.Fatalf("%d events, %d were acknowledged (%v)", len(got), acked+10, err)
	}
	for i, e := range got {
		if e.Seq != town.Seq(i+1) {
			t.Errorf("place %d holds event %d", i+1, e.Seq)
		}
	}
}
