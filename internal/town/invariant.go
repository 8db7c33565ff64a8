package town

import "fmt"

// The numbers of the invariants are stable: alerts, runbooks and reports name them.
const (
	invHookTerminal  = 1
	invHookMissing   = 2
	invOneMerge      = 3
	invOneHolder     = 6
	invWorkingHook   = 7
	invHookAssignee  = 8
	invContradiction = 14
)

// Invariant is a sentence about one entity that holds after every tick.
type Invariant struct {
	Number int
	Doc    string
	On     Kind
	// broken says how it does not hold for the entity, or "".
	broken func(s *State, id string) string
}

// invariants is every sentence that is checked of what a tick has looked at.
var invariants = []Invariant{
	{invHookTerminal, "No agent is hooked to a bead that is over.", KindAgent, ofAgent(func(s *State, a *Agent) string {
		if b := s.beads[a.Hook]; b != nil && !b.Live() {
			return fmt.Sprintf("%s holds %s, which is %s", a.ID, b.ID, b.Status)
		}
		return ""
	})},
	{invHookMissing, "The bead of a hooked agent exists.", KindAgent, ofAgent(func(s *State, a *Agent) string {
		if a.Hook != "" && s.beads[a.Hook] == nil {
			return fmt.Sprintf("%s holds %s, which does not exist", a.ID, a.Hook)
		}
		return ""
	})},
	{invOneMerge, "At most one merge request of a rig is in progress.", KindRig, func(s *State, id string) string {
		if n := len(s.ix.merging[RigID(id)]); n > 1 {
			return fmt.Sprintf("%d merge requests of %s are in progress", n, id)
		}
		return ""
	}},
	{invOneHolder, "At most one agent is hooked to a bead.", KindBead, func(s *State, id string) string {
		if n := len(s.ix.hookedTo[BeadID(id)]); n > 1 {
			return fmt.Sprintf("%d agents hold %s", n, id)
		}
		return ""
	}},
	{invWorkingHook, "A working agent (not a mayor) has a hook.", KindAgent, ofAgent(func(_ *State, a *Agent) string {
		if a.Status == Working && a.Role != Mayor && a.Hook == "" {
			return fmt.Sprintf("%s works on nothing", a.ID)
		}
		return ""
	})},
	{invHookAssignee, "Hook and assignee agree.", KindAgent, ofAgent(func(s *State, a *Agent) string {
		if b := s.beads[a.Hook]; b != nil && b.Status == InProgress && b.Assignee != a.ID {
			return fmt.Sprintf("%s holds %s, which is assigned to %q", a.ID, b.ID, b.Assignee)
		}
		return ""
	})},
}

func ofAgent(broken func(*State, *Agent) string) func(*State, string) string {
	return func(s *State, id string) string {
		if a := s.agents[AgentID(id)]; a != nil {
			return broken(s, a)
		}
		return ""
	}
}

// check reports the invariants that do not hold for anything the tick has looked at; what it has
// not looked at is as it was.
func (t *tick) check() {
	if len(t.s.undo.looked) == 0 {
		return
	}
	for _, r := range sortedRefs(t.s.undo.looked) {
		for _, inv := range invariants {
			if inv.On != r.Kind {
				continue
			}
			if why := inv.broken(t.s, r.ID); why != "" {
				t.rec.Violations = append(t.rec.Violations, Violation{Invariant: inv.Number, Message: why, Kind: r.Kind, ID: r.ID})
			}
		}
	}
}
