package town

import (
	"fmt"
	"slices"
	"strings"
)

// MemberMerge is the merge by which a member of a convoy came into the convoy's branch.
type MemberMerge struct {
	Bead   BeadID `json:"bead"`
	Commit string `json:"commit"`
}

// memberMerges lists what must be in the branch that a landing merges: the merge of every member that is in the convoy's
// branch. A landing without one of them would say "landed" of work that is not there.
func (s *State) memberMerges(landing *Bead) []MemberMerge {
	c := s.beads[landing.Merge.Source]
	if c == nil || c.Convoy == nil || c.Convoy.Branch == "" {
		return nil
	}
	var merges []MemberMerge
	for _, member := range s.membersOf(c.ID) {
		if mr := s.mergedRequestOf(member.ID); mr != nil && mr.Merge.Target == c.Convoy.Branch {
			merges = append(merges, MemberMerge{Bead: member.ID, Commit: mr.Merge.MergeCommit})
		}
	}
	return merges
}

// MembersMissing says for people which members a convoy's branch is without, and what helps.
func MembersMissing(branch string, members []MemberMerge, missing []string) string {
	var named []string
	for _, m := range members {
		if slices.Contains(missing, m.Commit) {
			named = append(named, fmt.Sprintf("%s (merged as %s)", m.Bead, m.Commit))
		}
	}
	return fmt.Sprintf("%s is without %s: somebody has rewritten it or made it anew. Push it again with what is missing; the commits are in the mirror of the rig",
		branch, strings.Join(named, ", "))
}
