package controller

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gastown/internal/journal"
	"gastown/internal/runtime"
	"gastown/internal/runtime/process"
	"gastown/internal/town"
)

var rewrite = flag.Bool("rewrite", false, "write the table of docs/operations.md anew")

// crowdSize is how many agents run in each hour that is watched.
const crowdSize = 100

// An hour of a crowd: what is odd about it, and nothing else. Functions that are nil say never.
type hour struct {
	name string
	// beat is how often agents are heard.
	beat time.Duration
	// away says whether the runtime does not answer so long after the beginning of the hour.
	away func(at time.Duration) bool
	// silent says whether the agent on the nth bead is not heard so long after its start.
	silent func(n int, at time.Duration) bool
	// restart has the server stop and start again in the middle.
	restart bool
}

var hours = []hour{
	{name: "all are well", beat: process.DefaultHeartbeat},
	{name: "the server restarts after half an hour", beat: process.DefaultHeartbeat, restart: true},
	{name: "heartbeats come late, every 80 s", beat: 80 * time.Second},
	{name: "the runtime does not answer every second look", beat: process.DefaultHeartbeat,
		away: func(at time.Duration) bool { return at/lookEvery%2 == 1 }},
	{name: "the runtime is away for ten minutes", beat: process.DefaultHeartbeat,
		away: func(at time.Duration) bool { return at >= 20*time.Minute && at < 30*time.Minute }},
	{name: "the runtime is away while the server restarts", beat: process.DefaultHeartbeat, restart: true,
		away: func(at time.Duration) bool { return at >= 28*time.Minute && at < 33*time.Minute }},
	{name: "on ten beads, every agent falls silent after five minutes", beat: process.DefaultHeartbeat,
		silent: func(n int, at time.Duration) bool { return n%10 == 0 && at >= 5*time.Minute }},
}

// crowd is a runtime in which a hundred agents live as their hour says, and the effects that start
// and stop them there.
type crowd struct {
	runtime.Runtime
	hour  hour
	exits chan runtime.Report
	c     *Controller
	ob    *Observer
	work  sync.WaitGroup // answers under way

	mu    sync.Mutex
	began time.Time // of the hour; zero before it
	runs  map[runtime.Key]crowdRun
	beads map[town.BeadID]int
}

type crowdRun struct {
	bead    int
	started time.Time
}

func (w *crowd) Exits() <-chan runtime.Report { return w.exits }

func (w *crowd) List(context.Context) ([]runtime.Report, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.hour.away != nil && !w.began.IsZero() && w.hour.away(now.Sub(w.began)) {
		return nil, errors.New("away")
	}
	var out []runtime.Report
	for key, run := range w.runs {
		out = append(out, runtime.Report{Key: key, State: runtime.StateRunning, Heartbeat: w.lastBeat(run, now)})
	}
	return out, nil
}

// lastBeat is when the run was last heard: at a multiple of the beat after its start.
func (w *crowd) lastBeat(run crowdRun, now time.Time) time.Time {
	at := now.Sub(run.started).Truncate(w.hour.beat)
	for w.hour.silent != nil && at > 0 && w.hour.silent(run.bead, at) {
		at -= w.hour.beat
	}
	return run.started.Add(at)
}

// Carry starts and stops runs and says that it did.
func (w *crowd) Carry(id town.TownID, effects []town.Effect) {
	var answers []town.Event
	w.mu.Lock()
	for _, e := range effects {
		key := runtime.Key{History: string(e.History), Town: string(id), Agent: string(e.Agent), Run: int64(e.Run)}
		answer := town.Event{Agent: e.Agent, Run: e.Run, By: "test"}
		switch e.Kind {
		case town.EffectDispatch:
			if _, known := w.beads[e.Bead]; !known {
				w.beads[e.Bead] = len(w.beads)
			}
			w.runs[key] = crowdRun{bead: w.beads[e.Bead], started: time.Now()}
			answer.Payload = &town.DispatchAccepted{}
		case town.EffectStop:
			delete(w.runs, key)
			answer.Payload = &town.AgentStopConfirmed{}
		}
		answer.Type = answer.Payload.Type()
		answers = append(answers, answer)
	}
	w.mu.Unlock()
	if len(answers) == 0 {
		return
	}
	c := w.c
	w.work.Go(func() {
		time.Sleep(time.Second) // never at the moment of a look, so that the figures are always the same
		_, _ = c.Submit(context.Background(), id, answers...)
	})
}

