package town

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Setting is one entry of the list of settings, read from a field of Settings. Parsing, merging, the checks,
// the defaults, the documents of the API and the reference all follow from it: a new setting is a new field of
// Settings, with these tags, and the field of Config that has its value.
//
//	json      the key
//	doc       the sentence of the reference and of the API's schema
//	standard  the default; none if there is no such tag
//	range     LEAST..MOST for numbers and durations, either of which may be left out, or WORD|WORD
//	scope     "town" if a rig cannot have its own value
type Setting struct {
	Key     string
	Doc     string
	Type    string // for people: whole number, duration, …
	Default string
	Range   string
	// TownOnly settings make no sense as a rig's override.
	TownOnly bool

	field  int // of Settings
	effect int // of Config
	least  any // bounds, of the type of the value; nil if there is none
	most   any
	words  []string
	check  func(*Settings) error // of values with a structure of their own
}

// checks has what is wrong with values that are more than one number or word.
var checks = map[string]func(*Settings) error{
	"agents":        (*Settings).validateAgents,
	"branch_prefix": (*Settings).validateBranchPrefix,
	"gates":         (*Settings).validateGates,
	"budget":        func(s *Settings) error { return s.Budget.validate() },
	"notify":        func(s *Settings) error { return s.Notify.validate() },
	"env":           (*Settings).validateEnv,
	"instructions":  (*Settings).validateInstructions,
	"caches":        (*Settings).validateCaches,

	"allow_addresses": (*Settings).validateAllowAddresses,
}

// settings is the list, in the order of the fields of Settings.
var settings = listSettings()

// SettingsList lists every setting.
func SettingsList() []Setting { return slices.Clone(settings) }

func listSettings() []Setting {
	typ, config := reflect.TypeFor[Settings](), reflect.TypeFor[Config]()
	list := make([]Setting, typ.NumField())
	for i := range list {
		f := typ.Field(i)
		effect, ok := config.FieldByName(f.Name)
		if !ok || effect.Type != f.Type && reflect.PointerTo(effect.Type) != f.Type {
			panic("town: Config has no field for the setting " + f.Name)
		}
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		x := Setting{
			Key: key, Doc: f.Tag.Get("doc"), Default: f.Tag.Get("standard"), Range: f.Tag.Get("range"),
			TownOnly: f.Tag.Get("scope") == "town", field: i, effect: effect.Index[0], check: checks[key],
		}
		x.describe(effect.Type)
		list[i] = x
	}
	return list
}

// describe names the type for people and reads the bounds.
func (x *Setting) describe(typ reflect.Type) {
	least, most, isRange := strings.Cut(x.Range, "..")
	switch {
	case typ == reflect.TypeFor[Duration]():
		x.Type = "duration"
	case typ.Kind() == reflect.Int:
		x.Type = "whole number"
	case typ.Kind() == reflect.Bool:
		x.Type = "true or false"
	case typ.Kind() == reflect.String && x.Range == "":
		x.Type = "text"
	case typ.Kind() == reflect.String:
		x.Type, x.words = "word", strings.Split(x.Range, "|")
	case typ.Kind() == reflect.Slice:
		x.Type = "list"
	case typ.Kind() == reflect.Map:
		x.Type = "map"
	default:
		x.Type = "object"
	}
	if isRange {
		x.least, x.most = readValue(typ, least), readValue(typ, most)
	}
}

// readValue reads a number or word as a tag has it; nil if there is none.
func readValue(typ reflect.Type, text string) any {
	if text == "" {
		return nil
	}
	v := reflect.New(typ)
	if err := json.Unmarshal([]byte(text), v.Interface()); err != nil {
		if err := json.Unmarshal(fmt.Appendf(nil, "%q", text), v.Interface()); err != nil {
			panic(fmt.Sprintf("town: %q is no %s: %v", text, typ, err))
		}
	}
	return v.Elem().Interface()
}

// Validate checks the range of every value that is set; the error is a *FieldError.
func (s Settings) Validate() error {
	v := reflect.ValueOf(&s).Elem()
	for i := range settings {
		x := &settings[i]
		f := v.Field(x.field)
		if f.IsNil() {
			continue
		}
		if x.check != nil {
			if err := x.check(&s); err != nil {
				return err
			}
			continue
		}
		if wrong := x.outside(f.Elem()); wrong != "" {
			return &FieldError{x.Key, wrong}
		}
	}
	return nil
}

// outside says how a number or word is out of range, or "".
func (x *Setting) outside(v reflect.Value) string {
	switch {
	case x.words != nil && !slices.Contains(x.words, v.String()):
		return fmt.Sprintf("is %q, must be %s", v, anyOf(x.words))
	case v.Kind() != reflect.Int && v.Kind() != reflect.Int64:
		return ""
	case x.least != nil && v.Int() < reflect.ValueOf(x.least).Int(), x.most != nil && v.Int() > reflect.ValueOf(x.most).Int():
		least, most, _ := strings.Cut(x.Range, "..")
		must := fmt.Sprintf("must be from %s to %s", least, most)
		switch {
		case most == "":
			must = "must be at least " + least
		case least == "":
			must = "must be at most " + most
		}
		return fmt.Sprintf("is %v, %s", v, must)
	}
	return ""
}

func anyOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// DefaultConfig is what holds where nothing is set.
func DefaultConfig() Config {
	var c Config
	v := reflect.ValueOf(&c).Elem()
	for i := range settings {
		x := &settings[i]
		if f := v.Field(x.effect); x.Default != "" {
			f.Set(reflect.ValueOf(readValue(f.Type(), x.Default)))
		}
	}
	return c
}

// override puts the values that are set in the place of those that held; maps are merged entry by entry.
func (c *Config) override(s Settings) {
	from, to := reflect.ValueOf(&s).Elem(), reflect.ValueOf(c).Elem()
	for i := range settings {
		f, into := from.Field(settings[i].field), to.Field(settings[i].effect)
		switch {
		case f.IsNil():
		case f.Kind() == reflect.Map:
			into.Set(mergedMaps(into, f))
		default:
			into.Set(f.Elem())
		}
	}
}

// merge returns s with the values that o sets in their place; maps are merged entry by entry.
func (s Settings) merge(o Settings) Settings {
	out := s.clone()
	from, to := reflect.ValueOf(&o).Elem(), reflect.ValueOf(&out).Elem()
	for i := range settings {
		f, into := from.Field(settings[i].field), to.Field(settings[i].field)
		switch {
		case f.IsNil():
		case f.Kind() == reflect.Map:
			into.Set(mergedMaps(into, f))
		default:
			into.Set(f)
		}
	}
	return out
}

// mergedMaps returns a map of its own with the entries of both; those of b win.
func mergedMaps(a, b reflect.Value) reflect.Value {
	out := reflect.MakeMapWithSize(b.Type(), a.Len()+b.Len())
	for _, m := range []reflect.Value{a, b} {
		for _, k := range m.MapKeys() {
			out.SetMapIndex(k, m.MapIndex(k))
		}
	}
	return out
}

// clone copies the settings far enough that nobody changes them in place: values behind pointers
// are only ever replaced.
func (s Settings) clone() Settings {
	s.Agents, s.Env, s.Instructions = maps.Clone(s.Agents), maps.Clone(s.Env), maps.Clone(s.Instructions)
	return s
}

// townOnly names the first key that is set and makes no sense as a rig's override.
func (s Settings) townOnly() string {
	v := reflect.ValueOf(&s).Elem()
	for i := range settings {
		if x := &settings[i]; x.TownOnly && !v.Field(x.field).IsNil() {
			return x.Key
		}
	}
	return ""
}
