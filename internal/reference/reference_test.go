// Package reference has no code. Its test writes the pages of docs/reference from the core's own
// lists of rules, events, actions and invariants and from the table of verbs, and holds the pages to
// them. Run it with -rewrite, or "make reference", after a change of the lists or of the scenario files.
package reference

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gastown/internal/town"
)

var rewrite = flag.Bool("rewrite", false, "write the pages of docs/reference anew")

// made begins every page.
func made(from string) string {
	return fmt.Sprintf("<!-- Made by \"make reference\" from %s. Do not edit. -->\n\n", from)
}

// lists is where most pages are from.
const lists = "the lists in internal/town"

func TestReferenceIsFresh(t *testing.T) {
	t.Parallel()
	shown := scanScenarios(t)
	for _, page := range []struct{ name, from, text string }{
		{"rules.md", lists, rulesPage(shown)},
		{"events.md", lists, eventsPage(t)},
		{"actions.md", lists, actionsPage(shown)},
		{"invariants.md", lists, invariantsPage(t)},
		{"waits.md", lists, waitsPage()},
		{"settings.md", lists, settingsPage()},
		{"verbs.md", "the table in internal/verbs", verbsPage(t)},
	} {
		path := filepath.Join("..", "..", "docs", "reference", page.name)
		want := made(page.from) + page.text
		if *rewrite {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("docs/reference/%s is not what the lists say now: run make reference", page.name)
		}
	}
}

// Whatever the reference names happens in some scenario, so that a reader can see it happen.
func TestEverythingIsShownBySomeScenario(t *testing.T) {
	t.Parallel()
	shown := scanScenarios(t)
	for _, r := range town.Rules() {
		if len(shown.files[r.Name]) == 0 {
			t.Errorf("no scenario shows the rule %s", r.Name)
		}
	}
	for _, a := range town.ActionSpecs() {
		if len(shown.takers[string(a.Kind)]) == 0 {
			t.Errorf("no scenario shows a rule that takes the action %s", a.Kind)
		}
	}
	for _, e := range town.EventSpecs() {
		if !shown.events[string(e.Type)] {
			t.Errorf("no scenario shows the event %s", e.Type)
		}
	}
}

func rulesPage(shown scenarios) string {
	var b strings.Builder
	b.WriteString(`# Rules

Every rule, in the order in which they run in a tick. Each looks at how things are, for one subject at a time, and sees what
the rules before it have decided. It either [acts](actions.md) or says what it waits for; ` + "`gastown why`" + ` prints that. Numbers in
snake_case are defaults of [configuration keys](../configuration.md), the others are constants of the core.

`)
	family := ""
	for i, r := range town.Rules() {
		if f, _, _ := strings.Cut(r.Name, "/"); f != family {
			family = f
			fmt.Fprintf(&b, "## %s\n\n", family)
		}
		fmt.Fprintf(&b, "### %s\n\n%d. %s\n\n- about: each %s\n", r.Name, i+1, r.Doc, r.On)
		if len(r.Numbers) > 0 {
			fmt.Fprintf(&b, "- numbers: %s\n", strings.Join(r.Numbers, ", "))
		}
		fmt.Fprintf(&b, "- shown in: %s\n\n", strings.Join(fileLinks(shown.best(r.Name)), ", "))
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func fileLinks(files []string) []string {
	var out []string
	for _, f := range files {
		out = append(out, fmt.Sprintf("[%s](../../internal/town/testdata/%s.txt)", f, f))
	}
	return out
}

func actionsPage(shown scenarios) string {
	var b strings.Builder
	b.WriteString(`# Actions

What the [rules](rules.md) decide. An action is performed on the state at once, before the next rule runs; one with an effect is also
carried out outside, once the tick is durable, and answered by an [event](events.md#from-effects).

| action | is | effect outside | taken by |
|---|---|---|---|
`)
	for _, a := range town.ActionSpecs() {
		effect := "no"
		if a.Effect {
			effect = "yes"
		}
		var rules []string
		for _, r := range town.Rules() {
			if slices.Contains(shown.takers[string(a.Kind)], r.Name) {
				rules = append(rules, fmt.Sprintf("[%s](rules.md#%s)", r.Name, strings.ReplaceAll(r.Name, "/", "")))
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", a.Kind, a.Doc, effect, strings.Join(rules, ", "))
	}
	b.WriteString("\nWho takes what is read off the scenario files.\n")
	return b.String()
}

func settingsPage() string {
	var b strings.Builder
	b.WriteString(`# Settings

What can be set on a town and its rigs; [configuration](../configuration.md) says how. Settings of a *town* cannot be set on a rig.

| key | type | default | range | of | meaning |
|---|---|---|---|---|---|
`)
	code := func(text string) string {
		if text == "" {
			return ""
		}
		return "`" + text + "`"
	}
	for _, x := range town.SettingsList() {
		scope, ranges := "town, rig", code(strings.ReplaceAll(x.Range, "|", "`, `"))
		if x.TownOnly {
			scope = "town"
		}
		if least, most, ok := strings.Cut(x.Range, ".."); ok {
			ranges = strings.Trim(least+" to "+most, " ")
			if most == "" {
				ranges = "at least " + least
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", x.Key, x.Type, code(x.Default), ranges, scope, x.Doc)
	}
	return b.String()
}

func waitsPage() string {
	var b strings.Builder
	b.WriteString(`# Waits

Why nothing happens to a bead, an agent or a nudge now. A [rule](rules.md) that does not act says what it waits for:
` + "`gastown why`, the API and the pages print the sentence of the case, and `gastown why -o json`" + ` its code as well. Programs
and alerts go by the code; the wording may change.

| code | means | is ended by |
|---|---|---|
`)
	enders := map[town.Ender]string{
		town.EndedByTown: "the town, by its other work or in time", town.EndedByPerson: "a person",
		town.EndedByWorld: "a process, a forge or another program",
	}
	for _, w := range town.WaitSpecs() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", w.Code, w.Doc, enders[w.Ender])
	}
	return b.String()
}

func invariantsPage(t *testing.T) string {
	var b strings.Builder
	b.WriteString(`# Invariants

Sentences that hold after every tick. One that does not is in the record of the tick, with its number, and counted in the metrics. The
numbers never change. A record that was damaged, a wrong clock or a defect of gastown can be the cause. A damaged *file* is another
thing: no server starts with one.

| number | holds for every | sentence | recovery |
|---|---|---|---|
`)
	for _, inv := range town.Invariants() {
		recovery := inv.Recovery
		if recovery == "" {
			recovery = "none"
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", inv.Number, inv.On, inv.Doc, recovery)
	}
	b.WriteString(`
## Who finds it

In each tick every invariant but 13 and 14 is checked three times: of what is loaded or comes due before any event is taken, of what the events have
left before any rule acts on that, and of whatever was looked at after the rules. Whatever is found is on record, counted and reported once,
as it was, whoever repairs it. What an event may leave for a rule of the same tick is no violation before that rule has acted. No rule
acts only on a state that these sentences exclude: what repairs that is the recovery, and has its name.

The tests damage the record of a town in a real journal, start a real server and look at what a receiver of Sentry's reports gets, the total,
the record of the tick and the recovery.

| number | found first by | what is left to a rule of the same tick | reported by a live server in |
|---|---|---|---|
`)
	shown := liveTests(t)
	for _, inv := range town.Invariants() {
		passing := inv.Passing
		if passing == "" {
			passing = "nothing"
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", inv.Number, inv.FoundBy(), passing, shown[inv.Number])
	}
	return b.String()
}
