package replay

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gastown/internal/sim"
	"gastown/internal/town"
)

var rewrite = flag.Bool("rewrite", false, "play the simulated histories of testdata anew")

// The simulated histories: some hours with every kind of trouble, and a week with many agents. Beside them
// lies demo.tar.zst, taken from a run of the demo by gastown bundle.
const (
	troubleTime   = 6 * town.Hour
	troubleAgents = 6
	week          = "week"
	weekSeed      = 3
	weekTime      = 7 * 24 * town.Hour
	weekAgents    = 20
)

func historyFile(name string) string {
	return filepath.Join("testdata", strings.ReplaceAll(name, " ", "_")+".tar.zst")
}

// TestHistoriesAreWrittenAnew writes them, if it is asked to: after the number of the rules was raised.
func TestHistoriesAreWrittenAnew(t *testing.T) {
	if !*rewrite {
		return
	}
	left := map[string]bool{}
	for _, name := range sim.Profiles() {
		left[name] = true
	}
	for seed := uint64(1); len(left) > 0; seed++ {
		b, profile := played(t, seed, troubleTime, troubleAgents)
		if left[profile] {
			delete(left, profile)
			write(t, historyFile(profile), b)
		}
	}
	b, _ := played(t, weekSeed, weekTime, weekAgents)
	write(t, historyFile(week), b)
}

// played plays the town of a seed and keeps its history.
func played(t *testing.T, seed uint64, d town.Duration, agents int) (*Bundle, string) {
	t.Helper()
	b := NewBundle(sim.Founded(), "testdata")
	r, err := sim.Run(context.Background(), sim.Options{
		Seed: seed, Seeds: 1, Time: d, Agents: agents, Rigs: 2, Workers: 1,
		Record: func(_ uint64, tick *town.Tick, events []town.Event) { b.Add(tick, events) },
	})
	if err != nil || len(r.Findings) > 0 {
		t.Fatalf("seed %d: %v, %+v", seed, err, r.Findings)
	}
	return b, slices.Collect(maps.Keys(r.Coverage.Profiles))[0]
}

func write(t *testing.T, file string, b *Bundle) {
	t.Helper()
	var data bytes.Buffer
	if err := b.Write(&data); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) *Bundle {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := ReadBundle(f)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return b
}

// Today's rules decide what they decided in every history that was kept. If they do not, and should not, their
// number must be raised and the histories written anew: a town's record says by which rules it was made, and
// two sets of rules must not have one number.
func TestHistoriesComeOutAsRecorded(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "*.tar.zst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(sim.Profiles(), week, "demo") {
		if !slices.Contains(files, historyFile(name)) {
			t.Errorf("there is no history %s", historyFile(name))
		}
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			b := read(t, file)
			if b.Manifest.RuleSet != town.RuleSet {
				t.Fatalf("it was made by the rules %d, these are %d: write it anew with -rewrite", b.Manifest.RuleSet, town.RuleSet)
			}
			if err := verify(b); err != nil {
				t.Errorf("%v\nif the rules should decide otherwise now, raise town.RuleSet and write the histories anew with -rewrite", err)
			}
		})
	}
}

// verify replays a whole bundle and tells the first difference.
func verify(b *Bundle) error {
	var first error
	res, err := Run(context.Background(), b, b.Manifest.Town, Query{}, func(x *Tick, _ *town.State) error {
		if first == nil {
			first = x.Err()
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case first != nil:
		return first
	case res.Events != len(b.events) || res.Ticks != len(b.ticks) || res.Events == 0 || !res.Exact:
		return errors.New("not all of it was replayed")
	}
	return nil
}

// Copies of a history in which somebody has changed something fail at the first tick that cannot be as it says.
func TestEditedHistoriesFail(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name string
		edit func(*Bundle)
		says string
	}{
		{"an event is gone", func(b *Bundle) { b.events = slices.Delete(b.events, 30, 31) },
			"tick 24 took event 31, which is not there in its place: the journal is damaged"},
		{"two events are swapped", func(b *Bundle) { b.events[30], b.events[31] = b.events[31], b.events[30] },
			"tick 24 took event 31, which is not there in its place: the journal is damaged"},
		{"an event says something else", func(b *Bundle) { b.events[10].Payload = &town.BeadHeld{} }, "tick 8 comes out otherwise: events[0].code is invalid, recorded is <nil>"},
		{"an action is another", func(b *Bundle) { firstAction(b).To = "closed" }, "comes out otherwise: actions[0].to is"},
		{"a reason is another", func(b *Bundle) { firstAction(b).Reason = "because" }, "comes out otherwise: actions[0].reason is"},
		{"a digest is another", func(b *Bundle) { b.ticks[20].Digest[3] ^= 1 }, "tick 21 comes out otherwise: digest is"},
		{"a tick is gone", func(b *Bundle) { b.ticks = slices.Delete(b.ticks, 20, 21) }, "tick 22 took event"},
		{"a tick is later", func(b *Bundle) { firstActing(b).At++ }, "comes out otherwise"},
		{"the town before is another", func(b *Bundle) { b.before[40] ^= 1 }, "cannot"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			b := read(t, historyFile("calm"))
			x.edit(b)
			if err := verify(b); err == nil || !strings.Contains(err.Error(), x.says) {
				t.Errorf("says %v, want …%s…", err, x.says)
			}
		})
	}
}

func firstAction(b *Bundle) *town.Action { return &firstActing(b).Actions[0] }

// firstActing is the first tick that moves something.
func firstActing(b *Bundle) *town.Tick {
	for _, t := range b.ticks {
		if len(t.Actions) > 0 && t.Actions[0].To != "" {
			return t
		}
	}
	panic("no action in the history")
}

// Neither the machine's zone, nor its language, nor how many threads it has, nor the year that it is, leaks into
// what comes out: other processes that have them otherwise replay the same.
func TestHistoriesElsewhere(t *testing.T) {
	t.Parallel()
	for _, env := range [][]string{
		{"TZ=Asia/Kathmandu", "LC_ALL=tr_TR.UTF-8", "LANG=tr_TR.UTF-8", "GOMAXPROCS=1"},
		{"TZ=America/St_Johns", "LC_ALL=C", "GOMAXPROCS=7"},
	} {
		cmd := exec.Command(os.Args[0], "-test.run", "TestHistoriesComeOutAsRecorded/(calm|demo)", "-test.v")
		cmd.Env = append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "PASS: TestHistoriesComeOutAsRecorded/calm.tar.zst") {
			t.Errorf("%v: %v\n%s", env, err, out)
		}
	}
}
