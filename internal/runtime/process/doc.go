// Package process runs agents as processes of this machine. It is the default
// runtime.
//
// Every run has a small supervisor, which is our own binary started again as
// "gastown supervise RUNDIR" (see Supervise) in a session of its own. Server and
// supervisor share nothing but a directory and a FIFO, so either may die and the
// other still tells the truth:
//
//	server (Runtime)                supervisor (Supervise)           agent
//	────────────────                ──────────────────────           ─────
//	Start: spec.json, environ,
//	       stdin, alive (FIFO)
//	       fork ────────────────►   holds alive's write end
//	                                supervisor.json
//	                                reads and deletes environ, stdin
//	                                fork ────────────────────────►   own process group,
//	                                agent.json                       dies with the supervisor
//	       ◄──── started or why not ─
//
//	waits on alive's read end       every 10 s: heartbeat
//	(in Go's poller: no thread,     log/00000001.log … ◄──────────   stdout, stderr
//	no polling)
//
//	Stop: SIGTERM ──────────────►   TERM, grace, KILL ───────────►   ends
//	                                kills what is left of the tree
//	                                exit.json
//	       ◄──── end of file ─────  exits
//	reads exit.json, pushes it
//
// The end of file on alive is the one signal that a supervisor is gone. It comes
// at once, also when the server was restarted and opens the FIFO anew, because
// only the supervisor holds the write end. If there is no exit.json then, the
// supervisor was killed: the server ends what it left behind and writes
// exit.json in its place, with the reason supervisor_lost, or start_failed when
// there is no supervisor.json, for then no agent can have been started.
//
// Forget renames exit.json to forgotten.json, in one step; Prune deletes the
// rest. The directory of an agent's newest run is kept, since its number refuses
// older ones.
//
// A process is named by its pid and its start time, and both are compared before
// any signal is sent, so that a pid that was given to somebody else is never
// hit. The processes of a run are those of its supervisor's session and those
// that carry its mark in their environment.
//
// True here because server, supervisor and agent have one user and one kernel;
// an agent that wants to can tamper with its own run directory. Under systemd
// the server's unit needs KillMode=process, otherwise a restart of the unit
// ends every agent.
package process
