package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// writerEnv makes the test binary a writer at that place.
const writerEnv = "GASTOWN_TEST_WRITER"

func TestMain(m *testing.M) {
	if place := os.Getenv(writerEnv); place != "" {
		if err := writeForEver(place); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// writeForEver appends events and commits ticks until it is killed, and says which are durable.
func writeForEver(place string) error {
	ctx := context.Background()
	j, err := Open(ctx, place)
	if err != nil {
		return err
	}
	s, err := journal.Recover(ctx, j, "main")
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		p := &town.BeadCreated{Beads: []town.NewBead{{Title: "x", Rig: "none"}}}
		id := fmt.Sprintf("%d-%d", os.Getpid(), i)
		if _, err := j.Append(ctx, "main", []town.Event{{ID: id, Type: p.Type(), Bead: "gt-none", Payload: p}}); err != nil {
			return err
		}
		fmt.Println(id)
		if i%3 != 0 {
			continue
		}
		events, err := j.Pending(ctx, "main", 100)
		if err != nil {
			return err
		}
		if err := j.CommitTick(ctx, "main", s.Step(town.Input{Now: town.Time(i), Events: events})); err != nil {
			return err
		}
	}
}

// TestKilledWriterLosesNothing kills a writing process again and again at seeded moments.
func TestKilledWriterLosesNothing(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	path := made(t)
	acked := map[string]bool{}
	for range 10 {
		writeAndKill(t, path, 1+rng.IntN(120), acked)
	}
	j := openAt(t, filepath.Dir(path))
	defer func() { _ = j.Close() }()
	ctx := context.Background()
	s, err := journal.Recover(ctx, j, "main")
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]bool{}
	var next town.Seq
	for {
		page, err := j.Events(ctx, "main", journal.EventFilter{After: next})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			if next++; e.Seq != next {
				t.Fatalf("place %d holds event %d", next, e.Seq)
			}
			kept[e.ID] = true
		}
		if len(page) < journal.DefaultLimit {
			break
		}
	}
	for id := range acked {
		if !kept[id] {
			t.Errorf("event %s was acknowledged and is lost", id)
		}
	}
	// Every tick took an event that names the bead, and knows it or is not there.
	about, err := j.TicksAbout(ctx, "main", town.About{Kind: town.KindBead, ID: "gt-none"}, 0, 1<<20)
	if err != nil || len(about) != int(s.Tick()) {
		t.Errorf("%d of %d ticks are found by what they are about (%v)", len(about), s.Tick(), err)
	}
	t.Logf("%d events acknowledged, %d kept, %d ticks", len(acked), len(kept), s.Tick())
}

// writeAndKill lets a writer acknowledge n events and kills it.
func writeAndKill(t *testing.T, path string, n int, acked map[string]bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writerEnv+"="+path)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for i := 0; lines.Scan(); i++ {
		acked[lines.Text()] = true
		if i == n {
			_ = cmd.Process.Kill() // what it has written until now is read below
		}
	}
	_ = cmd.Wait() // it was killed
	if stderr.Len() > 0 {
		t.Fatal(stderr.String())
	}
}
