package town

// Workspace is what the town knows of the files that are worked on for a bead.
type Workspace struct {
	// Name is what the place that has it calls it, Branch what its commits are on.
	Name, Branch string
	Rig          RigID
	// Busy says that a run is at work in it, or about to be.
	Busy bool
	// Last is when the last run in it ended; zero if there was none.
	Last Time
}

// Workspaces lists those of the beads that were started and are not in the archive, oldest bead first. A merge request has one where the
// refinery is an agent.
func (s *State) Workspaces() []Workspace {
	at := map[BeadID]int{}
	var out []Workspace
	for _, b := range s.Beads() {
		switch {
		case b.Merge != nil:
			out = append(out, Workspace{Name: s.workspace(b.ID), Branch: b.Merge.Branch, Rig: b.Rig})
		case b.Type == Issue && len(b.Attempts) > 0 && !b.Rework():
			branch, _ := s.workBranch(b)
			out = append(out, Workspace{Name: s.workspace(b.ID), Branch: branch, Rig: b.Rig})
		default:
			continue
		}
		at[b.ID] = len(out) - 1
	}
	for _, b := range s.beads {
		i, has := at[s.filesOf(b)]
		if !has {
			continue
		}
		for _, run := range b.Attempts {
			out[i].Busy = out[i].Busy || run.Ended == 0
			out[i].Last = max(out[i].Last, run.Started, run.Ended)
		}
	}
	for _, a := range s.agents {
		b := s.beads[a.Hook]
		if b == nil {
			continue
		}
		if i, has := at[s.filesOf(b)]; has {
			out[i].Busy = true
		}
	}
	return out
}

// filesOf is the bead whose workspace a run on a bead has.
func (s *State) filesOf(b *Bead) BeadID {
	if b.Type == Issue {
		return s.workspaceOf(b)
	}
	return b.ID
}
