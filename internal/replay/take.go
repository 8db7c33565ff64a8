package replay

import (
	"bytes"
	"context"
	"fmt"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// maxBundleTicks bounds a bundle: it is put together in memory.
const maxBundleTicks = 100_000

// Take makes a bundle of a part of a history, without prompts, secrets and other texts. It replays the part
// twice side by side, as it was and without the texts; what the second town records is what the bundle has. So
// nothing of a text can get into it, whatever became of it on the way. Key makes the placeholders of this
// bundle; it must be random, and is not kept.
func Take(ctx context.Context, j journal.Reader, id town.TownID, r Range, key []byte, version string) (*Bundle, error) {
	p, err := plan(ctx, j, id, r)
	if err != nil {
		return nil, err
	}
	if p.last < p.first {
		return nil, &RangeError{r.begin(), "nothing happened in this part: there is no tick in it"}
	}
	if p.last-p.first >= maxBundleTicks {
		return nil, &RangeError{r.begin(), fmt.Sprintf("the part has %d ticks, a bundle at most %d: ask for a smaller one", p.last-p.first+1, maxBundleTicks)}
	}
	real, err := journal.RecoverAt(ctx, j, id, p.first-1)
	if err != nil {
		return nil, fmt.Errorf("cannot rebuild %s before tick %d: %w", id, p.first, err)
	}
	t := taking{r: newRedactor(key)}
	if t.s, err = t.r.town(real); err != nil {
		return nil, err
	}
	t.b = NewBundle(t.s, version)
	t.b.Manifest.Removed = true
	_, err = Run(ctx, j, id, Query{Range: Range{FromTick: p.first, ToTick: p.last}}, t.tick)
	return t.b, err
}

// taking is a bundle that is being made, with the town without texts.
type taking struct {
	r *redactor
	s *town.State
	b *Bundle
}

func (t *taking) tick(x *Tick, real *town.State) error {
	events := make([]town.Event, len(x.Events))
	for i := range x.Events {
		e, err := t.r.event(&x.Events[i])
		if err != nil {
			return fmt.Errorf("cannot take the texts out of event %d: %w", x.Events[i].Seq, err)
		}
		events[i] = e
	}
	rec := t.s.Step(town.Input{Now: x.Recorded.At, Events: events})
	t.r.learn(real, t.s, rec)
	if !alike(rec, x.Recomputed) {
		t.b.Manifest.Altered = append(t.b.Manifest.Altered, rec.No)
	}
	if !x.Agree {
		var err error
		if rec, err = t.r.record(x.Recorded); err != nil {
			return err
		}
	}
	t.b.Add(rec, events)
	return nil
}

// alike reports whether two ticks decided the same, whatever the texts in them are.
func alike(a, b *town.Tick) bool {
	return bytes.Equal(decisions(a), decisions(b))
}

func decisions(t *town.Tick) []byte {
	c := town.Tick{No: t.No, At: t.At, RuleSet: t.RuleSet}
	for _, o := range t.Events {
		o.Reason = ""
		c.Events = append(c.Events, o)
	}
	for _, a := range t.Actions {
		a.Reason, a.Title, a.Category, a.Cause = "", "", "", ""
		c.Actions = append(c.Actions, a)
	}
	for _, x := range t.Changes {
		x.Data = nil
		c.Changes = append(c.Changes, x)
	}
	for _, v := range t.Violations {
		v.Message = ""
		c.Violations = append(c.Violations, v)
	}
	return c.Encode()
}
