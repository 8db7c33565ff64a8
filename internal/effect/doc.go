// Package effect carries out what the core has decided: it starts and stops agents, looks at
// branches, delivers nudges and tells webhooks. Questions about pull requests it answers by saying
// that it speaks to no forge. It never touches a town's state: the outcome of an effect comes back as an event, in
// one of three ways:
//
//	accepted   it has happened
//	rejected   it surely has not: the town rolls back at once
//	unknown    a time-out: the town waits for the heartbeat to tell
//
// Effects about the same agent are carried out one after another, in the order in which they were
// decided, so that a stop never overtakes the start it is meant for. Beyond that they run side by
// side, bounded per kind, each with a time-out.
package effect
