// Package journaltest is the specification of a journal. An implementation passes Run, which is
// all that its own tests need beside what is special to it.
//
// It assumes that a journal can be opened again on the same place after Close: durability is shown
// by that, and by the implementation's own tests that kill processes. It also plays random calls on the
// implementation and on the journal in memory, which must answer alike: what one of them refuses, or lists
// in another order, the other must as well.
package journaltest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// Open opens the journal at a place, which is a new folder for each test; opening the same place
// again gets the same journal.
type Open func(place string) (journal.Journal, error)

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, *fixture){
		"towns":               towns,
		"places without gaps": places,
		"known ids":           knownIDs,
		"bad events":          badEvents,
		"ticks":               ticks,
		"conflicts":           conflicts,
		"event lists":         eventLists,
		"tick lists":          tickLists,
		"snapshots":           snapshots,
		"archive":             archive,
		"many at once":        manyAtOnce,
		"recover":             recoverRandom,
		"retention":           retention,
		"closed":              closed,
		"unknown town":        unknownTown,
		"ended context":       endedContext,
		"closed for all":      closedForAll,
		"every event type":    everyEventType,
		"lives recover":       lifeRecovers,
		"lives are listed":    lifeLists,
		"ticks by time":       lifeTicks,
		"lives at once":       livesAtOnce,
		"retained moments":    retentionKeepsMoments,
		"ticks with events":   takenEvents,
		"room for ticks":      roomForTicks,
		"ticks about":         aboutTicks,
		"ticks about lives":   aboutLives,
		"one at a time":       oneAtATime,
		"empty snapshots":     emptySnapshots,
		"answers are copies":  answersAreCopies,
		"events of a tick":    eventsOfATick,
		"after retention":     afterRetention,
		"archive of a moment": archiveOfAMoment,
		"random calls":        randomCalls,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fixture{open: open, place: t.TempDir()}
			f.start(t)
			t.Cleanup(func() { _ = f.Close() })
			test(t, f)
		})
	}
}

// fixture is a journal that can be opened again.
type fixture struct {
	journal.Journal
	open  Open
	place string
}

func (f *fixture) reopen(t testing.TB) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	f.start(t)
}

// start opens the journal.
func (f *fixture) start(t testing.TB) {
	t.Helper()
	j, err := f.open(f.place)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	f.Journal = j
}

const id = town.TownID("main")

var ctx = context.Background()

// begin makes the town and returns its state.
func (f *fixture) begin(t testing.TB) *town.State {
	t.Helper()
	s := town.New(id, "Main", "testtownaaaaaaaaaaaaaaaaaa", 1000)
	if err := f.CreateTown(ctx, id, "Main", 1000, s.Snapshot()); err != nil {
		t.Fatalf("create: %v", err)
	}
	return s
}

func event(n int, p town.Payload) town.Event {
	return town.Event{ID: fmt.Sprintf("event-%d", n), Type: p.Type(), By: "test", Created: town.Time(1000 + n), Payload: p}
}

func rig(n int) town.Event {
	return event(n, &town.RigAdded{Rig: town.RigID(fmt.Sprintf("rig%d", n)), URL: "/tmp/x", DefaultBranch: "main"})
}

// tick takes what is pending, steps and commits.
func (f *fixture) tick(t testing.TB, s *town.State, now town.Time) *town.Tick {
	t.Helper()
	pending, err := f.Pending(ctx, id, 100)
	if err != nil {
		t.Fatalf("pending: %v", err)
	}
	tk := s.Step(town.Input{Now: now, Events: pending})
	if !tk.Empty() {
		if err := f.CommitTick(ctx, id, tk); err != nil {
			t.Fatalf("commit: %v", err)
		}
	}
	return tk
}

func (f *fixture) append(t testing.TB, events ...town.Event) []journal.Receipt {
	t.Helper()
	r, err := f.Append(ctx, id, events)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return r
}

func want(t testing.TB, err, is error) {
	t.Helper()
	if !errors.Is(err, is) {
		t.Errorf("error %v, want %v", err, is)
	}
}

