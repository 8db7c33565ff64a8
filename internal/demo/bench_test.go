package demo_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gastown/internal/demo"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// benchStage is a server of its own with the demo's town, and a script as its agent.
func benchStage(b *testing.B, script string, gates []town.Gate, limit int) (*demo.Process, *demo.World, context.Context) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	b.Cleanup(cancel)
	dir := b.TempDir()
	w, err := demo.NewWorld(ctx, dir)
	if err != nil {
		b.Fatal(err)
	}
	program, err := plain()
	if err != nil {
		b.Fatal(err)
	}
	p, err := demo.Serve(ctx, program, filepath.Join(dir, "home"), "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		end, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := demo.Clean(end, p, dir); err != nil {
			b.Errorf("cleaning up: %v", err)
		}
	})
	if err := os.WriteFile(w.Script, []byte(script), 0o600); err != nil {
		b.Fatal(err)
	}
	if _, err := p.Client().CreateTown(ctx, wire.NewTown{ID: demo.TownID}); err != nil {
		b.Fatal(err)
	}
	t := p.Client().Town(demo.TownID)
	set := w.Settings()
	set.MaxPolecatsPerRig, set.MaxAgents = &limit, &limit
	if _, err := t.Configure(ctx, wire.TownPatch{Settings: set}); err != nil {
		b.Fatal(err)
	}
	if _, err := t.AddRig(ctx, wire.NewRig{Name: "greet", URL: w.Repo, Settings: town.Settings{Gates: &gates}}); err != nil {
		b.Fatal(err)
	}
	return p, w, ctx
}

// BenchmarkSlingToLanded is what a person waits: from sling to merged, with a script as the agent
// and a gate of one second.
func BenchmarkSlingToLanded(b *testing.B) {
	script := `echo "$GASTOWN_BEAD" >"$GASTOWN_BEAD" && git add --all && git commit --quiet -m "$GASTOWN_BEAD" && gastown done -m done`
	p, _, ctx := benchStage(b, script, []town.Gate{{Name: "second", Command: "sleep 1"}}, 4)
	t := p.Client().Town(demo.TownID)
	var took []time.Duration
	b.ResetTimer()
	for i := range b.N {
		began := time.Now()
		made, err := t.Sling(ctx, town.NewBead{Title: fmt.Sprintf("Bead %d", i)})
		if err != nil {
			b.Fatal(err)
		}
		if err := t.Until(ctx, func() (bool, error) {
			now, err := t.Bead(ctx, made.ID)
			return err == nil && now.Outcome == town.OutcomeMerged, err
		}); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds(), "median-s")
}

// BenchmarkStatusCommand runs `gastown status` while a hundred agents are at work.
func BenchmarkStatusCommand(b *testing.B) {
	const agents = 100
	p, w, ctx := benchStage(b, "exec sleep 600", nil, agents)
	t := p.Client().Town(demo.TownID)
	tasks := make([]town.NewBead, agents)
	for i := range tasks {
		tasks[i].Title = fmt.Sprintf("Bead %d", i)
	}
	if _, err := t.CreateConvoy(ctx, wire.NewConvoy{Title: "Crowd", Tasks: tasks}); err != nil {
		b.Fatal(err)
	}
	if err := t.Until(ctx, func() (bool, error) {
		st, err := t.Status(ctx)
		return st.Agents.Working == agents, err
	}); err != nil {
		b.Fatal(err)
	}
	program, err := plain()
	if err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	b.ResetTimer()
	for range b.N {
		began := time.Now()
		cmd := exec.CommandContext(ctx, program, "--home", p.Home, "--town", demo.TownID, "status")
		cmd.Dir = w.Dir
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		took = append(took, time.Since(began))
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
}

// BenchmarkIdleServer measures what a server without work costs over ten seconds: the share of one
// core, and the processes that it starts.
func BenchmarkIdleServer(b *testing.B) {
	const window = 10 * time.Second
	p, _, _ := benchStage(b, "true", nil, 4)
	b.ResetTimer()
	for range b.N {
		cpu, started := used(b, p.Info.PID), time.Now()
		children := map[string]bool{}
		look := time.NewTicker(20 * time.Millisecond)
		for time.Since(started) < window {
			<-look.C
			list, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", p.Info.PID, p.Info.PID))
			for _, pid := range strings.Fields(string(list)) {
				children[pid] = true
			}
		}
		look.Stop()
		share := (used(b, p.Info.PID) - cpu).Seconds() / time.Since(started).Seconds()
		b.ReportMetric(100*share, "%core")
		b.ReportMetric(float64(len(children)), "processes")
	}
}

// used is the processor time of a process so far.
func used(b *testing.B, pid int) time.Duration {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skipf("this machine does not tell what a process uses: %v", err)
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	var ticks int
	for _, i := range []int{11, 12} { // user and system time, in hundredths of a second
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
