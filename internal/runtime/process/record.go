package process

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gastown/internal/runtime"
)

// specRecord is spec.json: what the supervisor is to do. The environment and the
// input are kept apart, in files that are deleted as soon as they are read.
type specRecord struct {
	History   string        `json:"history"`
	Town      string        `json:"town"`
	Agent     string        `json:"agent"`
	Run       int64         `json:"run"`
	Path      string        `json:"path"` // the program, found
	Command   []string      `json:"command"`
	Dir       string        `json:"dir"`
	Rig       string        `json:"rig,omitempty"` // with Bead, the workspace it has; empty for a folder of its own
	Bead      string        `json:"bead,omitempty"`
	Grace     time.Duration `json:"grace_ns"`
	Heartbeat time.Duration `json:"heartbeat_ns"`
	LogBytes  int64         `json:"log_segment_bytes"`
	LogKeep   int           `json:"log_segments"`
}

// supervisorRecord is supervisor.json. It is on disk before an agent can be.
type supervisorRecord struct {
	identity
	Boot string `json:"boot"`
	Mark string `json:"mark"`
}

// agentRecord is agent.json: the agent was started.
type agentRecord struct {
	identity
	Started time.Time `json:"started"`
}

// exitRecord is exit.json, and forgotten.json later: the run is over.
type exitRecord struct {
	Exited   time.Time `json:"exited"`
	ExitCode int       `json:"exit_code"`
	Signal   string    `json:"signal,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	// Class is set when the agent was never started.
	Class runtime.Class `json:"class,omitempty"`
}

// startError returns the rejection that the record stands for, or nil if the
// agent was started.
func (e exitRecord) startError() error {
	if e.Class == "" {
		return nil
	}
	reason := strings.TrimPrefix(e.Reason, runtime.ReasonStartFailed+": ")
	return &runtime.StartError{Class: e.Class, Reason: reason}
}

// failedStart is the record of a run whose agent was never started.
func failedStart(e *runtime.StartError) exitRecord {
	return exitRecord{
		Exited: time.Now(), ExitCode: -1, Class: e.Class,
		Reason: runtime.ReasonStartFailed + ": " + e.Reason,
	}
}

// writeRecord writes a record whole or not at all, and durably.
func writeRecord(dir, name string, record any) error {
	data, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("cannot encode %s: %w", name, err)
	}
	if err := writeFile(dir, name, append(data, '\n')); err != nil {
		return fmt.Errorf("cannot write %s: %w", name, err)
	}
	return nil
}

// writeFile writes a file whole or not at all, and durably.
func writeFile(dir, name string, data []byte) error {
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, modeFile)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		_ = os.Remove(path + ".tmp") // a left-over is harmless, the first error matters
		return err
	}
	return syncDir(dir)
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// readRecord reads a record. That there is none is no error.
func readRecord(dir, name string, into any) (found bool, err error) {
	f, err := os.Open(filepath.Join(dir, name))
	if os.IsNotExist(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return false, fmt.Errorf("cannot read %s: %w", filepath.Join(dir, name), err)
	}
	return true, nil
}

// readExit reads how a run ended, whether it was forgotten since or not. Forget
// renames the one file to the other, so looking in this order misses neither.
func readExit(dir string) (rec exitRecord, found, forgotten bool, err error) {
	if found, err = readRecord(dir, fileExit, &rec); found || err != nil {
		return rec, found, false, err
	}
	found, err = readRecord(dir, fileForgotten, &rec)
	return rec, found, found, err
}
