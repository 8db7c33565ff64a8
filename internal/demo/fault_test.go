package demo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gastown/internal/client"
	"gastown/internal/demo"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// testTime bounds one test with real processes on a slow machine.
const testTime = 4 * time.Minute

// plain builds the program as users have it. The many short processes of the fault tests are ten
// times as fast without the race detector, which the other tests run with.
var plain = sync.OnceValues(func() (string, error) {
	path := filepath.Join(tempDir, "gastown")
	out, err := exec.Command("go", "build", "-o", path, "gastown/cmd/gastown").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("cannot build gastown: %w\n%s", err, out)
	}
	return path, nil
})

// stage is a world with a server that can be killed and started again.
type stage struct {
	program string
	t       *testing.T
	ctx     context.Context
	world   *demo.World
	home    string
	proc    *demo.Process
}

func newStage(t *testing.T, find func() (string, error)) *stage {
	t.Helper()
	program, err := find()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), testTime)
	t.Cleanup(cancel)
	dir := t.TempDir()
	w, err := demo.NewWorld(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{program: program, t: t, ctx: ctx, world: w, home: filepath.Join(dir, "home")}
	s.serve()
	t.Cleanup(func() {
		end, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if t.Failed() {
			s.showLogs()
		}
		if err := demo.Clean(end, s.proc, dir); err != nil {
			t.Errorf("cleaning up: %v", err)
		}
	})
	return s
}

func (s *stage) serve() {
	s.t.Helper()
	p, err := demo.Serve(s.ctx, s.program, s.home, "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err) // what went before is cleaned up with the process that there was
	}
	s.proc = p
}

func (s *stage) showLogs() {
	logs, _ := filepath.Glob(filepath.Join(s.home, "runs", "*", "*", "*", "log", "*.log"))
	for _, name := range append(logs, filepath.Join(s.home, "server.log")) {
		data, _ := os.ReadFile(name)
		s.t.Logf("%s:\n%s", name, data[max(0, len(data)-4000):])
	}
}

func (s *stage) town() *client.Town { return s.proc.Client().Town(demo.TownID) }

// until looks at the town after every tick until what it looks for is there.
func (s *stage) until(what string, there func() (bool, error)) {
	s.t.Helper()
	for {
		err := s.town().Until(s.ctx, there)
		if err == nil {
			return
		}
		if s.ctx.Err() != nil {
			s.t.Fatalf("waited for %s in vain: %v", what, err)
		}
		// The server has gone away, or is not back yet.
	}
}

// guardedAgent wraps the demo's agent: it leaves a mark if another agent works on the same bead at
// the same time.
func (s *stage) guardAgent() (mark string) {
	s.t.Helper()
	locks := filepath.Join(s.world.Dir, "locks")
	if err := os.Mkdir(locks, 0o700); err != nil {
		s.t.Fatal(err)
	}
	mark = filepath.Join(locks, "twice")
	script := fmt.Sprintf(`lock='%s'/$GASTOWN_BEAD
mkdir "$lock" || echo "$GASTOWN_BEAD" >>'%s'
trap 'rmdir "$lock"' EXIT TERM
sh -eu '%s'
`, locks, mark, s.world.Script)
	path := filepath.Join(s.world.Dir, "guarded.sh")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.world.Script = path
	return mark
}

// TestServerKilledAtAnyMoment kills the server with SIGKILL in the midst of the demo, starts it
// again, and wants everything to land all the same.
func TestServerKilledAtAnyMoment(t *testing.T) {
	const moments = 20
	seed := uint64(time.Now().YearDay())
	if v := os.Getenv("GASTOWN_SEED"); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("seed %d; repeat with GASTOWN_SEED=%d", seed, seed)
	for i := range moments {
		// The demo takes about 75 ticks of its own; each twentieth part of them gets a moment.
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		at := 1 + i*70/moments + rng.IntN(4)
		t.Run(fmt.Sprintf("moment %d", at), func(t *testing.T) {
			t.Parallel()
			killedAt(t, at)
		})
	}
}

