package town

import (
	"slices"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// Every bead that can be is explained by some rule, so the invariant that it is can only be seen broken
// in a town that has forgotten one. It does not run beside other tests: they need all the rules.
func TestForgottenRule(t *testing.T) {
	all := rules
	defer func() { rules = all }()
	rules = slices.DeleteFunc(slices.Clone(all), func(r Rule) bool { return r.Name == "care/molecule" })
	if len(rules) != len(all)-1 {
		t.Fatal("there is no rule to forget")
	}
	var p playground
	datadriven.RunTest(t, "testdata/forgotten/molecule/nothing_says_why.txt", p.run)
}
