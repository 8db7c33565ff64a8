package controller

import (
	"slices"
	"time"

	"gastown/internal/town"
	"gastown/internal/wire"
)

// recentKept is how many of the last events the status document shows.
const recentKept = 20

// Status is the status document of a town.
type Status struct {
	Town         town.TownID        `json:"town"`
	Name         string             `json:"name"`
	History      town.History       `json:"history"` // its first eight letters are the town's tag
	Paused       town.Time          `json:"paused,omitempty"`
	Draining     bool               `json:"draining,omitempty"`
	DrainStarted town.Time          `json:"drainStartedAt,omitempty"`
	Breakers     []*town.Breaker    `json:"breakers,omitempty"` // the open ones
	Usage        *town.Usage        `json:"usage,omitempty"`    // of the newest day that something was reported for
	Alarm        Alarm              `json:"alarm"`
	Agents       AgentTally         `json:"agents"`
	Beads        BeadTally          `json:"beads"`
	Patrol       Patrol             `json:"patrol"`
	Reconciler   wire.Figures       `json:"reconciler"`
	RecentEvents []RecentEvent      `json:"recentEvents"`
	LastTick     town.TickNo        `json:"lastTick"`
	LastTickAt   town.Time          `json:"lastTickAt"`
	MergeQueue   map[town.RigID]int `json:"mergeQueue"`
	Problem      string             `json:"problem,omitempty"` // why the loop cannot go on, or events are not taken
}

// Alarm says when the town will be looked at next.
type Alarm struct {
	NextFireAt    time.Time `json:"nextFireAt"`
	IntervalMs    int64     `json:"intervalMs"`
	IntervalLabel string    `json:"intervalLabel"`
}

// AgentTally counts agents by status.
type AgentTally struct {
	Working int `json:"working"`
	Waiting int `json:"waiting"`
	Idle    int `json:"idle"`
	Stalled int `json:"stalled"`
	Dead    int `json:"dead"`
	Total   int `json:"total"`
}

// BeadTally counts issues by status; closed ones count until they go to the archive.
type BeadTally struct {
	Open           int `json:"open"`
	InProgress     int `json:"inProgress"`
	InReview       int `json:"inReview"`
	Closed         int `json:"closed"`
	Failed         int `json:"failed"`
	TriageRequests int `json:"triageRequests"`
}

// Patrol counts what the rules for silent agents see.
type Patrol struct {
	// GUPPWarnings and GUPPEscalations count the reminders of silent agents within the last hour, by tier.
	GUPPWarnings    int `json:"guppWarnings"`
	GUPPEscalations int `json:"guppEscalations"`
	StalledAgents   int `json:"stalledAgents"`
	OrphanedHooks   int `json:"orphanedHooks"` // agents that hold a bead and are not at work on it
}

// RecentEvent is an event in a few words.
type RecentEvent struct {
	Seq     town.Seq       `json:"seq"`
	At      town.Time      `json:"at"`
	Type    town.EventType `json:"eventType"`
	Agent   town.AgentID   `json:"agentId,omitempty"`
	Bead    town.BeadID    `json:"beadId,omitempty"`
	Outcome town.Verdict   `json:"outcome"`
	Reason  string         `json:"reason,omitempty"`
}

// figuresOf counts what a tick did with the events.
func figuresOf(t *town.Tick, events []town.Event) wire.Figures {
	f := wire.Figures{
		EventsDrained: len(t.Events), ActionsEmitted: len(t.Actions), ActionsByType: map[town.ActionKind]int{},
		SideEffectsAttempted: len(t.Effects), InvariantViolations: len(t.Violations), PendingEventCount: len(events),
	}
	for i := range t.Actions {
		f.ActionsByType[t.Actions[i].Kind]++
	}
	for i := range events {
		switch town.ResultOf(&events[i]) {
		case town.EffectSucceeded:
			f.SideEffectsSucceeded++
		case town.EffectFailed:
			f.SideEffectsFailed++
		}
	}
	return f
}

// note keeps the figures of a recorded tick. The caller holds the book.
func (l *loop) note(t *town.Tick, events []town.Event, pending int, took time.Duration) {
	l.last = figuresOf(t, events)
	l.last.PendingEventCount = pending
	l.last.WallClockMs = float64(took.Microseconds()) / 1000
	for i := range events {
		e, o := &events[i], &t.Events[i]
		l.recent = append(l.recent, RecentEvent{Seq: e.Seq, At: t.At, Type: e.Type, Agent: e.Agent, Bead: e.Bead, Outcome: o.Verdict, Reason: o.Reason})
	}
	if n := len(l.recent); n > recentKept {
		l.recent = slices.Clone(l.recent[n-recentKept:])
	}
}

// Status returns the town's status document.
func (c *Controller) Status(id town.TownID) (Status, error) {
	l, err := c.loop(id)
	if err != nil {
		return Status{}, err
	}
	var st Status
	l.mu.RLock()
	fill(&st, l.state)
	l.mu.RUnlock()
	l.book.Lock()
	defer l.book.Unlock()
	st.Alarm = Alarm{NextFireAt: l.nextFire, IntervalMs: l.interval.Milliseconds(), IntervalLabel: "idle (60s)"}
	if l.interval == activeAlarm {
		st.Alarm.IntervalLabel = "active (5s)"
	}
	st.Reconciler = l.last
	st.RecentEvents = slices.Clone(l.recent)
	if err := l.problem(); err != nil {
		st.Problem = err.Error()
	}
	return st, nil
}

func fill(st *Status, s *town.State) {
	st.Town, st.Name, st.History, st.Paused = s.Town().ID, s.Town().Name, s.Town().History, s.Town().Paused
	st.DrainStarted = s.Town().Draining
	st.Draining = st.DrainStarted != 0
	for _, k := range s.Breakers() {
		if k.Opened != 0 {
			st.Breakers = append(st.Breakers, k)
		}
	}
	if u := s.Usage(); u.Day != 0 {
		st.Usage = &u
	}
	st.LastTick, st.LastTickAt, st.MergeQueue = s.Tick(), s.At(), s.QueueDepth()
	for _, counts := range s.AgentCounts() {
		st.Agents.Working += counts[town.Working]
		st.Agents.Waiting += counts[town.Waiting]
		st.Agents.Idle += counts[town.Idle]
		st.Agents.Stalled += counts[town.Stalled]
		st.Agents.Dead += counts[town.Dead]
	}
	a := &st.Agents
	a.Total = a.Working + a.Waiting + a.Idle + a.Stalled + a.Dead
	beads := s.BeadCounts()
	issues := beads[town.Issue]
	st.Beads = BeadTally{
		Open: issues[town.Open], InProgress: issues[town.InProgress], InReview: issues[town.InReview],
		Closed: issues[town.Closed], Failed: issues[town.Failed],
		TriageRequests: beads[town.TriageRequest][town.Open] + beads[town.TriageRequest][town.InProgress],
	}
	st.Patrol.StalledAgents = a.Stalled
	for _, ag := range s.Agents() {
		if ag.Hook != "" && ag.Status != town.Working {
			st.Patrol.OrphanedHooks++
		}
		for _, n := range s.NudgesOf(ag.ID) {
			switch n.Tier {
			case town.TierWarn:
				st.Patrol.GUPPWarnings++
			case town.TierEscalate:
				st.Patrol.GUPPEscalations++
			}
		}
	}
}
