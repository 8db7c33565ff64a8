package controller

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gastown/internal/town"
)

// silent is a town whose ten agents are never heard: each is given up, stopped again and again, and its bead goes
// to others.
func silent(t *testing.T) *town.State {
	t.Helper()
	const begin = town.Time(1_790_000_000_000)
	s, ten := town.New("main", "Main", "testtownaaaaaaaaaaaaaaaaaa", begin), 10
	batch := &town.BeadCreated{}
	for i := range ten {
		batch.Beads = append(batch.Beads, town.NewBead{Title: fmt.Sprint("Bead ", i)})
	}
	s.Step(town.Input{Now: begin, Events: []town.Event{
		event(&town.TownConfigured{Settings: town.Settings{
			Agents:            map[town.Role]town.AgentCommand{town.Polecat: {Preset: "claude"}},
			MaxPolecatsPerRig: &ten, MaxAgents: &ten, MaxStartsPerTick: &ten,
		}}),
		event(&town.RigAdded{Rig: "web", URL: "https://git.example/web", DefaultBranch: "main"}), event(batch),
	}})
	if n := s.AgentCounts()[town.Polecat][town.Working]; n != ten {
		t.Fatalf("%d agents work, want %d", n, ten)
	}
	return s
}

// aheadOf looks ahead of a town that stays as it is.
func aheadOf(t *testing.T, s *town.State, d town.Duration, limits *work) *Ahead {
	t.Helper()
	own, err := town.Restore(s.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	a, err := ahead(t.Context(), own, &basis{now: s.At()}, s.At().Add(d), limits)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A look ahead that comes to too much says what it came to and how far it got, and has all until then. Nothing is
// refused, however far it is.
func TestALookAheadSaysHowFarItGot(t *testing.T) {
	t.Parallel()
	s := silent(t)
	whole := aheadOf(t, s, 24*town.Hour, &aheadLimits)
	if whole.Stopped != nil || whole.Until != s.At().Add(24*town.Hour) || len(whole.Ticks) < 20 {
		t.Fatalf("a day ahead of ten agents: %d ticks until %s, %+v", len(whole.Ticks), whole.Until, whole.Stopped)
	}
	for limit, change := range map[string]func(*work){
		"ticks":    func(w *work) { w.ticks = 7 },
		"actions":  func(w *work) { w.actions = 50 },
		"bytes":    func(w *work) { w.bytes = 5000 },
		"entities": func(w *work) { w.entities = 60 },
		"looks":    func(w *work) { w.looks = 6 },
	} {
		limits := aheadLimits
		change(&limits)
		part := aheadOf(t, s, 24*town.Hour, &limits)
		n := len(part.Ticks)
		switch {
		case part.Stopped == nil || part.Stopped.Limit != limit || n == 0 || n >= len(whole.Ticks):
			t.Errorf("%s: %d ticks until %s, %+v", limit, n, part.Until, part.Stopped)
		case !strings.Contains(part.Stopped.Reason, "ended at "+part.Until.String()):
			t.Errorf("%s: the reason is %q, it got to %s", limit, part.Stopped.Reason, part.Until)
		case part.Ticks[n-1].At > part.Until || whole.Ticks[n].At <= part.Until:
			t.Errorf("%s: it says that it has all until %s; the last is of %s, the next of %s",
				limit, part.Until, part.Ticks[n-1].At, whole.Ticks[n].At)
		case !bytes.Equal(part.Ticks[n-1].Encode(), whole.Ticks[n-1].Encode()):
			t.Errorf("%s: the last tick is not that of the whole look", limit)
		}
	}
	far := aheadOf(t, s, 8000*365*24*town.Hour, &aheadLimits)
	if far.Stopped == nil || far.Until < s.At().Add(24*town.Hour) {
		t.Errorf("8000 years ahead: until %s, %+v", far.Until, far.Stopped)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := ahead(ctx, s, &basis{now: s.At()}, s.At().Add(town.Hour), &aheadLimits)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits for the answer: %v", err)
	}
}

// The page for people has the limits that hold.
func TestThePageHasTheLimitsOfALookAhead(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "replay.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(strings.Join(strings.Fields(string(data)), " "), ",", "")
	l := aheadLimits
	for _, want := range []string{
		fmt.Sprintf("%d ticks that decide something", l.ticks), fmt.Sprintf("%d actions in them", l.actions),
		fmt.Sprintf("%d MiB of changed entities", l.bytes>>20),
		fmt.Sprintf("%d looks at the town", l.looks), fmt.Sprintf("%d pending events", maxAheadPending),
	} {
		if !strings.Contains(page, want) {
			t.Errorf("docs/replay.md does not say %q", want)
		}
	}
	if l.entities != 1_000_000 || !strings.Contains(page, "a million entities") {
		t.Errorf("docs/replay.md does not say that %d entities are looked at", l.entities)
	}
}

// More events than one tick takes come in ticks that follow at once; if there are more than a look ahead takes in, it
// ends there and says so.
func TestALookAheadTakesWhatIsPending(t *testing.T) {
	t.Parallel()
	s := silent(t)
	for _, x := range []struct {
		events int
		more   bool
		ticks  int
	}{{town.MaxEvents, false, 0}, {town.MaxEvents + 1, false, 1}, {3 * town.MaxEvents, true, 2}} {
		base := &basis{now: s.At(), more: x.more}
		for i := range x.events {
			e := event(&town.TownConfigured{Name: fmt.Sprint("Town ", i)})
			e.Seq = town.Seq(i + 10)
			base.events = append(base.events, e)
		}
		own, err := town.Restore(s.Snapshot())
		if err != nil {
			t.Fatal(err)
		}
		until := s.At().Add(town.Second)
		a, err := ahead(t.Context(), own, base, until, &aheadLimits)
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Ticks) != x.ticks || own.Town().Name != fmt.Sprint("Town ", x.events-1) {
			t.Errorf("%d events: %d ticks follow, want %d; the town is called %s",
				x.events, len(a.Ticks), x.ticks, own.Town().Name)
		}
		for i, tick := range a.Ticks {
			if tick.At != s.At() || tick.Events[0].Seq != town.Seq((i+1)*town.MaxEvents+10) {
				t.Errorf("%d events: tick %d is of %s and takes event %d first", x.events, tick.No, tick.At, tick.Events[0].Seq)
			}
		}
		stopped := a.Stopped != nil && a.Stopped.Limit == "events" && a.Until == s.At()
		if stopped != x.more || !x.more && a.Until != until {
			t.Errorf("%d events: until %s, %+v", x.events, a.Until, a.Stopped)
		}
	}
}

// What a flooded town has waiting is seen ahead as the loop will take it, and what is assumed comes in behind it.
func TestALookAheadOfAFloodedTown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := openJournal(t)
		c, _ := start(t, j)
		withRig(t, c)
		var before town.TickNo
		if err := c.Read("main", func(s *town.State) { before = s.Tick() }); err != nil {
			t.Fatal(err)
		}
		flood := make([]town.Event, 2*town.MaxEvents+1)
		for i := range flood {
			flood[i] = event(&town.BeadCreated{Beads: []town.NewBead{{Title: fmt.Sprint("Task ", i), Rig: "web", Held: true}}})
			flood[i].ID, flood[i].Created = fmt.Sprintf("%08d-0000-7000-8000-000000000000", i), c.Now()
		}
		if _, err := j.Append(t.Context(), "main", flood); err != nil {
			t.Fatal(err)
		}
		last := event(&town.TownConfigured{Name: "After the flood"})
		p, err := c.PlanUntil(t.Context(), "main", c.Now()+1, last)
		if err != nil {
			t.Fatal(err)
		}
		a := p.Ahead
		if len(p.Events) != town.MaxEvents || len(a.Ticks) != 2 || len(a.Ticks[1].Events) != 2 || a.Stopped != nil {
			t.Fatalf("the plan takes %d events, then %+v", len(p.Events), a)
		}
		if _, err := c.Submit(t.Context(), "main", last); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if err := c.Read("main", func(s *town.State) {
			if n := s.Tick() - before; n != 3 || s.Digest() != a.Ticks[1].Digest {
				t.Errorf("%d ticks, and the town is %s; seen ahead were 3 and %s", n, s.Digest(), a.Ticks[1].Digest)
			}
		}); err != nil {
			t.Fatal(err)
		}
		c.Stop()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}