func towns(t *testing.T, f *fixture) {
	f.begin(t)
	want(t, f.CreateTown(ctx, id, "Again", 1, []byte("x")), journal.ErrTownExists)
	if err := f.CreateTown(ctx, "another", "Another", 7, town.New("another", "Another", "testtownaaaaaaaaaaaaaaaaaa", 7).Snapshot()); err != nil {
		t.Fatal(err)
	}
	f.reopen(t)
	got, err := f.Towns(ctx)
	if err != nil || len(got) != 2 || got[0].ID != "another" || got[1].ID != id || got[1].Name != "Main" || got[1].Created != 1000 {
		t.Errorf("towns %+v, %v", got, err)
	}
	for _, events := range [][]town.Event{{rig(1)}, nil} {
		_, err = f.Append(ctx, "nowhere", events)
		want(t, err, journal.ErrNotFound)
	}
	_, err = f.Ticks(ctx, "nowhere", journal.TickFilter{})
	want(t, err, journal.ErrNotFound)
}

func places(t *testing.T, f *fixture) {
	f.begin(t)
	if r := f.append(t); len(r) != 0 { // a trial, which takes no place
		t.Errorf("receipts of nothing: %+v", r)
	}
	for i, batch := range [][]town.Event{{rig(1), rig(2)}, {rig(3)}, {rig(4), rig(5), rig(6)}} {
		for j, r := range f.append(t, batch...) {
			if wantSeq := town.Seq([]int{1, 3, 4}[i] + j); r.Seq != wantSeq || r.Duplicate {
				t.Errorf("batch %d event %d: %+v, want place %d", i, j, r, wantSeq)
			}
		}
	}
	f.reopen(t)
	pending, err := f.Pending(ctx, id, 4)
	if err != nil || len(pending) != 4 {
		t.Fatalf("%d pending, %v", len(pending), err)
	}
	sent := rig(1)
	sent.Seq = 1
	if diff := cmp.Diff(sent, pending[0]); diff != "" {
		t.Errorf("the event is not what was sent (-sent +kept):\n%s", diff)
	}
}

func knownIDs(t *testing.T, f *fixture) {
	s := f.begin(t)
	f.append(t, rig(1))
	r := f.append(t, rig(1), rig(2), rig(2))
	if !r[0].Duplicate || r[0].Seq != 1 || r[0].Outcome != nil || r[1].Duplicate || r[1].Seq != 2 || !r[2].Duplicate || r[2].Seq != 2 {
		t.Errorf("receipts %+v", r)
	}
	tk := f.tick(t, s, 2000)
	f.reopen(t)
	r = f.append(t, rig(1))
	if !r[0].Duplicate || r[0].Tick != tk.No || r[0].Outcome == nil || cmp.Diff(*r[0].Outcome, tk.Events[0]) != "" {
		t.Errorf("receipt %+v, want the outcome %+v", r[0], tk.Events[0])
	}
	if pending, err := f.Pending(ctx, id, 10); err != nil || len(pending) != 0 {
		t.Errorf("pending %v, %v", pending, err)
	}
}

func badEvents(t *testing.T, f *fixture) {
	f.begin(t)
	none, other := rig(2), rig(3)
	none.ID = ""
	other.Type = "town_paused"
	for _, bad := range []town.Event{none, other, {ID: "x", Type: "rig_added"}} {
		_, err := f.Append(ctx, id, []town.Event{rig(1), bad})
		want(t, err, journal.ErrInvalid)
	}
	if pending, err := f.Pending(ctx, id, 10); err != nil || len(pending) != 0 {
		t.Errorf("half of a refused batch is there: %v, %v", pending, err)
	}
}

func ticks(t *testing.T, f *fixture) {
	s := f.begin(t)
	f.append(t, rig(1), event(2, &town.TownResumed{}), event(3, &town.RigRemoved{Rig: "none"}))
	tk := f.tick(t, s, 2000)
	f.reopen(t)
	got, err := f.Ticks(ctx, id, journal.TickFilter{})
	if err != nil || len(got) != 1 {
		t.Fatalf("%d ticks, %v", len(got), err)
	}
	if string(got[0].Encode()) != string(tk.Encode()) {
		t.Errorf("the tick is not what was committed")
	}
	for i, verdict := range []town.Verdict{town.Applied, town.Ignored, town.Rejected} {
		rec, err := f.EventByID(ctx, id, fmt.Sprintf("event-%d", i+1))
		if err != nil || rec.Processed.Tick != 1 || rec.Processed.At != 2000 || rec.Processed.Outcome == nil || rec.Processed.Outcome.Verdict != verdict {
			t.Errorf("event %d: %+v, %v; want %s", i+1, rec.Processed, err, verdict)
		}
	}
	_, err = f.EventByID(ctx, id, "unheard of")
	want(t, err, journal.ErrNotFound)
}

