package journal

import (
	"context"
	"errors"
	"math"

	"gastown/internal/town"
)

// The errors of a journal. Implementations wrap them with what was being done and, where a person
// can help, with the remedy.
var (
	// ErrNotFound: there is no such town, event, tick, snapshot or archived bead (any more).
	ErrNotFound = errors.New("not found in the journal")
	// ErrTownExists: a town with this id is in the journal already.
	ErrTownExists = errors.New("the town exists already")
	// ErrConflict: the write does not fit what is stored. Somebody else has written, or the caller
	// works on an old state.
	ErrConflict = errors.New("does not fit what is stored")
	// ErrInvalid: the request makes no sense, whatever is stored.
	ErrInvalid = errors.New("not a valid request to the journal")
	// ErrFull: there is no space left. Nothing of the request is stored; the journal works again as
	// soon as there is space.
	ErrFull = errors.New("no space left for the journal")
	// ErrDamaged: what is stored cannot be read back.
	ErrDamaged = errors.New("the journal is damaged")
	// ErrInUse: somebody else has the store open.
	ErrInUse = errors.New("in use")
	// ErrClosed: the journal has been closed.
	ErrClosed = errors.New("the journal is closed")
)

// ClassOf names the kind of an error in a word: full, damaged, conflict, closed, or other.
func ClassOf(err error) string {
	for _, x := range []struct {
		err   error
		class string
	}{{ErrFull, "full"}, {ErrDamaged, "damaged"}, {ErrConflict, "conflict"}, {ErrClosed, "closed"}} {
		if errors.Is(err, x.err) {
			return x.class
		}
	}
	return "other"
}

// Failing reports whether an error of a write says that the journal itself takes no writes: not that the request makes
// no sense or was given up by its caller, nor that the journal is being closed.
func Failing(err error) bool {
	if err == nil {
		return false
	}
	for _, other := range []error{
		ErrNotFound, ErrTownExists, ErrConflict, ErrInvalid, ErrClosed, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, other) {
			return false
		}
	}
	return true
}

// DefaultLimit is how much a list returns at most when its limit is zero or negative, so that
// nobody reads a whole history into memory by forgetting a number.
const DefaultLimit = 1000

// Newest, as the bound of Snapshot, asks for the newest snapshot there is.
const Newest = town.TickNo(math.MaxInt64)

// Reader is what brings moments of a town back: a journal, or a part of one that was taken elsewhere.
type Reader interface {
	// Pending lists events that no tick has taken yet, in the order of Seq, at most limit.
	Pending(ctx context.Context, id town.TownID, limit int) ([]town.Event, error)

	// Snapshot returns the newest snapshot at or before a tick, or ErrNotFound.
	Snapshot(ctx context.Context, id town.TownID, atOrBefore town.TickNo) (SnapshotInfo, []byte, error)

	// Ticks lists whole tick records. They have no effects: those are not history.
	Ticks(ctx context.Context, id town.TownID, f TickFilter) ([]*town.Tick, error)

	// TickHeads lists the same ticks without what is in them.
	TickHeads(ctx context.Context, id town.TownID, f TickFilter) ([]TickHead, error)

	// Events lists events, processed or not.
	Events(ctx context.Context, id town.TownID, f EventFilter) ([]EventRecord, error)

	// Oldest returns the oldest moment that can be recovered: that of the oldest snapshot. The cost does
	// not grow with the history.
	Oldest(ctx context.Context, id town.TownID) (Moment, error)
}

// Journal keeps the history of towns. All methods may be called at the same time. What concerns a
// town that is not in the journal fails with ErrNotFound.
type Journal interface {
	Reader

	// CreateTown enters a town together with its first snapshot: its state before any tick.
	// ErrTownExists if the id is taken, ErrInvalid if it or the snapshot is empty.
	CreateTown(ctx context.Context, id town.TownID, name string, at town.Time, snapshot []byte) error

	// Towns lists the towns by id.
	Towns(ctx context.Context) ([]TownInfo, error)

	// Append stores events, all or none, and gives each its Seq, which the caller's are ignored for:
	// strictly increasing per town, from 1, without gaps. An event whose ID is known in the town, or
	// came earlier in the same batch, is not stored again; its receipt says so. Receipts are in the
	// order of events. An event without an ID, or whose payload does not belong to its type, is
	// ErrInvalid. No events at all are a trial: nothing is stored, and the error is the one that an
	// event would have met.
	Append(ctx context.Context, id town.TownID, events []town.Event) ([]Receipt, error)

	// CommitTick stores the record of a tick, marks the events it took as processed with what became
	// of them, and puts beads that left into the archive: all or nothing. ErrConflict if the tick is
	// not the one after the newest stored, lies before it in time, or takes an event that does not
	// exist or is not pending. An empty tick is ErrInvalid: it has no number of its own.
	CommitTick(ctx context.Context, id town.TownID, t *town.Tick) error

	// SaveSnapshot stores the state after a stored tick; its time is the tick's. Saving the same
	// tick's again replaces it. ErrConflict if the journal does not have the tick (any more), ErrInvalid if
	// the state is empty.
	SaveSnapshot(ctx context.Context, id town.TownID, tick town.TickNo, data []byte) error

	// TicksAbout lists the whole records of ticks about one bead or agent, newest first: those that
	// changed it, decided about it or found it broken (town.Tick.About), and those that took an event
	// which names it (town.Event.About), also a refused one. It lists only ticks before the given one,
	// if that is not zero, at most limit; none at all is no error. Whether the bead or agent is still
	// in the town makes no difference. Another kind of entity is ErrInvalid.
	TicksAbout(ctx context.Context, id town.TownID, about town.About, before town.TickNo, limit int) ([]*town.Tick, error)

	// EventByID returns one event, or ErrNotFound.
	EventByID(ctx context.Context, id town.TownID, eventID string) (EventRecord, error)

	// ArchivedBead returns a bead that has left the town, as it was then, or ErrNotFound.
	ArchivedBead(ctx context.Context, id town.TownID, bead town.BeadID) (*town.Bead, error)

	// ArchivedBeads lists the archive, last closed first.
	ArchivedBeads(ctx context.Context, id town.TownID, p ArchivePage) ([]ArchivedBead, error)

	// Retain removes history that lies before the newest snapshot older than before: ticks up to it,
	// the events which those took, and older snapshots. That snapshot and all after it stay, so
	// every moment from before on can still be recovered. Pending events and the archive stay.
	// Without such a snapshot nothing is removed. It removes a little at a time, so that others can
	// write in between; if it is interrupted, what is left is consistent and the next one goes on.
	Retain(ctx context.Context, id town.TownID, before town.Time) (Removed, error)

	// Stats counts what is kept of a town. The cost grows with the number of events.
	Stats(ctx context.Context, id town.TownID) (Stats, error)

	// Close ends the work in progress and lets go of the store. Writes that were not taken up before
	// and all later calls fail with ErrClosed. Closing twice is legal.
	Close() error
}

