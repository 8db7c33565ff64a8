// Package town is the core of gastown: what a town is and what should happen in it next.
//
// Everything turns on one function:
//
//	          events (facts, in order)  +  now
//	                      │
//	                      ▼
//	State ──────────►   Step   ──────────►  Tick (what changed, and why)  +  effects
//	                      ▲
//	            no I/O · no clock · no randomness · no goroutines
//
// Step applies each event, lets the rules decide (each sees what the earlier ones decided),
// checks the invariants and collects the effects that must be carried out outside. The same
// state, the same events and the same now give a byte-identical Tick; the live loop, a dry run
// and a replay all call it.
//
// # Reading order
//
// The nouns first: bead.go, agent.go, rig.go, dependency.go, settings.go. Then how facts come in:
// event.go, payload.go and apply_*.go. Then what is decided: rules.go lists every rule in order,
// rule_*.go has them by family, action.go and perform.go carry a decision out on the state.
// invariant.go lists what must hold, and heal.go finds what does not, before any rule can act on it, and has it recovered.
// step.go puts it together; why.go explains it; state.go and index.go are the memory below it all.
// What merging by pull request adds to each is in pull*.go and *_pull.go.
//
// # Words
//
// An event is a fact that came in; an action is a decision; an effect is an action carried out
// outside; an outcome is an event that answers an effect; a wait is why nothing is due, and until
// when; a run is the generation of a dispatch and fences off late answers.
package town
