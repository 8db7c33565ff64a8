package report

import (
	"strings"

	"github.com/getsentry/sentry-go"

	"gastown/internal/observe/mask"
)

// contextName is the one context that a report has.
const contextName = "gastown"

// maxText bounds a text in bytes. Ours are far shorter.
const maxText = 500

// tagNames and detailNames are everything that a report may say. What is not here does not leave,
// whoever put it in.
var (
	tagNames    = names("invariant", "town_id", "rule_set", "state", "event_type", "code", "effect", "class", "place")
	detailNames = names("invariant", "message", "townId", "entityKind", "entityId", "tick", "ruleSet", "recovered", "replay",
		"seq", "eventType", "code", "agent", "bead", "run", "effect", "class", "inARow", "place", "where", "heldBack", "kinds")
)

func names(list ...string) map[string]bool {
	out := make(map[string]bool, len(list))
	for _, n := range list {
		out[n] = true
	}
	return out
}

// allowed builds the report that is sent from what may be in it. The SDK adds the machine's name and
// more of its own, and a later version may add others.
func allowed(e *sentry.Event, _ *sentry.EventHint) *sentry.Event {
	out := sentry.NewEvent()
	out.EventID, out.Timestamp, out.Level, out.Platform = e.EventID, e.Timestamp, e.Level, e.Platform
	out.Release, out.Environment, out.Fingerprint = e.Release, e.Environment, e.Fingerprint
	out.Sdk = sentry.SdkInfo{Name: e.Sdk.Name, Version: e.Sdk.Version}
	out.Message = text(e.Message)
	for name, v := range e.Tags {
		if tagNames[name] {
			out.Tags[name] = text(v)
		}
	}
	details := sentry.Context{}
	for name, v := range e.Contexts[contextName] {
		if !detailNames[name] {
			continue
		}
		if v, ok := plain(name, v); ok {
			details[name] = v
		}
	}
	if len(details) > 0 {
		out.Contexts = map[string]sentry.Context{contextName: details}
	}
	for i := range e.Exception {
		out.Exception = append(out.Exception, exception(&e.Exception[i]))
	}
	return out
}

// plain lets numbers, yes and no, texts and counts by kind through.
func plain(name string, v any) (any, bool) {
	switch v := v.(type) {
	case string:
		if name == "replay" {
			return v, true // our own address, which the mask may not take apart
		}
		return text(v), true
	case bool, int, int64:
		return v, true
	case map[string]any:
		counts := map[string]int{}
		for kind, n := range v {
			if n, ok := n.(int); ok {
				counts[text(kind)] = n
			}
		}
		return counts, true
	}
	return nil, false
}

// text is what may leave of a text.
func text(s string) string {
	s = mask.Text(s)
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}

// exception leaves the names of functions and lines of source, without the source itself and without
// values.
func exception(x *sentry.Exception) sentry.Exception {
	out := sentry.Exception{Type: text(x.Type), Value: text(x.Value)}
	if m := x.Mechanism; m != nil {
		out.Mechanism = &sentry.Mechanism{Type: m.Type, Handled: m.Handled}
	}
	if x.Stacktrace != nil {
		out.Stacktrace = &sentry.Stacktrace{}
		for i := range x.Stacktrace.Frames {
			f := &x.Stacktrace.Frames[i]
			out.Stacktrace.Frames = append(out.Stacktrace.Frames, sentry.Frame{
				Function: f.Function, Module: f.Module, Filename: sourceOf(f), Lineno: f.Lineno, InApp: strings.HasPrefix(f.Module, module),
			})
		}
	}
	return out
}

// sourceOf names a source file by its package: where it lay when the program was built is nobody's
// business.
func sourceOf(f *sentry.Frame) string {
	path := f.AbsPath
	if path == "" {
		path = f.Filename
	}
	name := path[strings.LastIndexAny(path, `/\`)+1:]
	if f.Module == "" {
		return name
	}
	return f.Module + "/" + name
}