func killedAt(t *testing.T, at int) {
	s := newStage(t, plain)
	mark := s.guardAgent()
	convoy, err := demo.Begin(s.ctx, s.proc.Client(), s.world)
	if err != nil {
		t.Fatal(err)
	}
	stop, cancel := context.WithCancel(s.ctx)
	var acked []town.BeadID
	var slinging sync.WaitGroup
	sling := func() {
		c := s.proc.Client()
		slinging.Go(func() { acked = append(acked, slingHeld(stop, c)...) })
	}
	sling()
	moved := 0
	_ = s.town().Watch(s.ctx, func(tick *town.Tick) bool {
		// The ticks of the held beads say nothing about how far the demo is.
		if len(tick.Actions) > 0 || slices.ContainsFunc(tick.Events, func(o town.EventOutcome) bool { return o.Type != "bead_created" }) {
			moved++
		}
		return moved < at
	})
	s.proc.Kill()
	cancel()
	slinging.Wait()
	s.serve()

	if err := demo.Follow(s.ctx, s.proc.Client(), convoy, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := s.world.Check(s.ctx); err != nil {
		t.Error(err)
	}
	doc, err := s.town().Convoy(s.ctx, convoy)
	if err != nil || doc.Outcome != town.OutcomeLanded {
		t.Errorf("the convoy is %q (%v)", doc.Outcome, err)
	}
	s.replays()
	for _, id := range acked {
		if _, err := s.town().Bead(s.ctx, id); err != nil {
			t.Errorf("bead %s was acknowledged and is lost: %v", id, err)
		}
	}
	for _, b := range doc.Tasks {
		for i := 1; i < len(b.Attempts); i++ {
			if b.Attempts[i].Started < b.Attempts[i-1].Ended {
				t.Errorf("two attempts at %s overlap: %+v", b.ID, b.Attempts)
			}
		}
	}
	if data, err := os.ReadFile(mark); err == nil {
		t.Errorf("two agents at once on %s", strings.Fields(string(data)))
	}
}

// replays holds the town to its history: the reconciler decides the same once more, tick for tick.
func (s *stage) replays() {
	s.t.Helper()
	r, err := s.town().Replay(s.ctx, wire.ReplayQuery{})
	if err != nil {
		s.t.Fatal(err)
	}
	if !r.Exact || r.EventsReplayed == 0 {
		for _, x := range r.Ticks {
			if !x.Agree {
				s.t.Errorf("tick %d comes out otherwise: %+v", x.Tick, x.Differences)
			}
		}
		s.t.Fatalf("%d events in %d ticks were replayed, exact: %t", r.EventsReplayed, len(r.Ticks), r.Exact)
	}
}

// slingHeld makes beads that nobody starts until ctx ends, and returns those that were
// acknowledged.
func slingHeld(ctx context.Context, c *client.Client) []town.BeadID {
	var out []town.BeadID
	for ctx.Err() == nil && len(out) < 300 {
		b, err := c.Town(demo.TownID).Sling(ctx, town.NewBead{Title: "Held", Held: true})
		if err == nil {
			out = append(out, b.ID)
		}
	}
	return out
}

// patientAgent is a script that says which process it is and works only when it is told to.
func (s *stage) patientAgent() (pidFile, goFile string) {
	s.t.Helper()
	pidFile, goFile = filepath.Join(s.world.Dir, "pid"), filepath.Join(s.world.Dir, "go")
	script := fmt.Sprintf(`echo $$ >'%[1]s.new' && mv '%[1]s.new' '%[1]s'
while ! [ -e '%[2]s' ]; do sleep 0.1; done
sh -eu '%[3]s'
`, pidFile, goFile, s.world.Script)
	path := filepath.Join(s.world.Dir, "patient.sh")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.world.Script = path
	return pidFile, goFile
}

// oneBead makes the demo's town with a single bead.
func (s *stage) oneBead() town.BeadID {
	s.t.Helper()
	s.noBead()
	return s.sling()
}

// noBead makes the demo's town.
func (s *stage) noBead() {
	s.t.Helper()
	c := s.proc.Client()
	if _, err := c.CreateTown(s.ctx, wire.NewTown{ID: demo.TownID}); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.town().Configure(s.ctx, wire.TownPatch{Settings: s.world.Settings()}); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.town().AddRig(s.ctx, wire.NewRig{Name: "greet", URL: s.world.Repo}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) sling() town.BeadID {
	s.t.Helper()
	b, err := s.town().Sling(s.ctx, town.NewBead{Title: "Greet in English"})
	if err != nil {
		s.t.Fatal(err)
	}
	return b.ID
}

// pid waits for an agent to say which process it is.
func (s *stage) pid(file string) int {
	s.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if data, err := os.ReadFile(file); err == nil {
			pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
			if err != nil {
				s.t.Fatal(err)
			}
			return pid
		}
		select {
		case <-s.ctx.Done():
			s.t.Fatal("no agent was started")
		case <-tick.C:
		}
	}
}

func (s *stage) bead(id town.BeadID) (wire.Bead, error) { return s.town().Bead(s.ctx, id) }

func TestAgentsOutliveTheServer(t *testing.T) {
	t.Parallel()
	s := newStage(t, plain)
	pidFile, goFile := s.patientAgent()
	id := s.oneBead()
	pid := s.pid(pidFile)
	s.proc.Kill()
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the agent died with the server: %v", err)
	}
	s.serve()
	s.until("the same agent still at work", func() (bool, error) {
		agents, err := s.town().Agents(s.ctx)
		return err == nil && len(agents) == 1 && agents[0].Status == town.Working && agents[0].Run == 1 && agents[0].Observed == town.Running, err
	})
	s.proc.Kill()
	// It finishes while nobody listens, and says so when somebody does.
	if err := os.WriteFile(goFile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.serve()
	s.until("the bead merged", func() (bool, error) {
		b, err := s.bead(id)
		return err == nil && b.Outcome == town.OutcomeMerged, err
	})
	if b, err := s.bead(id); err != nil || len(b.Attempts) != 1 {
		t.Errorf("%d attempts instead of one (%v)", len(b.Attempts), err)
	}
}

func TestKilledAgentIsReplaced(t *testing.T) {
	t.Parallel()
	s := newStage(t, plain)
	pidFile, goFile := s.patientAgent()
	id := s.oneBead()
	killed := time.Now()
	if err := syscall.Kill(s.pid(pidFile), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.until("the bead open again", func() (bool, error) {
		b, err := s.bead(id)
		return err == nil && b.Status == town.Open, err
	})
	b, err := s.bead(id)
	if err != nil {
		t.Fatal(err)
	}
	at := b.Attempts[0]
	if len(b.Attempts) != 1 || at.Outcome != town.AttemptFailed || at.Fault != town.AgentFault || !strings.Contains(at.Reason, "killed") {
		t.Errorf("attempts %+v", b.Attempts)
	}
	// The exit was observed; a lost heartbeat would have taken 90 s.
	if noticed := at.Ended.Std().Sub(killed); noticed > town.HeartbeatMissing.Std()/2 {
		t.Errorf("noticed after %s", noticed)
	}
	if err := os.WriteFile(goFile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.until("another agent done", func() (bool, error) {
		b, err := s.bead(id)
		return err == nil && b.Outcome == town.OutcomeMerged, err
	})
	if b, err = s.bead(id); err != nil || len(b.Attempts) != 2 || b.Attempts[1].Agent == at.Agent {
		t.Errorf("attempts %+v (%v)", b.Attempts, err)
	}
}

func TestDemoLandsEverything(t *testing.T) {
	t.Parallel()
	s := newStage(t, os.Executable)
	convoy, err := demo.Begin(s.ctx, s.proc.Client(), s.world)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := demo.Follow(s.ctx, s.proc.Client(), convoy, &out); err != nil {
		t.Fatal(err)
	}
	if err := demo.Report(s.ctx, s.proc.Client(), convoy, s.home, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"gate_failed", "conflict", "Land Greet the world"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the story does not tell of %q:\n%s", want, out.String())
		}
	}
	if err := s.world.Check(s.ctx); err != nil {
		t.Error(err)
	}
}

// TestOlderCopyAfterAKill puts an older copy of the journal in the place of one whose server was killed at work. The agent
// of the lost hours is stopped before anything else is started, and the task that gets its run is done on a
// branch of its own.
func TestOlderCopyAfterAKill(t *testing.T) {
	t.Parallel()
	s := newStage(t, plain)
	pidFile, goFile := s.patientAgent()
	s.noBead()
	if err := s.proc.Stop(s.ctx); err != nil {
		t.Fatal(err)
	}
	db := filepath.Join(s.home, "gastown.db")
	older, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	s.serve()
	lost := s.sling()
	pid := s.pid(pidFile)
	was, err := s.bead(lost)
	if err != nil || was.Branch == "" {
		t.Fatalf("the bead is on %q, %v", was.Branch, err)
	}
	s.proc.Kill()
	for _, side := range []string{"-wal", "-shm"} {
		err = errors.Join(err, os.RemoveAll(db+side))
	}
	if err = errors.Join(err, os.WriteFile(db, older, 0o600), os.Remove(pidFile)); err != nil {
		t.Fatal(err)
	}
	s.serve()
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the agent of the lost hours is still there: %v", err)
	}
	if err := os.WriteFile(goFile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	again := s.sling()
	s.until("the bead merged", func() (bool, error) {
		b, err := s.bead(again)
		return err == nil && b.Outcome == town.OutcomeMerged, err
	})
	now, err := s.bead(again)
	if err != nil || now.Branch == was.Branch || len(now.Attempts) != 1 || now.Attempts[0].Run != 1 {
		t.Errorf("%s was on %s; %s is on %s, with the attempts %+v (%v)", lost, was.Branch, again, now.Branch, now.Attempts, err)
	}
	s.replays()
}
