package sim

import (
	"fmt"

	"gastown/internal/town"
)

// forge has the pull requests of all rigs, and how well it answers.
type forge struct {
	l     *life
	pulls []*pull // by number, from 1
	// trouble is what every question comes to until then; none if it is empty.
	trouble town.ForgeClass
	until   town.Time
	silent  town.Time // until then nothing is answered
}

// pull is a pull request as it really stands.
type pull struct {
	number int
	rig    town.RigID
	merge  town.MergeSpec
	head   string
	status town.PRStatus
	commit string // that merged it

	// What is wrong with its head: until when checks run, and are not read; whether one fails.
	runs, unread town.Time
	fails        bool
	conflict     bool
	comments     []town.PRComment
	unapproved   bool
}

func (x *pull) url() string { return fmt.Sprintf("https://git.example/%s/pull/%d", x.rig, x.number) }

// green reports whether the forge would merge it.
func (x *pull) green(now town.Time) bool {
	return now >= x.runs && now >= x.unread && !x.fails && !x.conflict && len(x.comments) == 0 && !x.unapproved
}

// byNumber finds a pull request or nil; opened finds the open one of a branch.
func (f *forge) byNumber(n int) *pull {
	if n < 1 || n > len(f.pulls) {
		return nil
	}
	return f.pulls[n-1]
}

func (f *forge) opened(rig town.RigID, branch string) *pull {
	for _, x := range f.pulls {
		if x != nil && x.rig == rig && x.merge.Branch == branch && x.status == town.PROpen {
			return x
		}
	}
	return nil
}

// open is what a refinery says that has pushed its branch and opened a pull request for it, or found
// the one that there is.
func (f *forge) open(p *process) town.Payload {
	m := p.spec.Merge
	if out := f.l.repos.tryMerge(p.rig, m); out != nil {
		return out
	}
	if f.l.chance(noForge) {
		return &town.MergeFailed{Class: town.MergeNoForge, Reason: "there is no forge for this host"}
	}
	x := f.opened(p.rig, m.Branch)
	if x == nil {
		x = &pull{number: len(f.pulls) + 1, rig: p.rig, merge: *m, status: town.PROpen}
		f.pulls = append(f.pulls, x)
		if f.l.chance(approvalNeeded) {
			x.unapproved = true
			f.l.after(f.l.between(town.Minute, 6*town.Hour), func() { x.unapproved = x.unapproved && f.l.calm })
		}
		f.show(x, f.l.repos.branch(p.rig, m.Branch).head)
	}
	return &town.AgentDone{PRURL: x.url(), Head: x.head}
}

// show has the pull request be at another head, which is checked and read anew.
func (f *forge) show(x *pull, head string) {
	l := f.l
	x.head = head
	x.runs, x.unread = l.now.Add(l.between(5*town.Second, 4*town.Minute)), 0
	if l.chance(checksSlow) {
		x.runs = l.now.Add(l.between(5*town.Minute, 3*town.Hour))
	}
	if l.chance(checksUnread) {
		x.unread = x.runs.Add(l.between(town.Minute, town.Hour))
	}
	x.fails = l.chance(checksFail)
	x.conflict = x.conflict || l.chance(pullConflicts)
	if l.chance(pullCommented) {
		l.after(l.between(5*town.Second, 40*town.Minute), func() {
			if x.status == town.PROpen && !l.calm {
				x.comments = append(x.comments, town.PRComment{Author: "bob", Place: "main.go:3", Text: fmt.Sprint("Why ", x.head, "?")})
			}
		})
	}
}

// reworked takes in that work on the branch was done: it answers every comment and solves conflicts.
func (f *forge) reworked(rig town.RigID, branch string) {
	if x := f.opened(rig, branch); x != nil && !f.l.chance(reworkUseless) {
		x.conflict, x.comments = false, nil
	}
}

// failing says how a question to the forge fails, if it does.
func (f *forge) failing() (class town.ForgeClass, after town.Duration, reset town.Time) {
	switch {
	case f.l.now < f.until && f.trouble == town.ForgeRateLimited && f.l.rng.IntN(2) == 0:
		return f.trouble, f.until.Since(f.l.now), 0
	case f.l.now < f.until && f.trouble == town.ForgeRateLimited:
		return f.trouble, 0, f.l.clockAt(f.l.now).Add(f.until.Since(f.l.now))
	case f.l.now < f.until:
		return f.trouble, 0, 0
	case f.l.chance(forgeDenies):
		return fatal[f.l.rng.IntN(len(fatal))], 0, 0
	}
	return "", 0, 0
}

// fatal are the failures that trying again cannot mend.
var fatal = []town.ForgeClass{
	town.ForgeNone, town.ForgeNoToken, town.ForgeUnauthorized, town.ForgeForbidden, town.ForgeNotFound, town.ForgeUnknownURL, town.ForgeWrongHost,
}

