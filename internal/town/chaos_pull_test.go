package town

import "fmt"

// openPull is what a refinery says that has opened the pull request of a merge request. Every one has a
// number of its own.
func (c *chaos) openPull(b *Bead) Payload {
	return &AgentDone{PRURL: fmt.Sprintf("https://git.example/%s/pull/%d", b.Rig, b.Order), Head: []string{"", "beef"}[c.pick(2)]}
}

// openPulls lets some work go well at first, so that there are pull requests: by chance alone few get
// that far.
func (c *chaos) openPulls() {
	c.step(Event{By: "ann", Payload: c.newBeads()})
	for range 4 + c.pick(4) {
		c.step(c.successes()...)
	}
}

// forge is something that becomes known of any pull request, asked for or not.
func (c *chaos) forge() Event {
	var waiting []*Bead
	for _, b := range c.s.Beads() {
		if b.Merge != nil && b.Merge.PR != nil {
			waiting = append(waiting, b)
		}
	}
	if len(waiting) == 0 {
		return Event{}
	}
	b := waiting[c.pick(len(waiting))]
	kind := []EffectKind{EffectPollPR, EffectMergePR}[c.pick(2)]
	return Event{Bead: b.ID, Payload: c.wordOfForge(c.s.pullEffect(kind, b, 1))}
}

// wordOfForge is an answer to a question about a pull request, or something beside it.
func (c *chaos) wordOfForge(e *Effect) Payload {
	head := []string{e.Pull.Head, e.Pull.Head, e.Pull.Head, "cafe", "f00d"}[c.pick(5)]
	class := forgeFailures[c.pick(len(forgeFailures))].Class
	if e.Kind == EffectMergePR && c.pick(2) == 0 {
		return &PRMergeFailed{Class: class, Head: head}
	}
	return []Payload{
		nil, &PRPollFailed{Class: class, RetryAfter: []Duration{0, Hour}[c.pick(2)]}, &PRPollFailed{Class: ForgeNetwork},
		&PRStatusChanged{Status: PROpen, Head: head}, &PRStatusChanged{Status: PROpen, Head: head},
		&PRStatusChanged{Status: []PRStatus{PRMerged, PRClosed}[c.pick(2)], Head: head},
		&PRFeedbackDetected{Head: head, Checks: []FailedCheck{{Name: "test", Log: fmt.Sprint(c.pick(3))}}},
		&PRFeedbackDetected{Head: head, Unchecked: c.pick(2)},
		&PRConflictDetected{Head: head}, &PRConflictCleared{Head: head},
		&PRNotGreen{Head: head, Running: c.pick(2), Failing: c.pick(2)},
		&PRGreen{Head: head}, &PRGreen{Head: head}, &PRGreen{Head: head, Unchecked: c.pick(2), AwaitingApproval: c.pick(2) == 0},
	}[c.pick(14)]
}

// kindAnswer answers an effect as well as can be: a pull request is in order, and what the town leaves
// to a person is merged by one.
func (c *chaos) kindAnswer(e *Effect) []Event {
	how := &answers{}
	if b := c.s.beads[e.Bead]; e.Kind == EffectPollPR && b != nil && b.waitsForPull() && b.Merge.PR.Green != 0 {
		if look := autoMerge(c.s, c.now, b); look.Wait != nil && look.Wait.Until == 0 && b.Merge.PR.Poll.Class == "" {
			how.pull.status = PRMerged
		}
	}
	return how.to(c.s, e)
}
