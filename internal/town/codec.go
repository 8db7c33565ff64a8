package town

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// coder writes entities to bytes or reads them back. One list of fields (an entity's code method)
// serves both directions, the digest and the journal, so they cannot disagree. The encoding is
// canonical: equal entities have equal bytes. Writing an entity changes nothing of it, so that many may do it at once.
type coder struct {
	buf     []byte
	text    string // buf, when reading: what is read shares its memory instead of having its own
	pos     int
	reading bool
	version int // of the entity being read
	err     error
}

var errShort = errors.New("record ends too early")

type coded interface{ code(*coder) }

func encode(e coded) []byte { return appendTo(make([]byte, 0, 256), e) }

// appendTo writes an entity behind what is in buf.
func appendTo(buf []byte, e coded) []byte {
	c := coder{buf: buf}
	e.code(&c)
	return c.buf
}

// decode reads an entity. Slices of bytes in it are parts of data, which must not be changed any more.
func decode(data []byte, version int, e coded) error {
	c := coder{buf: data, text: string(data), reading: true, version: version}
	e.code(&c)
	if c.err == nil && c.pos != len(data) {
		c.err = errors.New("record has bytes left over")
	}
	return c.err
}

func (c *coder) fail(err error) {
	if c.err == nil {
		c.err = err
		c.pos = len(c.buf)
	}
}

func (c *coder) uvarint() uint64 {
	v, n := binary.Uvarint(c.buf[c.pos:])
	if n <= 0 {
		c.fail(errShort)
		return 0
	}
	c.pos += n
	return v
}

// length reads the size of something that has at least one byte per element.
func (c *coder) length() int {
	n := c.uvarint()
	if n > uint64(len(c.buf)-c.pos) {
		c.fail(errShort)
		return 0
	}
	return int(n)
}

func codeInt[T ~int | ~int64](c *coder, p *T) {
	if !c.reading {
		c.buf = binary.AppendVarint(c.buf, int64(*p))
		return
	}
	v, n := binary.Varint(c.buf[c.pos:])
	if n <= 0 {
		c.fail(errShort)
		return
	}
	c.pos += n
	*p = T(v)
}

func codeBool(c *coder, p *bool) {
	var v int
	if *p {
		v = 1
	}
	codeInt(c, &v)
	if c.reading {
		*p = v != 0
	}
}

func codeString[T ~string](c *coder, p *T) {
	if !c.reading {
		c.buf = binary.AppendUvarint(c.buf, uint64(len(*p)))
		c.buf = append(c.buf, *p...)
		return
	}
	n := c.length()
	*p = T(c.text[c.pos : c.pos+n])
	c.pos += n
}

func codeBytes(c *coder, p *[]byte) {
	if !c.reading {
		c.buf = binary.AppendUvarint(c.buf, uint64(len(*p)))
		c.buf = append(c.buf, *p...)
		return
	}
	n := c.length()
	*p = c.buf[c.pos : c.pos+n : c.pos+n]
	c.pos += n
}

func codeDigest(c *coder, p *Digest) {
	data := p[:]
	codeBytes(c, &data)
	if c.reading {
		copy(p[:], data)
	}
}

func codeSlice[T any](c *coder, p *[]T, elem func(*coder, *T)) {
	if !c.reading {
		c.buf = binary.AppendUvarint(c.buf, uint64(len(*p)))
		for i := range *p {
			elem(c, &(*p)[i])
		}
		return
	}
	n := c.length()
	if n == 0 {
		*p = nil
		return
	}
	*p = make([]T, n)
	for i := range *p {
		elem(c, &(*p)[i])
	}
}

func codePtr[T any](c *coder, p **T, elem func(*coder, *T)) {
	present := *p != nil
	codeBool(c, &present)
	if c.reading {
		*p = nil
		if present {
			*p = new(T)
		}
	}
	if *p != nil {
		elem(c, *p)
	}
}

func codeMap[K ~string, V any](c *coder, p *map[K]V, elem func(*coder, *V)) {
	if !c.reading {
		c.buf = binary.AppendUvarint(c.buf, uint64(len(*p)))
		for _, k := range slices.Sorted(maps.Keys(*p)) {
			v := (*p)[k]
			codeString(c, &k)
			elem(c, &v)
		}
		return
	}
	n := c.length()
	if n == 0 {
		*p = nil
		return
	}
	*p = make(map[K]V, n)
	for range n {
		var k K
		var v V
		codeString(c, &k)
		elem(c, &v)
		(*p)[k] = v
	}
}

func clonePtr[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// setIf sets a value to another that may not be given.
func setIf[T any](dst, src *T) {
	if src != nil {
		*dst = *src
	}
}

// merged returns the entries of both maps; those of b win.
func merged[K comparable, V any](a, b map[K]V) map[K]V {
	if len(b) == 0 {
		return a
	}
	out := make(map[K]V, len(a)+len(b))
	maps.Copy(out, a)
	maps.Copy(out, b)
	return out
}

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	if len(m) == 0 {
		return nil
	}
	return maps.Clone(m)
}
