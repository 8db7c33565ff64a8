// Package sim plays whole towns on a time of its own and hunts for mistakes of the core.
//
//	       people ──┐                       ┌── processes (fake agents)
//	                ▼                       ▼        ▲
//	 queue of ── events ──► server: Step, record, effects ──► runner ──► fake runtime, git, forge
//	 moments        ▲         │       │                                    │
//	(virtual time)  └─────────┼───────┼──────────── outcomes ◄─────────────┘
//	                          ▼       ▼
//	                       checks   history (encoded ticks and events, in memory)
//
// The core is the real one: Step, Plan, Outstanding, Restore, Absorb and the rhythm of the live loop.
// Everything around it is made up: agents that crash, hang and come back, a runtime that is away, a
// server that dies at every boundary, people who change their minds. What happens is drawn from a
// seed alone, so that a seed is a whole story that can be told again. One town is played without
// goroutines; several towns are played side by side.
//
// A town first lives with faults (safety: nothing wrong ever happens), and then without (liveness:
// everything ends, or names the person that it waits for).
//
// # Where to add what
//
// A new effect goes into carriers (runner.go), a new command of people into commands (people.go), a
// new way for agents to behave into polecatWays or refineryWays (agents.go), a new fault into faults
// (profile.go), a new check into checks (check.go), a reason to wait for a person into excuses
// (liveness.go), and the ids within a new payload into rewrite (names.go). An effect that the world
// does not know is a failure; an event that it never sends is listed in the report.
package sim
