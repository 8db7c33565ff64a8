package journaltest

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// calls are all methods that are about a town.
func calls(j journal.Journal, id town.TownID) map[string]func(context.Context) error {
	tick := &town.Tick{No: 1, At: Birth, Actions: []town.Action{{Kind: town.StopAgent}}}
	return map[string]func(context.Context) error{
		"Append":       func(ctx context.Context) error { _, err := j.Append(ctx, id, []town.Event{rig(1)}); return err },
		"Pending":      func(ctx context.Context) error { _, err := j.Pending(ctx, id, 1); return err },
		"CommitTick":   func(ctx context.Context) error { return j.CommitTick(ctx, id, tick) },
		"SaveSnapshot": func(ctx context.Context) error { return j.SaveSnapshot(ctx, id, 0, []byte("x")) },
		"Snapshot":     func(ctx context.Context) error { _, _, err := j.Snapshot(ctx, id, journal.Newest); return err },
		"Ticks":        func(ctx context.Context) error { _, err := j.Ticks(ctx, id, journal.TickFilter{}); return err },
		"TickHeads":    func(ctx context.Context) error { _, err := j.TickHeads(ctx, id, journal.TickFilter{}); return err },
		"TicksAbout": func(ctx context.Context) error {
			_, err := j.TicksAbout(ctx, id, town.About{Kind: town.KindBead, ID: "gt-1a"}, 0, 1)
			return err
		},
		"Events":        func(ctx context.Context) error { _, err := j.Events(ctx, id, journal.EventFilter{}); return err },
		"EventByID":     func(ctx context.Context) error { _, err := j.EventByID(ctx, id, "event-1"); return err },
		"ArchivedBead":  func(ctx context.Context) error { _, err := j.ArchivedBead(ctx, id, "gt-1a"); return err },
		"ArchivedBeads": func(ctx context.Context) error { _, err := j.ArchivedBeads(ctx, id, journal.ArchivePage{}); return err },
		"Retain":        func(ctx context.Context) error { _, err := j.Retain(ctx, id, Birth); return err },
		"Oldest":        func(ctx context.Context) error { _, err := j.Oldest(ctx, id); return err },
		"Stats":         func(ctx context.Context) error { _, err := j.Stats(ctx, id); return err },
		"Recover":       func(ctx context.Context) error { _, err := journal.Recover(ctx, j, id); return err },
	}
}

// unknownTown shows that no method takes a town that is not there for an empty one.
func unknownTown(t *testing.T, f *fixture) {
	f.begin(t)
	f.append(t, rig(1))
	for name, call := range calls(f, "nowhere") {
		if err := call(ctx); err == nil {
			t.Errorf("%s: no error", name)
		} else {
			want(t, err, journal.ErrNotFound)
		}
	}
	want(t, f.CreateTown(ctx, "", "Nameless", 1, []byte("x")), journal.ErrInvalid)
}

// endedContext shows that a call whose context has ended before does nothing.
func endedContext(t *testing.T, f *fixture) {
	f.begin(t)
	before, err := f.Stats(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	// More than once: what leaves it to chance must not pass by chance.
	for range 20 {
		for name, call := range calls(f, id) {
			if err := call(ended); err == nil {
				t.Errorf("%s: no error", name)
			} else {
				want(t, err, context.Canceled)
			}
		}
		want(t, f.CreateTown(ended, "another", "", 1, []byte("x")), context.Canceled)
	}
	f.reopen(t)
	after, err := f.Stats(ctx, id)
	before.StoreBytes, after.StoreBytes = 0, 0 // opening may tidy the store up
	if err != nil || after != before {
		t.Errorf("stats %+v, %v; were %+v", after, err, before)
	}
	if towns, err := f.Towns(ctx); err != nil || len(towns) != 1 {
		t.Errorf("%d towns, %v", len(towns), err)
	}
}

// closed shows that closing twice is fine, and that neither a closed journal nor a call that was over
// before it began does anything.
func closed(t *testing.T, f *fixture) {
	f.begin(t)
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Errorf("close twice: %v", err)
	}
	_, err := f.Append(ctx, id, []town.Event{rig(1)})
	want(t, err, journal.ErrClosed)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	g := &fixture{open: f.open, place: f.place}
	g.start(t)
	defer func() { _ = g.Close() }()
	_, err = g.Append(gone, id, []town.Event{rig(1)})
	want(t, err, context.Canceled)
	if pending, err := g.Pending(ctx, id, 1); err != nil || len(pending) != 0 {
		t.Errorf("a call that was over before it began did something: %v, %v", pending, err)
	}
}

// closedForAll shows that every method of a closed journal says so.
func closedForAll(t *testing.T, f *fixture) {
	f.begin(t)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for name, call := range calls(f, id) {
		if err := call(ctx); err == nil {
			t.Errorf("%s: no error", name)
		} else {
			want(t, err, journal.ErrClosed)
		}
	}
	_, err := f.Towns(ctx)
	want(t, err, journal.ErrClosed)
	want(t, f.CreateTown(ctx, "another", "", 1, []byte("x")), journal.ErrClosed)
}

// everyEventType stores an event of every type, with every field of the payload set.
func everyEventType(t *testing.T, f *fixture) {
	f.begin(t)
	var sent []town.Event
	for i, spec := range town.EventSpecs() {
		p := spec.New()
		fill(reflect.ValueOf(p).Elem())
		sent = append(sent, town.Event{Seq: 77, ID: string(spec.Type), Type: spec.Type, Agent: "toast", Run: town.Run(i), Bead: "gt-1a",
			By: "é\"'\x00;--", Created: Birth, Payload: p})
	}
	f.append(t, sent...)
	f.reopen(t)
	for i := range sent {
		sent[i].Seq = town.Seq(i + 1) // the journal numbers, nobody else
	}
	got, err := f.Pending(ctx, id, 0)
	if diff := cmp.Diff(sent, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("%v, -sent +kept:\n%s", err, diff)
	}
}

// fill sets every exported field at any depth to something that is neither zero nor simple.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("tëxt \"quoted\" \x00 <&> \u2028 \n" + v.Type().Name())
	case reflect.Int, reflect.Int64:
		v.SetInt(7000)
	case reflect.Float64:
		v.SetFloat(0.1)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Map:
		k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(k)
		fill(e)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(k, e)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	default:
		panic("fill does not know " + v.Type().String())
	}
}
