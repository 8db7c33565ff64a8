package wire

import "gastown/internal/town"

// Figures are those of the last recorded tick.
type Figures struct {
	EventsDrained        int                     `json:"eventsDrained"`
	ActionsEmitted       int                     `json:"actionsEmitted"`
	ActionsByType        map[town.ActionKind]int `json:"actionsByType"`
	SideEffectsAttempted int                     `json:"sideEffectsAttempted"` // effects that the tick decided
	SideEffectsSucceeded int                     `json:"sideEffectsSucceeded"` // outcomes that it took in
	SideEffectsFailed    int                     `json:"sideEffectsFailed"`
	InvariantViolations  int                     `json:"invariantViolations"`
	WallClockMs          float64                 `json:"wallClockMs"`
	// PendingEventCount is how many events waited when the tick began, those that it left for the
	// next one included; in a plan, those that it takes.
	PendingEventCount int `json:"pendingEventCount"`
}
