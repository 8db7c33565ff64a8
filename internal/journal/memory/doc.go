// Package memory keeps a journal in the memory of the process. It is for tests that need a journal and
// are about something else: it answers as internal/journal/sqlite does, call by call, and needs no file,
// no lock and no fsync. It is not for servers that anybody relies on.
//
//	store := memory.NewStore()
//	j, err := store.Open()   // what was written before is there
//	…
//	j.Close()                // or store.Crash(), which does not ask
//	j, err = store.Open()
//
// # Where its assumptions hold
//
//   - What a call stored survives Close and Crash: true here because the Store has it, and the process goes
//     on; false if the process ends, which leaves nothing. Tests that kill processes need sqlite.
//   - A write is stored as a whole or not at all: true here because each checks everything before it changes
//     anything, under one lock; false if it panics in between, which is a mistake in this package.
//   - Whoever writes knows at once whether it was stored: true here because a write takes no time, so that no
//     context ends meanwhile; false with sqlite, where an ended context leaves that open. Tests of unknown
//     outcomes put a journal of their own in between.
//   - One at a time uses a store: true here because Open refuses while another has it; false for two stores,
//     which share nothing, whatever the paths or towns in them are called.
//   - Nothing is ever full or damaged: true here because there is no disk. Tests of that need sqlite, or a
//     journal in between that says so.
//   - What callers hand in and get is theirs: true here because everything is stored encoded and decoded for
//     each call, so that no two share memory.
//
// Events, ticks and snapshots of a town are kept in the order of their numbers. Lists of events by agent,
// bead or type look at every event of the town: fine for the thousands of a test, too slow for millions.
package memory
