package reference

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gastown/internal/town"
	"gastown/internal/verbs"
)

func verbsPage(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# Verbs

What agents and people can say to a town: by the command line, which is a client of the API, or by the API itself, below
` + "`" + verbs.InTown + "`" + `. Most become an [event](events.md); the answer comes when that has been
applied and is durable, or has been refused. Fields marked with * may be left out. The names are those of the operations
in ` + "`/openapi.json`" + `, which has all routes.

`)
	who := verbs.Who("")
	for _, v := range verbs.All() {
		if v.Who != who {
			who = v.Who
			b.WriteString(map[verbs.Who]string{
				verbs.Agent: "## Of agents\n\nWith the token of a run. What they are about comes from that token; " +
					"`beadId`, which every body may have, must be its bead.\n\n",
				verbs.Person: "## Of people\n\nWith the admin token.\n\n",
			}[who])
		}
		fmt.Fprintf(&b, "### %s\n\n%s\n\n- command: %s\n- API: `%s %s`\n- event: %s\n\n",
			v.ID, v.Doc, commandOf(&v), v.Method, below(&v), eventOf(&v))
		if v.Fields != nil {
			writeFields(t, &b, reflect.TypeOf(v.Fields))
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func commandOf(v *verbs.Verb) string {
	if !v.HasCommand() {
		return "none " + v.Command
	}
	return "`gastown " + v.Command + "`"
}

func below(v *verbs.Verb) string {
	if v.Below == "" {
		return verbs.InTown
	}
	return v.Below
}

func eventOf(v *verbs.Verb) string {
	if v.Event == "" {
		return "none"
	}
	return fmt.Sprintf("[%s](events.md#%s)", v.Event, v.Event)
}

// Every event that people or agents send has a verb, and every verb makes an event that there is. What an agent says
// has just the fields of its event.
func TestEveryEventOfPeopleAndAgentsHasAVerb(t *testing.T) {
	t.Parallel()
	specs, said := map[town.EventType]town.EventSpec{}, map[town.EventType]bool{}
	for _, s := range town.EventSpecs() {
		specs[s.Type] = s
	}
	ids := map[string]bool{}
	for _, v := range verbs.All() {
		if ids[v.ID] || v.ID == "" || !strings.HasSuffix(v.Doc, ".") || v.Command == "" {
			t.Errorf("the entry of %q is there twice, or has no sentence or no command", v.ID)
		}
		ids[v.ID], said[v.Event] = true, true
		spec, known := specs[v.Event]
		if v.Event == "" {
			continue
		}
		if !known {
			t.Errorf("%s makes %s, which there is not", v.ID, v.Event)
		} else if own := reflect.TypeOf(spec.New()).Elem(); v.Who == verbs.Agent && reflect.TypeOf(v.Fields) != own {
			t.Errorf("%s has the fields of %T and makes a %s", v.ID, v.Fields, own)
		}
	}
	for _, s := range specs {
		if (s.From == town.FromPeople || s.From == town.FromAgents) && !said[s.Type] {
			t.Errorf("nobody can say %s: it has no verb", s.Type)
		}
	}
}

// The page about agents has a row for each command of theirs, and the verbs of one command say the same in its help.
func TestAgentsPageHasEveryCommandOfAgents(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "agents.md"))
	if err != nil {
		t.Fatal(err)
	}
	help := map[string]string{}
	for _, v := range verbs.All() {
		if !v.HasCommand() {
			continue
		}
		if said, known := help[v.Command]; known && said != v.Short() {
			t.Errorf("the help of %s is %q and %q", v.Command, said, v.Short())
		}
		help[v.Command] = v.Short()
		if v.Who == verbs.Agent && v.Command != "refinery" && !strings.Contains(string(page), "| `gastown "+v.Command) {
			t.Errorf("docs/agents.md has no row for gastown %s", v.Command)
		}
	}
}
