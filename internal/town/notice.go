package town

import "slices"

// Escalations and triage requests: what the town, or an agent, wants to be looked at. Both have a
// cause, and as long as one of a cause lives no second one is made.

// Severity says how urgent an escalation is.
type Severity string

// The severities, least urgent first.
const (
	SeverityLow      Severity = "low"
	SeverityMedium   Severity = "medium"
	SeverityHigh     Severity = "high"
	SeverityCritical Severity = "critical"
)

// EscalationPart is what an escalation has beyond a bead.
type EscalationPart struct {
	Severity Severity `json:"severity"`
	Category string   `json:"category" share:"word"`
	Cause    string   `json:"cause" share:"cause"` // equal causes are one escalation
	About    BeadID   `json:"about,omitempty"`
	// Standing says that a rule closes it once its cause is over, also if nobody acknowledges it.
	Standing     bool `json:"standing,omitempty"`
	Acknowledged Time `json:"acknowledged,omitempty"`
	// Raised is how often people were told again because nobody acknowledged it, and LastRaised
	// when they were told last.
	Raised     int  `json:"raised,omitempty"`
	LastRaised Time `json:"lastRaised,omitempty"`
	// Agent and Run say which agent raised it, if one did, and Request which triage request was made
	// of it.
	Agent   AgentID `json:"agent,omitempty"`
	Run     Run     `json:"run,omitempty"`
	Request BeadID  `json:"request,omitempty"`
	Notice  Notice  `json:"notice"`
}

func codeEscalationPart(c *coder, e *EscalationPart) {
	codeString(c, &e.Severity)
	codeString(c, &e.Category)
	codeString(c, &e.Cause)
	codeString(c, &e.About)
	codeBool(c, &e.Standing)
	codeInt(c, &e.Acknowledged)
	codeInt(c, &e.Raised)
	codeInt(c, &e.LastRaised)
	codeString(c, &e.Agent)
	codeInt(c, &e.Run)
	codeString(c, &e.Request)
	e.Notice.code(c)
}

// TriageKind says what got stuck.
type TriageKind string

// The kinds of triage requests.
const (
	TriageStuckAgent    TriageKind = "stuck_agent"
	TriageCrashLoop     TriageKind = "crash_loop"
	TriageEscalation    TriageKind = "escalation"
	TriageMergeConflict TriageKind = "merge_conflict"
	TriageHelp          TriageKind = "help"
)

// TriagePart is what a triage request has beyond a bead.
type TriagePart struct {
	Kind  TriageKind `json:"kind"`
	Cause string     `json:"cause" share:"cause"` // equal causes are one request
	About BeadID     `json:"about,omitempty"`
	Agent AgentID    `json:"agent,omitempty"`
	Run   Run        `json:"run,omitempty"` // which of the agent's it is about
	// Options are what may be decided; Resolution is what was, by whom, and why.
	Options    []Resolution `json:"options,omitempty"`
	Resolution Resolution   `json:"resolution,omitempty"`
	ResolvedBy string       `json:"resolvedBy,omitempty" share:"keep"`
	Note       string       `json:"note,omitempty"`
}

func (p *TriagePart) clone() *TriagePart {
	c := clonePtr(p)
	if c != nil {
		c.Options = slices.Clone(p.Options)
	}
	return c
}

func codeTriagePart(c *coder, p *TriagePart) {
	codeString(c, &p.Kind)
	codeString(c, &p.Cause)
	codeString(c, &p.About)
	codeString(c, &p.Agent)
	codeInt(c, &p.Run)
	codeSlice(c, &p.Options, codeString)
	codeString(c, &p.Resolution)
	codeString(c, &p.ResolvedBy)
	codeString(c, &p.Note)
}

// cause is what an escalation or a triage request is made for, and "" for any other bead.
func (b *Bead) cause() cause {
	switch {
	case b.Escalation != nil:
		return cause{Escalation, b.Escalation.Cause}
	case b.Triage != nil:
		return cause{TriageRequest, b.Triage.Cause}
	}
	return cause{}
}

// cause names why a notice of a type was made.
type cause struct {
	typ BeadType
	key string
}

// about is the bead that an escalation or a triage request is about, or "".
func (b *Bead) about() BeadID {
	switch {
	case b.Escalation != nil:
		return b.Escalation.About
	case b.Triage != nil:
		return b.Triage.About
	}
	return ""
}

// noticeOf returns the live escalation or triage request of a cause, or nil.
func (s *State) noticeOf(typ BeadType, key string) *Bead {
	for _, id := range s.ix.noticesOf[cause{typ, key}] {
		return s.beads[id]
	}
	return nil
}

// escalate is the action that makes an escalation of a cause, or none if there is one already.
func (s *State) escalate(e EscalationPart, rig RigID, title, reason string) []Action {
	if s.noticeOf(Escalation, e.Cause) != nil {
		return nil
	}
	return []Action{{
		Kind: CreateEscalation, Bead: e.About, Rig: rig, Reason: reason, Title: title,
		Severity: e.Severity, Category: e.Category, Cause: e.Cause, Standing: e.Standing,
	}}
}

func (t *tick) createEscalation(a *Action) string {
	if o := t.s.noticeOf(Escalation, a.Cause); o != nil {
		return string(o.ID) + " says so already"
	}
	made := t.addBead(Bead{
		Type: Escalation, Title: clip(a.Title, maxTitle), Body: a.Reason, Rig: a.Rig, CreatedBy: a.Rule,
		Escalation: &EscalationPart{Severity: a.Severity, Category: a.Category, Cause: a.Cause, About: a.Bead, Standing: a.Standing},
	})
	a.Made = made.ID
	return ""
}
