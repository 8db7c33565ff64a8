package server

import (
	"context"
	"slices"
	"time"

	"gastown/internal/town"
)

// keepFiles is how long the files of a workspace stay after the last run in it: the next attempt, a review or a person
// usually comes within a day.
const keepFiles = 24 * time.Hour

// removeWorkspaces removes the files of workspaces in which the last run ended long enough ago. What is in them is saved
// in the rig's mirror before.
func (s *Server) removeWorkspaces(ctx context.Context) {
	for _, id := range s.towns.Towns() {
		for _, w := range s.idleWorkspaces(id) {
			stillIdle := func() bool {
				return slices.ContainsFunc(s.idleWorkspaces(id), func(now idle) bool { return now.Name == w.Name && now.Rig == w.Rig })
			}
			rig := s.git.Rig(string(id), string(w.Rig), w.url, w.defaultBranch)
			removed, err := rig.RemoveWorkspace(ctx, w.Name, w.Branch, stillIdle)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				s.opts.Log.Warn("the files of a workspace were not removed", "town", id, "rig", w.Rig, "workspace", w.Name, "err", err)
			case removed:
				s.opts.Log.Info("the files of a workspace were removed; they are in the mirror", "town", id, "rig", w.Rig, "workspace", w.Name)
			}
		}
	}
}

// idle is a workspace whose files may go, with its repository.
type idle struct {
	town.Workspace
	url, defaultBranch string
}

// idleWorkspaces lists the workspaces of a town whose files may go.
func (s *Server) idleWorkspaces(id town.TownID) []idle {
	now := time.Now
	if s.opts.Now != nil {
		now = s.opts.Now
	}
	before := town.TimeOf(now().Add(-keepFiles))
	var out []idle
	_ = s.towns.Read(id, func(st *town.State) { // it may stop just now: then nothing goes
		for _, w := range st.Workspaces() {
			if rig := st.Rig(w.Rig); rig != nil && !w.Busy && w.Last != 0 && w.Last < before {
				out = append(out, idle{Workspace: w, url: rig.URL, defaultBranch: rig.DefaultBranch})
			}
		}
	})
	return out
}
