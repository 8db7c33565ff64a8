package town

import "fmt"

// pushAnswers says how pushes of merges, and looks for them, end: without any, the target has the merge.
type pushAnswers struct {
	refused            PushClass
	moved              string
	missing            string
	before             bool
	absent, away, gone bool
}

// word takes an argument of outcomes and reports whether it is one about pushes: refused=CLASS, moved=TIP, lacks=KIND (of what the merge names), gone (the
// target), before (by somebody else), absent (pushed, and not in the target), away (the remote).
func (a *pushAnswers) word(key, value string) (bool, error) {
	switch key {
	case "refused":
		a.refused = PushClass(value)
	case "moved":
		a.moved = value
	case "lacks":
		a.missing = value
	case "gone":
		a.gone = true
	case "before":
		a.before = true
	case "absent":
		a.absent = true
	case "away":
		a.away = true
	default:
		return false, nil
	}
	return true, nil
}

func (a *answers) ofPush(e *Effect) Payload {
	how := a.push
	a.used = a.used || how != pushAnswers{}
	switch {
	case how.refused != "":
		return &PushRefused{Class: how.refused, Reason: "the remote says " + string(how.refused)}
	case how.moved != "":
		return &TargetMoved{Tip: how.moved}
	case how.missing != "":
		return missingReference(how.missing)
	case how.gone:
		return &TargetMoved{}
	case how.before:
		return &AlreadyOnTarget{Commit: "abad"}
	case how.absent && e.Push.Last:
		return &MergeUnverified{Commit: e.Push.Commit, Reason: fmt.Sprintf("%s does not have it", e.Push.Target)}
	case how.absent:
		return &MergeUnknown{Pushed: true, Readable: true, Reason: e.Push.Target + " does not have it"}
	case how.away:
		return &MergeUnknown{Reason: "no route to host", Class: "git_unreachable"}
	}
	return &MergeCompleted{Commit: e.Push.Commit}
}

func missingReference(kind string) Payload {
	p := &ReferencesMissing{}
	list := []Reference{{Path: "lib", Name: "11b0", At: "https://code.example/lib.git", Reason: kind}}
	switch kind {
	case "gitlinks":
		p.Gitlinks = list
	case "lfs":
		p.LFS = list
	case "submodules":
		p.Submodules = list
	case "addresses":
		p.Addresses = list
	}
	return p
}
