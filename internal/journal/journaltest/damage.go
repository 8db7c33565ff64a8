package journaltest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// Damage appends a tick to a town's history that no rules would have made: in it, a text in the record of
// a bead, such as its status, is another one. The history is well formed and its digests are right, so
// that a server takes it, and has something to heal. It is for tests of what happens then.
func Damage(ctx context.Context, j journal.Journal, id town.TownID, bead town.BeadID, old, fresh string) error {
	ticks, err := j.Ticks(ctx, id, journal.TickFilter{Newest: true})
	if err != nil {
		return err
	}
	for _, t := range ticks {
		i := slices.IndexFunc(t.Changes, func(x town.Change) bool { return x.Kind == town.KindBead && x.ID == string(bead) })
		if i < 0 {
			continue
		}
		x := t.Changes[i]
		data := bytes.Replace(x.Data, coded(old), coded(fresh), 1)
		if bytes.Equal(data, x.Data) {
			return fmt.Errorf("the record of %s has no text %q", bead, old)
		}
		broken := &town.Tick{No: ticks[0].No + 1, At: ticks[0].At, RuleSet: ticks[0].RuleSet, Digest: ticks[0].Digest}
		replaceHash(&broken.Digest, hashOf(&x), false)
		x.Data = data
		replaceHash(&broken.Digest, hashOf(&x), true)
		broken.Changes = []town.Change{x}
		return j.CommitTick(ctx, id, broken)
	}
	return fmt.Errorf("no kept tick has changed %s", bead)
}

// coded is a text as records hold it.
func coded(s string) []byte { return append(binary.AppendUvarint(nil, uint64(len(s))), s...) }

// hashOf is an entity's part of the digest.
func hashOf(x *town.Change) town.Digest {
	return sha256.Sum256(append([]byte(string(x.Kind)+"\x00"+x.ID+"\x00"), x.Data...))
}

// replaceHash takes a part out of a digest, or puts it in.
func replaceHash(d *town.Digest, part town.Digest, in bool) {
	for i := 0; i < len(d); i += 8 {
		n := binary.LittleEndian.Uint64(part[i:])
		if !in {
			n = -n
		}
		binary.LittleEndian.PutUint64(d[i:], binary.LittleEndian.Uint64(d[i:])+n)
	}
}

// Wound is a record that is not as any rules would have made it.
type Wound struct {
	Kind town.Kind
	ID   string
	// From names whose newest record it is made of, if that is another of the kind.
	From string
	// Edit changes the entity: a *town.Bead, *town.Agent and so on. A record made of another's must be given its name.
	Edit func(entity any)
}

// Wreck appends a tick to a town's history in which records are as the wounds have them. Like Damage it leaves a history
// that is well formed.
func Wreck(ctx context.Context, j journal.Journal, id town.TownID, wounds ...Wound) error {
	ticks, err := j.Ticks(ctx, id, journal.TickFilter{Newest: true})
	if err != nil {
		return err
	}
	newest := func(kind town.Kind, id string) *town.Change {
		for _, t := range ticks {
			for i := range t.Changes {
				if x := &t.Changes[i]; x.Kind == kind && x.ID == id {
					return x
				}
			}
		}
		return nil
	}
	broken := &town.Tick{No: ticks[0].No + 1, At: ticks[0].At, RuleSet: ticks[0].RuleSet, Digest: ticks[0].Digest}
	for _, w := range wounds {
		was, from := newest(w.Kind, w.ID), w.From
		if from == "" {
			from = w.ID
		}
		base := newest(w.Kind, from)
		if base == nil || base.Gone {
			return fmt.Errorf("no kept tick has a record of the %s %s", w.Kind, from)
		}
		x := *base
		x.ID = w.ID
		if err := x.Rewrite(w.Edit); err != nil {
			return err
		}
		if was != nil && !was.Gone {
			replaceHash(&broken.Digest, hashOf(was), false)
		}
		replaceHash(&broken.Digest, hashOf(&x), true)
		broken.Changes = append(broken.Changes, x)
	}
	return j.CommitTick(ctx, id, broken)
}
