package process

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gastown/internal/runtime"
)

// Start implements runtime.Runtime.
func (r *Runtime) Start(ctx context.Context, spec runtime.Spec) error {
	if err := r.checkSpec(spec); err != nil {
		return err
	}
	release, err := r.hold(ctx, spec.Key)
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", spec.Key, err)
	}
	defer release()

	known, err := r.startedBefore(ctx, spec.Key)
	if known || err != nil {
		return err
	}
	older, err := r.olderRuns(spec.Key)
	if err != nil {
		return err
	}
	// Refusals come before other runs are ended, as far as they can be: a start
	// that cannot succeed must not cost a run that works.
	if !startsBelow(spec) {
		if _, err := findProgram(spec, ""); err != nil {
			return err
		}
	}
	leave, err := r.enter(ctx, spec)
	if err != nil {
		return err
	}
	defer leave()
	ready, dir, err := r.prepared(ctx, spec)
	if err != nil {
		return err
	}
	program, err := findProgram(ready, dir)
	if err != nil {
		return err
	}
	for _, w := range older {
		if err := w.end(ctx); err != nil {
			return fmt.Errorf("cannot end %s before %s: %w", w.key, spec.Key, err)
		}
	}
	rec := r.specRecord(ready, dir, program)
	claimed, err := r.claim(ready, rec)
	if err != nil {
		return infraError("cannot make the run directory", err)
	}
	return r.launch(ctx, newRun(spec.Key, claimed))
}

// startedBefore says whether the run exists already. If its start is still on
// the way or failed, this is as good as having done it: it returns what came, or
// comes, of it.
func (r *Runtime) startedBefore(ctx context.Context, key runtime.Key) (known bool, err error) {
	dir := runDir(r.root, key)
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		return false, nil
	} else if err != nil {
		return true, fmt.Errorf("cannot tell whether %s was started: %w", key, err)
	}
	rec, over, _, err := readExit(dir)
	if err == nil && !over {
		w := r.tracked(key)
		if w == nil { // left by a rejected start that could not be cleaned up
			w = newRun(key, dir)
			r.track(w)
		}
		var agent agentRecord
		var started bool
		if started, err = w.awaitRecord(ctx, fileAgent, &agent); started || err != nil {
			return true, err
		}
		rec, _, _, err = readExit(dir)
	}
	if err != nil {
		return true, fmt.Errorf("cannot tell whether %s was started: %w", key, err)
	}
	return true, rec.startError()
}

// olderRuns returns the runs of the agent that have to end first. A newer run
// forbids the start.
func (r *Runtime) olderRuns(key runtime.Key) ([]*run, error) {
	numbers, err := runNumbers(agentDir(r.root, key))
	if err != nil {
		return nil, infraError("cannot look for other runs of the agent", err)
	}
	var older []*run
	for _, n := range numbers {
		other := key
		other.Run = n
		if n > key.Run {
			return nil, &runtime.StartError{
				Class: runtime.ClassStaleRun, Reason: fmt.Sprintf("run %d is out of date: run %d of the agent exists", key.Run, n),
			}
		}
		if w := r.tracked(other); w != nil && !isDone(w.done) {
			older = append(older, w)
		}
	}
	return older, nil
}

// claim makes the run's directory with all that a supervisor needs. From here on
// the run exists, and whatever happens it will be seen to end.
func (r *Runtime) claim(spec runtime.Spec, rec specRecord) (dir string, err error) {
	dir = runDir(r.root, spec.Key)
	agent := filepath.Dir(dir)
	parents := []string{filepath.Dir(filepath.Dir(agent)), filepath.Dir(agent), agent}
	for _, parent := range parents {
		if err := os.Mkdir(parent, modeDir); err != nil && !os.IsExist(err) {
			return "", err
		}
	}
	if err := os.Mkdir(dir, modeDir); err != nil {
		return "", err
	}
	if err := r.fill(dir, spec, rec); err != nil {
		return "", errorsAfter(err, os.RemoveAll(dir))
	}
	for _, parent := range append(parents, r.root) {
		if err := syncDir(parent); err != nil {
			return "", errorsAfter(err, os.RemoveAll(dir))
		}
	}
	return dir, nil
}

// fill writes what the supervisor reads. Nothing of it is ever an argument of a
// process, where others could see it.
func (r *Runtime) fill(dir string, spec runtime.Spec, rec specRecord) error {
	if err := os.Mkdir(filepath.Join(dir, dirLog), modeDir); err != nil {
		return err
	}
	if rec.Dir == filepath.Join(dir, dirWork) {
		if err := os.Mkdir(rec.Dir, modeDir); err != nil {
			return err
		}
	}
	if err := makeFIFO(filepath.Join(dir, fileAlive)); err != nil {
		return err
	}
	if err := writeFile(dir, fileEnviron, []byte(strings.Join(spec.Env, "\x00"))); err != nil {
		return err
	}
	if len(spec.Stdin) > 0 {
		if err := writeFile(dir, fileStdin, spec.Stdin); err != nil {
			return err
		}
	}
	return writeRecord(dir, fileSpec, rec)
}

// specRecord fills in the defaults.
func (r *Runtime) specRecord(spec runtime.Spec, dir, program string) specRecord {
	rec := specRecord{
		History: spec.History, Town: spec.Town, Agent: spec.Agent, Run: spec.Run,
		Path: program, Command: spec.Command, Dir: dir,
		Grace: spec.Grace, Heartbeat: r.heartbeat,
		LogBytes: spec.LogLimit.SegmentBytes, LogKeep: spec.LogLimit.Segments,
	}
	if taken, ok := workspaceOf(spec); ok {
		rec.Rig, rec.Bead = taken.rig, taken.bead
	}
	if rec.Grace == 0 {
		rec.Grace = runtime.DefaultGrace
	}
	if rec.LogBytes == 0 {
		rec.LogBytes = runtime.DefaultLogLimit.SegmentBytes
	}
	if rec.LogKeep == 0 {
		rec.LogKeep = runtime.DefaultLogLimit.Segments
	}
	return rec
}

// errorsAfter adds the failure of a clean-up to the error that made it necessary.
func errorsAfter(err, cleanup error) error {
	if cleanup == nil {
		return err
	}
	return fmt.Errorf("%w (and cannot clean up: %w)", err, cleanup)
}
