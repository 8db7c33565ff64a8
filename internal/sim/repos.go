package sim

import (
	"fmt"
	"slices"

	"gastown/internal/town"
)

// repos are the repositories of the rigs, as far as branches go.
type repos struct {
	l    *life
	rigs map[town.RigID]map[string]*branch
	made int // commits
	// tested are merges that passed their gates, by commit.
	tested map[string]tested
}

// tested is a merge that was tested and that nothing has published yet.
type tested struct {
	head string
	work []town.BeadID
}

// branch is a branch that has been pushed.
type branch struct {
	head   string
	ahead  int           // commits that it has and its target does not
	merged string        // the commit that merged it, if nothing came since
	work   []town.BeadID // whose work is in it
}

func (r *repos) branch(rig town.RigID, name string) *branch { return r.rigs[rig][name] }

func (r *repos) make(rig town.RigID, name string) *branch {
	if r.rigs[rig] == nil {
		r.rigs[rig] = map[string]*branch{}
	}
	if r.rigs[rig][name] == nil {
		r.rigs[rig][name] = &branch{}
	}
	return r.rigs[rig][name]
}

func (r *repos) commit() string {
	r.made++
	return fmt.Sprintf("c%d", r.made)
}

// push is what an agent leaves on its branch: n commits.
func (r *repos) push(p *process, n int) string {
	b := r.make(p.rig, p.spec.Branch)
	if n > 0 || b.head == "" {
		b.head = r.commit()
	}
	if n > 0 {
		b.ahead += n
		b.merged = ""
		b.add(p.bead)
		r.l.forge.reworked(p.rig, p.spec.Branch)
	}
	return b.head
}

func (b *branch) add(bead town.BeadID) {
	if !slices.Contains(b.work, bead) {
		b.work = append(b.work, bead)
	}
}

// verify looks at a branch as the real effect does.
func (r *repos) verify(e *town.Effect) town.Payload {
	if r.l.chance(verifyFails) {
		return &town.BranchVerified{Error: "cannot fetch: the network is away"}
	}
	b := r.branch(e.Rig, e.Verify.Branch)
	switch {
	case b == nil:
		return &town.BranchVerified{}
	case b.merged != "":
		return &town.AlreadyOnTarget{Commit: b.merged}
	}
	return &town.BranchVerified{Head: b.head, Ahead: b.ahead}
}

// tryMerge says why a merge comes to nothing, whatever happens in it; nil if it can go on.
func (r *repos) tryMerge(rig town.RigID, m *town.MergeSpec) town.Payload {
	b := r.branch(rig, m.Branch)
	switch {
	case b == nil:
		return &town.MergeFailed{Class: town.MergeMissing, Reason: "branch " + m.Branch + " is missing"}
	case b.merged != "":
		return &town.MergeCompleted{Commit: b.merged}
	case b.ahead == 0:
		return &town.MergeFailed{Class: town.MergeEmpty, Reason: "branch " + m.Branch + " is empty"}
	case m.Head != "" && m.Head != b.head:
		return &town.MergeFailed{Class: "head_moved", Reason: "branch " + m.Branch + " has moved"}
	}
	return nil
}

// merge puts a branch into its target.
func (r *repos) merge(rig town.RigID, m *town.MergeSpec) town.Payload {
	if out := r.tryMerge(rig, m); out != nil {
		return out
	}
	b, into := r.branch(rig, m.Branch), r.make(rig, m.Target)
	into.head = r.commit()
	into.ahead++
	into.merged = ""
	if m.Target != m.Base {
		for _, bead := range b.work {
			into.add(bead)
		}
	}
	b.ahead, b.merged = 0, into.head
	r.l.check.note(fact{kind: branchMerged, rig: rig, target: m.Target, commit: into.head, bead: m.Source, work: slices.Clone(b.work)})
	return &town.MergeCompleted{Commit: into.head}
}