// look answers how a pull request stands, in the order of payload_pull.go.
func (f *forge) look(e *town.Effect) []town.Payload {
	x := f.byNumber(e.Pull.Number)
	if f.l.now < f.silent || f.l.chance(pollLost) {
		return nil
	}
	if class, after, reset := f.failing(); class != "" {
		return one(&town.PRPollFailed{Class: class, Reason: "so it says", RetryAfter: after, ResetAt: reset})
	}
	if x == nil {
		return one(&town.PRPollFailed{Class: town.ForgeNotFound})
	}
	if x.status != town.PROpen {
		return one(&town.PRStatusChanged{Status: x.status, Head: x.head, Commit: x.commit})
	}
	if b := f.l.repos.branch(x.rig, x.merge.Branch); b != nil && b.head == e.Pull.Head && x.head != b.head {
		f.show(x, b.head)
	}
	return x.stands(f.l.now)
}

// stands is what a look at an open pull request finds.
func (x *pull) stands(now town.Time) []town.Payload {
	out := one(&town.PRStatusChanged{Status: town.PROpen, Head: x.head})
	if x.conflict {
		out = append(out, &town.PRConflictDetected{Head: x.head, Files: []string{"main.go"}})
	} else {
		out = append(out, &town.PRConflictCleared{Head: x.head})
	}
	n := town.PRNotGreen{Head: x.head, Comments: len(x.comments), AwaitingApproval: x.unapproved}
	var checks []town.FailedCheck
	switch {
	case now < x.runs:
		n.Running = 1
	case x.fails:
		n.Failing = 1
		checks = []town.FailedCheck{{Name: "test", Step: "go test", Log: "FAIL at " + x.head}}
	case now < x.unread:
		n.Unchecked = 1
	}
	if n.Comments+n.Failing+n.Unchecked > 0 {
		out = append(out, &town.PRFeedbackDetected{Head: x.head, Comments: x.comments, Checks: checks, Unchecked: n.Unchecked})
	}
	if n.Running+n.Failing+n.Comments > 0 {
		return append(out, &n)
	}
	return append(out, &town.PRGreen{Head: x.head, Unchecked: n.Unchecked, AwaitingApproval: n.AwaitingApproval})
}

// mergePull merges a pull request as it was asked to, or says why not.
func (f *forge) mergePull(e *town.Effect) []town.Payload {
	x := f.byNumber(e.Pull.Number)
	if f.l.now < f.silent || f.l.chance(mergeLost) {
		return nil
	}
	if class, after, reset := f.failing(); class != "" {
		return one(&town.PRMergeFailed{Head: e.Pull.Head, Class: class, Reason: "so it says", RetryAfter: after, ResetAt: reset})
	}
	switch {
	case x == nil:
		return one(&town.PRMergeFailed{Head: e.Pull.Head, Class: town.ForgeNotFound})
	case x.status != town.PROpen:
		return one(&town.PRStatusChanged{Status: x.status, Head: x.head, Commit: x.commit})
	case x.head != e.Pull.Head, !x.green(f.l.now), f.l.chance(mergeRefused), !f.in(x):
		return one(&town.PRMergeFailed{Head: e.Pull.Head, Class: town.ForgeRefused, Reason: "a rule of the branch forbids it"})
	}
	if f.l.chance(mergeDoneLost) {
		return nil
	}
	return one(&town.PRStatusChanged{Status: town.PRMerged, Head: x.head, Commit: x.commit})
}

// in merges an open pull request, whoever wants it, and reports whether it could.
func (f *forge) in(x *pull) bool {
	m := x.merge
	m.Head = "" // whatever is at the head
	done, ok := f.l.repos.merge(x.rig, &m).(*town.MergeCompleted)
	if !ok {
		return false
	}
	x.status, x.commit = town.PRMerged, done.Commit
	for _, o := range f.pulls {
		if o != nil && o.status == town.PROpen && o.rig == x.rig && o.merge.Target == x.merge.Target && f.l.chance(pullConflicts) {
			o.conflict = true
		}
	}
	return true
}

// some picks an open pull request, or nil.
func (f *forge) some() *pull {
	var open []*pull
	for _, x := range f.pulls {
		if x != nil && x.status == town.PROpen {
			open = append(open, x)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[f.l.rng.IntN(len(open))]
}

// outside is what somebody does to a pull request on the forge itself.
func (f *forge) outside(do func(*pull)) func() {
	return func() {
		if x := f.some(); x != nil {
			do(x)
		}
	}
}

func (f *forge) mergeOutside(x *pull) {
	if !x.conflict {
		f.in(x)
	}
}

func (f *forge) closeOutside(x *pull) { x.status = town.PRClosed }

func (f *forge) pushOutside(x *pull) {
	b := f.l.repos.branch(x.rig, x.merge.Branch)
	b.head = f.l.repos.commit()
	f.show(x, b.head)
}

// inTrouble has every question fail the same way for a while.
func (f *forge) inTrouble(most town.Duration, classes ...town.ForgeClass) func() {
	return func() {
		f.trouble = classes[f.l.rng.IntN(len(classes))]
		f.until = f.l.now.Add(f.l.between(town.Minute, most))
	}
}

// fallSilent has no question answered for a while.
func (f *forge) fallSilent() { f.silent = f.l.now.Add(f.l.between(30*town.Minute, 6*town.Hour)) }

func one(p town.Payload) []town.Payload { return []town.Payload{p} }
