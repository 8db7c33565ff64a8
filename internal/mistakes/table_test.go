package mistakes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var tablePath = filepath.Join(root, "docs", "planted-mistakes.md")

// row prints what became of one mistake.
func (m mistake) row(found []string) string {
	cells := []string{"`" + m.name + "`", m.file, m.wrong}
	return "| " + strings.Join(append(cells, found...), " | ") + " |"
}

// table prints the page with its rows.
func table(checks []check, rows []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<!-- Made by "make mistakes". Do not edit. -->

# Planted mistakes

How well the tests of the core notice defects is tried out: each of these %d mistakes is planted in `+"`internal/town`"+` by itself, and the real tests
are run on it. The scenarios have to notice every one: as they are written, or else played again with crashes and with every event
twice. Random lives are %d to a property. [Simulated towns](simulator.md) are %d, of %d hours each; they are tried with what nothing
else notices, and with a few more to see what they are worth. Told is what noticed it first: the first scenario file in order and how
many fail, the property and the life in which it broke, or the simulator's check, the town in which it failed and how many towns did.
A row is of the last time that its mistake was planted, when there may have been fewer scenarios. The list is in
[internal/mistakes](../internal/mistakes), where a few are planted with every test run.

`, len(rows), *seeds, *towns, townHours)
	b.WriteString("| mistake | in | what goes wrong |")
	for _, c := range checks {
		b.WriteString(" " + c.name + " |")
	}
	b.WriteString("\n|---|---|---|" + strings.Repeat("---|", len(checks)) + "\n")
	b.WriteString(strings.Join(rows, "\n") + "\n")
	return b.String()
}

var rowName = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|.*$")

// readRows returns the rows of the page as it is, in their order and by name. A row that is older than
// a check says that it was not tried.
func readRows(t *testing.T) (names []string, rows map[string]string) {
	t.Helper()
	page, err := os.ReadFile(tablePath)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	rows = map[string]string{}
	for _, m := range rowName.FindAllStringSubmatch(string(page), -1) {
		names = append(names, m[1])
		missing := 3 + len(checks()) - strings.Count(m[0], " |") // each cell ends so
		rows[m[1]] = m[0] + strings.Repeat(" "+untried+" |", max(missing, 0))
	}
	return names, rows
}

// keepRow writes the page with a new row of a mistake and the rows that it has of the others.
func keepRow(t *testing.T, planted mistake, checks []check, found []string) {
	t.Helper()
	_, known := readRows(t)
	known[planted.name] = planted.row(found)
	var rows []string
	for _, m := range mistakes() {
		if known[m.name] != "" {
			rows = append(rows, known[m.name])
		}
	}
	if err := os.WriteFile(tablePath, []byte(table(checks, rows)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTheTableListsTheMistakes(t *testing.T) {
	t.Parallel()
	if *all || *fresh || *only != "" {
		t.Skip("it is being written")
	}
	names, rows := readRows(t)
	var want []string
	for _, m := range mistakes() {
		want = append(want, m.name)
		if row := rows[m.name]; strings.Contains(row, "| "+m.wrong+" | "+unnoticed) || row != "" && !strings.Contains(row, "| "+m.wrong+" |") {
			t.Errorf("the table is not right about %s: run make mistakes", m.name)
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("docs/planted-mistakes.md lists\n%q\nand there are\n%q\nrun make mistakes", names, want)
	}
}
