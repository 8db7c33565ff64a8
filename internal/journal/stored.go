package journal

import (
	"fmt"

	"gastown/internal/town"
)

// PayloadOf encodes an event's payload as every implementation stores it. What could not be read back is
// refused with ErrInvalid: an event that cannot be read would block all that come after it.
func PayloadOf(e *town.Event) ([]byte, error) {
	switch {
	case e.ID == "":
		return nil, fmt.Errorf("it has no id: %w", ErrInvalid)
	case e.Payload == nil:
		return nil, fmt.Errorf("%s has no payload: %w", e.ID, ErrInvalid)
	case e.Payload.Type() != e.Type:
		return nil, fmt.Errorf("%s is of type %q and has the payload of %q: %w", e.ID, e.Type, e.Payload.Type(), ErrInvalid)
	}
	data, err := town.EncodePayload(e.Payload)
	if err == nil {
		_, err = town.DecodePayload(e.Type, data)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", e.ID, ErrInvalid, err)
	}
	return data, nil
}

// Aside is what of a tick's changes is stored in a place of its own besides the record.
type Aside struct {
	Name     *string // the town's, if the tick changed the town
	Archived []Archived
}

// Archived is a bead that left the town, and the change that says so.
type Archived struct {
	Bead   *town.Bead
	Change *town.Change
}

// AsideOf finds the town's new name and the beads that left for the archive. Anything else that is marked
// as archived is ErrInvalid.
func AsideOf(t *town.Tick) (Aside, error) {
	var out Aside
	for i := range t.Changes {
		x := &t.Changes[i]
		if !x.Archived && (x.Kind != town.KindTown || x.Gone) {
			continue
		}
		e, err := x.Entity()
		if err != nil {
			return Aside{}, err
		}
		switch e := e.(type) {
		case *town.Town:
			out.Name = &e.Name
		case *town.Bead:
			out.Archived = append(out.Archived, Archived{e, x})
		default:
			return Aside{}, fmt.Errorf("%s %s cannot be archived: %w", x.Kind, x.ID, ErrInvalid)
		}
	}
	return out, nil
}

// BeadOf reads a bead back that AsideOf found, from the version and data of its change.
func BeadOf(id town.BeadID, version int, data []byte) (*town.Bead, error) {
	x := town.Change{Kind: town.KindBead, ID: string(id), Version: version, Data: data}
	e, err := x.Entity()
	if err != nil {
		return nil, fmt.Errorf("bead %s: %w: %w", id, ErrDamaged, err)
	}
	b, ok := e.(*town.Bead)
	if !ok {
		return nil, fmt.Errorf("bead %s is empty: %w", id, ErrDamaged)
	}
	return b, nil
}
