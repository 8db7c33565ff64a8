package town

import "slices"

// BeadType says what kind of work item a bead is.
type BeadType string

// The types of beads.
const (
	Issue         BeadType = "issue"          // something to be done
	MergeRequest  BeadType = "merge_request"  // a branch that should be merged
	Convoy        BeadType = "convoy"         // a group of issues that land together
	Escalation    BeadType = "escalation"     // something a person should know
	Message       BeadType = "message"        // mail between agents and people
	TriageRequest BeadType = "triage_request" // something the triage agent should decide
	Molecule      BeadType = "molecule"       // a workflow made of issues
)

// BeadStatus is where a bead stands. Closed and failed are final.
type BeadStatus string

// The statuses of a bead.
const (
	Open       BeadStatus = "open"
	InProgress BeadStatus = "in_progress"
	InReview   BeadStatus = "in_review"
	Closed     BeadStatus = "closed"
	Failed     BeadStatus = "failed"
)

// Terminal reports whether the status is final.
func (s BeadStatus) Terminal() bool { return s == Closed || s == Failed }

// Priority orders beads; critical comes first.
type Priority string

// The priorities.
const (
	Critical Priority = "critical"
	High     Priority = "high"
	Medium   Priority = "medium"
	Low      Priority = "low"
)

// Priorities lists them, most urgent first.
var priorities = [...]Priority{Critical, High, Medium, Low}

// rank is 0 for the most urgent priority; an unknown one ranks as medium.
func (p Priority) rank() int {
	if i := slices.Index(priorities[:], p); i >= 0 {
		return i
	}
	return 2
}

// ownPrefix begins the labels that only gastown itself gives.
const ownPrefix = "gt:"

// Labels that the rules look at. They are compared whole.
const (
	LabelRework     = "gt:rework"      // changes asked for by a gate or a reviewer
	LabelPRFeedback = "gt:pr-feedback" // changes asked for on a pull request
	LabelConflict   = "gt:pr-conflict" // a merge conflict to be solved on the branch
	LabelFresh      = "gt:fresh"       // its next attempt starts over from the base
)

// Bead is a work item. Type-specific parts are in the pointer that its type names; the others are nil.
type Bead struct {
	ID        BeadID     `json:"id"`
	Type      BeadType   `json:"type"`
	Status    BeadStatus `json:"status"`
	Title     string     `json:"title"`
	Body      string     `json:"body,omitempty"`
	Rig       RigID      `json:"rig,omitempty"`
	Parent    BeadID     `json:"parent,omitempty"`
	Assignee  AgentID    `json:"assignee,omitempty"`
	Priority  Priority   `json:"priority"`
	Labels    []string   `json:"labels,omitempty" share:"keep"`
	CreatedBy string     `json:"createdBy,omitempty" share:"keep"`

	Created Time `json:"created"`
	Updated Time `json:"updated"`          // last change of anything on the bead
	Since   Time `json:"since"`            // since when it has its status
	Closed  Time `json:"closed,omitempty"` // when it became closed or failed

	// Order is the bead's place among all beads ever created in the town; "oldest" goes by it.
	Order int64 `json:"order"`
	// Held is since when a person keeps the bead from being started; zero if nobody does.
	Held       Time   `json:"held,omitempty"`
	HeldReason string `json:"heldReason,omitempty"`
	// Timeout bounds one attempt; zero takes the rig's bead_timeout.
	Timeout Duration `json:"timeout,omitempty"`

	Attempts []Attempt `json:"attempts,omitempty"`
	// Forgiven is how many of the attempts came before the last explicit retry: they stay on
	// record and no longer count.
	Forgiven int `json:"forgiven,omitempty"`
	// Triaged is how many attempts there were when triage was last asked about the way they end.
	Triaged int `json:"triaged,omitempty"`
	// Branch is where the work on an issue is. It is given to the bead when it is first started, and stays the
	// same whoever works on it and whatever the town's tag and prefix are then.
	Branch string `json:"branch,omitempty" share:"branch"`
	// Checkpoint is what the last agent on it left for the next one.
	Checkpoint string `json:"checkpoint,omitempty"`

	Outcome Outcome  `json:"outcome,omitempty"` // how a closed bead was closed
	Failure *Failure `json:"failure,omitempty"` // why a failed bead failed

	Merge      *MergePart      `json:"mergeRequest,omitempty"`
	Convoy     *ConvoyPart     `json:"convoy,omitempty"`
	Escalation *EscalationPart `json:"escalation,omitempty"`
	Triage     *TriagePart     `json:"triage,omitempty"`
	Message    *MessagePart    `json:"message,omitempty"`

	// Metadata is for users; no rule reads it.
	Metadata map[string]string `json:"metadata,omitempty"`
}

