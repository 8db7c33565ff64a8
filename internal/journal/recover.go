package journal

import (
	"context"
	"fmt"

	"gastown/internal/town"
)

// recoverBatch is how many ticks are read at once, and recoverRoom how many events, actions and changes
// in them: enough to make the reading cheap, and few enough that they take little memory.
const (
	recoverBatch = 256
	recoverRoom  = 16384
)

// Recover brings a town's newest state back: the newest snapshot and the changes of the ticks
// after it. No rule runs, so no version of the rules can change what happened. Every tick is
// checked against its recorded digest.
func Recover(ctx context.Context, j Reader, id town.TownID) (*town.State, error) {
	s, err := restore(ctx, j, id, Newest)
	if err != nil {
		return nil, err
	}
	if err := absorb(ctx, j, id, s, Newest); err != nil {
		return nil, err
	}
	return s, nil
}

// RecoverAt brings the state after a recorded tick back; zero is the state before the first one.
// It fails with ErrNotFound if the tick is not recorded (any more).
func RecoverAt(ctx context.Context, j Reader, id town.TownID, tick town.TickNo) (*town.State, error) {
	s, err := restore(ctx, j, id, tick)
	if err != nil {
		return nil, err
	}
	if err := absorb(ctx, j, id, s, tick); err != nil {
		return nil, err
	}
	if s.Tick() != tick {
		return nil, fmt.Errorf("cannot recover town %s at tick %d: its newest tick is %d: %w", id, tick, s.Tick(), ErrNotFound)
	}
	return s, nil
}

// restore reads the newest snapshot at or before a tick.
func restore(ctx context.Context, j Reader, id town.TownID, atOrBefore town.TickNo) (*town.State, error) {
	info, data, err := j.Snapshot(ctx, id, atOrBefore)
	if err != nil {
		return nil, fmt.Errorf("cannot recover town %s: %w", id, err)
	}
	s, err := town.Restore(data)
	if err != nil {
		return nil, fmt.Errorf("cannot recover town %s: snapshot of tick %d: %w", id, info.Tick, err)
	}
	if s.Tick() != info.Tick {
		return nil, fmt.Errorf("cannot recover town %s: the snapshot kept for tick %d is of tick %d: %w", id, info.Tick, s.Tick(), ErrDamaged)
	}
	return s, nil
}

// absorb takes the ticks after the state in, up to and including last.
func absorb(ctx context.Context, j Reader, id town.TownID, s *town.State, last town.TickNo) error {
	for s.Tick() < last {
		f := TickFilter{After: s.Tick(), Limit: recoverBatch, Room: recoverRoom}
		if last != Newest {
			f.Before = last + 1
		}
		ticks, err := j.Ticks(ctx, id, f)
		if err != nil {
			return fmt.Errorf("cannot recover town %s after tick %d: %w", id, s.Tick(), err)
		}
		if err := s.Absorb(ticks...); err != nil {
			return fmt.Errorf("cannot recover town %s: %w", id, err)
		}
		if len(ticks) == 0 {
			return nil
		}
	}
	return nil
}
