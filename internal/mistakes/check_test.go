package mistakes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// root is the root of the repository.
var root = filepath.Join("..", "..")

// check is something that may notice a mistake: tests of a package, or a program.
type check struct {
	name    string
	pkg     string   // folder of the package, from the root
	program bool     // the package is a program and not tested, but run
	run     string   // pattern of the tests
	args    []string // further flags of the tests or the program
	quick   []string // flags of a shorter run; what that does not notice is given the whole
	must    bool     // every mistake has to be noticed by this check
	// rest says that the check is for those mistakes alone that nothing before it has noticed, and for
	// those that are played.
	rest bool
	// tell says from the output of a run that failed what noticed the mistake, and when.
	tell func(output string) string
}

// checks is every check; the first is the one that the daily sample is tried with. Another package's
// test, or a program, is one more row here: it is compiled with the mistake in the core that it imports.
func checks() []check {
	return []check{
		{
			name: "scenarios", pkg: "internal/town", run: "^(TestScenarios|TestForgottenRule)$", must: true, tell: tellScenarios,
			quick: []string{"-test.short"},
		},
		{
			name: "random lives", pkg: "internal/town",
			run:  "^(TestWhateverHappensTheTownStaysSound|TestHistoryRepeatsItself|TestRevertIsExact|TestAfterTheStormEverythingEnds)$",
			args: []string{"-rapid.checks=" + strconv.Itoa(*seeds), "-rapid.seed=1", "-rapid.shrinktime=1ms", "-rapid.nofailfile"}, tell: tellLives,
		},
		{
			name: "simulated towns", pkg: "cmd/gastown", program: true, rest: true, tell: tellTowns,
			args: []string{"sim", "--seed", "1", "--seeds", strconv.Itoa(*towns), "--hours", strconv.Itoa(townHours), "--shrink=0"},
		},
	}
}

// townHours is how long each simulated town lives with faults, in hours of its own time: long enough
// for an attempt to take too long.
const townHours = 6

// patience bounds one run of a check: a mistake may have the core go round in circles.
const patience = time.Minute

// What a check says that has not noticed a mistake, or was not tried with it, and of one that does
// not come to an end.
const (
	unnoticed  = "not noticed"
	untried    = "not tried"
	standstill = "standstill"
)

// try plants the mistake, runs the checks and returns what noticed it in each. The zero mistake
// changes nothing.
func (m mistake) try(t *testing.T, checks []check) []string {
	t.Helper()
	dir := t.TempDir()
	overlay := filepath.Join(dir, "overlay.json")
	if err := m.write(dir, overlay); err != nil {
		t.Fatal(err)
	}
	binaries := map[string]string{}
	found := make([]string, len(checks))
	for i, c := range checks {
		if c.rest && !m.played && slices.ContainsFunc(found[:i], func(by string) bool { return by != unnoticed }) {
			found[i] = untried
			continue
		}
		if binaries[c.pkg] == "" {
			binaries[c.pkg] = filepath.Join(dir, filepath.Base(c.pkg)+".binary")
			if out, err := c.build(t.Context(), overlay, binaries[c.pkg]); err != nil {
				t.Fatalf("%s does not compile: %v\n%s", m.name, err, out)
			}
		}
		by, err := c.try(t.Context(), binaries[c.pkg])
		if err != nil {
			t.Fatalf("%s, %s: %v", m.name, c.name, err)
		}
		found[i] = by
	}
	return found
}

// build compiles what the check runs, with the mistake that the overlay has.
func (c check) build(ctx context.Context, overlay, binary string) ([]byte, error) {
	args := []string{"test", "-c", "-ldflags=-s -w"}
	if c.program {
		args = []string{"build"}
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "-overlay", overlay, "-o", binary, "./"+c.pkg)...)
	cmd.Dir = root
	return cmd.CombinedOutput()
}

