package memory

import (
	"context"
	"fmt"
	"sync"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// Store has what was written, whether or not a journal is open on it. Nothing of it survives the process.
type Store struct {
	mu    sync.RWMutex
	towns map[town.TownID]*history
	user  *Journal // that has the store; nil if none has
}

// NewStore returns a store without towns.
func NewStore() *Store { return &Store{towns: map[town.TownID]*history{}} }

// Open opens the journal of the store. It fails with journal.ErrInUse while another is open.
func (s *Store) Open() (*Journal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.user != nil {
		return nil, fmt.Errorf("cannot open journal: the store in memory is %w: close the other one first", journal.ErrInUse)
	}
	s.user = &Journal{store: s}
	return s.user, nil
}

// Crash takes the store from the journal that is open, if one is, as the end of its process would: what was
// stored is there, the journal's calls fail with journal.ErrClosed, and the store can be opened again.
func (s *Store) Crash() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user = nil
}

// Journal is a journal in a Store. It is open until it is closed or the store crashes.
type Journal struct{ store *Store }

var _ journal.Journal = (*Journal)(nil)

// Close implements journal.Journal.
func (j *Journal) Close() error {
	j.store.mu.Lock()
	defer j.store.mu.Unlock()
	if j.store.user == j {
		j.store.user = nil
	}
	return nil
}

// read runs f while nobody writes.
func (j *Journal) read(ctx context.Context, doing string, f func() error) error {
	j.store.mu.RLock()
	defer j.store.mu.RUnlock()
	return j.use(ctx, doing, f)
}

// write runs f alone. It must change nothing if it returns an error.
func (j *Journal) write(ctx context.Context, doing string, f func() error) error {
	j.store.mu.Lock()
	defer j.store.mu.Unlock()
	return j.use(ctx, doing, f)
}

// use runs f if the call may go on, and says of an error what was being done. The lock is held.
func (j *Journal) use(ctx context.Context, doing string, f func() error) error {
	err := ctx.Err()
	if err == nil && j.store.user != j {
		err = journal.ErrClosed
	}
	if err == nil {
		err = f()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// town finds a town's history. The lock is held.
func (j *Journal) town(id town.TownID) (*history, error) {
	h := j.store.towns[id]
	if h == nil {
		return nil, fmt.Errorf("town %s: %w", id, journal.ErrNotFound)
	}
	return h, nil
}

// list reads rows of one town, and decodes them when it no longer holds anybody up.
func list[R, T any](
	ctx context.Context, j *Journal, id town.TownID, doing string, rows func(*history) []R, decode func(R) (T, error),
) ([]T, error) {
	var found []R
	err := j.read(ctx, doing, func() error {
		h, err := j.town(id)
		if err == nil {
			found = rows(h)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []T
	for _, r := range found {
		v, err := decode(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		out = append(out, v)
	}
	return out, nil
}

// limited is how many rows a list may have.
func limited(limit int) int {
	if limit <= 0 {
		return journal.DefaultLimit
	}
	return limit
}