// Outcome says how a closed bead was closed.
type Outcome string

// The outcomes of a closed bead.
const (
	OutcomeMerged    Outcome = "merged"     // its change is in the target branch
	OutcomeDone      Outcome = "done"       // work on somebody else's branch, done; no review of its own
	OutcomeNoChanges Outcome = "no_changes" // nothing had to change, and the agent said why
	OutcomePerson    Outcome = "person"     // a person closed it
	OutcomeLanded    Outcome = "landed"     // a convoy whose branch is merged or whose members all are
	OutcomeEmpty     Outcome = "nothing_to_land"
	OutcomeTriage    Outcome = "triage" // triage closed it
)

// Failure says why a bead failed.
type Failure struct {
	Code    string `json:"code" share:"keep"`
	Message string `json:"message"`
}

// Fault says whose fault the end of an attempt was.
type Fault string

// The faults. Only the agent's count against max_dispatch_attempts.
const (
	NoFault    Fault = ""
	AgentFault Fault = "agent"
	InfraFault Fault = "infra"
)

// Attempt is one dispatch of an agent on a bead.
type Attempt struct {
	Run     Run     `json:"run"`
	Agent   AgentID `json:"agent"`
	Started Time    `json:"started"`
	Ended   Time    `json:"ended,omitempty"` // zero while it goes on
	Outcome string  `json:"outcome,omitempty" share:"keep"`
	Reason  string  `json:"reason,omitempty"`
	Fault   Fault   `json:"fault,omitempty"`
	// Tokens (in and out) and Micros (millionths of a dollar) are what the run says it consumed.
	Tokens int64 `json:"tokens,omitempty"`
	Micros int64 `json:"micros,omitempty"`
}

// How an attempt can end.
const (
	AttemptDone      = "done"
	AttemptFailed    = "failed"
	AttemptNoDone    = "exited_without_done"
	AttemptNoChanges = "no_changes"
	AttemptLost      = "agent_lost"
	AttemptRejected  = "dispatch_rejected"
	AttemptTimeout   = "timeout"
	AttemptEvicted   = "evicted"
	AttemptCancelled = "cancelled"
	AttemptStopped   = "stopped"
	AttemptUnmerged  = "merge_failed"
	// AttemptAstray has work that is not on the bead's branch, or another bead's on it.
	AttemptAstray   = "work_astray"
	AttemptConflict = "conflict"
	AttemptGate     = "gate_failed"
	AttemptChanges  = "changes_requested"
	// AttemptGateBroken is a merge that a gate kept back which does not pass on the target alone either.
	AttemptGateBroken = "gate_broken"
	// AttemptTargetMoved is a merge that was tested on a target that has moved since.
	AttemptTargetMoved = "target_moved"
	// AttemptPushRefused is a merge that passed its gates and that the remote did not take.
	AttemptPushRefused = "push_refused"
	// AttemptReferences is a merge of which a fresh clone would not get all that it names.
	AttemptReferences = "references_missing"
	// AttemptNoRemote could not be prepared, since the rig's remote did not answer or lacks the target.
	AttemptNoRemote = "no_remote"
)

// MergePart is what a merge request has beyond a bead.
type MergePart struct {
	Source BeadID `json:"source"` // the issue or convoy it is for
	Branch string `json:"branch" share:"branch"`
	Target string `json:"target" share:"branch"`
	// Head is the commit the agent said is done; what is merged must be it.
	Head    string `json:"head,omitempty" share:"keep"`
	Summary string `json:"summary,omitempty"`
	// NoChanges is the reason the agent gave for having changed nothing, if it did.
	NoChanges   string      `json:"noChanges,omitempty"`
	Verify      VerifyState `json:"verify,omitempty"`
	VerifyAsked Time        `json:"verifyAsked,omitempty"`
	VerifyTry   int         `json:"verifyTry,omitempty"`
	VerifyError string      `json:"verifyError,omitempty"`
	// VerifyClass is the class of that error.
	VerifyClass string `json:"verifyClass,omitempty" share:"keep"`
	Ahead       int    `json:"ahead,omitempty"` // commits the branch is ahead of its target
	Reworks     int    `json:"reworks,omitempty"`
	MergeCommit string `json:"mergeCommit,omitempty" share:"keep"`
	// Before is set when MergeCommit was in the target already, without the town's gates.
	Before bool `json:"before,omitempty"`
	// Push is what is being published for it; also of a merge request that has ended meanwhile.
	Push *PushPart `json:"push,omitempty"`
	// Late is the look for commits that came after it was verified, where some can have.
	Late *LatePart `json:"late,omitempty"`
	// Obstacle keeps it from being merged for now.
	Obstacle *Obstacle `json:"obstacle,omitempty"`
	// Moved is how often its target moved while it was tested.
	Moved int `json:"moved,omitempty"`
	// Ungated is set where it is merged without having run the gates on what it is merged into, since that moves
	// faster than they run.
	Ungated bool `json:"ungated,omitempty"`
	// Flaky are the gates that passed only when they were run again, in the newest test.
	Flaky []string `json:"flaky,omitempty" share:"keep"`
	// PR is the pull request that it waits for, in the pr strategy.
	PR *PullPart `json:"pullRequest,omitempty"`
}