// TownInfo is what a journal knows of a town without looking at its history.
type TownInfo struct {
	ID      town.TownID
	Name    string // as of the newest tick
	Created town.Time
	Tick    town.TickNo // the newest stored tick; zero before the first
	At      town.Time   // its time, or Created
	Seq     town.Seq    // the newest event ever stored; zero before the first
}

// Receipt says that an event is durable.
type Receipt struct {
	// Seq is the event's place in history; of a duplicate, the place of the first one.
	Seq town.Seq
	// Duplicate says that the event's ID was known, so that it was not stored again.
	Duplicate bool
	// Processed says when a tick has taken the event; zero values and no outcome if none has yet,
	// which can only be otherwise for a duplicate.
	Processed
}

// Processed says which tick took an event and what became of it.
type Processed struct {
	Tick    town.TickNo
	At      town.Time
	Outcome *town.EventOutcome // nil while the event is pending
}

// EventRecord is an event with what became of it.
type EventRecord struct {
	town.Event
	Processed Processed
}

// Moment is the time after a tick.
type Moment struct {
	Tick town.TickNo // zero is before the first one
	At   town.Time
}

// SnapshotInfo describes a stored snapshot.
type SnapshotInfo struct {
	Tick   town.TickNo
	At     town.Time
	Size   int // bytes of the state
	Stored int // bytes it takes, compressed
}

// TickHead describes a tick without what is in it.
type TickHead struct {
	No         town.TickNo
	At         town.Time
	RuleSet    int
	Digest     town.Digest
	Events     int
	Actions    int
	Changes    int
	Violations int
}

// TickFilter chooses ticks. Zero fields do not restrict.
type TickFilter struct {
	After  town.TickNo // only later ones
	Before town.TickNo // only earlier ones
	From   town.Time   // at that time or later
	To     town.Time   // before that time
	Newest bool        // newest first; otherwise oldest first
	Limit  int         // DefaultLimit if zero or negative
	// Room bounds the memory that whole records take: the list ends with the tick with which their
	// events, actions and changes are that many. Lists of heads do not heed it. Zero does not restrict.
	Room int
	// Taken has each record come with the events that it took, which is much faster than to read them
	// with Events. Records that an older gastown has stored come without. Lists of heads do not heed it.
	Taken bool
}

// EventFilter chooses events. Zero fields do not restrict; what is set must all hold.
type EventFilter struct {
	After  town.Seq // only later ones
	Before town.Seq // only earlier ones
	// From and To restrict when an event was created: From or later, before To. The order of events
	// is that of Seq, which a sender's clock need not follow.
	From, To town.Time
	// FromTick and ToTick restrict which ticks took the event, both included; pending ones are
	// then left out.
	FromTick, ToTick town.TickNo
	Types            []town.EventType
	Agent            town.AgentID
	Bead             town.BeadID
	Newest           bool // newest first; otherwise oldest first
	Limit            int  // DefaultLimit if zero or negative
}

// ArchivedBead is an entry in the list of the archive.
type ArchivedBead struct {
	ID     town.BeadID
	Title  string
	Type   town.BeadType
	Status town.BeadStatus
	Rig    town.RigID
	Closed town.Time
	Tick   town.TickNo // that archived it
}

// ArchivePage chooses a part of the archive. Zero fields do not restrict.
type ArchivePage struct {
	// AfterClosed and AfterID are those of the last entry of the page before; both or none.
	AfterClosed town.Time
	AfterID     town.BeadID
	Limit       int // DefaultLimit if zero or negative
}

// Removed counts what Retain has removed.
type Removed struct {
	Events    int
	Ticks     int
	Snapshots int
}

// Stats says how much is kept of a town.
type Stats struct {
	Events    int // pending ones included
	Pending   int
	Ticks     int
	Snapshots int
	Archived  int
	// SnapshotBytes is what the town's snapshots take, compressed.
	SnapshotBytes int64
	// StoreBytes is what the store takes, of all towns together; zero if it is not known.
	StoreBytes int64
	// OldestTick and OldestAt are the oldest moment that can be recovered.
	OldestTick town.TickNo
	OldestAt   town.Time
}
