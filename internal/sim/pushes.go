package sim

import (
	"slices"

	"gastown/internal/town"
)

// firstCommit is what every branch begins at.
const firstCommit = "root"

// tip is where a target stands, or what it is made from.
func (r *repos) tip(rig town.RigID, target string) string {
	if b := r.branch(rig, target); b != nil && b.head != "" {
		return b.head
	}
	return firstCommit
}

// test is what a refinery does: it merges without publishing anything.
func (r *repos) test(rig town.RigID, m *town.MergeSpec) town.Payload {
	switch out := r.tryMerge(rig, m).(type) {
	case nil:
	case *town.MergeCompleted:
		return r.seen(rig, m, out)
	default:
		return out
	}
	b, commit := r.branch(rig, m.Branch), r.commit()
	if r.tested == nil {
		r.tested = map[string]tested{}
	}
	r.tested[commit] = tested{b.head, slices.Clone(b.work)}
	return &town.MergeTested{Commit: commit, Tip: r.tip(rig, m.Target)}
}

// seen is what a refinery says of a branch that is in its target already: the server has to look.
func (r *repos) seen(rig town.RigID, m *town.MergeSpec, there *town.MergeCompleted) town.Payload {
	return &town.MergeTested{Commit: there.Commit, Tip: r.tip(rig, m.Target)}
}

// pushMerge publishes a merge as the real effect does.
func (r *repos) pushMerge(e *town.Effect) town.Payload {
	p := e.Push
	if out := r.there(e); out != nil {
		return out
	}
	merge, known := r.tested[p.Commit]
	switch {
	case !known:
		return &town.PushRefused{Class: town.PushNotTested, Reason: "there is no such commit"}
	case r.l.chance(targetMoves):
		r.make(e.Rig, p.Target).head = r.commit()
	case r.l.chance(pushFails):
		return &town.MergeUnknown{Reason: "the remote does not answer"}
	case r.l.chance(pushRefused):
		return &town.PushRefused{Class: town.PushHook, Reason: "a hook of the remote says no"}
	}
	if tip := r.tip(e.Rig, p.Target); tip != p.Tip {
		return &town.TargetMoved{Tip: tip}
	}
	b, into := r.branch(e.Rig, p.Branch), r.make(e.Rig, p.Target)
	into.head, into.merged = p.Commit, ""
	into.ahead++
	if p.Target != p.Repo.DefaultBranch {
		for _, bead := range merge.work {
			into.add(bead)
		}
	}
	if b != nil && b.head == merge.head {
		b.ahead, b.merged = 0, p.Commit
	}
	r.l.check.note(fact{kind: branchMerged, rig: e.Rig, target: p.Target, commit: p.Commit, bead: e.Bead, work: merge.work})
	switch {
	case r.l.chance(pushUnseen):
		return &town.MergeUnknown{Pushed: true, Readable: true, Reason: "it is not there yet"}
	case r.l.chance(pushUnsaid):
		return &town.MergeUnknown{Reason: "the connection broke"}
	}
	return &town.MergeCompleted{Commit: p.Commit}
}

// there says that the target has the merge, or its branch by another one; nil if it has neither.
func (r *repos) there(e *town.Effect) town.Payload {
	if r.l.check.ledger.merged[e.Push.Commit] {
		return &town.MergeCompleted{Commit: e.Push.Commit}
	}
	if b := r.branch(e.Rig, e.Push.Branch); b != nil && b.merged != "" && b.head == e.Push.Head {
		return &town.AlreadyOnTarget{Commit: b.merged}
	}
	return nil
}

// find looks for a merge as the real effect does.
func (r *repos) find(e *town.Effect) town.Payload {
	if r.l.chance(verifyFails) {
		return &town.MergeUnknown{Reason: "cannot fetch: the network is away"}
	}
	if out := r.there(e); out != nil {
		return out
	}
	if e.Push.Last {
		return &town.MergeUnverified{Commit: e.Push.Commit, Reason: "the target does not have it"}
	}
	return &town.MergeUnknown{Readable: true, Reason: "the target does not have it"}
}
