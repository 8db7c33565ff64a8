package town

// The payloads of the events about silence, nudges, messages, triage and notices.

type (
	// TriageResolved decides a triage request. From an agent it counts only if that is the triage
	// agent, at the run that holds the request.
	TriageResolved struct {
		Resolution Resolution `json:"resolution" doc:"One of the request's options."`
		Bead       BeadID     `json:"bead,omitempty" doc:"What it is carried out on: what the request is about (default), or the other end of its merge request."`
		Note       string     `json:"note,omitempty" doc:"Why; of a nudge, what is said."`
	}
	// NudgeRequested wants an agent that runs to be told something.
	NudgeRequested struct {
		To      AgentID `json:"to" doc:"The agent that should hear it."`
		Message string  `json:"message" doc:"What it should hear."`
	}
	// MessageSent is mail for an agent, or for people (see ToPeople).
	MessageSent struct {
		To      string `json:"to" doc:"An agent, or people." share:"keep"`
		Subject string `json:"subject" doc:"One line."`
		Body    string `json:"body,omitempty" doc:"At most 64 KiB."`
	}
	// MessageRead says that messages were read by whom they are for: an agent's are its own, a
	// person's may be anybody's.
	MessageRead struct {
		Messages []BeadID `json:"messages" doc:"The messages that have been read."`
	}

	// ActivityStopped says since when a process has written nothing.
	ActivityStopped struct {
		Since Time `json:"since" doc:"When it wrote last."`
	}
	// ActivityResumed says that it writes again.
	ActivityResumed struct{}

	// NudgeArrived says that a nudge is where its agent's side can read it.
	NudgeArrived struct {
		Nudge NudgeID `json:"nudge" doc:"The nudge that has arrived."`
	}
	// NudgeFailed says why it is not.
	NudgeFailed struct {
		Nudge  NudgeID `json:"nudge" doc:"The nudge that has not arrived."`
		Reason string  `json:"reason" doc:"Why not."`
	}
	// PeopleNotified says that every webhook took a notice of an escalation, or why one did not.
	PeopleNotified struct {
		Notice int    `json:"notice" doc:"The first is 1; each re-escalation has another."`
		Error  string `json:"error,omitempty" doc:"Why nobody could be told, if so."`
	}
)

// Type implements Payload.
func (*TriageResolved) Type() EventType  { return "triage_resolved" }
func (*NudgeRequested) Type() EventType  { return "nudge_requested" }
func (*MessageSent) Type() EventType     { return "message_sent" }
func (*MessageRead) Type() EventType     { return "message_read" }
func (*ActivityStopped) Type() EventType { return "activity_stopped" }
func (*ActivityResumed) Type() EventType { return "activity_resumed" }
func (*NudgeArrived) Type() EventType    { return "nudge_delivered" }
func (*NudgeFailed) Type() EventType     { return "nudge_failed" }
func (*PeopleNotified) Type() EventType  { return "people_notified" }
