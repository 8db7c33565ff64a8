package wire

import (
	"encoding/json"

	"gastown/internal/town"
)

// ReplayQuery is a part of a town's history to be replayed, as times, as events or as ticks, and what to
// change in it.
type ReplayQuery struct {
	From     town.Time   `json:"from,omitempty" format:"date-time" doc:"The first moment, not one to come; default, and before the town was made: the beginning of what is kept."`
	To       town.Time   `json:"to,omitempty" format:"date-time" doc:"The last moment, not one to come; default: now."`
	FromSeq  town.Seq    `json:"fromSeq,omitempty" doc:"Instead of times: the first event."`
	ToSeq    town.Seq    `json:"toSeq,omitempty" doc:"The last event."`
	FromTick town.TickNo `json:"fromTick,omitempty" doc:"Instead of times: the first tick."`
	ToTick   town.TickNo `json:"toTick,omitempty" doc:"The last tick."`
	// State says of which ticks the state is wanted.
	State   string         `json:"state,omitempty" enum:"none,final,every" doc:"Of which ticks the state is wanted; default: final."`
	Config  *town.Settings `json:"config,omitempty" doc:"What if: other configuration values, from the beginning of the part on."`
	RuleSet int            `json:"ruleSet,omitempty" doc:"By which rules; only those that this server has."`
	Verify  bool           `json:"verify,omitempty" doc:"Of all ticks list only the first that comes out otherwise."`
	Without []string       `json:"without,omitempty" maxItems:"1000" doc:"What if: ids of events that are left out."`
}

// Replay is what a replay came to. Nothing was applied and nothing written.
type Replay struct {
	EventsReplayed int          `json:"eventsReplayed"`
	TicksReplayed  int          `json:"ticksReplayed"`
	Seconds        float64      `json:"seconds" doc:"How long it took."`
	Ticks          []ReplayTick `json:"ticks"`
	// Actions are what the reconciler would emit at the end of the part.
	Actions       []town.Action    `json:"actions" doc:"What the reconciler would emit at the end of the part."`
	StateSnapshot *StateSnapshot   `json:"stateSnapshot,omitempty" doc:"The town at the end of the part."`
	Violations    []town.Violation `json:"violations" doc:"Invariants that did not hold, of all recomputed ticks."`
	RuleSet       RuleSets         `json:"ruleSet"`
	Exact         bool             `json:"exact" doc:"Every tick came out as it was recorded, and nothing was changed."`
	At            town.Time        `json:"at" doc:"The end of the part."`
}

// RuleSets are the versions of the rules that made a part of the history, and of those used now.
type RuleSets struct {
	Recorded []int `json:"recorded"`
	Used     int   `json:"used"`
}

// ReplayTick is one tick, recorded and recomputed.
type ReplayTick struct {
	Tick        town.TickNo    `json:"tick"`
	At          town.Time      `json:"at"`
	Events      []TakenEvent   `json:"events"`
	Recorded    []town.Action  `json:"recorded"`
	Recomputed  []town.Action  `json:"recomputed"`
	Agree       bool           `json:"agree"`
	Differences []Difference   `json:"differences,omitempty"`
	State       *StateSnapshot `json:"state,omitempty" doc:"The town after the tick, if the state of every tick is wanted."`
}

// TakenEvent is an event with what becomes of it in a plan or a replay.
type TakenEvent struct {
	Seq     town.Seq          `json:"seq"`
	ID      string            `json:"eventId"`
	Type    town.EventType    `json:"eventType"`
	Agent   town.AgentID      `json:"agentId,omitempty"`
	Run     town.Run          `json:"run,omitempty"`
	Bead    town.BeadID       `json:"beadId,omitempty"`
	By      string            `json:"by,omitempty"`
	Created town.Time         `json:"createdAt"`
	Payload any               `json:"payload"`
	Outcome town.EventOutcome `json:"outcome"`
}

// Difference is a field in which a recomputed tick is not as it was recorded; null where it is missing.
type Difference struct {
	Path       string `json:"path"`
	Recorded   any    `json:"recorded"`
	Recomputed any    `json:"recomputed"`
}

// StateSnapshot is a town at a moment, without what is over.
type StateSnapshot struct {
	Agents           []*town.Agent `json:"agents"`
	NonTerminalBeads []*town.Bead  `json:"nonTerminalBeads"`
}

// PlanQuery says what a plan supposes. Nothing of it is needed.
type PlanQuery struct {
	At      town.Time     `json:"at,omitempty" format:"date-time" doc:"A moment: one that is past gives the plan of then, one to come also the ticks until then, as far as the look ahead gets."`
	Assume  []AssumedFact `json:"assume,omitempty" maxItems:"100" doc:"What if these came in, after what is pending."`
	Resumed bool          `json:"resumed,omitempty" doc:"As if the pause were over."`
}

// AssumedFact is an event that did not happen.
type AssumedFact struct {
	Type    town.EventType  `json:"eventType" minLength:"1"`
	Agent   town.AgentID    `json:"agentId,omitempty"`
	Run     town.Run        `json:"run,omitempty"`
	Bead    town.BeadID     `json:"beadId,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty" doc:"As the reference of events says for this type."`
}

// Plan is the tick that would come next. Nothing was applied.
type Plan struct {
	Tick
	After   town.TickNo     `json:"after" doc:"The newest recorded tick."`
	AfterAt town.Time       `json:"afterAt" doc:"When that was."`
	Taken   []TakenEvent    `json:"taken" doc:"The events that the tick takes, with what becomes of them."`
	Effects []town.Effect   `json:"effects" doc:"What would be carried out outside."`
	Waits   []town.OpenWait `json:"waits" doc:"What waits after the tick, the longest first."`
	Metrics Figures         `json:"reconciler" doc:"The figures that the status document would show."`
	// Fingerprint names this plan, for carrying it out: equal plans have equal ones.
	Fingerprint string `json:"fingerprint" doc:"TICK-HASH. Equal plans have equal ones."`
	// Later is empty unless a moment to come was asked for, and so is LaterUntil.
	Later        []Tick    `json:"later" doc:"The ticks after it until the moment asked for, if nothing else came in."`
	LaterUntil   town.Time `json:"laterUntil,omitempty" doc:"The moment up to which later has all: the one asked for, unless the look ahead stopped before."`
	LaterStopped *Stopped  `json:"laterStopped,omitempty" doc:"Why the look ahead stopped before the moment asked for; absent if it did not."`
}

// Stopped says why a look ahead does not reach the moment asked for: the work that it may do is bounded.
type Stopped struct {
	Limit  string `json:"limit" enum:"ticks,actions,bytes,entities,looks,events" doc:"What there was too much of."`
	Reason string `json:"reason" doc:"The same in a sentence, with how far it got."`
}

// Apply names the plan to carry out.
type Apply struct {
	Plan string `json:"plan" minLength:"1" doc:"Its fingerprint."`
}

// Applied says which tick a plan became.
type Applied struct {
	Tick town.TickNo `json:"tick"`
}
