package reference

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// scenarios is what the scenario files of the core show.
type scenarios struct {
	files  map[string]map[string]int // by rule, by file: how much the rule does in it
	weight map[string]int            // by file: how much all rules do
	takers map[string][]string       // by action, the rules that take it
	events map[string]bool
}

// How the scenario files print what a rule did or waits for, and what came in.
var (
	decision = regexp.MustCompile(`^(do|wait) +(\S+) .*?([a-z-]+/[a-z0-9-]+)$`)
	happened = regexp.MustCompile(`^> ([a-z_]+)`)
)

func scanScenarios(t *testing.T) scenarios {
	t.Helper()
	s := scenarios{
		files: map[string]map[string]int{}, weight: map[string]int{}, takers: map[string][]string{}, events: map[string]bool{},
	}
	root := filepath.Join("..", "town", "testdata")
	paths, err := filepath.Glob(filepath.Join(root, "*", "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no scenario files: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		s.scan(strings.TrimSuffix(filepath.ToSlash(name), ".txt"), string(text))
	}
	return s
}

func (s *scenarios) scan(file, text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if m := happened.FindStringSubmatch(line); m != nil {
			s.events[m[1]] = true
		}
		m := decision.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		action, rule := m[2], m[3]
		if s.files[rule] == nil {
			s.files[rule] = map[string]int{}
		}
		weight := 1
		if m[1] == "do" {
			weight = 3 // to act says more about a rule than to wait
			if !slices.Contains(s.takers[action], rule) {
				s.takers[action] = append(s.takers[action], rule)
			}
		}
		s.files[rule][file] += weight
		s.weight[file] += weight
	}
}

// maxShown bounds the links to scenarios for one rule: those that are most about it.
const maxShown = 5

// best lists the files that show a rule, the best first: those named after it, then those in which
// it has most of the say.
func (s *scenarios) best(rule string) []string {
	var files []string
	for f := range s.files[rule] {
		files = append(files, f)
	}
	other := func(file string) int {
		if strings.HasPrefix(file, strings.ReplaceAll(rule, "-", "_")) {
			return 0
		}
		return 1
	}
	slices.SortFunc(files, func(a, b string) int {
		return cmp.Or(
			cmp.Compare(other(a), other(b)),
			// The rule's share in b against its share in a, without division.
			cmp.Compare(s.files[rule][b]*s.weight[a], s.files[rule][a]*s.weight[b]),
			cmp.Compare(a, b))
	})
	return files[:min(len(files), maxShown)]
}
