package town

import (
	"cmp"
	"slices"
)

// OpenWait is a bead or an agent that is not over and waits, with the first reason that why gives for it.
type OpenWait struct {
	Kind   Kind   `json:"kind"`
	ID     string `json:"id"`
	Status string `json:"status"`
	Since  Time   `json:"since"`
	Wait
}

// OpenWaits lists what waits at a moment, the longest in its status first, at most limit.
func (s *State) OpenWaits(now Time, limit int) []OpenWait {
	var all []OpenWait
	for id, b := range s.beads {
		if b.Live() {
			all = append(all, OpenWait{Kind: KindBead, ID: string(id), Status: string(b.Status), Since: b.Since})
		}
	}
	for id, a := range s.agents {
		all = append(all, OpenWait{Kind: KindAgent, ID: string(id), Status: string(a.Status), Since: a.Since})
	}
	slices.SortFunc(all, func(a, b OpenWait) int {
		return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	var out []OpenWait
	for i := range all {
		if len(out) == limit {
			break
		}
		w, _ := s.Why(all[i].ID, now)
		if len(w.Due) == 0 && len(w.Waits) > 0 {
			all[i].Wait = w.Waits[0]
			out = append(out, all[i])
		}
	}
	return out
}
