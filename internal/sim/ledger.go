package sim

import (
	"fmt"
	"maps"
	"slices"

	"gastown/internal/town"
)

// factKind says what happened outside of the town.
type factKind string

const (
	processBegan   factKind = "begun"
	processStopped factKind = "stopped" // it was told to stop, and is
	processEnded   factKind = "ended"
	branchMerged   factKind = "merged"
)

// fact is something that happened outside, by which the town is judged.
type fact struct {
	kind   factKind
	run    town.Run
	agent  town.AgentID
	bead   town.BeadID
	rig    town.RigID
	target string
	commit string
	work   []town.BeadID
}

// String says it for the remarks of a scenario file.
func (f fact) String() string {
	if f.kind == branchMerged {
		return fmt.Sprintf("the work on %s is merged into %s as %s", f.bead, f.target, f.commit)
	}
	return fmt.Sprintf("the process of run %d has %s", f.run, f.kind)
}

// ledger holds what really happened, and what the town has asked for.
type ledger struct {
	emitted  map[string]bool   // effects, by id
	told     map[town.Run]bool // to stop: the effect was decided
	stopped  map[town.Run]bool // and the runtime says that it is
	over     map[town.Run]bool // its own report has ended its work
	alive    map[town.Run]fact
	lastRun  town.Run
	holders  map[town.BeadID]town.AgentID
	hooked   map[town.AgentID]town.BeadID
	orphaned map[town.Run]town.Time
	closed   map[town.BeadID]bool
	begun    map[town.BeadID]bool            // in progress after the last recorded tick
	merged   map[string]bool                 // commits
	within   map[string]map[town.BeadID]bool // work by rig and branch
	windows  []startCount
	pulls    pullLedger
	care     careLedger
}

type startCount struct {
	at town.Time
	n  int
}

func newLedger() ledger {
	return ledger{
		emitted: map[string]bool{}, told: map[town.Run]bool{}, stopped: map[town.Run]bool{},
		over: map[town.Run]bool{}, alive: map[town.Run]fact{}, holders: map[town.BeadID]town.AgentID{},
		hooked: map[town.AgentID]town.BeadID{}, orphaned: map[town.Run]town.Time{}, merged: map[string]bool{}, closed: map[town.BeadID]bool{}, begun: map[town.BeadID]bool{},
		within: map[string]map[town.BeadID]bool{}, pulls: newPullLedger(), care: newCareLedger(),
	}
}

// note enters a fact and says what is wrong with it, or "".
func (l *ledger) note(f fact) string {
	switch f.kind {
	case processBegan:
		why := l.second(f)
		l.alive[f.run] = f
		return why
	case processStopped:
		l.stopped[f.run] = true
	case processEnded:
		delete(l.alive, f.run)
		delete(l.orphaned, f.run)
	case branchMerged:
		l.merged[f.commit] = true
		key := string(f.rig) + " " + f.target
		if l.within[key] == nil {
			l.within[key] = map[town.BeadID]bool{}
		}
		for _, b := range f.work {
			l.within[key][b] = true
		}
	}
	return ""
}

// second says what is wrong with the start of a process on a bead. There may be one of an earlier
// run, if that has been told to stop or has said itself that it is done: it has a moment to go. A run
// that the runtime has said to be stopped may not start at all.
func (l *ledger) second(f fact) string {
	if l.stopped[f.run] {
		return fmt.Sprintf("run %d of %s was started after it had been stopped: nobody looks after its process", f.run, f.agent)
	}
	if l.told[f.run] {
		return "" // its stop is next
	}
	runs := make([]town.Run, 0, 4)
	for run, o := range l.alive {
		if o.bead == f.bead && !l.told[run] && !l.over[run] {
			runs = append(runs, run)
		}
	}
	if len(runs) == 0 {
		return ""
	}
	return fmt.Sprintf("run %d of %s begins on %s, where run %d of %s still works and was not told to stop",
		f.run, f.agent, f.bead, slices.Min(runs), l.alive[slices.Min(runs)].agent)
}

// lastWords are the events with which a run says that its work is over.
var lastWords = map[town.EventType]bool{
	"agent_done": true, "changes_requested": true, "merge_tested": true, "merge_conflicted": true, "merge_rejected": true, "gate_broken": true,
	"merge_failed": true, "triage_resolved": true,
}

// reports notes which runs have said that their work is over.
func (l *ledger) reports(events []town.Event, rec *town.Tick) {
	for i := range events {
		if lastWords[events[i].Type] && rec.Events[i].Verdict == town.Applied {
			l.over[events[i].Run] = true
		}
	}
}

// effects: no effect is decided twice, and runs are given out once.
func (l *ledger) effects(c *checker, rec *town.Tick) {
	for i := range rec.Effects {
		e := &rec.Effects[i]
		if l.emitted[e.ID] {
			c.failf("effect-twice", e.Bead, "the effect %s was decided a second time", e.ID)
		}
		l.emitted[e.ID] = true
		switch e.Kind {
		case town.EffectDispatch:
			if e.Run <= l.lastRun {
				c.failf("effect-twice", e.Bead, "run %d was given out after run %d", e.Run, l.lastRun)
			}
			l.lastRun = e.Run
		case town.EffectStop:
			l.told[e.Run] = true
		}
	}
}

