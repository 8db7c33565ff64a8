package town

import (
	"fmt"
	"maps"
	"slices"
)

// Rewritten returns a town of its own in which f has changed every entity: it gets a *Town, *Bead, *Agent and
// so on, a copy each, and must leave its name as it is. It is for taking out what others must not see.
func (s *State) Rewritten(f func(entity any)) (*State, error) {
	p := snapshot{Tick: s.tick, At: s.at}
	for _, r := range slices.SortedFunc(maps.Keys(s.hashes), compareRefs) {
		x := Change{Kind: r.Kind, ID: r.ID, Version: entityVersion, Data: encode(s.get(r))}
		e, err := decodeEntity(&x)
		if err != nil {
			return nil, fmt.Errorf("cannot rewrite %s %s: %w", r.Kind, r.ID, err)
		}
		f(e)
		x.Data = encode(e)
		p.Digest.add(hashEntity(r, x.Data))
		p.Entities = append(p.Entities, x)
	}
	out, err := Restore(append([]byte{snapshotFormat}, encode(&p)...))
	if err != nil {
		return nil, fmt.Errorf("cannot rewrite the town: %w", err)
	}
	return out, nil
}

// Rewrite changes the entity of a recorded change in the same way; one that is gone has none.
func (x *Change) Rewrite(f func(entity any)) error {
	if len(x.Data) == 0 {
		return nil
	}
	e, err := decodeEntity(x)
	if err != nil {
		return err
	}
	f(e)
	x.Data, x.Version = encode(e), entityVersion
	return nil
}
