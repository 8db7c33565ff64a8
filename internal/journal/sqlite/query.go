package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// scanner is a row, alone or one of many.
type scanner interface{ Scan(...any) error }

// list reads all rows of a query about one town, which must exist.
func list[T any](ctx context.Context, j *Journal, id town.TownID, doing, query string, args []any, scan func(scanner) (T, error)) ([]T, error) {
	out, err := rowsOf(ctx, j, query, args, scan)
	if err == nil && len(out) == 0 {
		err = j.known(ctx, id)
	}
	if err != nil {
		return nil, j.explain(ctx, doing, err)
	}
	return out, nil
}

func rowsOf[T any](ctx context.Context, j *Journal, query string, args []any, scan func(scanner) (T, error)) ([]T, error) {
	rows, err := j.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	var out []T
	err = eachRow(rows, func(r scanner) error {
		v, err := scan(r)
		out = append(out, v)
		return err
	})
	if err != nil && err != errEnough {
		return nil, err
	}
	return out, nil
}

// errEnough ends a list with the row that it comes with.
var errEnough = errors.New("the list is long enough")

// eachRow hands the rows on, one after another, and closes them.
func eachRow(rows *sql.Rows, row func(scanner) error) error {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// known fails with ErrNotFound for a town that is not in the journal.
func (j *Journal) known(ctx context.Context, id town.TownID) error {
	var one int
	return noTown(j.read.QueryRowContext(ctx, "SELECT 1 FROM towns WHERE id = ?", id).Scan(&one), id)
}

// absent turns a missing row into ErrNotFound, naming what is missing.
func absent(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s: %w", what, journal.ErrNotFound)
	}
	return err
}

// noTown names the town if there is none.
func noTown(err error, id town.TownID) error { return absent(err, "town "+string(id)) }

// where collects the conditions of a query. They are constants; values are always arguments.
type where struct {
	conds []string
	args  []any
}

func (w *where) add(cond string, args ...any) {
	w.conds = append(w.conds, cond)
	w.args = append(w.args, args...)
}

// addIf adds a condition on a value if it is set.
func addIf[T comparable](w *where, cond string, v T) {
	var zero T
	if v != zero {
		w.add(cond, v)
	}
}

// tail ends a query with the conditions, the order by one column and the limit.
func (w *where) tail(column string, newest bool, limit int) (string, []any) {
	direction := " ASC"
	if newest {
		direction = " DESC"
	}
	if limit <= 0 {
		limit = journal.DefaultLimit
	}
	return " WHERE " + strings.Join(w.conds, " AND ") + " ORDER BY " + column + direction + " LIMIT ?", append(w.args, limit)
}