// starts: within any second no more polecats start than two start windows allow.
func (l *ledger) starts(c *checker, at town.Time, n, limit int) {
	if n == 0 {
		return
	}
	l.windows = append(l.windows, startCount{at, n})
	first := 0
	for first < len(l.windows) && l.windows[first].at <= at.Add(-town.Second) {
		first++
	}
	l.windows = l.windows[first:]
	sum := 0
	for _, w := range l.windows {
		sum += w.n
	}
	if sum > 2*max(limit, l.mostStarts()) {
		c.failf("starts", "", "%d polecats were started within a second; max_starts_per_tick is %d", sum, limit)
	}
}

// mostStarts is the largest number of one tick within the window: the limit may have been lowered.
func (l *ledger) mostStarts() int {
	most := 0
	for _, w := range l.windows {
		most = max(most, w.n)
	}
	return most
}

// hooks: no two agents hold one bead.
func (l *ledger) hooks(c *checker, id town.AgentID, a *town.Agent) {
	if old := l.hooked[id]; old != "" && l.holders[old] == id {
		delete(l.holders, old)
	}
	delete(l.hooked, id)
	if a == nil {
		return
	}
	if a.Hook == "" {
		return
	}
	if other := l.holders[a.Hook]; other != "" && other != id && c.st.Agent(other) != nil && c.st.Agent(other).Hook == a.Hook {
		c.failf("two-holders", a.Hook, "%s and %s hold %s", other, id, a.Hook)
	}
	l.hooked[id], l.holders[a.Hook] = a.Hook, id
}

// truth says what is wrong with a bead that is over, or "": what counts as merged is in its target.
func (l *ledger) truth(s *town.State, b *town.Bead) string {
	if b.Status != town.Closed {
		return ""
	}
	switch {
	case b.Type == town.Issue && b.Outcome == town.OutcomeMerged && !l.mergedFor(s, b.ID):
		return fmt.Sprintf("%s counts as merged, and none of its merge requests is", b.ID)
	case b.Merge != nil && b.Outcome == town.OutcomeMerged && !l.merged[b.Merge.MergeCommit]:
		return fmt.Sprintf("%s counts as merged by %q, and there is no such commit", b.ID, b.Merge.MergeCommit)
	case b.Convoy != nil && b.Outcome == town.OutcomeLanded && b.Convoy.Branch != "":
		return l.landed(s, b)
	}
	return ""
}

func (l *ledger) mergedFor(s *town.State, id town.BeadID) bool {
	return slices.ContainsFunc(s.RequestsOf(id), func(mr *town.Bead) bool { return l.merged[mr.Merge.MergeCommit] })
}

// begins notes whether a bead is in progress; nil is one that is gone.
func (l *ledger) begins(id town.BeadID, b *town.Bead) {
	delete(l.begun, id)
	if b != nil && b.Status == town.InProgress {
		l.begun[id] = true
	}
}

// final: a closed bead stays closed, and only a bead in progress has an attempt that goes on: its last.
func (l *ledger) final(b *town.Bead) string {
	if l.closed[b.ID] && b.Status != town.Closed {
		return fmt.Sprintf("%s was closed and is %s", b.ID, b.Status)
	}
	if b.Status == town.Closed {
		l.closed[b.ID] = true
	}
	for i := range b.Attempts {
		if b.Attempts[i].Ended == 0 && (b.Status != town.InProgress || i < len(b.Attempts)-1) {
			return fmt.Sprintf("%s is %s, and attempt %d of %d goes on", b.ID, b.Status, i+1, len(b.Attempts))
		}
	}
	return ""
}

// landed: the work of every merged member of a convoy that counts as landed is in the default branch.
func (l *ledger) landed(s *town.State, b *town.Bead) string {
	in := l.within[string(b.Rig)+" "+s.Rig(b.Rig).DefaultBranch]
	for _, d := range s.NeededBy(b.ID) {
		m := s.Bead(d.Bead)
		if d.Kind == town.Tracks && m != nil && m.Outcome == town.OutcomeMerged && !in[m.ID] {
			return fmt.Sprintf("%s counts as landed, and the work of its member %s is not in the default branch", b.ID, m.ID)
		}
	}
	return ""
}

// orphanBound is how long a process may go on that the town has nothing to do with any more: as long
// as stops may stay unconfirmed, asked for again less and less often.
const orphanBound = 3 * town.Hour

// orphans: no process goes on for long that the town knows nothing of.
func (l *ledger) orphans(c *checker, s *town.State) {
	for _, run := range slices.Sorted(maps.Keys(l.alive)) {
		f := l.alive[run]
		if a := s.Agent(f.agent); a != nil && a.Run == run && a.Process() {
			delete(l.orphaned, run)
			continue
		}
		since, known := l.orphaned[run]
		if !known {
			l.orphaned[run] = c.now
		} else if c.now.Since(since) > orphanBound {
			c.failf("orphan", f.bead, "the process of run %d of %s goes on, and the town has not known of it for %s", run, f.agent, c.now.Since(since))
		}
	}
}
