package town

// Wait says why a rule does not act, and until when.
type Wait struct {
	Rule string `json:"rule"`
	// Code names the kind of reason; programs, pages and tests go by it and never by the wording.
	Code WaitCode `json:"code" doc:"Kind of reason, from the table of waits."`
	// Reason is the sentence for people, with the names and numbers of this case.
	Reason string `json:"reason"`
	// Until is when the rule will act or look again by itself; zero if only an event can help.
	Until Time `json:"until,omitempty"`
	// On is who or what it waits for, if that has a name.
	On string `json:"on,omitempty"`
}

// WaitCode is a kind of reason to wait.
type WaitCode string

const (
	WaitBlocked       WaitCode = "blocked"
	WaitBlockerFailed WaitCode = "blocker_failed"
	WaitHeld          WaitCode = "held"
	WaitStaged        WaitCode = "staged"
	WaitBackOff       WaitCode = "back_off"
	WaitNoSlot        WaitCode = "no_slot"
	WaitPaused        WaitCode = "paused"
	WaitDraining      WaitCode = "draining"
	WaitBudget        WaitCode = "budget"
	WaitBreaker       WaitCode = "breaker"
	WaitNotConfigured WaitCode = "not_configured"
	WaitExhausted     WaitCode = "exhausted"
	WaitGateBroken    WaitCode = "gate_broken"
	WaitInQueue       WaitCode = "in_queue"
	WaitInReview      WaitCode = "in_review"
	WaitVerifying     WaitCode = "verifying"
	WaitPushRefused   WaitCode = "push_refused"
	WaitRemote        WaitCode = "remote"
	WaitTargetMissing WaitCode = "target_missing"
	WaitRewritten     WaitCode = "target_rewritten"
	WaitPullChecks    WaitCode = "pr_checks"
	WaitPullReview    WaitCode = "pr_review"
	WaitPullConflict  WaitCode = "pr_conflict"
	WaitPullPoll      WaitCode = "pr_poll"
	WaitPullMerge     WaitCode = "pr_merge"
	WaitPolicy        WaitCode = "policy"
	WaitNeedsPerson   WaitCode = "needs_person"
	WaitAcknowledged  WaitCode = "acknowledged"
	WaitInTriage      WaitCode = "in_triage"
	WaitNotifying     WaitCode = "notifying"
	WaitNotNotified   WaitCode = "not_notified"
	WaitUnread        WaitCode = "unread"
	WaitDelivering    WaitCode = "delivering"
	WaitRunning       WaitCode = "running"
	WaitNoAgent       WaitCode = "no_agent"
	WaitStarting      WaitCode = "starting"
	WaitStopping      WaitCode = "stopping"
	WaitInactive      WaitCode = "inactive"
	WaitStalled       WaitCode = "stalled"
	WaitRetention     WaitCode = "retention"
	WaitViolation     WaitCode = "violation"
)

// Ender is who can end a wait.
type Ender string

const (
	// EndedByTown is a wait that the town ends by itself, by its other work or when the time has come.
	EndedByTown Ender = "town"
	// EndedByPerson is a wait that ends only when a person does something.
	EndedByPerson Ender = "person"
	// EndedByWorld is a wait for a process, a forge or another program.
	EndedByWorld Ender = "world"
)

// WaitSpec describes a kind of wait.
type WaitSpec struct {
	Code WaitCode
	// Doc is the sentence that holds for every wait of this kind.
	Doc   string
	Ender Ender
}

