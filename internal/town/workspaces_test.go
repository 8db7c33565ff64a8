package town

import (
	"slices"
	"testing"
)

// Whatever is started has a workspace that is said to be busy, by the name that the start gives it.
func TestWorkspacesOfWhatIsStartedAreBusy(t *testing.T) {
	t.Parallel()
	s, _ := bigTown(t, 60, 10)
	listed := s.Workspaces()
	started := 0
	for _, a := range s.Agents() {
		b := s.Bead(a.Hook)
		if b == nil {
			continue
		}
		spec := s.dispatchEffect(a).Dispatch
		if spec.Branch == "" {
			continue
		}
		started++
		i := slices.IndexFunc(listed, func(w Workspace) bool { return w.Name == spec.Workspace })
		if i < 0 || !listed[i].Busy || listed[i].Branch != spec.Branch || listed[i].Rig != b.Rig {
			t.Errorf("%s on %s has %s on %s, listed is %+v", a.ID, b.ID, spec.Workspace, spec.Branch, listed)
		}
	}
	if started == 0 {
		t.Error("nothing is started")
	}
	for _, w := range listed {
		if w.Busy && w.Last == 0 {
			t.Errorf("%+v is busy without a run", w)
		}
	}
}
