package town

import (
	"fmt"
	"slices"
	"strings"
)

// A gate that does not pass on the target alone is nobody's work: the merges of the rig wait, an escalation says
// why, and one merge request after a while tries again. Its escalation lives as long as that goes on.

// GateEnd says how a gate ended that did not pass.
type GateEnd string

// The ends of gates.
const (
	GatePassed      GateEnd = "passed"
	GateFailed      GateEnd = "failed"        // it ran and said no
	GateTimedOut    GateEnd = "timed_out"     // it took longer than it may
	GateCouldNotRun GateEnd = "could_not_run" // its program is missing, may not be run or was killed from outside
)

// GateRun is one run of a gate, as whoever merges reports it.
type GateRun struct {
	Gate     string   `json:"gate" doc:"Name of the gate." share:"keep"`
	End      GateEnd  `json:"end" doc:"passed, failed, timed_out or could_not_run." share:"keep"`
	Flaky    bool     `json:"flaky,omitempty" doc:"It passed after it had failed on the same commit."`
	OnTarget bool     `json:"onTarget,omitempty" doc:"It ran on the target alone."`
	Took     Duration `json:"took" doc:"How long it ran."`
	Changed  []string `json:"changed,omitempty" doc:"Tracked files that it changed, which were restored; the first 20."`
	Changes  int      `json:"changes,omitempty" doc:"How many those were."`
}

// GateRuns returns the runs of gates that an event reports.
func GateRuns(p Payload) []GateRun {
	switch p := p.(type) {
	case *MergeTested:
		return p.Runs
	case *MergeRejected:
		return p.Runs
	case *GateBroken:
		return p.Runs
	}
	return nil
}

// maxGateRuns bounds the runs of a report: 50 gates that fail five times and are run on the target.
const maxGateRuns = 400

// validGateRuns checks what was reported of runs.
func validGateRuns(runs []GateRun) *Refusal {
	if len(runs) > maxGateRuns {
		return invalid("gates", "has %d runs, may have %d", len(runs), maxGateRuns)
	}
	for i := range runs {
		g := &runs[i]
		switch at := fmt.Sprintf("gates[%d]", i); {
		case g.Gate == "":
			return invalid(at+".gate", "is empty")
		case g.End != GatePassed && (g.End == "" || !g.End.known()):
			return invalid(at+".end", "is %q, must be passed, failed, timed_out or could_not_run", g.End)
		case g.Took < 0 || g.Changes < len(g.Changed):
			return invalid(at, "does not fit together")
		}
	}
	return nil
}

// redGate says how a gate ended that kept a merge back.
func redGate(gate string, end GateEnd, changed []string) string {
	if len(changed) > 0 {
		return "the gate " + gate + " changed tracked files, which gate_changes refuses: " + strings.Join(changed, ", ")
	}
	return "the gate " + gate + " " + end.words()
}

// words says how the gate ended, for a sentence about it.
func (e GateEnd) words() string {
	switch e {
	case GateTimedOut:
		return "ran out of time"
	case GateCouldNotRun:
		return "could not run"
	}
	return "failed"
}

func (e GateEnd) known() bool {
	return e == "" || e == GateFailed || e == GateTimedOut || e == GateCouldNotRun
}

// gateBackoffs is how long the merges of a rig wait after a gate was found broken for the 1st, 2nd, … time; the
// last one goes on. What is around a gate, such as a registry, comes back within minutes or needs a person.
var gateBackoffs = [...]Duration{Minute, 2 * Minute, 5 * Minute, 10 * Minute, 30 * Minute}

func gateCause(rig RigID, gate string) string { return "gate/" + string(rig) + "/" + gate }

// brokenGate is the escalation about the first gate of the rig that is broken, or nil.
func (s *State) brokenGate(rig RigID) *Bead {
	for _, g := range s.config(rig).Gates {
		if o := s.noticeOf(Escalation, gateCause(rig, g.Name)); o != nil {
			return o
		}
	}
	return nil
}

// gateWait says that a merge request waits for a gate of its rig to work again, or nil. The one that found it
// broken tries again after a back-off, and whoever is first in the queue then. While that one waits for
// something else the others need not.
func (s *State) gateWait(now Time, b *Bead) *Wait {
	o := s.brokenGate(b.Rig)
	if o == nil {
		return nil
	}
	found := s.beads[o.Escalation.About]
	if found == nil || found.Status != Open || found.ID != b.ID && s.ownWait(now, found) != nil {
		return nil
	}
	end, n := o.Created, 0
	for i := len(found.Attempts) - 1; i >= 0; i-- {
		at := &found.Attempts[i]
		if at.Outcome != AttemptGateBroken || at.Ended < o.Created {
			break
		}
		end, n = max(end, at.Ended), n+1
	}
	if n == 0 {
		return nil
	}
	if end = end.Add(gateBackoffs[min(n, len(gateBackoffs))-1]); now >= end {
		return nil
	}
	return &Wait{Code: WaitGateBroken, Until: end, On: string(o.ID), Reason: found.lastAttempt().Reason + "; merges of " + string(b.Rig) + " wait"}
}

// gateBroken raises the escalation about a broken gate, or notes which merge request has found it broken again.
func (t *tick) gateBroken(mr *Bead, reason string, p *GateBroken) {
	if o := t.s.noticeOf(Escalation, gateCause(mr.Rig, p.Gate)); o != nil {
		if o.Escalation.About != mr.ID {
			t.s.editBead(o.ID, t.now, func(o *Bead) { o.Escalation.About = mr.ID })
		}
		return
	}
	t.addBead(Bead{
		Type: Escalation, Title: fmt.Sprintf("The gate %s of %s is broken", p.Gate, mr.Rig), Rig: mr.Rig, CreatedBy: string(RefineryOf(mr.Rig)),
		Body: clip(reason+". No branch is to blame, so nothing is sent back; the merges of the rig wait, and are tried again by themselves. "+
			"Put right what the gate needs, or change the gates of the rig. The end of its log:\n\n"+p.Log, maxBody),
		Escalation: &EscalationPart{Severity: SeverityHigh, Category: "gate", Cause: gateCause(mr.Rig, p.Gate), About: mr.ID},
	})
}

// gatePassed closes the escalation about a gate of the rig, if there is one.
func (t *tick) gatePassed(rig RigID, gate string) {
	if o := t.s.noticeOf(Escalation, gateCause(rig, gate)); o != nil {
		t.moveBead(o.ID, Closed, func(b *Bead) { finish(b, string(OutcomeDone), "") })
	}
}

// gatesChanged lets merges be tried at once where a gate that was found broken is not as it was, or is gone.
func (t *tick) gatesChanged(rig RigID, before []Gate) {
	for _, g := range before {
		if !slices.Contains(t.s.config(rig).Gates, g) {
			t.gatePassed(rig, g.Name)
		}
	}
}

// touchGate marks the merge requests that wait for the gate about which an escalation is, or that the bead has
// found broken.
func (s *State) touchGate(b *Bead) {
	o := s.brokenGate(b.Rig)
	if b.Escalation != nil && b.Escalation.Category == "gate" || o != nil && o.Escalation.About == b.ID {
		for _, id := range s.ix.requests[b.Rig] {
			s.markBead(id)
		}
	}
}
