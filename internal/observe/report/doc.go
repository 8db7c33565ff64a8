// Package report tells Sentry of what a person should look at: invariants that do not hold, events that
// cannot be applied, effects that fail again and again, panics, and a journal that takes no writes.
//
//	loop, effects, requests ──► Reporter ──► limiter ──► SDK ──► allow-list ──► Sentry
//	                               │
//	     once a minute: a check-in for the loops, and a summary of what was held back
//
// What is sent is built here from numbers, ids and words of the code. Nothing that a person, an agent
// or another program wrote gets into it, and the allow-list before the wire is a second wall for that.
// What belongs together is grouped by fingerprints that come from the code, never by ids or messages.
//
// Only the live loop, its effects and the server's requests call a Reporter. A replay and a dry run step
// a state of their own, so that they send nothing.
//
// Without a DSN there is no Reporter: all methods may be called on nil, and do nothing.
package report
