package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"gastown/internal/journal"
	"gastown/internal/town"
)

const insertTown = "INSERT INTO towns (id, name, created, last_at) VALUES (?, '', 1, 1)"

// adds is a request that enters a town and then ends with err.
func adds(id string, err error) *request {
	return &request{done: make(chan error, 1), do: func(c *conn) error {
		_, failed := c.exec(insertTown, id)
		return errors.Join(failed, err)
	}}
}

// names lists the towns of the journal.
func names(t *testing.T, j *Journal) string {
	t.Helper()
	towns, err := j.Towns(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for _, x := range towns {
		out += string(x.ID)
	}
	return out
}

// TestARefusalIsOnlyItsOwn commits a group in which one request is refused half way.
func TestARefusalIsOnlyItsOwn(t *testing.T) {
	t.Parallel()
	j := openAt(t, t.TempDir()).(*Journal)
	defer j.Close()
	group := []*request{adds("a", nil), adds("b", journal.ErrConflict), adds("c", nil)}
	j.commit(group) // the writer has nothing to do and does not use the connection
	for i, want := range []error{nil, journal.ErrConflict, nil} {
		if err := <-group[i].done; !errors.Is(err, want) {
			t.Errorf("request %d: %v, want %v", i, err, want)
		}
	}
	if got := names(t, j); got != "ac" {
		t.Errorf("towns %s, want a and c", got)
	}
}

// TestAFailedCommitIsEverybodys makes the commit itself fail, by a reference to nothing that is only
// looked at then.
func TestAFailedCommitIsEverybodys(t *testing.T) {
	t.Parallel()
	j := openAt(t, t.TempDir()).(*Journal)
	defer j.Close()
	dangling := &request{done: make(chan error, 1), do: func(c *conn) error {
		if _, err := c.exec("PRAGMA defer_foreign_keys = ON"); err != nil {
			return err
		}
		_, err := c.exec("INSERT INTO snapshots (town, tick, at, size, body) VALUES ('none', 0, 1, 0, x'')")
		return err
	}}
	group := []*request{adds("a", nil), dangling, adds("b", journal.ErrConflict)}
	j.commit(group)
	for i, r := range group {
		if err := <-r.done; err == nil || errors.Is(err, journal.ErrConflict) {
			t.Errorf("request %d: %v, want the failure of the commit", i, err)
		}
	}
	if got := names(t, j); got != "" {
		t.Errorf("towns %s of a commit that failed", got)
	}
	group = []*request{adds("a", nil)}
	j.commit(group)
	if err := <-group[0].done; err != nil || names(t, j) != "a" {
		t.Errorf("the writer does not go on: %v", err)
	}
}

// hold keeps the writer busy until release is called; then the request that holds it ends.
func hold(j *Journal, do func(c *conn) error) (release func() error, cancel func() error) {
	ctx, end := context.WithCancel(context.Background())
	started, free, answer := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		answer <- j.submit(ctx, "hold", func(c *conn) error {
			close(started)
			<-free
			return do(c)
		})
	}()
	<-started
	release = func() error { close(free); return <-answer }
	cancel = func() error { end(); err := <-answer; close(free); return err }
	return release, cancel
}

// TestLeavingWhileItIsWritten ends the context of a request that the writer has taken up.
func TestLeavingWhileItIsWritten(t *testing.T) {
	t.Parallel()
	j := openAt(t, t.TempDir()).(*Journal)
	defer j.Close()
	_, cancel := hold(j, func(c *conn) error { _, err := c.exec(insertTown, "a"); return err })
	if err := cancel(); !errors.Is(err, context.Canceled) {
		t.Errorf("the caller got %v", err)
	}
	// The next write is answered after the one that was left alone.
	if err := j.CreateTown(context.Background(), "b", "", 1, town.New("b", "", "testtownaaaaaaaaaaaaaaaaaa", 1).Snapshot()); err != nil {
		t.Fatal(err)
	}
	if got := names(t, j); got != "ab" {
		t.Errorf("towns %s, want a and b", got)
	}
}

// TestLeavingBeforeItsTurn ends the context of a request that the writer has not taken up.
func TestLeavingBeforeItsTurn(t *testing.T) {
	t.Parallel()
	j := openAt(t, t.TempDir()).(*Journal)
	defer j.Close()
	release, _ := hold(j, func(*conn) error { return nil })
	ctx, cancel := context.WithCancel(context.Background())
	left := make(chan error, 1)
	go func() { left <- j.CreateTown(ctx, "a", "", 1, []byte("x")) }()
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller got %v", err)
	}
	if err := release(); err != nil || names(t, j) != "" {
		t.Errorf("towns %q, %v", names(t, j), err)
	}
}

// TestCloseWhileOthersWait closes the journal under a request that is being written and others that
// wait: the first is finished, the others were never begun.
func TestCloseWhileOthersWait(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openAt(t, dir).(*Journal)
	release, _ := hold(j, func(c *conn) error { return putTown(c, "a") })
	const waiting = 5
	answers := make(chan error, waiting)
	for i := range waiting {
		go func() { answers <- j.CreateTown(context.Background(), town.TownID(fmt.Sprint(i)), "", 1, []byte("x")) }()
	}
	ended := make(chan error, 1)
	go func() { ended <- j.Close() }()
	for range waiting {
		if err := <-answers; !errors.Is(err, journal.ErrClosed) {
			t.Errorf("one that waited got %v", err)
		}
	}
	if err := errors.Join(release(), <-ended); err != nil {
		t.Fatal(err)
	}
	again := openAt(t, dir).(*Journal)
	defer again.Close()
	if got := names(t, again); got != "a" {
		t.Errorf("towns %q, want a", got)
	}
}

// putTown enters a town with what opening looks for.
func putTown(c *conn, id town.TownID) error {
	if _, err := c.exec(insertTown, id); err != nil {
		return err
	}
	return putSnapshot(c, id, 0, 1, 0, []byte{})
}

// TestCloseLeavesNothingRunning is not parallel: it looks at all goroutines of the process.
func TestCloseLeavesNothingRunning(t *testing.T) {
	before := goleak.IgnoreCurrent()
	path := filepath.Join(t.TempDir(), "gastown.db")
	for range 3 {
		j, err := Open(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.Towns(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}
