package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// schemaVersion is the newest migration; a file with a later one was written by a newer gastown.
const schemaVersion = 5

// migrate makes the schema or brings it up to date. It works in rollback mode, so that the file by
// itself, without a log, always says which schema it has.
func migrate(ctx context.Context, path string) (err error) {
	db, err := sql.Open("sqlite", fileURI(path, writerQuery))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if err := execAll(ctx, db, "PRAGMA journal_mode = DELETE", fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
		return err
	}
	if err := up(ctx, db, path); err != nil {
		return err
	}
	return execAll(ctx, db, fmt.Sprintf("PRAGMA user_version = %d", schemaVersion), "PRAGMA journal_mode = WAL")
}

func up(ctx context.Context, db *sql.DB, path string) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(goMigrations()...))
	if err != nil {
		return err
	}
	// An upgrade that was killed before it could set the header shows only here.
	if version, err := p.GetDBVersion(ctx); err != nil {
		return err
	} else if version > schemaVersion {
		return newer(path, int(version))
	}
	_, err = p.Up(ctx)
	return err
}

func execAll(ctx context.Context, db *sql.DB, statements ...string) error {
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}