// VerifyState says how far the check of a merge request's branch is.
type VerifyState string

// The states of verification.
const (
	NotVerified VerifyState = ""
	VerifyAsked VerifyState = "asked"
	Verified    VerifyState = "verified"
)

// MergeMode says how the work of a convoy gets to the rig's default branch.
type MergeMode string

// The merge modes.
const (
	// ReviewThenLand merges the members into a feature branch and lands that at the end.
	ReviewThenLand MergeMode = "review-then-land"
	// ReviewAndMerge merges each member into the default branch by itself.
	ReviewAndMerge MergeMode = "review-and-merge"
)

// ConvoyPart is what a convoy has beyond a bead. Its members are the issues that track it.
type ConvoyPart struct {
	Branch         string    `json:"branch,omitempty" share:"branch"` // feature branch, in review-then-land
	Made           bool      `json:"made,omitempty"`                  // the feature branch exists: something was merged into it
	Mode           MergeMode `json:"mergeMode"`
	Staged         bool      `json:"staged,omitempty"` // members wait until it is started
	Ready          bool      `json:"readyToLand,omitempty"`
	Members        int       `json:"members"`
	Done           int       `json:"done"`
	Landings       int       `json:"landingAttempts,omitempty"`
	LastLanding    Time      `json:"lastLandingAttempt,omitempty"`
	Landed         Time      `json:"landedAt,omitempty"`
	LandingRequest BeadID    `json:"landingRequest,omitempty"` // its latest landing merge request
}

// HasLabel reports whether the bead carries exactly this label.
func (b *Bead) HasLabel(label string) bool { return slices.Contains(b.Labels, label) }

// Rework reports whether the bead is work on an existing merge request's branch, which is done
// without a review of its own.
func (b *Bead) Rework() bool {
	return b.HasLabel(LabelRework) || b.HasLabel(LabelPRFeedback) || b.HasLabel(LabelConflict)
}

// Live reports whether the bead still has a way to go.
func (b *Bead) Live() bool { return !b.Status.Terminal() }

// FailedAttempts counts the ended attempts since the last retry that were the agent's fault.
func (b *Bead) FailedAttempts() int { return b.countFaults(AgentFault) }

// InfraAttempts counts the ended attempts since the last retry that were the infrastructure's fault.
func (b *Bead) InfraAttempts() int { return b.countFaults(InfraFault) }

func (b *Bead) countFaults(f Fault) int {
	n := 0
	for _, a := range b.sinceRetry() {
		if a.Fault == f {
			n++
		}
	}
	return n
}

// lastAttempt returns the newest attempt, or nil.
func (b *Bead) lastAttempt() *Attempt {
	if len(b.Attempts) == 0 {
		return nil
	}
	return &b.Attempts[len(b.Attempts)-1]
}

// sinceRetry are the attempts since the last explicit retry.
func (b *Bead) sinceRetry() []Attempt {
	return b.Attempts[min(max(b.Forgiven, 0), len(b.Attempts)):]
}

// keptAttempts is how many attempts that do not count a bead keeps on record: enough to see what went
// on, and a bound for a bead whose runs are evicted, or whose clones fail, for weeks.
const keptAttempts = 50

// begin adds an attempt. Of those that do not count against the cap the oldest leave the record.
func (b *Bead) begin(at Attempt) {
	b.Attempts = append(b.Attempts, at)
	counts := func(i int) bool { return i >= b.Forgiven && b.Attempts[i].Fault == AgentFault }
	others := 0
	for i := range b.Attempts {
		if !counts(i) {
			others++
		}
	}
	if others <= keptAttempts {
		return
	}
	var kept []Attempt
	forgiven, triaged := b.Forgiven, b.Triaged
	for i := range b.Attempts {
		if !counts(i) && others > keptAttempts {
			others--
			if i < b.Forgiven {
				forgiven--
			}
			if i < b.Triaged {
				triaged--
			}
			continue
		}
		kept = append(kept, b.Attempts[i])
	}
	b.Attempts, b.Forgiven, b.Triaged = kept, forgiven, triaged
}

