package town

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// fill sets every exported field of v, at any depth, to a value that is not zero, so that a field
// that a code method forgets is seen missing.
func fill(t *rapid.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.StringN(1, 8, 30).Draw(t, "string"))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64Range(1, 1<<40).Draw(t, "int"))
	case reflect.Float64:
		v.SetFloat(rapid.Float64Range(1, 1e6).Draw(t, "float"))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		n := rapid.IntRange(1, 3).Draw(t, "len")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(t, v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range rapid.IntRange(1, 3).Draw(t, "len") {
			k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, k)
			fill(t, e)
			v.SetMapIndex(k, e)
		}
	case reflect.Uint8:
		v.SetUint(uint64(rapid.Byte().Draw(t, "byte")))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(t, v.Field(i))
			}
		}
	default:
		t.Fatalf("fill does not know %s", v.Type())
	}
}

// twoAtOnce writes something in two goroutines, so that the race detector sees whether writing changes it.
func twoAtOnce(t *rapid.T, write func() []byte) []byte {
	other := make(chan []byte)
	go func() { other <- write() }()
	data := write()
	if again := <-other; !bytes.Equal(data, again) {
		t.Fatalf("written twice at once it is %x and %x", data, again)
	}
	return data
}

func TestEveryFieldOfEveryEntityIsStored(t *testing.T) {
	t.Parallel()
	for _, proto := range []entity{new(Town), new(Counters), new(Rig), new(Bead), new(Agent), new(Dependency), new(Breaker), new(Usage), new(Nudge), new(ViolationTotals)} {
		t.Run(reflect.TypeOf(proto).Elem().Name(), rapid.MakeCheck(func(t *rapid.T) {
			in := reflect.New(reflect.TypeOf(proto).Elem())
			fill(t, in.Elem())
			e := in.Interface().(entity)
			out := reflect.New(reflect.TypeOf(proto).Elem()).Interface().(entity)
			data := twoAtOnce(t, func() []byte { return encode(e) })
			if err := decode(data, entityVersion, out); err != nil {
				t.Fatalf("decode: %v", err)
			}
			if diff := cmp.Diff(e, out); diff != "" {
				t.Fatalf("a field is not stored (-in +out):\n%s", diff)
			}
			for n := range data {
				if err := decode(data[:n], entityVersion, out); err == nil {
					t.Fatalf("decoding the first %d of %d bytes succeeds", n, len(data))
				}
			}
		}))
	}
}

func TestTickSurvivesEncoding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := new(Tick)
		for _, f := range []any{&in.No, &in.At, &in.RuleSet, &in.Events, &in.Actions, &in.Violations} {
			fill(t, reflect.ValueOf(f).Elem())
		}
		in.Changes = []Change{{Kind: KindBead, ID: "gt-1a", Version: 1, Data: rapid.SliceOfN(rapid.Byte(), 1, 30).Draw(t, "data")}}
		in.Digest = hashEntity(ref{KindBead, "x"}, []byte("y"))
		out, err := DecodeTick(twoAtOnce(t, in.Encode))
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		if diff := cmp.Diff(in, out, cmp.AllowUnexported(), cmp.FilterPath(func(p cmp.Path) bool {
			return p.Last().String() == ".undo"
		}, cmp.Ignore())); diff != "" {
			t.Fatalf("-in +out:\n%s", diff)
		}
	})
}
