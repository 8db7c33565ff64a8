package replay

import (
	"context"
	"fmt"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// Detail is one tick of a history, recorded and recomputed, with what it changed and how the town stood
// after it.
type Detail struct {
	Tick
	Changed []Changed
	// State is the town after the tick as it was recorded.
	State *town.State
}

// Changed is an entity that a tick has changed, with the fields that are different.
type Changed struct {
	Kind town.Kind
	ID   string
	Made bool // it was not there before
	Gone bool // it is not there any more
	// Fields are those that changed; none of what is gone.
	Fields []Field
}

// Field is one field before and after a tick; null where it was or is missing.
type Field struct {
	Path          string
	Before, After any
}

// DetailOf goes through one recorded tick again. It fails with journal.ErrNotFound if the tick is not
// recorded, or not any more. Its cost does not grow with the history.
func DetailOf(ctx context.Context, j journal.Reader, id town.TownID, no town.TickNo) (*Detail, error) {
	ticks, err := readTicks(ctx, j, id, no-1, no)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read tick %d of %s: %w", no, id, err)
	case no < 1 || len(ticks) == 0 || ticks[0].No != no:
		return nil, fmt.Errorf("tick %d of %s is not recorded, or not kept any more: %w", no, id, journal.ErrNotFound)
	}
	d := &Detail{Tick: Tick{Recorded: ticks[0]}}
	if d.State, err = journal.RecoverAt(ctx, j, id, no-1); err != nil {
		return nil, fmt.Errorf("cannot rebuild %s before tick %d: %w", id, no, err)
	}
	if d.Changed, err = changed(d.State, d.Recorded.Changes); err != nil {
		return nil, fmt.Errorf("tick %d of %s: %w", no, id, err)
	}
	var r run
	if d.Events, err = r.kept(d.Recorded); err != nil {
		return nil, err
	}
	d.Recomputed = d.State.Step(town.Input{Now: d.Recorded.At, Events: d.Events})
	d.Agree = r.agree(&d.Tick)
	if !d.Agree {
		// What came out is not what was: the state must be the recorded one.
		d.State, err = journal.RecoverAt(ctx, j, id, no)
	}
	return d, err
}

// changed compares entities as they stand before a tick with what is recorded of them after it.
func changed(before *town.State, changes []town.Change) ([]Changed, error) {
	var out []Changed
	for i := range changes {
		x := &changes[i]
		old := before.Entity(x.Kind, x.ID)
		c := Changed{Kind: x.Kind, ID: x.ID, Made: old == nil, Gone: x.Gone}
		if !x.Gone {
			now, err := x.Entity()
			if err != nil {
				return nil, fmt.Errorf("cannot read %s %s: %w", x.Kind, x.ID, err)
			}
			var d differ
			if err := d.fields(old, now); err != nil {
				return nil, err
			}
			for _, f := range d.found {
				c.Fields = append(c.Fields, Field{Path: f.Path, Before: f.Recorded, After: f.Recomputed})
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// fields compares two versions of an entity, of which the first may be missing.
func (d *differ) fields(old, now any) error {
	x, err := plain(old)
	if err != nil {
		return err
	}
	y, err := plain(now)
	if err != nil {
		return err
	}
	a, _ := x.(map[string]any)
	b, _ := y.(map[string]any)
	for _, key := range keys(a, b) {
		d.walk(key, a[key], b[key])
	}
	return nil
}
