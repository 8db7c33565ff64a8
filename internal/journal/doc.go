// Package journal says how the history of towns is kept: history is data, rules are code.
//
// For every town a journal has
//
//	events      what came in, in order; each is stored before its sender is told so
//	ticks       what each Step took, decided and changed, with the entities as they stood after
//	snapshots   the whole state, from time to time
//	archive     beads that have left the town
//
// and that is enough to get any kept moment back without running a single rule: the snapshot
// before it, and the changes of the ticks after that (Recover, RecoverAt). It also knows which ticks
// are about which bead or agent (TicksAbout), for whoever asks how that came to be as it is.
//
//	Append ──► pending events ──► town.Step ──► CommitTick ──► processed events + tick
//	                                                └─ in one transaction ─┘
//
// # The contract
//
// Package journaltest is the specification: whatever passes its suite is a journal. In short:
// what returned without an error is durable; a call that failed has stored nothing; events have
// gapless numbers per town and an event id counts once; a tick is stored with the marks on its
// events, what it is about and its archived beads, or not at all; and what Retain leaves can be
// recovered at every moment.
//
// # When a context ends
//
// A write whose context ends before the answer returns the context's error, and then whether it
// was stored is not known to the caller. It is well-defined nevertheless: it happens as a whole or
// not at all, soon, and never twice. To find out, repeat it: Append answers with Duplicate for
// events that were stored, CreateTown with ErrTownExists, and CommitTick with ErrConflict, upon
// which the stored tick tells whose it is. SaveSnapshot and Retain can simply be repeated. A
// write whose context has ended before the call does nothing.
package journal