func conflicts(t *testing.T, f *fixture) {
	s := f.begin(t)
	f.append(t, rig(1))
	first := f.tick(t, s, 2000)
	want(t, f.CommitTick(ctx, id, first), journal.ErrConflict)
	want(t, f.CommitTick(ctx, id, &town.Tick{No: 2, At: 3000}), journal.ErrInvalid)
	action := town.Action{Kind: town.TransitionBead}
	for name, bad := range map[string]*town.Tick{
		"a gap":           {No: 3, At: 3000, Actions: []town.Action{action}},
		"back in time":    {No: 2, At: 1999, Actions: []town.Action{action}},
		"no such event":   {No: 2, At: 3000, Events: []town.EventOutcome{{Seq: 9}}},
		"an event, again": {No: 2, At: 3000, Events: []town.EventOutcome{{Seq: 1}}},
	} {
		if err := f.CommitTick(ctx, id, bad); !errors.Is(err, journal.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := f.Ticks(ctx, id, journal.TickFilter{}); err != nil || len(got) != 1 {
		t.Errorf("%d ticks after refusals, %v", len(got), err)
	}
	f.append(t, rig(2))
	f.tick(t, s, 3000) // history goes on
}

func eventLists(t *testing.T, f *fixture) {
	s := f.begin(t)
	for n := 1; n <= 5; n++ {
		f.append(t, rig(n))
	}
	f.tick(t, s, 2000)
	e := event(6, &town.BeadHeld{})
	e.Bead, e.Agent = "gt-1a", "toast"
	f.append(t, e)
	for name, c := range map[string]struct {
		f    journal.EventFilter
		want []town.Seq
	}{
		"all":      {journal.EventFilter{}, []town.Seq{1, 2, 3, 4, 5, 6}},
		"a page":   {journal.EventFilter{After: 2, Limit: 2}, []town.Seq{3, 4}},
		"newest":   {journal.EventFilter{Newest: true, Before: 6, Limit: 2}, []town.Seq{5, 4}},
		"times":    {journal.EventFilter{From: 1002, To: 1004}, []town.Seq{2, 3}},
		"type":     {journal.EventFilter{Types: []town.EventType{"bead_held", "nothing"}}, []town.Seq{6}},
		"bead":     {journal.EventFilter{Bead: "gt-1a"}, []town.Seq{6}},
		"agent":    {journal.EventFilter{Agent: "toast"}, []town.Seq{6}},
		"by tick":  {journal.EventFilter{FromTick: 1, ToTick: 1, After: 3}, []town.Seq{4, 5}},
		"no match": {journal.EventFilter{Agent: "nux"}, nil},
	} {
		got, err := f.Events(ctx, id, c.f)
		var seqs []town.Seq
		for _, r := range got {
			seqs = append(seqs, r.Seq)
		}
		if diff := cmp.Diff(c.want, seqs); err != nil || diff != "" {
			t.Errorf("%s: %v, -want +got:\n%s", name, err, diff)
		}
	}
}

func tickLists(t *testing.T, f *fixture) {
	s := f.begin(t)
	for n := 1; n <= 5; n++ {
		f.append(t, rig(n))
		f.tick(t, s, town.Time(2000+10*n))
	}
	for name, c := range map[string]struct {
		f    journal.TickFilter
		want []town.TickNo
	}{
		"all":     {journal.TickFilter{}, []town.TickNo{1, 2, 3, 4, 5}},
		"a page":  {journal.TickFilter{After: 1, Limit: 2}, []town.TickNo{2, 3}},
		"between": {journal.TickFilter{After: 1, Before: 4}, []town.TickNo{2, 3}},
		"newest":  {journal.TickFilter{Newest: true, Limit: 2}, []town.TickNo{5, 4}},
		"times":   {journal.TickFilter{From: 2020, To: 2040}, []town.TickNo{2, 3}},
	} {
		full, err := f.Ticks(ctx, id, c.f)
		heads, err2 := f.TickHeads(ctx, id, c.f)
		var nos, headNos []town.TickNo
		for _, tk := range full {
			nos = append(nos, tk.No)
		}
		for i, h := range heads {
			headNos = append(headNos, h.No)
			if h.Digest != full[i].Digest || h.At != full[i].At || h.Events != 1 || h.Changes != len(full[i].Changes) {
				t.Errorf("%s: head %+v of tick %+v", name, h, full[i])
			}
		}
		if err := errors.Join(err, err2); err != nil || cmp.Diff(c.want, nos) != "" || cmp.Diff(c.want, headNos) != "" {
			t.Errorf("%s: %v %v, want %v (%v)", name, nos, headNos, c.want, err)
		}
	}
}

func snapshots(t *testing.T, f *fixture) {
	s := f.begin(t)
	want(t, f.SaveSnapshot(ctx, id, 1, []byte("x")), journal.ErrConflict)
	for n := 1; n <= 4; n++ {
		f.append(t, rig(n))
		f.tick(t, s, town.Time(2000+n))
		if n%2 == 0 {
			if err := f.SaveSnapshot(ctx, id, s.Tick(), s.Snapshot()); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.reopen(t)
	if oldest, err := f.Oldest(ctx, id); err != nil || oldest != (journal.Moment{At: 1000}) {
		t.Errorf("the oldest moment is %+v, %v", oldest, err)
	}
	for upTo, tick := range map[town.TickNo]town.TickNo{0: 0, 1: 0, 2: 2, 3: 2, 4: 4, journal.Newest: 4} {
		info, data, err := f.Snapshot(ctx, id, upTo)
		if err != nil || info.Tick != tick || info.Size != len(data) {
			t.Errorf("up to %d: %+v, %v", upTo, info, err)
		}
		got, err := journal.RecoverAt(ctx, f, id, min(upTo, 4))
		if err != nil || got.Tick() != min(upTo, 4) {
			t.Errorf("recover at %d: %v", upTo, err)
		}
	}
	_, err := journal.RecoverAt(ctx, f, id, 9)
	want(t, err, journal.ErrNotFound)
	_, _, err = f.Snapshot(ctx, "nowhere", journal.Newest)
	want(t, err, journal.ErrNotFound)
}

func archive(t *testing.T, f *fixture) {
	s := f.begin(t)
	f.append(t, rig(1), event(2, &town.BeadCreated{Beads: []town.NewBead{{Title: "One"}, {Title: "Two"}}}))
	made := f.tick(t, s, 2000).Events[1].Made
	for i, m := range made {
		e := event(3+i, &town.BeadCancelled{})
		e.Bead = town.BeadID(m)
		f.append(t, e)
		f.tick(t, s, town.Time(3000+i))
	}
	_, err := f.ArchivedBead(ctx, id, town.BeadID(made[0]))
	want(t, err, journal.ErrNotFound)
	f.tick(t, s, town.Time(4000).Add(168*town.Hour))
	f.reopen(t)
	b, err := f.ArchivedBead(ctx, id, town.BeadID(made[0]))
	if err != nil || b.Title != "One" || b.Status != town.Closed {
		t.Fatalf("%+v, %v", b, err)
	}
	var titles []string
	page := journal.ArchivePage{Limit: 1}
	for {
		list, err := f.ArchivedBeads(ctx, id, page)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		titles = append(titles, list[0].Title)
		page.AfterClosed, page.AfterID = list[0].Closed, list[0].ID
	}
	if diff := cmp.Diff([]string{"Two", "One"}, titles); diff != "" {
		t.Errorf("the archive's pages (-want +got):\n%s", diff)
	}
	if got, err := journal.Recover(ctx, f, id); err != nil || got.Digest() != s.Digest() {
		t.Errorf("recover after archiving: %v", err)
	}
}

func manyAtOnce(t *testing.T, f *fixture) {
	const towns, writers, each = 4, 32, 20
	for i := range towns {
		name := town.TownID(fmt.Sprintf("town-%d", i))
		if err := f.CreateTown(ctx, name, "", 1, town.New(name, "", "testtownaaaaaaaaaaaaaaaaaa", 1).Snapshot()); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := range each {
				e := rig(w*each + n)
				r, err := f.Append(ctx, town.TownID(fmt.Sprintf("town-%d", w%towns)), []town.Event{e})
				if err != nil || r[0].Duplicate {
					t.Errorf("append: %+v, %v", r, err)
				}
			}
		})
	}
	all.Wait()
	f.reopen(t)
	for i := range towns {
		got, err := f.Pending(ctx, town.TownID(fmt.Sprintf("town-%d", i)), 10000)
		if err != nil || len(got) != writers/towns*each {
			t.Fatalf("town %d: %d events, %v", i, len(got), err)
		}
		for k, e := range got {
			if e.Seq != town.Seq(k+1) {
				t.Fatalf("town %d: place %d holds event %d", i, k+1, e.Seq)
			}
		}
	}
}

// recoverRandom compares the state that lives with the one that the journal gives back.
func recoverRandom(t *testing.T, f *fixture) {
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		name := town.TownID(fmt.Sprintf("town-%d", n))
		s := town.New(name, "", "testtownaaaaaaaaaaaaaaaaaa", 1000)
		if err := f.CreateTown(ctx, name, "", 1000, s.Snapshot()); err != nil {
			t.Fatal(err)
		}
		now := town.Time(1000)
		for k := range rapid.IntRange(1, 12).Draw(t, "ticks") {
			now = now.Add(town.Duration(rapid.IntRange(0, 100_000).Draw(t, "later")))
			p := rapid.SampledFrom([]town.Payload{
				&town.RigAdded{Rig: "web", URL: "/x", DefaultBranch: "main"}, &town.TownPaused{}, &town.TownResumed{},
				&town.BeadCreated{Beads: []town.NewBead{{Title: "A", Key: "a"}, {Title: "B", DependsOn: []string{"a"}}}},
				&town.TownConfigured{Settings: town.Settings{Agents: map[town.Role]town.AgentCommand{town.Polecat: {Preset: "script"}}}},
			}).Draw(t, "event")
			if _, err := f.Append(ctx, name, []town.Event{event(k, p)}); err != nil {
				t.Fatal(err)
			}
			pending, err := f.Pending(ctx, name, 10)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.CommitTick(ctx, name, s.Step(town.Input{Now: now, Events: pending})); err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "snapshot") {
				if err := f.SaveSnapshot(ctx, name, s.Tick(), s.Snapshot()); err != nil {
					t.Fatal(err)
				}
			}
		}
		got, err := journal.Recover(ctx, f, name)
		if err != nil || string(got.Snapshot()) != string(s.Snapshot()) {
			t.Fatalf("what is recovered is not what was (%v)", err)
		}
	})
}

