package web

import (
	"encoding/json"
	"regexp"
	"strings"
)

// hidden is what a page shows in place of what may be a secret.
const hidden = "•••"

// secretKeys are the fields whose values may be secrets that somebody has written out against advice:
// variables of agents, and the addresses of webhooks.
var secretKeys = map[string]bool{"env": true, "webhooks": true}

// userInfo matches a name and password within a URL.
var userInfo = regexp.MustCompile(`://[^/@\s"]+@`)

// maxValue bounds a value on a page, in characters.
const maxValue = 2000

// value is a field as a page shows it: strings as they are, the rest as JSON, without secrets. A value
// that is not there is empty.
func value(path string, v any) string {
	if v == nil {
		return ""
	}
	for key := range strings.SplitSeq(path, ".") {
		if name, _, _ := strings.Cut(key, "["); secretKeys[name] {
			return hidden
		}
	}
	if s, ok := v.(string); ok {
		return cut(userInfo.ReplaceAllString(s, "://"+hidden+"@"))
	}
	return cut(compact(mask(v)))
}

// payload is an event's payload as a page shows it: JSON on several lines, without secrets.
func payload(p any) string {
	data, err := json.Marshal(p)
	if err != nil {
		return "cannot be shown: " + err.Error()
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return "cannot be shown: " + err.Error()
	}
	if m, ok := v.(map[string]any); ok && len(m) == 0 {
		return ""
	}
	out, err := json.MarshalIndent(mask(v), "", "  ")
	if err != nil {
		return "cannot be shown: " + err.Error()
	}
	return cut(string(out))
}

func compact(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return "cannot be shown: " + err.Error()
	}
	return string(data)
}

// mask returns what JSON was read into with secrets hidden.
func mask(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			if out[k] = mask(e); secretKeys[k] {
				out[k] = veiled(e)
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = mask(e)
		}
		return out
	case string:
		return userInfo.ReplaceAllString(x, "://"+hidden+"@")
	}
	return v
}

// veiled keeps the names in a map and the length of a list, and no value.
func veiled(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k := range x {
			out[k] = hidden
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = hidden
		}
		return out
	}
	return hidden
}

func cut(s string) string {
	if r := []rune(s); len(r) > maxValue {
		return string(r[:maxValue]) + "…"
	}
	return s
}
