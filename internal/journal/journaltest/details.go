package journaltest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// oneAtATime opens a place that is in use.
func oneAtATime(t *testing.T, f *fixture) {
	f.begin(t)
	for range 3 {
		if j, err := f.open(f.place); err == nil {
			_ = j.Close()
			t.Fatal("the place was opened twice")
		} else {
			want(t, err, journal.ErrInUse)
		}
		f.append(t) // the first one goes on
		f.reopen(t)
	}
}

// emptySnapshots shows that what nothing can be restored from is refused.
func emptySnapshots(t *testing.T, f *fixture) {
	want(t, f.CreateTown(ctx, id, "Main", 1000, nil), journal.ErrInvalid)
	if towns, err := f.Towns(ctx); err != nil || len(towns) != 0 {
		t.Errorf("%d towns, %v", len(towns), err)
	}
	f.begin(t)
	want(t, f.SaveSnapshot(ctx, id, 0, []byte{}), journal.ErrInvalid)
	if _, data, err := f.Snapshot(ctx, id, journal.Newest); err != nil || len(data) == 0 {
		t.Errorf("the snapshot has %d bytes, %v", len(data), err)
	}
}

// answersAreCopies changes what was handed in, and what was answered: neither may change what is stored.
func answersAreCopies(t *testing.T, f *fixture) {
	s := f.begin(t)
	create := &town.BeadCreated{Beads: []town.NewBead{{Title: "One", Labels: []string{"a"}}}}
	f.append(t, rig(1), event(2, create))
	tk := f.tick(t, s, 2000)
	state := s.Snapshot()
	if err := f.SaveSnapshot(ctx, id, 1, state); err != nil {
		t.Fatal(err)
	}
	record := string(tk.Encode())
	create.Beads[0].Labels[0] = "changed"
	spoil(tk)
	clear(state)
	for range 2 {
		ticks, err := f.Ticks(ctx, id, journal.TickFilter{Taken: true})
		if err != nil || string(ticks[0].Encode()) != record {
			t.Fatalf("the tick is not what was stored (%v)", err)
		}
		rec, err := f.EventByID(ctx, id, "event-2")
		if err != nil || rec.Processed.Outcome.Verdict != town.Applied {
			t.Fatalf("the event is %+v, %v", rec, err)
		}
		_, data, err := f.Snapshot(ctx, id, journal.Newest)
		if err != nil || string(data) != string(s.Snapshot()) {
			t.Fatalf("the snapshot is not what was saved (%v)", err)
		}
		for _, p := range []town.Payload{rec.Payload, ticks[0].Taken[1].Payload} {
			labels := p.(*town.BeadCreated).Beads[0].Labels
			if labels[0] != "a" {
				t.Fatalf("the event has the labels %v", labels)
			}
			labels[0] = "changed"
		}
		rec.Processed.Outcome.Verdict = town.Rejected
		spoil(ticks[0])
		clear(data)
	}
}

// spoil changes all of a tick's record that one may hold by accident.
func spoil(t *town.Tick) {
	for i := range t.Changes {
		clear(t.Changes[i].Data)
	}
	for i := range t.Events {
		t.Events[i].Verdict = town.Rejected
	}
	clear(t.Changes)
	clear(t.Actions)
}

