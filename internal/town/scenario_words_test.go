package town

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// words is a line of a scenario file: words, and key=value pairs with optional double quotes.
type words struct {
	line  string
	plain []string
	pairs []pair
}

type pair struct{ key, value string }

func parseWords(line string) (words, error) {
	w := words{line: line}
	rest := strings.TrimSpace(line)
	for rest != "" {
		token, after, err := cutToken(rest)
		if err != nil {
			return w, fmt.Errorf("%q: %w", line, err)
		}
		rest = strings.TrimSpace(after)
		key, value, isPair := strings.Cut(token, "=")
		if !isPair {
			w.plain = append(w.plain, token)
			continue
		}
		w.pairs = append(w.pairs, pair{key, value})
	}
	if len(w.plain) == 0 {
		return w, fmt.Errorf("%q begins with no word", line)
	}
	return w, nil
}

// cutToken takes the first token off; quotes hold it together and are dropped.
func cutToken(s string) (token, rest string, err error) {
	var b strings.Builder
	quoted := false
	for i, c := range s {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ' ' && !quoted:
			return b.String(), s[i:], nil
		default:
			b.WriteRune(c)
		}
	}
	if quoted {
		return "", "", fmt.Errorf("a quote is not closed")
	}
	return b.String(), "", nil
}

// take removes the pair with this key and returns its value.
func (w *words) take(key string) (string, bool) {
	for i, p := range w.pairs {
		if p.key == key {
			w.pairs = append(w.pairs[:i:i], w.pairs[i+1:]...)
			return p.value, true
		}
	}
	return "", false
}

// keyNames are the short forms of the files.
var keyNames = map[string]string{"head": "headSha", "ahead": "commitsAhead", "log": "logTail", "on": "dependsOn"}

// assign sets the field of the first target that has the key as its JSON name.
func assign(p pair, now Time, targets ...any) error {
	key := p.key
	if long := keyNames[key]; long != "" {
		key = long
	}
	for _, target := range targets {
		v := reflect.ValueOf(target).Elem()
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if name == key {
				if err := setValue(v.Field(i), p.value, now); err != nil {
					return fmt.Errorf("%s=%s: %w", p.key, p.value, err)
				}
				return nil
			}
		}
	}
	return fmt.Errorf("unknown key %q", p.key)
}

func setValue(v reflect.Value, text string, now Time) error {
	switch v.Interface().(type) {
	case Time:
		t, err := parseTime(text, now)
		v.SetInt(int64(t))
		return err
	case Duration:
		d, err := time.ParseDuration(text)
		v.SetInt(d.Milliseconds())
		return err
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		v.SetInt(n)
		return err
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		v.SetFloat(f)
		return err
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		v.SetBool(b)
		return err
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return setValue(v.Elem(), text, now)
	case reflect.Slice:
		for _, item := range strings.Split(text, ",") {
			e := reflect.New(v.Type().Elem()).Elem()
			if err := setValue(e, item, now); err != nil {
				return err
			}
			v.Set(reflect.Append(v, e))
		}
	case reflect.Struct:
		// Its fields in their order.
		for i, part := range strings.Split(text, "|") {
			if i >= v.NumField() {
				return fmt.Errorf("a %s has only %d parts", v.Type(), v.NumField())
			}
			if err := setValue(v.Field(i), part, now); err != nil {
				return err
			}
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, item := range strings.Split(text, ",") {
			key, value, _ := strings.Cut(item, ":")
			v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), reflect.ValueOf(value).Convert(v.Type().Elem()))
		}
	default:
		return fmt.Errorf("a scenario cannot set a %s", v.Type())
	}
	return nil
}

// parseTime reads a moment relative to now: "-5m", "+30s", "now" or "never".
func parseTime(text string, now Time) (Time, error) {
	switch text {
	case "now":
		return now, nil
	case "never":
		return 0, nil
	}
	if !strings.HasPrefix(text, "-") && !strings.HasPrefix(text, "+") {
		return 0, fmt.Errorf("a moment is now, -5m or +5m")
	}
	d, err := time.ParseDuration(text)
	return now.Add(Duration(d.Milliseconds())), err
}

// settingsOf reads configuration keys. A value is JSON or a plain word; agents.ROLE names a preset,
// env.NAME a value, budget.KEY a number, and gate a command that has its name. The ranges of values are not checked here.
func settingsOf(pairs []pair) (Settings, error) {
	raw := map[string]any{}
	for _, p := range pairs {
		group, key, grouped := strings.Cut(p.key, ".")
		switch {
		case grouped && group == "budget":
			grouping[json.RawMessage](raw, group)[key] = json.RawMessage(p.value)
		case grouped && group == "agents":
			grouping[AgentCommand](raw, group)[key] = AgentCommand{Preset: p.value}
		case grouped:
			grouping[string](raw, group)[key] = p.value
		case p.key == "webhook":
			raw["notify"] = NotifySettings{Webhooks: []string{p.value}}
		case p.key == "gate":
			before, _ := raw["gates"].([]Gate)
			raw["gates"] = append(before, Gate{Name: p.value, Command: p.value})
		case json.Valid([]byte(p.value)):
			raw[p.key] = json.RawMessage(p.value)
		default:
			raw[p.key] = p.value
		}
	}
	var s Settings
	data, err := json.Marshal(raw)
	if err == nil {
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.DisallowUnknownFields()
		err = dec.Decode(&s)
	}
	return s, err
}

// grouping is the map of a group of keys, which several pairs fill.
func grouping[V any](raw map[string]any, group string) map[string]V {
	m, _ := raw[group].(map[string]V)
	if m == nil {
		m = map[string]V{}
		raw[group] = m
	}
	return m
}
