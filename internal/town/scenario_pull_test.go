package town

import (
	"fmt"
	"strings"
)

// pull gives a merge request the pull request that pr=N says, of its rig. pr.KEY sets what is known of
// it, pr.poll.KEY and pr.autoMerge.KEY how far the questions about it are, pr.counts.KEY what is missing.
func (g given) pull(b *Bead, pairs []pair) error {
	for _, p := range pairs {
		if p.key == "pr" {
			b.Merge.PR = &PullPart{URL: "https://git.example/" + string(b.Rig) + "/pull/" + p.value, Opened: g.now, Head: b.Merge.Head}
			if err := assign(pair{"number", p.value}, g.now, b.Merge.PR); err != nil {
				return err
			}
			continue
		}
		pr := b.Merge.PR
		if pr == nil {
			return fmt.Errorf("say pr=N before %s", p.key)
		}
		path := strings.Split(p.key, ".")
		var target any = pr
		if len(path) == 3 {
			target = map[string]any{"poll": &pr.Poll, "autoMerge": &pr.Merge, "counts": &pr.Counts}[path[1]]
		}
		if target == nil {
			return fmt.Errorf("unknown key %q", p.key)
		}
		if err := assign(pair{path[len(path)-1], p.value}, g.now, target); err != nil {
			return err
		}
	}
	return nil
}

// takePull removes the pairs that are for pull and returns them.
func (w *words) takePull() []pair {
	var of, rest []pair
	for _, p := range w.pairs {
		if p.key == "pr" || strings.HasPrefix(p.key, "pr.") {
			of = append(of, p)
		} else {
			rest = append(rest, p)
		}
	}
	w.pairs = rest
	return of
}

func showPull(s *shown, pr *PullPart) {
	s.add("pr", fmt.Sprint(pr.Number))
	s.add("prHead", pr.Head)
	s.add("awaits", pr.Awaits)
	if pr.Green != 0 {
		s.add("green", since(pr.Green))
	}
	if missing := pr.Counts.words(); missing != "" {
		s.add("missing", fmt.Sprintf("%q", missing))
	}
	if f := pr.Feedback; f != nil {
		s.add("feedback", fmt.Sprintf("%q", f.words()))
		s.add("feedbackBead", f.Bead)
	}
	if pr.Conflict != 0 {
		s.add("conflict", since(pr.Conflict))
		s.add("conflictBead", pr.ConflictBead)
	}
	if pr.Merge.Asked != 0 {
		s.add("pending", since(pr.Merge.Asked))
	}
	s.add("transient", pr.Poll.Transient)
	s.add("invalid", pr.Poll.Invalid)
	s.add("refused", pr.Merge.Refused)
}

// pullAnswers says how the forge answers questions about pull requests: without any, the pull request
// is open at the head that is known, without conflicts, and green, and a merge succeeds.
type pullAnswers struct {
	status                                         PRStatus
	poll, merge                                    ForgeClass
	head                                           string
	running, failing, comments, conflict, approval bool
	unchecked                                      int
	retryAfter                                     Duration
}

// word takes an argument of outcomes and reports whether it is one about pull requests.
func (a *pullAnswers) word(key, value string) (bool, error) {
	switch key {
	case "merged", "closed":
		a.status = PRStatus(key)
	case "poll":
		a.poll = ForgeClass(value)
	case "merge":
		a.merge = ForgeClass(value)
	case "head":
		a.head = value
	case "running":
		a.running = true
	case "failing":
		a.failing = true
	case "comments":
		a.comments = true
	case "conflict":
		a.conflict = true
	case "approval":
		a.approval = true
	case "unchecked":
		_, err := fmt.Sscan(value, &a.unchecked)
		return true, err
	case "retryAfter":
		return true, a.retryAfter.UnmarshalText([]byte(value))
	default:
		return false, nil
	}
	return true, nil
}

// to answers a question; used says whether what is special about the answers has come to bear.
func (a *pullAnswers) to(s *State, e *Effect) (out []Event, used bool) {
	b := s.beads[e.Bead]
	say := func(p Payload) { out = append(out, Event{Type: p.Type(), Bead: e.Bead, Payload: p, By: "effects"}) }
	head := e.Pull.Head
	switch {
	case e.Kind == EffectMergePR && a.merge != "":
		say(&PRMergeFailed{Head: head, Class: a.merge, Reason: "so it says", RetryAfter: a.retryAfter})
		return out, true
	case e.Kind == EffectMergePR:
		say(&PRStatusChanged{Status: PRMerged, Head: head, Commit: "f00d"})
		return out, false
	case a.poll != "":
		say(&PRPollFailed{Class: a.poll, Reason: "so it says", RetryAfter: a.retryAfter})
		return out, true
	case a.status != "":
		say(&PRStatusChanged{Status: a.status, Head: head})
		return out, true
	}
	if a.head != "" {
		head = a.head
	}
	say(&PRStatusChanged{Status: PROpen, Head: head})
	switch {
	case a.conflict:
		say(&PRConflictDetected{Head: head, Files: []string{"main.go"}})
	case b != nil && b.Merge != nil && b.Merge.PR != nil && b.Merge.PR.Conflict != 0:
		say(&PRConflictCleared{Head: head})
	}
	a.saySigns(head, say)
	return out, *a != pullAnswers{}
}

// saySigns reports what comments and checks say.
func (a *pullAnswers) saySigns(head string, say func(Payload)) {
	missing := &PRNotGreen{Head: head, Unchecked: a.unchecked, AwaitingApproval: a.approval}
	found := &PRFeedbackDetected{Head: head, Unchecked: a.unchecked}
	if a.failing {
		missing.Failing = 1
		found.Checks = []FailedCheck{{Name: "test", Step: "unit", Log: "--- FAIL: TestSum"}}
	}
	if a.comments {
		missing.Comments = 1
		found.Comments = []PRComment{{Author: "ann", Place: "main.go:3", Text: "Rename this."}}
	}
	if a.running {
		missing.Running = 1
	}
	if a.failing || a.comments {
		say(found)
	}
	if a.failing || a.comments || a.running {
		say(missing)
		return
	}
	say(&PRGreen{Head: head, Unchecked: a.unchecked, AwaitingApproval: a.approval})
}
