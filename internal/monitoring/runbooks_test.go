package monitoring

import (
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gastown/docs"
	"gastown/internal/cli"
)

// value is where a text of an alert says what it is about.
var value = regexp.MustCompile(`\{\{ (with )?\$`)

// ofNoTown are alerts that no replay of a town belongs to.
var ofNoTown = []string{"ServerDown", "JournalNotWriting", "Watchdog", "PrometheusNotifying", "AlertmanagerNotifying"}

// address is where a link of an alert begins: with where its server is, or with the only one.
const address = "{{ with $labels.gastown_url }}{{ . }}{{ else }}{{ $externalLabels.gastown_url }}{{ end }}"

// Every alert says what a person needs: how bad it is, what is so, where, and where to read on, which is there.
func TestEveryAlertHasARunbook(t *testing.T) {
	t.Parallel()
	pages := map[string]bool{}
	for _, a := range alerts(t) {
		if a.Record != "" || !slices.Contains([]string{"critical", "warning", "none"}, a.Labels["severity"]) {
			t.Errorf("%s: its severity is %q", a.Name, a.Labels["severity"])
		}
		if a.Annotations["summary"] == "" || !value.MatchString(a.Annotations["description"]) {
			t.Errorf("%s has no summary, or a description without values", a.Name)
		}
		if a.Name != "Watchdog" && !strings.Contains(a.Annotations["summary"], "$labels.instance") {
			t.Errorf("%s does not say which server it is about", a.Name)
		}
		want := "{{ with $externalLabels.gastown_runbooks_url }}{{ . }}{{ else }}" + address + "/docs/runbooks{{ end }}/" + a.Name + ".html"
		if a.Annotations["runbook_url"] != want {
			t.Errorf("%s: the runbook is at %s, want %s", a.Name, a.Annotations["runbook_url"], want)
		}
		replay := strings.HasPrefix(a.Annotations["replay_url"], address+"/towns/{{ $labels.town }}/replay?from=")
		if replay == slices.Contains(ofNoTown, a.Name) {
			t.Errorf("%s: the replay is at %q", a.Name, a.Annotations["replay_url"])
		}
		pages["runbooks/"+a.Name+".html"] = true
	}
	for _, name := range docs.Pages() {
		if strings.HasPrefix(name, "runbooks/") && !pages[name] {
			t.Errorf("%s is about no alert", name)
		}
		delete(pages, name)
	}
	if len(pages) > 0 {
		t.Errorf("there are no %v", pages)
	}
}

// code is what a page gives to type: the lines of its blocks, and what stands between backquotes.
var code = regexp.MustCompile("(?m)^gastown [a-z].*$|`gastown [a-z][^`]*`")

func TestRunbooksAreComplete(t *testing.T) {
	t.Parallel()
	for _, a := range alerts(t) {
		text := string(read(t, filepath.Join("docs/runbooks", a.Name+".md")))
		for _, want := range []string{"# " + a.Name + "\n", "\n## What it means\n", "\n## How to see it\n", "\n## How to fix it\n"} {
			if !strings.Contains("\n"+text, want) {
				t.Errorf("%s has no %q", a.Name, want)
			}
		}
		if !slices.Contains(ofNoTown, a.Name) && !strings.Contains(text, "gastown replay") {
			t.Errorf("%s names no replay", a.Name)
		}
		commands := code.FindAllString(text, -1)
		if len(commands) < 2 {
			t.Errorf("%s has %d commands to run", a.Name, len(commands))
		}
		for _, c := range commands {
			words := strings.TrimSpace(regexp.MustCompile(`^gastown(?: [a-z]+\b)+(?: |$)`).FindString(strings.Trim(c, "`")))
			var help strings.Builder
			if code := cli.Main(append(strings.Fields(words)[1:], "--help"), strings.NewReader(""), &help, io.Discard); code != 0 || !strings.Contains(help.String(), words) {
				t.Errorf("%s: there is no command %q:\n%s", a.Name, words, help.String())
			}
			for _, flag := range regexp.MustCompile(` --?[a-z-]+`).FindAllString(c, -1) {
				if !strings.Contains(help.String(), strings.TrimSpace(flag)) {
					t.Errorf("%s: %q has no flag%s", a.Name, words, flag)
				}
			}
		}
	}
}