func retention(t *testing.T, f *fixture) {
	s := f.begin(t)
	for n := 1; n <= 9; n++ {
		f.append(t, rig(n))
		f.tick(t, s, town.Time(2000+10*n))
		if n%3 == 0 {
			if err := f.SaveSnapshot(ctx, id, s.Tick(), s.Snapshot()); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.append(t, rig(10)) // pending, and older than what is removed
	// Tick 7 was at 2070: the snapshot of tick 6 is the newest before it.
	removed, err := f.Retain(ctx, id, 2070)
	if err != nil || removed.Ticks != 6 || removed.Events != 6 || removed.Snapshots != 2 {
		t.Errorf("removed %+v, %v", removed, err)
	}
	for at := town.TickNo(6); at <= 9; at++ {
		if got, err := journal.RecoverAt(ctx, f, id, at); err != nil || got.Tick() != at {
			t.Errorf("tick %d: %v", at, err)
		}
	}
	_, err = journal.RecoverAt(ctx, f, id, 5)
	want(t, err, journal.ErrNotFound)
	st, err := f.Stats(ctx, id)
	if err != nil || st.Pending != 1 || st.Events != 4 || st.Ticks != 3 || st.Snapshots != 2 || st.OldestTick != 6 || st.OldestAt != 2060 {
		t.Errorf("stats %+v, %v", st, err)
	}
	if oldest, err := f.Oldest(ctx, id); err != nil || oldest != (journal.Moment{Tick: 6, At: 2060}) {
		t.Errorf("the oldest moment is %+v, %v", oldest, err)
	}
	if again, err := f.Retain(ctx, id, 2070); err != nil || again != (journal.Removed{}) {
		t.Errorf("a second time: %+v, %v", again, err)
	}
}
