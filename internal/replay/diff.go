package replay

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"gastown/internal/town"
)

// Difference is a field in which a recomputed tick is not as it was recorded. A side that does not
// have the field is null.
type Difference struct {
	// Path leads to the field, such as "actions[2].reason" or "bead gt-3a.status".
	Path       string `json:"path"`
	Recorded   any    `json:"recorded"`
	Recomputed any    `json:"recomputed"`
}

// Differences lists where the two records of a tick differ, in the order of the record: its own
// fields, the outcomes of events, actions, violations, and the entities as they stood after it.
func (x *Tick) Differences() ([]Difference, error) {
	if x.Agree {
		return nil, nil
	}
	var d differ
	for _, part := range []struct {
		name                 string
		recorded, recomputed any
	}{
		{"at", x.Recorded.At, x.Recomputed.At},
		{"ruleSet", x.Recorded.RuleSet, x.Recomputed.RuleSet},
		{"events", x.Recorded.Events, x.Recomputed.Events},
		{"actions", x.Recorded.Actions, x.Recomputed.Actions},
		{"violations", x.Recorded.Violations, x.Recomputed.Violations},
	} {
		if err := d.compare(part.name, part.recorded, part.recomputed); err != nil {
			return nil, err
		}
	}
	if err := d.entities(x.Recorded.Changes, x.Recomputed.Changes); err != nil {
		return nil, err
	}
	if len(d.found) == 0 {
		// What came out looks the same and is not: the state before was not.
		err := d.compare("digest", x.Recorded.Digest, x.Recomputed.Digest)
		return d.found, err
	}
	return d.found, nil
}

type differ struct{ found []Difference }

// compare walks both values as the JSON that people see.
func (d *differ) compare(path string, a, b any) error {
	x, err := plain(a)
	if err != nil {
		return err
	}
	y, err := plain(b)
	if err != nil {
		return err
	}
	d.walk(path, x, y)
	return nil
}

// plain turns a value into maps, slices, strings and numbers.
func plain(v any) (any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("cannot compare: %w", err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("cannot compare: %w", err)
	}
	return out, nil
}

func (d *differ) walk(path string, a, b any) {
	a, b = listed(a, b), listed(b, a)
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			for _, key := range keys(x, y) {
				d.walk(path+"."+key, x[key], y[key])
			}
			return
		}
	case []any:
		if y, ok := b.([]any); ok {
			for i := range max(len(x), len(y)) {
				d.walk(path+"["+strconv.Itoa(i)+"]", at(x, i), at(y, i))
			}
			return
		}
	}
	if !reflect.DeepEqual(a, b) {
		d.found = append(d.found, Difference{Path: path, Recorded: a, Recomputed: b})
	}
}

// listed takes nothing for an empty list where the other side has a list.
func listed(v, other any) any {
	if _, list := other.([]any); list && v == nil {
		return []any{}
	}
	return v
}

func keys(a, b map[string]any) []string {
	var out []string
	for k := range a {
		out = append(out, k)
	}
	for k := range b {
		if _, both := a[k]; !both {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

func at(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// entities compares how the entities stood after the tick.
func (d *differ) entities(recorded, recomputed []town.Change) error {
	names := map[string]bool{}
	var order []string
	byName := func(changes []town.Change) (map[string]any, error) {
		out := map[string]any{}
		for i := range changes {
			x := &changes[i]
			name := string(x.Kind) + " " + x.ID
			if !names[name] {
				names[name] = true
				order = append(order, name)
			}
			e, err := x.Entity()
			if err != nil {
				return nil, fmt.Errorf("cannot compare %s: %w", name, err)
			}
			if x.Gone {
				e = map[string]any{"gone": true}
			}
			out[name] = e
		}
		return out, nil
	}
	a, err := byName(recorded)
	if err != nil {
		return err
	}
	b, err := byName(recomputed)
	if err != nil {
		return err
	}
	for _, name := range order {
		if err := d.compare(name, a[name], b[name]); err != nil {
			return err
		}
	}
	return nil
}

// Err says where a recomputed tick is not as it was recorded, or nil.
func (x *Tick) Err() error {
	diffs, err := x.Differences()
	if err != nil || len(diffs) == 0 {
		return err
	}
	d := &diffs[0]
	return fmt.Errorf("tick %d comes out otherwise: %s is %v, recorded is %v", x.Recorded.No, d.Path, d.Recomputed, d.Recorded)
}
