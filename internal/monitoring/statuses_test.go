package monitoring

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"gastown/internal/auth"
	"gastown/internal/client"
	"gastown/internal/demo"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// watched is a real server in a process of its own, whose metric of recorded observations is held against its journal.
type watched struct {
	t        *testing.T
	ctx      context.Context
	home, at string
	proc     *demo.Process
	// before are the events that lives of the server before this one have recorded.
	before map[string]int
}

// TestObservationsInTheJournalAreCounted has real agents end in every way, and a server restart and crash among running
// ones: of each status the metric has counted, over all lives of the server, as many events as its journal has.
func TestObservationsInTheJournalAreCounted(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	for _, end := range []string{"exit 0", "exit 3", "kill -9 $$"} {
		w.agents("sh", "-c", end)
		for range 3 {
			w.once()
		}
	}
	w.counted(9)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := exec.Command("mkfifo", fifo).Run(); err != nil {
		t.Fatal(err)
	}
	w.agents("sh", "-c", "read -r _ <"+fifo)
	w.sling()
	w.sling()
	await(t, "two agents at work", func() bool { return w.running() == 2 })
	w.counted(9)
	w.restart(func() error { return w.proc.Stop(w.ctx) })
	w.counted(9)
	w.restart(func() error { w.proc.Kill(); return nil })
	w.counted(9)
	release, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := release.Close(); err != nil {
		t.Fatal(err)
	}
	w.counted(11)
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTime)
	t.Cleanup(cancel)
	w := &watched{t: t, ctx: ctx, home: filepath.Join(t.TempDir(), "home"), at: freePort(t), before: map[string]int{}}
	w.serve()
	t.Cleanup(func() {
		end, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := demo.Clean(end, w.proc, w.home); err != nil {
			t.Errorf("cleaning up: %v", err)
		}
	})
	if _, err := w.proc.Client().CreateTown(ctx, wire.NewTown{ID: "main"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.town().AddRig(ctx, wire.NewRig{Name: "web", URL: emptyRepository(t)}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *watched) serve() {
	w.t.Helper()
	p, err := demo.Serve(w.ctx, os.Args[0], w.home, w.at)
	if err != nil {
		w.t.Fatal(err)
	}
	w.proc = p
}

func (w *watched) town() *client.Town { return w.proc.Client().Town("main") }

func (w *watched) agents(command ...string) {
	w.t.Helper()
	many := 20
	if _, err := w.town().Configure(w.ctx, wire.TownPatch{Settings: town.Settings{
		Agents:            map[town.Role]town.AgentCommand{town.Polecat: {Command: command}},
		MaxPolecatsPerRig: &many, MaxAgents: &many, MaxStartsPerTick: &many,
	}}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) sling() town.BeadID {
	w.t.Helper()
	b, err := w.town().Sling(w.ctx, town.NewBead{Title: "A task"})
	if err != nil {
		w.t.Fatal(err)
	}
	return b.ID
}

// once has a bead tried and fail with the command that is set now; then it is held, so that it is not tried again with
// another.
func (w *watched) once() {
	w.t.Helper()
	id := w.sling()
	await(w.t, "the end of an attempt", func() bool {
		b, err := w.town().Bead(w.ctx, id)
		return err == nil && b.Status == town.Open && len(b.Attempts) > 0
	})
	if _, err := w.town().BeadVerb(w.ctx, id, "hold", wire.Reason{Reason: "once is enough"}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) running() int {
	agents, err := w.town().Agents(w.ctx)
	n := 0
	for _, a := range agents {
		if err == nil && a.Observed == town.Running {
			n++
		}
	}
	return n
}

// restart ends this life of the server, in which all has been counted, and begins another one, which counts from zero.
func (w *watched) restart(end func() error) {
	w.t.Helper()
	w.before = w.recorded()
	if err := end(); err != nil {
		w.t.Fatal(err)
	}
	w.serve()
}

// recorded are the observations in the journal, by status.
func (w *watched) recorded() map[string]int {
	w.t.Helper()
	var page struct {
		Events []struct{ Payload struct{ Status string } }
	}
	if err := json.Unmarshal([]byte(w.get("/api/towns/main/events?type=container_status&limit=1000")), &page); err != nil {
		w.t.Fatal(err)
	}
	out := map[string]int{}
	for _, e := range page.Events {
		out[e.Payload.Status]++
	}
	return out
}

func (w *watched) get(path string) string {
	w.t.Helper()
	token, err := auth.ReadAdmin(w.home)
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := get(w.ctx, "http://"+w.at+path, token)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

var statusEvent = regexp.MustCompile(`(?m)^gastown_container_status_events_total\{status="([a-z_]+)",town="main"\} (\d+)$`)

// counted waits until so many ends are in the journal and the metric has the same events as that.
func (w *watched) counted(ends int) {
	w.t.Helper()
	var have, want map[string]int
	defer func() {
		if w.t.Failed() {
			w.t.Logf("counted over all lives: %v, in the journal: %v", have, want)
		}
	}()
	await(w.t, fmt.Sprint(ends, " ends, and all of them counted"), func() bool {
		have, want = maps.Clone(w.before), w.recorded()
		for _, m := range statusEvent.FindAllStringSubmatch(w.get("/metrics"), -1) {
			n, err := strconv.Atoi(m[2])
			if err != nil {
				w.t.Fatal(err)
			}
			if n > 0 {
				have[m[1]] += n
			}
		}
		return want["exited"] == ends && maps.Equal(have, want)
	})
}