// serve runs a server until stop is called.
func (w *crowd) serve(t *testing.T, j journal.Journal, o *outside) (stop func()) {
	t.Helper()
	w.c = New(Options{Journal: j, Effects: w, Meter: o, Log: slog.New(slog.DiscardHandler)})
	w.ob = NewObserver(w.c, w)
	if err := w.c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { w.ob.Run(ctx) })
	return func() {
		cancel()
		watching.Wait()
		w.c.Stop()
		w.work.Wait()
	}
}

// quiet is what an hour came to: how often an agent was looked at, and how many of those looks were
// recorded as container_status, in all and of the agent with most of them.
type quiet struct{ looks, events, most int }

// watch lets the hour pass, after a start of all agents that does not count.
func watch(t *testing.T, h hour) quiet {
	t.Helper()
	w := &crowd{hour: h, exits: make(chan runtime.Report), runs: map[runtime.Key]crowdRun{}, beads: map[town.BeadID]int{}}
	j, o := openJournal(t), &outside{}
	stop := w.serve(t, j, o)
	withRig(t, w.c)
	batch := &town.BeadCreated{}
	for n := range crowdSize {
		batch.Beads = append(batch.Beads, town.NewBead{Title: fmt.Sprint("Bead ", n)})
	}
	if _, err := w.c.Submit(t.Context(), "main", event(batch)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2*time.Second + time.Millisecond) // nor does the test wake when the observer does
	w.ob.Poke()
	time.Sleep(time.Minute + time.Millisecond)
	synctest.Wait()
	before := recorded(t, j)
	if before.events != crowdSize {
		t.Fatalf("%d agents were observed to have started, want %d", before.events, crowdSize)
	}
	_, before.looks, _ = o.counted()
	w.mu.Lock()
	w.began = time.Now()
	w.mu.Unlock()
	time.Sleep(30 * time.Minute)
	if h.restart {
		stop()
		stop = w.serve(t, j, o)
	}
	time.Sleep(30 * time.Minute)
	synctest.Wait()
	after := recorded(t, j)
	_, after.looks, _ = o.counted()
	stop()
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	// Every agent was recorded once before the hour.
	return quiet{looks: after.looks - before.looks, events: after.events - before.events, most: after.most - before.most}
}

func recorded(t *testing.T, j journal.Journal) (q quiet) {
	t.Helper()
	events, err := j.Events(t.Context(), "main", journal.EventFilter{Types: []town.EventType{"container_status"}, Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	of := map[town.AgentID]int{}
	for _, e := range events {
		of[e.Agent]++
		q.most = max(q.most, of[e.Agent])
	}
	q.events = len(events)
	return q
}

// TestAnHourIsQuiet watches a hundred agents for an hour, in health and in trouble. If every look
// were an event there would be 720 an hour of each; there may be two. The figures are kept in
// docs/operations.md.
func TestAnHourIsQuiet(t *testing.T) {
	t.Parallel()
	rows := make([]string, len(hours))
	t.Run("hours", func(t *testing.T) {
		for i, h := range hours {
			t.Run(h.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { rows[i] = watched(t, h) })
			})
		}
	})
	keepTable(t, filepath.Join("..", "..", "docs", "operations.md"),
		"| in the hour | looks | recorded | of each agent, on average | of one agent, at most |\n|---|---|---|---|---|\n"+strings.Join(rows, ""))
}

// watched lets an hour pass, checks how quiet it was and returns its row of the table.
func watched(t *testing.T, h hour) string {
	t.Helper()
	q := watch(t, h)
	if all := crowdSize * int(time.Hour/lookEvery); q.looks < all*9/10 {
		t.Errorf("%d looks, want about %d", q.looks, all)
	}
	if q.events > 2*crowdSize {
		t.Errorf("%d events, want at most two of each agent", q.events)
	}
	return fmt.Sprintf("| %s | %d | %d | %.2f | %d |\n", h.name, q.looks, q.events, float64(q.events)/crowdSize, q.most)
}

// keepTable holds the part of a page that is the test's to the table, or writes it.
func keepTable(t *testing.T, path, table string) {
	t.Helper()
	const begin, end = "<!-- quiet: made by \"make reference\" -->\n", "<!-- end of quiet -->"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(page), begin)
	old, tail, ended := strings.Cut(rest, end)
	switch {
	case !found || !ended:
		t.Fatalf("%s has no place for the table", path)
	case old == table:
	case !*rewrite:
		t.Errorf("%s does not have the figures of today; run make reference:\n%s", path, table)
	default:
		if err := os.WriteFile(path, []byte(head+begin+table+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
