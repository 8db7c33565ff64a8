// Package mistakes has no code. Its tests plant small defects in the rules and appliers of the
// core, one at a time, and see whether the core's own tests notice. A mistake that nobody notices
// shows a behaviour that no test holds.
//
// The core knows nothing of this: a mistake is a copy of one source file with a few words changed,
// and the go command is told to take the copy (-overlay). What is compiled and run is the real test
// binary of the real package.
//
// A plain go test makes sure that every mistake can still be planted, and plants a few of them,
// chosen by the day of the year. "make mistakes" plants them all and writes
// docs/planted-mistakes.md.
package mistakes

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	all   = flag.Bool("all", false, "plant every mistake, and write docs/planted-mistakes.md")
	only  = flag.String("only", "", "plant the mistakes whose names match this regular expression, and write their rows")
	fresh = flag.Bool("fresh", false, "plant the mistakes that docs/planted-mistakes.md has no row of, and write their rows")
	with  = flag.String("with", "", "use only the checks whose names contain this, and write nothing")
	day   = flag.Int("day", 0, "choose the sample of this day of the year (1 to 366) instead of today's")
	seeds = flag.Int("seeds", 20, "how many random lives a mistake is given to show itself in, where a check has such")
	towns = flag.Int("towns", 40, "how many simulated towns a mistake is given to show itself in, where that is tried")
)

// sampleSize is how many mistakes an ordinary run plants: each takes some five seconds of two cores.
const sampleSize = 2

// mistake is a defect: a text that is in a file of internal/town just once, and what takes its place.
type mistake struct {
	name     string
	file     string
	old, new string
	wrong    string // what goes wrong, in a sentence
	// played says that towns are simulated with the mistake even though other checks notice it, so that
	// the table shows what that is worth.
	played bool
}

// mistakes is every mistake, in the order of the table.
func mistakes() []mistake {
	return slices.Concat(agendaMistakes, agentMistakes, beadMistakes, reviewMistakes, gateMistakes, convoyMistakes, eventMistakes,
		stopMistakes, careMistakes, triageMistakes, pullMistakes, healMistakes)
}

func (m mistake) source() string { return filepath.Join(root, "internal", "town", m.file) }

// planted returns the file with the mistake in it.
func (m mistake) planted() ([]byte, error) {
	src, err := os.ReadFile(m.source())
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(src, []byte(m.old)); n != 1 {
		return nil, fmt.Errorf("%s has the text %q %d times, not once", m.file, m.old, n)
	}
	return bytes.Replace(src, []byte(m.old), []byte(m.new), 1), nil
}

func TestEveryMistakeCanBePlanted(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, m := range mistakes() {
		switch {
		case seen[m.name]:
			t.Errorf("%s is in the list twice", m.name)
		case m.old == m.new:
			t.Errorf("%s changes nothing", m.name)
		case !strings.HasSuffix(m.wrong, "."):
			t.Errorf("%s does not say in a sentence what goes wrong", m.name)
		}
		seen[m.name] = true
		if _, err := m.planted(); err != nil {
			t.Errorf("%s cannot be planted: %v", m.name, err)
		}
	}
	if len(seen) < 30 {
		t.Errorf("there are %d mistakes, want at least 30", len(seen))
	}
}

// planting reports whether a flag asks for mistakes to be planted, beyond the daily sample.
func planting() bool { return *all || *fresh || *only != "" || *with != "" }

// chosen lists the mistakes that the flags ask for.
func chosen(t *testing.T) []mistake {
	t.Helper()
	name, err := regexp.Compile(*only)
	if err != nil {
		t.Fatalf("-only: %v", err)
	}
	_, rows := readRows(t)
	return slices.DeleteFunc(mistakes(), func(m mistake) bool {
		return !name.MatchString(m.name) || *fresh && rows[m.name] != ""
	})
}

// TestASampleIsCaught plants the mistakes of the day. Which those are is printed; -day repeats them.
func TestASampleIsCaught(t *testing.T) {
	t.Parallel()
	if planting() {
		t.Skip("the list is planted")
	}
	d := *day
	if d == 0 {
		d = time.Now().UTC().YearDay()
	}
	t.Logf("day %d; again: go test ./internal/mistakes -run Sample -v -day %d", d, d)
	list := mistakes()
	for i := range sampleSize {
		m := list[(d*sampleSize+i)%len(list)]
		t.Logf("planted: %s", m.name)
		if found := m.try(t, checks()[:1]); found[0] == unnoticed {
			t.Errorf("%s is not caught by the %s", m.name, checks()[0].name)
		}
	}
}

// TestAllAreCaught plants every mistake, with -all, or some: one after the other, since each check uses
// all the processors there are. Its row is written at once, so that a run that is cut short has been
// of use.
func TestAllAreCaught(t *testing.T) {
	if !planting() {
		t.Skip("run make mistakes for this")
	}
	checks := slices.DeleteFunc(checks(), func(c check) bool { return !strings.Contains(c.name, *with) })
	for i, by := range (mistake{}).try(t, checks) {
		if by != unnoticed {
			t.Fatalf("the %s fail without any mistake: %s", checks[i].name, by)
		}
	}
	for _, m := range chosen(t) {
		t.Run(m.name, func(t *testing.T) {
			found := m.try(t, checks)
			for i, by := range found {
				t.Logf("%s: %s", checks[i].name, by)
				if by == unnoticed && checks[i].must {
					t.Errorf("not caught by the %s", checks[i].name)
				}
			}
			if *with == "" {
				keepRow(t, m, checks, found)
			}
		})
	}
}
