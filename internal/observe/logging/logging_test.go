package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// number is like that of a tick or a run.
type number int64

func TestForms(t *testing.T) {
	t.Parallel()
	var text, lines bytes.Buffer
	level := new(slog.LevelVar)
	for form, out := range map[Form]*bytes.Buffer{Text: &text, JSON: &lines} {
		New(out, form, level).Info("tick", "town", "main", "tick", number(7), "rules", []string{"beads/dispatch", "agents/gone"})
	}
	if !strings.Contains(text.String(), "msg=tick town=main tick=7 rules=beads/dispatch,agents/gone\n") {
		t.Errorf("text: %s", text.String())
	}
	var doc map[string]any
	if err := json.Unmarshal(lines.Bytes(), &doc); err != nil || doc["tick"] != 7.0 || doc["level"] != "INFO" || doc["rules"] != "beads/dispatch,agents/gone" {
		t.Errorf("json: %s (%v)", lines.String(), err)
	}
}

func TestTheLevelCanBeChanged(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	level := new(slog.LevelVar)
	log := New(&out, Text, level)
	log.Debug("first")
	level.Set(slog.LevelDebug)
	log.Debug("second")
	level.Set(slog.LevelError)
	log.Warn("third")
	if s := out.String(); strings.Contains(s, "first") || !strings.Contains(s, "second") || strings.Contains(s, "third") {
		t.Errorf("%s", s)
	}
}

func TestSecretsAreNotWritten(t *testing.T) {
	t.Parallel()
	const token, hook = "gta_eyJ0IjoibWFpbiJ9.c2lnbmF0dXJl", "https://hooks.example.org/services/T0/B0/abcdefghij0123456789XY"
	for _, form := range []Form{Text, JSON} {
		var out bytes.Buffer
		log := New(&out, form, new(slog.LevelVar))
		log.With("token", token).WithGroup("g").Info("with "+token,
			"err", errors.New("cannot tell "+hook), "env", map[string]string{"A": "hunter2"}, "prompt", "hunter2", "adminToken", "hunter2",
			"reason", "ran A_SECRET=hunter2", "list", []string{token}, slog.Group("h", "dsn", "hunter2"), "any", struct{ T string }{token})
		for _, planted := range []string{token, "hunter2", "abcdefghij0123456789XY"} {
			if strings.Contains(out.String(), planted) {
				t.Errorf("%s: %q was written: %s", form, planted, out.String())
			}
		}
		if !strings.Contains(out.String(), "hooks.example.org") {
			t.Errorf("%s: too much was masked: %s", form, out.String())
		}
	}
}

func TestLevelOf(t *testing.T) {
	t.Parallel()
	for _, l := range levels {
		if got, err := LevelOf(NameOf(l)); err != nil || got != l {
			t.Errorf("%s: %v, %v", l, got, err)
		}
	}
	if _, err := LevelOf("loud"); err == nil || !strings.Contains(err.Error(), "debug, info, warn or error") {
		t.Errorf("%v", err)
	}
}
