package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"gastown/internal/journal"
)

// Copy writes the journal as it is at this moment to a file that must not exist. A server may be at work in the journal;
// neither waits for the other. What can be read of it only with an error is an error: a copy is a whole one.
func Copy(ctx context.Context, from, to string) error {
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot copy journal %s: there is none", from)
	}
	if _, err := inspect(from); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", fileURI(from, "mode=rw&"+common))
	if err != nil {
		return fmt.Errorf("cannot copy journal %s: %w", from, err)
	}
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
	if err = errors.Join(err, db.Close()); err != nil {
		if err := probeUntouched(ctx, from); errors.Is(err, journal.ErrDamaged) {
			return err
		}
		return fmt.Errorf("cannot copy journal %s: %w", from, err)
	}
	return nil
}
