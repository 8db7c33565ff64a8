package town

import (
	"encoding/json"
	"fmt"
	"strings"
)

// EventType names a kind of event: noun, past verb.
type EventType string

// Source says who sends events of a type.
type Source string

// The sources of events.
const (
	FromPeople  Source = "people"
	FromAgents  Source = "agents"
	FromRuntime Source = "the runtime"
	FromEffects Source = "effects"
)

// Event is a fact that came in.
type Event struct {
	Seq   Seq       `json:"seq"`
	ID    string    `json:"eventId"` // UUIDv7; the sender may set it
	Type  EventType `json:"eventType"`
	Agent AgentID   `json:"agentId,omitempty"`
	Run   Run       `json:"run,omitempty"`
	Bead  BeadID    `json:"beadId,omitempty"`
	// By says who sent it, for the record: "admin", an agent, "observer".
	By      string  `json:"by,omitempty"`
	Created Time    `json:"createdAt"`
	Payload Payload `json:"payload"`
}

// Payload is the typed content of an event. Its apply method changes the state, or refuses before
// it has changed anything.
type Payload interface {
	// Type is the event type that the payload belongs to.
	Type() EventType
	apply(t *tick, e *Event) *Refusal
}

// Verdict says what became of an event.
type Verdict string

// The verdicts on an event.
const (
	Applied  Verdict = "applied"
	Ignored  Verdict = "ignored"  // came too late or twice; nothing is wrong
	Rejected Verdict = "rejected" // cannot be applied
)

// Codes of refusals, for callers that must react.
const (
	CodeNotFound  = "not_found"
	CodeConflict  = "conflict"
	CodeInvalid   = "invalid"
	CodeForbidden = "forbidden"
)

// Refusal says why an event was not applied.
type Refusal struct {
	Verdict Verdict `json:"verdict"`
	Code    string  `json:"code"`
	Field   string  `json:"field,omitempty"`
	Reason  string  `json:"reason"`
}

func ignore(format string, args ...any) *Refusal {
	return &Refusal{Verdict: Ignored, Code: CodeConflict, Reason: fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) *Refusal {
	return &Refusal{Verdict: Rejected, Code: CodeConflict, Reason: fmt.Sprintf(format, args...)}
}

func notFound(field, format string, args ...any) *Refusal {
	return &Refusal{Verdict: Rejected, Code: CodeNotFound, Field: field, Reason: fmt.Sprintf(format, args...)}
}

func invalid(field, format string, args ...any) *Refusal {
	return &Refusal{Verdict: Rejected, Code: CodeInvalid, Field: field, Reason: fmt.Sprintf(format, args...)}
}

// EventOutcome is the record of what became of one event in a tick.
type EventOutcome struct {
	Seq     Seq       `json:"seq"`
	Type    EventType `json:"eventType"`
	Verdict Verdict   `json:"outcome"`
	Code    string    `json:"code,omitempty"`
	Field   string    `json:"field,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	// Made are the ids of what the event created, in the order of its payload.
	Made []string `json:"made,omitempty"`
}

func (o *EventOutcome) code(c *coder) {
	codeInt(c, &o.Seq)
	codeString(c, &o.Type)
	codeString(c, &o.Verdict)
	codeString(c, &o.Code)
	codeString(c, &o.Field)
	codeString(c, &o.Reason)
	codeSlice(c, &o.Made, codeString)
}

// EventSpec describes an event type.
type EventSpec struct {
	Type EventType
	From Source
	Doc  string
	New  func() Payload
}

// EncodePayload writes a payload as the journal keeps it: JSON, so that people can read it.
func EncodePayload(p Payload) ([]byte, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("cannot write payload of %s: %w", p.Type(), err)
	}
	return data, nil
}

// DecodePayload reads the payload of an event of the given type. Unknown types and unknown fields
// are errors.
func DecodePayload[T ~string | ~[]byte](typ EventType, data T) (Payload, error) {
	spec, ok := eventSpec(typ)
	if !ok {
		return nil, fmt.Errorf("unknown event type %q", typ)
	}
	p := spec.New()
	if len(data) == 0 || spec.flat && readFlat(spec.fields, string(data), p) {
		return p, nil
	}
	p = spec.New()
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(p); err != nil {
		return nil, fmt.Errorf("cannot read payload of %s: %w", typ, err)
	}
	return p, nil
}

// knownEvent is an event type's description, and how its payload is read if that is flat.
type knownEvent struct {
	EventSpec
	fields []flatField
	flat   bool
}

// eventSpecs finds a type's description; it is made once and only read.
var eventSpecs = func() map[EventType]knownEvent {
	m := make(map[EventType]knownEvent)
	for _, s := range EventSpecs() {
		k := knownEvent{EventSpec: s}
		k.fields, k.flat = flatFields(s.New())
		m[s.Type] = k
	}
	return m
}()

func eventSpec(typ EventType) (knownEvent, bool) {
	s, ok := eventSpecs[typ]
	return s, ok
}
