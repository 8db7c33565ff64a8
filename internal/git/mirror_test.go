package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestMirrorIsMadeOnceAndKeepsAgentBranches(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	ctx := context.Background()
	for range 2 {
		if err := tw.rig.Fetch(ctx); err != nil {
			t.Fatal(err)
		}
	}
	main := tw.tip("main")
	mirror := tw.rig.mirror()
	if got := sh(t, mirror, "for-each-ref", "--format=%(refname)"); got != "refs/remotes/origin/main" {
		t.Errorf("a new mirror has the refs %q", got)
	}
	// A branch of an agent that has the name of one on origin, and one that
	// origin does not have, must survive a fetch with its pruning.
	for _, branch := range []string{"main", "gt/toast/1"} {
		sh(t, mirror, "update-ref", "refs/heads/"+branch, main)
	}
	sh(t, tw.person, "push", "--quiet", "origin", "HEAD:refs/heads/side")
	next := tw.push("more", "x")
	if err := tw.rig.Fetch(ctx); err != nil {
		t.Fatal(err)
	}
	if got := sh(t, mirror, "rev-parse", "refs/heads/main", "refs/heads/gt/toast/1", "refs/remotes/origin/main"); got != main+"\n"+main+"\n"+next {
		t.Errorf("after a fetch the refs are\n%s", got)
	}
	sh(t, tw.person, "push", "--quiet", "origin", ":refs/heads/side")
	if err := tw.rig.Fetch(ctx); err != nil {
		t.Fatal(err)
	}
	if got := sh(t, mirror, "for-each-ref", "refs/remotes/origin/side"); got != "" {
		t.Errorf("a branch that origin removed is still there: %s", got)
	}
}

func TestMirrorIsMadeAgain(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(t *testing.T, mirror string){
		"half made under the temporary name": func(t *testing.T, mirror string) {
			write(t, mirror+".new", "config", "[core]\n")
			if err := os.RemoveAll(mirror); err != nil {
				t.Fatal(err)
			}
		},
		"without HEAD": func(t *testing.T, mirror string) {
			if err := os.Remove(filepath.Join(mirror, "HEAD")); err != nil {
				t.Fatal(err)
			}
		},
		"an empty directory": func(t *testing.T, mirror string) {
			if err := errors.Join(os.RemoveAll(mirror), os.Mkdir(mirror, 0o755)); err != nil {
				t.Fatal(err)
			}
		},
		"without its remote": func(t *testing.T, mirror string) { sh(t, mirror, "remote", "remove", "origin") },
		"with the URL of another place": func(t *testing.T, mirror string) {
			sh(t, mirror, "config", "remote.origin.url", "/nowhere")
		},
		"with an old lock on a ref": func(t *testing.T, mirror string) {
			old := time.Now().Add(-2 * staleLockAge)
			for _, lock := range []string{"refs/remotes/origin/main.lock", "packed-refs.lock", "config.lock"} {
				write(t, mirror, lock, "")
				if err := os.Chtimes(filepath.Join(mirror, lock), old, old); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := newTown(t)
			ctx := context.Background()
			if err := tw.rig.Fetch(ctx); err != nil {
				t.Fatal(err)
			}
			breakIt(t, tw.rig.mirror())
			next := tw.push("more", "x")
			if err := tw.rig.Fetch(ctx); err != nil {
				t.Fatal(err)
			}
			if got := sh(t, tw.rig.mirror(), "rev-parse", "refs/remotes/origin/main"); got != next {
				t.Errorf("main is at %s, want %s", got, next)
			}
			if _, err := os.Stat(tw.rig.mirror() + ".new"); err == nil {
				t.Error("the half-made clone is still there")
			}
		})
	}
}

func TestYoungLockIsRespected(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	ctx := context.Background()
	if err := tw.rig.Fetch(ctx); err != nil {
		t.Fatal(err)
	}
	tw.push("more", "x")
	write(t, tw.rig.mirror(), "refs/remotes/origin/main.lock", "")
	wantClass(t, tw.rig.Fetch(ctx), ClassOther)
	if _, err := os.Stat(filepath.Join(tw.rig.mirror(), "refs/remotes/origin/main.lock")); err != nil {
		t.Error("the lock of a git that may be alive was removed")
	}
}

func TestFetchErrors(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	ctx := context.Background()
	wantClass(t, tw.store.Rig("town", "gone", filepath.Join(tw.origin, "nowhere"), "main").Fetch(ctx), ClassNotARepository)
	wantClass(t, tw.store.Rig("town", "bad", "ext::true", "main").Fetch(ctx), ClassOther)

	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if err := tw.rig.Fetch(canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled fetch gives %v", err)
	}
	past, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	defer cancel()
	wantClass(t, tw.rig.Fetch(past), ClassTimeout)
}

func TestCommandIsKilledWithItsGroup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ended := fifo(t, dir)
	// An alias that ignores TERM and leaves a child stands for a transport
	// that hangs.
	_, err := run(context.Background(), command{
		op: "hang", dir: dir, timeout: 500 * time.Millisecond,
		args: []string{"-c", `alias.hang=!exec 9>ended; trap '' TERM; (trap '' TERM; sleep 1000) & wait`, "hang"},
	})
	wantClass(t, err, ClassTimeout)
	ended()
}

// fifo makes a named pipe "ended" in dir. The function returned waits until
// every process that opened it for writing is dead.
func fifo(t *testing.T, dir string) (wait func()) {
	t.Helper()
	path := filepath.Join(dir, "ended")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	return func() {
		t.Helper()
		if err := reader.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := reader.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a process of the group is still alive (%d, %v)", n, err)
		}
	}
}

func TestLockIsSharedAndGivenUp(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	ctx := context.Background()
	// A second store on the same root stands for another process.
	other, err := Open(tw.store.root)
	if err != nil {
		t.Fatal(err)
	}
	release, err := other.Rig("town", "web", tw.origin, "main").fetchLock.acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	waiting, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := tw.rig.Fetch(waiting); ClassOf(err) != ClassTimeout {
		t.Errorf("a fetch did not wait for the other process: %v", err)
	}
	release()
	if err := tw.rig.Fetch(ctx); err != nil {
		t.Errorf("the lock was not freed: %v", err)
	}
}

func TestConcurrentFetches(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if err := tw.rig.Fetch(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestWaitersShareAFetch(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	ctx := context.Background()
	if err := tw.rig.Fetch(ctx); err != nil {
		t.Fatal(err)
	}
	// Another caller's fetch that began after this call counts for it too.
	newest := &tw.rig.fetchLock.newest
	later := time.Now().Add(time.Hour)
	newest.began = later
	if err := tw.rig.Fetch(ctx); err != nil || newest.began != later {
		t.Errorf("fetched again: %v", err)
	}
	newest.began = time.Now()
	before := newest.began
	if err := tw.rig.Fetch(ctx); err != nil || !newest.began.After(before) {
		t.Errorf("did not fetch: %v", err)
	}
}

func TestRemoveTreeOfReadOnlyDirectories(t *testing.T) {
	t.Parallel()
	tree := filepath.Join(t.TempDir(), "tree")
	write(t, tree, "a/b/file", "x")
	for _, dir := range []string{"a/b", "a"} {
		if err := os.Chmod(filepath.Join(tree, dir), 0o555); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeTree(tree); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(tree); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}
