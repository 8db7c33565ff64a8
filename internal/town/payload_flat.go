package town

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Most events of a long history are a few small facts: strings, numbers and lists of strings. A replay
// reads millions of them, and encoding/json takes longer for one than the rest of the replay does. So
// payloads that are flat in this sense are read here if they look exactly as EncodePayload writes them,
// and by encoding/json if anything is otherwise. Tests hold the two against each other.

// flatField is a field of a flat payload.
type flatField struct {
	key   string // as it stands before the value, with quotes and colon
	index int
	read  func(*flatReader, reflect.Value)
}

// flatFields lists the fields of a payload's type in the order in which they are written; ok is false
// if not all of them are flat.
func flatFields(p Payload) (fields []flatField, ok bool) {
	t := reflect.TypeOf(p).Elem()
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		_, text := reflect.PointerTo(f.Type).MethodByName("UnmarshalText")
		read := flatKinds[f.Type.Kind()]
		if special := flatTypes[f.Type]; special != nil {
			read = special
		}
		if name == "" || text || read == nil {
			return nil, false
		}
		fields = append(fields, flatField{`"` + name + `":`, i, read})
	}
	return fields, true
}

var flatKinds = map[reflect.Kind]func(*flatReader, reflect.Value){
	reflect.String:  func(r *flatReader, v reflect.Value) { v.SetString(r.str()) },
	reflect.Int:     func(r *flatReader, v reflect.Value) { v.SetInt(r.integer()) },
	reflect.Int64:   func(r *flatReader, v reflect.Value) { v.SetInt(r.integer()) },
	reflect.Float64: func(r *flatReader, v reflect.Value) { v.SetFloat(r.float()) },
	reflect.Bool:    func(r *flatReader, v reflect.Value) { v.SetBool(r.boolean()) },
}

var flatTypes = map[reflect.Type]func(*flatReader, reflect.Value){
	reflect.TypeFor[[]string](): func(r *flatReader, v reflect.Value) { *v.Addr().Interface().(*[]string) = r.list() },
	reflect.TypeFor[*int](): func(r *flatReader, v reflect.Value) {
		n := int(r.integer())
		*v.Addr().Interface().(**int) = &n
	},
}

// readFlat reads what EncodePayload wrote. Where it returns false the data may still be a payload, and
// p may have been changed.
func readFlat(fields []flatField, data string, p Payload) bool {
	r := flatReader{left: data}
	if !r.take("{") {
		return false
	}
	v := reflect.ValueOf(p).Elem()
	first := true
	for i := range fields {
		f := &fields[i]
		before := r.left
		if !first && !r.take(",") {
			break
		}
		if !r.take(f.key) {
			r.left = before
			continue
		}
		first = false
		if f.read(&r, v.Field(f.index)); r.odd {
			return false
		}
	}
	return r.left == "}"
}

// flatReader reads JSON values from the beginning of what is left. What it does not know sets odd.
type flatReader struct {
	left string
	odd  bool
}

func (r *flatReader) take(s string) bool {
	if !strings.HasPrefix(r.left, s) {
		return false
	}
	r.left = r.left[len(s):]
	return true
}

func (r *flatReader) str() string {
	if !r.take(`"`) {
		r.odd = true
		return ""
	}
	plain := true
	for i := 0; i < len(r.left); i++ {
		switch c := r.left[i]; {
		case c == '"':
			s := r.left[:i]
			r.left = r.left[i+1:]
			return r.unquoted(s, plain)
		case c == '\\':
			plain = false
			i++
		case c < ' ':
			r.odd = true
			return ""
		}
	}
	r.odd = true
	return ""
}

// unquoted is the text between two quotes; plain says that nothing is escaped in it.
func (r *flatReader) unquoted(s string, plain bool) string {
	if plain && utf8.ValidString(s) {
		return s
	}
	var out string
	r.odd = json.Unmarshal([]byte(`"`+s+`"`), &out) != nil
	return out
}

// digits takes a number of decimal digits off, as JSON writes it: no zero before others.
func (r *flatReader) digits() string {
	n := 0
	for n < len(r.left) && '0' <= r.left[n] && r.left[n] <= '9' {
		n++
	}
	s := r.left[:n]
	r.left = r.left[n:]
	r.odd = r.odd || n == 0 || n > 1 && s[0] == '0'
	return s
}

func (r *flatReader) integer() int64 {
	negative := r.take("-")
	s := r.digits()
	if len(s) > 18 {
		r.odd = true // may not fit
	}
	var n int64
	for i := 0; i < len(s) && !r.odd; i++ {
		n = 10*n + int64(s[i]-'0')
	}
	if negative {
		return -n
	}
	return n
}

func (r *flatReader) float() float64 {
	all := r.left
	r.take("-")
	r.digits()
	if r.take(".") {
		n := 0
		for n < len(r.left) && '0' <= r.left[n] && r.left[n] <= '9' {
			n++
		}
		r.odd = r.odd || n == 0
		r.left = r.left[n:]
	}
	f, err := strconv.ParseFloat(all[:len(all)-len(r.left)], 64)
	r.odd = r.odd || err != nil
	return f
}

func (r *flatReader) boolean() bool {
	if r.take("true") {
		return true
	}
	r.odd = r.odd || !r.take("false")
	return false
}

func (r *flatReader) list() []string {
	if !r.take("[") {
		r.odd = true
		return nil
	}
	out := []string{}
	if r.take("]") {
		return out
	}
	for !r.odd {
		out = append(out, r.str())
		if r.take("]") {
			return out
		}
		r.odd = r.odd || !r.take(",")
	}
	return nil
}
