package town

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestInvariantsAreNumbered(t *testing.T) {
	t.Parallel()
	for i, inv := range Invariants() {
		if inv.Number != i+1 || invariantOf(inv.Number).Doc != inv.Doc {
			t.Errorf("invariant %d has the number %d", i+1, inv.Number)
		}
		if inv.Doc == "" || inv.On == "" || inv.Recovery == "" {
			t.Errorf("invariant %d says too little: %+v", inv.Number, inv)
		}
		checked := inv.onBead != nil || inv.onAgent != nil || inv.onRig != nil || inv.onDependency != nil || inv.onRecord != nil
		if checked != (inv.mend != nil) || checked == (inv.Number == invContradiction) {
			t.Errorf("invariant %d is checked: %v, mended: %v", inv.Number, checked, inv.mend != nil)
		}
	}
}

// Where a rule heals a state before its recovery is asked, the recovery must do it as well: a rule may
// change. So the damage of every file is healed here by the recoveries alone.
func TestRecoveriesNeedNoRules(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/heal/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	seen := map[int]bool{invContradiction: true} // which no state has
	for _, path := range files {
		p := playground{t: t}
		if err := p.given(givenOf(t, path)); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		s := p.s
		s.begin()
		w := &tick{s: s, now: p.now, no: 1, rec: &Tick{}, gone: map[ref]*Bead{}}
		for range maxRounds {
			c := w.checker()
			for _, f := range c.all() {
				seen[f.number] = true
			}
			if !w.heal(c) {
				break
			}
		}
		for _, f := range w.checker().all() {
			if f.number != invExplained {
				t.Errorf("%s: %d does not hold of %s after its recovery:\n%s", path, f.number, f.ref.ID, p.showAll())
			}
		}
		for _, a := range w.rec.Actions {
			if a.Broken != "" || !strings.HasPrefix(a.Rule, "recovery/") || a.Reason == "" {
				t.Errorf("%s: %+v", path, a)
			}
		}
	}
	for _, inv := range invariants {
		if !seen[inv.Number] {
			t.Errorf("no file breaks invariant %d: %s", inv.Number, inv.Doc)
		}
	}
}

// givenOf reads the lines that build the town of a scenario file.
func givenOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\ngiven\n")
	given, _, found := strings.Cut(rest, "\n----")
	if !found {
		t.Fatalf("%s has no given", path)
	}
	return given
}

// Every time says when something happened, so none may be still to come but those until when something
// holds, within bounds. A new field that the check or the repair forgets would stall a town whose clock
// was wrong.
func TestEveryTimeIsCheckedAndRepaired(t *testing.T) {
	t.Parallel()
	const now = scenarioStart
	for _, proto := range []entity{
		&Bead{
			Status: Open, Attempts: []Attempt{{}}, Merge: &MergePart{PR: &PullPart{}}, Convoy: &ConvoyPart{}, Escalation: &EscalationPart{},
			Triage: &TriagePart{}, Message: &MessagePart{},
		},
		&Agent{}, &Town{}, &Counters{}, &Usage{}, &Nudge{}, &Breaker{Failures: []Time{0}},
	} {
		eachTimeField(reflect.ValueOf(proto).Elem(), "", func(name string, at *Time) {
			limit := now
			switch {
			case strings.HasSuffix(name, ".After"):
				limit = now.Add(MaxForgeRest)
			case name == ".Expires":
				limit = now.Add(NudgeLife)
			}
			w := &tick{s: New("t", "Town", testHistory, now), now: now}
			if *at = limit; untimely(w.checker(), proto) != "" {
				t.Errorf("%s of a %s may be %s", name, proto.ref().Kind, limit)
			}
			if *at = limit + 1; untimely(w.checker(), proto) == "" {
				t.Errorf("nobody finds %s of a %s to be still to come", name, proto.ref().Kind)
			}
			switch e := proto.(type) {
			case *Bead:
				w.repairBead(&Action{Code: "times"}, e)
			case *Agent:
				w.repairAgent(&Action{Code: "times"}, e)
			default:
				setClocks(e, now)
			}
			if *at > limit || untimely(w.checker(), proto) != "" {
				t.Errorf("%s of a %s is not repaired", name, proto.ref().Kind)
			}
			*at = 0
		})
	}
}

func untimely(c *checker, e entity) string {
	switch e := e.(type) {
	case *Bead:
		return untimelyBead(c, e)
	case *Agent:
		return untimelyAgent(c, e)
	}
	return untimelyRecord(c, e)
}

func eachTimeField(v reflect.Value, name string, visit func(string, *Time)) {
	if at, ok := v.Addr().Interface().(*Time); ok {
		visit(name, at)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			eachTimeField(v.Field(i), name+"."+v.Type().Field(i).Name, visit)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			eachTimeField(v.Elem(), name, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachTimeField(v.Index(i), name, visit)
		}
	}
}
