// Package sqlite keeps the journal in one SQLite file: WAL, synchronous=FULL, one writer that
// groups whatever is waiting into one commit, and readers beside it.
//
//	Append, CommitTick, SaveSnapshot, … ──► requests ──► writer: BEGIN
//	                                                       savepoint · request 1
//	                                                       savepoint · request 2 …
//	                                                     COMMIT (one fsync), then all are answered
//
// A request that is refused is rolled back to its savepoint and does not touch the others. If the
// commit fails, every request of the group gets the error and nothing of it is visible; the writer
// goes on with the next group, so that a full disk heals as soon as there is space.
//
// # Opening
//
// Open refuses what it cannot use before it has changed a byte. The first 100 bytes of the file
// tell most of it: that it is SQLite's, whose it is (application_id), which schema it has
// (user_version) and how long it should be. So that this is always true of the file itself, and
// never only of a write-ahead log beside it, the schema is changed in rollback mode, and the file
// is switched to WAL afterwards. Then the schema is parsed and the newest event, tick and snapshot
// of each town, which recovery needs, are looked up. The whole file is not read: that takes minutes
// where the history is long. Damage further on is found when it is read, as journal.ErrDamaged.
//
// An older file gets the newest schema then. A step that must read what is stored, as the one that
// looks what old ticks were about, takes a while where the history is long, and refuses a file in
// which it finds damage; the file then stays one of the older schema.
//
// If a crash left a write-ahead log, only the header is looked at before opening: the file without
// its log need not make sense. The lookups then follow on the opened file.
//
// One server at a time uses the file: it holds a lock on a file beside it, which the system takes
// back when its process ends, however that ends.
package sqlite
