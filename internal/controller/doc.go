// Package controller turns the crank: one loop per town, which is the only caller of live Step.
//
//	people, agents ──Submit──► journal ──► loop: take events → Step → commit ──► effects
//	observer, effects ────────────┘                                  └──► subscribers, metrics
//
// A loop wakes when an event is durable, when something comes due and when its alarm rings: every
// 5 s while there is active work, every 60 s otherwise. What it decides starts only after the
// record of the tick is durable; if that fails the state goes back to before the tick and the loop
// tries again. Reads see the state between ticks, never in the middle of one.
//
// The observer looks at where agents run and merges that with their heartbeats; only what differs
// from the last observed status becomes an event.
package controller
