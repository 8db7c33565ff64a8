// Package lives holds one test: whole towns on real git repositories, with agents, people and remotes that do to them
// whatever they can think of. Time is not real, so a day takes seconds; git is.
//
// What it must show: every bead that is closed as merged has the commit on record in the history of its rig's branch,
// with the work of its agent in it, and no other bead is closed as merged.
package lives
