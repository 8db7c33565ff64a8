package town

// The facts about pull requests, as the forge shows them. One look at an open pull request is
// reported as pr_status_changed, pr_conflict_detected or pr_conflict_cleared, pr_feedback_detected
// if there is any, and pr_green or pr_not_green, in this order and all of the same head. What has not
// changed may be left out, but for the first, which is the answer to the look.
type (
	// PRStatusChanged says how a pull request stands: open, merged or closed.
	PRStatusChanged struct {
		Status PRStatus `json:"status" doc:"open, merged or closed."`
		Head   string   `json:"headSha,omitempty" doc:"The commit that the forge shows as its head." share:"keep"`
		Commit string   `json:"commit,omitempty" doc:"The commit that it is in its target as, if it is merged." share:"keep"`
	}
	// PRFeedbackDetected is what somebody, or a check, wants changed.
	PRFeedbackDetected struct {
		Head      string        `json:"headSha" doc:"The commit that the forge shows as its head." share:"keep"`
		Comments  []PRComment   `json:"comments,omitempty" doc:"Unresolved comments that block."`
		Checks    []FailedCheck `json:"checks,omitempty" doc:"Checks with a bad result."`
		Unchecked int           `json:"unchecked,omitempty" doc:"Checks whose result was not read: they block like failing ones."`
	}
	// PRComment is an unresolved comment that blocks.
	PRComment struct {
		Author string `json:"author" doc:"Who wrote it."`
		Place  string `json:"place,omitempty" doc:"File and line."`
		Text   string `json:"text" doc:"What it says."`
	}
	// FailedCheck is a check with a bad result.
	FailedCheck struct {
		Name string `json:"name" doc:"The check."`
		Step string `json:"step,omitempty" doc:"The step of it that failed."`
		Log  string `json:"logTail,omitempty" doc:"The end of its log."`
	}
	// PRConflictDetected says that a pull request conflicts with its target.
	PRConflictDetected struct {
		Head  string   `json:"headSha" doc:"The commit that the forge shows as its head." share:"keep"`
		Files []string `json:"files,omitempty" doc:"Files with conflicts."`
	}
	// PRConflictCleared says that it does not, or no longer.
	PRConflictCleared struct {
		Head string `json:"headSha" doc:"The commit that the forge shows as its head." share:"keep"`
	}
	// PRGreen says that every check that was read is good and no comment blocks.
	PRGreen struct {
		Head             string `json:"headSha" doc:"The commit that the forge shows as its head." share:"keep"`
		Unchecked        int    `json:"unchecked,omitempty" doc:"Checks whose result was not read: they block like failing ones."`
		AwaitingApproval bool   `json:"awaitingApproval,omitempty" doc:"Nobody who must approve it has."`
	}
	// PRNotGreen says what is missing for that, in numbers.
	PRNotGreen struct {
		Head             string `json:"headSha" doc:"The commit that the forge shows as its head." share:"keep"`
		Running          int    `json:"running,omitempty" doc:"Checks without a result."`
		Failing          int    `json:"failing,omitempty" doc:"Checks with a bad result."`
		Comments         int    `json:"comments,omitempty" doc:"Unresolved comments that block."`
		Unchecked        int    `json:"unchecked,omitempty" doc:"Checks whose result was not read: they block like failing ones."`
		AwaitingApproval bool   `json:"awaitingApproval,omitempty" doc:"Nobody who must approve it has."`
	}
	// PRPollFailed says that a pull request could not be looked at.
	PRPollFailed struct {
		Class      ForgeClass `json:"class" doc:"Why not, in one word, such as no_token, not_found or network."`
		Reason     string     `json:"reason,omitempty" doc:"Why not, in words."`
		RetryAfter Duration   `json:"retryAfter,omitempty" doc:"How long the forge wants to be left alone."`
		ResetAt    Time       `json:"resetAt,omitempty" doc:"When the forge takes questions again."`
	}
	// PRMergeFailed says that a pull request was not merged.
	PRMergeFailed struct {
		Head       string     `json:"headSha" doc:"The head that was to be merged." share:"keep"`
		Class      ForgeClass `json:"class" doc:"Why not, in one word, such as no_token, not_found or network."`
		Reason     string     `json:"reason,omitempty" doc:"Why not, in words."`
		RetryAfter Duration   `json:"retryAfter,omitempty" doc:"How long the forge wants to be left alone."`
		ResetAt    Time       `json:"resetAt,omitempty" doc:"When the forge takes questions again."`
	}
)

// PRStatus is how a pull request stands.
type PRStatus string

// The statuses of a pull request.
const (
	PROpen   PRStatus = "open"
	PRMerged PRStatus = "merged"
	PRClosed PRStatus = "closed" // without having been merged
)

// Type implements Payload.
func (*PRStatusChanged) Type() EventType    { return "pr_status_changed" }
func (*PRFeedbackDetected) Type() EventType { return "pr_feedback_detected" }
func (*PRConflictDetected) Type() EventType { return "pr_conflict_detected" }
func (*PRConflictCleared) Type() EventType  { return "pr_conflict_cleared" }
func (*PRGreen) Type() EventType            { return "pr_green" }
func (*PRNotGreen) Type() EventType         { return "pr_not_green" }
func (*PRPollFailed) Type() EventType       { return "pr_poll_failed" }
func (*PRMergeFailed) Type() EventType      { return "pr_merge_failed" }

// pullSpecs describes the events about pull requests.
func pullSpecs() []EventSpec {
	return []EventSpec{
		{"pr_status_changed", FromEffects, "A pull request is open at a head, merged or closed.", func() Payload { return new(PRStatusChanged) }},
		{"pr_feedback_detected", FromEffects, "Comments or failing checks on a pull request want changes.", func() Payload { return new(PRFeedbackDetected) }},
		{"pr_conflict_detected", FromEffects, "A pull request conflicts with its target.", func() Payload { return new(PRConflictDetected) }},
		{"pr_conflict_cleared", FromEffects, "A pull request has no conflicts.", func() Payload { return new(PRConflictCleared) }},
		{"pr_green", FromEffects, "Every check of a pull request is good and no comment blocks it.", func() Payload { return new(PRGreen) }},
		{"pr_not_green", FromEffects, "Something is missing for a pull request to be green.", func() Payload { return new(PRNotGreen) }},
		{"pr_poll_failed", FromEffects, "A pull request could not be looked at.", func() Payload { return new(PRPollFailed) }},
		{"pr_merge_failed", FromEffects, "A pull request was not merged.", func() Payload { return new(PRMergeFailed) }},
	}
}
