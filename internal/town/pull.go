package town

import (
	"bytes"
	"slices"
)

// PullPart is the pull request that a merge request waits for, as it was last seen.
type PullPart struct {
	URL    string `json:"url" share:"url"`
	Number int    `json:"number"`
	Opened Time   `json:"opened"` // when the merge request began to wait for it
	// Head is the commit that the forge showed last.
	Head string `json:"headSha,omitempty" share:"keep"`
	// Awaits is the commit of a rework that the forge does not show yet: what is said of any other
	// head is out of date.
	Awaits string `json:"awaitsSha,omitempty" share:"keep"`
	// Missed is how many looks in a row have not shown that commit.
	Missed int `json:"missedLooks,omitempty"`

	// Green is since when nothing but an approval has been missing; zero if something is.
	Green  Time       `json:"greenSince,omitempty"`
	Counts PullCounts `json:"counts"`

	Feedback *PullFeedback `json:"feedback,omitempty"`
	// Conflict is since when it has conflicts with its target; ConflictBead is the work that was
	// made of that.
	Conflict      Time     `json:"conflictsSince,omitempty"`
	ConflictFiles []string `json:"conflictFiles,omitempty"`
	ConflictBead  BeadID   `json:"conflictBead,omitempty"`

	Poll Asking `json:"poll"`
	// Merge is the question to merge it; while it is asked, the automatic merge is pending.
	Merge Asking `json:"autoMerge"`
}

// PullCounts is what keeps a pull request from being merged, in numbers.
type PullCounts struct {
	Running  int `json:"running,omitempty"`  // checks without a result
	Failing  int `json:"failing,omitempty"`  // checks with a bad one
	Comments int `json:"comments,omitempty"` // unresolved blocking comments
	// Unchecked are the checks whose result was not read: those beyond what one look reads, and
	// those whose answer made no sense.
	Unchecked        int  `json:"unchecked,omitempty"`
	AwaitingApproval bool `json:"awaitingApproval,omitempty"`
}

// PullFeedback is what somebody, or a check, wants changed on a pull request.
type PullFeedback struct {
	Print    string `json:"print" share:"keep"` // of its content: equal prints are the same feedback
	Comments int    `json:"comments,omitempty"`
	Failing  int    `json:"failing,omitempty"`
	// Text is what the work on it is told; it is dropped once that has been made.
	Text string `json:"text,omitempty"`
	Bead BeadID `json:"bead,omitempty"` // the work that was made of it
}

// Asking is how far a question to the forge is.
type Asking struct {
	Asked      Time `json:"asked,omitempty"` // since when it is not answered; zero if it is
	Last       Time `json:"last,omitempty"`  // when it was asked last
	Try        int  `json:"try,omitempty"`   // how often it has been asked: the generation of its effect
	Unanswered int  `json:"unanswered,omitempty"`

	// Class and Reason are how it failed last, Transient, Invalid and Refused how often in a row;
	// After is until when it must not be asked again.
	Class     ForgeClass `json:"class,omitempty"`
	Reason    string     `json:"reason,omitempty"`
	After     Time       `json:"notBefore,omitempty"`
	Transient int        `json:"transientFailures,omitempty"`
	Invalid   int        `json:"invalidFailures,omitempty"`
	Refused   int        `json:"refusals,omitempty"`
}

// needsWork reports whether something on the pull request must be changed.
func (p *PullPart) needsWork() bool { return p.Feedback != nil || p.Conflict != 0 }

// madeOfPull lists the work that was made of what is wanted on a merge request's pull request.
func (b *Bead) madeOfPull() []BeadID {
	if b.Merge == nil || b.Merge.PR == nil {
		return nil
	}
	made := []BeadID{b.Merge.PR.ConflictBead}
	if f := b.Merge.PR.Feedback; f != nil {
		made = append(made, f.Bead)
	}
	return made
}

// current is the commit that facts about the pull request must be about.
func (p *PullPart) current() string {
	if p.Awaits != "" {
		return p.Awaits
	}
	return p.Head
}

// regress stops the clock of the automatic merge and takes back what was asked.
func (p *PullPart) regress() {
	p.Green, p.Merge.Asked, p.Merge.Unanswered = 0, 0, 0
}

// settle forgets what was said of a head that is out of date.
func (p *PullPart) settle() {
	p.regress()
	p.Counts, p.Feedback = PullCounts{}, nil
	p.Conflict, p.ConflictFiles, p.ConflictBead = 0, nil, ""
	p.Merge = Asking{Try: p.Merge.Try}
}

// moved takes in that the forge shows another head.
func (p *PullPart) moved(head string) {
	p.Head, p.Awaits, p.Missed = head, "", 0
	p.settle()
}

// maxMissed is how many looks in a row may not show what was done on the branch, at a look a minute. Then the
// branch is at something else, for example because an ended run went on: what the forge shows is the truth.
const maxMissed = 10

