package wire

import (
	"encoding/json"
	"reflect"
	"testing"

	"gastown/internal/town"
)

// Leaf is exported, as what documents embed must be.
type Leaf struct {
	List []string `json:"list"`
}

type tree struct {
	*Leaf
	Inner   Leaf
	Pointer *Leaf
	None    *Leaf
	Any     any
	Nothing any
	List    []Leaf
	Table   [][]int
	Maps    map[string][]int
	NoMap   map[string]int
	Pair    [2][]int
	Out     []int       `json:"out,omitempty"`
	Gone    *[]int      `json:"gone,omitempty"`
	Zero    []int       `json:"zero,omitzero"`
	Hidden  []int       `json:"-"`
	Bytes   []byte      `json:"bytes"`
	At      town.Time   `json:"at"`
	Digest  town.Digest `json:"digest"`
	private []int
}

// A list is never null, wherever it is: behind pointers, in lists, in maps, in what has no type. What is left out
// when empty stays out, and the document itself is not touched.
func TestListsAreNeverNull(t *testing.T) {
	t.Parallel()
	doc := tree{
		Leaf: &Leaf{}, Pointer: &Leaf{}, Any: &Tick{Tick: &town.Tick{}}, List: []Leaf{{List: []string{"a"}}, {}},
		Table: [][]int{{1}, nil}, Maps: map[string][]int{"a": nil, "b": {2}}, Pair: [2][]int{nil, {3}}, At: 1_790_000_000_000,
	}
	before, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{doc, &doc, []tree{doc}, map[string]any{"doc": doc}} {
		data, err := Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		switch x := got.(type) {
		case []any:
			got = x[0]
		case map[string]any:
			if inner, ok := x["doc"]; ok {
				got = inner
			}
		}
		want := map[string]any{
			"list": []any{}, "Inner": map[string]any{"list": []any{}}, "Pointer": map[string]any{"list": []any{}},
			"None": nil, "Nothing": nil,
			"Any": map[string]any{
				"tick": 0.0, "at": "", "ruleSet": 0.0, "digest": town.Digest{}.String(),
				"events": []any{}, "actions": []any{}, "changes": []any{}, "violations": []any{}, "entities": []any{},
			},
			"List":  []any{map[string]any{"list": []any{"a"}}, map[string]any{"list": []any{}}},
			"Table": []any{[]any{1.0}, []any{}}, "Maps": map[string]any{"a": []any{}, "b": []any{2.0}},
			"NoMap": map[string]any{},
			"Pair":  []any{[]any{}, []any{3.0}}, "bytes": nil, "at": "2026-09-21T14:13:20.000Z", "digest": town.Digest{}.String(),
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%T:\ngot  %v\nwant %v", v, got, want)
		}
	}
	if after, err := json.Marshal(doc); err != nil || string(after) != string(before) {
		t.Errorf("the document is now %s, was %s (%v)", after, before, err)
	}
	if doc.private != nil || doc.Hidden != nil {
		t.Error("fields that nobody is told of were filled in")
	}
	for want, v := range map[string]any{"null": nil, "[]": []int(nil), "{}": map[string]int(nil), "3": 3} {
		if got, err := Marshal(v); err != nil || string(got) != want {
			t.Errorf("%#v is written as %s, want %s (%v)", v, got, want, err)
		}
	}
}

// What has nothing to fill in is not copied.
func TestWhatIsWholeIsShared(t *testing.T) {
	t.Parallel()
	doc := &Leaf{List: []string{"a"}}
	if Filled(doc) != any(doc) {
		t.Error("a document that is whole was copied")
	}
}

// What a struct does not export is its owner's, who may be writing it at this moment: no copy reads it.
func TestFilledTakesNothingThatIsNotExported(t *testing.T) {
	t.Parallel()
	type record struct {
		List []string
		own  *int
	}
	filled, ok := Filled(&record{own: new(int)}).(*record)
	if !ok || filled.List == nil || filled.own != nil {
		t.Errorf("got %+v", filled)
	}
}
