package journal

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/s2"

	"gastown/internal/town"
)

// The events of a tick in one piece: a byte that says which format this is, and then, compressed, the
// events one after another. Each, and each string in it, has its length before it; payloads are the JSON
// that the events are kept with, so that nothing is to be upgraded here that is not to be upgraded there.
//
// Whoever replays a history needs every event of every tick. Read one by one, from rows of their own, they
// cost more than all the rest of a replay.
const takenFormat = 1

// maxTaken bounds the memory that a damaged record can ask for.
const maxTaken = 1 << 28

// Taken puts the events of a tick together. The zero value has none.
type Taken struct{ buf, one []byte }

// Add puts an event, with its payload as it is kept, behind the others.
func (x *Taken) Add(e *town.Event, payload []byte) {
	one := x.one[:0]
	for _, n := range []int64{int64(e.Seq), int64(e.Run), int64(e.Created)} {
		one = binary.AppendVarint(one, n)
	}
	for _, s := range []string{e.ID, string(e.Type), string(e.Agent), string(e.Bead), e.By} {
		one = binary.AppendUvarint(one, uint64(len(s)))
		one = append(one, s...)
	}
	one = binary.AppendUvarint(one, uint64(len(payload)))
	one = append(one, payload...)
	x.buf = binary.AppendUvarint(x.buf, uint64(len(one)))
	x.buf = append(x.buf, one...)
	x.one = one
}

// Encode returns what DecodeTaken reads, or nil if there are no events.
func (x *Taken) Encode() []byte {
	if len(x.buf) == 0 {
		return nil
	}
	return append([]byte{takenFormat}, s2.Encode(nil, x.buf)...)
}

// DecodeTaken reads the events that were put together; count is how many there should be. It does not
// keep data.
func DecodeTaken(data []byte, count int) ([]town.Event, error) {
	if len(data) == 0 || data[0] != takenFormat {
		return nil, fmt.Errorf("the events of a tick are not of format %d: %w", takenFormat, ErrDamaged)
	}
	data = data[1:]
	if n, err := s2.DecodedLen(data); err != nil || n > maxTaken {
		return nil, fmt.Errorf("the events of a tick cannot be expanded: %w", ErrDamaged)
	}
	data, err := s2.Decode(nil, data)
	if err != nil {
		return nil, fmt.Errorf("the events of a tick cannot be expanded: %w: %w", ErrDamaged, err)
	}
	out := make([]town.Event, 0, min(count, len(data)))
	for len(data) > 0 {
		size, n := binary.Uvarint(data)
		if n <= 0 || size > uint64(len(data)-n) {
			return nil, fmt.Errorf("event %d of a tick ends too early: %w", len(out)+1, ErrDamaged)
		}
		one := data[n : n+int(size)]
		data = data[n+int(size):]
		// The strings of an event share one memory, but those of a tick do not: a town keeps some of them.
		e, err := (&takenReader{data: one, text: string(one)}).event()
		if err != nil {
			return nil, fmt.Errorf("cannot read event %d of a tick: %w: %w", len(out)+1, ErrDamaged, err)
		}
		out = append(out, e)
	}
	if len(out) != count {
		return nil, fmt.Errorf("a tick has %d events and should have %d: %w", len(out), count, ErrDamaged)
	}
	return out, nil
}

// takenReader goes through the data of one event.
type takenReader struct {
	data []byte
	text string
	pos  int
	bad  bool
}

func (r *takenReader) event() (e town.Event, err error) {
	e.Seq, e.Run, e.Created = town.Seq(r.number()), town.Run(r.number()), town.Time(r.number())
	e.ID, e.Type, e.Agent, e.Bead, e.By = r.string(), town.EventType(r.string()), town.AgentID(r.string()), town.BeadID(r.string()), r.string()
	payload := r.string()
	if r.bad || r.pos != len(r.data) {
		return e, errors.New("it does not end where it should")
	}
	e.Payload, err = town.DecodePayload(e.Type, payload)
	return e, err
}

func (r *takenReader) number() int64 {
	v, n := binary.Varint(r.data[r.pos:])
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.pos += n
	return v
}

func (r *takenReader) string() string {
	v, n := binary.Uvarint(r.data[r.pos:])
	if n <= 0 || v > uint64(len(r.data)-r.pos-n) {
		r.bad = true
		return ""
	}
	from := r.pos + n
	r.pos = from + int(v)
	return r.text[from:r.pos]
}