// eventsOfATick takes events in another order than they came, some of them, and one twice.
func eventsOfATick(t *testing.T, f *fixture) {
	f.begin(t)
	f.append(t, rig(1), rig(2), rig(3), rig(4))
	twice := &town.Tick{No: 1, At: 2000, Events: []town.EventOutcome{{Seq: 2}, {Seq: 4}, {Seq: 2}}}
	want(t, f.CommitTick(ctx, id, twice), journal.ErrConflict)
	if pending, err := f.Pending(ctx, id, 0); err != nil || len(pending) != 4 {
		t.Fatalf("%d pending after a refusal, %v", len(pending), err)
	}
	both := &town.Tick{No: 1, At: 2000, Events: []town.EventOutcome{{Seq: 4}, {Seq: 2}}}
	if err := f.CommitTick(ctx, id, both); err != nil {
		t.Fatal(err)
	}
	f.reopen(t)
	pending, err := f.Pending(ctx, id, 0)
	if err != nil || len(pending) != 2 || pending[0].Seq != 1 || pending[1].Seq != 3 {
		t.Errorf("pending %+v, %v", pending, err)
	}
	ticks, err := f.Ticks(ctx, id, journal.TickFilter{Taken: true})
	if err != nil || len(ticks) != 1 {
		t.Fatalf("%d ticks, %v", len(ticks), err)
	}
	if e := ticks[0].Events; e[0].Seq != 4 || e[1].Seq != 2 {
		t.Errorf("the record has the events %+v, want them in its own order", e)
	}
	if e := ticks[0].Taken; len(e) != 2 || e[0].Seq != 2 || e[1].Seq != 4 {
		t.Errorf("it comes with %+v, want the order of places", e)
	}
}

// afterRetention shows what is forgotten with what was removed, and what is not.
func afterRetention(t *testing.T, f *fixture) {
	s := f.begin(t)
	for n := 1; n <= 4; n++ {
		f.append(t, rig(n))
		f.tick(t, s, town.Time(2000+n))
		if err := f.SaveSnapshot(ctx, id, s.Tick(), s.Snapshot()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Retain(ctx, id, 2004); err != nil {
		t.Fatal(err)
	}
	f.reopen(t)
	// Event 1 is unheard of, and gets a place of its own; event 4 is known.
	r := f.append(t, rig(1), rig(4))
	if r[0].Duplicate || r[0].Seq != 5 || !r[1].Duplicate || r[1].Seq != 4 || r[1].Tick != 4 {
		t.Errorf("receipts %+v", r)
	}
	// The tick of the oldest snapshot is gone, and yet that snapshot can be saved again: it knows its time.
	at3, err := journal.RecoverAt(ctx, f, id, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.SaveSnapshot(ctx, id, 3, at3.Snapshot()); err != nil {
		t.Errorf("saving the oldest snapshot again: %v", err)
	}
	want(t, f.SaveSnapshot(ctx, id, 2, at3.Snapshot()), journal.ErrConflict)
	if oldest, err := f.Oldest(ctx, id); err != nil || oldest != (journal.Moment{Tick: 3, At: 2003}) {
		t.Errorf("the oldest moment is %+v, %v", oldest, err)
	}
	for _, before := range []town.Time{0, -5, 2003} { // no snapshot is older
		if again, err := f.Retain(ctx, id, before); err != nil || again != (journal.Removed{}) {
			t.Errorf("retention before %d removed %+v, %v", before, again, err)
		}
	}
}

// archiveOfAMoment archives beads that were closed at the same time: pages must neither lose nor repeat one.
func archiveOfAMoment(t *testing.T, f *fixture) {
	s := f.begin(t)
	const count = 7
	create := &town.BeadCreated{Beads: slices.Repeat([]town.NewBead{{Title: "One"}}, count)}
	f.append(t, rig(1), event(2, create))
	made := f.tick(t, s, 2000).Events[1].Made
	for i, m := range made {
		e := event(3+i, &town.BeadCancelled{})
		e.Bead = town.BeadID(m)
		f.append(t, e)
	}
	f.tick(t, s, 3000)
	f.tick(t, s, town.Time(4000).Add(168*town.Hour))
	slices.Sort(made)
	slices.Reverse(made)
	for _, limit := range []int{0, 1, 3} {
		var got []string
		page := journal.ArchivePage{Limit: limit}
		for {
			list, err := f.ArchivedBeads(ctx, id, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range list {
				got = append(got, string(b.ID))
			}
			if len(list) == 0 || limit == 0 {
				break
			}
			last := list[len(list)-1]
			page.AfterClosed, page.AfterID = last.Closed, last.ID
		}
		if diff := cmp.Diff(made, got); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", limit, diff)
		}
	}
}
