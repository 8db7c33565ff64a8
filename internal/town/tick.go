package town

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
)

// RuleSet is the version of the rules. It is raised whenever the same state and events would lead
// to other actions; the histories that internal/replay keeps show whether they would.
//
//	1  dispatch, the merge queue, convoys, escalations
//	2  pull requests, breakers, drains, budgets, silence, triage, recoveries of 18 invariants
//	3  whatever is wrong is found before the rules act on it, and told by the name of its recovery; gates that are broken
const RuleSet = 3

// entityVersion is written with every stored entity; code methods read older versions by looking
// at the coder's version.
const entityVersion = 1

// Digest is a fingerprint of the whole state: the sum of its entities' hashes, so that it can be
// kept up with the changes alone and does not depend on any order.
type Digest [32]byte

// String prints the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(b []byte) error {
	raw, err := hex.DecodeString(string(b))
	if err != nil || len(raw) != len(d) {
		return fmt.Errorf("a digest has %d hexadecimal digits", 2*len(d))
	}
	copy(d[:], raw)
	return nil
}

// add and sub treat the digest as four numbers that wrap around.
func (d *Digest) add(o Digest) {
	for i := 0; i < len(d); i += 8 {
		binary.LittleEndian.PutUint64(d[i:], binary.LittleEndian.Uint64(d[i:])+binary.LittleEndian.Uint64(o[i:]))
	}
}

func (d *Digest) sub(o Digest) {
	for i := 0; i < len(d); i += 8 {
		binary.LittleEndian.PutUint64(d[i:], binary.LittleEndian.Uint64(d[i:])-binary.LittleEndian.Uint64(o[i:]))
	}
}

// hashEntity is an entity's part of the digest.
func hashEntity(r ref, data []byte) Digest {
	var room [512]byte // most fit, and then nothing is allocated
	b := append(room[:0], r.Kind...)
	b = append(b, 0)
	b = append(b, r.ID...)
	b = append(b, 0)
	b = append(b, data...)
	return sha256.Sum256(b)
}

// Kind says what an entity is.
type Kind string

// The kinds of entities.
const (
	KindTown       Kind = "town"
	KindCounters   Kind = "counters"
	KindRig        Kind = "rig"
	KindBead       Kind = "bead"
	KindAgent      Kind = "agent"
	KindDependency Kind = "dependency"
	KindBreaker    Kind = "breaker"
	KindUsage      Kind = "usage"
	KindNudge      Kind = "nudge"
	// KindViolationTotals is the town's one ViolationTotals.
	KindViolationTotals Kind = "violation_totals"
)

// Change is an entity as it stood after a tick. Data is empty if it is gone; Archived says that
// it then went to the archive, with its last state in Data.
type Change struct {
	Kind     Kind   `json:"kind"`
	ID       string `json:"id"`
	Gone     bool   `json:"gone,omitempty"`
	Archived bool   `json:"archived,omitempty"`
	Version  int    `json:"version"`
	Data     []byte `json:"-"`
}

func (x *Change) code(c *coder) {
	codeString(c, &x.Kind)
	codeString(c, &x.ID)
	codeBool(c, &x.Gone)
	codeBool(c, &x.Archived)
	codeInt(c, &x.Version)
	codeBytes(c, &x.Data)
}

// Violation is an invariant that does not hold. One that lasts is recorded when it appears and when
// it is over, and not in between.
type Violation struct {
	Invariant int            `json:"invariant"`
	Message   string         `json:"message"`
	Kind      Kind           `json:"kind"`
	ID        string         `json:"id"`
	State     ViolationState `json:"state"`
	// Recovered says that it was mended in the tick that found it, and does not last.
	Recovered bool `json:"recovered"`
}

// ViolationState says whether a violation begins or ends.
type ViolationState string

// The states of a violation.
const (
	ViolationAppeared ViolationState = "appeared"
	ViolationResolved ViolationState = "resolved"
)

func (v *Violation) code(c *coder) {
	codeInt(c, &v.Invariant)
	codeString(c, &v.Message)
	codeString(c, &v.Kind)
	codeString(c, &v.ID)
	codeString(c, &v.State)
	codeBool(c, &v.Recovered)
}

// Tick is the record of one Step: what it took, what it decided and why, and what changed. Two
// Steps with the same input give records with equal bytes.
type Tick struct {
	No         TickNo         `json:"tick"`
	At         Time           `json:"at"`
	RuleSet    int            `json:"ruleSet"`
	Events     []EventOutcome `json:"events"`
	Actions    []Action       `json:"actions"`
	Changes    []Change       `json:"changes"`
	Violations []Violation    `json:"violations"`
	Digest     Digest         `json:"digest"` // of the state after the tick

	// Effects must be carried out once the record is durable. They are not part of it.
	Effects []Effect `json:"-"`
	// Taken are the events that the tick took, where a journal gives them with the record. They are not
	// part of it either.
	Taken []Event `json:"-"`

	undo *undo
}

// Empty reports whether nothing came in, was decided or changed; such a tick is not recorded and
// its number is used again.
func (t *Tick) Empty() bool {
	return len(t.Events) == 0 && len(t.Actions) == 0 && len(t.Changes) == 0 && len(t.Violations) == 0
}

// Looked is how many entities the Step that made the tick looked at, for as long as that can be reverted; zero
// of a record that was read. It measures the work of a Step without a clock.
func (t *Tick) Looked() int {
	if t.undo == nil {
		return 0
	}
	return len(t.undo.looked)
}

// LastSeq is the newest event the tick took, or zero.
func (t *Tick) LastSeq() Seq {
	if len(t.Events) == 0 {
		return 0
	}
	return t.Events[len(t.Events)-1].Seq
}

func (t *Tick) code(c *coder) {
	codeInt(c, &t.No)
	codeInt(c, &t.At)
	codeInt(c, &t.RuleSet)
	codeSlice(c, &t.Events, func(c *coder, o *EventOutcome) { o.code(c) })
	codeSlice(c, &t.Actions, func(c *coder, a *Action) { a.code(c) })
	codeSlice(c, &t.Changes, func(c *coder, x *Change) { x.code(c) })
	codeSlice(c, &t.Violations, func(c *coder, v *Violation) { v.code(c) })
	codeDigest(c, &t.Digest)
}

// tickFormat is the first byte of an encoded tick.
const tickFormat = 1

// Encode writes the record as the journal keeps it.
func (t *Tick) Encode() []byte { return t.AppendTo(nil) }

// AppendTo writes the record behind what is in buf.
func (t *Tick) AppendTo(buf []byte) []byte {
	size := 64
	for i := range t.Changes {
		size += 48 + len(t.Changes[i].Data)
	}
	buf = slices.Grow(buf, size+48*len(t.Events)+128*len(t.Actions))
	return appendTo(append(buf, tickFormat), t)
}

// DecodeTick reads what Encode wrote. The record goes on using data, which must not be changed any more.
func DecodeTick(data []byte) (*Tick, error) {
	if len(data) == 0 || data[0] != tickFormat {
		return nil, fmt.Errorf("cannot read tick: format is not %d", tickFormat)
	}
	t := new(Tick)
	if err := decode(data[1:], tickFormat, t); err != nil {
		return nil, fmt.Errorf("cannot read tick: %w", err)
	}
	return t, nil
}