// lastReason is what the newest ended attempt says about its end.
func (b *Bead) lastReason() string {
	for i := len(b.Attempts) - 1; i >= 0; i-- {
		if a := b.Attempts[i]; a.Ended != 0 && a.Fault != NoFault {
			if a.Reason == "" {
				return a.Outcome
			}
			return a.Outcome + ": " + a.Reason
		}
	}
	return "no attempt on record"
}

func (b *Bead) clone() *Bead {
	c := *b
	c.Labels = slices.Clone(b.Labels)
	c.Attempts = slices.Clone(b.Attempts)
	c.Failure = clonePtr(b.Failure)
	c.Merge = b.Merge.clone()
	c.Convoy = clonePtr(b.Convoy)
	c.Escalation = clonePtr(b.Escalation)
	c.Triage = b.Triage.clone()
	c.Message = clonePtr(b.Message)
	c.Metadata = cloneMap(b.Metadata)
	return &c
}

func (b *Bead) code(c *coder) {
	codeString(c, &b.ID)
	codeString(c, &b.Type)
	codeString(c, &b.Status)
	codeString(c, &b.Title)
	codeString(c, &b.Body)
	codeString(c, &b.Rig)
	codeString(c, &b.Parent)
	codeString(c, &b.Assignee)
	codeString(c, &b.Priority)
	codeSlice(c, &b.Labels, codeString)
	codeString(c, &b.CreatedBy)
	codeInt(c, &b.Created)
	codeInt(c, &b.Updated)
	codeInt(c, &b.Since)
	codeInt(c, &b.Closed)
	codeInt(c, &b.Order)
	codeInt(c, &b.Held)
	codeString(c, &b.HeldReason)
	codeInt(c, &b.Timeout)
	codeSlice(c, &b.Attempts, codeAttempt)
	codeInt(c, &b.Forgiven)
	codeInt(c, &b.Triaged)
	codeString(c, &b.Branch)
	codeString(c, &b.Checkpoint)
	codeString(c, &b.Outcome)
	codePtr(c, &b.Failure, func(c *coder, f *Failure) {
		codeString(c, &f.Code)
		codeString(c, &f.Message)
	})
	codePtr(c, &b.Merge, codeMergePart)
	codePtr(c, &b.Convoy, codeConvoyPart)
	codePtr(c, &b.Escalation, codeEscalationPart)
	codePtr(c, &b.Triage, codeTriagePart)
	codePtr(c, &b.Message, codeMessagePart)
	codeMap(c, &b.Metadata, codeString)
}

func codeAttempt(c *coder, a *Attempt) {
	codeInt(c, &a.Run)
	codeString(c, &a.Agent)
	codeInt(c, &a.Started)
	codeInt(c, &a.Ended)
	codeString(c, &a.Outcome)
	codeString(c, &a.Reason)
	codeString(c, &a.Fault)
	codeInt(c, &a.Tokens)
	codeInt(c, &a.Micros)
}

func codeMergePart(c *coder, m *MergePart) {
	codeString(c, &m.Source)
	codeString(c, &m.Branch)
	codeString(c, &m.Target)
	codeString(c, &m.Head)
	codeString(c, &m.Summary)
	codeString(c, &m.NoChanges)
	codeString(c, &m.Verify)
	codeInt(c, &m.VerifyAsked)
	codeInt(c, &m.VerifyTry)
	codeString(c, &m.VerifyError)
	codeString(c, &m.VerifyClass)
	codeInt(c, &m.Ahead)
	codeInt(c, &m.Reworks)
	codeString(c, &m.MergeCommit)
	codeBool(c, &m.Before)
	codePtr(c, &m.Push, func(c *coder, p *PushPart) { p.code(c) })
	codePtr(c, &m.Late, func(c *coder, p *LatePart) { p.code(c) })
	codePtr(c, &m.Obstacle, func(c *coder, o *Obstacle) { o.code(c) })
	codeInt(c, &m.Moved)
	codeBool(c, &m.Ungated)
	codeSlice(c, &m.Flaky, codeString)
	codePtr(c, &m.PR, codePullPart)
}

func codeConvoyPart(c *coder, p *ConvoyPart) {
	codeString(c, &p.Branch)
	codeBool(c, &p.Made)
	codeString(c, &p.Mode)
	codeBool(c, &p.Staged)
	codeBool(c, &p.Ready)
	codeInt(c, &p.Members)
	codeInt(c, &p.Done)
	codeInt(c, &p.Landings)
	codeInt(c, &p.LastLanding)
	codeInt(c, &p.Landed)
	codeString(c, &p.LandingRequest)
}
