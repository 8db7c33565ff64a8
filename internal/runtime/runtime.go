// Package runtime says what a place where agents run must offer, and in which
// words it reports. It holds the interface and its types only; package process
// is the default implementation, and package runtimetest is the specification
// that every implementation passes.
//
// A run is one dispatch of one agent. It is named by a Key, whose Run number is
// the fencing token: whatever carries an older number speaks for a process that
// is over or about to be ended.
package runtime

import (
	"context"
	"errors"
	"io"
	"time"
)

// ErrUnknownRun says that a runtime has no trace of a run: it was never started
// here, or its log was pruned.
var ErrUnknownRun = errors.New("no such run")

// ErrClosed says that the runtime was closed while, or before, it was used.
var ErrClosed = errors.New("the runtime is closed")

// Runtime starts agents, ends them and tells what became of them. All methods
// may be called concurrently. An error never means that something is absent:
// what cannot be read is an error, or a report with StateUnknown.
type Runtime interface {
	// Start runs an agent. It is idempotent by Key: for a run that runs, or ran,
	// it returns nil, starts nothing and touches nothing of its workspace. Any
	// older run of the same agent and any other run on the same workspace that is
	// still alive is ended first, so there is never more than one process tree
	// per agent, nor per workspace. The workspace is prepared before the process
	// starts.
	//
	// An error that is a *StartError means that the agent surely does not run
	// and never did. Any other error (a context that ended) means that the
	// outcome is unknown: List and Exits will tell.
	Start(ctx context.Context, spec Spec) error

	// Stop ends a run: TERM to its process group, KILL to all that is left when
	// the run's grace is over. It returns when every process is gone. A run that
	// is unknown or over is stopped already, which is no error. When ctx ends
	// first the run is still ended, only nobody waits for it.
	Stop(ctx context.Context, key Key) error

	// Tell puts a text where a run that goes on can read it: a file of this id in
	// the folder that the agent has as GASTOWN_INBOX. A repeat is the same. An
	// error means that the agent cannot read it, or that it is not sure to.
	Tell(ctx context.Context, key Key, id, text string) error

	// List reports every run that has not been forgotten, also those that are
	// over, ordered by history, town, agent and run.
	List(ctx context.Context) ([]Report, error)

	// Forget drops a run that is over from List and Exits. Its log stays until
	// it is pruned. Forgetting an unknown run is no error, forgetting one that
	// is not over is.
	Forget(ctx context.Context, key Key) error

	// Prune deletes the logs and remains of forgotten runs that ended before the
	// given time.
	Prune(ctx context.Context, before time.Time) error

	// Exits delivers the report of every run that is over, at once when it ends.
	// Runs that are over but not forgotten are delivered once more by the next
	// Runtime opened on the same place, so nothing is lost when the server is
	// down; a reader must therefore expect a report twice. The channel is the
	// same at every call and is closed by Close.
	Exits() <-chan Report

	// Log reads what a run has written to its standard output and error.
	// ErrUnknownRun is returned for a run that left no trace.
	Log(ctx context.Context, key Key, opts LogOptions) (io.ReadCloser, error)

	// Close stops watching and frees what the Runtime holds. Agents go on
	// running and are found again by the next Runtime. Closing twice is fine.
	Close() error
}
