package town

// wordOfPush is how the push of a merge, or a look for it, can end; nil is no answer.
func (c *chaos) wordOfPush(e *Effect) Payload {
	commit := e.Push.Commit
	all := []Payload{
		&MergeCompleted{Commit: commit}, &MergeCompleted{Commit: commit}, &AlreadyOnTarget{Commit: "abad"}, &TargetMoved{Tip: "beef"},
		&TargetMoved{}, &PushRefused{Class: PushHook, Reason: "not today"}, &ReferencesMissing{LFS: []Reference{{Path: "a.bin"}}}, &MergeUnknown{Reason: "away"},
		&MergeUnknown{Pushed: true, Readable: true, Reason: "not there"}, nil,
	}
	if e.Push.Last {
		return []Payload{&MergeUnverified{Commit: commit, Reason: "not there"}, &MergeCompleted{Commit: commit}}[c.pick(2)]
	}
	return all[c.pick(len(all))]
}
