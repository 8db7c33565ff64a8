package town

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// strictly reads a payload with encoding/json alone.
func strictly(p Payload, data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(p)
}

// What a flat payload may hold, and what is hard to read.
var (
	hardStrings = []string{"", "a", "say \"hi\"\\ \n\t\x00\x7f", "<&> é \u2028 😀", "\xff\xfe", "a,b:c}]{", `\u0041`}
	usualInts   = []int64{0, 1, -1, 10, 987654321, 999999999999999999}
	hardInts    = append([]int64{1 << 62, -1 << 63}, usualInts...)
	usualFloats = []float64{0, 0.1, 12.5, -3, 123456.789}
	hardFloats  = append([]float64{1e21, 1e-9, 5e-324}, usualFloats...)
)

func drawFlat(rng *rand.Rand, p Payload, ints []int64, floats []float64) {
	v := reflect.ValueOf(p).Elem()
	for i := range v.NumField() {
		if rng.IntN(3) == 0 {
			continue
		}
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(hardStrings[rng.IntN(len(hardStrings))])
		case reflect.Int, reflect.Int64:
			f.SetInt(ints[rng.IntN(len(ints))])
		case reflect.Float64:
			f.SetFloat(floats[rng.IntN(len(floats))])
		case reflect.Bool:
			f.SetBool(rng.IntN(2) == 0)
		case reflect.Pointer:
			n := int(ints[rng.IntN(len(ints))])
			f.Set(reflect.ValueOf(&n))
		case reflect.Slice:
			list := []string{}
			for range rng.IntN(3) {
				list = append(list, hardStrings[rng.IntN(len(hardStrings))])
			}
			f.Set(reflect.ValueOf(list))
		}
	}
}

// A payload is read alike by both readers, however it is written: whole, and with any byte of it lost,
// doubled or another.
func TestFlatPayloadsAreReadAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	read := 0
	check := func(k knownEvent, data []byte) {
		fast, slow := k.New(), k.New()
		if !readFlat(k.fields, string(data), fast) {
			return
		}
		read++
		if err := strictly(slow, data); err != nil {
			t.Fatalf("%s %q is read, and encoding/json says %v", k.Type, data, err)
		}
		if diff := cmp.Diff(slow, fast); diff != "" {
			t.Fatalf("%s %q (-encoding/json +flat):\n%s", k.Type, data, diff)
		}
	}
	const odd = "{}[]\",:\\0159-.eE+atfn \x00\xff"
	for _, k := range eventSpecs {
		for range 60 {
			p := k.New()
			if !k.flat {
				break
			}
			drawFlat(rng, p, hardInts, hardFloats)
			data, err := EncodePayload(p)
			if err != nil {
				t.Fatal(err)
			}
			check(k, data)
			for i := range data {
				check(k, append(bytes.Clone(data[:i]), data[i+1:]...))
				check(k, append(bytes.Clone(data[:i+1]), data[i:]...))
				other := bytes.Clone(data)
				other[i] = odd[rng.IntN(len(odd))]
				check(k, other)
			}
		}
	}
	if read < 1000 {
		t.Errorf("only %d payloads were read", read)
	}
}

// What agents and the runtime send all the time is read fast, whatever it says.
func TestFrequentPayloadsAreFlat(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for _, typ := range []EventType{
		"agent_status", "agent_usage", "agent_checkpoint", "agent_done", "agent_completed", "container_status",
		"heartbeat_lost", "heartbeat_resumed", "dispatch_accepted", "agent_stop_confirmed", "branch_verified", "merge_completed",
	} {
		k := eventSpecs[typ]
		if !k.flat {
			t.Errorf("%s is not flat", typ)
			continue
		}
		for range 50 {
			p := k.New()
			drawFlat(rng, p, usualInts, usualFloats)
			data, err := EncodePayload(p)
			if err != nil {
				t.Fatal(err)
			}
			if !readFlat(k.fields, string(data), k.New()) {
				t.Errorf("%s %s is not read", typ, data)
			}
		}
	}
}
