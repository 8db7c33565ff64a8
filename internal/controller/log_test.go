package controller

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"gastown/internal/observe/logging"
)

// A tick that did something is one line; on the level of debugging each action is one too.
func TestTicksAreLogged(t *testing.T) {
	t.Parallel()
	j := openJournal(t)
	defer func() { _ = j.Close() }()
	var out bytes.Buffer
	level := new(slog.LevelVar)
	level.Set(slog.LevelError)
	o := &outside{}
	c := New(Options{Journal: j, Effects: o, Meter: o, Log: logging.New(&out, logging.JSON, level)})
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	withRig(t, c)
	level.Set(slog.LevelDebug)
	res, err := c.Submit(context.Background(), "main", bead("x"))
	if err != nil {
		t.Fatal(err)
	}
	c.Stop() // after which the log is written
	want := []map[string]any{
		{"level": "INFO", "msg": "tick", "town": "main", "events": "bead_created", "rule": "beads/dispatch", "actions": 2.0, "effects": 1.0, "agent": "toast", "run": 1.0},
		{"level": "DEBUG", "msg": "action", "action": "create_agent", "rule": "beads/dispatch", "agent": "toast"},
		{"level": "DEBUG", "msg": "action", "action": "dispatch_agent", "rule": "beads/dispatch", "agent": "toast", "run": 1.0, "reason": "ready"},
	}
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), out.Bytes())
	}
	for i, line := range lines {
		var got map[string]any
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		want[i]["town"], want[i]["tick"] = "main", float64(res[0].Tick)
		for k, v := range want[i] {
			if got[k] != v {
				t.Errorf("line %d: %s is %v, want %v: %s", i, k, got[k], v, line)
			}
		}
	}
}
