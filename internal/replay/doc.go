// Package replay goes through a part of a town's history again, in memory: the state from before the
// part, then each recorded tick's events at its recorded time through today's Step. Nothing is
// written, and nothing is carried out.
//
//	snapshot ── recorded changes ──► state before ── events, at the tick's time ──► Step ──► tick
//	                                                                                          │ compared
//	journal ──────────────────────────────────────── recorded tick ───────────────────────────┘
//
// With the rules that made the history every tick comes out byte for byte as it was recorded. With
// other rules, another configuration or without some of the events it says what would have been
// decided instead.
package replay
