// Package logging makes the server's log: lines of text for people, JSON for programs, without secrets.
package logging

import (
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"

	"gastown/internal/observe/mask"
)

// Form is how a log is written.
type Form string

// The forms of a log.
const (
	Text Form = "text"
	JSON Form = "json"
)

// New returns a log whose level can be changed while it is in use.
func New(w io.Writer, form Form, level *slog.LevelVar) *slog.Logger {
	opts := &slog.HandlerOptions{Level: level, ReplaceAttr: withoutSecrets}
	if form == JSON {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// withoutSecrets masks values by their name, and texts that look like a secret. No line of ours has any;
// this is for the one that will be written without thinking of it.
func withoutSecrets(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindTime, slog.KindBool: // no secret, whatever its name
		return a
	}
	if mask.Name(a.Key) {
		return slog.String(a.Key, mask.Masked)
	}
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(mask.Text(a.Value.String()))
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case slog.Level:
			a.Value = slog.StringValue(v.String())
		case *slog.Source:
		case error:
			a.Value = slog.StringValue(mask.Text(v.Error()))
		case fmt.Stringer:
			a.Value = slog.StringValue(mask.Text(v.String()))
		default:
			a.Value = plain(reflect.ValueOf(v))
		}
	}
	return a
}

// plain keeps numbers, such as that of a tick, puts lists on one line, and makes text of the rest.
func plain(v reflect.Value) slog.Value {
	switch {
	case !v.IsValid():
		return slog.AnyValue(nil)
	case v.CanInt():
		return slog.Int64Value(v.Int())
	case v.Kind() == reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = mask.Text(fmt.Sprint(v.Index(i).Interface()))
		}
		return slog.StringValue(strings.Join(parts, ","))
	}
	return slog.StringValue(mask.Text(fmt.Sprint(v.Interface())))
}

// levels are all there are, from the most said to the least.
var levels = []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}

// LevelOf reads the name of a level.
func LevelOf(name string) (slog.Level, error) {
	for _, l := range levels {
		if strings.EqualFold(name, l.String()) {
			return l, nil
		}
	}
	return 0, fmt.Errorf("the level is %q, must be debug, info, warn or error", name)
}

// NameOf is the name of a level, as it is read.
func NameOf(l slog.Level) string { return strings.ToLower(l.String()) }
