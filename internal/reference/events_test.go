package reference

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"gastown/internal/town"
)

func eventsPage(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# Events

Every fact that can come in, by who sends it. Beside its payload, an event has the agent, the run and the bead that it is about, as
far as it is about any. What comes from a run that is not the agent's current one is ignored. Fields marked with * may be left out.

`)
	from := town.Source("")
	for _, spec := range town.EventSpecs() {
		if spec.From != from {
			from = spec.From
			fmt.Fprintf(&b, "## From %s\n\n", from)
		}
		fmt.Fprintf(&b, "### %s\n\n%s\n\n", spec.Type, spec.Doc)
		writeFields(t, &b, reflect.TypeOf(spec.New()).Elem())
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// writeFields prints a table of a payload's fields, and one for each structure among them.
func writeFields(t *testing.T, b *strings.Builder, typ reflect.Type) {
	t.Helper()
	if typ.NumField() == 0 {
		return
	}
	b.WriteString("| field | type | meaning |\n|---|---|---|\n")
	var below []reflect.StructField
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		doc := f.Tag.Get("doc")
		if name == "" || doc == "" {
			t.Errorf("%s.%s has no name or no meaning: give it json and doc tags", typ, f.Name)
		}
		if options == "omitempty" {
			name += "*"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", name, typeWords(t, f.Type), doc)
		if inner := element(f.Type); inner.Kind() == reflect.Struct && inner != settings {
			below = append(below, f)
		}
	}
	b.WriteString("\n")
	for _, f := range below {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fmt.Fprintf(b, "In `%s`:\n\n", name)
		writeFields(t, b, element(f.Type))
	}
}

// settings have a page of their own.
var settings = reflect.TypeFor[town.Settings]()

// words are types that are called otherwise than their kind.
var words = map[reflect.Type]string{
	settings:                         "[settings](../configuration.md)",
	reflect.TypeFor[town.Duration](): "duration, such as `90s` or `4h`",
	reflect.TypeFor[town.RigID]():    "name of a rig",
	reflect.TypeFor[town.BeadID]():   "id of a bead",
	reflect.TypeFor[town.AgentID]():  "name of an agent",
}

// element is what a pointer or list holds.
func element(typ reflect.Type) reflect.Type {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	return typ
}

func typeWords(t *testing.T, typ reflect.Type) string {
	t.Helper()
	if w := words[typ]; w != "" {
		return w
	}
	switch typ.Kind() {
	case reflect.String:
		return "string"
	case reflect.Float64:
		return "number with decimals"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "number"
	case reflect.Struct:
		return "object"
	case reflect.Pointer:
		return typeWords(t, typ.Elem())
	case reflect.Slice:
		return "list, each: " + typeWords(t, typ.Elem())
	case reflect.Map:
		return "map, each: " + typeWords(t, typ.Elem())
	}
	t.Errorf("there are no words for %s", typ)
	return ""
}
