package town

import "slices"

type (
	// MergeTested says that a merge passed its gates. It closes nothing: the server pushes it and reads it back.
	MergeTested struct {
		Commit string    `json:"commit" doc:"The merge commit: its parents are the tip and the branch's verified commit." share:"keep"`
		Tip    string    `json:"tip" doc:"What the target stood at when it was tested." share:"keep"`
		Runs   []GateRun `json:"gates,omitempty" doc:"Every run of a gate, in order."`
	}
	// MergeCompleted says that a merge that was pushed is in its target, as fetched from the rig's address.
	MergeCompleted struct {
		Commit string `json:"commit" doc:"The commit in the target." share:"keep"`
	}
	// AlreadyOnTarget says that the branch is in the target without having been merged by the town.
	AlreadyOnTarget struct {
		Commit string `json:"commit" doc:"The commit that brought it in." share:"keep"`
	}
	// TargetMoved says that the target is not where the merge was tested: nothing was pushed.
	TargetMoved struct {
		Tip string `json:"tip,omitempty" doc:"Where it stands now; empty: there is no such branch." share:"keep"`
	}
	// PushRefused says that the remote did not take the merge.
	PushRefused struct {
		Class  PushClass `json:"class" doc:"protected, signature, hook, size, rights, moved, not_tested or other."`
		Reason string    `json:"reason" doc:"What the remote said, and what helps."`
	}
	// MergeUnknown says that the merge was not found in the target, and may be there later.
	MergeUnknown struct {
		Pushed   bool   `json:"pushed,omitempty" doc:"The remote has accepted the push, by its word."`
		Readable bool   `json:"readable,omitempty" doc:"The target was read, and does not have it."`
		Reason   string `json:"reason,omitempty" doc:"What was seen instead."`
		Class    string `json:"class,omitempty" doc:"Of the failure, where it could not be read." share:"keep"`
	}
	// MergeUnverified says that the merge was pushed and that the last look did not find it in the target.
	MergeUnverified struct {
		Commit string `json:"commit" doc:"The commit that is not there." share:"keep"`
		Reason string `json:"reason" doc:"What was seen instead, and where to look."`
	}
)

// Type implements Payload.
func (*MergeTested) Type() EventType     { return "merge_tested" }
func (*MergeCompleted) Type() EventType  { return "merge_completed" }
func (*AlreadyOnTarget) Type() EventType { return "already_on_target" }
func (*TargetMoved) Type() EventType     { return "target_moved" }
func (*PushRefused) Type() EventType     { return "push_refused" }
func (*MergeUnknown) Type() EventType    { return "merge_unknown" }
func (*MergeUnverified) Type() EventType { return "merge_unverified" }

// pushSpecs describes the events about the push of a merge.
func pushSpecs() []EventSpec {
	return []EventSpec{
		{"merge_tested", FromAgents, "A merge passed its gates and can be pushed.", func() Payload { return new(MergeTested) }},
		{"merge_completed", FromEffects, "The merge that was pushed is in its target.", func() Payload { return new(MergeCompleted) }},
		{"already_on_target", FromEffects, "The branch was in its target before the town merged it.", func() Payload { return new(AlreadyOnTarget) }},
		{"target_moved", FromEffects, "The target moved since the merge was tested; nothing was pushed.", func() Payload { return new(TargetMoved) }},
		{"push_refused", FromEffects, "The remote did not take the merge.", func() Payload { return new(PushRefused) }},
		{"references_missing", FromEffects, "A fresh clone of the merge would lack something; nothing was pushed.", func() Payload { return new(ReferencesMissing) }},
		{"late_commits", FromEffects, "Commits that came after a bead was verified were looked for.", func() Payload { return new(LateCommits) }},
		{"merge_unknown", FromEffects, "The merge was not found in its target, and is looked for again.", func() Payload { return new(MergeUnknown) }},
		{"merge_unverified", FromEffects, "The merge was pushed and is not in its target.", func() Payload { return new(MergeUnverified) }},
	}
}

func saidOfPushes(p Payload) (text string, known bool) {
	switch p := p.(type) {
	case *MergeTested:
		return "tested as " + p.Commit, true
	case *MergeCompleted:
		return "merged as " + p.Commit, true
	case *AlreadyOnTarget:
		return "in the target already, by " + p.Commit, true
	case *TargetMoved:
		if p.Tip == "" {
			return "the target is gone", true
		}
		return "the target is at " + p.Tip, true
	case *PushRefused:
		return joined(": ", string(p.Class), p.Reason), true
	case *ReferencesMissing:
		return referencesSaid(slices.Concat(p.Gitlinks, p.LFS, p.Submodules, p.Addresses)), true
	case *LateCommits:
		return p.found(), true
	case *MergeUnknown:
		return p.Reason, true
	case *MergeUnverified:
		return p.Reason, true
	}
	return "", false
}
