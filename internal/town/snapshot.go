package town

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// snapshotFormat is the first byte of an encoded snapshot.
const snapshotFormat = 2

// snapshot is a whole state as the journal keeps it.
type snapshot struct {
	Tick     TickNo
	At       Time
	Digest   Digest
	Entities []Change
}

func (p *snapshot) code(c *coder) {
	codeInt(c, &p.Tick)
	codeInt(c, &p.At)
	codeDigest(c, &p.Digest)
	codeSlice(c, &p.Entities, func(c *coder, x *Change) { x.code(c) })
}

// Snapshot writes the whole state, in a fixed order, so that equal states give equal bytes.
func (s *State) Snapshot() []byte {
	p := snapshot{Tick: s.tick, At: s.at, Digest: s.digest}
	p.Entities = make([]Change, 0, len(s.hashes))
	var c coder
	for _, r := range slices.SortedFunc(maps.Keys(s.hashes), compareRefs) {
		from := len(c.buf)
		s.get(r).code(&c)
		p.Entities = append(p.Entities, Change{Kind: r.Kind, ID: r.ID, Version: entityVersion, Data: c.buf[from:]})
	}
	room := make([]byte, 0, len(c.buf)+64*len(p.Entities)+128)
	return appendTo(append(room, snapshotFormat), &p)
}

// Restore reads what Snapshot wrote, in full or not at all. The state that it returns has
// everything on its agenda, and is checked against the digest. It does not keep data.
func Restore(data []byte) (*State, error) {
	if len(data) == 0 || data[0] != snapshotFormat {
		return nil, fmt.Errorf("cannot read snapshot: format is not %d", snapshotFormat)
	}
	var p snapshot
	if err := decode(data[1:], snapshotFormat, &p); err != nil {
		return nil, fmt.Errorf("cannot read snapshot: %w", err)
	}
	s := empty()
	s.tick, s.at = p.Tick, p.At
	newest := make(map[ref]absorbed, len(p.Entities))
	err := s.foresee(newest, p.Entities, p.Digest)
	if err == nil {
		err = s.absorb(newest)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read snapshot of tick %d: %w", p.Tick, err)
	}
	if s.town == nil || s.counters == nil {
		return nil, errors.New("cannot read snapshot: it has no town")
	}
	for _, b := range s.beads {
		s.sortOut(s.at, b)
	}
	return s, nil
}

// Absorb takes the changes of recorded ticks in, which must be the next ones: that is recovery. It
// needs no rule. On an error the state must not be used any more.
func (s *State) Absorb(ticks ...*Tick) error {
	newest := map[ref]absorbed{}
	for _, t := range ticks {
		if t.No != s.tick+1 {
			return fmt.Errorf("tick %d does not follow tick %d", t.No, s.tick)
		}
		if err := s.foresee(newest, t.Changes, t.Digest); err != nil {
			return fmt.Errorf("cannot take in tick %d: %w", t.No, err)
		}
		s.tick, s.at = t.No, t.At
	}
	if err := s.absorb(newest); err != nil {
		return fmt.Errorf("cannot take in the changes up to tick %d: %w", s.tick, err)
	}
	return nil
}

// absorbed is how an entity is recorded at last, and what that adds to the digest.
type absorbed struct {
	change *Change
	hash   Digest
}

// foresee brings the digest to what it is after the changes, and notes them. Of the many changes of an
// entity in many ticks each is checked, and only the last need be read.
func (s *State) foresee(newest map[ref]absorbed, changes []Change, want Digest) error {
	for i := range changes {
		x := &changes[i]
		r := ref{x.Kind, x.ID}
		h, err := x.hash(r)
		if err != nil {
			return err
		}
		before, known := newest[r]
		if !known {
			before.hash = s.hashes[r]
		}
		s.digest.sub(before.hash)
		s.digest.add(h)
		newest[r] = absorbed{x, h}
	}
	if s.digest != want {
		return fmt.Errorf("the state's digest is %s, recorded is %s", s.digest, want)
	}
	return nil
}

// hash is what the recorded entity adds to the digest; nothing if it is gone. What this version wrote is
// what it would write again: there is one encoding of an entity.
func (x *Change) hash(r ref) (Digest, error) {
	switch {
	case x.Gone:
		return Digest{}, nil
	case x.Version == entityVersion:
		return hashEntity(r, x.Data), nil
	}
	e, err := decodeEntity(x)
	if err != nil {
		return Digest{}, err
	}
	return hashEntity(r, encode(e)), nil
}

// absorb puts the entities in place as they are recorded at last. Everything will have to be looked at
// again, so what each change may concern need not be found out.
func (s *State) absorb(newest map[ref]absorbed) error {
	if !s.stale {
		s.stale = true
		for r := range s.hashes {
			s.agenda.mark(r)
		}
	}
	for _, r := range sortedRefs(newest) {
		if err := s.place(r, newest[r]); err != nil {
			return err
		}
	}
	return nil
}

func (s *State) place(r ref, x absorbed) error {
	old := s.get(r)
	if x.change.Gone {
		s.agenda.mark(r)
		delete(s.hashes, r)
		if old != nil {
			s.put(r, old, nil)
		}
		return nil
	}
	e, err := decodeEntity(x.change)
	if err != nil {
		return err
	}
	// From here on by the entity's own name, which does not keep the memory of a whole record alive.
	own := e.ref()
	if own != r {
		return fmt.Errorf("%s %s is recorded as %s %s", own.Kind, own.ID, r.Kind, r.ID)
	}
	s.agenda.mark(own)
	s.put(own, old, e)
	s.hashes[own] = x.hash
	return nil
}

// decodeEntity reads an entity of a change, whatever version wrote it.
func decodeEntity(x *Change) (entity, error) {
	var e entity
	switch x.Kind {
	case KindTown:
		e = new(Town)
	case KindCounters:
		e = new(Counters)
	case KindRig:
		e = new(Rig)
	case KindBead:
		e = new(Bead)
	case KindAgent:
		e = new(Agent)
	case KindDependency:
		e = new(Dependency)
	case KindBreaker:
		e = new(Breaker)
	case KindUsage:
		e = new(Usage)
	case KindNudge:
		e = new(Nudge)
	case KindViolationTotals:
		e = new(ViolationTotals)
	default:
		return nil, fmt.Errorf("unknown kind %q: written by a newer gastown?", x.Kind)
	}
	if x.Version > entityVersion {
		return nil, fmt.Errorf("%s %s has version %d, this gastown knows up to %d: use a newer one", x.Kind, x.ID, x.Version, entityVersion)
	}
	if err := decode(x.Data, x.Version, e); err != nil {
		return nil, fmt.Errorf("cannot read %s %s: %w", x.Kind, x.ID, err)
	}
	return e, nil
}

// Entity returns the entity as it stood after the tick: a *Bead, *Agent and so on. It returns nil
// for one that is gone without having been archived.
func (x *Change) Entity() (any, error) {
	if len(x.Data) == 0 {
		return nil, nil
	}
	return decodeEntity(x)
}
