package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// applicationID marks a file as gastown's, in the SQLite header ("gast").
const applicationID = 0x67617374

// Where the SQLite header says what a file is. Numbers are big-endian.
const (
	headerSize    = 100
	headerMagic   = "SQLite format 3\x00"
	headerPage    = 16 // bytes of a page, two bytes; 1 stands for 65536
	headerPages   = 28 // pages of the file
	headerVersion = 60 // user_version
	headerAppID   = 68 // application_id
)

// restoreRemedy is what helps against damage.
const restoreRemedy = "move it away, or restore it from a backup, and start again"

// found is what an existing file turned out to be.
type found struct {
	version int  // of the schema; zero if there is none yet
	logged  bool // a write-ahead log belongs to it, from a crash
}

// inspect looks at a file without changing it and refuses what is not a journal that this gastown
// can use. A file that does not exist or is empty is a journal to be made.
func inspect(path string) (found, error) {
	// Opened for writing, and not written: to find out now whether it could be.
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return found{}, nil
	}
	if err != nil {
		return found{}, fmt.Errorf("cannot open journal %s: %w: give the user that runs gastown write access to it: %w", path, ErrNotWritable, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return found{}, fmt.Errorf("cannot open journal %s: %w", path, err)
	}
	if info.Size() == 0 {
		return found{}, nil
	}
	head := make([]byte, headerSize)
	if _, err := io.ReadFull(f, head); err != nil || !bytes.HasPrefix(head, []byte(headerMagic)) {
		return found{}, fmt.Errorf("cannot open journal %s: %w: it is no SQLite database, or is damaged at its beginning: %s", path, journal.ErrDamaged, restoreRemedy)
	}
	wal, err := os.Stat(path + "-wal")
	return judge(path, head, info.Size(), err == nil && wal.Size() > 0)
}

// judge decides on the header.
func judge(path string, head []byte, size int64, logged bool) (found, error) {
	if id := binary.BigEndian.Uint32(head[headerAppID:]); id != applicationID {
		return found{}, fmt.Errorf("cannot open journal %s: %w: name another data folder", path, ErrForeign)
	}
	version := int(binary.BigEndian.Uint32(head[headerVersion:]))
	if version > schemaVersion {
		return found{}, newer(path, version)
	}
	page := int64(binary.BigEndian.Uint16(head[headerPage:]))
	if page == 1 {
		page = 65536
	}
	// While a log is there, the rest of the file may still be in it.
	if want := page * int64(binary.BigEndian.Uint32(head[headerPages:])); !logged && size < want {
		return found{}, fmt.Errorf("cannot open journal %s: %w: it has %d bytes and should have %d: %s", path, journal.ErrDamaged, size, want, restoreRemedy)
	}
	return found{version, logged}, nil
}

func newer(path string, version int) error {
	return fmt.Errorf("cannot open journal %s: %w: it has schema %d, this one knows up to %d: use the newer gastown, or restore a backup from before the upgrade",
		path, ErrNewer, version, schemaVersion)
}

// probeUntouched probes a file that has no log, writing nothing beside it.
func probeUntouched(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", fileURI(path, "mode=ro&immutable=1"))
	if err != nil {
		return fmt.Errorf("cannot open journal %s: %w", path, err)
	}
	defer db.Close()
	return probe(ctx, db, path)
}

// probe reads the schema and looks up what recovery needs of each town: a file that is damaged
// there must not be written to any more.
func probe(ctx context.Context, db *sql.DB, path string) error {
	rows, err := db.QueryContext(ctx, `SELECT id, last_seq, last_tick,
		coalesce((SELECT max(seq) FROM town_events WHERE town = towns.id), last_seq),
		coalesce((SELECT max(tick) FROM ticks WHERE town = towns.id), last_tick),
		(SELECT max(tick) FROM snapshots WHERE town = towns.id),
		coalesce((SELECT length(digest) FROM ticks WHERE town = towns.id ORDER BY tick DESC LIMIT 1), 32),
		(SELECT size FROM snapshots WHERE town = towns.id ORDER BY tick DESC LIMIT 1)
		FROM towns`)
	if err != nil {
		return damaged(path, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var lastSeq, lastTick, seq, tick int64
		var digest int
		var snapshot, size sql.NullInt64
		if err := rows.Scan(&id, &lastSeq, &lastTick, &seq, &tick, &snapshot, &digest, &size); err != nil {
			return damaged(path, err)
		}
		if seq > lastSeq || tick != lastTick || digest != len(town.Digest{}) || !snapshot.Valid || snapshot.Int64 > lastTick {
			return damaged(path, fmt.Errorf("the books of town %s do not agree", id))
		}
	}
	if err := rows.Err(); err != nil {
		return damaged(path, err)
	}
	return nil
}

func damaged(path string, err error) error {
	return fmt.Errorf("cannot open journal %s: %w: %w: %s", path, journal.ErrDamaged, err, restoreRemedy)
}