// waits is every kind of wait, in the order of the reference.
var waits = []WaitSpec{
	{WaitBlocked, "It waits for another bead to be merged or closed.", EndedByTown},
	{WaitBlockerFailed, "What it waits for has failed: retry or cancel that, or remove the dependency.", EndedByPerson},
	{WaitHeld, "A person holds it.", EndedByPerson},
	{WaitStaged, "Its convoy has not been started.", EndedByPerson},
	{WaitBackOff, "It failed a moment ago and is tried again after a back-off.", EndedByTown},
	{WaitNoSlot, "Every agent or place for it is taken.", EndedByTown},
	{WaitPaused, "The town is paused.", EndedByPerson},
	{WaitDraining, "The town is being drained.", EndedByTown},
	{WaitBudget, "The budget of the day is spent.", EndedByTown},
	{WaitBreaker, "Starts of this kind keep failing, and the breaker holds them back.", EndedByTown},
	{WaitNotConfigured, "A rig, an agent or a setting that it needs is missing.", EndedByPerson},
	{WaitExhausted, "Its attempts are used up, and it fails.", EndedByTown},
	{WaitGateBroken, "A gate of its rig does not pass on the target itself; it is tried again after a back-off.", EndedByWorld},
	{WaitInQueue, "It waits for its turn behind others.", EndedByTown},
	{WaitInReview, "It waits for its merge request.", EndedByTown},
	{WaitVerifying, "Its branch, or what was pushed for it, is being verified.", EndedByWorld},
	{WaitPushRefused, "The remote does not take its merge; it is tried again after a back-off.", EndedByPerson},
	{WaitRemote, "The rig's remote does not answer; it is tried again every minute.", EndedByWorld},
	{WaitTargetMissing, "Its target branch is not at the remote: name another with rig set --branch, or bring it back; it is tried again every minute.", EndedByPerson},
	{WaitRewritten, "It is built on commits that were taken out of its target by force, and merging it would bring them back: transplant its own commits, or bring the history back.", EndedByPerson},
	{WaitPullChecks, "Its pull request is not green, or not for long enough.", EndedByWorld},
	{WaitPullReview, "Its pull request waits for an approval.", EndedByPerson},
	{WaitPullConflict, "Its pull request has conflicts with its target.", EndedByTown},
	{WaitPullPoll, "Its pull request is polled again.", EndedByWorld},
	{WaitPullMerge, "The forge is asked to merge its pull request.", EndedByWorld},
	{WaitPolicy, "The settings leave the next step to a person.", EndedByPerson},
	{WaitNeedsPerson, "It needs a person.", EndedByPerson},
	{WaitAcknowledged, "A person has acknowledged it, and it ends with what it is about.", EndedByTown},
	{WaitInTriage, "Triage decides about it.", EndedByTown},
	{WaitNotifying, "A notification of it is being sent.", EndedByWorld},
	{WaitNotNotified, "No notification of it could be delivered.", EndedByPerson},
	{WaitUnread, "Its recipient has not read it.", EndedByWorld},
	{WaitDelivering, "It has not been delivered to its agent yet.", EndedByWorld},
	{WaitRunning, "An agent has it.", EndedByWorld},
	{WaitNoAgent, "It is in progress and no agent works on it.", EndedByTown},
	{WaitStarting, "The agent's process is being started.", EndedByWorld},
	{WaitStopping, "The agent's process is being stopped.", EndedByWorld},
	{WaitInactive, "The agent shows no activity.", EndedByWorld},
	{WaitStalled, "The agent is stalled.", EndedByTown},
	{WaitRetention, "It is kept for a while and then deleted or archived.", EndedByTown},
	{WaitViolation, "An invariant does not hold for it.", EndedByPerson},
}

// WaitSpecs lists every kind of wait.
func WaitSpecs() []WaitSpec { return append([]WaitSpec(nil), waits...) }

// Spec returns the description of the kind of wait; ok is false if there is no such code.
func (c WaitCode) Spec() (spec WaitSpec, ok bool) {
	for _, w := range waits {
		if w.Code == c {
			return w, true
		}
	}
	return WaitSpec{}, false
}

// recheckEvery and recheckSpread bound how long anything that waits for an event alone is left
// unattended: should a wake-up ever be lost, the town heals from that within 10 to 20 minutes. The
// spread, by id, keeps thousands of beads that began to wait together from coming due together.
const (
	recheckEvery  = 10 * Minute
	recheckSpread = 10 * Minute
)

// lookAgain is when the subject of the wait is looked at again if nothing happens before.
func (w *Wait) lookAgain(now Time, r ref) Time {
	if w.Until > now {
		return w.Until
	}
	return now.Add(recheckEvery + r.spread(recheckSpread))
}

// spread is a part of d that is always the same for the same entity and evenly spread over many.
func (r ref) spread(d Duration) Duration {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(r.ID) {
		h = (h ^ uint64(r.ID[i])) * 1099511628211
	}
	return Duration(h % uint64(d))
}

// wait is the look of a rule that waits.
func wait(code WaitCode, until Time, on, reason string) Look {
	return Look{Wait: &Wait{Code: code, Reason: reason, Until: until, On: on}}
}
