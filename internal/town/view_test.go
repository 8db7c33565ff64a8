package town

import (
	"sync"
	"testing"
)

// Whoever asks a state changes nothing, so that pages and a scrape can ask at the same time: the race detector
// would see it. The settings are new, so that nobody has asked for them before.
func TestManyReadAtOnce(t *testing.T) {
	t.Parallel()
	s, now := bigTown(t, 200, 10)
	limit := 3
	s.Suppose(Settings{MaxDispatchAttempts: &limit})
	before := s.Digest()
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for _, r := range s.Rigs() {
				if n := s.Config(r.ID).MaxDispatchAttempts; n != limit {
					t.Errorf("%s gives up after %d attempts, want %d", r.ID, n, limit)
				}
			}
			for _, b := range s.Beads() {
				if _, known := s.Why(string(b.ID), now); !known {
					t.Errorf("nobody can say why %s waits", b.ID)
				}
			}
			s.Config("elsewhere")
			s.Violations()
			s.OpenWaits(now, 100)
			s.Outstanding()
			s.Runnable(now)
			s.MergeQueue(now)
			s.QueueDepth()
			s.NextDue()
			s.Active()
			s.Snapshot()
		})
	}
	all.Wait()
	if s.Digest() != before {
		t.Error("asking changed the state")
	}
}
