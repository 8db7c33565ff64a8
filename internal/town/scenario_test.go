package town

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// Scenarios are the text files under testdata. They say in words what a town does, and every one
// is held to more than its own words: after each command the checks of playground.check run,
// whatever the file says.
//
// A file opens with a comment that says why it exists, and then has commands:
//
//	given      lines that build the town (scenario_given_test.go); once, at the beginning
//	when       events, one a line, and then one tick that takes them all
//	tick       one tick without events
//	advance D  time moves on by D, with a tick at every moment at which something comes due on the
//	           way and one at the end; "at +30s" stands before what a tick on the way did
//	asleep D   time moves on by D without any tick, as on a host that sleeps; a tick or when follows
//	plan       a dry run; the next command must be a tick that does just that
//	why ID…    what the rules say of a bead or an agent
//	happened ID…  what has happened to a bead or an agent, by the history alone
//	show ID…   how beads, agents or edges stand; without ids, all
//	prompt ID… what agents are told of the beads that they hold
//	crash      everything but the history is forgotten; lists the effects that are asked for again
//	outcomes   answers the effects decided since the last outcomes as the outside would (dispatch
//	           accepted and running, stop confirmed, branch ahead by one), in one tick. With lose
//	           nobody answers; twice answers everything twice; unknown has starts end unknown;
//	           reject=CLASS has them (and nudges and notices) rejected, with infra as the infrastructure's fault; empty
//	           finds branches that are not ahead, missing finds none. A pull request is open, green
//	           and without conflicts, and a merge of it succeeds, but for running, failing, comments,
//	           conflict, approval (is missing), unchecked=N, head=SHA, merged, closed, poll=CLASS,
//	           merge=CLASS, retryAfter=D
//
// What a tick did is printed as
//
//	> event                      with the reason where it was ignored or rejected
//	made ID                      by the event above
//	do   action what             rule
//	wait bead reason [until +D]  rule
//	! number message             a violation that begins to last; (recovered) one that does not
//	! number ID over             the end of one that lasted
//
// Times are relative to the beginning. A wait is the first one of a live bead, printed when it
// differs from the last one printed. An unknown word, an id that matches nothing (write !ID for one
// that must not exist) and an argument without effect fail the test, also with -rewrite. With
// -short a file is not played again in other ways.
func TestScenarios(t *testing.T) {
	t.Parallel()
	files, codes := scenarioFiles(t), &waitCodes{seen: map[WaitCode]bool{}}
	t.Cleanup(func() { codes.complete(t, len(files)) })
	for _, path := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(path, "testdata/"), ".txt")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if why := missingIntroduction(text); why != "" {
				t.Fatalf("%s: %s", path, why)
			}
			plain := playground{codes: codes}
			datadriven.RunTest(t, path, plain.run)
			if plain.planned != nil {
				t.Fatal("the file ends with a plan that no tick follows")
			}
			codes.played()
			if testing.Short() {
				return
			}
			for _, v := range []struct {
				name    string
				variant variant
			}{
				{"every event twice", variant{twice: true}},
				{"a crash after every command", variant{crash: true}},
				{"maps in another order", variant{}},
			} {
				p := playground{variant: v.variant}
				datadriven.RunTestFromString(t, string(text), func(t *testing.T, d *datadriven.TestData) string {
					p.run(t, d)
					return d.Expected
				})
				if p.variant == (variant{}) {
					sameHistory(t, &plain, &p)
				}
				if p.s.Digest() != plain.s.Digest() {
					t.Fatalf("with %s the town ends as\n%s\nand without as\n%s", v.name, p.showAll(), plain.showAll())
				}
			}
		})
	}
}

// sameHistory compares the records of two runs of a file byte for byte. Their maps are made anew, so
// that an order which leaks from one of them shows.
func sameHistory(t *testing.T, a, b *playground) {
	t.Helper()
	if len(a.history) != len(b.history) {
		t.Fatalf("one run recorded %d ticks and another %d", len(a.history), len(b.history))
	}
	for i := range a.history {
		if !bytes.Equal(a.history[i], b.history[i]) {
			t.Fatalf("the record of tick %d differs from run to run", i+1)
		}
	}
}

func scenarioFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"testdata/*.txt", "testdata/*/*.txt"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Fatal("there are no scenario files")
	}
	return files
}

// missingIntroduction says what is wrong with the comment that a file must open with, or "".
func missingIntroduction(text []byte) string {
	var words int
	for line := range strings.Lines(string(text)) {
		comment, ok := strings.CutPrefix(strings.TrimSpace(line), "#")
		if !ok {
			break
		}
		words += len(strings.Fields(comment))
	}
	if words < 8 {
		return "the file must open with a comment paragraph that says why it exists"
	}
	return ""
}

func TestScenarioFilesMustSayWhyTheyExist(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "given\n----\nok\n", "# Short.\ngiven\n", "\n# A comment that is long enough but not at the top.\n"} {
		if missingIntroduction([]byte(text)) == "" {
			t.Errorf("%q passes for a file with an introduction", text)
		}
	}
}
