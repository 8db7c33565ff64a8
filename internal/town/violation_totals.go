package town

import "slices"

// ViolationTotals is how many violations of each invariant have been found since the town's history began, counted
// when they appear. It is an entity of its own: a town in which nothing was ever violated has none, as has every
// record from before there were totals, so that older histories are read as they were written and count from zero.
type ViolationTotals struct {
	// Found has the count of invariant n in place n-1; what lies beyond its end is zero.
	Found []int64 `json:"found,omitempty"`
}

func (v *ViolationTotals) ref() ref { return ref{KindViolationTotals, "violation_totals"} }

func (v *ViolationTotals) code(c *coder) {
	codeSlice(c, &v.Found, func(c *coder, n *int64) { codeInt(c, n) })
}

func (v *ViolationTotals) clone() *ViolationTotals {
	return &ViolationTotals{Found: slices.Clone(v.Found)}
}

// ViolationsFound is how many violations of an invariant have been found since the town's history began.
func (s *State) ViolationsFound(invariant int) int64 {
	if s.totals == nil || invariant < 1 || invariant > len(s.totals.Found) {
		return 0
	}
	return s.totals.Found[invariant-1]
}

// count adds the violations that have appeared in this tick to the town's totals.
func (t *tick) count() {
	var next *ViolationTotals
	for i := range t.rec.Violations {
		v := &t.rec.Violations[i]
		if v.State != ViolationAppeared {
			continue
		}
		if next == nil {
			next = &ViolationTotals{}
			if t.s.totals != nil {
				next = t.s.totals.clone()
			}
		}
		for len(next.Found) < v.Invariant {
			next.Found = append(next.Found, 0)
		}
		next.Found[v.Invariant-1]++
	}
	if next != nil {
		t.s.set(next.ref(), next)
	}
}
