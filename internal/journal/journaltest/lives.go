package journaltest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// moment is what a town was after a tick.
type moment struct {
	tick  town.TickNo
	at    town.Time
	state []byte
}

// grow lets a town live for a number of steps, with snapshots at times, and returns its moments,
// the one before the first tick included.
func grow(t fatal, l *Life, steps, snapshotOneIn int) []moment {
	past := []moment{{0, Birth, l.State.Snapshot()}}
	for range steps {
		_, tick, err := l.Step(ctx)
		if err != nil {
			t.Fatalf("step: %v", err)
		}
		if tick == nil {
			continue
		}
		past = append(past, moment{tick.No, tick.At, l.State.Snapshot()})
		if l.pick(snapshotOneIn) == 0 {
			if err := l.Snapshot(ctx); err != nil {
				t.Fatalf("snapshot: %v", err)
			}
		}
	}
	return past
}

// fatal is what testing.T and rapid.T have in common here.
type fatal interface{ Fatalf(string, ...any) }

// checkMoments recovers every moment and compares it with what the town was then.
func checkMoments(t fatal, j journal.Journal, id town.TownID, past []moment) {
	for _, m := range past {
		s, err := journal.RecoverAt(ctx, j, id, m.tick)
		if err != nil {
			t.Fatalf("recover at tick %d: %v", m.tick, err)
		}
		if !bytes.Equal(s.Snapshot(), m.state) {
			t.Fatalf("what is recovered of tick %d is not what was", m.tick)
		}
	}
}

// lifeRecovers lets towns live with agents, merges and an archive, and recovers every moment of
// theirs from a journal that was opened again.
func lifeRecovers(t *testing.T, f *fixture) {
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		l, err := NewLife(ctx, f, town.TownID(fmt.Sprintf("town-%d", n)), func(k int) int { return rapid.IntRange(0, k-1).Draw(rt, "pick") })
		if err != nil {
			rt.Fatalf("new: %v", err)
		}
		past := grow(rt, l, rapid.IntRange(1, 25).Draw(rt, "steps"), 6)
		f.reopen(t)
		checkMoments(rt, f, l.ID, past)
		s, err := journal.Recover(ctx, f, l.ID)
		if err != nil || !bytes.Equal(s.Snapshot(), l.State.Snapshot()) {
			rt.Fatalf("the newest state is not what was (%v)", err)
		}
	})
}

// retentionKeepsMoments removes history before any time and shows that every moment from then on
// is still there, that nothing pending goes, and that nothing stays that no kept moment needs.
func retentionKeepsMoments(t *testing.T, f *fixture) {
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		l, err := NewLife(ctx, f, town.TownID(fmt.Sprintf("town-%d", n)), func(k int) int { return rapid.IntRange(0, k-1).Draw(rt, "pick") })
		if err != nil {
			rt.Fatalf("new: %v", err)
		}
		past := grow(rt, l, rapid.IntRange(1, 30).Draw(rt, "steps"), 4)
		if _, err := f.Append(ctx, l.ID, []town.Event{rig(1)}); err != nil {
			rt.Fatalf("append: %v", err)
		}
		before := past[rapid.IntRange(0, len(past)-1).Draw(rt, "moment")].at + town.Time(rapid.IntRange(-1, 1).Draw(rt, "nudge"))
		if _, err := f.Retain(ctx, l.ID, before); err != nil {
			rt.Fatalf("retain: %v", err)
		}
		stats, err := f.Stats(ctx, l.ID)
		if err != nil || stats.Pending != 1 {
			rt.Fatalf("%d pending, %v", stats.Pending, err)
		}
		// The state at the time before is that of the newest tick not after it.
		first, _ := slices.BinarySearchFunc(past, before+1, func(m moment, at town.Time) int { return int(m.at - at) })
		needed := past[max(first-1, 0):]
		if stats.OldestTick > needed[0].tick {
			rt.Fatalf("the oldest kept is tick %d; tick %d was needed", stats.OldestTick, needed[0].tick)
		}
		checkMoments(rt, f, l.ID, past[stats.OldestTick:])
		checkLeftovers(rt, f, l, stats, before)
	})
}

