package town

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// sampleValues has two values of each setting that is more than a number or a word, and a wrong one.
var sampleValues = map[string][3]string{
	"agents":          {`{"polecat":{"preset":"claude"}}`, `{"refinery":{"preset":"codex"}}`, `{"mayor":{"preset":"claude"}}`},
	"gates":           {`[{"name":"a","command":"true"}]`, `[]`, `[{"name":"a","command":" "}]`},
	"budget":          {`{"usd_per_day":5}`, `{"tokens_per_day":7}`, `{"usd_per_day":-1}`},
	"env":             {`{"A":"1"}`, `{"B":"2"}`, `{"A_TOKEN":"secret"}`},
	"notify":          {`{"webhooks":["https://a.example/x"]}`, `{"webhooks":["env:HOOK"]}`, `{"webhooks":["ftp://a.example"]}`},
	"branch_prefix":   {`"work"`, `"Büro-2"`, `"a/b"`},
	"instructions":    {`{"polecat":"Test."}`, `{"refinery":"Read."}`, `{"nobody":"Rest."}`},
	"allow_addresses": {`["https://a.example/x"]`, `["git@a.example:x"]`, `["https://me:secret@a.example/x"]`},
	"caches":          {`["target","**/node_modules"]`, `[]`, `["../x"]`},
}

// samples returns two values that the setting may have, neither of them the default, and those that it may not.
func samples(t *testing.T, x *Setting) (good [2]string, bad []string) {
	t.Helper()
	if v, ok := sampleValues[x.Key]; ok {
		return [2]string{v[0], v[1]}, v[2:]
	}
	switch x.Type {
	case "true or false":
		other := map[string]string{"true": "false", "false": "true"}[x.Default]
		return [2]string{other, other}, []string{`"maybe"`}
	case "word":
		return [2]string{`"` + x.words[1] + `"`, `"` + x.words[len(x.words)-1] + `"`}, []string{`"none of them"`, `""`}
	case "whole number":
		least, most := x.least.(int), x.most.(int)
		return [2]string{fmt.Sprint(least), fmt.Sprint(most)}, []string{fmt.Sprint(least - 1), fmt.Sprint(most + 1)}
	case "duration":
		least := x.least.(Duration)
		good, bad = [2]string{quoted(least), quoted(least + Minute)}, []string{quoted(least - Second), `5`}
		if x.most != nil {
			bad = append(bad, quoted(x.most.(Duration)+Second))
		}
		return good, bad
	}
	t.Fatalf("%s is a %s: add values of it to sampleValues", x.Key, x.Type)
	return good, nil
}

func quoted(d Duration) string { return `"` + d.String() + `"` }

func parsed(t *testing.T, x *Setting, value string) Settings {
	t.Helper()
	s, err := ParseSettings(fmt.Appendf(nil, `{%q:%s}`, x.Key, value))
	if err != nil {
		t.Fatalf("%s=%s: %v", x.Key, value, err)
	}
	return s
}

// Every setting is parsed, checked, merged, overridden and unset by its entry in the list alone.
func TestEverySettingFollowsFromItsEntry(t *testing.T) {
	t.Parallel()
	for _, x := range SettingsList() {
		t.Run(x.Key, func(t *testing.T) {
			t.Parallel()
			if x.Doc == "" || !strings.HasSuffix(x.Doc, ".") || strings.Contains(x.Doc, "Default") {
				t.Errorf("the sentence %q must end and leave the default to its tag", x.Doc)
			}
			good, bad := samples(t, &x)
			for _, value := range bad {
				_, err := ParseSettings(fmt.Appendf(nil, `{%q:%s}`, x.Key, value))
				var wrong *FieldError
				if !errors.As(err, &wrong) || !strings.HasPrefix(wrong.Field, x.Key) {
					t.Errorf("%s: the error of %s is %v", x.Key, value, err)
				}
			}
			first, second := parsed(t, &x, good[0]), parsed(t, &x, good[1])
			if got := first.townOnly(); (got == x.Key) != x.TownOnly {
				t.Errorf("%q belongs to the town alone", got)
			}
			for _, s := range []Settings{first, second} {
				onlyChanges(t, &x, s)
			}
			both := first.merge(second)
			if x.Type != "map" && !reflect.DeepEqual(both, second) {
				t.Errorf("%+v is set after %+v, and the result is %+v", second, first, both)
			}
			if x.Type == "map" && reflect.ValueOf(both).Field(x.field).Len() != 2 {
				t.Errorf("the entries of both are not kept: %+v", both)
			}
			if none, err := both.without([]string{x.Key}); err != nil || !reflect.DeepEqual(none, Settings{}) {
				t.Errorf("after unset %+v is left: %v", none, err)
			}
		})
	}
}

// onlyChanges holds that settings with one value make its field of the configuration so, and no other.
func onlyChanges(t *testing.T, x *Setting, s Settings) {
	t.Helper()
	before, after := DefaultConfig(), DefaultConfig()
	after.override(s)
	was, is := reflect.ValueOf(before), reflect.ValueOf(after)
	for i := range is.NumField() {
		name := is.Type().Field(i).Name
		if same := reflect.DeepEqual(was.Field(i).Interface(), is.Field(i).Interface()); same == (i == x.effect) {
			t.Errorf("%s is %v after setting %s", name, is.Field(i), x.Key)
		}
	}
	want := reflect.ValueOf(s).Field(x.field)
	if want.Kind() == reflect.Pointer {
		want = want.Elem()
	}
	if !reflect.DeepEqual(is.Field(x.effect).Interface(), want.Interface()) {
		t.Errorf("%s holds %v, want %v", x.Key, is.Field(x.effect), want)
	}
}

// The defaults are ones that a person may set, too.
func TestDefaultsAreInRange(t *testing.T) {
	t.Parallel()
	for _, x := range SettingsList() {
		if x.Default == "" {
			if x.Type != "list" && x.Type != "map" && x.Type != "object" {
				t.Errorf("%s has no default", x.Key)
			}
			continue
		}
		value := x.Default
		if !json.Valid([]byte(value)) {
			value = `"` + value + `"`
		}
		parsed(t, &x, value)
	}
}

// Whatever may begin a branch's name is taken for a prefix, and nothing that git refuses or that is the towns' own.
func TestBranchPrefix(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"gt", "a", "agents-2", "x.y", "ünder_score", strings.Repeat("x", 40)} {
		if why := badBranchPart(good); why != "" {
			t.Errorf("%q %s", good, why)
		}
	}
	for _, bad := range []string{"", "convoy", "HEAD", "@", ".x", "-x", "x.", "x.lock", "a..b", "a@{b", "a b", "a\tb", "a/b", "a~b", "a^b",
		"a:b", "a?b", "a*b", "a[b", `a\b`, "a\x7f", "\xff", strings.Repeat("x", 41)} {
		if badBranchPart(bad) == "" {
			t.Errorf("%q may be a prefix", bad)
		}
	}
}
