package controller

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"gastown/internal/town"
)

// files fingerprints what the journal has on disk.
func files(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	for _, name := range names {
		if filepath.Ext(name) == ".db-shm" {
			continue // the readers' own, and not part of the database
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(data))
		sum.Write(data)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

// However much is planned and supposed, nothing is written, nothing carried out, and the town is what it was.
func TestPlansChangeNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openFile(t, filepath.Join(dir, "town.db"))
	t.Cleanup(func() { _ = j.Close() })
	c, o := paused(t, j)
	ctx := context.Background()
	state := func() (d town.Digest) {
		if err := c.Read("main", func(s *town.State) { d = s.Digest() }); err != nil {
			t.Fatal(err)
		}
		return d
	}
	before, was := files(t, dir), state()
	for i := range 200 {
		assume := []town.Event{Resumption(), bead(fmt.Sprint("Perhaps ", i)), event(&town.RigRemoved{Rig: "web"}), event(&town.TownConfigured{Name: "Other"})}
		p, err := c.Plan(ctx, "main", assume[:i%5]...)
		if err != nil {
			t.Fatal(err)
		}
		if i%5 > 0 && len(p.Tick.Actions) == 0 {
			t.Fatalf("past the pause nothing is planned: %+v", p.Tick)
		}
	}
	if after := files(t, dir); after != before || state() != was {
		t.Errorf("the files are %s, were %s; the town is %s, was %s", after, before, state(), was)
	}
	isPaused(t, c, o, 0)
}

// Plans are made while the town goes on, and each is of one moment: what it takes was pending then.
func TestPlansUnderLoad(t *testing.T) {
	t.Parallel()
	j := openJournal(t)
	t.Cleanup(func() { _ = j.Close() })
	c, _ := start(t, j)
	t.Cleanup(c.Stop)
	withRig(t, c)
	ctx, done := context.WithCancel(context.Background())
	var acked atomic.Int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			e := event(&town.BeadCreated{Beads: []town.NewBead{{Title: "Held", Rig: "web", Held: true}}})
			if _, err := c.Submit(ctx, "main", e); err == nil {
				acked.Add(1)
			}
		}
	}()
	for plans := 0; plans < 200 || acked.Load() < 20; plans++ {
		p, err := c.Plan(ctx, "main")
		if err != nil {
			t.Fatal(err)
		}
		if p.Tick.No != p.After+1 {
			t.Errorf("the plan after tick %d is tick %d", p.After, p.Tick.No)
		}
	}
	done()
	select {
	case <-ended:
		n, beads := int(acked.Load()), 0
		if err := c.Read("main", func(s *town.State) { beads = len(s.Beads()) }); err != nil || beads < n {
			t.Errorf("%d beads were acknowledged, %d are there (%v)", n, beads, err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the sender does not end")
	}
}
