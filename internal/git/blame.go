package git

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// GateEnd says how a gate ended that did not pass.
type GateEnd string

// The ends of gates; [GatePassed] is none of a [GateFailure].
const (
	GatePassed      GateEnd = "passed"
	GateFailed      GateEnd = "failed"        // it ran and said no
	GateTimedOut    GateEnd = "timed_out"     // it took too long and was killed
	GateCouldNotRun GateEnd = "could_not_run" // a program is missing or may not be executed, or something else killed it
)

// knownGreenFor is for how long the target counts as one on which the gates pass: what is around a gate, such as
// a package registry or a clock, changes without any commit.
const knownGreenFor = 15 * time.Minute

// Exit codes of a shell for what could not be executed, was not found, and was killed by somebody: the kernel
// when memory ran out, or a person.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
	exitKilled        = 128 + 9
	exitTerminated    = 128 + 15
)

func endOf(exitCode int, timedOut bool) GateEnd {
	switch {
	case timedOut:
		return GateTimedOut
	case exitCode == exitNotExecutable, exitCode == exitNotFound, exitCode == exitKilled, exitCode == exitTerminated:
		return GateCouldNotRun
	}
	return GateFailed
}

// GateRun is one run of a gate, for who counts and shows them.
type GateRun struct {
	Gate     string
	End      GateEnd
	Flaky    bool // it passed after it had failed on the same commit
	OnTarget bool // it ran on the target alone
	Took     time.Duration
	Changed  []string // tracked files that it changed, which were restored; at most [maxChanged]
	Changes  int      // how many those were
}

// maxChanged bounds the names of changed files that are kept: a formatter may change all.
const maxChanged = 20

// gateRun is the gates of one test of a merge.
type gateRun struct {
	rig    *Rig
	a      attempt
	place  *place
	commit string   // the merge
	env    []string // of the gates
	known  gateMemory
	runs   []GateRun
}

// gateVerdict is what the gates of a test come to. Failure is nil if all passed.
type gateVerdict struct {
	failure *GateFailure
	broken  bool // the gate does not pass on the target either, and the branch is not to blame
}

// all runs the gates on the merge commit, in a checkout of it. A gate that fails on a target on which all
// passed a moment ago is run once more; if that does not help it is run on the target alone, which tells whose fault it is.
func (g *gateRun) all(ctx context.Context) (gateVerdict, error) {
	if len(g.a.req.Gates) == 0 {
		return gateVerdict{}, nil
	}
	if err := os.MkdirAll(g.place.home(), 0o700); err != nil {
		return gateVerdict{}, wrapOS("make a home directory for gates", err)
	}
	if err := g.place.clean(ctx, g.commit); err != nil {
		return gateVerdict{}, err
	}
	for _, gate := range g.a.req.Gates {
		v, err := g.gate(ctx, gate)
		if err != nil || v.failure != nil {
			return v, err
		}
	}
	return gateVerdict{}, nil
}

// gate runs one gate until it is known whether it passes, and if not, whose fault that is. Whatever is known of the
// target, no branch is blamed before the target has passed the gate now: what is around a gate may have broken since.
func (g *gateRun) gate(ctx context.Context, gate Gate) (gateVerdict, error) {
	failure, err := g.on(ctx, gate, g.commit)
	if err != nil || failure == nil {
		return gateVerdict{}, err
	}
	for n := 0; n < g.a.req.GateRetries && failure.End == GateFailed && g.targetIsGreen(); n++ {
		logLine(g.a.req.Log, "gate %s: the target passed it a moment ago, so it is run again", gate.Name)
		again, err := g.on(ctx, gate, g.commit)
		if err != nil {
			return gateVerdict{}, err
		}
		if again == nil {
			g.runs[len(g.runs)-1].Flaky = true
			return gateVerdict{}, nil
		}
		failure = again
	}
	logLine(g.a.req.Log, "gate %s: is it the branch? It is run on %s alone", gate.Name, g.a.req.Target)
	if err := g.place.clean(ctx, g.a.tip); err != nil {
		return gateVerdict{}, err
	}
	onTarget, err := g.on(ctx, gate, g.a.tip)
	if err != nil {
		return gateVerdict{}, err
	}
	if onTarget != nil {
		return gateVerdict{failure: onTarget, broken: true}, nil
	}
	return gateVerdict{failure: failure}, nil
}

