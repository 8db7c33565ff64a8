package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gastown/internal/runtime"
)

// List implements runtime.Runtime.
func (r *Runtime) List(ctx context.Context) ([]runtime.Report, error) {
	if err := r.open(ctx); err != nil {
		return nil, fmt.Errorf("cannot list the runs: %w", err)
	}
	reports, err := r.reports(ctx)
	if err == nil {
		// Asked last, so that a root that went away meanwhile is noticed too.
		err = r.rootIsOurs()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list the runs: %w", err)
	}
	return reports, nil
}

// rootIsOurs returns an error if the root is not the directory that was locked:
// a disk that is not mounted for the moment must not look like an empty one.
func (r *Runtime) rootIsOurs() error {
	held, err := r.lock.Stat()
	if err != nil {
		return err
	}
	found, err := os.Stat(filepath.Join(r.root, fileLock))
	if err != nil {
		return err
	}
	if !os.SameFile(held, found) {
		return fmt.Errorf("%s is not the directory that was opened: check that its disk is mounted", r.root)
	}
	return nil
}

// reports reads all runs from disk.
func (r *Runtime) reports(ctx context.Context) ([]runtime.Report, error) {
	keys, err := allKeys(r.root)
	if err != nil {
		return nil, err
	}
	var reports []runtime.Report
	for _, key := range keys {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		w := r.tracked(key)
		if w == nil {
			w = newRun(key, runDir(r.root, key)) // about to be started, or forgotten
		}
		if report, listed := readReport(w); listed {
			reports = append(reports, report)
		}
	}
	return reports, nil
}

// readReport reads from disk what there is to say about a run. A run that has
// been forgotten, or taken back, is not listed.
func readReport(w *run) (report runtime.Report, listed bool) {
	report = runtime.Report{Key: w.key, State: runtime.StateStarting}
	listed, err := fillReport(w.dir, &report)
	if err == nil {
		err = w.trouble()
	}
	if err != nil {
		if _, gone := os.Stat(w.dir); os.IsNotExist(gone) {
			return report, false
		}
		report.State, report.Reason = runtime.StateUnknown, err.Error()
		return report, true
	}
	return report, listed
}

// fillReport fills a report from the run's records.
func fillReport(dir string, report *runtime.Report) (listed bool, err error) {
	exit, over, forgotten, err := readExit(dir)
	if err != nil || forgotten {
		return false, err
	}
	var agent agentRecord
	started, err := readRecord(dir, fileAgent, &agent)
	if err != nil {
		return false, err
	}
	if started {
		report.State, report.PID, report.Started = runtime.StateRunning, agent.PID, agent.Started
		report.Heartbeat, report.Activity, err = readHeartbeat(dir)
		if err != nil {
			return false, err
		}
	}
	if over {
		report.State, report.Exited = runtime.StateExited, exit.Exited
		report.ExitCode, report.Signal, report.Reason = exit.ExitCode, exit.Signal, exit.Reason
	}
	if !over && !started {
		_, err = os.Stat(dir) // a run that was taken back is not starting
	}
	return err == nil, err
}

// readHeartbeat reads when the supervisor last said that its agent lives, and
// when the agent last wrote.
func readHeartbeat(dir string) (beat, activity time.Time, err error) {
	path := filepath.Join(dir, fileHeartbeat)
	info, err := os.Stat(path)
	if err != nil {
		return beat, activity, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return beat, activity, err
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return beat, activity, fmt.Errorf("cannot read %s: %w", path, err)
	}
	return info.ModTime(), time.Unix(0, ns), nil
}

// Forget implements runtime.Runtime.
func (r *Runtime) Forget(ctx context.Context, key runtime.Key) error {
	release, err := r.hold(ctx, key)
	if err != nil {
		return fmt.Errorf("cannot forget %s: %w", key, err)
	}
	defer release()
	w := r.tracked(key)
	if w == nil {
		return nil
	}
	if !isDone(w.done) {
		return fmt.Errorf("cannot forget %s: it is not over: stop it first", key)
	}
	err = os.Rename(filepath.Join(w.dir, fileExit), filepath.Join(w.dir, fileForgotten))
	if err == nil {
		err = syncDir(w.dir)
	}
	if err != nil {
		return fmt.Errorf("cannot forget %s: %w", key, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.runs, key)
	return nil
}

// Prune implements runtime.Runtime.
func (r *Runtime) Prune(ctx context.Context, before time.Time) error {
	keys, err := allKeys(r.root)
	if err != nil {
		return fmt.Errorf("cannot prune the logs: %w", err)
	}
	for i, key := range keys {
		last := i+1 == len(keys) || keys[i+1].History != key.History || keys[i+1].Town != key.Town || keys[i+1].Agent != key.Agent
		if err := r.pruneRun(ctx, key, last, before); err != nil {
			return fmt.Errorf("cannot prune the log of %s: %w", key, err)
		}
	}
	return nil
}

// pruneRun deletes one run if it was forgotten and ended early enough. Of an
// agent's newest run the records stay: its number refuses older ones.
func (r *Runtime) pruneRun(ctx context.Context, key runtime.Key, newest bool, before time.Time) error {
	release, err := r.hold(ctx, key)
	if err != nil {
		return err
	}
	defer release()
	dir := runDir(r.root, key)
	rec, _, forgotten, err := readExit(dir)
	if err != nil || !forgotten || !rec.Exited.Before(before) {
		return err
	}
	if newest {
		return errors.Join(os.RemoveAll(filepath.Join(dir, dirLog)), os.RemoveAll(filepath.Join(dir, dirWork)))
	}
	return os.RemoveAll(dir)
}