// checkLeftovers shows that nothing is kept from before the oldest snapshot, and that there is only
// one older than the retention.
func checkLeftovers(t fatal, f *fixture, l *Life, stats journal.Stats, before town.Time) {
	ticks, err := f.TickHeads(ctx, l.ID, journal.TickFilter{})
	if err != nil {
		t.Fatalf("ticks: %v", err)
	}
	events, err := f.Events(ctx, l.ID, journal.EventFilter{})
	if err != nil {
		t.Fatalf("events: %v", err)
	}
	if stats.OldestTick > 0 && stats.OldestAt >= before {
		t.Fatalf("the snapshot of %s was not to be the oldest: it is not older than %s", stats.OldestAt, before)
	}
	removedSome := stats.OldestTick > 0
	for _, x := range ticks {
		if removedSome && x.No <= stats.OldestTick {
			t.Fatalf("tick %d is kept, and nothing needs it", x.No)
		}
	}
	for _, e := range events {
		if no := e.Processed.Tick; removedSome && no > 0 && no <= stats.OldestTick {
			t.Fatalf("event %d of tick %d is kept, and nothing needs it", e.Seq, no)
		}
	}
}

// lifeLists compares filtered lists with a search by hand, over the history of a real town.
func lifeLists(t *testing.T, f *fixture) {
	l, err := NewLife(ctx, f, id, rand.New(rand.NewPCG(3, 3)).IntN)
	if err != nil {
		t.Fatal(err)
	}
	grow(t, l, 80, 10)
	f.append(t, rig(1)) // stays pending
	all, err := f.Events(ctx, id, journal.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	mid := all[len(all)/2]
	for name, c := range map[string]struct {
		filter journal.EventFilter
		want   func(r *journal.EventRecord) bool
	}{
		"all":    {journal.EventFilter{}, func(*journal.EventRecord) bool { return true }},
		"after":  {journal.EventFilter{After: mid.Seq}, func(r *journal.EventRecord) bool { return r.Seq > mid.Seq }},
		"before": {journal.EventFilter{Before: mid.Seq}, func(r *journal.EventRecord) bool { return r.Seq < mid.Seq }},
		"from":   {journal.EventFilter{From: mid.Created}, func(r *journal.EventRecord) bool { return r.Created >= mid.Created }},
		"to":     {journal.EventFilter{To: mid.Created}, func(r *journal.EventRecord) bool { return r.Created < mid.Created }},
		"to tick": {journal.EventFilter{ToTick: 9}, func(r *journal.EventRecord) bool {
			return r.Processed.Tick > 0 && r.Processed.Tick <= 9
		}},
		"bead": {journal.EventFilter{Bead: "gt-0none"}, func(r *journal.EventRecord) bool { return r.Bead == "gt-0none" }},
		"several": {journal.EventFilter{After: 3, FromTick: 2, Types: []town.EventType{"bead_created", "agent_done"}}, func(r *journal.EventRecord) bool {
			return r.Seq > 3 && r.Processed.Tick >= 2 && (r.Type == "bead_created" || r.Type == "agent_done")
		}},
	} {
		var found []journal.EventRecord
		for i := range all {
			if c.want(&all[i]) {
				found = append(found, all[i])
			}
		}
		if len(found) == 0 {
			t.Fatalf("%s: the history has no such event, so that this shows nothing", name)
		}
		f.checkList(t, name, c.filter, found)
	}
}

// lifeTicks compares lists of ticks by time with a search by hand; some ticks are of the same time.
func lifeTicks(t *testing.T, f *fixture) {
	l, err := NewLife(ctx, f, id, rand.New(rand.NewPCG(5, 5)).IntN)
	if err != nil {
		t.Fatal(err)
	}
	past := grow(t, l, 60, 10)[1:]
	for i, from := range past {
		to := past[min(i+7, len(past)-1)]
		for _, newest := range []bool{false, true} {
			var expected []town.TickNo
			for _, m := range past {
				if m.at >= from.at && m.at < to.at {
					expected = append(expected, m.tick)
				}
			}
			if newest {
				slices.Reverse(expected)
			}
			heads, err := f.TickHeads(ctx, id, journal.TickFilter{From: from.at, To: to.at, Newest: newest})
			var got []town.TickNo
			for _, h := range heads {
				got = append(got, h.No)
			}
			if err != nil || !slices.Equal(got, expected) {
				t.Errorf("ticks from %s to %s, newest %v: %v, want %v (%v)", from.at, to.at, newest, got, expected, err)
			}
		}
	}
}

func (f *fixture) checkList(t *testing.T, name string, filter journal.EventFilter, found []journal.EventRecord) {
	t.Helper()
	for _, limit := range []int{0, 1, 7} {
		for _, newest := range []bool{false, true} {
			filter.Limit, filter.Newest = limit, newest
			expected := slices.Clone(found)
			if newest {
				slices.Reverse(expected)
			}
			if limit > 0 {
				expected = expected[:min(limit, len(expected))]
			}
			got, err := f.Events(ctx, id, filter)
			if diff := cmp.Diff(expected, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
				t.Errorf("%s, limit %d, newest %v: %v, -want +got:\n%s", name, limit, newest, err, diff)
			}
		}
	}
}

// livesAtOnce lets eight towns live at the same time, while 64 senders send them events, twice each.
// Every acknowledged event is there afterwards, once and in its place, and every town recovers.
func livesAtOnce(t *testing.T, f *fixture) {
	const towns, senders, each = 8, 64, 12
	lives := make([]*Life, towns)
	for i := range lives {
		var err error
		if lives[i], err = NewLife(ctx, f, town.TownID(fmt.Sprintf("town-%d", i)), rand.New(rand.NewPCG(uint64(i), 1)).IntN); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	acked := map[town.TownID]map[town.Seq]string{}
	note := func(id town.TownID, receipts []journal.Receipt, eventID string) {
		mu.Lock()
		defer mu.Unlock()
		if acked[id] == nil {
			acked[id] = map[town.Seq]string{}
		}
		acked[id][receipts[0].Seq] = eventID
	}
	var all sync.WaitGroup
	for s := range senders {
		all.Go(func() {
			id := lives[s%towns].ID
			for n := range each {
				e := rig(s*each + n)
				first, err := f.Append(ctx, id, []town.Event{e})
				second, again := f.Append(ctx, id, []town.Event{e, e})
				if err != nil || again != nil || first[0].Duplicate || !second[0].Duplicate || second[1].Seq != first[0].Seq {
					t.Errorf("append: %+v, %v; again: %+v, %v", first, err, second, again)
					return
				}
				note(id, first, e.ID)
			}
		})
	}
	for _, l := range lives {
		all.Go(func() { grow(errorOnly{t}, l, 15, 5) })
	}
	all.Wait()
	if t.Failed() {
		return
	}
	f.reopen(t)
	for _, l := range lives {
		f.checkWhole(t, l, acked[l.ID], senders/towns*each)
	}
}

// errorOnly reports a failure from a goroutine that is not the test's.
type errorOnly struct{ t *testing.T }

func (e errorOnly) Fatalf(format string, args ...any) { e.t.Errorf(format, args...) }

func (f *fixture) checkWhole(t *testing.T, l *Life, acked map[town.Seq]string, count int) {
	t.Helper()
	if len(acked) != count {
		t.Errorf("%s: %d places were given to %d events", l.ID, len(acked), count)
	}
	events, err := f.Events(ctx, l.ID, journal.EventFilter{Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		if e.Seq != town.Seq(i+1) {
			t.Fatalf("%s: place %d holds event %d", l.ID, i+1, e.Seq)
		}
		if id, ok := acked[e.Seq]; ok && id != e.ID {
			t.Errorf("%s: place %d was given to %s and holds %s", l.ID, e.Seq, id, e.ID)
		}
		delete(acked, e.Seq)
	}
	if len(acked) > 0 {
		t.Errorf("%s: lost: %v", l.ID, acked)
	}
	if s, err := journal.Recover(ctx, f, l.ID); err != nil || s.Digest() != l.State.Digest() {
		t.Errorf("%s: recover: %v", l.ID, err)
	}
}