// missed takes in that the forge still shows the head from before the work, and reports whether that now holds.
func (p *PullPart) missed() bool {
	if p.Awaits == "" {
		return false
	}
	if p.Missed++; p.Missed < maxMissed {
		return false
	}
	p.moved(p.Head)
	return true
}

// reworked takes in that work on the branch has come to a commit. The forge is asked again as soon
// as it may be.
func (p *PullPart) reworked(head string) {
	p.Poll.After = 0
	if head != "" && head != p.Head {
		p.Awaits, p.Missed = head, 0
		p.settle()
	}
}

// ask notes that the question is asked now.
func (q *Asking) ask(now Time) {
	if q.Asked != 0 {
		q.Unanswered++
	}
	q.Asked, q.Last = now, now
	q.Try++
}

// answered notes an answer that is no failure.
func (q *Asking) answered() { *q = Asking{Last: q.Last, Try: q.Try} }

// failed notes an answer that is a failure. The question rests longer with each in a row, and at
// least until the time that the forge names, within reason.
func (q *Asking) failed(now Time, class ForgeClass, reason string, notBefore Time) {
	q.Asked, q.Unanswered, q.Class, q.Reason = 0, 0, class, reason
	switch f, _ := forgeFailure(class); {
	case class == ForgeRefused:
		q.Refused++
		q.Transient, q.Invalid = 0, 0 // it is there, and makes sense
	case f.Limit == maxTransient:
		q.Transient++
	case f.Limit == maxInvalid:
		q.Invalid++
	}
	rest := now.Add(askPatience(q.Transient + q.Invalid))
	q.After = max(rest, min(notBefore, now.Add(MaxForgeRest)))
}

// again is when the question is asked again because nobody answered.
func (q *Asking) again() Time { return q.Asked.Add(askPatience(q.Unanswered + 1)) }

// over says why the question is given up, or "".
func (q *Asking) over() string {
	f, known := forgeFailure(q.Class)
	switch {
	case !known || q.Class == ForgeRefused:
		return ""
	case f.Limit == 1, q.Invalid >= maxInvalid, q.Transient >= maxTransient:
		return f.Means + because(q.Reason) + "; " + f.Do
	}
	return ""
}

// askPatience is AskAgain for the first time in a row, and twice as long with each, up to AskAgainMax.
func askPatience(times int) Duration {
	return min(AskAgain<<min(max(times-1, 0), 10), AskAgainMax)
}

func (m *MergePart) clone() *MergePart {
	c := clonePtr(m)
	if c != nil {
		c.PR, c.Push, c.Obstacle = m.PR.clone(), clonePtr(m.Push), clonePtr(m.Obstacle)
		c.Late = clonePtr(m.Late)
	}
	return c
}

func (p *PullPart) clone() *PullPart {
	c := clonePtr(p)
	if c != nil {
		c.Feedback = clonePtr(p.Feedback)
		c.ConflictFiles = slices.Clone(p.ConflictFiles)
	}
	return c
}

func (p *PullPart) same(o *PullPart) bool { return bytes.Equal(encode(p), encode(o)) }

func (p *PullPart) code(c *coder) {
	codeString(c, &p.URL)
	codeInt(c, &p.Number)
	codeInt(c, &p.Opened)
	codeString(c, &p.Head)
	codeString(c, &p.Awaits)
	codeInt(c, &p.Green)
	codePullCounts(c, &p.Counts)
	codePtr(c, &p.Feedback, codePullFeedback)
	codeInt(c, &p.Conflict)
	codeSlice(c, &p.ConflictFiles, codeString)
	codeString(c, &p.ConflictBead)
	codeAsking(c, &p.Poll)
	codeAsking(c, &p.Merge)
	codeInt(c, &p.Missed)
}

func codePullPart(c *coder, p *PullPart) { p.code(c) }

func codePullCounts(c *coder, n *PullCounts) {
	codeInt(c, &n.Running)
	codeInt(c, &n.Failing)
	codeInt(c, &n.Comments)
	codeInt(c, &n.Unchecked)
	codeBool(c, &n.AwaitingApproval)
}

func codePullFeedback(c *coder, f *PullFeedback) {
	codeString(c, &f.Print)
	codeInt(c, &f.Comments)
	codeInt(c, &f.Failing)
	codeString(c, &f.Text)
	codeString(c, &f.Bead)
}

func codeAsking(c *coder, q *Asking) {
	codeInt(c, &q.Asked)
	codeInt(c, &q.Last)
	codeInt(c, &q.Try)
	codeInt(c, &q.Unanswered)
	codeString(c, &q.Class)
	codeString(c, &q.Reason)
	codeInt(c, &q.After)
	codeInt(c, &q.Transient)
	codeInt(c, &q.Invalid)
	codeInt(c, &q.Refused)
}

// standing says in a few words how a merge request stands.
func (b *Bead) standing() string {
	if b.waitsForPull() {
		return "waits for " + b.Merge.PR.URL
	}
	return "is " + string(b.Status) + because(b.heldUp())
}