// on runs a gate on a commit: the tracked files are those of that commit whatever a gate before has changed, and what
// gates have made since the checkout was cleaned is there too.
func (g *gateRun) on(ctx context.Context, gate Gate, commit string) (*GateFailure, error) {
	if err := g.place.restore(ctx, commit); err != nil {
		return nil, err
	}
	g.place.at = ""
	began := time.Now()
	logLine(g.a.req.Log, "gate %s begins", gate.Name)
	failure, err := runGate(ctx, gate, g.place.checkout(), g.env, g.a.req.Log)
	if err != nil {
		return nil, err
	}
	run := GateRun{Gate: gate.Name, End: GatePassed, OnTarget: commit == g.a.tip, Took: time.Since(began).Round(time.Millisecond)}
	if run.Changed, err = g.place.changedBy(ctx, commit); err != nil {
		return nil, err
	}
	if run.Changes = len(run.Changed); run.Changes > 0 {
		run.Changed = run.Changed[:min(run.Changes, maxChanged)]
		logLine(g.a.req.Log, "gate %s changed tracked files, which are restored: %s", gate.Name, strings.Join(run.Changed, ", "))
		if failure == nil && g.a.req.RefuseChanges {
			failure = &GateFailure{Gate: gate.Name, End: GateFailed, Changed: run.Changed}
		}
	}
	if failure != nil {
		run.End = failure.End
	}
	g.runs = append(g.runs, run)
	logLine(g.a.req.Log, "gate %s %s after %s", gate.Name, run.End, run.Took)
	return failure, nil
}

// gateMemory is what a rig remembers of its gates, in a file of the rig. Losing it costs a run of a gate.
type gateMemory struct {
	Green string    `json:"green"` // commit that the gates passed on last
	At    time.Time `json:"at"`
	Gates string    `json:"gates"` // which gates those were
}

func (r *Rig) gateMemoryFile() string { return filepath.Join(r.dir, "gates.json") }

// gateMemory reads it; what cannot be read is as good as forgotten.
func (r *Rig) gateMemory() gateMemory {
	var m gateMemory
	data, err := os.ReadFile(r.gateMemoryFile())
	if err != nil || json.Unmarshal(data, &m) != nil {
		return gateMemory{}
	}
	return m
}

func (r *Rig) remember(m gateMemory) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("cannot write what is known of the gates: %w", err)
	}
	next := r.gateMemoryFile() + ".new"
	if err := errors.Join(os.WriteFile(next, data, 0o600), os.Rename(next, r.gateMemoryFile())); err != nil {
		return wrapOS("write what is known of the gates", err)
	}
	return nil
}

func (g *gateRun) targetIsGreen() bool {
	return g.known.Green == g.a.tip && g.known.Gates == named(g.a.req.Gates) && g.a.req.now().Sub(g.known.At) < knownGreenFor
}

// rememberGreen notes that the gates passed on a commit, which is to be the target's next tip.
func (r *Rig) rememberGreen(req MergeRequest, commit string) error {
	if len(req.Gates) == 0 {
		return nil
	}
	return r.remember(gateMemory{Green: commit, At: req.now(), Gates: named(req.Gates)})
}

// named tells gates from others: a changed command is another gate.
func named(gates []Gate) string {
	data, err := json.Marshal(gates)
	if err != nil {
		panic(fmt.Sprintf("git: gates cannot be written: %v", err))
	}
	return string(data)
}