// write puts the changed file and the overlay that names it into dir.
func (m mistake) write(dir, overlay string) error {
	replace := map[string]string{}
	if m.file != "" {
		text, err := m.planted()
		if err != nil {
			return err
		}
		source, err := filepath.Abs(m.source())
		if err != nil {
			return err
		}
		replace[source] = filepath.Join(dir, m.file)
		if err := os.WriteFile(replace[source], text, 0o600); err != nil {
			return err
		}
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	return os.WriteFile(overlay, data, 0o600)
}

// try runs what was built, shortly if that will do, and returns what failed, or that nothing did. An
// error says that it could not be run.
func (c check) try(ctx context.Context, binary string) (string, error) {
	if len(c.quick) > 0 {
		if by, err := c.once(ctx, binary, slices.Concat(c.args, c.quick)); err != nil || by != unnoticed {
			return by, err
		}
	}
	return c.once(ctx, binary, c.args)
}

func (c check) once(ctx context.Context, binary string, args []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience+10*time.Second)
	defer cancel()
	if !c.program {
		args = slices.Concat([]string{"-test.run", c.run, "-test.timeout", patience.String()}, args)
	}
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = filepath.Join(root, c.pkg)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil && strings.Contains(string(out), "no tests to run"):
		return "", fmt.Errorf("%s has no tests %s", c.pkg, c.run)
	case err == nil:
		return unnoticed, nil
	case !errors.As(err, &exit):
		return "", err
	case ctx.Err() != nil:
		return standstill, nil
	}
	by := c.tell(string(out))
	if by == "" {
		return "", fmt.Errorf("nothing was found, and yet: %w\n%s", err, out)
	}
	return by, nil
}

var (
	failedScenario = regexp.MustCompile(`(?m)^\s+--- FAIL: TestScenarios/(\S+)`)
	failedLife     = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	livesBefore    = regexp.MustCompile(`\[rapid\] (?:failed|panic) after (\d+) tests`)
	failedTown     = regexp.MustCompile(`(?m)^DEFECT (.+) in seed (\d+) `)
)

// tellScenarios names the first file that fails, how many files come before it in order, and how
// many fail in all. Those beside a panic or a standstill are not known.
func tellScenarios(output string) string {
	var failed []string
	for _, m := range failedScenario.FindAllStringSubmatch(output, -1) {
		failed = append(failed, m[1])
	}
	if strings.Contains(output, "panic: test timed out") {
		return standstill
	}
	if strings.Contains(output, "--- FAIL: TestForgottenRule") {
		failed = append(failed, forgotten)
	}
	if len(failed) == 0 {
		return ""
	}
	slices.Sort(failed)
	files := scenarioNames()
	if strings.Contains(output, "panic: ") {
		return failed[0] + " (a panic)"
	}
	return fmt.Sprintf("%s, file %d of %d; %d fail", failed[0], slices.Index(files, failed[0])+1, len(files), len(failed))
}

// forgotten is the scenario that has a test of its own, since it plays in a town that lacks a rule.
const forgotten = "forgotten/molecule/nothing_says_why"

// scenarioNames lists the scenario files as their tests are called.
func scenarioNames() []string {
	var names []string
	base := filepath.Join(root, "internal", "town", "testdata")
	for _, pattern := range []string{"*.txt", "*/*.txt"} {
		files, _ := filepath.Glob(filepath.Join(base, pattern)) // the only error is a bad pattern
		for _, f := range files {
			name, _ := filepath.Rel(base, f) // both begin with base
			names = append(names, strings.TrimSuffix(filepath.ToSlash(name), ".txt"))
		}
	}
	names = append(names, forgotten)
	slices.Sort(names)
	return names
}

// tellLives names the first property that fails and after how many lives it did.
func tellLives(output string) string {
	m := failedLife.FindStringSubmatch(output)
	if m == nil {
		if strings.Contains(output, "panic: ") {
			return "a panic"
		}
		return ""
	}
	n := livesBefore.FindStringSubmatch(output)
	if n == nil {
		return m[1]
	}
	lives, _ := strconv.Atoi(n[1]) // digits, by the pattern
	return fmt.Sprintf("%s, life %d", m[1], lives+1)
}

// tellTowns names the check of the simulator that failed first, after how many towns, and in how many.
func tellTowns(output string) string {
	failed := failedTown.FindAllStringSubmatch(output, -1)
	if len(failed) == 0 {
		if strings.Contains(output, "panic: ") {
			return "a panic"
		}
		return ""
	}
	return fmt.Sprintf("%s, town %s of %d; %d fail", failed[0][1], failed[0][2], *towns, len(failed))
}
